//! Freezes, and who can use a file: `{project}/_apis/coffer/…`. Ours.

use crate::permissions::Permission;
use crate::{Date, IdentityRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Body of a PUT on a freeze.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FreezeRequest {
    /// Why: one line, for people.
    pub reason: String,
}

/// Something that is frozen: its contents are given to nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Freeze {
    /// `everything`, `project` or `file`.
    pub what: String,
    /// The file's or project's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Why.
    pub reason: String,
    /// Who froze it.
    pub frozen_by: IdentityRef,
    /// Since when.
    pub frozen_on: Date,
}

/// Who can use a file, and why.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileAccess {
    /// The file's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether `people` are all there are. Otherwise they are the caller alone: the rest is for administrators of the file.
    pub everybody: bool,
    /// People.
    pub people: Vec<PersonAccess>,
    /// Open access, if the file is open to every pipeline of its project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_pipelines: Option<Permission>,
    /// Open access that does not count now, because the organization does not allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_pipelines_suspended: Option<Permission>,
    /// Pipelines permitted one by one.
    pub pipelines: Vec<PipelineAccess>,
    /// What stands in the way.
    pub freezes: Vec<Freeze>,
}

/// What a person may do with a file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonAccess {
    /// Who.
    pub person: IdentityRef,
    /// `Reader`, `User`, `Administrator`, `None`, or `Custom`.
    pub role: String,
    /// Through what.
    pub through: Vec<Reach>,
}

/// An entry that reaches a person.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reach {
    /// The groups on the way, the person's own first. Empty for an entry of the person.
    pub groups: Vec<String>,
    /// `file` or `library`: where the entry stands.
    pub at: String,
    /// The role that it gives.
    pub role: String,
    /// Rights that it denies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denies: Vec<String>,
    /// Whether it counts. An inherited one does not when the file does not inherit, or when the same holder has one at it.
    pub counts: bool,
}

/// A permitted pipeline.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineAccess {
    /// Its id.
    pub id: i64,
    /// Its name, if the caller may see pipelines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The refs that it is permitted for; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refs: Option<Vec<String>>,
    /// By whom, and when.
    #[serde(flatten)]
    pub permission: Permission,
}
