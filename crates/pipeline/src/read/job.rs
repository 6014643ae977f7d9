//! Jobs, written as such or made of the root's steps.

use super::{
    DraftHook, DraftJob, DraftStep, Outer, Reader, container, deployment,
    fields::{Fields, entries, fields, nothing_below},
    graph::{self, Of},
    mentions::{self, By, Mention},
    pool::{self, PoolUse},
    root::DEFAULT,
    stage::{depends_on, display_name, template},
    step,
    strategy::{self, add},
    values::{boolean, condition, name, number, text, texts, word},
    variables,
};
use crate::{
    Clean, Job, Legs, Strategy, Uses,
    condition::Condition,
    diagnostic::{Code, Place, Report, quotable},
    expression::Time,
    words,
    yaml::Node,
};

/// Keys of every job, a deployment too.
pub(super) const COMMON: &[&str] = &[
    "displayName",
    "dependsOn",
    "condition",
    "continueOnError",
    "timeoutInMinutes",
    "cancelTimeoutInMinutes",
    "variables",
    "pool",
    "strategy",
    "container",
    "services",
    "workspace",
    "uses",
    "templateContext",
];
const CLEANS: &[(&str, Clean)] = &[
    ("outputs", Clean::Outputs),
    ("resources", Clean::Resources),
    ("all", Clean::All),
];
/// Names that the documentation of the original asks not to use.
const KEYWORDS: [&str; 2] = ["deploy", "deployment"];
/// Most jobs of a stage.
pub(super) const MAX_JOBS: usize = 1000;
/// Most steps of a job.
const MAX_STEPS: usize = 1000;
/// Minutes are counted in 32 bits everywhere.
pub(super) const MAX_MINUTES: u32 = i32::MAX.unsigned_abs();

/// A job with what must be known of it before its stage is complete.
pub(super) struct Placed {
    pub(super) draft: DraftJob,
    pub(super) place: Place,
    pub(super) depends_on: Vec<(String, Place)>,
    /// Jobs that its condition and its variables look at.
    pub(super) mentions: Vec<Mention>,
    /// It has no name of its own.
    pub(super) unnamed: bool,
}

/// `jobs:` of a stage, or of the root when there are no stages.
pub(super) fn read(
    list: &Node,
    stage: Option<&str>,
    outer: Outer<'_>,
    reader: &mut Reader<'_>,
) -> Vec<DraftJob> {
    let listed = entries(list, "jobs", MAX_JOBS, "split the stage", reader.report);
    let mut jobs = Vec::with_capacity(listed.len());
    for entry in listed {
        if reader.report.is_full() {
            break;
        }
        if add(1, entry.place, reader).is_none() {
            break;
        }
        jobs.extend(job(entry, stage, outer, reader));
    }
    complete(jobs, listed, list.place, stage, reader)
}

/// Gives names to jobs without one, and checks what waits for what.
pub(super) fn complete(
    mut jobs: Vec<Placed>,
    listed: &[Node],
    at: Place,
    stage: Option<&str>,
    reader: &mut Reader<'_>,
) -> Vec<DraftJob> {
    if let Some(second) = listed.get(1) {
        let message = format!(
            "this server runs stages with one job, and here are {}",
            listed.len()
        );
        let hint = "its plan can be looked at; put the steps into one job to run them";
        reader.report.refuse(second.place, message, hint);
    }
    name_unnamed(&mut jobs, stage.unwrap_or(DEFAULT));
    let nodes: Vec<graph::Node> = jobs
        .iter_mut()
        .map(|job| graph::Node {
            name: job.draft.job.name.clone(),
            place: job.place,
            depends_on: std::mem::take(&mut job.depends_on),
            mentions: std::mem::take(&mut job.mentions),
        })
        .collect();
    let edges = graph::check(&Of::Jobs(stage), &nodes, at, reader.report);
    for (job, edges) in jobs.iter_mut().zip(edges) {
        let names = edges.iter().filter_map(|index| nodes.get(*index));
        job.draft.job.depends_on = names.map(|node| node.name.clone()).collect();
    }
    jobs.into_iter().map(|job| job.draft).collect()
}

