//! One leased job against the outside world: keeps the lease, tells the server what happens, hears of a cancel, and
//! ends everything when the lease is lost.
//!
//! The executor knows nothing of this; they share a journal and a cancellation token.

use crate::environment::Base;
use crate::executor::{self, Context, JobEnd};
use crate::journal::Journal;
use crate::log::StepLog;
use crate::masker::Masker;
use crate::outcome;
use crate::process;
use crate::workspace::{Workspace, WorkspaceError};
use crate::{Agent, ambient};
use coffer_client::ClientError;
use coffer_client::agent::AgentClient;
use coffer_pipeline::condition::JobStatus;
use coffer_wire::agent::{Feed, Finish, Job, Renew, Renewed};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zeroize::Zeroizing;

/// How long to gather before a call.
const GATHER: Duration = Duration::from_millis(500);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long the last words may take after a job was ended by force.
const LAST_WORDS: Duration = Duration::from_secs(60);

/// The lease of a job, as all parts of the dispatcher see it.
struct Lease {
    client: AgentClient,
    job: Uuid,
    token: Zeroizing<String>,
    seconds: u64,
    cancel: CancellationToken,
    lost: CancellationToken,
}

/// Runs one job to its end and leaves nothing of it behind.
///
/// # Errors
/// [`WorkspaceError`] when something is left: the agent must not take another job.
pub(crate) async fn run_job(
    agent: &Agent,
    workspace: &Workspace,
    job: Job,
    stop: &CancellationToken,
) -> Result<(), WorkspaceError> {
    let masker = Arc::new(Masker::default());
    executor::learn_secrets(&job, &masker);
    let mark = ambient::id().to_string();
    let home = format!(".home-{}", ambient::id().simple());
    let cancel = CancellationToken::new();
    let lease = Arc::new(Lease {
        client: agent.client.clone(),
        job: job.job_id,
        token: Zeroizing::new(job.lease_token.clone()),
        seconds: u64::from(job.lease_seconds.max(1)),
        cancel: cancel.clone(),
        lost: CancellationToken::new(),
    });
    let journal = Arc::new(Journal::default());
    let renewing = tokio::spawn(renew(
        Arc::clone(&lease),
        Duration::from_secs(u64::from(job.renew_seconds.max(1))),
    ));
    let pumping = tokio::spawn(pump(Arc::clone(&lease), Arc::clone(&journal)));
    let limit = executor::cancel_limit(&job, agent.options.minute());

    let ended = match workspace.begin(&mark, &home) {
        Ok(folders) => {
            let base = Base {
                path: agent.options.path.clone(),
                home: folders.home.to_string_lossy().into_owned(),
                mark: mark.clone(),
                ca_file: agent
                    .options
                    .ca_file
                    .as_ref()
                    .map(|path| path.to_string_lossy().into_owned()),
            };
            let context = Box::new(Context {
                job,
                folders,
                masker: Arc::clone(&masker),
                journal: Arc::clone(&journal),
                client: agent.client.clone(),
                capabilities: agent.capabilities.iter().collect(),
                agent: agent.described(),
                base,
                grace: agent.options.grace,
                minute: agent.options.minute(),
                cancel: cancel.clone(),
            });
            tokio::select! {
                end = Box::pin(executor::run(&context)) => Ok(end),
                () = lease.lost.cancelled() => Err("The lease of the job was lost."),
                () = overdue(&cancel, limit) => Err("The job did not end in its time for cleaning up and is ended by force."),
                () = passed_on(stop, &cancel) => Err(""),
            }
        }
        Err(error) => {
            refuse(&journal, &masker, &error);
            end_job(
                &lease,
                &journal,
                pumping,
                renewing,
                JobStatus::Failed,
                JobEnd::nothing(),
            )
            .await;
            return Err(error);
        }
    };

    // Dropping the executor ended the step's own process; what it started carries the mark.
    let orphans = process::kill_marked(&mark).await;
    let wiped = workspace.wipe();
    if lease.lost.is_cancelled() {
        tracing::warn!(job = %lease.job, "the lease was lost: the job was ended and wiped");
        journal.close();
        pumping.abort();
        renewing.abort();
        return wiped;
    }
    let (end, forced) = match ended {
        Ok(end) => (end, None),
        Err(why) => (
            JobEnd {
                status: JobStatus::Canceled,
                ..JobEnd::nothing()
            },
            Some(why),
        ),
    };
    let status = finalize(
        &journal, &masker, end.order, end.status, orphans, forced, &wiped,
    );
    end_job(&lease, &journal, pumping, renewing, status, end).await;
    wiped
}

impl JobEnd {
    /// Of a job of which nothing is known.
    fn nothing() -> Self {
        Self {
            status: JobStatus::Failed,
            outputs: std::collections::BTreeMap::new(),
            order: i32::MAX,
        }
    }
}

/// The last record: what was cleaned up.
fn finalize(
    journal: &Arc<Journal>,
    masker: &Arc<Masker>,
    order: i32,
    status: JobStatus,
    orphans: usize,
    forced: Option<&str>,
    wiped: &Result<(), WorkspaceError>,
) -> JobStatus {
    let record = executor::new_record(ambient::id(), "Finalize job", None, order);
    let mut log = StepLog::new(Arc::clone(journal), Arc::clone(masker), record);
    log.start("Finalize job");
    log.section("Starting: Finalize job");
    if let Some(why) = forced {
        log.error(why);
    }
    if orphans > 0 {
        log.line(&format!(
            "Ended {orphans} process(es) that the job had left running."
        ));
    }
    let status = match wiped {
        Ok(()) => {
            log.line("Removed the job's folders.");
            status
        }
        Err(error) => {
            tracing::error!(error = %error, "the job's folders could not be emptied");
            log.error("What the job left behind could not be removed. The agent takes no further job until a person has looked at it.");
            JobStatus::Failed
        }
    };
    log.section("Finishing: Finalize job");
    log.finish(if wiped.is_ok() && forced.is_none() {
        "succeeded"
    } else {
        "failed"
    });
    status
}

