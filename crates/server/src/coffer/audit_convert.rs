//! The audit log's types to their shapes on the wire. It must not know requests.

use coffer_model::audit::Event;
use coffer_model::change::split;
use coffer_model::record::{Signed, key_id};
use coffer_model::replay::Finding;
use coffer_service::{AuditRow, Piece, Reconciliation, Retained, Verification};
use coffer_wire::audit as wire;
use coffer_wire::coffer as rows;

/// Findings in one answer at most.
const MOST_FINDINGS: usize = 1000;

pub(crate) fn row(row: AuditRow) -> rows::AuditEntry {
    rows::AuditEntry {
        sequence: row.sequence,
        digest: hex::encode(row.digest),
        chain: row.chain.map(hex::encode),
        salt: Some(hex::encode(row.salt)),
        event: Some(event(row.event)),
    }
}

fn event(event: Event) -> rows::AuditEvent {
    let filled = |text: String| Some(text).filter(|text| !text.is_empty());
    rows::AuditEvent {
        id: event.id,
        time: event.time,
        action: event.action,
        outcome: event.outcome,
        actor: rows::AuditActor {
            id: event.actor,
            name: event.actor_name,
            authentication: event.authentication,
            address: filled(event.address),
        },
        project: event.project,
        resource_type: filled(event.resource_type),
        resource_id: filled(event.resource_id),
        run: event.run,
        job: event.job,
        details: event.details,
    }
}

/// A line of an export that is no row.
pub(crate) fn line(piece: Piece) -> Option<wire::ExportLine> {
    match piece {
        Piece::Row(_) => None,
        Piece::Header(header) => Some(wire::ExportLine::Export(wire::ExportHeader {
            version: 1,
            organization: header.organization,
            scale_unit: header.scale_unit,
            public_key: hex::encode(header.public_key),
            time: header.time,
            rows: header.rows,
            filter: header.filter,
        })),
        Piece::Skipped {
            from,
            through,
            nodes,
        } => Some(wire::ExportLine::Skipped(wire::Skipped {
            from,
            through,
            nodes: nodes.iter().map(hex::encode).collect(),
        })),
        Piece::Record(signed) => Some(wire::ExportLine::Record(record(*signed))),
    }
}

pub(crate) fn record(signed: Signed) -> wire::SignedRecord {
    let record = signed.record;
    wire::SignedRecord {
        kind: record.kind.word().to_owned(),
        scale_unit: record.scale_unit,
        organization: record.organization,
        number: record.number,
        previous: hex::encode(record.previous),
        time: record.time,
        key_id: hex::encode(record.key),
        sequence: record.sequence,
        head: hex::encode(record.head),
        root: hex::encode(record.root),
        text: signed.text,
        signature: hex::encode(signed.signature),
    }
}

pub(crate) fn key(public: &[u8; 32], newest: Option<Signed>) -> wire::SigningKey {
    wire::SigningKey {
        public_key: hex::encode(public),
        key_id: hex::encode(key_id(public)),
        newest: newest.map(record),
    }
}

pub(crate) fn verification(found: Verification) -> rows::AuditVerification {
    rows::AuditVerification {
        intact: found.intact,
        linked: found.linked,
        unlinked: found.unlinked,
        head: hex::encode(found.head),
        problems: found.problems,
        proved: found.proved,
        not_proved: found.not_proved,
    }
}

pub(crate) fn reconciliation(found: Reconciliation) -> wire::Reconciliation {
    let mut findings: Vec<wire::Finding> = found.changed.into_iter().map(changed).collect();
    if !found.snapshot_good {
        findings.push(wire::Finding {
            what: "changed".into(),
            kind: "snapshot".into(),
            key: vec![
                "what the removed events explained is not what its tombstone was signed for".into(),
            ],
            expected: None,
            found: None,
            sequence: None,
        });
    }
    findings.extend(found.findings.into_iter().map(finding));
    let count = findings.len();
    findings.truncate(MOST_FINDINGS);
    wire::Reconciliation {
        explained: count == 0,
        events: found.events,
        facts: found.facts,
        findings,
        count,
        taken_as_given: found
            .baselines
            .into_iter()
            .map(|told| told.sequence)
            .collect(),
    }
}

fn changed(sequence: i64) -> wire::Finding {
    wire::Finding {
        what: "changed".into(),
        kind: "event".into(),
        key: vec![format!(
            "the event of row {sequence} is not the one that was recorded"
        )],
        expected: None,
        found: None,
        sequence: Some(sequence),
    }
}

fn finding(finding: Finding) -> wire::Finding {
    let (what, kind, key, expected, found) = match finding {
        Finding::Unexplained { kind, key, found } => {
            ("unexplained", kind.word(), key, None, Some(found))
        }
        Finding::Missing {
            kind,
            key,
            expected,
        } => ("missing", kind.word(), key, Some(expected), None),
        Finding::Different {
            kind,
            key,
            expected,
            found,
        } => ("different", kind.word(), key, Some(expected), Some(found)),
        Finding::Unreadable { told, line } => {
            return wire::Finding {
                what: "unreadable".into(),
                kind: "event".into(),
                key: vec![line],
                expected: None,
                found: None,
                sequence: told.sequence,
            };
        }
    };
    wire::Finding {
        what: what.into(),
        kind: kind.into(),
        key: split(&key),
        sequence: expected.as_ref().and_then(|fact| fact.told.sequence),
        expected: expected.map(|fact| split(&fact.value)),
        found: found.map(|found| split(&found)),
    }
}

pub(crate) fn retained(done: Retained) -> wire::Retained {
    wire::Retained {
        removed: done.removed,
        through: done.through,
        tombstones: done.tombstones,
    }
}
