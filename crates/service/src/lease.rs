//! Handing a job to an agent: the claim, its tickets and token, and the message that says what to run.

use crate::Service;
use crate::by_variable::{Later, Named};
use crate::error::{Error, Kind, Result};
use crate::job_variables::{self, Late, Predefined};
use crate::keys::{JOB_LOG, TRIES};
use crate::tokens;
use coffer_model::act::IssueTicket;
use coffer_model::{
    Authentication, Caller, CredentialId, FileId, JobId, RecordId, RunId, Timestamp,
};
use coffer_pipeline::demands::{AGENT_VERSION, Capabilities};
use coffer_pipeline::{Job, Plan, Stage};
use coffer_seal::FileKey;
use coffer_store::{AgentRow, CredentialKind, JobRow, NewCredential, Refusal, Stop, TicketedFile};
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Ready jobs looked at in one go.
const LOOK_AT: i64 = 50;
/// How often an agent that waits is looked after when nothing wakes it: another node may have made a job ready.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Minutes of a job without a limit of its own.
const DEFAULT_TIMEOUT: u32 = 360;
/// Minutes for cleaning up after a cancel.
const DEFAULT_CANCEL_TIMEOUT: u32 = 5;
/// Renew this many times within a lease.
const RENEWALS: u32 = 3;

/// A job in an agent's hands: everything it needs to run it. Holds secrets: no `Debug`.
pub struct LeasedJob {
    /// The job.
    pub job: JobId,
    /// Its name.
    pub job_name: String,
    /// Its name for people.
    pub job_display_name: String,
    /// Its run.
    pub run: RunId,
    /// Its plan.
    pub plan_id: Uuid,
    /// Its timeline.
    pub timeline_id: Uuid,
    /// Proof of the lease.
    pub lease_token: Zeroizing<String>,
    /// Seconds until the lease ends unless renewed.
    pub lease_seconds: u32,
    /// Renew this often, seconds.
    pub renew_seconds: u32,
    /// Minutes; 0 is no limit.
    pub timeout_in_minutes: u32,
    /// Minutes for cleaning up after a cancel.
    pub cancel_timeout_in_minutes: u32,
    /// The organization's URL, with a slash at the end.
    pub collection_url: String,
    /// The job's token.
    pub token: Zeroizing<String>,
    /// The files its plan names, with tickets.
    pub files: Vec<LeasedFile>,
    /// Its variables.
    pub variables: BTreeMap<String, JobVariable>,
    /// What it asks of its agent, which looks once more.
    pub demands: Vec<String>,
    /// Its steps.
    pub steps: Vec<LeasedStep>,
}

/// A file of a leased job.
pub struct LeasedFile {
    /// The file.
    pub id: FileId,
    /// Its name.
    pub name: String,
    /// The ticket: for this job and this file.
    pub ticket: Zeroizing<String>,
    /// SHA-256 of the content, hex.
    pub sha256: String,
    /// Bytes of content.
    pub length: u64,
}

/// A variable of a leased job.
pub struct JobVariable {
    /// Its value.
    pub value: Zeroizing<String>,
    /// Whether it is masked and kept from scripts.
    pub secret: bool,
    /// Whether a step may overwrite it.
    pub read_only: bool,
}

/// A step of a leased job.
#[derive(Clone, Debug)]
pub struct LeasedStep {
    /// The id of its record.
    pub id: RecordId,
    /// Reference name.
    pub name: String,
    /// Name for people.
    pub display_name: String,
    /// Condition.
    pub condition: String,
    /// A failure becomes SucceededWithIssues.
    pub continue_on_error: bool,
    /// Minutes; 0 is no limit of its own.
    pub timeout_in_minutes: u32,
    /// Tries after the first.
    pub retry_count: u32,
    /// The task.
    pub task_id: Uuid,
    /// Its name.
    pub task_name: String,
    /// Its exact version.
    pub task_version: String,
    /// `env:`.
    pub environment: Vec<(String, String)>,
    /// Inputs.
    pub inputs: Vec<(String, String)>,
}

/// A file of a claimed job: what can be opened only after the claim has committed.
struct ClaimedFile {
    id: FileId,
    told: TicketedFile,
    ticket: Zeroizing<String>,
}

/// Waits for a job that this agent can run, and leases it.
pub(crate) async fn lease(
    service: &Service,
    caller: &Caller,
    wait: Duration,
    base_url: &str,
) -> Result<Option<LeasedJob>> {
    let agent = agent_of(service, caller).await?;
    let capabilities = capabilities_of(&agent);
    let deadline = tokio::time::Instant::now() + wait;
    loop {
        // Registered before the look, so that nothing is missed in between.
        let woken = service.0.ready.notified();
        let ready = service.store().read().await?.jobs_ready(LOOK_AT).await?;
        for row in ready {
            if let Some(job) = claim(service, caller, &agent, &capabilities, row, base_url).await? {
                return Ok(Some(job));
            }
        }
        let now = tokio::time::Instant::now();
        if now >= deadline {
            return Ok(None);
        }
        // Either way the queue is looked at again.
        let _ = tokio::time::timeout(LOOK_EVERY.min(deadline - now), woken).await;
    }
}

