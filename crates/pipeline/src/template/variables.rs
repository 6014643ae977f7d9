//! Which variables expanded `variables:` make known to what follows. It must not judge them; that is for `read`.

use crate::yaml::{Kind, Node};

/// Names and texts, in the order they are written.
pub(super) fn known(variables: &Node) -> Vec<(String, String)> {
    match &variables.kind {
        Kind::Mapping(pairs) => pairs
            .iter()
            .filter_map(|(name, value)| one(name, value))
            .collect(),
        Kind::Sequence(items) => listed(items),
        Kind::Scalar { .. } | Kind::Refused => Vec::new(),
    }
}

/// Those of entries `name`, `value`.
pub(super) fn listed(items: &[Node]) -> Vec<(String, String)> {
    items
        .iter()
        .filter_map(|item| {
            let Kind::Mapping(pairs) = &item.kind else {
                return None;
            };
            let member = |wanted| {
                pairs
                    .iter()
                    .find(|(key, _)| key.text() == Some(wanted))
                    .map(|(_, value)| value)
            };
            one(member("name")?, member("value")?)
        })
        .collect()
}

/// One name and text.
pub(super) fn one(name: &Node, value: &Node) -> Option<(String, String)> {
    Some((name.text()?.to_owned(), shown(value)?))
}

fn shown(value: &Node) -> Option<String> {
    if value.is_null() {
        return Some(String::new());
    }
    value.text().map(str::to_owned)
}
