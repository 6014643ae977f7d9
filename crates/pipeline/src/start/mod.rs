//! What is decided when a stage or job starts: whether it runs, its variables, and how often there is a job. Pure: what has
//! ended, the predefined variables, the moment and the numbers of counters are handed in, and the same arguments give the
//! same answer. It must not know who asks, nor where anything is kept.
//!
//! A counter that has no number yet is asked for with [`Answer::Needs`], as [`crate::plan`] asks for facts: the caller draws
//! it where the run is kept, in the same unit of work, and asks again.

mod legs;
mod outcomes;
mod variables;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use outcomes::{Instance, Outcomes, Output};
pub use variables::Started;

use crate::condition::{Condition, Dependency, NodeScope};
use crate::diagnostic::quotable;
use crate::expression::{Budget, Contexts, EvaluationError, Object, Time, Timestamp, Value};
use crate::{Container, Job, Leg, Location, Plan, Service, Stage};
use outcomes::NotEnded;
use variables::{Evaluation, Known};

/// What is known when something starts.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The plan of the run.
    pub plan: &'a Plan,
    /// What of it has ended.
    pub outcomes: &'a Outcomes,
    /// Predefined variables, which nothing in the plan replaces.
    pub system: &'a [(String, String)],
    /// `pipeline.startTime`.
    pub started: Timestamp,
    /// The run was cancelled.
    pub canceled: bool,
    /// Counters that the run has numbers of.
    pub counters: &'a Counters,
}

/// The numbers that a run has of counters, by their prefixes: one for each, however often it is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<String, i64>);

impl Counters {
    /// The number of a prefix. Prefixes are compared exactly.
    #[must_use]
    pub fn get(&self, prefix: &str) -> Option<i64> {
        self.0.get(prefix).copied()
    }

    /// Keeps the number that was drawn.
    pub fn insert(&mut self, prefix: String, number: i64) {
        self.0.insert(prefix, number);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A counter that has no number in this run yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterNeed {
    /// Its name.
    pub prefix: String,
    /// The number of the first run that asks.
    pub seed: i64,
}

/// An answer, or what is needed first.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<T> {
    /// Draw these, each once, and ask again.
    Needs(Vec<CounterNeed>),
    /// The answer.
    Ready(T),
}

/// Whether something runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// It does.
    pub runs: bool,
    /// How that came, for a log: secrets are masked.
    pub lines: Vec<String>,
}

/// How a job starts.
#[derive(Clone, Debug, PartialEq)]
pub struct JobStart {
    /// Whether it runs.
    pub choice: Choice,
    /// Its legs, when it has a strategy and runs.
    pub legs: Option<Vec<Leg>>,
    /// How many of them run at once; 0 is all.
    pub max_parallel: u32,
}

/// What a job, or a leg of it, starts with.
#[derive(Clone, Debug, PartialEq)]
pub struct CopyStart {
    /// Its variables, but for the predefined ones; each name once.
    pub variables: Vec<Started>,
    /// The container its steps run in.
    pub container: Option<Container>,
    /// Containers that run beside it.
    pub services: Vec<Service>,
}

/// Why something cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StartError {
    /// Where the expression stands, while the plan was not stored in between.
    pub place: Option<Location>,
    /// What is wrong: of which variable, of which stage or job.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

