//! One unit's way: condition, tries, time-outs, cancel, result.

use crate::commands::TaskVariables;
use crate::executor::Context;
use crate::executor::units::Unit;
use crate::job_variables::JobVariables;
use crate::log::StepLog;
use crate::outcome::{self, Outcome};
use crate::task::{self, Running};
use coffer_pipeline::condition::{Condition, Decision, JobStatus, StepScope, Variables};
use coffer_pipeline::tasks::TaskDefinition;
use std::fmt::Display;
use std::future::Future;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The variable that says how the job stands.
const JOB_STATUS: &str = "Agent.JobStatus";
/// Tries after the first that a step may ask for.
const MAX_RETRIES: u32 = 10;

/// One unit's run, with all that it changes.
pub(super) struct StepRun<'a> {
    pub(super) context: &'a Context,
    pub(super) variables: &'a mut JobVariables,
    pub(super) task_variables: &'a mut TaskVariables,
    pub(super) log: &'a mut StepLog,
    pub(super) status: &'a mut JobStatus,
}

impl StepRun<'_> {
    /// Runs a unit if its condition holds; `left` is what remains of the job's time.
    pub(super) async fn unit(&mut self, unit: &Unit<'_>, left: Option<Duration>) {
        let step = unit.step;
        if left.is_some_and(|left| left.is_zero()) {
            self.context.cancel.cancel();
        }
        self.note_cancel();
        let own = [
            ("System.TaskInstanceId", unit.record_id.to_string()),
            ("System.TaskInstanceName", step.name.clone()),
            (JOB_STATUS, outcome::status_name(*self.status).to_owned()),
        ];
        for (name, value) in own {
            self.variables.set_own(name, &value);
        }
        let display = self.variables.expand(&step.display_name).to_string();
        let display = self.context.masker.mask(&display);
        self.variables.set_own("System.TaskDisplayName", &display);
        self.variables.set_own("Task.DisplayName", &display);
        self.log.set_debug(self.variables.is_true("System.Debug"));
        let name = unit.record_name(&display);

        self.log.start(&name);
        let condition = match unit.condition() {
            Ok(condition) => condition,
            Err(error) => {
                let message = condition_failed(&step.condition, &error, Some(&error.hint));
                self.log.error(&message);
                return self.end(Outcome::Failed, unit);
            }
        };
        let canceled = self.context.cancel.is_cancelled();
        let decision = self.decide(&condition, canceled);
        match decision.holds {
            Ok(true) => decision.lines.iter().for_each(|line| self.log.debug(line)),
            Ok(false) => {
                decision.lines.iter().for_each(|line| self.log.line(line));
                return self.log.finish(Outcome::Skipped.wire());
            }
            Err(error) => {
                decision.lines.iter().for_each(|line| self.log.line(line));
                let message = condition_failed(&step.condition, &error, error.hint.as_deref());
                self.log.error(&message);
                return self.end(Outcome::Failed, unit);
            }
        }
        if self.is_fork_with_secret(unit) {
            self.log
                .warning("Runs of forks, and of refs whose origin is not known, may not use secure files: the step is skipped.");
            return self.log.finish(Outcome::Skipped.wire());
        }
        self.log.section(&format!("Starting: {name}"));
        unit.header(self.log);
        let goes_on = canceled || self.decide(&condition, true).holds == Ok(true);
        let outcome = self.tries(unit, goes_on, left).await;
        self.log.section(&format!("Finishing: {name}"));
        self.end(outcome, unit);
    }

    /// Whether a condition holds in the job as it is, or as it will be after a cancel.
    fn decide(&self, condition: &Condition, canceled: bool) -> Decision {
        let status = if canceled {
            JobStatus::Canceled
        } else {
            *self.status
        };
        let scope = StepScope {
            status,
            canceled,
            variables: &Visible {
                variables: self.variables,
                status,
            },
        };
        condition.decide(&scope, &|text| self.context.masker.mask(text))
    }

    /// The step's tries, each with the time-out. `goes_on`: a cancel of the job does not end it.
    async fn tries(&mut self, unit: &Unit<'_>, goes_on: bool, left: Option<Duration>) -> Outcome {
        let Some(task) = unit.task.as_deref() else {
            self.log.error(&task::unknown(&unit.step.reference));
            return Outcome::Failed;
        };
        if let Some(message) = task::unmet(task, &self.context.capabilities) {
            self.log.error(&message);
            return Outcome::Failed;
        }
        let retries = unit.step.retry_count_on_task_failure.min(MAX_RETRIES);
        for attempt in 0..=retries {
            let (outcome, may_repeat) = self.try_once(unit, task, goes_on, left).await;
            if outcome != Outcome::Failed || !may_repeat || attempt == retries {
                return outcome;
            }
            let pause = Duration::from_secs(u64::from(attempt + 1).pow(2))
                .mul_f64(self.context.minute.as_secs_f64() / 60.0);
            self.log.forget_issues();
            self.log.line(&format!(
                "The task failed. Try {} of {} follows after a pause.",
                attempt + 2,
                retries + 1
            ));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.context.cancel.cancelled() => return Outcome::Canceled,
            }
        }
        Outcome::Failed
    }

    /// One try; also whether another may follow.
    async fn try_once(
        &mut self,
        unit: &Unit<'_>,
        task: &TaskDefinition,
        goes_on: bool,
        left: Option<Duration>,
    ) -> (Outcome, bool) {
        let context = self.context;
        let stop = CancellationToken::new();
        let sources = context.folders.build.join("s");
        let mut running = Running {
            step: unit.step,
            task,
            inputs: task::inputs(task, unit.step, self.variables, &sources),
            variables: self.variables,
            task_variables: self.task_variables,
            log: self.log,
            masker: &context.masker,
            folders: &context.folders,
            endpoints: &context.job.resources.endpoints,
            secure_files: &context.job.resources.secure_files,
            base: &context.base,
            client: &context.client,
            grace: context.grace,
            cancel: &stop,
        };
        let limit = context
            .minute
            .checked_mul(unit.step.timeout_in_minutes)
            .filter(|limit| !limit.is_zero());
        let watch = async {
            tokio::select! {
                () = after(limit) => Stopped::TimedOut,
                () = after(left) => {
                    context.cancel.cancel();
                    Stopped::JobTimedOut
                }
                () = cancelled_for_good(&context.cancel, goes_on) => Stopped::Cancelled,
            }
        };
        let work = task::run(&mut running, unit.phase);
        let (outcome, stopped) = until_stopped(work, watch, &stop).await;
        match stopped {
            None => (outcome, true),
            Some(Stopped::TimedOut) => {
                self.log.error(&format!(
                    "The task has timed out after {} minute(s). Raise 'timeoutInMinutes' of the step if it needs longer.",
                    unit.step.timeout_in_minutes
                ));
                (Outcome::Failed, false)
            }
            Some(Stopped::JobTimedOut) => {
                self.log.error(&format!(
                    "The job ran longer than its {} minute(s) and is cancelled. Raise 'timeoutInMinutes' of the job if it needs longer.",
                    context.job.timeout_in_minutes
                ));
                (Outcome::Canceled, false)
            }
            Some(Stopped::Cancelled) => {
                self.log.line("The job was cancelled: the task is ended.");
                (Outcome::Canceled, false)
            }
        }
    }

    fn is_fork_with_secret(&self, unit: &Unit<'_>) -> bool {
        let fork = self.variables.is_true("system.restrictSecrets")
            && self.variables.is_true("system.pullRequest.isFork");
        fork && unit.task.as_deref().is_some_and(|task| {
            let inputs = task::inputs(task, unit.step, self.variables, &self.context.folders.build);
            !task::named_files(task, &inputs).is_empty()
        })
    }

    fn note_cancel(&mut self) {
        if self.context.cancel.is_cancelled() {
            *self.status = JobStatus::Canceled;
        }
    }

    fn end(&mut self, outcome: Outcome, unit: &Unit<'_>) {
        let outcome = if outcome == Outcome::Failed && unit.step.continue_on_error {
            Outcome::SucceededWithIssues
        } else {
            outcome
        };
        self.log.finish(outcome.wire());
        *self.status = outcome::after(*self.status, outcome);
        self.note_cancel();
    }
}

