//! What of a run has ended, and what expressions and conditions see of it: `dependencies`, `stageDependencies`, and the
//! results that `succeeded()` asks for. It must not know how anything came to its end, nor who keeps it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use crate::condition::{Dependency, NodeResult};
use crate::expression::{Object, Value};
use crate::{HookName, Job, Plan, Stage, words};

/// Output variables, results of jobs and results of stages, so far. Names ignore case.
#[derive(Clone, Default)]
pub struct Outcomes {
    stages: BTreeMap<String, Ended<JobsEnded>>,
    secrets: BTreeSet<Arc<str>>,
}

type JobsEnded = BTreeMap<String, Ended<Vec<(String, Value)>>>;

/// A stage with its jobs, or a job with its outputs.
#[derive(Clone, Default)]
struct Ended<T> {
    result: Option<NodeResult>,
    inner: T,
}

/// A value that a step set for others.
#[derive(Clone, PartialEq, Eq)]
pub struct Output {
    /// The value.
    pub value: String,
    /// Whoever reads it has a secret too.
    pub secret: bool,
}

impl fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stages = self.stages.iter().map(|(name, stage)| (name, stage.result));
        f.debug_map().entries(stages).finish()
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secret { "a secret" } else { "an output" })
    }
}

/// Which copy of a job an output comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instance<'a> {
    /// The job: there is one.
    Job,
    /// A leg of a matrix, or a slice.
    Leg(&'a str),
    /// A hook of a deployment.
    Hook {
        /// Which.
        name: HookName,
        /// The resource it went to, or the increment of a canary.
        target: Option<&'a str>,
    },
}

impl Instance<'_> {
    /// What stands before `step.variable` when another job of the stage reads it.
    ///
    /// Source: the public page on deployment jobs, for `deploy` of `runOnce` (the job's own name, or `Deploy_` and the
    /// resource) and for hooks with an increment or a resource. Other hooks of `runOnce` have their own name: our reading.
    fn prefix(self, job: &str) -> String {
        match self {
            Self::Job => String::new(),
            Self::Leg(leg) => format!("{leg}."),
            Self::Hook {
                name: HookName::Deploy,
                target: None,
            } => format!("{job}."),
            Self::Hook { name, target: None } => format!("{}.", hook(name)),
            Self::Hook {
                name,
                target: Some(target),
            } => format!("{}_{target}.", hook(name)),
        }
    }
}

fn hook(name: HookName) -> &'static str {
    match name {
        HookName::PreDeploy => "PreDeploy",
        HookName::Deploy => "Deploy",
        HookName::RouteTraffic => "RouteTraffic",
        HookName::PostRouteTraffic => "PostRouteTraffic",
        HookName::OnFailure => "OnFailure",
        HookName::OnSuccess => "OnSuccess",
    }
}

/// A stage or job that something waits for has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotEnded(pub(super) String);

impl Outcomes {
    /// A stage has ended.
    pub fn stage_ended(&mut self, stage: &str, result: NodeResult) {
        self.stages.entry(words::fold(stage)).or_default().result = Some(result);
    }

    /// A job has ended, with all its legs or hooks: its result is the worst of theirs ([`NodeResult::worst`]).
    pub fn job_ended(&mut self, stage: &str, job: &str, result: NodeResult) {
        self.job(stage, job).result = Some(result);
    }

    /// Outputs of a job, or of a copy of it, by `step.variable`. A later value of a name replaces an earlier one.
    pub fn outputs(
        &mut self,
        stage: &str,
        job: &str,
        instance: Instance<'_>,
        outputs: impl IntoIterator<Item = (String, Output)>,
    ) {
        let prefix = instance.prefix(job);
        let mut secrets = Vec::new();
        let named = outputs.into_iter().map(|(name, output)| {
            let text: Arc<str> = output.value.into();
            if output.secret && !text.is_empty() {
                secrets.push(text.clone());
            }
            (format!("{prefix}{name}"), Value::Text(text))
        });
        self.job(stage, job).inner.extend(named);
        self.secrets.extend(secrets);
    }

    fn job(&mut self, stage: &str, job: &str) -> &mut Ended<Vec<(String, Value)>> {
        let stage = self.stages.entry(words::fold(stage)).or_default();
        stage.inner.entry(words::fold(job)).or_default()
    }

