//! The expanded tree as YAML text: what `preview` shows. Reading it again gives the same tree. It must not know pipelines.

use crate::yaml::{Kind, Node};

/// Width of one level.
const INDENT: usize = 2;

/// Writes a tree as a document.
pub(crate) fn yaml(tree: &Node) -> String {
    let mut out = String::new();
    match &tree.kind {
        Kind::Scalar { .. } => {
            scalar(tree, 0, &mut out);
            out.push('\n');
        }
        _ => block(tree, 0, &mut out),
    }
    out
}

/// A mapping or list, beginning on a line of its own; the cursor is at that line's beginning or after `- `.
fn block(node: &Node, indent: usize, out: &mut String) {
    let mut first = true;
    let mut begin = |out: &mut String| {
        if !std::mem::take(&mut first) || out.ends_with('\n') {
            out.extend(std::iter::repeat_n(' ', indent));
        }
    };
    match &node.kind {
        Kind::Mapping(pairs) => {
            for (key, value) in pairs {
                begin(out);
                key_text(key, out);
                out.push(':');
                below(value, indent, out);
            }
        }
        Kind::Sequence(items) => {
            for item in items {
                begin(out);
                out.push('-');
                match &item.kind {
                    Kind::Mapping(pairs) if !pairs.is_empty() => {
                        out.push(' ');
                        block(item, indent + INDENT, out);
                    }
                    Kind::Sequence(items) if !items.is_empty() => {
                        out.push(' ');
                        block(item, indent + INDENT, out);
                    }
                    _ => below(item, indent + INDENT, out),
                }
            }
        }
        Kind::Scalar { .. } | Kind::Refused => {}
    }
}

/// A value after `key:` or `-`.
fn below(node: &Node, indent: usize, out: &mut String) {
    match &node.kind {
        Kind::Mapping(pairs) if pairs.is_empty() => out.push_str(" {}\n"),
        Kind::Sequence(items) if items.is_empty() => out.push_str(" []\n"),
        Kind::Mapping(_) => {
            out.push('\n');
            block(node, indent + INDENT, out);
        }
        Kind::Sequence(_) => {
            out.push('\n');
            block(node, indent, out);
        }
        Kind::Scalar {
            text, plain: true, ..
        } if text.is_empty() => out.push('\n'),
        Kind::Scalar { .. } => {
            out.push(' ');
            scalar(node, indent, out);
            out.push('\n');
        }
        Kind::Refused => out.push('\n'),
    }
}

/// A key stands on one line.
fn key_text(key: &Node, out: &mut String) {
    match key.text() {
        Some(text) if text.contains('\n') => double_quoted(text, out),
        _ => scalar(key, 0, out),
    }
}

fn scalar(node: &Node, indent: usize, out: &mut String) {
    let Kind::Scalar { text, plain, .. } = &node.kind else {
        return;
    };
    if text.contains('\n') && is_block(text) {
        literal(text, indent, out);
    } else if (*plain || !reads_as_other(text)) && is_plain(text) {
        out.push_str(text);
    } else if text
        .chars()
        .all(|c| !c.is_control() && c != '\u{feff}' && !is_break(c))
    {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    } else {
        double_quoted(text, out);
    }
}

/// Whether a text would be a boolean, number or null without quotes, for whoever reads YAML by its core schema.
fn reads_as_other(text: &str) -> bool {
    matches!(text, "" | "~")
        || [
            "null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", "-.inf", ".nan",
        ]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(text))
        || (text.starts_with(|c: char| c.is_ascii_digit() || ".-+".contains(c))
            && text
                .chars()
                .all(|c| c.is_ascii_hexdigit() || ".-+_:xXoO".contains(c)))
}

fn is_plain(text: &str) -> bool {
    let first = text.chars().next().unwrap_or(' ');
    let starts = !" \t-?:,[]{}#&*!|>'\"%@`".contains(first)
        || (matches!(first, '-' | '?' | ':')
            && text.chars().nth(1).is_some_and(|c| !c.is_whitespace()));
    starts
        && !text.ends_with([' ', '\t', ':'])
        && !text.contains(": ")
        && !text.contains(":\t")
        && !text.contains(" #")
        && !text.contains("\t#")
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !text
            .chars()
            .any(|c| c.is_control() || is_break(c) || c == '\u{feff}')
}

