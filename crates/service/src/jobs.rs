//! Jobs, for agents: register, lease, renew, feed, finish. And what happens to a job whose agent is lost.

use crate::anchor::AgentAnchor;
use crate::error::{Error, Kind, Result};
use crate::keys::JOB_LOG;
use crate::lease::{self, LeasedJob};
use crate::{Service, tokens};
use coffer_model::act::{AbandonJob, RegisterAgent};
use coffer_model::run::Outcome;
use coffer_model::{AgentId, Authentication, Caller, JobId, RecordId, Timestamp, name};
use coffer_seal::{FileKey, seal_bytes};
use coffer_store::{Lease, RecordWrite, Refusal, SealedPage, Stop, Tx};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The longest a lease call waits.
const MAX_WAIT: Duration = Duration::from_secs(50);
/// Text of one page of a log at most, bytes.
const PAGE: usize = 64 * 1024;
/// Log keys kept unwrapped.
const LOG_KEYS: usize = 256;
/// Output variables of a job at most.
const MAX_OUTPUTS: usize = 1000;

/// Jobs, for agents.
pub struct Jobs<'a>(pub(crate) &'a Service);

/// An agent to register.
#[derive(Clone, Debug)]
pub struct NewAgent {
    /// Its name, unique in its pool.
    pub name: String,
    /// Its pool.
    pub pool: String,
    /// `Agent.Version`.
    pub version: String,
    /// Coffer's version.
    pub coffer_version: String,
    /// Its Ed25519 public key.
    pub public_key: [u8; 32],
    /// What it offers.
    pub capabilities: BTreeMap<String, String>,
}

/// A registered agent.
#[derive(Clone, Copy, Debug)]
pub struct Registered {
    /// Its id.
    pub agent: AgentId,
    /// Seconds that a lease lives.
    pub lease_seconds: u32,
    /// Renew this often, seconds.
    pub renew_seconds: u32,
    /// The scale unit's public key, while the key service lets it be known.
    pub unit_key: Option<[u8; 32]>,
}

/// A step's record, as its agent reports it.
#[derive(Clone, Debug)]
pub struct RecordUpdate {
    /// Its id.
    pub id: RecordId,
    /// The name people see.
    pub name: String,
    /// Reference name.
    pub ref_name: Option<String>,
    /// Place in the job.
    pub order: i32,
    /// `pending`, `inProgress`, `completed`.
    pub state: String,
    /// How it ended.
    pub result: Option<Outcome>,
    /// Microseconds, the agent's clock.
    pub started_at: Option<i64>,
    /// Microseconds, the agent's clock.
    pub finished_at: Option<i64>,
    /// Errors counted.
    pub errors: i32,
    /// Warnings counted.
    pub warnings: i32,
    /// Issues.
    pub issues: Vec<IssueView>,
}

/// A warning or an error of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IssueView {
    /// `error` or `warning`.
    pub kind: String,
    /// `Code` or `General`.
    pub category: String,
    /// The text.
    pub message: String,
}

/// Lines of one record's log.
#[derive(Clone, Debug)]
pub struct LineBatch {
    /// The record.
    pub record: RecordId,
    /// Number of the first line, from 1.
    pub first_line: i64,
    /// The lines.
    pub lines: Vec<String>,
}

/// Unwrapped keys of job logs, a bounded number of them.
#[derive(Default)]
pub(crate) struct LogKeys(Mutex<HashMap<JobId, Arc<FileKey>>>);

impl LogKeys {
    pub(crate) fn get(&self, job: JobId) -> Option<Arc<FileKey>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&job)
            .cloned()
    }

    pub(crate) fn put(&self, job: JobId, key: FileKey) -> Arc<FileKey> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= LOG_KEYS {
            keys.clear();
        }
        let key = Arc::new(key);
        keys.insert(job, key.clone());
        key
    }

    fn forget(&self, job: JobId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&job);
    }
}

/// Issues as stored.
pub(crate) fn read_issues(text: &str) -> Vec<IssueView> {
    serde_json::from_str(text).unwrap_or_default()
}

