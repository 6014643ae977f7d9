//! Single values: texts, booleans, numbers, names, conditions, expressions. Each reports what is wrong and answers
//! `None`; what was refused before is passed over in silence.

use serde_json::Value;

use super::fields::{fields, items};
use crate::{
    Count, Runtime,
    condition::Condition,
    diagnostic::{Code, Report, quotable},
    expression::{self, Time},
    words,
    yaml::{Kind, Node},
};

pub(super) fn wrong_type(node: &Node, what: &str, wanted: &str, report: &mut Report) {
    let (known, found) = match &node.kind {
        Kind::Scalar { text, .. } if !node.is_null() => (unexpected(text), "a text"),
        Kind::Scalar { .. } => (unexpected(""), "empty"),
        Kind::Sequence(_) => ("A sequence was not expected".to_owned(), "a list"),
        Kind::Mapping(_) => ("A mapping was not expected".to_owned(), "a mapping"),
        Kind::Refused => return,
    };
    let hint = match &node.kind {
        Kind::Scalar { text, .. } if wanted.starts_with("a mapping") => text
            .split_once(' ')
            .filter(|(word, _)| words::is_name(word))
            .map(|(word, _)| format!("is a `:` missing after `{word}`?")),
        Kind::Sequence(_) if wanted.starts_with("a mapping") => {
            Some("write `name: value` below it, without dashes".to_owned())
        }
        Kind::Mapping(_) if wanted.starts_with("a list") => {
            Some("begin each entry with `- `".to_owned())
        }
        Kind::Scalar { .. } if !node.is_null() && wanted.starts_with("a list") => {
            Some("write it as an entry, beginning with `- `".to_owned())
        }
        _ => None,
    };
    report.error(
        Code::WrongType,
        node.place,
        format!("{known}: {what} must be {wanted}, not {found}"),
        hint.unwrap_or_else(|| "check the indentation; docs/yaml.md shows the form".to_owned()),
    );
}

/// The words of the original for a value, or a key, that may not stand where it does.
pub(super) fn unexpected(text: &str) -> String {
    format!("Unexpected value '{}'", quotable(text))
}

/// A value that is of the right kind and not one of those that are known.
pub(super) fn invalid(
    node: &Node,
    text: &str,
    rule: &str,
    hint: impl Into<String>,
    report: &mut Report,
) {
    let message = format!("{}: {rule}", unexpected(text));
    report.error(Code::InvalidValue, node.place, message, hint);
}

/// A text, as written; empty for null.
pub(super) fn text(node: &Node, what: &str, report: &mut Report) -> Option<String> {
    match &node.kind {
        Kind::Scalar { .. } if node.is_null() => Some(String::new()),
        Kind::Scalar { text, .. } => Some(text.clone()),
        Kind::Refused => None,
        Kind::Sequence(_) | Kind::Mapping(_) => {
            wrong_type(node, what, "a text", report);
            None
        }
    }
}

pub(super) fn boolean(node: &Node, what: &str, report: &mut Report) -> Option<bool> {
    let text = text(node, what, report)?;
    let value = words::boolean(&text);
    if value.is_none() {
        let rule = format!("{what} must be true or false");
        invalid(node, &text, &rule, "write `true` or `false`", report);
    }
    value
}

pub(super) fn number(node: &Node, what: &str, most: u32, report: &mut Report) -> Option<u32> {
    let text = text(node, what, report)?;
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let value = text
        .parse::<u32>()
        .ok()
        .filter(|value| digits && *value <= most);
    if value.is_none() {
        let rule = format!("{what} must be a whole number from 0 to {most}");
        invalid(node, &text, &rule, "write the number in digits", report);
    }
    value
}

/// The name of a stage, job or step; which of them, with a capital.
pub(super) fn name(node: &Node, of: &str, report: &mut Report) -> Option<String> {
    let what = format!("the name of a {}", of.to_ascii_lowercase());
    let text = text(node, &what, report)?;
    if words::is_name(&text) {
        return Some(text);
    }
    report.error(
        Code::InvalidName,
        node.place,
        format!(
            "{of} {} has an invalid name. Valid names may only contain alphanumeric characters and '_' and may not start with a number.",
            quotable(&text)
        ),
        format!(
            "at most {} letters from a to z, digits and `_`; `displayName` takes any text",
            words::MAX_NAME
        ),
    );
    None
}

