//! The agent protocol: register, lease, renew, feed, finish, over HTTPS.
//!
//! Ours and small; the job message keeps the shape of the original's, so that the original protocol can be added.
//! Every call but `register` carries an HTTP message signature ([`crate::signature`]). Paths: [`crate::paths::agent`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

pub use crate::builds::Issue;

/// Body of `POST coffer/agents`, with a `cof_agent_` token.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AgentRegistration")]
pub struct Register {
    /// Unique in its pool, ignoring case. Registering a known name again replaces its key.
    pub name: String,
    /// The pool; `Default` when empty.
    #[serde(default)]
    pub pool: String,
    /// `Agent.Version`: a compatibility number, apart from Coffer's own version.
    pub version: String,
    /// Coffer's version.
    #[serde(default)]
    pub coffer_version: String,
    /// Ed25519 public key, 32 bytes, base64url without padding.
    pub public_key: String,
    /// What the agent offers: names and values for demands.
    #[serde(default)]
    pub capabilities: BTreeMap<String, String>,
}

/// Answer to [`Register`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AgentRegistered")]
pub struct Registered {
    /// The agent's id: the `keyid` of its signatures.
    pub agent_id: Uuid,
    /// How long a lease lives without renewal, seconds.
    pub lease_seconds: u32,
    /// How often to renew, seconds.
    pub renew_seconds: u32,
    /// The scale unit's Ed25519 public key, 32 bytes, base64url without padding: what the agent believes an [`Anchor`] by,
    /// from now on. Absent when the key service did not answer; then the agent is no witness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_key: Option<String>,
}

/// The newest state of a database, signed by its scale unit. Nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "WitnessedAnchor")]
pub struct Anchor {
    /// The scale unit.
    pub scale_unit: String,
    /// `a1.NUMBER.ROWS.TIME.KEY.ORGANIZATION.HEAD.SIGNATURE`, as `docs/keys/anchor.md` has it.
    pub text: String,
}

/// Body of `POST coffer/agents/{id}/witness`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "WitnessTestimony")]
pub struct Testimony {
    /// The newest anchor that the agent was given, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remembered: Option<Anchor>,
}

/// Answer to [`Testimony`], given only where the database holds what the agent remembers.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "WitnessAnswer")]
pub struct Witnessed {
    /// What to remember from now on; absent when nothing can be signed at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remember: Option<Anchor>,
}

/// An agent as people see it: an element of the answer to `GET coffer/pools/agents`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredAgent {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its pool.
    pub pool: String,
    /// `Agent.Version`.
    pub version: String,
    /// Coffer's version.
    pub coffer_version: String,
    /// When it was registered, or got its newest key.
    pub registered_on: crate::Date,
}

/// Body of `POST coffer/agents/{id}/lease`. Answer: 200 [`Job`] or 204 when none came in time.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaseRequest {
    /// How long to wait for a job, seconds; the server waits at most 50.
    #[serde(default)]
    pub wait_seconds: u32,
}

/// A leased job: everything an agent needs to run it.
///
/// Holds tickets, the job token and secret variables: no `Debug`, and never written to disk.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LeasedJob")]
pub struct Job {
    /// The job.
    pub job_id: Uuid,
    /// Job name, such as `__default`.
    pub job_name: String,
    /// Job name for people.
    pub job_display_name: String,
    /// The run.
    pub run_id: i64,
    /// The plan.
    pub plan_id: Uuid,
    /// The timeline.
    pub timeline_id: Uuid,
    /// Proof of the lease; sent with renew, feed and finish.
    pub lease_token: String,
    /// Seconds until the lease ends unless renewed.
    pub lease_seconds: u32,
    /// Renew this often, seconds.
    pub renew_seconds: u32,
    /// `0` = no limit.
    pub timeout_in_minutes: u32,
    /// How long a cancelled job may still clean up.
    pub cancel_timeout_in_minutes: u32,
    /// Endpoints and secure files.
    pub resources: Resources,
    /// Job variables: system ones, then the plan's.
    pub variables: BTreeMap<String, Variable>,
    /// Values to mask besides secret variables, tickets and the job token.
    #[serde(default)]
    pub mask: Vec<String>,
    /// What the plan asks of the agent, as a pipeline writes it: `Agent.Version -gtVersion 2.182.1`.
    #[serde(default)]
    pub demands: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// What a job may reach.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "JobResources")]
pub struct Resources {
    /// Always holds `SystemVssConnection`.
    pub endpoints: Vec<Endpoint>,
    /// The files the plan names, each with a ticket for this job.
    #[serde(default)]
    pub secure_files: Vec<JobSecureFile>,
}

/// A service endpoint of a job.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "JobEndpoint")]
pub struct Endpoint {
    /// `SystemVssConnection` for the server itself.
    pub name: String,
    /// URL, of the organization for the system connection, with a slash at the end.
    pub url: String,
    /// `OAuth` for the system connection.
    pub scheme: String,
    /// `AccessToken`: the job token.
    pub parameters: BTreeMap<String, String>,
}

/// A secure file of a job.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobSecureFile {
    /// GUID.
    pub id: Uuid,
    /// The library name: where it lands in the temporary folder. The agent checks it once more.
    pub name: String,
    /// Opaque, for this job only.
    pub ticket: String,
    /// SHA-256 of the content, hex: what the agent compares.
    pub sha256: String,
    /// Bytes of the content.
    pub length: u64,
}

