//! Our own routes, in the area `coffer`: `{organization}[/{project}]/_apis/coffer/…`.

use crate::enums::{ProjectCreators, TokenKind};
use crate::permissions::Resource;
use crate::{Date, IdentityRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A protected resource that a run waits for.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingFor {
    /// The resource. Its name is left out when the viewer may not see it.
    pub resource: Resource,
    /// The stage that waits; empty when no run does yet.
    pub stage: String,
    /// What is missing, for people.
    pub message: String,
    /// Whether the caller may grant it.
    pub you_may_permit: bool,
    /// Who may grant it, when the caller may see that.
    #[serde(default)]
    pub who_may_permit: Vec<String>,
    /// `notPermitted`, `otherRef`, `frozen` or `deleted`.
    #[serde(default)]
    pub why: String,
    /// When the stage is skipped if it still waits then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// Body of `POST coffer/signin`: trades the one-time code of the first start for a token.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FirstSignIn {
    /// The one-time code.
    pub code: String,
    /// The name the administrator chooses.
    pub unique_name: String,
    /// A label for the token.
    pub label: String,
}

/// Body of `POST coffer/signin/password`: trades name and password for a token. No `Debug`: it holds secrets.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordSignIn {
    /// Sign-in name.
    pub user: String,
    /// Password.
    pub password: String,
    /// Code of the second factor, or a recovery code, for who uses one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// A label for the token.
    pub label: String,
    /// Days until the token ends; 30 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// What the token is good for; everything when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// Body of `POST coffer/signin/newpassword`: sets a password with a one-time code. No `Debug`: it holds secrets.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewPassword {
    /// The one-time code of an administrator.
    pub code: String,
    /// The password, at least 12 characters.
    pub password: String,
}

/// Body of `POST coffer/invitations`, `POST coffer/secondfactorresets` and `POST coffer/signouts`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// Sign-in name of whom it is about.
    pub user: String,
}

/// A one-time code for setting a password, shown once. No `Debug`: it holds a secret.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordCode {
    /// The code.
    pub code: String,
    /// When it ends.
    pub expires_on: Date,
    /// Who sets a password with it.
    pub identity: IdentityRef,
}

/// A token, shown once.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedToken {
    /// The token's id: what lists and revocation use.
    pub id: Uuid,
    /// The value. It is stored hashed only and cannot be shown again.
    pub token: String,
    /// When it ends.
    pub expires_on: Date,
    /// What it is good for, words separated by spaces.
    #[serde(default)]
    pub scope: String,
    /// Whose it is.
    pub identity: IdentityRef,
}

/// Body of `POST coffer/tokens`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRequest {
    /// What it is for.
    pub label: String,
    /// Days until it ends; at most what the organization allows.
    pub days: u32,
    /// Whose; the caller's own when absent. Only an administrator may make one for somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `pat` (default) or `agent` (registers agents, nothing else).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<TokenKind>,
    /// What it is good for: words such as `vso.build`, separated by spaces; everything when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// A token's record, without its value.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRecord {
    /// Id.
    pub id: Uuid,
    /// `pat`, `agent`, `job`.
    pub kind: String,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created_on: Date,
    /// When it ends.
    pub expires_on: Date,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_on: Option<Date>,
    /// What it is good for, words separated by spaces.
    #[serde(default)]
    pub scope: String,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<IdentityRef>,
    /// When it was last used, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_on: Option<Date>,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_from: Option<String>,
}

/// The organization and its switches: answer of `GET` and `PATCH coffer/organization`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// GUID.
    pub id: Uuid,
    /// Its name, as it stands in URLs.
    pub name: String,
    /// Whether a secure file may be open to all pipelines of its project.
    pub open_access_allowed: bool,
    /// Whether people may sign in with a password kept here.
    pub password_sign_in_allowed: bool,
    /// `administrators` or `everybody`.
    pub project_creators: ProjectCreators,
    /// The longest life of a new token, days.
    pub max_token_days: u32,
}

/// Body of `PATCH coffer/organization`; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrganizationChange {
    /// See [`Organization`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_access_allowed: Option<bool>,
    /// See [`Organization`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_sign_in_allowed: Option<bool>,
    /// See [`Organization`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_creators: Option<ProjectCreators>,
    /// See [`Organization`]; 1 to 365.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_token_days: Option<u32>,
}

/// Body of `POST coffer/users`, and with `id` the answer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// GUID; in answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Sign-in name, unique ignoring case.
    pub unique_name: String,
    /// The name people see; the sign-in name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Whether the person is shut out; in answers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// Groups, such as `Contributors` (with a project) or `Project Collection Administrators`.
    #[serde(default)]
    pub groups: Vec<GroupReference>,
}

/// Body of `PATCH coffer/users/{userId}`; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserChange {
    /// The name people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Whether the person is shut out: tokens and sessions end at once, and for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// A group, of a project or of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupReference {
    /// Project name; absent for a group of the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// `Project Administrators`, `Contributors`, `Readers`, …
    pub name: String,
}

/// Body of `POST coffer/projects`, and with `id` the answer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// GUID; in answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Unique ignoring case.
    pub name: String,
}

/// One line of the audit log, also one line of an export (JSON Lines).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Place in the chain; absent until the row is linked (within a second).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
    /// Salted digest of the event, hex.
    pub digest: String,
    /// Digest over the chain up to here, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// The salt, hex; absent with the event in a filtered export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// The event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<AuditEvent>,
}

/// Who did what, when, from where, by which authentication, in which run, job and step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// GUID.
    pub id: Uuid,
    /// Microseconds since 1970, UTC.
    pub time: i64,
    /// Such as `SecureFile.Downloaded`.
    pub action: String,
    /// `allowed` or `denied`.
    pub outcome: String,
    /// Who.
    pub actor: AuditActor,
    /// Project GUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Uuid>,
    /// `securefile`, `pipeline`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// Run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<i64>,
    /// Job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Uuid>,
    /// More, as text; never content, tokens or tickets.
    #[serde(default)]
    pub details: std::collections::BTreeMap<String, String>,
}

/// The actor of an audit event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditActor {
    /// Identity GUID; all zero for nobody.
    pub id: Uuid,
    /// Name at that time.
    pub name: String,
    /// `token`, `job`, `agent`, `system`, `anonymous`.
    pub authentication: String,
    /// Network address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// Answer of `GET coffer/audit/verify`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditVerification {
    /// Whether everything linked is as it was written.
    pub intact: bool,
    /// Linked rows checked.
    pub linked: i64,
    /// Rows written but not linked yet.
    pub unlinked: i64,
    /// The chain's head, hex.
    pub head: String,
    /// What is wrong, a sentence each.
    #[serde(default)]
    pub problems: Vec<String>,
    /// What was shown, a sentence each.
    #[serde(default)]
    pub proved: Vec<String>,
    /// What was not, and what would show it.
    #[serde(default)]
    pub not_proved: Vec<String>,
}
