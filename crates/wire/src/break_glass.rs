//! Breaking glass: two officers have the content of one file encrypted to somebody.

use crate::{Date, IdentityRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Body of `POST coffer/breakglass`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BreakGlassWish {
    /// The project, by name or id.
    pub project: String,
    /// The secure file, by name or id.
    pub file: String,
    /// Why: one line of at most 1,000 bytes, for the other officer and the audit log.
    pub reason: String,
    /// Whom the content is encrypted to: an age public key, `age1…`.
    pub recipient: String,
    /// The caller's password: breaking glass needs a sign-in in the call itself.
    #[serde(default)]
    pub password: String,
    /// The code of the second factor, for who has one.
    #[serde(default)]
    pub code: Option<String>,
}

/// Body of `POST coffer/breakglass/{requestId}/approve` and `…/export`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BreakGlassStep {
    /// The request's digest as the caller saw it: 64 hexadecimal digits.
    pub digest: String,
    /// The caller's password.
    #[serde(default)]
    pub password: String,
    /// The code of the second factor, for who has one.
    #[serde(default)]
    pub code: Option<String>,
}

/// A request to break glass. What it says never changes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BreakGlassRequest {
    /// Its id.
    pub id: String,
    /// The project's name.
    pub project: String,
    /// The file's id.
    pub file_id: String,
    /// The file's name when it was asked for.
    pub file: String,
    /// Why.
    pub reason: String,
    /// Whom the content is encrypted to.
    pub recipient: String,
    /// Who asked.
    pub requested_by: IdentityRef,
    /// When.
    pub requested_on: Date,
    /// `requested`, `approved`, `exported`, `withdrawn`, `expired`.
    pub state: String,
    /// Until when it waits in that state.
    pub until: Date,
    /// Who agreed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approved_by: Option<IdentityRef>,
    /// SHA-256 over all that was asked for: what the officers name when they agree and export.
    pub digest: String,
}

/// The content of a file, for the recipient of a request.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BreakGlassExport {
    /// The file's name.
    pub file: String,
    /// The content as an age file (age-encryption.org/v1), in base64.
    pub content: String,
}