/// The folders were not clean: no step of the job may start.
fn refuse(journal: &Arc<Journal>, masker: &Arc<Masker>, error: &WorkspaceError) {
    tracing::error!(error = %error, "no job can be run");
    let record = executor::new_record(ambient::id(), "Initialize job", None, 1);
    let mut log = StepLog::new(Arc::clone(journal), Arc::clone(masker), record);
    log.start("Initialize job");
    log.error("The agent's folders could not be made ready: what an earlier job left there could not be removed, or no new ones could be made. A person has to look at the agent's machine.");
    log.finish("failed");
}

/// Tells everything that is left, then the result.
async fn end_job(
    lease: &Arc<Lease>,
    journal: &Arc<Journal>,
    pumping: tokio::task::JoinHandle<()>,
    renewing: tokio::task::JoinHandle<()>,
    status: JobStatus,
    end: JobEnd,
) {
    journal.close();
    let body = Finish {
        lease_token: lease.token.to_string(),
        result: outcome::status_wire(status).into(),
        outputs: end.outputs,
    };
    let telling = async {
        if let Err(error) = pumping.await {
            tracing::error!(error = %error, "the feed ended early");
        }
        let sent = again(lease, || lease.client.finish(lease.job, &body)).await;
        if sent.is_none() {
            tracing::warn!(job = %lease.job, "the server did not take the job's result");
        }
    };
    let most = LAST_WORDS.max(Duration::from_secs(lease.seconds));
    tokio::select! {
        () = telling => {}
        () = lease.lost.cancelled() => {}
        () = tokio::time::sleep(most) => tracing::warn!(job = %lease.job, "the server did not answer in time"),
    }
    renewing.abort();
}

/// Keeps the lease until it is lost; the caller aborts it when the job is over.
async fn renew(lease: Arc<Lease>, every: Duration) {
    let body = Renew {
        lease_token: lease.token.to_string(),
    };
    let mut alive_until = ambient::instant() + Duration::from_secs(lease.seconds);
    let mut pause = every;
    loop {
        tokio::time::sleep(pause).await;
        let asked = ambient::instant();
        let left = alive_until.saturating_duration_since(asked);
        match tokio::time::timeout(left, lease.client.renew(lease.job, &body)).await {
            Ok(Ok(answer)) => {
                alive_until = asked + Duration::from_secs(lease.seconds);
                pause = every;
                lease.heard(&answer);
            }
            Ok(Err(error)) if is_lost(&error) => return lease.lose(&error.to_string()),
            Ok(Err(error)) => {
                tracing::warn!(error = %error, "the lease could not be renewed; trying again");
                pause = FIRST_PAUSE.max(every / 4).min(every);
                if ambient::instant() >= alive_until {
                    return lease.lose("it could not be renewed in time");
                }
            }
            Err(_) => return lease.lose("it could not be renewed in time"),
        }
    }
}

/// Tells the journal's entries in order, each batch until the server has it.
async fn pump(lease: Arc<Lease>, journal: Arc<Journal>) {
    while journal.pending().await {
        tokio::select! {
            () = tokio::time::sleep(GATHER) => {}
            () = journal.closed() => {}
        }
        let batch = journal.take();
        let body = Feed {
            lease_token: lease.token.to_string(),
            records: batch.records,
            lines: batch.lines,
        };
        match again(&lease, || lease.client.feed(lease.job, &body)).await {
            Some(answer) => lease.heard(&answer),
            None => return,
        }
    }
}

/// Repeats a call until it is answered; `None` when the lease is lost.
async fn again<T, F: Future<Output = Result<T, ClientError>>>(
    lease: &Lease,
    call: impl Fn() -> F,
) -> Option<T> {
    let mut pause = FIRST_PAUSE;
    loop {
        match call().await {
            Ok(answer) => return Some(answer),
            Err(error) if is_lost(&error) => {
                lease.lose(&error.to_string());
                return None;
            }
            Err(error) => {
                tracing::warn!(error = %error, "the server could not be told; trying again");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = lease.lost.cancelled() => return None,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

impl Lease {
    fn heard(&self, answer: &Renewed) {
        if answer.cancel {
            self.cancel.cancel();
        }
    }

    fn lose(&self, why: &str) {
        tracing::warn!(job = %self.job, why, "the lease is lost");
        self.lost.cancel();
    }
}

/// The lease is not ours any more, or the server will never take what we say. 401 may be a clock that is off for a
/// moment, so it does not count.
fn is_lost(error: &ClientError) -> bool {
    matches!(error.status(), Some(status @ 400..=499) if !matches!(status, 401 | 408 | 425 | 429))
}

/// Ends when a cancelled job has used up its time.
async fn overdue(cancel: &CancellationToken, limit: Duration) {
    cancel.cancelled().await;
    tokio::time::sleep(limit).await;
}

/// The agent is to stop: so is its job. Never ends.
async fn passed_on(stop: &CancellationToken, cancel: &CancellationToken) {
    stop.cancelled().await;
    cancel.cancel();
    std::future::pending::<()>().await;
}
