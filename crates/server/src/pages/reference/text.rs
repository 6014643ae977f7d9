//! The little Markdown that descriptions have: paragraphs, code, strong. What is in it is escaped first.

use super::super::html::escape;

/// Paragraphs, with an empty line between.
pub(super) fn paragraphs(text: &str) -> String {
    text.split("\n\n")
        .filter(|paragraph| !paragraph.trim().is_empty())
        .map(|paragraph| format!("<p>{}</p>\n", line(paragraph)))
        .collect()
}

/// Text within a paragraph.
pub(super) fn line(text: &str) -> String {
    let text = text.replace('\n', " ");
    let mut out = String::with_capacity(text.len() + 32);
    for (n, part) in text.split('`').enumerate() {
        if n % 2 == 1 {
            out.push_str("<code>");
            out.push_str(&escape(part));
            out.push_str("</code>");
            continue;
        }
        for (n, part) in part.split("**").enumerate() {
            if n % 2 == 1 {
                out.push_str("<strong>");
                out.push_str(&escape(part));
                out.push_str("</strong>");
            } else {
                out.push_str(&escape(part));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_and_strong_become_elements() {
        assert_eq!(
            line("a `<b>` **c** <d>"),
            "a <code>&lt;b&gt;</code> <strong>c</strong> &lt;d&gt;"
        );
        assert_eq!(paragraphs("a\n\nb"), "<p>a</p>\n<p>b</p>\n");
    }
}
