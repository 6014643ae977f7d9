//! Between nodes and the values of expressions. The values themselves are `expression`'s affair.

use std::sync::Arc;

use crate::{
    diagnostic::Place,
    expression::{Object, Value},
    yaml::{Kind, Node},
};

pub(super) fn text(text: &str) -> Value {
    Value::Text(text.into())
}

pub(super) fn object(entries: impl IntoIterator<Item = (String, Value)>) -> Value {
    let mut object = Object::default();
    for (name, value) in entries {
        object.insert(name, value);
    }
    Value::Object(Arc::new(object))
}

/// The members of an object, in order; none for anything else.
pub(super) fn entries(value: &Value) -> Vec<(String, Value)> {
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect(),
        _ => Vec::new(),
    }
}

/// A node as a value: every scalar is a text, as in the original, and an empty one is null.
pub(super) fn of_node(node: &Node) -> Value {
    match &node.kind {
        Kind::Refused => Value::Null,
        Kind::Scalar { .. } if node.is_null() => Value::Null,
        Kind::Scalar { text: written, .. } => text(written),
        Kind::Sequence(items) => Value::Array(Arc::new(items.iter().map(of_node).collect())),
        Kind::Mapping(pairs) => object(
            pairs
                .iter()
                .filter_map(|(key, value)| Some((key.text()?.to_owned(), of_node(value)))),
        ),
    }
}

/// A value as a node. Only texts are quoted when they are written out.
pub(super) fn to_node(value: &Value, place: Place) -> Node {
    let kind = match value {
        Value::Array(items) => {
            Kind::Sequence(items.iter().map(|item| to_node(item, place)).collect())
        }
        Value::Object(object) => Kind::Mapping(
            object
                .iter()
                .map(|(name, value)| (Node::made(name, false, place), to_node(value, place)))
                .collect(),
        ),
        Value::Text(text) => return Node::made(text, false, place),
        other => return Node::made(&shown(other), true, place),
    };
    Node { kind, place }
}

/// A value for a plan and its digest.
pub(super) fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Boolean(value) => (*value).into(),
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| (name.to_owned(), to_json(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => shown(other).into(),
    }
}

/// A value as text; that of lists and mappings is empty, and nobody asks for it.
pub(super) fn shown(value: &Value) -> String {
    value.to_text().unwrap_or_default().into_owned()
}