    /// The secret ones of all values.
    pub(super) fn secrets(&self) -> &BTreeSet<Arc<str>> {
        &self.secrets
    }

    /// All that a stage waits for, also by way of others, nearest first.
    pub(super) fn before_stage(
        &self,
        plan: &Plan,
        stage: &Stage,
    ) -> Result<Vec<Dependency>, NotEnded> {
        let waits = |name: &str| {
            let mut stages = plan.stages.iter();
            let found = stages.find(|known| words::same(&known.name, name));
            found.map_or(&[][..], |found| &found.depends_on)
        };
        closure(&stage.depends_on, waits, |name| {
            self.stages.get(&words::fold(name))?.result
        })
    }

    /// The same of a job, within its stage.
    pub(super) fn before_job(&self, stage: &Stage, job: &Job) -> Result<Vec<Dependency>, NotEnded> {
        let ended = self.stages.get(&words::fold(&stage.name));
        let waits = |name: &str| {
            let mut jobs = stage.jobs.iter();
            let found = jobs.find(|known| words::same(&known.name, name));
            found.map_or(&[][..], |found| &found.depends_on)
        };
        closure(&job.depends_on, waits, |name| {
            ended?.inner.get(&words::fold(name))?.result
        })
    }

    /// `dependencies` of a stage: the stages that it names itself, with outputs as `job.step.variable`.
    pub(super) fn of_stage(&self, stage: &Stage) -> Object {
        let one = |name: &String| {
            let ended = self.stages.get(&words::fold(name))?;
            let jobs = ended.inner.iter();
            let outputs: Object = jobs
                .flat_map(|(job, ended)| {
                    let outputs = ended.inner.iter();
                    outputs.map(move |(name, value)| (format!("{job}.{name}"), value.clone()))
                })
                .collect();
            Some((name.clone(), node(ended.result, outputs)))
        };
        stage.depends_on.iter().filter_map(one).collect()
    }

    /// `dependencies` of a job: the jobs of its stage that it names itself.
    pub(super) fn of_job(&self, stage: &Stage, job: &Job) -> Object {
        let ended = self.stages.get(&words::fold(&stage.name));
        let one = |name: &String| {
            let ended = ended?.inner.get(&words::fold(name))?;
            Some((name.clone(), of_outputs(ended)))
        };
        job.depends_on.iter().filter_map(one).collect()
    }

    /// `stageDependencies`: the stages that a stage names itself, with their jobs.
    pub(super) fn of_stages_before(&self, stage: &Stage) -> Object {
        let one = |name: &String| {
            let ended = self.stages.get(&words::fold(name))?;
            let jobs = ended.inner.iter();
            let jobs: Object = jobs
                .map(|(job, ended)| (job.as_str(), of_outputs(ended)))
                .collect();
            Some((name.clone(), jobs))
        };
        stage.depends_on.iter().filter_map(one).collect()
    }
}

fn of_outputs(ended: &Ended<Vec<(String, Value)>>) -> Object {
    let outputs = ended.inner.iter().cloned().collect();
    node(ended.result, outputs)
}

fn node(result: Option<NodeResult>, outputs: Object) -> Object {
    let result = Value::from(result.map(NodeResult::name));
    [("result", result), ("outputs", outputs.into())]
        .into_iter()
        .collect()
}

/// Everything that is reached from some names, each once, nearest first.
fn closure<'a>(
    names: &'a [String],
    waits: impl Fn(&str) -> &'a [String],
    result: impl Fn(&str) -> Option<NodeResult>,
) -> Result<Vec<Dependency>, NotEnded> {
    let mut seen = BTreeSet::new();
    let mut ahead: VecDeque<&String> = names.iter().collect();
    let mut found = Vec::new();
    while let Some(name) = ahead.pop_front() {
        if !seen.insert(words::fold(name)) {
            continue;
        }
        let result = result(name).ok_or_else(|| NotEnded(name.clone()))?;
        found.push(Dependency {
            name: name.clone(),
            result,
        });
        ahead.extend(waits(name));
    }
    Ok(found)
}
