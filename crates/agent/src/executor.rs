//! One job from its first to its last record: which step runs when, and what becomes of its result.
//!
//! Order: Initialize job; pre-job stages of all steps; the steps; post-job stages in reverse. It knows tasks and
//! variables, and nothing of the server: what it says goes into the journal.

mod own_variables;
mod step_run;
mod units;

use crate::commands::TaskVariables;
use crate::environment::Base;
use crate::job_variables::JobVariables;
use crate::journal::Journal;
use crate::log::StepLog;
use crate::masker::Masker;
use crate::outcome::Outcome;
use crate::process::Grace;
use crate::workspace::JobFolders;
use crate::{Described, ambient};
use coffer_client::agent::AgentClient;
use coffer_pipeline::condition::JobStatus;
use coffer_pipeline::demands::{Capabilities, Demand};
use coffer_pipeline::tasks::Phase;
use coffer_wire::agent::{Job, Record};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use step_run::StepRun;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const MINUTE: Duration = Duration::from_secs(60);

/// What a job is run with.
pub(crate) struct Context {
    pub(crate) job: Job,
    pub(crate) folders: JobFolders,
    pub(crate) masker: Arc<Masker>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) client: AgentClient,
    pub(crate) capabilities: Capabilities,
    pub(crate) agent: Described,
    pub(crate) base: Base,
    pub(crate) grace: Grace,
    /// A minute, in tests shorter.
    pub(crate) minute: Duration,
    /// The job is to be cancelled.
    pub(crate) cancel: CancellationToken,
}

/// How a job ended.
pub(crate) struct JobEnd {
    pub(crate) status: JobStatus,
    pub(crate) outputs: BTreeMap<String, String>,
    /// The place of the next record.
    pub(crate) order: i32,
}

/// Registers everything that must never be shown, before the first line is written.
pub(crate) fn learn_secrets(job: &Job, masker: &Masker) {
    masker.add(&job.lease_token);
    for file in &job.resources.secure_files {
        masker.add(&file.ticket);
    }
    for endpoint in &job.resources.endpoints {
        for (name, value) in &endpoint.parameters {
            if !HARMLESS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
            {
                masker.add(value);
            }
        }
    }
    for value in &job.mask {
        masker.add(value);
    }
}

/// Endpoint parameters that are no secrets.
const HARMLESS: [&str; 9] = [
    "Role",
    "Scope",
    "TenantId",
    "IssuedAt",
    "ExpiresAt",
    "Audience",
    "AuthenticationType",
    "AuthorizationType",
    "AccessTokenType",
];

/// Runs a job's steps. Cancelling is cooperative; dropping the future ends it at once.
pub(crate) async fn run(context: &Context) -> JobEnd {
    let mut variables = JobVariables::new(&context.job.variables, Arc::clone(&context.masker));
    own_variables::set(context, &mut variables);
    let mut order = 0;
    let mut next = || {
        order += 1;
        order
    };
    let record = new_record(ambient::id(), "Initialize job", None, next());
    let mut initialize = StepLog::new(
        Arc::clone(&context.journal),
        Arc::clone(&context.masker),
        record,
    );
    let mut units = units::plan(&context.job);
    let mut logs: Vec<StepLog> = units
        .iter()
        .map(|unit| {
            let name = unit.record_name(&unit.step.display_name);
            let record = new_record(unit.record_id, &name, Some(&unit.step.name), next());
            StepLog::new(
                Arc::clone(&context.journal),
                Arc::clone(&context.masker),
                record,
            )
        })
        .collect();
    if !introduce(context, &mut initialize) {
        for (unit, log) in units.iter().zip(&mut logs) {
            log.start(&unit.record_name(&unit.step.display_name));
            log.finish(Outcome::Skipped.wire());
        }
        return JobEnd {
            status: JobStatus::Failed,
            outputs: BTreeMap::new(),
            order: next(),
        };
    }

    let mut task_variables: BTreeMap<Uuid, TaskVariables> = BTreeMap::new();
    let mut status = JobStatus::Succeeded;
    let started = ambient::instant();
    let limit = context
        .minute
        .checked_mul(context.job.timeout_in_minutes)
        .filter(|limit| !limit.is_zero());
    for (unit, log) in units.iter_mut().zip(&mut logs) {
        let mut run = StepRun {
            context,
            variables: &mut variables,
            task_variables: task_variables.entry(unit.step.id).or_default(),
            log,
            status: &mut status,
        };
        let left = limit.map(|limit| limit.saturating_sub(started.elapsed()));
        run.unit(unit, left).await;
    }
    JobEnd {
        status,
        outputs: variables.outputs(),
        order: next(),
    }
}

/// A new record, not started.
pub(crate) fn new_record(id: Uuid, name: &str, ref_name: Option<&str>, order: i32) -> Record {
    Record {
        id,
        name: name.to_owned(),
        ref_name: ref_name.map(str::to_owned),
        order,
        state: "pending".into(),
        result: None,
        start_time: None,
        finish_time: None,
        error_count: 0,
        warning_count: 0,
        issues: Vec::new(),
    }
}

/// Says who runs what. False when this agent is not one that the job may run on.
fn introduce(context: &Context, log: &mut StepLog) -> bool {
    log.start("Initialize job");
    log.section("Starting: Initialize job");
    let agent = &context.agent;
    log.line(&format!("Agent name: '{}'", agent.name));
    log.line(&format!(
        "Agent version: {} (Coffer {})",
        crate::COMPATIBILITY_VERSION,
        env!("CARGO_PKG_VERSION")
    ));
    let work = context
        .folders
        .work
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    log.line(&format!("Work folder: '{work}'"));
    log.line(&format!(
        "Job: '{}' of run {}",
        context.job.job_display_name, context.job.run_id
    ));
    let count = context.job.resources.secure_files.len();
    if count > 0 {
        log.line(&format!("Secure files of this job: {count}"));
    }
    let lacking = lacking(context);
    if let Some(message) = &lacking {
        log.error(message);
    }
    log.section("Finishing: Initialize job");
    let outcome = match lacking {
        None => Outcome::Succeeded,
        Some(_) => Outcome::Failed,
    };
    log.finish(outcome.wire());
    outcome == Outcome::Succeeded
}

/// What the job asks of its agent and this one lacks. The server lets a job that wants a newer agent come this far, so
/// that somebody reads why it does not run.
fn lacking(context: &Context) -> Option<String> {
    context.job.demands.iter().find_map(|text| {
        let Ok(demand) = text.parse::<Demand>() else {
            return Some(format!(
                "This agent does not understand the demand '{text}'."
            ));
        };
        let unmet = demand.check(&context.capabilities).err()?;
        Some(format!("The job cannot run on this agent: {unmet}."))
    })
}

/// How long a cancelled job may clean up.
pub(crate) fn cancel_limit(job: &Job, minute: Duration) -> Duration {
    minute
        .checked_mul(job.cancel_timeout_in_minutes)
        .unwrap_or(MINUTE)
        .max(minute)
}

/// The main stage comes last of a step's phases that the word stands for.
pub(crate) fn phase_prefix(phase: Phase) -> &'static str {
    match phase {
        Phase::Pre => "Pre-job: ",
        Phase::Main => "",
        Phase::Post => "Post-job: ",
    }
}