impl Facts<'_> {
    /// The variables of the run as its number sees them, predefined ones among them, with `$(x)` in them replaced.
    ///
    /// # Errors
    ///
    /// [`StartError`] when one cannot be evaluated.
    pub fn run(&self, budget: &mut Budget) -> Result<Answer<Object>, StartError> {
        let mut scene = Scene::new(self, Object::default(), None, budget);
        scene.run()?;
        if !scene.evaluation.needs.is_empty() {
            return Ok(Answer::Needs(scene.evaluation.needs));
        }
        let (variables, secrets) = scene.known.context("the number of the run")?;
        debug_assert!(secrets.is_empty(), "nothing has ended yet");
        Ok(Answer::Ready(variables))
    }

    /// Whether a stage runs. All that it waits for must have ended. `budget` is for all that is asked of one start.
    ///
    /// # Errors
    ///
    /// [`StartError`] when its condition or a variable cannot be evaluated.
    pub fn stage(&self, stage: &Stage, budget: &mut Budget) -> Result<Answer<Choice>, StartError> {
        let place = stage_name(stage);
        let before = self.outcomes.before_stage(self.plan, stage);
        let before = before.map_err(|missing| too_early(&place, missing))?;
        let dependencies = self.outcomes.of_stage(stage);
        let mut scene = Scene::new(self, dependencies, Some(stage), budget);
        scene.outer(stage)?;
        scene.decide(&stage.condition, Time::Stage, &before, &place)
    }

    /// Whether a job runs, if its stage does, and with which legs. All that it waits for must have ended.
    ///
    /// The condition comes first: what is skipped has no legs to evaluate.
    ///
    /// # Errors
    ///
    /// [`StartError`] when its condition, a variable or its strategy cannot be evaluated.
    pub fn job(
        &self,
        stage: &Stage,
        job: &Job,
        budget: &mut Budget,
    ) -> Result<Answer<JobStart>, StartError> {
        let place = job_name(job);
        let before = self.outcomes.before_job(stage, job);
        let before = before.map_err(|missing| too_early(&place, missing))?;
        let dependencies = self.outcomes.of_job(stage, job);
        let mut scene = Scene::new(self, dependencies.clone(), Some(stage), budget);
        scene.outer(stage)?;
        scene.own(job, None)?;
        let choice = match scene.decide(&job.condition, Time::Job, &before, &place)? {
            Answer::Needs(needs) => return Ok(Answer::Needs(needs)),
            Answer::Ready(choice) => choice,
        };
        let mut start = JobStart {
            choice,
            legs: None,
            max_parallel: 0,
        };
        if let Some(strategy) = job.strategy.as_ref().filter(|_| start.choice.runs) {
            // Variables of a job are those of each of its legs, and make none.
            let mut scene = Scene::new(self, dependencies, Some(stage), budget);
            scene.outer(stage)?;
            start.legs = Some(scene.legs(job, &strategy.legs)?);
            start.max_parallel = scene.max_parallel(job, strategy.max_parallel.as_ref())?;
        }
        Ok(Answer::Ready(start))
    }

    /// What a job that runs starts with, or one leg of it.
    ///
    /// # Errors
    ///
    /// [`StartError`] when a variable or a container cannot be evaluated.
    pub fn copy(
        &self,
        stage: &Stage,
        job: &Job,
        leg: Option<&Leg>,
        budget: &mut Budget,
    ) -> Result<Answer<CopyStart>, StartError> {
        let dependencies = self.outcomes.of_job(stage, job);
        let mut scene = Scene::new(self, dependencies, Some(stage), budget);
        scene.outer(stage)?;
        scene.own(job, leg)?;
        if !scene.evaluation.needs.is_empty() {
            return Ok(Answer::Needs(scene.evaluation.needs));
        }
        let container = scene.container(job)?;
        let services = scene.services(job)?;
        Ok(Answer::Ready(CopyStart {
            variables: scene.known.into_started(),
            container,
            services,
        }))
    }
}

/// One start while it is looked at.
struct Scene<'a, 'b> {
    facts: &'a Facts<'a>,
    known: Known<'a>,
    evaluation: Evaluation<'a>,
    contexts: Contexts,
    budget: &'b mut Budget,
}

impl<'a, 'b> Scene<'a, 'b> {
    fn new(
        facts: &'a Facts<'a>,
        dependencies: Object,
        stage: Option<&Stage>,
        budget: &'b mut Budget,
    ) -> Self {
        let before = stage.map(|stage| facts.outcomes.of_stages_before(stage));
        let pipeline: Object = [("startTime", Value::Time(facts.started))]
            .into_iter()
            .collect();
        let contexts = Contexts::new(Time::Runtime)
            .with("dependencies", dependencies)
            .with("stageDependencies", before.unwrap_or_default())
            .with("pipeline", pipeline)
            .with("resources", resources(facts.plan));
        Self {
            facts,
            known: Known::new(facts.system),
            evaluation: Evaluation {
                contexts: contexts.clone(),
                secrets: facts.outcomes.secrets(),
                counters: facts.counters,
                needs: Vec::new(),
            },
            contexts,
            budget,
        }
    }