/// One job without a name is `__default`; several are `Job1`, `Job2` …, past the names that are taken.
fn name_unnamed(jobs: &mut [Placed], stage: &str) {
    let unnamed = jobs.iter().filter(|job| job.unnamed).count();
    if unnamed < 2 {
        return;
    }
    let named = jobs.iter().filter(|job| !job.unnamed);
    let taken: std::collections::BTreeSet<String> =
        named.map(|job| words::fold(&job.draft.job.name)).collect();
    let mut counter = 0_usize;
    for placed in jobs.iter_mut().filter(|job| job.unnamed) {
        let mut name;
        loop {
            counter += 1;
            name = format!("Job{counter}");
            if !taken.contains(&words::fold(&name)) {
                break;
            }
        }
        let job = &mut placed.draft.job;
        if job.display_name == DEFAULT {
            job.display_name.clone_from(&name);
        }
        job.identifier = format!("{stage}.{name}");
        if let Some(Strategy {
            legs: Legs::Named(legs),
            ..
        }) = &mut job.strategy
        {
            for leg in legs {
                let of = strategy::Of::job(&job.display_name, &job.identifier);
                of.name(leg);
            }
        }
        job.name = name;
    }
}

fn job(
    node: &Node,
    stage: Option<&str>,
    outer: Outer<'_>,
    reader: &mut Reader<'_>,
) -> Option<Placed> {
    let fields = fields(node, "a job", reader.report)?;
    if template(&fields, "jobs", reader.report) {
        return None;
    }
    if fields.key("deployment").is_some() {
        return deployment::read(&fields, node, stage, outer, reader);
    }
    let known = [&["job", "steps"], COMMON].concat();
    fields.check("a job", &known, reader.report);
    let Some(named) = fields.any("job") else {
        reader.report.error(
            Code::Missing,
            node.place,
            "a job begins with `job:` and its name, or with `deployment:`",
            "write `- job: name`",
        );
        return None;
    };
    let mut placed = base(&fields, named, node.place, stage, outer, reader)?;
    let job = &mut placed.draft.job;
    let of = strategy::Of::job(&job.display_name, &job.identifier);
    let strategy = strategy::read(fields.get("strategy"), &of, reader);
    job.strategy = strategy;
    placed.draft.steps = steps(fields.any("steps"), node.place, reader);
    Some(placed)
}

/// What all jobs have.
pub(super) fn base(
    fields: &Fields<'_>,
    named: &Node,
    place: Place,
    stage: Option<&str>,
    outer: Outer<'_>,
    reader: &mut Reader<'_>,
) -> Option<Placed> {
    let unnamed = named.is_null();
    let name = if unnamed {
        Some(DEFAULT.to_owned())
    } else {
        name(named, "Job", reader.report)
    };
    let label = name.as_deref().unwrap_or_default();
    if KEYWORDS.iter().any(|keyword| words::same(keyword, label)) {
        reader.report.warn(
            Code::Suspicious,
            named.place,
            format!("`{label}` is a keyword and may not be taken as a name everywhere"),
            "give the job another name",
        );
    }
    let depends_on = depends_on(fields, reader.report).unwrap_or_default();
    let own = variables::read(
        fields.get("variables"),
        reader.inputs,
        Some(outer.variables),
        reader.report,
    );
    let mut mentions = mentions::of_condition(fields);
    mentions.extend(mentions::of_variables(fields));
    let stages = mentions.extract_if(.., |mention| mention.by == By::Stages);
    reader.stages.extend(stages);
    let own_pool = pool::read(fields.get("pool"), reader);
    let container = container::read(fields.get("container"), reader);
    let services = container::services(fields.get("services"), reader);
    let uses = uses(fields.get("uses"), reader);
    let timeout_in_minutes = minutes(fields, "timeoutInMinutes", reader);
    let cancel_timeout_in_minutes = minutes(fields, "cancelTimeoutInMinutes", reader);
    let report = &mut *reader.report;
    let mut job = Job {
        display_name: display_name(fields, report).unwrap_or_else(|| label.to_owned()),
        identifier: format!("{}.{label}", stage.unwrap_or(DEFAULT)),
        condition: condition(fields.get("condition"), Time::Job, report),
        continue_on_error: continue_on_error(fields, report),
        timeout_in_minutes,
        cancel_timeout_in_minutes,
        variables: own.variables,
        groups: own.groups,
        container,
        services,
        workspace: workspace(fields.get("workspace"), report),
        uses,
        ..empty(name.unwrap_or_default())
    };
    set_pool(&mut job, own_pool.as_ref().or(outer.pool));
    // A name that may not be was told; without it nothing can wait for the job.
    (!job.name.is_empty()).then(|| Placed {
        draft: DraftJob {
            job,
            steps: Vec::new(),
            hooks: Vec::<DraftHook>::new(),
        },
        place,
        depends_on,
        mentions,
        unnamed,
    })
}

pub(super) fn set_pool(job: &mut Job, pool: Option<&PoolUse>) {
    job.pool = pool.map(|used| used.pool.clone());
    job.demands = pool.map(|used| used.demands.clone()).unwrap_or_default();
}

