//! The root of a pipeline, and `extends`: then stages, jobs or steps come from a template, and what may stand beside
//! `extends` joins what the template says.

use std::collections::HashMap;

use super::{
    Expander, Slot,
    include::{Use, entry},
    scope::Scope,
};
use crate::{
    diagnostic::{Code, Place, quotable},
    read::WITH_STEPS,
    words,
    yaml::{Kind, Node},
};

/// What a template of a whole pipeline may hold.
const HOLDS: &[&str] = &[
    "parameters",
    "resources",
    "variables",
    "stages",
    "jobs",
    "steps",
    "extends",
    "pool",
    "name",
    "lockBehavior",
];
/// What may not stand beside `extends`: the template says what runs.
const RUNS: &[&str] = &["stages", "jobs", "steps", "phases"];

impl Expander<'_> {
    /// The tree of a whole pipeline.
    pub(super) fn root(&mut self, tree: &Node, pairs: &[(Node, Node)], scope: &Scope) -> Node {
        let mut out = self.mapping(pairs, scope, Slot::Root, 1);
        out.retain(|(key, _)| key.text() != Some("parameters"));
        let extends = out
            .iter()
            .position(|(key, _)| key.text() == Some("extends"));
        if let Some(at) = extends {
            let (key, used) = out.remove(at);
            for (key, _) in &out {
                if let Some(name) = key.text().filter(|name| RUNS.contains(name)) {
                    self.report.error(
                        Code::UnknownKey,
                        key.place,
                        format!("Unexpected value '{name}': a pipeline that extends a template does not say itself what runs"),
                        format!("hand `{name}` to the template as a parameter, or remove `extends`"),
                    );
                }
            }
            for (key, _) in &out {
                if let Some(name) = key.text().filter(|name| WITH_STEPS.contains(name)) {
                    self.report.warn(
                        Code::Ignored,
                        key.place,
                        format!("`{name}` has no effect beside `extends`"),
                        "the template says what runs, and how",
                    );
                }
            }
            let stays = |name: &str| !RUNS.contains(&name) && !WITH_STEPS.contains(&name);
            out.retain(|(key, _)| key.text().is_none_or(stays));
            let known = member(&out, "variables").map(super::variables::known);
            let scope = scope.with_variables(known.unwrap_or_default());
            match self.extended(&used, key.place, &scope) {
                Some(content) => join(&mut out, content),
                None => out.push((
                    Node::made("steps", true, key.place),
                    Node::refused(key.place),
                )),
            }
        }
        Node {
            kind: Kind::Mapping(out),
            place: tree.place,
        }
    }

    /// What a template of a whole pipeline says, expanded.
    fn extended(&mut self, used: &Node, place: Place, scope: &Scope) -> Option<Vec<(Node, Node)>> {
        let pairs = match &used.kind {
            Kind::Mapping(pairs) => pairs,
            Kind::Refused => return None,
            _ => {
                self.report.error(
                    Code::WrongType,
                    used.place,
                    "extends must be a mapping with `template`",
                    "write `template: path.yml` below `extends:`",
                );
                return None;
            }
        };
        if !pairs.iter().any(|(key, _)| key.text() == Some("template")) {
            self.report.error(
                Code::Missing,
                used.place,
                "`extends` names no template",
                "write `template: path.yml` below `extends:`",
            );
            return None;
        }
        let used: Use = self.used(pairs, place, scope, 1)?;
        let (loaded, scope) = self.enter(used, scope)?;
        for (key, _) in loaded.pairs() {
            let Some(name) = key.text().filter(|name| !name.starts_with("${{")) else {
                continue;
            };
            if !HOLDS.contains(&name) && !WITH_STEPS.contains(&name) {
                let message = format!(
                    "Unexpected value '{}': a template of a pipeline has no such key",
                    quotable(name)
                );
                self.report.error(
                    Code::UnknownKey,
                    scope.place(key.place),
                    message,
                    words::suggestion(name, HOLDS),
                );
            }
        }
        let tree = Node {
            kind: Kind::Refused,
            place: scope.file().frame.start(),
        };
        match self.root(&tree, loaded.pairs(), &scope).kind {
            Kind::Mapping(pairs) => Some(pairs),
            _ => None,
        }
    }
}

fn member<'n>(pairs: &'n [(Node, Node)], wanted: &str) -> Option<&'n Node> {
    pairs
        .iter()
        .find(|(key, _)| key.text() == Some(wanted))
        .map(|(_, value)| value)
}

/// The template's keys join those of the pipeline. Variables and resources of both count, the pipeline's first; of anything
/// else the template's word stands: who extends a template cannot weaken it.
fn join(out: &mut Vec<(Node, Node)>, content: Vec<(Node, Node)>) {
    let places = places(out);
    for (key, value) in content {
        let known = key.text().and_then(|name| places.get(name));
        match known.and_then(|at| out.get_mut(*at)) {
            Some((_, own)) if key.text() == Some("variables") => {
                let place = own.place;
                let mut entries = listed(std::mem::replace(own, Node::refused(place)));
                entries.extend(listed(value));
                own.kind = Kind::Sequence(entries);
            }
            Some((_, own)) if key.text() == Some("resources") => join_lists(own, value),
            Some((_, own)) => *own = value,
            None => out.push((key, value)),
        }
    }
}

/// Where each key stands.
fn places(pairs: &[(Node, Node)]) -> HashMap<String, usize> {
    let keys = pairs.iter().enumerate();
    keys.filter_map(|(at, (key, _))| Some((key.text()?.to_owned(), at)))
        .collect()
}

/// Mappings of lists: those of the same name become one.
fn join_lists(own: &mut Node, more: Node) {
    match (&mut own.kind, more.kind) {
        (Kind::Mapping(own), Kind::Mapping(more)) => {
            let places = places(own);
            for (key, value) in more {
                let known = key.text().and_then(|name| places.get(name));
                let known = known.and_then(|at| own.get_mut(*at));
                match (known.map(|(_, known)| &mut known.kind), value.kind) {
                    (Some(Kind::Sequence(known)), Kind::Sequence(items)) => known.extend(items),
                    (_, kind) => {
                        let place = value.place;
                        own.push((key, Node { kind, place }));
                    }
                }
            }
        }
        (_, kind) => own.kind = kind,
    }
}

/// Variables as a list of entries.
fn listed(variables: Node) -> Vec<Node> {
    match variables.kind {
        Kind::Sequence(items) => items,
        Kind::Mapping(pairs) => pairs
            .into_iter()
            .map(|(name, value)| entry(name, value))
            .collect(),
        Kind::Scalar { .. } | Kind::Refused => Vec::new(),
    }
}
