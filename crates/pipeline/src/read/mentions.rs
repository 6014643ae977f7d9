//! Stages and jobs that conditions and variables look at. Only what is waited for is there to be looked at; all else is null
//! without a word at run time. It must not know what the expressions come to.

use super::fields::Fields;
use crate::{
    diagnostic::Place,
    expression::{self, Expression, Kind as Part},
    words,
    yaml::{Kind, Node},
};

/// A name, and by which way it is looked at.
#[derive(Debug)]
pub(super) struct Mention {
    pub(super) by: By,
    pub(super) name: String,
    pub(super) place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// `dependencies.A`.
    Dependencies,
    /// `stageDependencies.A`.
    Stages,
    /// `succeeded('A')` and the like.
    Status,
}

/// Those of the condition of a stage or job.
pub(super) fn of_condition(fields: &Fields<'_>) -> Vec<Mention> {
    let mut found = Vec::new();
    if let Some(node) = fields.get("condition")
        && let Some(text) = scalar(node)
    {
        let begin = text.len() - text.trim_start().len();
        look(node, text.trim(), begin, &mut found);
    }
    found
}

/// Those of its variables.
pub(super) fn of_variables(fields: &Fields<'_>) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut value = |node: &Node| {
        if let Some((inner, begin)) = scalar(node).and_then(expression::in_brackets) {
            look(node, inner, begin, &mut found);
        }
    };
    match fields.get("variables").map(|node| &node.kind) {
        Some(Kind::Mapping(pairs)) => pairs.iter().for_each(|(_, node)| value(node)),
        Some(Kind::Sequence(entries)) => {
            for entry in entries {
                if let Kind::Mapping(pairs) = &entry.kind {
                    let values = pairs.iter().filter(|(key, _)| scalar(key) == Some("value"));
                    values.for_each(|(_, node)| value(node));
                }
            }
        }
        _ => {}
    }
    found
}

fn scalar(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

/// What cannot be read is told elsewhere.
fn look(node: &Node, text: &str, begin: usize, found: &mut Vec<Mention>) {
    // Most look at nothing of the kind.
    if !words::fold(text).contains("dependencies") && !text.contains("('") {
        return;
    }
    let Ok(tree) = expression::parse_at(text, begin) else {
        return;
    };
    let mut add = |by: By, name: &Expression| {
        if let Part::Text(text) = &name.kind {
            found.push(Mention {
                by,
                name: text.to_string(),
                place: node.place_of(name.span.start),
            });
        }
    };
    for part in tree.parts() {
        match &part.kind {
            Part::Index { of, key } => match &of.kind {
                Part::Name(name) if words::same(name, "dependencies") => {
                    add(By::Dependencies, key);
                }
                Part::Name(name) if words::same(name, "stageDependencies") => {
                    add(By::Stages, key);
                }
                _ => {}
            },
            Part::Call { name, arguments } => {
                let status = ["succeeded", "failed", "succeededOrFailed"];
                if status.iter().any(|known| words::same(known, name)) {
                    arguments.iter().for_each(|name| add(By::Status, name));
                }
            }
            _ => {}
        }
    }
}
