//! Verifies an exported audit log, offline: nothing is asked of a server.

use coffer_model::audit::{Digest, Event, Row, Verifier, digest};
use coffer_wire::coffer::{AuditEntry, AuditEvent, AuditVerification};
use std::io::{self, BufRead, Read as _};

/// No line of an export is longer.
const MAX_LINE: u64 = 1 << 20;

/// Checks every line of an export: each event against its digest, each digest against the chain.
///
/// Detects any change up to the last row; rows cut off at the end show only in the head.
///
/// # Errors
/// When the export cannot be read. What is wrong with its content is in the answer.
pub(super) fn verify_export(mut reader: impl BufRead) -> io::Result<AuditVerification> {
    let mut verifier = Verifier::default();
    let mut problems = Vec::new();
    let mut linked = 0;
    let mut unlinked = 0;
    let mut number = 0_u64;
    let mut line = Vec::new();
    loop {
        line.clear();
        let count = reader
            .by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)?;
        if count == 0 {
            break;
        }
        number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match read(&line) {
            Some(Line::Linked(row)) => {
                linked += 1;
                verifier.row(&row);
            }
            Some(Line::Unlinked(intact)) => {
                unlinked += 1;
                if !intact {
                    problems.push(format!(
                        "The event of line {number} is not the one that was recorded."
                    ));
                }
            }
            None => {
                problems.push(format!("Line {number} is not a line of an audit log."));
                if count as u64 == MAX_LINE {
                    break;
                }
            }
        }
    }
    let (head, _, found) = verifier.finish();
    problems.extend(found);
    Ok(AuditVerification {
        intact: problems.is_empty(),
        linked,
        unlinked,
        head: hex(&head),
        problems,
    })
}

enum Line {
    Linked(Box<Row>),
    /// Not in the chain yet; whether it is what its digest says.
    Unlinked(bool),
}

fn read(line: &[u8]) -> Option<Line> {
    let entry: AuditEntry = serde_json::from_slice(line).ok()?;
    let recorded = from_hex(&entry.digest)?;
    let event = match entry.event {
        // An event without its salt cannot be checked, so it must not pass for one that was.
        Some(event) => Some((from_hex(&entry.salt?)?, model(event))),
        None => None,
    };
    match (entry.sequence, entry.chain) {
        (Some(sequence), Some(chain)) => Some(Line::Linked(Box::new(Row {
            sequence,
            digest: recorded,
            chain: from_hex(&chain)?,
            event,
        }))),
        (None, None) => {
            Some(Line::Unlinked(event.is_none_or(|(salt, event)| {
                digest(&salt, &event) == recorded
            })))
        }
        _ => None,
    }
}

fn model(event: AuditEvent) -> Event {
    Event {
        id: event.id,
        time: event.time,
        action: event.action,
        outcome: event.outcome,
        actor: event.actor.id,
        actor_name: event.actor.name,
        authentication: event.actor.authentication,
        address: event.actor.address.unwrap_or_default(),
        project: event.project,
        resource_type: event.resource_type.unwrap_or_default(),
        resource_id: event.resource_id.unwrap_or_default(),
        run: event.run,
        job: event.job,
        details: event.details,
    }
}

fn hex(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_model::audit::{link, start};
    use coffer_wire::coffer::AuditActor;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn export() -> Vec<AuditEntry> {
        let mut head = start();
        (1..=4_i64)
            .map(|sequence| {
                let event = AuditEvent {
                    id: Uuid::from_u128(sequence as u128),
                    time: sequence,
                    action: "SecureFile.Downloaded".into(),
                    outcome: "allowed".into(),
                    actor: AuditActor {
                        id: Uuid::nil(),
                        name: "ada".into(),
                        authentication: "token".into(),
                        address: Some("192.0.2.1".into()),
                    },
                    project: Some(Uuid::from_u128(9)),
                    resource_type: Some("securefile".into()),
                    resource_id: Some("x".into()),
                    run: Some(3),
                    job: None,
                    details: BTreeMap::from([("ref".into(), "main".into())]),
                };
                let salt = [sequence as u8; 32];
                let recorded = digest(&salt, &model(event.clone()));
                head = link(&head, sequence, &recorded);
                AuditEntry {
                    sequence: Some(sequence),
                    digest: hex(&recorded),
                    chain: Some(hex(&head)),
                    salt: Some(hex(&salt)),
                    event: Some(event),
                }
            })
            .collect()
    }

    fn verify(entries: &[AuditEntry]) -> AuditVerification {
        let lines: Vec<String> = entries
            .iter()
            .map(|e| serde_json::to_string(e).unwrap())
            .collect();
        verify_export(lines.join("\n").as_bytes()).unwrap()
    }

    #[test]
    fn an_untouched_export_verifies_also_filtered_and_with_rows_not_linked_yet() {
        let mut entries = export();
        let head = entries[3].chain.clone().unwrap();
        entries[1].event = None;
        entries[1].salt = None;
        let mut fresh = export().remove(0);
        fresh.sequence = None;
        fresh.chain = None;
        entries.push(fresh);
        let found = verify(&entries);
        assert_eq!(found.problems, Vec::<String>::new());
        assert!(found.intact);
        assert_eq!((found.linked, found.unlinked), (4, 1));
        assert_eq!(found.head, head);
    }

    #[test]
    fn every_change_is_found() {
        let changes: [fn(&mut Vec<AuditEntry>); 7] = [
            |e| e[1].event.as_mut().unwrap().actor.name = "eve".into(),
            |e| e[1].event.as_mut().unwrap().actor.address = None,
            |e| e[1].salt = None,
            |e| drop(e.remove(1)),
            |e| e.swap(0, 1),
            |e| e[2].chain = None,
            |e| e[2].digest.truncate(62),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut entries = export();
            change(&mut entries);
            let found = verify(&entries);
            assert!(
                !found.intact && !found.problems.is_empty(),
                "change {number}"
            );
        }
        let mut unlinked = export();
        unlinked[3].sequence = None;
        unlinked[3].chain = None;
        unlinked[3].event.as_mut().unwrap().outcome = "denied".into();
        assert!(!verify(&unlinked).intact);
    }

    #[test]
    fn garbage_is_named_by_its_line_and_does_not_fill_memory() {
        let found = verify_export(&b"\n{}\nnot json\n"[..]).unwrap();
        assert_eq!(found.problems.len(), 2);
        assert!(found.problems[0].starts_with("Line 2 "));
        let endless = io::BufReader::new(io::repeat(b'x').take(64 << 20));
        assert!(!verify_export(endless).unwrap().intact);
    }
}
