//! The root of a pipeline and its stages.

use super::{
    Draft, DraftJob, DraftStage, job,
    values::{Fields, condition, fields, items, name, not_supported, text, wrong_type},
    variables,
};
use crate::{
    PlanInputs, Variable,
    condition::Condition,
    demands::Demand,
    diagnostic::{Code, Place, Report},
    yaml::{Kind, Node},
};

const KEYS: &[&str] = &[
    "name",
    "trigger",
    "pr",
    "schedules",
    "variables",
    "pool",
    "stages",
    "jobs",
    "steps",
    "continueOnError",
];
const LATER: &[&str] = &[
    "appendCommitMessageToRunName",
    "container",
    "extends",
    "lockBehavior",
    "parameters",
    "phases",
    "resources",
    "services",
    "strategy",
    "workspace",
];
const STAGE_KEYS: &[&str] = &[
    "stage",
    "displayName",
    "condition",
    "variables",
    "pool",
    "jobs",
    "dependsOn",
];
const STAGE_LATER: &[&str] = &[
    "checks",
    "group",
    "isSkippable",
    "lockBehavior",
    "templateContext",
    "trigger",
];

/// Name of the stage and job of a pipeline that has none.
const DEFAULT: &str = "__default";

pub(super) fn pipeline(tree: &Node, inputs: &PlanInputs, report: &mut Report) -> Draft {
    if let Kind::Sequence(_) = &tree.kind {
        report.error(
            Code::WrongType,
            tree.place,
            "a pipeline is a mapping and this is a list",
            "did you mean `steps:`? Put it on a line before the first `-`",
        );
        return Draft::default();
    }
    let Some(fields) = fields(tree, "a pipeline", report) else {
        return Draft::default();
    };
    fields.check("a pipeline", KEYS, LATER, report);
    let name = fields
        .get("name")
        .and_then(|node| text(node, "name", report));
    let root_variables = variables::read(fields.get("variables"), inputs, &[], report);
    let mut all = variables::given(inputs, report);
    all.extend(root_variables.iter().cloned());
    let demands = pool(fields.get("pool"), report);
    let stages = content(
        &fields,
        tree.place,
        &Outer {
            inputs,
            variables: &root_variables,
            demands,
        },
        report,
    );
    Draft {
        name,
        variables: all,
        root_variables,
        stages,
    }
}

/// What an inner object inherits.
pub(super) struct Outer<'a> {
    pub(super) inputs: &'a PlanInputs,
    pub(super) variables: &'a [Variable],
    pub(super) demands: Vec<Demand>,
}

fn content(
    fields: &Fields<'_>,
    place: Place,
    outer: &Outer<'_>,
    report: &mut Report,
) -> Vec<DraftStage> {
    let mut present = ["stages", "jobs", "steps"]
        .into_iter()
        .filter_map(|key| Some((key, fields.key(key)?)));
    let (Some((key, _)), second) = (present.next(), present.next()) else {
        // When the key is one of the later or misspelt ones, that was said already.
        if !report.has_errors() {
            let hint = "add `steps:` and a list of steps below it";
            report.error(
                Code::Missing,
                place,
                "the pipeline has nothing to run",
                hint,
            );
        }
        return Vec::new();
    };
    if let Some((other, place)) = second {
        let message = format!("a pipeline has either `{key}` or `{other}`, not both");
        report.error(
            Code::UnknownKey,
            place,
            message,
            format!("move the content of `{other}` into `{key}`"),
        );
    }
    let continue_on_error = fields.get("continueOnError");
    if let (Some(node), true) = (continue_on_error, key != "steps") {
        let message =
            format!("`continueOnError` may stand here with `steps` only, not with `{key}`");
        report.error(Code::UnknownKey, node.place, message, "move it to the job");
    }
    let node = fields.any(key);
    if key == "stages" {
        return only(node, "stages", "stage", report)
            .and_then(|node| stage(node, outer, report))
            .into_iter()
            .collect();
    }
    let job = if key == "jobs" {
        only(node, "jobs", "job", report).and_then(|node| job::read(node, outer, report))
    } else {
        job::of_steps(fields, outer, report)
    };
    job.map(default_stage).into_iter().collect()
}

fn default_stage(job: DraftJob) -> DraftStage {
    DraftStage {
        name: DEFAULT.to_owned(),
        display_name: "Stage".to_owned(),
        condition: Condition::default(),
        jobs: vec![job],
    }
}

/// The one entry of a list; every further one is reported.
fn only<'n>(
    node: Option<&'n Node>,
    list: &str,
    one: &str,
    report: &mut Report,
) -> Option<&'n Node> {
    let node = node?;
    if node.is_null() {
        nothing_below(list, node.place, report);
        return None;
    }
    let entries = items(node, list, report)?;
    for further in entries.iter().skip(1) {
        not_supported(&format!("more than one {one}"), further.place, report);
    }
    if entries.is_empty() {
        nothing_below(list, node.place, report);
    }
    entries.first()
}

