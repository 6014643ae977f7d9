//! Types of parameters: their names, what each takes, and what it makes of a value.

use super::{Slot, scope::Bound, value};
use crate::{
    expression::Value,
    words,
    yaml::{Kind, Node},
};

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Boolean,
    /// A list or a mapping that something else reads later.
    List,
    Mapping,
    /// `object`, and parameters of the old form.
    Any,
}

/// Names of types, and what their values are for. The last five are known from the public schema of editors alone; they take texts.
pub(super) const NAMES: &[(&str, Type, Slot)] = &[
    ("string", Type::Text, Slot::Plain),
    ("number", Type::Number, Slot::Plain),
    ("boolean", Type::Boolean, Slot::Plain),
    ("object", Type::Any, Slot::Plain),
    ("stringList", Type::List, Slot::Plain),
    ("step", Type::Mapping, Slot::Step),
    ("stepList", Type::List, Slot::Steps),
    ("job", Type::Mapping, Slot::Job),
    ("jobList", Type::List, Slot::Jobs),
    ("deployment", Type::Mapping, Slot::Job),
    ("deploymentList", Type::List, Slot::Jobs),
    ("stage", Type::Mapping, Slot::Stage),
    ("stageList", Type::List, Slot::Stages),
    ("environment", Type::Text, Slot::Plain),
    ("filePath", Type::Text, Slot::Plain),
    ("pool", Type::Text, Slot::Plain),
    ("secureFile", Type::Text, Slot::Plain),
    ("serviceConnection", Type::Text, Slot::Plain),
];

/// The type of a name, ignoring case.
pub(super) fn named(name: &str) -> Option<(Type, Slot)> {
    let found = NAMES.iter().find(|(known, ..)| words::same(known, name));
    found.map(|(_, shape, slot)| (*shape, *slot))
}

impl Type {
    /// As errors of the original call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "String",
            Self::Number => "Number",
            Self::Boolean => "Boolean",
            Self::List => "list",
            Self::Mapping => "mapping",
            Self::Any => "object",
        }
    }

    /// A value in its type, or what was wanted.
    pub(super) fn take(self, node: &Node) -> Result<Bound, &'static str> {
        let text = node.text();
        match (self, &node.kind) {
            (Self::Any, _)
            | (Self::List, Kind::Sequence(_))
            | (Self::Mapping, Kind::Mapping(_)) => Ok(Bound::node(node.clone())),
            // An empty list or mapping may be written as nothing.
            (Self::List, _) if node.is_null() => Ok(Bound::node(Node {
                kind: Kind::Sequence(Vec::new()),
                place: node.place,
            })),
            (Self::Mapping, _) if node.is_null() => Ok(Bound::node(Node {
                kind: Kind::Mapping(Vec::new()),
                place: node.place,
            })),
            (Self::List, _) => Err("a list"),
            (Self::Mapping, _) => Err("a mapping"),
            (Self::Text, _) => match text {
                Some(_) if node.is_null() => Ok(Bound::node(Node::made("", false, node.place))),
                Some(text) => Ok(Bound::typed(node.clone(), value::text(text))),
                None => Err("a text"),
            },
            (Self::Number, _) => text
                .and_then(|text| Some((text, text.trim().parse::<f64>().ok()?)))
                .filter(|(text, number)| {
                    number.is_finite()
                        && text
                            .bytes()
                            .all(|b| b.is_ascii_digit() || b"+-. ".contains(&b))
                })
                .map(|(_, number)| Bound::typed(node.clone(), Value::Number(number)))
                .ok_or("a number"),
            (Self::Boolean, _) => {
                let truth = text.and_then(words::boolean).ok_or("true or false")?;
                let written = if truth { "True" } else { "False" };
                Ok(Bound::typed(
                    Node::made(written, true, node.place),
                    Value::Boolean(truth),
                ))
            }
        }
    }
}
