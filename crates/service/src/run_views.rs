//! What the use cases of runs answer: a run, what it waits for, its timeline and its logs.

use crate::error::Problem;
use crate::jobs::IssueView;
use crate::pipelines::PipelineView;
use crate::waits::StageWaits;
use coffer_model::library::{Freeze, Person, Resource};
use coffer_model::run::{Outcome, RunState};
use coffer_model::{RecordId, RunId, Timestamp};
use coffer_store::{RunRow, Why};
use uuid::Uuid;

/// What a run is started with.
#[derive(Clone, Debug, Default)]
pub struct RunInput {
    /// Variables set at queue time: name, value, whether it is a secret.
    pub variables: Vec<(String, String, bool)>,
    /// Values of the pipeline's parameters.
    pub parameters: Vec<(String, serde_json::Value)>,
    /// Plan only.
    pub preview: bool,
    /// This text instead of the stored one; of a preview alone.
    pub yaml_override: Option<String>,
    /// The ref that the request names. A claim: it goes on record and decides nothing.
    pub claimed_ref: Option<String>,
}

/// What a run would do.
#[derive(Clone, Debug)]
pub struct PreviewView {
    /// The pipeline as YAML, templates put in.
    pub final_yaml: String,
    /// Whether a run could be started with it.
    pub runnable: bool,
    /// What is worth knowing, and what cannot be run.
    pub notes: Vec<Problem>,
}

/// A run.
#[derive(Clone, Debug)]
pub struct RunView {
    /// Its id: also the build id.
    pub id: RunId,
    /// Its number.
    pub name: String,
    /// Its pipeline, with the revision that runs.
    pub pipeline: PipelineView,
    /// Where it is.
    pub state: RunState,
    /// How it ended.
    pub result: Option<Outcome>,
    /// Who queued it.
    pub requested_by: Person,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When its first job started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Protected resources that it waits for.
    pub waiting_for: Vec<Waiting>,
}

impl RunView {
    pub(crate) fn of(row: RunRow, waits: Vec<StageWaits>) -> Self {
        Self {
            id: row.id,
            name: row.name,
            pipeline: PipelineView {
                files: Vec::new(),
                id: row.pipeline,
                name: row.pipeline_name,
                folder: row.folder,
                revision: row.revision,
                path: String::new(),
                yaml: None,
                default_ref: None,
                authorization: None,
            },
            state: row.state,
            result: row.result,
            requested_by: row.requested_by,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            waiting_for: waits.into_iter().flat_map(|stage| stage.waiting).collect(),
        }
    }
}

/// A protected resource that a run waits for.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The resource.
    pub resource: Resource,
    /// Its name, if the caller may see it.
    pub name: Option<String>,
    /// The stage that waits; empty when no run does yet.
    pub stage: String,
    /// What is in the way.
    pub why: Why,
    /// What is missing.
    pub message: String,
    /// Whether the caller may grant it.
    pub you_may_permit: bool,
    /// Who may, if the caller may see that.
    pub who_may_permit: Vec<String>,
    /// The freezes that hold it, if the caller may see that.
    pub freezes: Vec<Freeze>,
    /// When the stage is skipped if it still waits then.
    pub until: Option<Timestamp>,
}

/// A run's timeline.
#[derive(Clone, Debug)]
pub struct TimelineView {
    /// Its id.
    pub id: Uuid,
    /// Goes up with each change.
    pub change: i64,
    /// Its records.
    pub records: Vec<RecordView>,
}

/// A record of a timeline.
#[derive(Clone, Debug)]
pub struct RecordView {
    /// Its id.
    pub id: RecordId,
    /// What it is part of.
    pub parent: Option<RecordId>,
    /// `Stage`, `Checkpoint.Authorization`, `Job`, `Task`.
    pub kind: String,
    /// The name people see.
    pub name: String,
    /// The name expressions use.
    pub ref_name: Option<String>,
    /// Place among its siblings.
    pub order: i32,
    /// `pending`, `inProgress`, `completed`.
    pub state: String,
    /// How it ended.
    pub result: Option<Outcome>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Errors counted.
    pub errors: i32,
    /// Warnings counted.
    pub warnings: i32,
    /// Issues.
    pub issues: Vec<IssueView>,
    /// Its log.
    pub log: Option<i64>,
    /// Lines of its log.
    pub log_lines: i64,
    /// The agent that ran it.
    pub worker: Option<String>,
}

/// A log of a run.
#[derive(Clone, Debug)]
pub struct LogView {
    /// Its number in the run.
    pub id: i64,
    /// The record whose log it is.
    pub record: RecordId,
    /// Lines so far.
    pub lines: i64,
    /// When its record started.
    pub created_at: Timestamp,
    /// When its record last changed.
    pub changed_at: Timestamp,
}

/// Lines of a log.
#[derive(Clone, Debug, Default)]
pub struct LogText {
    /// The lines.
    pub lines: Vec<String>,
}