pub(crate) async fn agent_of(service: &Service, caller: &Caller) -> Result<AgentRow> {
    let Authentication::Agent { agent } = caller.authentication else {
        return Err(Error::from(
            coffer_model::policy::Denied::WrongAuthentication,
        ));
    };
    let row = service.store().read().await?.agent(agent).await?;
    row.ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            "agent.unknown",
            "This agent is not registered. Register it again.",
        )
    })
}

fn capabilities_of(agent: &AgentRow) -> Capabilities {
    let mut pairs: BTreeMap<String, String> =
        serde_json::from_str(&agent.capabilities).unwrap_or_default();
    pairs.insert(AGENT_VERSION.into(), agent.version.clone());
    pairs.insert("Agent.Name".into(), agent.name.clone());
    pairs.into_iter().collect()
}

/// What the agent lacks, but for the version: a job that asks for a newer agent fails there, with both numbers.
fn fits(job: &Job, capabilities: &Capabilities) -> bool {
    capabilities
        .unmet(&job.demands)
        .iter()
        .all(|unmet| unmet.demand.name.eq_ignore_ascii_case(AGENT_VERSION))
}

async fn claim(
    service: &Service,
    caller: &Caller,
    agent: &AgentRow,
    capabilities: &Capabilities,
    row: JobRow,
    base_url: &str,
) -> Result<Option<LeasedJob>> {
    let Ok(plan) = serde_json::from_str::<Plan>(&row.plan) else {
        return Err(Error::new(
            Kind::Internal,
            "internal",
            "A stored plan cannot be read.",
        ));
    };
    let Some((stage, job)) = place(&plan, &row) else {
        return Err(Error::new(
            Kind::Internal,
            "internal",
            "A stored plan does not hold its job.",
        ));
    };
    if !fits(job, capabilities) {
        return Ok(None);
    }
    let lease_token = tokens::secret(service.entropy());
    let token = tokens::mint(CredentialKind::Job, service.entropy());
    let timeout = job.timeout_in_minutes.unwrap_or(DEFAULT_TIMEOUT);
    let cancel_timeout = job
        .cancel_timeout_in_minutes
        .unwrap_or(DEFAULT_CANCEL_TIMEOUT);
    let collection_url = format!("{}/", base_url.trim_end_matches('/'));
    let mut read = service.store().read().await?;
    let project_name = read.project_name(row.project).await?;
    let project_name = project_name.ok_or_else(|| Error::from(Refusal::NotFound))?;
    let values = read.job_values(row.id).await?;
    drop(read);
    let predefined = Predefined {
        organization: service.organization().id,
        project: (row.project, &project_name),
        pipeline: (row.pipeline, &row.pipeline_name, row.revision),
        requested_by: (&row.requested_by.0, &row.requested_by.1),
        trusted: row.source.trusted(),
        late: Some(Late::of(&row, &collection_url)),
    };
    let system = predefined.of_job(stage, job);
    let variables = job_variables::of(&plan, stage, job, &values, system, &token);
    let later = Later::of(service, &row, job, &variables).await?;
    let Some((claimed, named)) = commit_claim(
        service,
        caller,
        agent,
        &row,
        later,
        &lease_token,
        &token,
        life(timeout, cancel_timeout),
    )
    .await?
    else {
        return Ok(None);
    };
    let mut files = Vec::with_capacity(claimed.len());
    for ClaimedFile { id, told, ticket } in claimed {
        let context = service.keys().context(row.project, id.0);
        let (_, contents) = service
            .keys()
            .open_file_key(&told.key, &told.preamble, context)
            .await?;
        files.push(LeasedFile {
            id,
            name: told.name,
            ticket,
            sha256: contents.sha256.to_hex(),
            length: contents.length,
        });
    }
    Ok(Some(LeasedJob {
        job: row.id,
        job_name: job.name.clone(),
        job_display_name: job.display_name.clone(),
        run: row.run,
        plan_id: row.plan_id,
        timeline_id: row.timeline,
        lease_token,
        lease_seconds: service.0.lease_seconds,
        renew_seconds: (service.0.lease_seconds / RENEWALS).max(1),
        timeout_in_minutes: timeout,
        cancel_timeout_in_minutes: cancel_timeout,
        collection_url,
        token,
        files,
        variables,
        demands: job.demands.iter().map(ToString::to_string).collect(),
        steps: job
            .steps
            .iter()
            .map(|step| leased_step(service, step, &named))
            .collect(),
    }))
}

/// Seconds that a job's token may live at most: its time-outs, and a little for the clocks. A day without a limit.
fn life(timeout: u32, cancel_timeout: u32) -> i64 {
    match timeout {
        0 => 24 * 3600,
        minutes => i64::from(minutes + cancel_timeout) * 60 + 300,
    }
}

