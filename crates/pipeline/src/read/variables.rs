//! `variables:` as a mapping or a list, and those given when the run starts. Decides which names may be used and which
//! value wins. It must not know what is in a variable group.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    fields::{Fields, fields, items},
    stage::template,
    values::{boolean, filled, runtime, text, wrong_type},
};
use crate::{
    PlanInputs, Variable, VariableGroup, VariableValue,
    diagnostic::{Code, Place, Report, quotable},
    expression::Time,
    macros::environment_name,
    words,
    yaml::{Kind, Node},
};

/// Beginnings of environment names under which the agent hands things to tasks. The public documentation says of all names
/// that begin with these words that tasks do not get them; pipelines that run have `secretName` and the like.
const RESERVED: [&str; 4] = ["ENDPOINT_", "INPUT_", "SECRET_", "SECUREFILE_"];
/// It would change which programs run.
const PATH: &str = "PATH";
/// Set by the server alone, in whatever spelling, except the ones people set on purpose.
const SERVER_ONLY: [&str; 3] = [
    "agent.taskrestrictionsenforcementmode",
    "agent.readonlyvariables",
    "build.buildid",
];
const SETTABLE_SYSTEM: [&str; 2] = ["system.debug", "system.culture"];

/// Most variables of one scope.
pub(crate) const MAX_VARIABLES: usize = 1000;

/// A variable of the YAML and where its name stands.
struct Written {
    variable: Variable,
    place: Place,
}

/// An entry of a list.
enum Entry {
    Variable(Written),
    Group(String),
}

/// What one place sets.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Each name once.
    pub(super) variables: Vec<Variable>,
    pub(super) groups: Vec<VariableGroup>,
}

/// Which names may not be set further inside.
pub(super) struct Scope<'a> {
    read_only: BTreeSet<String>,
    outer: Option<&'a Scope<'a>>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(own: &[Variable], outer: Option<&'a Scope<'a>>) -> Self {
        let read_only = own.iter().filter(|variable| variable.read_only);
        Self {
            read_only: read_only
                .map(|variable| words::fold(&variable.name))
                .collect(),
            outer,
        }
    }

    fn forbids(&self, folded: &str) -> bool {
        self.read_only.contains(folded) || self.outer.is_some_and(|outer| outer.forbids(folded))
    }
}

/// Variables and groups of one place.
pub(super) fn read(
    node: Option<&Node>,
    inputs: &PlanInputs,
    outer: Option<&Scope<'_>>,
    report: &mut Report,
) -> Own {
    let Some(node) = node else {
        return Own::default();
    };
    let written = match &node.kind {
        Kind::Mapping(_) => mapping(node, report),
        Kind::Sequence(_) => list(node, report),
        Kind::Refused => Vec::new(),
        Kind::Scalar { .. } => {
            let wanted = "a mapping (`name: value`) or a list";
            wrong_type(node, "variables", wanted, report);
            Vec::new()
        }
    };
    if written.len() > MAX_VARIABLES {
        too_many(node.place, report);
        return Own::default();
    }
    let mut slots: Vec<Option<Entry>> = Vec::with_capacity(written.len());
    let mut known: BTreeMap<String, (usize, bool)> = BTreeMap::new();
    for entry in written {
        let Entry::Variable(Written { variable, place }) = entry else {
            slots.push(Some(entry));
            continue;
        };
        if !check_name(&variable.name, place, inputs, report) {
            continue;
        }
        let (shown, folded) = (quotable(&variable.name), words::fold(&variable.name));
        let given = |(name, _): &(String, String)| words::same(name, &variable.name);
        if inputs.variables.iter().any(given) {
            let message = format!(
                "the variable `{shown}` is set here and was also given when the run was started"
            );
            let hint = "start the run without it, or remove it here";
            report.error(Code::InvalidValue, place, message, hint);
        }
        if outer.is_some_and(|outer| outer.forbids(&folded)) {
            let message = format!(
                "the variable `{shown}` is read-only outside of this, and set anew here: this value is used"
            );
            let hint = "give this one another name";
            report.warn(Code::Suspicious, place, message, hint);
        }
        match known.get(&folded) {
            Some((_, true)) => {
                let message = format!("the variable `{shown}` is read-only and set above");
                report.error(Code::InvalidValue, place, message, "remove one of the two");
                continue;
            }
            Some((earlier, false)) => {
                let message = format!("the variable `{shown}` is set twice; this value is used");
                let hint = "remove one of the two; names ignore case";
                report.warn(Code::Suspicious, place, message, hint);
                slots[*earlier] = None;
            }
            None => {}
        }
        known.insert(folded, (slots.len(), variable.read_only));
        slots.push(Some(Entry::Variable(Written { variable, place })));
    }
    let mut own = Own::default();
    for entry in slots.into_iter().flatten() {
        match entry {
            Entry::Variable(written) => own.variables.push(written.variable),
            Entry::Group(name) => own.groups.push(VariableGroup {
                name,
                after: own.variables.len(),
            }),
        }
    }
    own
}

