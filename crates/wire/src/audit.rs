//! Shapes of the audit log beyond its rows: exports, signed records, reconciliation and retention. All digests, keys
//! and signatures are lower-case hex.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A line of an export that is no row. Rows are [`crate::coffer::AuditEntry`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ExportLine {
    /// The first line.
    Export(ExportHeader),
    /// What stands for rows that were left out.
    Skipped(Skipped),
    /// A tombstone of retention; as the last line, the export's own record.
    Record(SignedRecord),
}

/// The first line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportHeader {
    /// 1.
    pub version: u32,
    /// The organization.
    pub organization: Uuid,
    /// The scale unit.
    pub scale_unit: String,
    /// The public key that signs. It came with the export: compare it with one that you have from elsewhere.
    pub public_key: String,
    /// Microseconds since 1970, UTC.
    pub time: i64,
    /// Rows of the log at that time.
    pub rows: i64,
    /// What was asked for, such as `action=SecureFile.Downloaded`; empty for everything.
    pub filter: String,
}

/// Rows that were left out, as the subtrees they make up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Skipped {
    /// The first.
    pub from: i64,
    /// The last.
    pub through: i64,
    /// Digests of the subtrees, from left to right.
    pub nodes: Vec<String>,
}

/// A signed record: a checkpoint, a tombstone, or the end of an export. Also a line of the file of checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedRecord {
    /// `checkpoint`, `tombstone`, `export`, `rotation`, `rollback`, `purge`.
    pub kind: String,
    /// The scale unit.
    pub scale_unit: String,
    /// The organization.
    pub organization: Uuid,
    /// Its place among the records, from 1.
    pub number: i64,
    /// Digest of the record before it; zeros for the first.
    pub previous: String,
    /// Microseconds since 1970, UTC.
    pub time: i64,
    /// Digest of the public key.
    pub key_id: String,
    /// Rows of the log.
    pub sequence: i64,
    /// The chain's value at the last of them.
    pub head: String,
    /// Root of the tree over their digests.
    pub root: String,
    /// What the kind states, lines of name and value. Empty for a checkpoint.
    pub text: String,
    /// Ed25519 signature.
    pub signature: String,
}

/// Answer of `GET coffer/audit/key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SigningKey {
    /// The scale unit's Ed25519 public key.
    pub public_key: String,
    /// Its id, as records name it.
    pub key_id: String,
    /// The newest record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<SignedRecord>,
}

/// Answer of `GET coffer/audit/reconcile`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reconciliation {
    /// Whether events explain everything that is there, and everything they explain is there.
    pub explained: bool,
    /// Events replayed.
    pub events: i64,
    /// Rights, names and ways in that events explain.
    pub facts: usize,
    /// What does not fit; not all of it when there is very much.
    pub findings: Vec<Finding>,
    /// How many there are in all.
    pub count: usize,
    /// Places of events that took what was there as given, after an upgrade.
    #[serde(default)]
    pub taken_as_given: Vec<Option<i64>>,
}

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// `unexplained`, `missing`, `different`, `unreadable`, `changed`.
    pub what: String,
    /// `entry`, `member`, `permit`, `token`, `file`, …
    pub kind: String,
    /// Which, in parts: for an entry its namespace, token and identity.
    pub key: Vec<String>,
    /// What events say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Vec<String>>,
    /// What is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Vec<String>>,
    /// The place of the event that spoke of it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
}

/// Body of `POST coffer/audit/retain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retain {
    /// Events before this time go: RFC 3339.
    pub before: String,
}

/// Answer of `POST coffer/audit/retain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retained {
    /// Events removed.
    pub removed: i64,
    /// Up to this row; 0 when nothing was.
    pub through: i64,
    /// Tombstones signed.
    pub tombstones: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_an_export_name_their_kind() {
        let skipped = ExportLine::Skipped(Skipped {
            from: 1,
            through: 4,
            nodes: vec!["ab".into()],
        });
        let text = serde_json::to_string(&skipped).unwrap();
        assert_eq!(text, r#"{"skipped":{"from":1,"through":4,"nodes":["ab"]}}"#);
        assert_eq!(serde_json::from_str::<ExportLine>(&text).unwrap(), skipped);
    }
}