/// A condition; the default when it cannot be read.
pub(super) fn condition(node: Option<&Node>, time: Time, report: &mut Report) -> Condition {
    let Some(node) = node else {
        return Condition::default();
    };
    let Some(text) = text(node, "condition", report) else {
        return Condition::default();
    };
    match Condition::parse(&text, time) {
        Ok(condition) => condition,
        Err(wrong) => {
            let place = node.place_of(wrong.offset);
            let hint = match expression::in_brackets(&text) {
                Some(_) => {
                    "a condition is an expression already: write it without `$[` and `]`".to_owned()
                }
                None => wrong.hint,
            };
            report.error(Code::Syntax, place, wrong.message, hint);
            Condition::default()
        }
    }
}

/// `$[ ]`, when the value is one: `Some(None)` when it is and cannot be read.
/// `time` is [`Time::Runtime`] for variables and [`Time::Start`] elsewhere.
pub(super) fn runtime(
    node: &Node,
    text: &str,
    time: Time,
    report: &mut Report,
) -> Option<Option<Runtime>> {
    let hint = "between `$[` and `]` stands one expression, for example `$[variables.name]`";
    let (inner, begin) = expression::in_brackets(text)?;
    let (message, offset, hint) = match expression::parse_at(inner, begin) {
        Ok(tree) => match expression::check(&tree, time, &[]) {
            Ok(()) => return Some(Some(Runtime::parsed(inner, report.location(node.place)))),
            Err(wrong) => (
                wrong.message,
                wrong.span.start,
                wrong.hint.unwrap_or_else(|| hint.to_owned()),
            ),
        },
        Err(wrong) => (wrong.message, wrong.offset, hint.to_owned()),
    };
    report.error(Code::Syntax, node.place_of(offset), message, hint);
    Some(None)
}

/// Warns of `$[ ]` where nothing evaluates it.
pub(super) fn stays_text(node: &Node, text: &str, report: &mut Report) {
    if expression::in_brackets(text).is_some() {
        report.warn(
            Code::Suspicious,
            node.place,
            "`$[ ]` is not evaluated here: it stays this text",
            "let it be the value of a variable, and write `$(name)` here",
        );
    }
}

/// A whole number, or `$[ ]`.
pub(super) fn count(node: &Node, what: &str, most: u32, report: &mut Report) -> Option<Count> {
    let text = text(node, what, report)?;
    match runtime(node, &text, Time::Start, report) {
        Some(expression) => expression.map(Count::Expression),
        None => number(node, what, most, report).map(Count::Fixed),
    }
}

/// One of some words, exactly as they are written.
pub(super) fn word<T: Copy>(
    node: &Node,
    what: &str,
    known: &[(&str, T)],
    report: &mut Report,
) -> Option<T> {
    let text = text(node, what, report)?;
    let found = known.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        let rule = format!("{what} must be {}", words.join(" or "));
        invalid(node, &text, &rule, words::suggestion(&text, &words), report);
    }
    found.map(|(_, value)| *value)
}

/// A text that says something.
pub(super) fn filled(node: &Node, what: &str, report: &mut Report) -> Option<String> {
    let text = text(node, what, report)?;
    if text.trim().is_empty() {
        let rule = format!("{what} may not be empty");
        invalid(node, &text, &rule, "write it, or remove the key", report);
        return None;
    }
    Some(text)
}

/// A list of texts.
pub(super) fn texts(node: &Node, what: &str, report: &mut Report) -> Vec<String> {
    let one = format!("an entry of {what}");
    items(node, what, report)
        .unwrap_or_default()
        .iter()
        .filter_map(|entry| filled(entry, &one, report))
        .collect()
}

/// A text, or a list of texts.
pub(super) fn text_or_texts(node: &Node, what: &str, report: &mut Report) -> Vec<String> {
    match &node.kind {
        Kind::Scalar { .. } => filled(node, what, report).into_iter().collect(),
        _ => texts(node, what, report),
    }
}

/// Names and texts.
pub(super) fn text_map(node: &Node, what: &str, report: &mut Report) -> Vec<(String, String)> {
    let listed = fields(node, what, report);
    let mut pairs = Vec::new();
    for (name, _, value) in listed.iter().flat_map(super::fields::Fields::iter) {
        let label = format!("the value of `{}`", quotable(name));
        if let Some(value) = text(value, &label, report) {
            pairs.push((name.to_owned(), value));
        }
    }
    pairs
}

/// A value as it is written. The tree is never deeper than its limit.
pub(super) fn json(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar { text, .. } => Value::String(text.clone()),
        Kind::Sequence(items) => Value::Array(items.iter().map(json).collect()),
        Kind::Mapping(pairs) => {
            let pairs = pairs.iter().filter_map(|(key, value)| match &key.kind {
                Kind::Scalar { text, .. } => Some((text.clone(), json(value))),
                _ => None,
            });
            Value::Object(pairs.collect())
        }
        Kind::Refused => Value::Null,
    }
}
