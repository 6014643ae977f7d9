//! The root of a pipeline: its keys, which of them may stand together, and the stage that is made when it has none.

use super::{
    Draft, DraftJob, DraftStage, Known, Outer, Reader,
    fields::{Fields, entries, fields, unknown_key},
    job, phase, pool, resources,
    stage::{self, LOCK_BEHAVIORS},
    triggers,
    values::{boolean, text, word},
    variables,
};
use crate::{
    Plan, PlanInputs, SCHEMA, Stage, StageTrigger,
    condition::Condition,
    diagnostic::{Code, Report, quotable},
    run_number, words,
    yaml::{Kind, Node},
};

/// Keys that may stand with every kind of content.
const KEYS: &[&str] = &[
    "name",
    "appendCommitMessageToRunName",
    "trigger",
    "pr",
    "schedules",
    "parameters",
    "resources",
    "variables",
    "lockBehavior",
    "pool",
];
/// What a pipeline is made of; one of them.
const CONTENT: &[&str] = &["stages", "jobs", "steps", "extends", "phases"];
/// Keys of the job that the steps at the root stand for. They may stand beside `extends`, and say nothing there.
pub(crate) const WITH_STEPS: &[&str] = &[
    "strategy",
    "continueOnError",
    "container",
    "services",
    "workspace",
    "queue",
    "server",
];
/// Most stages of a pipeline.
pub(super) const MAX_STAGES: usize = 1000;

/// Name of the stage and job of a pipeline that has none.
pub(super) const DEFAULT: &str = "__default";

pub(super) fn pipeline(tree: &Node, inputs: &PlanInputs, report: &mut Report) -> Draft {
    let mut plan = Plan {
        schema: SCHEMA,
        name: None,
        append_commit_message_to_run_name: None,
        source: String::new(),
        commit: None,
        lock_behavior: None,
        parameters: serde_json::Map::new(),
        variables: Vec::new(),
        groups: Vec::new(),
        repositories: Vec::new(),
        resources: Vec::new(),
        stages: Vec::new(),
        warnings: Vec::new(),
        refusals: Vec::new(),
    };
    let root = if let Kind::Sequence(_) = &tree.kind {
        report.error(
            Code::WrongType,
            tree.place,
            "A sequence was not expected: a pipeline is a mapping and this is a list",
            "did you mean `steps:`? Put it on a line before the first `-`",
        );
        None
    } else {
        fields(tree, "a pipeline", report)
    };
    let Some(root) = root else {
        return Draft {
            plan,
            known: Known::default(),
            stages: Vec::new(),
        };
    };
    keys(&root, report);
    plan.append_commit_message_to_run_name = root
        .get("appendCommitMessageToRunName")
        .and_then(|node| boolean(node, "appendCommitMessageToRunName", report));
    plan.lock_behavior = root
        .get("lockBehavior")
        .and_then(|node| word(node, "lockBehavior", LOCK_BEHAVIORS, report));
    triggers::check(&root, report);
    let declared = resources::read(root.get("resources"), report);
    let own = variables::read(root.get("variables"), inputs, None, report);
    plan.name = root
        .get("name")
        .and_then(|node| number_format(node, &own, inputs, report));
    let known = Known::new(&own.variables, &inputs.system);
    let scope = variables::Scope::new(&own.variables, None);
    let mut reader = Reader {
        inputs,
        known,
        aliases: declared.aliases,
        nodes: 0,
        stages: Vec::new(),
        pools_told: false,
        report,
    };
    let pool = pool::read(root.get("pool"), &mut reader);
    let outer = Outer {
        pool: pool.as_ref(),
        variables: &scope,
    };
    let stages = content(&root, outer, &mut reader);
    let known = reader.known;
    let given = variables::given(inputs, report);
    let before = given.len();
    plan.variables = given;
    plan.variables.extend(own.variables);
    plan.groups = own.groups;
    for group in &mut plan.groups {
        group.after += before;
    }
    plan.repositories = declared.repositories;
    plan.resources = declared.resources;
    Draft {
        plan,
        known,
        stages,
    }
}

