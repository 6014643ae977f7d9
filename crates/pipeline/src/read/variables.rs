//! `variables:` as a mapping or a list, and those given when the run starts. Decides which names may be used and which
//! value wins.

use super::values::{Fields, boolean, fields, items, not_supported, text, wrong_type};
use crate::{
    PlanInputs, Variable,
    diagnostic::{Code, Place, Report, quotable},
    words,
    yaml::{Kind, Node},
};

/// Reserved for what the agent hands to tasks; `path` would change which programs run.
const RESERVED: [&str; 5] = ["endpoint", "input", "secret", "securefile", "path"];
/// Set by the server alone, in whatever spelling, except the ones people set on purpose.
const SERVER_ONLY: [&str; 3] = [
    "agent.taskrestrictionsenforcementmode",
    "agent.readonlyvariables",
    "build.buildid",
];
const SETTABLE_SYSTEM: [&str; 2] = ["system.debug", "system.culture"];

/// Most variables of one scope.
const MAX_VARIABLES: usize = 1000;

/// A variable of the YAML and where its name stands.
struct Written {
    variable: Variable,
    place: Place,
}

/// Variables of one scope, each name once.
pub(super) fn read(
    node: Option<&Node>,
    inputs: &PlanInputs,
    outer: &[Variable],
    report: &mut Report,
) -> Vec<Variable> {
    let Some(node) = node else { return Vec::new() };
    let written = match &node.kind {
        Kind::Mapping(_) => mapping(node, report),
        Kind::Sequence(_) => list(node, report),
        Kind::Refused => Vec::new(),
        Kind::Scalar { .. } => {
            wrong_type(
                node,
                "variables",
                "a mapping (`name: value`) or a list",
                report,
            );
            Vec::new()
        }
    };
    if let Some(further) = written.get(MAX_VARIABLES) {
        too_many(further.place, report);
        return Vec::new();
    }
    let mut variables: Vec<Variable> = Vec::new();
    for Written { variable, place } in written {
        if !check_name(&variable.name, place, inputs, report) {
            continue;
        }
        let shown = quotable(&variable.name);
        if inputs
            .variables
            .iter()
            .any(|(name, _)| words::same(name, &variable.name))
        {
            report.error(
                Code::InvalidValue,
                place,
                format!(
                    "the variable `{shown}` is set here and was also given when the run was started"
                ),
                "start the run without it, or remove it here",
            );
        }
        if outer
            .iter()
            .any(|known| known.read_only && words::same(&known.name, &variable.name))
        {
            let message = format!("the variable `{shown}` is read-only and set outside of this");
            report.error(
                Code::InvalidValue,
                place,
                message,
                "give this one another name",
            );
        }
        match variables
            .iter_mut()
            .find(|known| words::same(&known.name, &variable.name))
        {
            Some(known) if known.read_only => {
                let message = format!("the variable `{shown}` is read-only and set above");
                report.error(Code::InvalidValue, place, message, "remove one of the two");
            }
            Some(known) => {
                let message = format!("the variable `{shown}` is set twice; this value is used");
                report.warn(
                    Code::Suspicious,
                    place,
                    message,
                    "remove one of the two; names ignore case",
                );
                *known = variable;
            }
            None => variables.push(variable),
        }
    }
    variables
}

/// Variables given when the run starts. They have no place in the text, so the first one is named.
pub(super) fn given(inputs: &PlanInputs, report: &mut Report) -> Vec<Variable> {
    if inputs.variables.len() > MAX_VARIABLES {
        too_many(Place::START, report);
        return Vec::new();
    }
    let mut variables: Vec<Variable> = Vec::new();
    for (name, value) in &inputs.variables {
        if !check_name(name, Place::START, inputs, report) {
            continue;
        }
        let variable = Variable {
            name: name.clone(),
            value: value.clone(),
            read_only: false,
        };
        match variables
            .iter_mut()
            .find(|known| words::same(&known.name, name))
        {
            Some(known) => *known = variable,
            None => variables.push(variable),
        }
    }
    variables
}

