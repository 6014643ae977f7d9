//! Exports that were tampered with, and what the answer says of good ones.

use super::*;
use crate::checkpoints::tests::pair;
use crate::checkpoints::to_wire;
use coffer_model::audit::{Digest, digest as digest_of, link, start};
use coffer_model::record::{Record, key_id, payload};
use coffer_model::tree::Tree;
use coffer_wire::audit::Skipped;
use coffer_wire::coffer::AuditActor;
use std::collections::BTreeMap;
use uuid::Uuid;

const ROWS: i64 = 12;

/// A log and its exports.
struct Log {
    rows: Vec<AuditEntry>,
    digests: Vec<Digest>,
    heads: Vec<Digest>,
}

fn event(sequence: i64, actor: &str) -> AuditEvent {
    AuditEvent {
        id: Uuid::from_u128(sequence as u128),
        time: sequence,
        action: "SecureFile.Downloaded".into(),
        outcome: "allowed".into(),
        actor: AuditActor {
            id: Uuid::nil(),
            name: actor.into(),
            authentication: "token".into(),
            address: Some("192.0.2.1".into()),
        },
        project: Some(Uuid::from_u128(9)),
        resource_type: Some("securefile".into()),
        resource_id: Some("x".into()),
        run: Some(3),
        job: None,
        details: BTreeMap::from([("ref".into(), "main".into())]),
    }
}

impl Log {
    fn of(actor: &str) -> Self {
        let (mut rows, mut digests, mut heads) = (Vec::new(), Vec::new(), Vec::new());
        let mut head = start();
        for sequence in 1..=ROWS {
            let event = event(sequence, actor);
            let salt = [sequence as u8; 32];
            let recorded = digest_of(&salt, &model(event.clone()));
            head = link(&head, sequence, &recorded);
            digests.push(recorded);
            heads.push(head);
            rows.push(AuditEntry {
                sequence: Some(sequence),
                digest: hex(&recorded),
                chain: Some(hex(&head)),
                salt: Some(hex(&salt)),
                event: Some(event),
            });
        }
        Self {
            rows,
            digests,
            heads,
        }
    }

    fn signed(&self, seed: u8, kind: Kind, rows: usize, text: &str) -> Signed {
        let (private, public) = pair(seed);
        let mut tree = Tree::default();
        self.digests[..rows]
            .iter()
            .for_each(|digest| tree.leaf(digest));
        let record = Record {
            kind,
            scale_unit: "unit-a".into(),
            organization: Uuid::nil(),
            number: 1,
            previous: [0; 32],
            time: 5,
            key: key_id(&public),
            sequence: rows as i64,
            head: self.heads[rows - 1],
            root: tree.root(),
            payload: payload(text),
        };
        let signature = private.sign(&record.bytes()).as_ref().to_vec();
        Signed {
            record,
            text: text.into(),
            signature,
        }
    }

    /// The lines of an export signed by a key, of the rows that are kept.
    fn export(
        &self,
        seed: u8,
        keep: impl Fn(i64) -> bool,
        filter: &str,
        tombstones: &[Signed],
    ) -> Vec<String> {
        let header = ExportHeader {
            version: 1,
            organization: Uuid::nil(),
            scale_unit: "unit-a".into(),
            public_key: hex(&pair(seed).1),
            time: 6,
            rows: ROWS,
            filter: filter.into(),
        };
        let text = |line: &ExportLine| serde_json::to_string(line).unwrap();
        let mut lines = vec![text(&ExportLine::Export(header))];
        lines.extend(
            tombstones
                .iter()
                .map(|signed| text(&ExportLine::Record(to_wire(signed)))),
        );
        let mut gap: Option<(i64, Tree)> = None;
        let skipped = |(from, tree): (i64, Tree)| {
            text(&ExportLine::Skipped(Skipped {
                from,
                through: tree.leaves(),
                nodes: tree.nodes().iter().map(|node| hex(node)).collect(),
            }))
        };
        let mut events = 0;
        for (n, row) in self.rows.iter().enumerate() {
            let sequence = n as i64 + 1;
            if keep(sequence) {
                lines.extend(gap.take().map(skipped));
                lines.push(serde_json::to_string(row).unwrap());
                events += 1;
            } else {
                let (_, tree) = gap.get_or_insert_with(|| (sequence, Tree::after(sequence - 1)));
                tree.leaf(&self.digests[n]);
            }
        }
        lines.extend(gap.take().map(skipped));
        self.sign_again(seed, &mut lines, events);
        lines
    }

