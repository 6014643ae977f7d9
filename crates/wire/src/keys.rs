//! Keys: root generations, rotations, and a new file key for one file. Ours.

use crate::Date;
use crate::audit::SignedRecord;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A root generation, and what still sits under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyGeneration {
    /// Its id, which only its provider understands.
    pub id: String,
    /// The scale unit that it is for.
    pub scale_unit: String,
    /// The provider that has it: `file`, `vault`, `azure`, `aws`, `pkcs11`.
    pub provider: String,
    /// `active`, `draining`, `retired`, `disabled`, `destroyed`.
    pub state: String,
    /// When it was made, or taken over.
    pub made_on: Date,
    /// When nothing needed it any more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retired_on: Option<Date>,
    /// When the key service was told to refuse it, while it is `disabled`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub disabled_on: Option<Date>,
    /// It is destroyed after this, and with it whatever only it opens, in every backup.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub destroyed_after: Option<Date>,
    /// When it was destroyed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub destroyed_on: Option<Date>,
    /// Whether the server has the credential to disable and destroy it. If not, somebody does it in the key service.
    pub ended_by_server: bool,
    /// Project keys under it that open something: active and draining ones.
    pub project_keys: i64,
    /// Keys of files, logs and secrets that those wrap.
    pub wraps: i64,
    /// Secrets of the server's own that it wraps itself.
    pub secrets: i64,
}

/// A rotation of all keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRotation {
    /// Its number, from 1.
    pub number: i64,
    /// Why it is: `deployment`, `request`, `move`.
    pub cause: String,
    /// `running`, `failing`, `done`. A failing one is tried again by the server itself.
    pub state: String,
    /// The deployments that it is for.
    pub deployments: Vec<String>,
    /// The provider that wraps the new project keys.
    pub provider: String,
    /// The root generation that was active when it began.
    pub from: String,
    /// The one that wraps new project keys; none until that is settled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub generation: Option<String>,
    /// Why the root generation stays as it was, if it does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kept: Option<String>,
    /// When it began.
    pub began_on: Date,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_on: Option<Date>,
    /// What it has done so far.
    pub done: KeyRotationDone,
    /// What it has still to do; none once it has ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub left: Option<KeyRotationLeft>,
    /// Why it does not go on, if it does not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<KeyRotationFailure>,
    /// The signed report that it ended in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub report: Option<SignedRecord>,
}

/// What a rotation has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRotationDone {
    /// Project keys made.
    pub project_keys: i64,
    /// Keys of files, logs and secrets wrapped anew.
    pub wraps: i64,
    /// Secrets of the server's own wrapped anew.
    pub secrets: i64,
    /// Versions of project keys retired.
    pub retired_keys: i64,
    /// Root generations retired.
    pub retired_generations: i64,
    /// Wrapped keys that did not open, and were left as they are. Known at its end.
    pub unopened: i64,
}

/// What a rotation has still to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRotationLeft {
    /// Project keys to be made.
    pub project_keys: i64,
    /// Keys of files, logs and secrets to be wrapped anew.
    pub wraps: i64,
    /// Secrets of the server's own.
    pub secrets: i64,
}

/// Why a rotation does not go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRotationFailure {
    /// How often it failed since it last went on.
    pub failures: i64,
    /// Since when.
    pub since: Date,
    /// What was wrong the last time.
    pub message: String,
    /// When it is tried again.
    pub again_on: Date,
}

/// Body of `POST coffer/keys/rotations`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotateKeys {
    /// Why: one line of at most 1,000 bytes, for the audit log.
    pub reason: String,
}

/// A sign-in in the call itself.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignInAgain {
    /// The caller's password.
    #[serde(default)]
    pub password: String,
    /// The code of the second factor, for who has one.
    #[serde(default)]
    pub code: Option<String>,
}