fn is_break(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a text of several lines can be written as it is. The first line may not be empty nor begin with a space, which
/// would say how deep the others are.
fn is_block(text: &str) -> bool {
    !text.starts_with([' ', '\t', '\n'])
        && !text.chars().any(|c| {
            (c.is_control() && !matches!(c, '\n' | '\t')) || is_break(c) || c == '\u{feff}'
        })
}

fn literal(text: &str, indent: usize, out: &mut String) {
    let body = text.trim_end_matches('\n');
    let ends = text.len() - body.len();
    out.push_str(match ends {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    let lines = body
        .split('\n')
        .chain(std::iter::repeat_n("", ends.saturating_sub(1)));
    for line in lines {
        out.push('\n');
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent + INDENT));
            out.push_str(line);
        }
    }
}

fn double_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || is_break(c) || c == '\u{feff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        diagnostic::{Frame, Place, Report},
        yaml,
    };

    /// The texts of a tree without places and styles. A plain empty scalar is nothing.
    fn bare(node: &Node) -> serde_json::Value {
        match &node.kind {
            Kind::Refused => serde_json::Value::Null,
            Kind::Scalar { text, .. } => text.as_str().into(),
            Kind::Sequence(items) => items.iter().map(bare).collect(),
            Kind::Mapping(pairs) => pairs
                .iter()
                .map(|(key, value)| serde_json::json!([bare(key), bare(value)]))
                .collect::<Vec<_>>()
                .into(),
        }
    }

    fn read(text: &str) -> Node {
        let mut report = Report::new("t", text);
        yaml::parse(text, Frame::ROOT, &mut report)
            .unwrap_or_else(|| panic!("{text:?}: {:?}", report.into_errors()))
    }

    fn node(kind: Kind) -> Node {
        Node {
            kind,
            place: Place::START,
        }
    }

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z]{1,6}",
            "[ -~]{0,12}",
            r"[a-z#:\-'\x22 \n\t]{0,12}",
            "\\PC{0,6}",
            prop::sample::select(vec![
                "",
                "~",
                "null",
                "true",
                "No",
                "1",
                "-1",
                "- a",
                "a: b",
                "a #b",
                "? a",
                "|",
                ">",
                "---",
                "...",
                "*a",
                "&a",
                "!a",
                "@a",
                "`a",
                "a\n",
                "a\n\n",
                " a\nb",
                "\na",
                "a\n b\n",
                "a\r\nb",
                "%a",
                "'",
                "\"",
                "[a",
                "{a",
                "a,b",
                "\u{feff}a",
                "a\u{85}b",
                "\u{2028}",
                "=",
                "<<",
                "a:",
                ":a",
                ": a",
                "-",
                "--",
                "a\n\n\nb\n\n",
            ])
            .prop_map(str::to_owned),
        ]
    }

    fn trees() -> impl Strategy<Value = Node> {
        let leaf = (texts(), any::<bool>()).prop_map(|(text, plain)| {
            // Only what was read plain is plain; an expression makes plain words and numbers alone.
            let plain = plain && text.chars().all(|c| c.is_ascii_alphanumeric());
            Node::made(&text, plain, Place::START)
        });
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5)
                    .prop_map(|items| node(Kind::Sequence(items))),
                prop::collection::btree_map(texts(), inner, 0..5).prop_map(|pairs| {
                    let key = |text: String| Node::made(&text, false, Place::START);
                    node(Kind::Mapping(
                        pairs
                            .into_iter()
                            .filter(|(name, _)| !name.starts_with("${{"))
                            .map(|(name, value)| (key(name), value))
                            .collect(),
                    ))
                }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        #[test]
        fn what_is_written_reads_the_same(tree in trees()) {
            // A document is never a bare text here.
            let tree = node(Kind::Mapping(vec![(Node::made("root", true, Place::START), tree)]));
            let text = yaml(&tree);
            let again = read(&text);
            prop_assert_eq!(bare(&again), bare(&tree), "{}", text);
            prop_assert_eq!(yaml(&again), text, "twice is once");
        }
    }

    #[test]
    fn it_looks_as_people_write_it() {
        let text = "\
name: Build
trigger: none
variables:
- name: a
  value: '1'
steps:
- script: |
    echo one
      echo two
  displayName: 'It''s: a # test'
  env: {}
- task: T@1
  inputs:
    secureFile: a.p12
    empty: ''
    none:
- - nested
  - list
";
        assert_eq!(yaml(&read(text)), text);
    }
}
