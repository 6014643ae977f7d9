//! People, groups and services on the wire: the graph, the older identities, and projects with their operations.
//!
//! Shapes of the published API; the comments say what is particular here.

use crate::Date;
use crate::enums::{OperationStatus, ProcessType, ProjectState, ProjectVisibility};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A subject of the graph: `subjectKind` is `user` or `group`. A service is a user of the domain `Build` or `Agent`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GraphSubject {
    /// `user` or `group`.
    pub subject_kind: String,
    /// What a group is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it belongs: `vstfs:///Classification/TeamProject/{id}` for a group of a project.
    #[serde(default)]
    pub domain: String,
    /// A person's sign-in name; `[Project]\Name` of a group.
    #[serde(default)]
    pub principal_name: String,
    /// The sign-in name, where it is an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_address: Option<String>,
    /// `vsts`: kept here.
    #[serde(default)]
    pub origin: String,
    /// The identity's GUID.
    #[serde(default)]
    pub origin_id: String,
    /// The name people see.
    #[serde(default)]
    pub display_name: String,
    /// The subject descriptor.
    #[serde(default)]
    pub descriptor: String,
    /// Where it is.
    #[serde(default)]
    pub url: String,
    /// Where its memberships and storage key are.
    #[serde(rename = "_links", default, skip_serializing_if = "Value::is_null")]
    pub links: Value,
}

/// Body of `POST graph/groups`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewGraphGroup {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A group of another directory; not supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_id: Option<String>,
    /// A group of another directory; not supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_address: Option<String>,
}

/// Body of `POST graph/users`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewGraphUser {
    /// The sign-in name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_name: Option<String>,
    /// Read as the sign-in name where there is no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_address: Option<String>,
    /// The name people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// One step of a JSON Patch.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PatchStep {
    /// `replace` or `add`.
    pub op: String,
    /// `/displayName`, `/description`.
    pub path: String,
    /// The new value.
    #[serde(default)]
    pub value: Value,
}

/// Answer of `GET graph/descriptors/{storageKey}` and `GET graph/storagekeys/{subjectDescriptor}`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct GraphValue {
    /// The descriptor, or the GUID.
    pub value: String,
    /// Where it is, and what it belongs to.
    #[serde(rename = "_links", default, skip_serializing_if = "Value::is_null")]
    pub links: Value,
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GraphMembership {
    /// The group.
    pub container_descriptor: String,
    /// Who.
    pub member_descriptor: String,
}

/// Answer of `GET graph/membershipstates/{subjectDescriptor}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GraphMembershipState {
    /// Whether it can sign in, or stand for those who can.
    pub active: bool,
}

/// Body of `POST graph/subjectlookup`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubjectLookup {
    /// What to look up.
    pub lookup_keys: Vec<SubjectKey>,
}

/// A key of a look-up.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SubjectKey {
    /// A subject descriptor.
    pub descriptor: String,
}

/// Answer of `POST graph/subjectlookup`, by descriptor. What is not there is left out.
pub type SubjectsFound = crate::Dictionary<GraphSubject>;

/// Body of `POST graph/subjectquery`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubjectQuery {
    /// Part of a name.
    pub query: String,
    /// `User`, `Group`; all when absent.
    #[serde(default)]
    pub subject_kind: Vec<String>,
    /// Only those of this project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_descriptor: Option<String>,
}

/// An identity of the older service.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// GUID, lower case.
    pub id: String,
    /// `Type;Identifier`.
    pub descriptor: String,
    /// Graph descriptor.
    pub subject_descriptor: String,
    /// The name people see.
    pub provider_display_name: String,
    /// Whether it is not shut out.
    pub is_active: bool,
    /// Whether it is a group.
    pub is_container: bool,
    /// Identity descriptors of who is in it; only when asked for.
    pub members: Vec<String>,
    /// Identity descriptors of groups it is in; only when asked for.
    pub member_of: Vec<String>,
    /// Ids of who is in it; only when asked for.
    pub member_ids: Vec<String>,
    /// All zero, as a hosted identity that was never merged has it.
    pub master_id: String,
    /// `SchemaClassName`, `Account`, `Domain` and others, each with its type.
    pub properties: BTreeMap<String, Value>,
    /// 2.
    pub resource_version: i32,
    /// 0 person, 1 group, 255 unknown.
    pub meta_type_id: i32,
}

/// A project.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamProject {
    /// GUID.
    #[serde(default)]
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it is.
    #[serde(default)]
    pub url: String,
    /// `wellFormed`.
    #[serde(default)]
    pub state: ProjectState,
    /// Counts changes.
    #[serde(default)]
    pub revision: i64,
    /// `private`.
    #[serde(default)]
    pub visibility: ProjectVisibility,
    /// When it was changed last.
    #[serde(default)]
    pub last_update_time: Date,
    /// Process and version control, as texts; only when asked for.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub capabilities: Value,
    /// The group Contributors, which stands where the original has a team.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub default_team: Value,
    /// Links.
    #[serde(rename = "_links", default, skip_serializing_if = "Value::is_null")]
    pub links: Value,
}

/// Body of `POST` and `PATCH projects`. What else clients send there (a process, version control) is not looked at.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamProjectChange {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `private`; nothing else is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<ProjectVisibility>,
}

/// How a project tracks work, which Coffer does not. Clients look its name up by the id in a project's capabilities.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// GUID, lower case.
    pub id: String,
    /// `Basic`.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether new projects get it.
    pub is_default: bool,
    /// `system`.
    #[serde(rename = "type")]
    pub kind: ProcessType,
    /// Where it is.
    pub url: String,
}

/// A project's creation or change. It is over when it is answered; clients that wait for it hear so.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OperationReference {
    /// GUID; here, that of the project.
    pub id: Uuid,
    /// `succeeded`.
    pub status: OperationStatus,
    /// Where it is.
    pub url: String,
}
