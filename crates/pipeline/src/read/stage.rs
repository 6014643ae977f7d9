//! Stages: their keys, their order, and what their jobs have from them.

use super::{
    DraftStage, Outer, Reader,
    fields::{Fields, fields},
    graph::{self, Of},
    job,
    mentions::{self, By},
    pool,
    root::DEFAULT,
    values::{boolean, condition, filled, name, stays_text, text, word, wrong_type},
    variables,
};
use crate::{
    LockBehavior, Stage, StageTrigger,
    diagnostic::{Code, Place, Report},
    expression::Time,
    yaml::{Kind, Node},
};

const KEYS: &[&str] = &[
    "stage",
    "displayName",
    "dependsOn",
    "condition",
    "variables",
    "pool",
    "jobs",
    "lockBehavior",
    "trigger",
    "isSkippable",
    "templateContext",
    "group",
];
pub(super) const LOCK_BEHAVIORS: &[(&str, LockBehavior)] = &[
    ("sequential", LockBehavior::Sequential),
    ("runLatest", LockBehavior::RunLatest),
];
const TRIGGERS: &[(&str, StageTrigger)] = &[
    ("automatic", StageTrigger::Automatic),
    ("manual", StageTrigger::Manual),
];

/// The entries of `stages:`.
pub(super) fn read(
    entries: &[Node],
    at: Place,
    outer: Outer<'_>,
    reader: &mut Reader<'_>,
) -> Vec<DraftStage> {
    if let Some(second) = entries.get(1) {
        let message = format!(
            "this server runs pipelines with one stage, and this one has {}",
            entries.len()
        );
        let hint = "its plan can be looked at; stages that wait for each other come later";
        reader.report.refuse(second.place, message, hint);
    }
    let mut stages: Vec<DraftStage> = Vec::with_capacity(entries.len());
    let mut nodes: Vec<graph::Node> = Vec::with_capacity(entries.len());
    for entry in entries {
        if reader.report.is_full() {
            break;
        }
        reader.stages.clear();
        let Some((stage, depends_on)) = stage(entry, outer, reader) else {
            continue;
        };
        // Without a word of its own, a stage waits for the one before it.
        let depends_on = depends_on.unwrap_or_else(|| {
            let last = nodes.last();
            last.map(|last| (last.name.clone(), entry.place))
                .into_iter()
                .collect()
        });
        nodes.push(graph::Node {
            name: stage.stage.name.clone(),
            place: entry.place,
            depends_on,
            mentions: std::mem::take(&mut reader.stages),
        });
        stages.push(stage);
    }
    let edges = graph::check(&Of::Stages, &nodes, at, reader.report);
    for (stage, edges) in stages.iter_mut().zip(edges) {
        let names = edges.iter().filter_map(|index| nodes.get(*index));
        stage.stage.depends_on = names.map(|node| node.name.clone()).collect();
    }
    stages
}

type Dependencies = Vec<(String, Place)>;

fn stage(
    node: &Node,
    outer: Outer<'_>,
    reader: &mut Reader<'_>,
) -> Option<(DraftStage, Option<Dependencies>)> {
    let fields = fields(node, "a stage", reader.report)?;
    if template(&fields, "stages", reader.report) {
        return None;
    }
    fields.check("a stage", KEYS, reader.report);
    let Some(named) = fields.any("stage") else {
        reader.report.error(
            Code::Missing,
            node.place,
            "a stage begins with `stage:` and its name",
            "write `- stage: name`",
        );
        return None;
    };
    let depends_on = depends_on(&fields, reader.report);
    let mut looked = mentions::of_variables(&fields);
    looked.retain(|mention| mention.by == By::Stages);
    looked.extend(mentions::of_condition(&fields));
    reader.stages.extend(looked);
    let own = variables::read(
        fields.get("variables"),
        reader.inputs,
        Some(outer.variables),
        reader.report,
    );
    let own_pool = pool::read(fields.get("pool"), reader);
    let scope = variables::Scope::new(&own.variables, Some(outer.variables));
    let inner = Outer {
        pool: own_pool.as_ref().or(outer.pool),
        variables: &scope,
    };
    let name = if named.is_null() {
        Some(DEFAULT.to_owned())
    } else {
        name(named, "Stage", reader.report)
    };
    let label = name.as_deref().unwrap_or(DEFAULT);
    let jobs = if let Some(jobs) = fields.any("jobs") {
        job::read(jobs, Some(label), inner, reader)
    } else {
        reader.report.error(
            Code::Missing,
            node.place,
            "this stage has no jobs",
            "add `jobs:` and a list of jobs below it",
        );
        Vec::new()
    };
    let report = &mut *reader.report;
    let trigger = fields
        .get("trigger")
        .and_then(|node| Some((node, word(node, "trigger", TRIGGERS, report)?)));
    if let Some((node, StageTrigger::Manual)) = trigger {
        report.refuse(
            node.place,
            "this server does not run stages that wait to be started by hand",
            "remove `trigger: manual`",
        );
    }
    if let Some(node) = fields.get("group") {
        text(node, "group", report);
    }
    let stage = Stage {
        display_name: display_name(&fields, report).unwrap_or_else(|| label.to_owned()),
        depends_on: Vec::new(),
        condition: condition(fields.get("condition"), Time::Stage, report),
        variables: own.variables,
        groups: own.groups,
        lock_behavior: fields
            .get("lockBehavior")
            .and_then(|node| word(node, "lockBehavior", LOCK_BEHAVIORS, report)),
        trigger: trigger.map(|(_, trigger)| trigger).unwrap_or_default(),
        is_skippable: fields
            .get("isSkippable")
            .and_then(|node| boolean(node, "isSkippable", report))
            .unwrap_or(true),
        secure_files: Vec::new(),
        jobs: Vec::new(),
        name: name?,
    };
    Some((DraftStage { stage, jobs }, depends_on))
}

/// A template that is still there could not be expanded.
pub(super) fn template(fields: &Fields<'_>, list: &str, report: &mut Report) -> bool {
    let Some(place) = fields.key("template") else {
        return false;
    };
    if !report.has_errors() {
        report.error(
            Code::NotSupported,
            place,
            format!("templates in `{list}` are not supported yet"),
            format!("write the {list} of the template out"),
        );
    }
    true
}

pub(super) fn display_name(fields: &Fields<'_>, report: &mut Report) -> Option<String> {
    let node = fields.get("displayName")?;
    let text = text(node, "displayName", report)?;
    stays_text(node, &text, report);
    (!text.is_empty()).then_some(text)
}

/// `dependsOn`: absent, or names and where they stand. An empty text and an empty list are no dependency.
pub(super) fn depends_on(fields: &Fields<'_>, report: &mut Report) -> Option<Dependencies> {
    let node = fields.any("dependsOn")?;
    let nodes = match &node.kind {
        Kind::Scalar { text, .. } if text.trim().is_empty() || node.is_null() => &[],
        Kind::Scalar { .. } => std::slice::from_ref(node),
        Kind::Sequence(items) => items.as_slice(),
        Kind::Mapping(_) | Kind::Refused => {
            wrong_type(node, "dependsOn", "a name or a list of names", report);
            &[]
        }
    };
    let names = nodes
        .iter()
        .filter_map(|node| Some((filled(node, "a name in dependsOn", report)?, node.place)));
    Some(names.collect())
}
