//! The shape of a value: the fields of a mapping, the items of a list. It must not know which keys exist.

use super::values::{unexpected, wrong_type};
use crate::{
    diagnostic::{Code, Place, Report},
    words,
    yaml::{Kind, Node},
};

/// The keys of a mapping, checked.
pub(super) struct Fields<'n> {
    fields: Vec<(&'n str, &'n Node, &'n Node)>,
    place: Place,
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

    /// Where the mapping begins.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Reports every key that is not `known`.
    pub(super) fn check(&self, what: &str, known: &[&str], report: &mut Report) {
        for (name, key, _) in self.iter().filter(|(name, ..)| !known.contains(name)) {
            unknown_key(what, name, key, words::suggestion(name, known), report);
            if report.is_full() {
                return;
            }
        }
    }

    /// Checks the keys, that the first of them is `first`, and that all of `needed` are there.
    pub(super) fn check_entry(
        &self,
        what: &str,
        known: &[&str],
        needed: &[&str],
        report: &mut Report,
    ) {
        self.check(what, known, report);
        for key in needed.iter().filter(|key| self.get(key).is_none()) {
            report.error(
                Code::Missing,
                self.place,
                format!("{what} needs `{key}`"),
                format!("add `{key}: …`"),
            );
        }
    }
}

pub(super) fn unknown_key(
    what: &str,
    name: &str,
    key: &Node,
    hint: impl Into<String>,
    report: &mut Report,
) {
    let message = format!("{}: {what} has no such key", unexpected(name));
    report.error(Code::UnknownKey, key.place, message, hint);
}

/// The fields of a mapping. Keys that are no text were reported before and are left out.
pub(super) fn fields<'n>(node: &'n Node, what: &str, report: &mut Report) -> Option<Fields<'n>> {
    match &node.kind {
        Kind::Mapping(pairs) => Some(Fields {
            place: node.place,
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

/// The items of a list that must have some, and not too many.
pub(super) fn entries<'n>(
    node: &'n Node,
    list: &str,
    most: usize,
    hint: &str,
    report: &mut Report,
) -> &'n [Node] {
    if node.is_null() {
        nothing_below(list, node.place, report);
        return &[];
    }
    let Some(entries) = items(node, list, report) else {
        return &[];
    };
    if entries.is_empty() {
        nothing_below(list, node.place, report);
    }
    if let Some(further) = entries.get(most) {
        let message = format!(
            "there may be {most} {list} in one place and here are {}",
            entries.len()
        );
        report.error(Code::Limit, further.place, message, hint);
        return &[];
    }
    entries
}

pub(super) fn nothing_below(list: &str, place: Place, report: &mut Report) {
    report.error(
        Code::Missing,
        place,
        format!("`{list}` has no entry"),
        format!("add at least one below `{list}:`, beginning with `- `"),
    );
}
