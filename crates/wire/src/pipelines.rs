//! Pipelines and runs: `{project}/_apis/pipelines`. A run's id is also its build id.

use crate::Date;
use crate::enums::{ConfigurationType, RepositoryType, RunResult, RunState};
use crate::envelope::ValidationResult;
use crate::permissions::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A pipeline: a name and where its YAML lives.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pipeline {
    /// Links: `self`, and `web`, the page of the pipeline.
    #[serde(rename = "_links", default)]
    pub links: serde_json::Value,
    /// Where to read it again.
    pub url: String,
    /// Integer id, unique in the organization.
    pub id: i64,
    /// Goes up with each change of the YAML.
    pub revision: i64,
    /// Unique in its folder, ignoring case.
    pub name: String,
    /// `\` is the root.
    pub folder: String,
    /// Only when one pipeline is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<Configuration>,
    /// Ours: the ref that a permit is proposed for. Absent for text stored with the definition, which has no ref.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
    /// Ours, in the answer to its creation: which of the files that the YAML names it may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
}

/// What a new pipeline was permitted to use, because its creator may, and what it will wait for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Authorization {
    /// Permitted.
    pub permitted: Vec<Resource>,
    /// Not permitted, with who can.
    pub waiting: Vec<crate::coffer::WaitingFor>,
}

/// Where a pipeline's YAML lives.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    /// Always `yaml`.
    #[serde(rename = "type")]
    pub kind: ConfigurationType,
    /// The path shown in errors, such as `azure-pipelines.yml`. Paths of templates lead from its folder.
    #[serde(default)]
    pub path: String,
    /// Ours: the text itself, stored with the definition, a revision for each change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yaml: Option<String>,
    /// Ours: the template files beside the text, stored with the same revision. A revision is whole: one that is sent
    /// without files has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PipelineFile>,
    /// Where the path is. `azure_devops_rust_api` 0.39 reads no configuration without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
}

/// A file that is stored beside a pipeline's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineFile {
    /// From the root of the folder, with `/` between folders, such as `templates/build.yml`. Case counts.
    pub path: String,
    /// Its text.
    pub content: String,
}

/// The repository of a pipeline.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    /// `unknown` for text that is stored with the definition, which is of no repository.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<RepositoryType>,
}

/// Body of POST (and, ours, PUT on one pipeline).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineRequest {
    /// The name.
    pub name: String,
    /// The folder; `\` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The YAML.
    pub configuration: Configuration,
}

/// Body of `POST …/pipelines/{id}/runs`. `{}` is valid.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RunRequest {
    /// Variables set at queue time.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, QueueVariable>,
    /// Template parameters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub template_parameters: BTreeMap<String, serde_json::Value>,
    /// Plan only: answer the final YAML, start nothing.
    pub preview_run: bool,
    /// With [`RunRequest::preview_run`] alone: this text instead of the pipeline's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yaml_override: Option<String>,
}

/// A variable set at queue time.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct QueueVariable {
    /// The value.
    pub value: String,
    /// Whether it is a secret.
    pub is_secret: bool,
}

/// Answer to a preview: the plan as one YAML text.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// The text.
    pub final_yaml: String,
    /// Ours: whether a run could be started with it on this server.
    #[serde(default = "yes")]
    pub runnable: bool,
    /// Ours: what is worth knowing, and what cannot be run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation_results: Vec<ValidationResult>,
}

fn yes() -> bool {
    true
}

/// A run of a pipeline.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Links: `self`, `web`, the page of the run, the same two of its pipeline, and `build`.
    #[serde(rename = "_links", default)]
    pub links: serde_json::Value,
    /// The pipeline it is a run of.
    pub pipeline: PipelineReference,
    /// `inProgress`, `canceling`, `completed`.
    pub state: RunState,
    /// `succeeded`, `failed`, `canceled`; absent until completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
    /// When it was queued.
    pub created_date: Date,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_date: Option<Date>,
    /// Where to read it again.
    pub url: String,
    /// Integer id, unique in the organization; also the build id.
    pub id: i64,
    /// The build number.
    pub name: String,
    /// Ours: protected resources that the run waits for; absent when it does not wait.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting_for: Vec<crate::coffer::WaitingFor>,
}

/// A pipeline, as a run names it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineReference {
    /// Where to read it.
    pub url: String,
    /// Its id.
    pub id: i64,
    /// The revision that ran.
    pub revision: i64,
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: String,
}