    /// Ends the lines with a signature over what they are now.
    fn sign_again(&self, seed: u8, lines: &mut Vec<String>, events: i64) {
        let mut content = Context::new(&SHA256);
        for line in lines.iter() {
            content.update(line.as_bytes());
            content.update(b"\n");
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(content.finish().as_ref());
        let text = ExportEnd {
            content: digest,
            events,
        }
        .text();
        let end = self.signed(seed, Kind::Export, ROWS as usize, &text);
        lines.push(serde_json::to_string(&ExportLine::Record(to_wire(&end))).unwrap());
    }
}

fn verify(lines: &[String], trust: Trust) -> AuditVerification {
    let text = lines
        .iter()
        .map(|line| format!("{line}\n"))
        .collect::<String>();
    verify_export(text.as_bytes(), trust).unwrap()
}

fn knowing(seed: u8) -> Trust {
    Trust {
        records: Vec::new(),
        public_key: Some(pair(seed).1),
    }
}

fn trusting(record: Signed) -> Trust {
    Trust {
        records: vec![record],
        public_key: None,
    }
}

#[test]
fn an_untouched_export_verifies_whole_or_filtered_and_says_what_it_shows() {
    let log = Log::of("ada");
    for lines in [
        log.export(1, |_| true, "", &[]),
        log.export(1, |n| n % 5 == 0, "actor=ada", &[]),
        log.export(1, |_| false, "actor=nobody", &[]),
    ] {
        let found = verify(&lines, Trust::default());
        assert_eq!(found.problems, Vec::<String>::new());
        assert!(found.intact);
        assert_eq!(found.linked, ROWS);
        assert_eq!(found.head, hex(log.heads.last().unwrap()));
        assert_eq!(
            found.not_proved.len(),
            2,
            "whose key, and whether it was rewritten"
        );
        let known = verify(&lines, knowing(1));
        assert!(known.intact && known.not_proved.len() == 1, "{known:?}");
    }
    let lines = log.export(1, |_| true, "", &[]);
    let found = verify(&lines, trusting(log.signed(1, Kind::Checkpoint, 7, "")));
    assert!(
        found.proved.iter().any(|line| line.contains("Up to row 7")),
        "{found:?}"
    );
    assert!(
        found
            .not_proved
            .iter()
            .any(|line| line.contains("Rows after 7"))
    );
    let few = log.export(1, |n| n == 10, "run=3", &[]);
    let found = verify(&few, trusting(log.signed(1, Kind::Checkpoint, 7, "")));
    assert!(
        found.intact
            && found
                .not_proved
                .iter()
                .any(|line| line.contains("leaves out")),
        "{found:?}"
    );
}

/// A change of an export's lines.
type Tampering = fn(&mut Vec<String>);

#[test]
fn whatever_is_done_to_an_export_is_found() {
    let log = Log::of("ada");
    let changes: [(&str, Tampering); 12] = [
        ("a changed event", |l| l[2] = l[2].replace("ada", "eve")),
        ("a changed address", |l| {
            l[2] = l[2].replace("192.0.2.1", "192.0.2.2");
        }),
        ("a missing salt", |l| {
            l[2] = l[2].replace("\"salt\"", "\"sult\"");
        }),
        ("a line taken out", |l| drop(l.remove(2))),
        ("lines in another order", |l| l.swap(1, 2)),
        ("a line there twice", |l| l.insert(2, l[2].clone())),
        ("the end cut off", |l| drop(l.pop())),
        ("more cut off", |l| l.truncate(4)),
        ("the beginning cut off", |l| drop(l.remove(0))),
        ("something added", |l| l.push(l[2].clone())),
        ("another filter", |l| {
            l[0] = l[0].replace("\"filter\":\"", "\"filter\":\"x");
        }),
        ("a changed signature", |l| {
            let last = l.last_mut().unwrap();
            let at = last.find("\"signature\":\"").unwrap() + 14;
            let other = if last.as_bytes()[at] == b'0' {
                "1"
            } else {
                "0"
            };
            last.replace_range(at..=at, other);
        }),
    ];
    let keeps: [fn(i64) -> bool; 2] = [|_| true, |n| n != 5];
    for keep in keeps {
        for (what, change) in changes {
            let filter = if keep(5) { "" } else { "actor=ada" };
            let mut lines = log.export(1, keep, filter, &[]);
            change(&mut lines);
            let found = verify(&lines, Trust::default());
            assert!(!found.intact && !found.problems.is_empty(), "{what}");
            assert!(found.proved.is_empty(), "{what}: nothing is shown");
        }
    }
}

#[test]
fn an_export_signed_again_is_found_by_who_knows_the_key_or_holds_a_checkpoint() {
    let (log, rewritten) = (Log::of("ada"), Log::of("eve"));
    let again = rewritten.export(2, |_| true, "", &[]);
    assert!(verify(&again, Trust::default()).intact, "nobody could tell");
    assert!(!verify(&again, knowing(1)).intact);
    assert!(!verify(&again, trusting(log.signed(1, Kind::Checkpoint, 7, ""))).intact);
    // By who has the server's own key.
    let inside = rewritten.export(1, |_| true, "", &[]);
    assert!(verify(&inside, knowing(1)).intact, "nobody could tell");
    let found = verify(&inside, trusting(log.signed(1, Kind::Checkpoint, 7, "")));
    assert!(
        found.problems.iter().any(|line| line.contains("rewritten")),
        "{found:?}"
    );
    // Parts of two exports, signed as one.
    let mut spliced = log.export(1, |_| true, "", &[]);
    let other = rewritten.export(1, |_| true, "", &[]);
    spliced[8..].clone_from_slice(&other[8..]);
    spliced.pop();
    rewritten.sign_again(1, &mut spliced, ROWS);
    assert!(!verify(&spliced, Trust::default()).intact);
}

#[test]
fn removed_events_need_their_tombstone() {
    let log = Log::of("ada");
    let told = |from, through| {
        let text = Tombstone {
            from,
            through,
            removed: through - from + 1,
            before: 1,
            by: Uuid::nil(),
            by_name: "ada".into(),
            snapshot: [0; 32],
        };
        log.signed(1, Kind::Tombstone, ROWS as usize, &text.text())
    };
    let keep = |n: i64| n > 4;
    assert!(!verify(&log.export(1, keep, "", &[]), Trust::default()).intact);
    assert!(!verify(&log.export(1, keep, "", &[told(1, 3)]), Trust::default()).intact);
    let found = verify(&log.export(1, keep, "", &[told(1, 4)]), Trust::default());
    assert!(
        found.intact && found.proved.iter().any(|line| line.contains("1 to 4")),
        "{found:?}"
    );
    let mut forged = told(1, 4);
    forged.text = forged.text.replace("through 4", "through 5");
    assert!(!verify(&log.export(1, |n| n > 5, "", &[forged]), Trust::default()).intact);
}

#[test]
fn garbage_is_named_by_its_line_and_does_not_fill_memory() {
    let found = verify_export(&b"\n{}\nnot json\n"[..], Trust::default()).unwrap();
    assert!(
        found
            .problems
            .iter()
            .any(|line| line.starts_with("Line 2 "))
    );
    let endless = io::BufReader::new(io::repeat(b'x').take(64 << 20));
    assert!(!verify_export(endless, Trust::default()).unwrap().intact);
}