    /// Variables of the run.
    fn run(&mut self) -> Result<(), StartError> {
        let run = &self.facts.plan.variables;
        self.known
            .add("the run", run, &[], &mut self.evaluation, self.budget)
    }

    /// Those, and then those of the stage.
    fn outer(&mut self, stage: &Stage) -> Result<(), StartError> {
        self.run()?;
        let place = stage_name(stage);
        self.known.add(
            &place,
            &stage.variables,
            &[],
            &mut self.evaluation,
            self.budget,
        )
    }

    /// Variables of the job, and of one leg of it.
    fn own(&mut self, job: &Job, leg: Option<&Leg>) -> Result<(), StartError> {
        let place = match leg {
            Some(leg) => format!("{}, leg {}", job_name(job), leg.name),
            None => job_name(job),
        };
        let of_leg = leg.map_or(&[][..], |leg| &leg.variables);
        self.known.add(
            &place,
            &job.variables,
            of_leg,
            &mut self.evaluation,
            self.budget,
        )
    }

    fn decide(
        &mut self,
        condition: &Condition,
        time: Time,
        dependencies: &[Dependency],
        place: &str,
    ) -> Result<Answer<Choice>, StartError> {
        if !self.evaluation.needs.is_empty() {
            let needs = std::mem::take(&mut self.evaluation.needs);
            return Ok(Answer::Needs(needs));
        }
        let what = format!("the condition of {place}");
        let (variables, mut secrets) = self.known.context(&what)?;
        secrets.extend(self.evaluation.secrets.iter().cloned());
        let scope = NodeScope {
            time,
            canceled: self.facts.canceled,
            dependencies,
            contexts: self.contexts.clone().with("variables", variables),
        };
        let decision = condition.decide(&scope, &|text| masked(text, &secrets));
        let runs = decision
            .holds
            .map_err(|wrong| describe(&what, None, &wrong))?;
        Ok(Answer::Ready(Choice {
            runs,
            lines: decision.lines,
        }))
    }
}

/// `resources`: the repositories and containers that the YAML declares, as far as they are known.
///
/// Source of the names: the public page on resources.
fn resources(plan: &Plan) -> Object {
    let text = |value: &Option<String>| Value::from(value.as_deref());
    let repositories = plan.repositories.iter().map(|known| {
        let facts = [
            ("name", text(&known.name)),
            ("ref", text(&known.reference)),
            ("type", text(&known.kind)),
            ("version", text(&known.commit)),
        ];
        (known.alias.as_str(), facts.into_iter().collect::<Object>())
    });
    let containers = plan
        .resources
        .iter()
        .filter(|known| known.kind == "container");
    let containers = containers.map(|known| {
        let texts = known.definition.iter();
        let texts = texts.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
        (known.alias.as_str(), texts.collect::<Object>())
    });
    let repositories: Object = repositories.collect();
    let containers: Object = containers.collect();
    [("repositories", repositories), ("containers", containers)]
        .into_iter()
        .collect()
}

fn masked(text: &str, secrets: &BTreeSet<Arc<str>>) -> String {
    // The longest first, so that no rest of one stays beside a shorter one.
    let mut found: Vec<&Arc<str>> = secrets
        .iter()
        .filter(|secret| text.contains(&***secret))
        .collect();
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found.into_iter().fold(text.to_owned(), |text, secret| {
        text.replace(&**secret, "***")
    })
}

fn stage_name(stage: &Stage) -> String {
    format!("the stage {}", quotable(&stage.name))
}

fn job_name(job: &Job) -> String {
    format!("the job {}", quotable(&job.name))
}

fn too_early(what: &str, NotEnded(missing): NotEnded) -> StartError {
    StartError {
        place: None,
        message: format!(
            "{what} cannot start: {} has not ended, and it waits for that",
            quotable(&missing)
        ),
        hint: "start it when that has ended".to_owned(),
    }
}

/// What went wrong with an expression.
fn describe(what: &str, place: Option<Location>, wrong: &EvaluationError) -> StartError {
    let hint = wrong.hint.clone();
    // The budget is one for all.
    let before = if wrong.exhausted {
        ", with all that was before it"
    } else {
        ""
    };
    StartError {
        place,
        message: format!("{what} could not be evaluated{before}: {wrong}"),
        hint: hint.unwrap_or_else(|| "correct the expression".to_owned()),
    }
}
