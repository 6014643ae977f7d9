//! Makes text of others harmless for a terminal: nothing moves the cursor, hides, or turns the reading direction.

use std::borrow::Cow;
use unicode_general_category::{GeneralCategory, get_general_category};

/// The text with control, formatting (bidi, zero width), private and unassigned characters written as `\u{…}`.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// [`escaped`], owned: for cells of tables.
pub(crate) fn escaped_value(text: impl AsRef<str>) -> String {
    escaped(text.as_ref()).into_owned()
}

/// Whether a character can do anything but be seen.
pub(super) fn is_unsafe(c: char) -> bool {
    use GeneralCategory as C;
    !matches!(c, ' '..='~')
        && matches!(
            get_general_category(c),
            C::Control
                | C::Format
                | C::LineSeparator
                | C::ParagraphSeparator
                | C::PrivateUse
                | C::Surrogate
                | C::Unassigned
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_fool_a_reader_is_spelled_out() {
        for (hostile, shown) in [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("cert\u{202e}21p.exe", "cert\\u{202e}21p.exe"),
            ("line\nfeed\ttab\r", "line\\u{a}feed\\u{9}tab\\u{d}"),
            ("c1\u{9b}31m", "c1\\u{9b}31m"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("\u{2028}\u{e000}\u{7f}", "\\u{2028}\\u{e000}\\u{7f}"),
        ] {
            assert_eq!(escaped(hostile), shown);
        }
    }

    #[test]
    fn ordinary_names_of_any_language_stay_as_they_are() {
        for name in [
            "my cert (1).p12",
            "Zertifikat für Übung",
            "証明書.pem",
            "شهادة",
            "é",
        ] {
            assert!(matches!(escaped(name), Cow::Borrowed(_)), "{name}");
        }
    }
}
