//! Pipeline permissions: `{project}/_apis/pipelines/pipelinepermissions/{resourceType}/{resourceId}`.

use crate::{Date, IdentityRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which pipelines may use a protected resource.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourcePipelinePermissions {
    /// The resource; may be left out of a PATCH body, since the path names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// Open access. Absent when it is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_pipelines: Option<Permission>,
    /// Always an array; lists authorised pipelines only.
    #[serde(default)]
    pub pipelines: Vec<PipelinePermission>,
}

/// A protected resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ProtectedResource")]
pub struct Resource {
    /// `securefile`, later also `variablegroup`, `endpoint`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Id as text.
    pub id: String,
    /// Name, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A resource as `build/authorizedresources` and `build/definitions/{id}/resources` speak of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DefinitionResource {
    /// `securefile`, later also others.
    #[serde(rename = "type")]
    pub kind: String,
    /// Id as text.
    pub id: String,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Always there in answers, and needed in a PATCH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorized: Option<bool>,
    /// Ours: the refs that the permit is for; absent for all. Only in answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refs: Option<Vec<String>>,
}

/// Whether something is authorised, by whom and since when.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// `false` in a PATCH removes.
    #[serde(default)]
    pub authorized: bool,
    /// Who granted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorized_by: Option<IdentityRef>,
    /// When it was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorized_on: Option<Date>,
}

/// The permission of one pipeline.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelinePermission {
    /// The pipeline's (definition's) id.
    pub id: i64,
    /// Ours: the refs that the permit is for, in full, with `*` for any run of characters. Absent means all, in answers
    /// and in a PATCH alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refs: Option<Vec<String>>,
    /// Ours: the pipeline may also name the resource by a variable that is known only when a job is handed out. Absent
    /// means no, in answers and in a PATCH alike.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_variable: bool,
    /// The rest.
    #[serde(flatten)]
    pub permission: Permission,
}