/// A variable that is a text and may be set anew.
pub(crate) fn plain(name: &str, value: String) -> Variable {
    Variable {
        name: name.to_owned(),
        value: VariableValue::Text(value),
        read_only: false,
    }
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
        let variable = plain(name, value.clone());
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

fn mapping(node: &Node, report: &mut Report) -> Vec<Entry> {
    let Some(fields) = fields(node, "variables", report) else {
        return Vec::new();
    };
    let read = |(name, key, value): (&str, &Node, &Node)| {
        let value = value_of(value, name, report)?;
        let variable = Variable {
            name: name.to_owned(),
            value,
            read_only: false,
        };
        Some(Entry::Variable(Written {
            variable,
            place: key.place,
        }))
    };
    fields.iter().filter_map(read).collect()
}

fn list(node: &Node, report: &mut Report) -> Vec<Entry> {
    let entries = items(node, "variables", report).unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| list_entry(entry, report))
        .collect()
}

fn list_entry(entry: &Node, report: &mut Report) -> Option<Entry> {
    let fields = fields(entry, "an entry of variables", report)?;
    if template(&fields, "variables", report) {
        return None;
    }
    if let Some(node) = fields.any("group") {
        fields.check("a variable group", &["group"], report);
        let name = filled(node, "group", report)?;
        report.refuse(
            node.place,
            format!("this server has no variable groups (`{}`)", quotable(&name)),
            "write the variables out: `- name: …` and `value: …`",
        );
        return Some(Entry::Group(name));
    }
    let Some(name_node) = fields.get("name") else {
        missing_name(&fields, entry, report);
        return None;
    };
    fields.check(
        "an entry of variables",
        &["name", "value", "readonly", "group"],
        report,
    );
    let name = text(name_node, "name", report)?;
    let value = match fields.any("value") {
        Some(value) => value_of(value, &name, report)?,
        None => VariableValue::Text(String::new()),
    };
    let read_only = fields
        .get("readonly")
        .and_then(|node| boolean(node, "readonly", report))
        .unwrap_or(false);
    Some(Entry::Variable(Written {
        variable: Variable {
            name,
            value,
            read_only,
        },
        place: name_node.place,
    }))
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

fn value_of(node: &Node, name: &str, report: &mut Report) -> Option<VariableValue> {
    let label = format!("the value of the variable `{}`", quotable(name));
    let value = text(node, &label, report)?;
    match runtime(node, &value, Time::Runtime, report) {
        Some(expression) => expression.map(VariableValue::Expression),
        None => Some(VariableValue::Text(value)),
    }
}

pub(super) fn check_name(
    name: &str,
    place: Place,
    inputs: &PlanInputs,
    report: &mut Report,
) -> bool {
    match fault_of_name(name, &inputs.system) {
        Some((message, hint)) => {
            report.error(Code::InvalidName, place, message, hint);
            false
        }
        None => true,
    }
}

/// Why a variable may not have a name, and what to do.
pub(crate) fn fault_of_name(name: &str, system: &[(String, String)]) -> Option<(String, String)> {
    let shown = quotable(name);
    let plain = name
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if name.is_empty() || !plain || name.len() > 400 {
        return Some((
            format!("a variable may not be called `{shown}`"),
            "use letters, digits, `.`, `_` and `-`".to_owned(),
        ));
    }
    let folded = words::fold(name);
    let environment = environment_name(&folded);
    let prefix = RESERVED
        .into_iter()
        .find(|prefix| environment.starts_with(prefix));
    if prefix.is_some() || environment == PATH {
        let message = match prefix {
            Some(prefix) => format!(
                "a variable may not be called `{shown}`: the agent hands things to tasks in environment variables that begin with `{prefix}`"
            ),
            None => format!(
                "a variable may not be called `{shown}`: it would change which programs run"
            ),
        };
        return Some((
            message,
            format!("give it another name, for example `my{shown}`"),
        ));
    }
    let settable = SETTABLE_SYSTEM.contains(&folded.as_str());
    let known = system.iter().any(|(system, _)| words::same(system, name));
    let reserved = folded.starts_with("system.") || SERVER_ONLY.contains(&folded.as_str()) || known;
    (reserved && !settable).then(|| {
        (
            format!("the variable `{shown}` is set by the server"),
            "give your variable another name".to_owned(),
        )
    })
}