pub(super) fn nothing_below(list: &str, place: Place, report: &mut Report) {
    let message = format!("`{list}` has no entry");
    report.error(
        Code::Missing,
        place,
        message,
        format!("add at least one below `{list}:`, beginning with `- `"),
    );
}

fn stage(node: &Node, outer: &Outer<'_>, report: &mut Report) -> Option<DraftStage> {
    let fields = fields(node, "a stage", report)?;
    if let Some(place) = fields.key("template") {
        not_supported("`template`", place, report);
        return None;
    }
    fields.check("a stage", STAGE_KEYS, STAGE_LATER, report);
    depends_on(&fields, report);
    let Some(named) = fields.any("stage") else {
        report.error(
            Code::Missing,
            node.place,
            "a stage begins with `stage:` and its name",
            "write `- stage: name`",
        );
        return None;
    };
    let name = if named.is_null() {
        Some(DEFAULT.to_owned())
    } else {
        name(named, "the name of a stage", report)
    }?;
    let stage_variables = variables::read(
        fields.get("variables"),
        outer.inputs,
        outer.variables,
        report,
    );
    let own_pool = fields.get("pool");
    let demands = if own_pool.is_some() {
        pool(own_pool, report)
    } else {
        outer.demands.clone()
    };
    let visible: Vec<Variable> = outer
        .variables
        .iter()
        .chain(&stage_variables)
        .cloned()
        .collect();
    let inner = Outer {
        inputs: outer.inputs,
        variables: &visible,
        demands,
    };
    let mut job = match fields.any("jobs") {
        Some(_) => only(fields.any("jobs"), "jobs", "job", report)
            .and_then(|node| job::read(node, &inner, report))?,
        None => {
            report.error(
                Code::Missing,
                node.place,
                "this stage has no jobs",
                "add `jobs:` and a list of jobs below it",
            );
            return None;
        }
    };
    let mut merged: Vec<Variable> = stage_variables;
    merged.retain(|outer| {
        !job.variables
            .iter()
            .any(|own| crate::words::same(&own.name, &outer.name))
    });
    merged.append(&mut job.variables);
    job.variables = merged;
    Some(DraftStage {
        display_name: display_name(&fields, report).unwrap_or_else(|| name.clone()),
        condition: condition(fields.get("condition"), report),
        jobs: vec![job],
        name,
    })
}

pub(super) fn display_name(fields: &Fields<'_>, report: &mut Report) -> Option<String> {
    fields
        .get("displayName")
        .and_then(|node| text(node, "displayName", report))
        .filter(|text| !text.is_empty())
}

/// With one job and one stage there is nothing to depend on; an empty list says so.
pub(super) fn depends_on(fields: &Fields<'_>, report: &mut Report) {
    if let Some(node) = fields.get("dependsOn")
        && !matches!(&node.kind, Kind::Sequence(items) if items.is_empty())
    {
        not_supported("`dependsOn`", node.place, report);
    }
}

/// `pool:`: its demands. Which pool it names has no effect.
pub(super) fn pool(node: Option<&Node>, report: &mut Report) -> Vec<Demand> {
    let Some(node) = node else { return Vec::new() };
    match &node.kind {
        Kind::Refused => return Vec::new(),
        Kind::Scalar { text, .. } if text == "server" => {
            not_supported("an agentless job (`pool: server`)", node.place, report);
            return Vec::new();
        }
        Kind::Scalar { .. } => {
            pool_ignored(node.place, report);
            return Vec::new();
        }
        Kind::Sequence(_) => {
            wrong_type(node, "pool", "a name or a mapping", report);
            return Vec::new();
        }
        Kind::Mapping(_) => {}
    }
    let Some(fields) = fields(node, "a pool", report) else {
        return Vec::new();
    };
    fields.check("a pool", &["name", "vmImage", "demands"], &[], report);
    for key in ["name", "vmImage"] {
        if let Some(value) = fields.get(key)
            && text(value, key, report).is_some()
        {
            pool_ignored(fields.key(key).unwrap_or(value.place), report);
        }
    }
    let Some(demands) = fields.get("demands") else {
        return Vec::new();
    };
    let entries = match &demands.kind {
        Kind::Sequence(items) => items.as_slice(),
        _ => std::slice::from_ref(demands),
    };
    entries
        .iter()
        .filter_map(|entry| demand(entry, report))
        .collect()
}

fn demand(node: &Node, report: &mut Report) -> Option<Demand> {
    let text = text(node, "a demand", report)?;
    let demand = text.parse::<Demand>();
    if let Err(wrong) = &demand {
        let message = format!("`{}` is no demand", crate::diagnostic::quotable(&text));
        report.error(Code::InvalidValue, node.place, message, wrong.to_string());
    }
    demand.ok()
}

fn pool_ignored(place: Place, report: &mut Report) {
    report.warn(
        Code::Ignored,
        place,
        "the name of the pool has no effect yet: any agent that meets the demands may run this",
        "use `demands` to choose an agent",
    );
}
