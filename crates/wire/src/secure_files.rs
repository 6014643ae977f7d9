//! Secure files: `{project}/_apis/distributedtask/securefiles`.

use crate::{Date, IdentityRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A secure file's metadata. The content is never part of it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecureFile {
    /// GUID, lower case. Never used again for another file.
    pub id: String,
    /// Unique in the project, ignoring case.
    pub name: String,
    /// Free name/value pairs. PATCH replaces the map as a whole.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// Who uploaded it.
    pub created_by: IdentityRef,
    /// When it was uploaded.
    pub created_on: Date,
    /// Who changed name or properties last.
    pub modified_by: IdentityRef,
    /// When name or properties were changed last.
    pub modified_on: Date,
    /// Only in an answer to a live job whose plan holds the file, when it asked; otherwise the member is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Ours: bytes of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Ours: SHA-256 of the content in hex. Only for callers whose role includes Use, on a single file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// Body of PATCH: name and properties; everything else a client sends is ignored.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecureFileUpdate {
    /// Must equal the id in the path when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// New name; absent keeps the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// New properties; absent keeps the old ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<BTreeMap<String, String>>,
}
