//! What runs in a job, in which order: each phase of each step is a unit with a record of its own.

use crate::ambient;
use crate::executor::phase_prefix;
use crate::log::StepLog;
use crate::task;
use coffer_pipeline::condition::{Condition, ConditionError};
use coffer_pipeline::expression::Time;
use coffer_pipeline::tasks::{Phase, TaskDefinition};
use coffer_wire::agent::{Job, Step};
use std::sync::Arc;
use uuid::Uuid;

/// One phase of one step.
pub(super) struct Unit<'a> {
    pub(super) step: &'a Step,
    /// `None` when the agent cannot run it.
    pub(super) task: Option<Arc<TaskDefinition>>,
    pub(super) phase: Phase,
    pub(super) record_id: Uuid,
}

/// All units of a job, in order. The list is fixed: a post-job stage runs even if its step was skipped.
pub(super) fn plan(job: &Job) -> Vec<Unit<'_>> {
    let tasks: Vec<_> = job
        .steps
        .iter()
        .map(|step| (step, task::native(&step.reference)))
        .collect();
    let of = |phase: Phase| {
        tasks.iter().filter_map(move |(step, task)| {
            let wanted = match task {
                Some(task) => task.stages.has(phase),
                // What cannot be run is said before anything runs, under the step's own record.
                None => phase == Phase::Pre,
            };
            let own_id = phase == Phase::Main || task.is_none();
            wanted.then(|| Unit {
                step,
                task: task.clone(),
                phase,
                record_id: if own_id { step.id } else { ambient::id() },
            })
        })
    };
    let mut post: Vec<_> = of(Phase::Post).collect();
    post.reverse();
    of(Phase::Pre).chain(of(Phase::Main)).chain(post).collect()
}

impl Unit<'_> {
    /// The record's name for a step of this display name.
    pub(super) fn record_name(&self, display: &str) -> String {
        let prefix = if self.task.is_some() {
            phase_prefix(self.phase)
        } else {
            ""
        };
        format!("{prefix}{display}")
    }

    /// When it runs.
    pub(super) fn condition(&self) -> Result<Condition, ConditionError> {
        match self.phase {
            Phase::Post => Ok(Condition::always()),
            _ => Condition::parse(&self.step.condition, Time::Step),
        }
    }

    /// The block at the head of a task's log.
    pub(super) fn header(&self, log: &StepLog) {
        let line = "=".repeat(78);
        let reference = &self.step.reference;
        let (name, description) = match self.task.as_deref() {
            Some(task) => (task.friendly_name.as_str(), task.description.as_str()),
            None => (reference.name.as_str(), ""),
        };
        log.line(&line);
        for (title, value) in [
            ("Task", name),
            ("Description", description),
            ("Version", reference.version.as_str()),
            (
                "Author",
                if self.task.is_some() {
                    "Coffer (built in)"
                } else {
                    ""
                },
            ),
            ("Help", ""),
        ] {
            log.line(format!("{title:<13}: {value}").trim_end());
        }
        log.line(&line);
    }
}
