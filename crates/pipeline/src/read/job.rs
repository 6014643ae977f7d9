//! Jobs, written as such or made of the root's steps.

use super::{
    DraftJob, DraftStep,
    root::{Outer, depends_on, display_name, nothing_below, pool},
    step,
    values::{Fields, boolean, condition, fields, items, name, not_supported, number},
    variables,
};
use crate::{
    condition::Condition,
    diagnostic::{Code, Report},
    yaml::Node,
};

const KEYS: &[&str] = &[
    "job",
    "displayName",
    "dependsOn",
    "condition",
    "continueOnError",
    "timeoutInMinutes",
    "cancelTimeoutInMinutes",
    "variables",
    "pool",
    "steps",
];
const LATER: &[&str] = &[
    "container",
    "services",
    "strategy",
    "templateContext",
    "uses",
    "workspace",
];
/// Most steps of a job.
const MAX_STEPS: usize = 1000;
/// Minutes are counted in 32 bits everywhere.
pub(super) const MAX_MINUTES: u32 = i32::MAX.unsigned_abs();

/// An entry of `jobs:`.
pub(super) fn read(node: &Node, outer: &Outer<'_>, report: &mut Report) -> Option<DraftJob> {
    let fields = fields(node, "a job", report)?;
    for kind in ["deployment", "template", "phase", "queue"] {
        if let Some(place) = fields.key(kind) {
            not_supported(&format!("`{kind}`"), place, report);
            return None;
        }
    }
    fields.check("a job", KEYS, LATER, report);
    depends_on(&fields, report);
    let Some(named) = fields.any("job") else {
        report.error(
            Code::Missing,
            node.place,
            "a job begins with `job:` and its name",
            "write `- job: name`",
        );
        return None;
    };
    let name = if named.is_null() {
        Some("__default".to_owned())
    } else {
        name(named, "the name of a job", report)
    };
    let minutes = |key: &str, report: &mut Report| {
        fields
            .get(key)
            .and_then(|node| number(node, key, MAX_MINUTES, report))
    };
    let own_pool = fields.get("pool");
    let job = DraftJob {
        display_name: display_name(&fields, report)
            .or_else(|| name.clone())
            .unwrap_or_default(),
        condition: condition(fields.get("condition"), report),
        continue_on_error: continue_on_error(&fields, report),
        timeout_in_minutes: minutes("timeoutInMinutes", report),
        cancel_timeout_in_minutes: minutes("cancelTimeoutInMinutes", report),
        variables: variables::read(
            fields.get("variables"),
            outer.inputs,
            outer.variables,
            report,
        ),
        demands: if own_pool.is_some() {
            pool(own_pool, report)
        } else {
            outer.demands.clone()
        },
        steps: steps(fields.any("steps"), node, report),
        name: name?,
    };
    Some(job)
}

/// The job that a pipeline with `steps` at its root stands for.
pub(super) fn of_steps(
    root: &Fields<'_>,
    outer: &Outer<'_>,
    report: &mut Report,
) -> Option<DraftJob> {
    let list = root.any("steps")?;
    Some(DraftJob {
        name: "__default".to_owned(),
        display_name: "Job".to_owned(),
        condition: Condition::default(),
        continue_on_error: continue_on_error(root, report),
        timeout_in_minutes: None,
        cancel_timeout_in_minutes: None,
        variables: Vec::new(),
        demands: outer.demands.clone(),
        steps: steps(Some(list), list, report),
    })
}

pub(super) fn continue_on_error(fields: &Fields<'_>, report: &mut Report) -> bool {
    fields
        .get("continueOnError")
        .and_then(|node| boolean(node, "continueOnError", report))
        .unwrap_or(false)
}

fn steps(list: Option<&Node>, owner: &Node, report: &mut Report) -> Vec<DraftStep> {
    let Some(list) = list else {
        report.error(
            Code::Missing,
            owner.place,
            "this job has no steps",
            "add `steps:` and a list of steps below it",
        );
        return Vec::new();
    };
    if list.is_null() {
        nothing_below("steps", list.place, report);
        return Vec::new();
    }
    let Some(entries) = items(list, "steps", report) else {
        return Vec::new();
    };
    if entries.is_empty() {
        nothing_below("steps", list.place, report);
    }
    if let Some(further) = entries.get(MAX_STEPS) {
        let message = format!(
            "a job may have {MAX_STEPS} steps and this one has {}",
            entries.len()
        );
        report.error(
            Code::Limit,
            further.place,
            message,
            "put several commands into one script",
        );
        return Vec::new();
    }
    entries
        .iter()
        .filter_map(|entry| step::read(entry, report))
        .collect()
}