/// Why a task was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    TimedOut,
    JobTimedOut,
    Cancelled,
}

/// Runs the work to its end; asks it to stop as soon as `watch` answers.
async fn until_stopped(
    work: impl Future<Output = Outcome>,
    watch: impl Future<Output = Stopped>,
    stop: &CancellationToken,
) -> (Outcome, Option<Stopped>) {
    tokio::pin!(work);
    tokio::select! {
        outcome = &mut work => (outcome, None),
        why = watch => {
            stop.cancel();
            (work.await, Some(why))
        }
    }
}

/// Waits for a cancel, and for ever when the step goes on after one, as one does that was started in a cancelled job.
async fn cancelled_for_good(cancel: &CancellationToken, goes_on: bool) {
    if goes_on {
        std::future::pending::<()>().await;
    }
    cancel.cancelled().await;
}

/// What a condition sees of the job's variables.
struct Visible<'a> {
    variables: &'a JobVariables,
    status: JobStatus,
}

impl Variables for Visible<'_> {
    fn get(&self, name: &str) -> Option<String> {
        if name.eq_ignore_ascii_case(JOB_STATUS) {
            return Some(outcome::status_name(self.status).to_owned());
        }
        let value = self.variables.get(name)?;
        Some(self.variables.expand(value).to_string())
    }

    fn all(&self) -> Vec<(String, String)> {
        let known = self.variables.resolved().into_iter();
        known
            .map(|known| (known.name, known.value.to_string()))
            .chain([(
                JOB_STATUS.to_owned(),
                outcome::status_name(self.status).to_owned(),
            )])
            .collect()
    }
}

fn condition_failed(condition: &str, error: &dyn Display, hint: Option<&str>) -> String {
    let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("The condition '{condition}' could not be evaluated: {error}{hint}.")
}

async fn after(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}