/// Every key, and whether it may stand beside the others.
fn keys(root: &Fields<'_>, report: &mut Report) {
    let known: Vec<&str> = [KEYS, CONTENT, WITH_STEPS].concat();
    root.check("a pipeline", &known, report);
    let mut present = CONTENT
        .iter()
        .filter_map(|key| Some((*key, root.key(key)?)));
    let first = present.next();
    if let (Some((key, _)), Some((other, place))) = (first, present.next()) {
        let message = format!("a pipeline has either `{key}` or `{other}`, not both");
        let hint = format!("move the content of `{other}` into `{key}`");
        report.error(Code::UnknownKey, place, message, hint);
    }
    let Some((content, _)) = first.filter(|(key, _)| *key != "steps") else {
        return;
    };
    for key in WITH_STEPS {
        if let Some((_, node, _)) = root.iter().find(|(name, ..)| name == key) {
            let what = format!("a pipeline with `{content}`");
            let hint = format!("`{key}` may stand here with `steps` only; move it to the job");
            unknown_key(&what, key, node, hint, report);
        }
    }
}

fn content(root: &Fields<'_>, outer: Outer<'_>, reader: &mut Reader<'_>) -> Vec<DraftStage> {
    let Some((key, node)) = CONTENT.iter().find_map(|key| Some((*key, root.any(key)?))) else {
        // When a key is misspelt, that was said already.
        if !reader.report.has_errors() {
            reader.report.error(
                Code::Missing,
                root.place(),
                "the pipeline has nothing to run",
                "add `steps:` and a list of steps below it",
            );
        }
        return Vec::new();
    };
    let jobs = match key {
        "stages" => {
            let listed = entries(node, key, MAX_STAGES, "split the pipeline", reader.report);
            return stage::read(listed, node.place, outer, reader);
        }
        "jobs" => job::read(node, None, outer, reader),
        "phases" => phase::read(node, outer, reader),
        "steps" => job::of_steps(root, outer, reader).into_iter().collect(),
        // Expanded before, or it could not be.
        _ => Vec::new(),
    };
    if jobs.is_empty() {
        return Vec::new();
    }
    vec![default_stage(jobs)]
}

fn default_stage(jobs: Vec<DraftJob>) -> DraftStage {
    DraftStage {
        stage: Stage {
            name: DEFAULT.to_owned(),
            display_name: "Stage".to_owned(),
            depends_on: Vec::new(),
            condition: Condition::default(),
            variables: Vec::new(),
            groups: Vec::new(),
            lock_behavior: None,
            trigger: StageTrigger::Automatic,
            is_skippable: true,
            secure_files: Vec::new(),
            jobs: Vec::new(),
        },
        jobs,
    }
}

/// Beginnings of the names of predefined variables, which only a server knows.
const PREDEFINED: [&str; 3] = ["build.", "system.", "agent."];

/// The format of the run's number. A name that stands for nothing stays in the number, so it is told.
fn number_format(
    node: &Node,
    own: &variables::Own,
    inputs: &PlanInputs,
    report: &mut Report,
) -> Option<String> {
    let format = text(node, "name", report)?;
    if format.trim().is_empty() {
        return None;
    }
    if let Err(wrong) = run_number::check(&format) {
        let place = node.place_of(wrong.offset);
        report.error(Code::InvalidValue, place, wrong.message, wrong.hint);
        return None;
    }
    for (offset, name) in run_number::variables(&format) {
        let at_root = own.variables.iter().map(|variable| &variable.name);
        let given = inputs.variables.iter().chain(&inputs.system);
        let mut known = at_root.chain(given.map(|(name, _)| name));
        let folded = words::fold(name);
        let predefined = PREDEFINED.iter().any(|begin| folded.starts_with(begin));
        if own.groups.is_empty() && !predefined && !known.any(|known| words::same(known, name)) {
            let shown = quotable(name);
            let message = format!(
                "there is no variable `{shown}` at the root: `$({shown})` stays in the run number as it is"
            );
            let hint = "set it in `variables:` at the root; those of stages and jobs, and outputs of steps, come too late for a run number";
            report.warn(Code::Suspicious, node.place_of(offset), message, hint);
        }
    }
    Some(format)
}
