//! The audit log and its streams.

use super::examples::{ANN, DIGEST, EVENT, FILE, LATER, ORGANIZATION, PROJECT, STREAM, WHEN};
use super::operation::{Content, Group, Parameter, delete, get, patch, post};
use coffer_wire::audit::{ExportLine, Reconciliation, Retain, Retained, SignedRecord, SigningKey};
use coffer_wire::coffer::{AuditEntry, AuditVerification};
use coffer_wire::paths::coffer as at;
use coffer_wire::streams::{
    AuditStream, AuditStreamChange, AuditStreamTrial, CreatedAuditStream, NewAuditStream,
};
use serde_json::{Value, json};

const READERS: &str = "Project Collection Administrators and Audit Readers.";
const ADMINS: &str = "Project Collection Administrators.";
const SIGNATURE: &str = "5d1f6c2e7a4b90835d1f6c2e7a4b90835d1f6c2e7a4b90835d1f6c2e7a4b90835d1f6c2e7a4b90835d1f6c2e7a4b90835d1f6c2e7a4b90835d1f6c2e7a4b9083";

fn filter() -> [Parameter; 9] {
    [
        Parameter::time("since", "Only events at or after this time."),
        Parameter::time("until", "Only events before this time."),
        Parameter::text(
            "actor",
            "Only of this identity: its id, or its name at that time.",
        ),
        Parameter::text(
            "action",
            "Only of this action, such as `SecureFile.Downloaded`.",
        ),
        Parameter {
            schema: json!({ "type": "string", "enum": ["allowed", "denied"] }),
            ..Parameter::text("outcome", "Only what was allowed, or denied.")
        },
        Parameter::text("project", "Only of this project: its id, or its name."),
        Parameter::text(
            "resourceType",
            "Only about this type of resource, such as `securefile`.",
        ),
        Parameter::text("resource", "Only about this resource, by its id."),
        Parameter {
            schema: json!({ "type": "integer", "format": "int64" }),
            ..Parameter::text("run", "Only of this run.")
        },
    ]
}

fn row() -> Value {
    json!({
        "sequence": 1042,
        "digest": DIGEST,
        "chain": DIGEST,
        "salt": DIGEST,
        "event": {
            "id": EVENT,
            "time": 1_772_443_800_000_000_i64,
            "action": "SecureFile.Downloaded",
            "outcome": "allowed",
            "actor": { "id": ANN, "name": "Pay Desk Build Service", "authentication": "job", "address": "192.0.2.7" },
            "project": PROJECT,
            "resourceType": "securefile",
            "resourceId": FILE,
            "run": 41,
            "details": { "name": "signing.p12" },
        },
    })
}

fn record() -> Value {
    json!({
        "kind": "checkpoint",
        "scaleUnit": "default",
        "organization": ORGANIZATION,
        "number": 7,
        "previous": DIGEST,
        "time": 1_772_443_800_000_000_i64,
        "keyId": DIGEST,
        "sequence": 1042,
        "head": DIGEST,
        "root": DIGEST,
        "text": "",
        "signature": SIGNATURE,
    })
}