fn too_many(place: Place, report: &mut Report) {
    let message = format!("there may be {MAX_VARIABLES} variables in one place");
    report.error(
        Code::Limit,
        place,
        message,
        "put values that belong together into a file of the repository",
    );
}

fn mapping(node: &Node, report: &mut Report) -> Vec<Written> {
    let Some(fields) = fields(node, "variables", report) else {
        return Vec::new();
    };
    let read = |(name, key, value): (&str, &Node, &Node)| {
        let value = value_text(value, name, report)?;
        let variable = Variable {
            name: name.to_owned(),
            value,
            read_only: false,
        };
        Some(Written {
            variable,
            place: key.place,
        })
    };
    fields.iter().filter_map(read).collect()
}

fn list(node: &Node, report: &mut Report) -> Vec<Written> {
    let entries = items(node, "variables", report).unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| list_entry(entry, report))
        .collect()
}

fn list_entry(entry: &Node, report: &mut Report) -> Option<Written> {
    let fields = fields(entry, "an entry of variables", report)?;
    for (key, what) in [
        ("group", "variable groups (`group:`)"),
        ("template", "variable templates (`template:`)"),
    ] {
        if let Some(place) = fields.key(key) {
            report.error(
                Code::NotSupported,
                place,
                format!("{what} are not supported yet"),
                "write the variables out: `- name: …` and `value: …`",
            );
            return None;
        }
    }
    fields.check(
        "an entry of variables",
        &["name", "value", "readonly"],
        &[],
        report,
    );
    let Some(name_node) = fields.get("name") else {
        missing_name(&fields, entry, report);
        return None;
    };
    let name = text(name_node, "name", report)?;
    let value = fields.any("value").map_or(Some(String::new()), |value| {
        value_text(value, &name, report)
    })?;
    let read_only = fields
        .get("readonly")
        .and_then(|node| boolean(node, "readonly", report))
        .unwrap_or(false);
    Some(Written {
        variable: Variable {
            name,
            value,
            read_only,
        },
        place: name_node.place,
    })
}

fn missing_name(fields: &Fields<'_>, entry: &Node, report: &mut Report) {
    let hint = match fields.first() {
        Some((key, _)) if !matches!(key, "value" | "readonly") => {
            "in a list, write `- name: …` and `value: …`; without dashes, `name: value` is enough"
        }
        _ => "add `name:`",
    };
    report.error(
        Code::Missing,
        entry.place,
        "this variable has no name",
        hint,
    );
}

fn value_text(node: &Node, name: &str, report: &mut Report) -> Option<String> {
    let value = text(
        node,
        &format!("the value of the variable `{}`", quotable(name)),
        report,
    )?;
    if value.trim_start().starts_with("$[") {
        not_supported("a runtime expression (`$[ ]`)", node.place, report);
        return None;
    }
    Some(value)
}

fn check_name(name: &str, place: Place, inputs: &PlanInputs, report: &mut Report) -> bool {
    let shown = quotable(name);
    let plain = name
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if name.is_empty() || !plain || name.len() > 400 {
        let hint = "use letters, digits, `.`, `_` and `-`";
        report.error(
            Code::InvalidName,
            place,
            format!("a variable may not be called `{shown}`"),
            hint,
        );
        return false;
    }
    let folded = words::fold(name);
    if let Some(prefix) = RESERVED
        .into_iter()
        .find(|prefix| folded.starts_with(prefix))
    {
        let message = format!(
            "a variable may not be called `{shown}`: names that begin with `{prefix}` are reserved"
        );
        report.error(
            Code::InvalidName,
            place,
            message,
            format!("give it another name, for example `my{shown}`"),
        );
        return false;
    }
    let settable = SETTABLE_SYSTEM.contains(&folded.as_str());
    let known = inputs
        .system
        .iter()
        .any(|(system, _)| words::same(system, name));
    let reserved = folded.starts_with("system.") || SERVER_ONLY.contains(&folded.as_str()) || known;
    if reserved && !settable {
        let message = format!("the variable `{shown}` is set by the server");
        report.error(
            Code::InvalidName,
            place,
            message,
            "give your variable another name",
        );
        return false;
    }
    true
}