impl Jobs<'_> {
    /// Registers an agent, or gives a known one a new key.
    pub async fn register(&self, caller: &Caller, new: NewAgent) -> Result<Registered> {
        let pool = if new.pool.is_empty() {
            "Default".to_owned()
        } else {
            new.pool
        };
        if !name::is_fit(&new.name)
            || !name::is_fit(&pool)
            || new
                .version
                .parse::<coffer_pipeline::version::Version>()
                .is_err()
        {
            return Err(Error::invalid(
                "An agent's name and pool are visible text of at most 255 bytes, its version three numbers.",
            ));
        }
        let capabilities = serde_json::to_string(&new.capabilities).map_err(Error::internal)?;
        let fresh = AgentId::random(self.0.entropy());
        let row = coffer_store::NewAgent {
            pool,
            name: new.name,
            version: new.version,
            coffer_version: new.coffer_version,
            public_key: new.public_key,
            capabilities,
        };
        let caller = caller.clone();
        let agent = self
            .0
            .store()
            .write("agent.register", move |tx| {
                let (caller, row) = (caller.clone(), row.clone());
                Box::pin(async move {
                    let agent = tx.agent_named(&row.pool, &row.name).await?.unwrap_or(fresh);
                    let details = [
                        ("name", row.name.clone()),
                        ("pool", row.pool.clone()),
                        ("version", row.version.clone()),
                    ];
                    let grant = tx
                        .authorize_with(&caller, RegisterAgent { agent }, &details)
                        .await?;
                    tx.agent_put(grant, &row).await?;
                    Ok(agent)
                })
            })
            .await?;
        let lease_seconds = self.0.0.lease_seconds;
        let unit_key = match self.0.public_key().await {
            Ok(key) => Some(key),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "an agent was registered that is no witness of the database: the signing key is not to be had"
                );
                None
            }
        };
        Ok(Registered {
            agent,
            lease_seconds,
            renew_seconds: (lease_seconds / 3).max(1),
            unit_key,
        })
    }

    /// Judges the anchor that an agent remembers, and gives it what to remember from now on.
    ///
    /// # Errors
    /// `anchor.behind` when the database is older than that.
    pub async fn witness(
        &self,
        caller: &Caller,
        remembered: Option<AgentAnchor>,
    ) -> Result<Option<AgentAnchor>> {
        self.0.testimony(caller, remembered).await
    }

    /// Waits for a job that this agent can run, and leases it. `base_url` is the organization's public URL.
    pub async fn lease(
        &self,
        caller: &Caller,
        wait: Duration,
        base_url: &str,
    ) -> Result<Option<LeasedJob>> {
        lease::lease(self.0, caller, wait.min(MAX_WAIT), base_url).await
    }

    /// Keeps a lease alive. Says whether the job is to be cancelled.
    pub async fn renew(&self, caller: &Caller, job: JobId, lease_token: &str) -> Result<bool> {
        let (agent, hash) = (agent_id(caller)?, tokens::hash(lease_token));
        let seconds = i64::from(self.0.0.lease_seconds);
        Ok(self
            .0
            .store()
            .write("job.renew", move |tx| {
                Box::pin(async move {
                    let lease = tx.lease(agent, job, &hash).await?;
                    let until = tx.now().plus_seconds(seconds);
                    tx.lease_renew(&lease, until).await?;
                    Ok(lease.cancel_requested())
                })
            })
            .await?)
    }

    /// Takes records and log lines of a job. May be repeated: what is known already is left as it is.
    pub async fn feed(
        &self,
        caller: &Caller,
        job: JobId,
        lease_token: &str,
        records: Vec<RecordUpdate>,
        lines: Vec<LineBatch>,
    ) -> Result<bool> {
        let (agent, hash) = (agent_id(caller)?, tokens::hash(lease_token));
        let key = self.log_key(agent, job, hash).await?;
        let organization = self.0.organization().id;
        let entropy = self.0.0.entropy.clone();
        let records = Arc::new(
            records
                .into_iter()
                .map(record_write)
                .collect::<Result<Vec<_>>>()?,
        );
        let lines = Arc::new(lines);
        let gap = self
            .0
            .store()
            .write("job.feed", move |tx| {
                let (records, lines, key) = (records.clone(), lines.clone(), key.clone());
                let entropy = entropy.clone();
                Box::pin(async move {
                    let lease = tx.lease(agent, job, &hash).await?;
                    for record in records.iter() {
                        tx.step_record_put(&lease, record).await?;
                    }
                    let Some((project, ..)) = tx.run_facts(lease.run()).await? else {
                        return Err(Refusal::LeaseLost.into());
                    };
                    for batch in lines.iter() {
                        let seal = |page: Uuid, text: &str| {
                            let context = coffer_seal::SealedContext {
                                organization: organization.0,
                                project: project.0,
                                file: page,
                            };
                            seal_bytes(&key, context, text.as_bytes(), &*entropy)
                        };
                        let page_id = || RecordId::random(&*entropy).0;
                        if !append(tx, &lease, batch, &page_id, &seal).await? {
                            return Ok(None);
                        }
                    }
                    Ok(Some(lease.cancel_requested()))
                })
            })
            .await?;
        gap.ok_or_else(|| {
            Error::invalid("Lines of a log are missing before these, or the record is not one of this job. Send them in order.")
        })
    }

    /// Ends a job. The same answer if it is sent again.
    pub async fn finish(
        &self,
        caller: &Caller,
        job: JobId,
        lease_token: &str,
        result: Outcome,
        outputs: BTreeMap<String, String>,
    ) -> Result<()> {
        if outputs.len() > MAX_OUTPUTS {
            return Err(Error::invalid(format!(
                "A job has at most {MAX_OUTPUTS} output variables."
            )));
        }
        let (agent, hash) = (agent_id(caller)?, tokens::hash(lease_token));
        let outputs: Arc<Vec<(String, String)>> = Arc::new(outputs.into_iter().collect());
        self.0
            .store()
            .write("job.finish", move |tx| {
                let outputs = outputs.clone();
                Box::pin(async move {
                    match tx.lease(agent, job, &hash).await {
                        Ok(lease) => tx.job_finish(lease, result, &outputs).await,
                        // An answer was lost: it is finished already.
                        Err(Stop::Refused(Refusal::LeaseLost)) => {
                            match tx.finished_by(agent, job, &hash).await? {
                                Some(known) if known == result => Ok(()),
                                _ => Err(Refusal::LeaseLost.into()),
                            }
                        }
                        Err(stop) => Err(stop),
                    }
                })
            })
            .await?;
        self.0.log_keys().forget(job);
        Ok(())
    }

    /// Ends the jobs whose lease ran out. Returns how many.
    pub async fn abandon_expired(&self) -> Result<usize> {
        let expired = self.0.store().read().await?.jobs_expired().await?;
        let mut ended = 0;
        for (job, run) in expired {
            let caller = self.0.duty("end lost jobs");
            let done = self
                .0
                .store()
                .write("job.abandon", move |tx| {
                    let caller = caller.clone();
                    Box::pin(async move {
                        let grant = tx.authorize(&caller, AbandonJob { run, job }).await?;
                        tx.job_abandon(grant).await
                    })
                })
                .await;
            match done {
                Ok(()) => ended += 1,
                // Renewed or finished in between.
                Err(Stop::Refused(Refusal::State)) => {}
                Err(stop) => return Err(stop.into()),
            }
            self.0.log_keys().forget(job);
        }
        Ok(ended)
    }

    async fn log_key(&self, agent: AgentId, job: JobId, hash: [u8; 32]) -> Result<Arc<FileKey>> {
        if let Some(key) = self.0.log_keys().get(job) {
            return Ok(key);
        }
        let wrapped = self
            .0
            .store()
            .write("job.log_key", move |tx| {
                Box::pin(async move {
                    let lease = tx.lease(agent, job, &hash).await?;
                    tx.log_key(&lease).await
                })
            })
            .await?;
        let key = self.0.keys().open_own_key(&wrapped, JOB_LOG, job.0).await?;
        Ok(self.0.log_keys().put(job, key))
    }
}