fn place<'a>(plan: &'a Plan, row: &JobRow) -> Option<(&'a Stage, &'a Job)> {
    let index = |ordinal: i64| usize::try_from(ordinal - 1).ok();
    let stage = plan.stages.get(index(row.stage)?)?;
    Some((stage, stage.jobs.get(index(row.ordinal)?)?))
}

async fn commit_claim(
    service: &Service,
    caller: &Caller,
    agent: &AgentRow,
    row: &JobRow,
    later: Later,
    lease_token: &str,
    token: &str,
    life: i64,
) -> Result<Option<(Vec<ClaimedFile>, Named)>> {
    let failed = RecordId::random(service.entropy());
    let lease_hash = tokens::hash(lease_token);
    let token_hash = tokens::hash(token);
    let credential = CredentialId::random(service.entropy());
    let log_key = FileKey::generate(service.entropy());
    let lease_seconds = i64::from(service.0.lease_seconds);
    let (caller, agent, row, entropy) = (
        caller.clone(),
        agent.clone(),
        row.clone(),
        service.0.entropy.clone(),
    );
    let job = row.id;
    let mut tried = 0;
    let claimed = loop {
        tried += 1;
        let (key_id, project_key) = service.keys().active(row.project).await?;
        let wrapped_log_key = project_key.wrap_own_key(JOB_LOG, job.0, &log_key, service.entropy());
        let (caller, agent, row) = (caller.clone(), agent.clone(), row.clone());
        let (later, entropy) = (later.clone(), entropy.clone());
        let claimed = service.store().write("job.lease", move |tx| {
            let (caller, agent, row) = (caller.clone(), agent.clone(), row.clone());
            let (wrapped_log_key, entropy) = (wrapped_log_key.clone(), entropy.clone());
            let later = later.clone();
            Box::pin(async move {
                let until = tx.now().plus_seconds(lease_seconds);
                let Some(lease) = tx
                    .job_claim(&row, agent.id, &agent.name, &lease_hash, until)
                    .await?
                else {
                    return Ok(None);
                };
                // A permission may have gone away since the stage started.
                if !crate::checks::evaluate(tx, row.run, row.stage).await? {
                    tx.job_wait_again(lease, &row).await?;
                    return Ok(None);
                }
                let Some((lease, named)) = later.settle(tx, lease, &row, failed).await? else {
                    return Ok(None);
                };
                let steps = later.steps_by_file(&named);
                let mut files = Vec::new();
                // A fork, or what nobody knows, is given nothing: its agent skips the steps that would use a file.
                let given = if row.source.trusted() {
                    tx.job_files(row.id).await?
                } else {
                    Vec::new()
                };
                for file in given {
                    let act = IssueTicket {
                        project: row.project,
                        file,
                        run: row.run,
                        job: row.id,
                    };
                    let steps = steps.get(&file.0).cloned().unwrap_or_default();
                    let details = [("steps", steps)];
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    let ticket = tokens::secret(&*entropy);
                    let told = tx.ticket_insert(grant, &tokens::hash(&ticket)).await?;
                    files.push(ClaimedFile {
                        id: file,
                        told,
                        ticket,
                    });
                }
                let new = NewCredential {
                    scopes: "app_token".into(),
                    id: credential,
                    kind: CredentialKind::Job,
                    hash: token_hash,
                    label: format!("job {}", row.id),
                    expires_at: Timestamp(tx.now().plus_seconds(life).0),
                };
                let identity = tx.build_service(row.project).await?;
                tx.job_credential_insert(&lease, &new, identity).await?;
                tx.job_log_key_insert(&lease, key_id, &wrapped_log_key)
                    .await?;
                Ok(Some((files, named)))
            })
        });
        match claimed.await {
            // A rotation came between.
            Err(Stop::Refused(Refusal::KeyNotActive)) if tried < TRIES => {}
            claimed => break claimed?,
        }
    };
    if claimed.is_some() {
        service.log_keys().put(job, log_key);
    }
    Ok(claimed)
}

fn leased_step(service: &Service, step: &coffer_pipeline::Step, named: &Named) -> LeasedStep {
    let pairs = |entries: &coffer_pipeline::Entries| {
        entries
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    };
    LeasedStep {
        id: RecordId::random(service.entropy()),
        name: step.reference_name.clone(),
        display_name: step.display_name.clone(),
        condition: step.condition.to_string(),
        continue_on_error: step.continue_on_error,
        timeout_in_minutes: step.timeout_in_minutes.unwrap_or(0),
        retry_count: step.retry_count,
        task_id: step.task.id,
        task_name: step.task.name.clone(),
        task_version: step.task.version.to_string(),
        environment: pairs(&step.env),
        inputs: step
            .inputs
            .iter()
            .map(|(name, value)| {
                let key = (step.reference_name.clone(), name.to_owned());
                let value = named.values.get(&key).map_or(value, String::as_str);
                (name.to_owned(), value.to_owned())
            })
            .collect(),
    }
}
