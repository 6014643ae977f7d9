//! Builds, timelines and logs: `{project}/_apis/build/builds`. A build is a run seen by the older API.

use crate::enums::{
    BuildReason, BuildResult, BuildStatus, DefinitionQueueStatus, DefinitionType, IssueType,
    ProjectState, ProjectVisibility, QueuePriority, TaskResult, TimelineRecordState,
};
use crate::{Date, IdentityRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A build: the same run as in [`crate::pipelines::Run`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Build {
    /// Links: `self`, the `timeline`, and `web`, the page of the run.
    #[serde(rename = "_links", default)]
    pub links: serde_json::Value,
    /// The run's id.
    pub id: i64,
    /// The run's name.
    pub build_number: String,
    /// `notStarted`, `inProgress`, `cancelling`, `completed`.
    pub status: BuildStatus,
    /// `succeeded`, `partiallySucceeded`, `failed`, `canceled`; absent until completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<BuildResult>,
    /// When it was queued.
    pub queue_time: Date,
    /// When its first job started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Date>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_time: Option<Date>,
    /// Where to read it again.
    pub url: String,
    /// The pipeline.
    pub definition: DefinitionReference,
    /// The project.
    pub project: ProjectReference,
    /// `normal`.
    pub priority: QueuePriority,
    /// `manual`.
    pub reason: BuildReason,
    /// Who queued it.
    pub requested_by: IdentityRef,
    /// For whom it was queued.
    pub requested_for: IdentityRef,
}

/// A pipeline as builds name it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DefinitionReference {
    /// The pipeline's id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its folder.
    pub path: String,
    /// Its revision.
    pub revision: i64,
    /// `build`.
    #[serde(rename = "type")]
    pub kind: DefinitionType,
    /// Where to read the pipeline. `azure_devops_rust_api` 0.39 reads no build without this, the state and the project.
    pub url: String,
    /// `enabled`.
    pub queue_status: DefinitionQueueStatus,
    /// The project, once more.
    pub project: ProjectReference,
}

/// A project as other resources name it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectReference {
    /// GUID.
    pub id: String,
    /// Name.
    pub name: String,
    /// `wellFormed`.
    pub state: ProjectState,
    /// `private`.
    pub visibility: ProjectVisibility,
}

/// Everything that happened in a run, as a flat list of records with parents.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// GUID.
    pub id: String,
    /// Goes up with each change.
    pub change_id: i64,
    /// The records.
    pub records: Vec<TimelineRecord>,
}

/// One stage, job, checkpoint or step of a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineRecord {
    /// GUID.
    pub id: String,
    /// The record it is part of.
    #[serde(default)]
    pub parent_id: Option<String>,
    /// `Stage`, `Checkpoint`, `Checkpoint.Authorization`, `Phase`, `Job`, `Task`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name people see.
    pub name: String,
    /// The name expressions use.
    #[serde(default)]
    pub ref_name: Option<String>,
    /// `pending`, `inProgress`, `completed`.
    pub state: TimelineRecordState,
    /// `succeeded`, `succeededWithIssues`, `failed`, `canceled`, `skipped`, `abandoned`.
    #[serde(default)]
    pub result: Option<TaskResult>,
    /// When it started.
    #[serde(default)]
    pub start_time: Option<Date>,
    /// When it ended.
    #[serde(default)]
    pub finish_time: Option<Date>,
    /// Place among its siblings.
    #[serde(default)]
    pub order: i32,
    /// Errors counted, also those beyond the ten that are kept.
    #[serde(default)]
    pub error_count: i32,
    /// Warnings counted.
    #[serde(default)]
    pub warning_count: i32,
    /// At most ten of each type.
    #[serde(default)]
    pub issues: Vec<Issue>,
    /// Its log, if it has one.
    #[serde(default)]
    pub log: Option<LogReference>,
    /// The agent that ran it.
    #[serde(default)]
    pub worker_name: Option<String>,
}

/// A warning or an error of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Issue {
    /// `error` or `warning`.
    #[serde(rename = "type")]
    pub kind: IssueType,
    /// `Code` or `General`.
    #[serde(default)]
    pub category: String,
    /// The text, masked.
    pub message: String,
}

/// Which log a record has.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogReference {
    /// Integer, unique in the run.
    pub id: i64,
    /// `Container`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Where to read it.
    #[serde(default)]
    pub url: String,
    /// Lines so far. Present in the list of logs.
    #[serde(default)]
    pub line_count: i64,
}