/// Appends what is new of a batch, in pages. False when it leaves a gap, or the record is not the job's.
async fn append(
    tx: &mut Tx,
    lease: &Lease,
    batch: &LineBatch,
    page_id: &(dyn Fn() -> Uuid + Send + Sync),
    seal: &(dyn Fn(Uuid, &str) -> Vec<u8> + Send + Sync),
) -> std::result::Result<bool, Stop> {
    let Some(have) = tx.log_lines(lease, batch.record).await? else {
        return Ok(false);
    };
    if batch.first_line > have + 1 || batch.first_line < 1 {
        return Ok(false);
    }
    let known = usize::try_from(have + 1 - batch.first_line).unwrap_or(usize::MAX);
    let mut first_line = have + 1;
    let mut page = Zeroizing::new(String::new());
    let mut count = 0_i64;
    let fresh = batch.lines.get(known..).unwrap_or_default();
    for (place, line) in fresh.iter().enumerate() {
        // A line is one line, and no longer than a page.
        let line = line.replace(['\n', '\r'], " ");
        let mut end = line.len().min(PAGE - 1);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        if count > 0 {
            page.push('\n');
        }
        page.push_str(&line[..end]);
        count += 1;
        let next = fresh.get(place + 1).map_or(usize::MAX, String::len);
        if next == usize::MAX || page.len() + 1 + next > PAGE {
            let id = page_id();
            let sealed = SealedPage {
                page: id,
                record: batch.record,
                first_line,
                lines: count,
                sealed: seal(id, &page),
            };
            tx.log_append(lease, &sealed).await?;
            first_line += count;
            count = 0;
            page.clear();
        }
    }
    Ok(true)
}

fn agent_id(caller: &Caller) -> Result<AgentId> {
    match caller.authentication {
        Authentication::Agent { agent } => Ok(agent),
        _ => Err(coffer_model::policy::Denied::WrongAuthentication.into()),
    }
}

fn record_write(update: RecordUpdate) -> Result<RecordWrite> {
    if !["pending", "inProgress", "completed"].contains(&update.state.as_str()) {
        return Err(Error::new(
            Kind::Invalid,
            "argument.invalid",
            "The state of a record is pending, inProgress or completed.",
        ));
    }
    Ok(RecordWrite {
        id: update.id,
        parent: None,
        kind: "Task",
        name: update.name,
        ref_name: update.ref_name,
        ordinal: i64::from(update.order),
        state: update.state,
        result: update.result,
        started_at: update.started_at.map(Timestamp),
        finished_at: update.finished_at.map(Timestamp),
        errors: i64::from(update.errors),
        warnings: i64::from(update.warnings),
        issues: serde_json::to_string(&update.issues).map_err(Error::internal)?,
    })
}
