//! Single values: texts, booleans, numbers, names, conditions, and the fields of a mapping. Each reports what is wrong and
//! answers `None`; what was refused before is passed over in silence.

use crate::{
    condition::Condition,
    diagnostic::{Code, Place, Report, quotable},
    words,
    yaml::{Kind, Node},
};

/// The keys of a mapping, checked.
pub(super) struct Fields<'n> {
    fields: Vec<(&'n str, &'n Node, &'n Node)>,
}

impl<'n> Fields<'n> {
    /// The value of a key; a null counts as absent.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.any(key).filter(|node| !node.is_null())
    }

    /// The value of a key, null or not.
    pub(super) fn any(&self, key: &str) -> Option<&'n Node> {
        self.fields
            .iter()
            .find(|(name, ..)| *name == key)
            .map(|(.., value)| *value)
    }

    /// Where a key stands.
    pub(super) fn key(&self, key: &str) -> Option<Place> {
        self.fields
            .iter()
            .find(|(name, ..)| *name == key)
            .map(|(_, key, _)| key.place)
    }

    /// The first key, which decides what kind of thing the mapping is.
    pub(super) fn first(&self) -> Option<(&'n str, Place)> {
        self.fields.first().map(|(name, key, _)| (*name, key.place))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'n str, &'n Node, &'n Node)> {
        self.fields.iter().copied()
    }

    /// Reports every key that is not `known`; those in `later` as not supported yet.
    pub(super) fn check(&self, what: &str, known: &[&str], later: &[&str], report: &mut Report) {
        for (name, key, _) in self.iter().filter(|(name, ..)| !known.contains(name)) {
            if later.contains(&name) {
                not_supported(&format!("`{name}` of {what}"), key.place, report);
            } else {
                let message = format!("{what} has no key `{}`", quotable(name));
                report.error(
                    Code::UnknownKey,
                    key.place,
                    message,
                    words::suggestion(name, known),
                );
            }
            if report.is_full() {
                return;
            }
        }
    }
}

pub(super) fn not_supported(what: &str, place: Place, report: &mut Report) {
    report.error(
        Code::NotSupported,
        place,
        format!("{what} is not supported yet"),
        "remove it; docs/yaml.md lists what is understood",
    );
}

/// The fields of a mapping. Keys that are no text were reported before and are left out.
pub(super) fn fields<'n>(node: &'n Node, what: &str, report: &mut Report) -> Option<Fields<'n>> {
    match &node.kind {
        Kind::Mapping(pairs) => Some(Fields {
            fields: pairs
                .iter()
                .filter_map(|(key, value)| match &key.kind {
                    Kind::Scalar { text, .. } => Some((text.as_str(), key, value)),
                    _ => None,
                })
                .collect(),
        }),
        Kind::Refused => None,
        Kind::Scalar { .. } | Kind::Sequence(_) => {
            wrong_type(node, what, "a mapping (`key: value`)", report);
            None
        }
    }
}

/// The items of a list.
pub(super) fn items<'n>(node: &'n Node, what: &str, report: &mut Report) -> Option<&'n [Node]> {
    match &node.kind {
        Kind::Sequence(items) => Some(items),
        Kind::Refused => None,
        Kind::Scalar { .. } | Kind::Mapping(_) => {
            wrong_type(node, what, "a list (`- item`)", report);
            None
        }
    }
}

pub(super) fn wrong_type(node: &Node, what: &str, wanted: &str, report: &mut Report) {
    let found = match &node.kind {
        Kind::Scalar { .. } if node.is_null() => "empty",
        Kind::Scalar { .. } => "a text",
        Kind::Sequence(_) => "a list",
        Kind::Mapping(_) => "a mapping",
        Kind::Refused => return,
    };
    let hint = "check the indentation; docs/yaml.md shows the form";
    report.error(
        Code::WrongType,
        node.place,
        format!("{what} must be {wanted}, not {found}"),
        hint,
    );
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
        let message = format!("{what} must be true or false, not `{}`", quotable(&text));
        report.error(
            Code::InvalidValue,
            node.place,
            message,
            "write `true` or `false`",
        );
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
        let message = format!(
            "{what} must be a whole number from 0 to {most}, not `{}`",
            quotable(&text)
        );
        report.error(
            Code::InvalidValue,
            node.place,
            message,
            "write the number in digits; variables are not known here",
        );
    }
    value
}

/// The name of a stage, job or step.
pub(super) fn name(node: &Node, what: &str, report: &mut Report) -> Option<String> {
    let text = text(node, what, report)?;
    if words::is_name(&text) {
        return Some(text);
    }
    report.error(
        Code::InvalidName,
        node.place,
        format!("{what} may not be `{}`", quotable(&text)),
        format!(
            "use letters, digits and `_`, not beginning with a digit, at most {} characters; `displayName` takes any text",
            words::MAX_NAME
        ),
    );
    None
}

/// A condition; the default when it cannot be read.
pub(super) fn condition(node: Option<&Node>, report: &mut Report) -> Condition {
    let Some(node) = node else {
        return Condition::default();
    };
    let Some(text) = text(node, "condition", report) else {
        return Condition::default();
    };
    match text.parse() {
        Ok(condition) => condition,
        Err(wrong) => {
            let code = if wrong.unsupported {
                Code::NotSupported
            } else {
                Code::Syntax
            };
            report.error(code, node.place_of(wrong.offset), wrong.message, wrong.hint);
            Condition::default()
        }
    }
}
