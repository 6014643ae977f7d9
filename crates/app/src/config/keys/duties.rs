//! The audit log, the deployment, the log and jobs: what can be set. Must not know what it means.

use super::{Fallback, Key, Kind};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "audit.checkpoints",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "A file to which signed checkpoints of the audit log are appended, best on another machine's disk. Whoever \
                changes the log cannot change what is kept there. It must lie outside the data folder. Empty: they are \
                kept in the database only.",
    },
    Key {
        name: "audit.retention_days",
        kind: Kind::Integer {
            least: 0,
            most: 36_500,
        },
        fallback: Fallback::Is("0"),
        secret: false,
        flag: None,
        about: "Days that audit events are kept. Older ones are removed, and a signed tombstone says so. 0 keeps them all.",
    },
    Key {
        name: "deployment.id",
        kind: Kind::Text,
        fallback: Fallback::Computed("version and commit of the build"),
        secret: false,
        flag: None,
        about: "What tells one deployment from the next. When it changes, all keys are rotated, once. New project keys carry it.",
    },
    Key {
        name: "log.format",
        kind: Kind::Choice(&["text", "json"]),
        fallback: Fallback::Is("text"),
        secret: false,
        flag: Some("--log-format"),
        about: "Form of the log lines on standard error.",
    },
    Key {
        name: "log.level",
        kind: Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
        fallback: Fallback::Is("info"),
        secret: false,
        flag: Some("--log-level"),
        about: "The least important lines that are still written.",
    },
    Key {
        name: "jobs.lease_seconds",
        kind: Kind::Integer {
            least: 15,
            most: 3600,
        },
        fallback: Fallback::Is("60"),
        secret: false,
        flag: None,
        about: "How long a job stays with an agent that does not report, in seconds. Agents report three times as often.",
    },
];