fn empty(name: String) -> Job {
    Job {
        display_name: name.clone(),
        identifier: String::new(),
        depends_on: Vec::new(),
        condition: Condition::default(),
        continue_on_error: false,
        timeout_in_minutes: None,
        cancel_timeout_in_minutes: None,
        variables: Vec::new(),
        groups: Vec::new(),
        strategy: None,
        deployment: None,
        pool: None,
        demands: Vec::new(),
        container: None,
        services: Vec::new(),
        workspace: None,
        uses: Uses::default(),
        secure_files: Vec::new(),
        steps: Vec::new(),
        name,
    }
}

/// The job that a pipeline with `steps` at its root stands for.
pub(super) fn of_steps(
    root: &Fields<'_>,
    outer: Outer<'_>,
    reader: &mut Reader<'_>,
) -> Option<DraftJob> {
    let list = root.any("steps")?;
    let mut job = Job {
        display_name: "Job".to_owned(),
        identifier: format!("{DEFAULT}.{DEFAULT}"),
        ..empty(DEFAULT.to_owned())
    };
    job.continue_on_error = continue_on_error(root, reader.report);
    set_pool(&mut job, outer.pool);
    let of = strategy::Of::job(&job.display_name, &job.identifier);
    job.strategy = strategy::read(root.get("strategy"), &of, reader);
    job.container = container::read(root.get("container"), reader);
    job.services = container::services(root.get("services"), reader);
    job.workspace = workspace(root.get("workspace"), reader.report);
    super::phase::old_target(root, &mut job, reader);
    Some(DraftJob {
        job,
        steps: steps(Some(list), list.place, reader),
        hooks: Vec::new(),
    })
}

pub(super) fn continue_on_error(fields: &Fields<'_>, report: &mut Report) -> bool {
    fields
        .get("continueOnError")
        .and_then(|node| boolean(node, "continueOnError", report))
        .unwrap_or(false)
}

/// Minutes; variables of the YAML root are known.
pub(super) fn minutes(fields: &Fields<'_>, key: &str, reader: &mut Reader<'_>) -> Option<u32> {
    let node = fields.get(key)?;
    let written = text(node, key, reader.report)?;
    let expanded = reader.known.expand(&written);
    match expanded.parse() {
        Ok(minutes) if expanded != written && minutes <= MAX_MINUTES => Some(minutes),
        _ => number(node, key, MAX_MINUTES, reader.report),
    }
}

pub(super) fn workspace(node: Option<&Node>, report: &mut Report) -> Option<Clean> {
    let fields = fields(node?, "workspace", report)?;
    fields.check("workspace", &["clean"], report);
    word(fields.get("clean")?, "clean", CLEANS, report)
}

fn uses(node: Option<&Node>, reader: &mut Reader<'_>) -> Uses {
    let Some(fields) = node.and_then(|node| fields(node, "uses", reader.report)) else {
        return Uses::default();
    };
    fields.check("uses", &["repositories", "pools"], reader.report);
    let mut list = |key: &str| {
        fields
            .get(key)
            .map(|node| (node.place, texts(node, key, reader.report)))
    };
    let (repositories, pools) = (list("repositories"), list("pools"));
    for (place, name) in repositories
        .iter()
        .flat_map(|(place, names)| names.iter().map(|name| (*place, name)))
    {
        let known = &reader.aliases.repositories;
        if name != "self" && !known.contains_key(&words::fold(name)) {
            let message = format!("there is no repository `{}`", quotable(name));
            let hint = "declare it below `resources:` and `repositories:`";
            reader
                .report
                .error(Code::InvalidValue, place, message, hint);
        }
    }
    Uses {
        repositories: repositories.map(|(_, names)| names).unwrap_or_default(),
        pools: pools.map(|(_, names)| names).unwrap_or_default(),
    }
}

/// The steps of a job or a hook.
pub(super) fn steps(list: Option<&Node>, owner: Place, reader: &mut Reader<'_>) -> Vec<DraftStep> {
    let Some(list) = list else {
        reader.report.error(
            Code::Missing,
            owner,
            "this job has no steps",
            "add `steps:` and a list of steps below it",
        );
        return Vec::new();
    };
    if list.is_null() {
        nothing_below("steps", list.place, reader.report);
        return Vec::new();
    }
    let hint = "put several commands into one script";
    entries(list, "steps", MAX_STEPS, hint, reader.report)
        .iter()
        .filter_map(|entry| step::read(entry, reader))
        .collect()
}