pub(super) fn group() -> Group {
    Group {
        name: "Audit log",
        about: "Coffer's own: who did what, when, from where and in which run; what was denied as well. Rows are linked into a chain that shows every change, \
                and signed records say how far it had come. To look is itself on record.",
        operations: vec![
            get(at::AUDIT, "listAuditEvents", "Looks events up")
                .about("JSON Lines, streamed. Without `top`, everything that the filter asks for. A row has no `sequence` until it is linked, within a second.")
                .who(READERS)
                .query([
                    Parameter::word("order", "Which end it begins at.", &["oldest", "newest"]),
                    Parameter { schema: json!({ "type": "integer", "format": "int64" }), ..Parameter::text("after", "Only rows after this place in the chain.") },
                    Parameter { schema: json!({ "type": "integer", "format": "int64" }), ..Parameter::text("before", "Only rows before this place in the chain.") },
                    Parameter::number("top", "At most this many.").example(1),
                ])
                .query(filter())
                .answers(200, "The rows.", Content::lines(&row()).line::<AuditEntry>())
                .refuses(["project.not_found"]),
            get(at::AUDIT_VERIFY, "verifyAudit", "Verifies the log")
                .about("Reads it whole and compares it with its chain and its records. Ends in what was shown, and in what only a checkpoint from elsewhere would show.")
                .who(READERS)
                .gives::<AuditVerification>("What was found.", json!({
                    "intact": true, "linked": 1042, "unlinked": 0, "head": DIGEST, "problems": [],
                    "proved": ["Every linked row is as it was written."],
                    "notProved": ["Whether rows after the newest record were removed: compare with a checkpoint from elsewhere."],
                })),
            get(at::AUDIT_EXPORT, "exportAudit", "Exports the log, so that it can be verified elsewhere")
                .about("JSON Lines that `coffer audit verify` reads, streamed; what the filter leaves out is there as digests, so that the rest can still be verified. \
                        Or CSV, which is for people and cannot be verified.")
                .who(READERS)
                .query([
                    Parameter::word("format", "Which of them.", &["jsonl", "csv"]),
                    Parameter::text("checkpoint", "Numbers of rows, with commas, of checkpoints that the export is to be compared with."),
                ])
                .query(filter())
                .answers(200, "The rows, and lines that are none.", Content::lines(&row()).line::<AuditEntry>().line::<ExportLine>())
                .answers(200, "", Content::text("text/csv", "sequence,time,action,outcome\r\n1042,2026-03-02T09:30:00Z,SecureFile.Downloaded,allowed\r\n"))
                .refuses(["project.not_found"]),
            get(at::AUDIT_KEY, "getAuditKey", "Reads the public key that signs records, and the newest of them")
                .who(READERS)
                .gives::<SigningKey>("The key.", json!({ "publicKey": DIGEST, "keyId": DIGEST, "newest": record() })),
            post(at::AUDIT_CHECKPOINTS, "createAuditCheckpoint", "Signs a checkpoint now")
                .about("Keep it elsewhere: it shows every later change of what was there before it.")
                .who(READERS)
                .gives::<SignedRecord>("The checkpoint.", record()),
            get(at::AUDIT_RECONCILE, "reconcileAudit", "Compares what is there with what events explain")
                .about("Replays the events, and reports every live right, permit, name or token that none of them explains.")
                .who(ADMINS)
                .gives::<Reconciliation>("What was found.", json!({ "explained": true, "events": 1042, "facts": 117, "findings": [], "count": 0, "takenAsGiven": [] })),
            post(at::AUDIT_RETAIN, "retainAudit", "Removes events before a time")
                .about("A signed tombstone stands for them, so that the rest can still be verified. Refused when some of them are missing or changed.")
                .who(ADMINS)
                .takes::<Retain>(json!({ "before": "2025-01-01T00:00:00Z" }))
                .gives::<Retained>("What was removed.", json!({ "removed": 512, "through": 512, "tombstones": 1 }))
                .refuses(["audit.not_whole"]),
        ],
    }
}

fn stream() -> Value {
    json!({
        "id": STREAM,
        "name": "siem",
        "kind": "webhook",
        "url": "https://siem.example.com/coffer",
        "options": {},
        "enabled": true,
        "delivered": 1040,
        "lag": 2,
        "deliveredOn": LATER,
        "failures": 0,
        "createdOn": WHEN,
    })
}

pub(super) fn streams() -> Group {
    let mut created = stream();
    created["secret"] = json!("shown this once");
    Group {
        name: "Audit streams",
        about: "Coffer's own: where the log is sent while it is written, whole and in order. A stream's secret is never shown again.",
        operations: vec![
            get(at::AUDIT_STREAMS, "listAuditStreams", "Lists the streams and how far they are")
                .who(ADMINS)
                .gives_list::<AuditStream>("The streams.", json!([stream()])),
            post(at::AUDIT_STREAMS, "createAuditStream", "Makes a stream")
                .about("A webhook's signing key is made when none is given, and shown in this answer alone.")
                .who(ADMINS)
                .takes::<NewAuditStream>(json!({ "name": "siem", "kind": "webhook", "url": "https://siem.example.com/coffer" }))
                .gives::<CreatedAuditStream>("The new stream.", created)
                .refuses(["audit_stream.name_taken", "audit_stream.target", "too_many"]),
            get(at::AUDIT_STREAM, "getAuditStream", "Reads a stream")
                .who(ADMINS)
                .gives::<AuditStream>("The stream.", stream()),
            patch(at::AUDIT_STREAM, "updateAuditStream", "Changes a stream, or switches it on or off")
                .about("What is absent stays; `options` are replaced as a whole.")
                .who(ADMINS)
                .takes::<AuditStreamChange>(json!({ "enabled": true }))
                .gives::<AuditStream>("The stream as it is now.", stream())
                .refuses(["audit_stream.name_taken", "audit_stream.target"]),
            delete(at::AUDIT_STREAM, "deleteAuditStream", "Removes a stream")
                .who(ADMINS)
                .empty(204, "It is removed."),
            post(at::AUDIT_STREAM_TEST, "testAuditStream", "Sends a stream something made up")
                .who(ADMINS)
                .gives::<AuditStreamTrial>("Whether the target took it, and why not.", json!({ "accepted": true })),
        ],
    }
}