/// A job variable.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "JobVariable")]
pub struct Variable {
    /// The value.
    pub value: String,
    /// Masked in logs, and not in the environment of scripts.
    #[serde(default)]
    pub is_secret: bool,
    /// Not to be overwritten.
    #[serde(default)]
    pub is_read_only: bool,
}

/// A step of a job.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "JobStep")]
pub struct Step {
    /// Record id of the main stage.
    pub id: Uuid,
    /// Reference name: outputs are `name.variable`.
    pub name: String,
    /// Name for people, macros not yet expanded.
    pub display_name: String,
    /// The condition's text, such as `succeeded()`.
    pub condition: String,
    /// A failure becomes SucceededWithIssues.
    #[serde(default)]
    pub continue_on_error: bool,
    /// `0` = no limit of its own.
    #[serde(default)]
    pub timeout_in_minutes: u32,
    /// Tries after the first.
    #[serde(default)]
    pub retry_count_on_task_failure: u32,
    /// Which task.
    pub reference: TaskReference,
    /// `env:`, in order.
    #[serde(default)]
    pub environment: Vec<(String, String)>,
    /// Inputs by canonical name, in order.
    #[serde(default)]
    pub inputs: Vec<(String, String)>,
}

/// A pinned task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "JobTaskReference")]
pub struct TaskReference {
    /// The task's GUID.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its exact version.
    pub version: String,
}

/// Body of `POST coffer/agents/{id}/jobs/{jobId}/renew`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LeaseRenewal")]
pub struct Renew {
    /// From the job.
    pub lease_token: String,
}

/// Answer to renew, and to feed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LeaseRenewed")]
pub struct Renewed {
    /// The job is to be cancelled: end the running step, run what still may run, clean up, finish.
    pub cancel: bool,
}

/// Body of `POST coffer/agents/{id}/jobs/{jobId}/feed`: what happened since the last call, masked already.
///
/// May be sent again after a lost answer: records are upserts, and lines below `first_line` that the server has are dropped.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "JobFeed")]
pub struct Feed {
    /// From the job.
    pub lease_token: String,
    /// Records that are new or changed.
    #[serde(default)]
    pub records: Vec<Record>,
    /// Log lines.
    #[serde(default)]
    pub lines: Vec<Lines>,
}

/// A step's record.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "JobRecord")]
pub struct Record {
    /// Chosen by the agent for pre- and post-job stages, the step's id for main ones.
    pub id: Uuid,
    /// `Pre-job: …`, `…`, `Post-job: …`, `Initialize job`, `Finalize job`.
    pub name: String,
    /// The step's reference name.
    #[serde(default)]
    pub ref_name: Option<String>,
    /// Place in the job.
    pub order: i32,
    /// `pending`, `inProgress`, `completed`.
    pub state: String,
    /// As in [`crate::builds::TimelineRecord::result`].
    #[serde(default)]
    pub result: Option<String>,
    /// Microseconds since 1970, the agent's clock.
    #[serde(default)]
    pub start_time: Option<i64>,
    /// Microseconds since 1970, the agent's clock.
    #[serde(default)]
    pub finish_time: Option<i64>,
    /// Errors counted.
    #[serde(default)]
    pub error_count: i32,
    /// Warnings counted.
    #[serde(default)]
    pub warning_count: i32,
    /// At most ten of each type.
    #[serde(default)]
    pub issues: Vec<Issue>,
}

/// Lines of one record's log.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "JobLines")]
pub struct Lines {
    /// The record.
    pub record_id: Uuid,
    /// Number of the first line, from 1.
    pub first_line: i64,
    /// The lines with their time stamps, masked.
    pub lines: Vec<String>,
}

/// Body of `POST coffer/agents/{id}/jobs/{jobId}/finish`. The same answer if it is sent again.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "JobFinish")]
pub struct Finish {
    /// From the job.
    pub lease_token: String,
    /// `succeeded`, `succeededWithIssues`, `failed`, `canceled`.
    pub result: String,
    /// Output variables `step.name`; secret ones are left out.
    #[serde(default)]
    pub outputs: BTreeMap<String, String>,
}
