//! Shapes of audit streams, our own area. Those that may hold a secret have no `Debug`.

use crate::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a stream's kind needs besides the URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StreamOptions {
    /// Webhook: one JSON array a batch instead of JSON Lines.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub array: bool,
    /// Splunk: the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// Splunk: the source type; `coffer:audit` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sourcetype: Option<String>,
    /// Splunk: wait until the indexer acknowledges.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub acknowledge: bool,
}

/// Body of `POST coffer/audit/streams`.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewAuditStream {
    /// Unique ignoring case.
    pub name: String,
    /// `webhook`, `splunk`, `syslog`.
    pub kind: String,
    /// `https://…`, for syslog `tls://host:port` or `tcp://host:port`.
    pub url: String,
    /// What the kind needs besides.
    #[serde(default)]
    pub options: StreamOptions,
    /// Splunk: the collector's token. Webhook: the key of its signatures; made when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Whether it begins with the oldest event instead of the next.
    #[serde(default)]
    pub from_start: bool,
}

/// Body of `PATCH coffer/audit/streams/{streamId}`. What is absent stays.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditStreamChange {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What the kind needs besides, all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<StreamOptions>,
    /// A new secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Whether it is sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// A stream and how far it is. Never its secret.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditStream {
    /// GUID.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// `webhook`, `splunk`, `syslog`.
    pub kind: String,
    /// Where to.
    pub url: String,
    /// What the kind needs besides.
    #[serde(default)]
    pub options: StreamOptions,
    /// Whether it is sent to.
    pub enabled: bool,
    /// The last place in the chain that the target accepted.
    pub delivered: i64,
    /// How many places are still to come.
    pub lag: i64,
    /// When the target accepted last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_on: Option<Date>,
    /// Failures since then.
    pub failures: i64,
    /// What the last failure was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it failed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_on: Option<Date>,
    /// When it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try_on: Option<Date>,
    /// When it was made.
    pub created_on: Date,
}

/// Answer of `POST coffer/audit/streams`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedAuditStream {
    /// The stream.
    #[serde(flatten)]
    pub stream: AuditStream,
    /// The key that was made for a webhook; seen this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// Answer of `POST coffer/audit/streams/{streamId}/test`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditStreamTrial {
    /// Whether the target accepted.
    pub accepted: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_stays_absent() {
        let change = AuditStreamChange {
            enabled: Some(false),
            ..AuditStreamChange::default()
        };
        assert_eq!(
            serde_json::to_string(&change).unwrap(),
            r#"{"enabled":false}"#
        );
        let new: NewAuditStream =
            serde_json::from_str(r#"{"name":"a","kind":"splunk","url":"https://s"}"#).unwrap();
        assert!(new.secret.is_none() && !new.from_start && new.options == StreamOptions::default());
    }
}
