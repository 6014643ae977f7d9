//! What is decided when something starts: outputs, variables, counters, legs. Knows no server.

mod counters;
mod legs;
mod outputs;
mod variables;

use std::collections::BTreeMap;

use super::*;
use crate::condition::NodeResult;
use crate::tests::{good, unindent};

/// A run on its way.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) outcomes: Outcomes,
    pub(super) system: Vec<(String, String)>,
    pub(super) counters: Counters,
    pub(super) canceled: bool,
    /// How often each prefix was drawn, by all runs.
    pub(super) drawn: BTreeMap<String, i64>,
}

impl World {
    pub(super) fn of(yaml: &str) -> Self {
        Self {
            plan: good(&unindent(yaml)),
            outcomes: Outcomes::default(),
            system: vec![("Build.Reason".to_owned(), "Manual".to_owned())],
            counters: Counters::default(),
            canceled: false,
            drawn: BTreeMap::new(),
        }
    }

    fn ask<T>(
        &mut self,
        ask: impl Fn(&Facts<'_>, &mut Budget) -> Result<Answer<T>, StartError>,
    ) -> Result<T, StartError> {
        let mut budget = Budget::default();
        loop {
            let facts = Facts {
                plan: &self.plan,
                outcomes: &self.outcomes,
                system: &self.system,
                // 2024-02-29 15:45:07
                started: Timestamp::new(1_709_221_507, 0),
                canceled: self.canceled,
                counters: &self.counters,
            };
            match ask(&facts, &mut budget)? {
                Answer::Ready(answer) => return Ok(answer),
                Answer::Needs(needs) => {
                    assert!(
                        !needs.is_empty(),
                        "nothing is needed, and there is no answer"
                    );
                    for need in needs {
                        assert_eq!(self.counters.get(&need.prefix), None, "asked for twice");
                        let next = self.drawn.get(&need.prefix).map_or(need.seed, |n| n + 1);
                        self.drawn.insert(need.prefix.clone(), next);
                        self.counters.insert(need.prefix, next);
                    }
                }
            }
        }
    }

    fn place(&self, stage: &str, job: &str) -> (Stage, Job) {
        let stage = self.plan.stages.iter().find(|known| known.name == stage);
        let stage = stage.expect("a stage").clone();
        let job = stage.jobs.iter().find(|known| known.name == job);
        let job = job.expect("a job").clone();
        (stage, job)
    }

    pub(super) fn stage(&mut self, stage: &str) -> Result<Choice, StartError> {
        let found = self.plan.stages.iter().find(|known| known.name == stage);
        let stage = found.expect("a stage").clone();
        self.ask(|facts, budget| facts.stage(&stage, budget))
    }

    pub(super) fn job(&mut self, stage: &str, job: &str) -> Result<JobStart, StartError> {
        let (stage, job) = self.place(stage, job);
        self.ask(|facts, budget| facts.job(&stage, &job, budget))
    }

    pub(super) fn copy(
        &mut self,
        stage: &str,
        job: &str,
        leg: Option<&Leg>,
    ) -> Result<CopyStart, StartError> {
        let (stage, job) = self.place(stage, job);
        self.ask(|facts, budget| facts.copy(&stage, &job, leg, budget))
    }

    /// A variable of a job; a secret one with a mark.
    pub(super) fn variable(&mut self, stage: &str, job: &str, name: &str) -> String {
        let copy = self
            .copy(stage, job, None)
            .unwrap_or_else(|e| panic!("{e}"));
        let mut found = copy.variables.iter();
        let found = found.find(|known| known.name == name).expect("a variable");
        let mark = if found.secret { " (secret)" } else { "" };
        format!("{}{mark}", found.value)
    }

    /// A job ends well, with an output of the step `s`.
    pub(super) fn ends(&mut self, stage: &str, job: &str, instance: Instance<'_>, value: &str) {
        let output = Output {
            value: value.to_owned(),
            secret: false,
        };
        let outputs = [("s.v".to_owned(), output)];
        self.outcomes.outputs(stage, job, instance, outputs);
        self.outcomes.job_ended(stage, job, NodeResult::Succeeded);
    }
}

/// The error as a person reads it.
pub(super) fn told<T: std::fmt::Debug>(outcome: Result<T, StartError>) -> String {
    let wrong = outcome.expect_err("it fails");
    let place = wrong
        .place
        .map(|place| format!("{place}: "))
        .unwrap_or_default();
    format!("{place}{}\n{}", wrong.message, wrong.hint)
}
