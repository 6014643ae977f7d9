//! `target:` of a step: where it runs, and what its output may do there.

use super::super::{
    Reader,
    fields::fields,
    values::{filled, texts, word},
};
use crate::{
    Target,
    diagnostic::Report,
    words,
    yaml::{Kind, Node},
};

const COMMANDS: &[(&str, bool)] = &[("any", false), ("restricted", true)];

/// A name, or a mapping. `host` alone is where every step runs, and changes nothing.
pub(super) fn read(node: Option<&Node>, reader: &mut Reader<'_>) -> Option<Target> {
    let node = node?;
    let mut target = Target::default();
    if let Kind::Scalar { .. } = &node.kind {
        target.container = filled(node, "target", reader.report);
    } else {
        let written = fields(node, "target", reader.report)?;
        let known = ["container", "commands", "settableVariables"];
        written.check("target", &known, reader.report);
        target.container = written
            .get("container")
            .and_then(|node| filled(node, "container", reader.report));
        target.restricted = written
            .get("commands")
            .and_then(|node| word(node, "commands", COMMANDS, reader.report))
            .unwrap_or(false);
        target.settable_variables = written
            .get("settableVariables")
            .map(|node| settable(node, reader.report));
    }
    let host = |name: &String| words::same(name, "host");
    if target.container.as_ref().is_some_and(|name| !host(name)) {
        reader.report.refuse(
            node.place,
            "this server does not run steps in containers (`target`)",
            "remove `target`, or name `host`",
        );
    }
    if target.restricted || target.settable_variables.is_some() {
        reader.report.refuse(
            node.place,
            "this server cannot restrict what a step's output may do (`commands`, `settableVariables`)",
            "remove them from `target`",
        );
    }
    Some(target)
}

/// `none`, or names.
fn settable(node: &Node, report: &mut Report) -> Vec<String> {
    match &node.kind {
        Kind::Scalar { text, .. } if text == "none" => Vec::new(),
        _ => texts(node, "settableVariables", report),
    }
}
