//! Verifies an export of the audit log, offline: nothing is asked of a server, and nothing of it is believed.

use crate::checkpoints::{digest, from_wire, hex};
use aws_lc_rs::digest::{Context, SHA256};
use coffer_model::audit::{Event, Row};
use coffer_model::record::{Kind, Signed};
use coffer_model::statement::{ExportEnd, Tombstone};
use coffer_model::trail::{Trail, Trust, Verdict};
use coffer_wire::audit::{ExportHeader, ExportLine};
use coffer_wire::coffer::{AuditEntry, AuditEvent, AuditVerification};
use std::io::{self, BufRead, Read as _};

/// No line of an export is longer.
const MAX_LINE: u64 = 1 << 20;

/// The check of an export, line by line.
pub(super) struct Verifier {
    trail: Trail,
    trust: Trust,
    content: Context,
    number: u64,
    events: i64,
    header: Option<ExportHeader>,
    key: Option<[u8; 32]>,
    end: Option<Signed>,
    tombstones: Vec<Signed>,
    started: bool,
}

impl Verifier {
    /// A check against what is held from elsewhere.
    pub(super) fn new(trust: Trust) -> Self {
        let mut trail = Trail::new(&trust);
        let keys: Vec<_> = trust.public_key.into_iter().collect();
        for signed in &trust.records {
            if !keys.is_empty() && !keys.iter().any(|key| signed.is_by(key)) {
                trail.problem(format!(
                    "Trusted record {} does not carry the signature of the public key that you gave.",
                    signed.record.number
                ));
            }
        }
        Self {
            trail,
            trust,
            content: Context::new(&SHA256),
            number: 0,
            events: 0,
            header: None,
            key: None,
            end: None,
            tombstones: Vec::new(),
            started: false,
        }
    }

    /// Checks the next line, without its end.
    pub(super) fn line(&mut self, line: &[u8]) {
        self.number += 1;
        if line.trim_ascii().is_empty() {
            return self.odd("is empty");
        }
        if self.end.is_some() {
            return self.odd("stands after the end of the export");
        }
        if let Ok(entry) = serde_json::from_slice::<AuditEntry>(line) {
            match row(entry) {
                Some(row) => {
                    self.begin();
                    self.events += i64::from(row.event.is_some());
                    self.trail.row(&row);
                }
                None => self.odd("holds a row that cannot be checked"),
            }
        } else {
            match serde_json::from_slice::<ExportLine>(line) {
                Ok(ExportLine::Export(header)) if self.number == 1 => self.header(header),
                Ok(ExportLine::Skipped(skipped)) => {
                    self.begin();
                    let nodes: Option<Vec<_>> =
                        skipped.nodes.iter().map(|node| digest(node)).collect();
                    match nodes {
                        Some(nodes) => self.trail.skipped(skipped.from, skipped.through, &nodes),
                        None => self.odd("holds what is no digest"),
                    }
                }
                Ok(ExportLine::Record(record)) => match from_wire(record) {
                    Some(signed) => return self.record(signed, line),
                    None => self.odd("holds a record that cannot be read"),
                },
                _ => self.odd("is not a line of an export"),
            }
        }
        self.take(line);
    }

    fn take(&mut self, line: &[u8]) {
        self.content.update(line);
        self.content.update(b"\n");
    }

    fn odd(&mut self, what: &str) {
        self.trail.problem(format!("Line {} {what}.", self.number));
    }

    fn header(&mut self, header: ExportHeader) {
        self.key = digest(&header.public_key);
        if self.key.is_none() || header.version != 1 {
            self.odd("is not the beginning of an export that this program knows");
        }
        if let Some(trusted) = self.trust.public_key
            && self.key != Some(trusted)
        {
            self.trail.problem(
                "The export is signed with another key than the one that you gave: it is another server's, or was signed again by somebody else.".into(),
            );
        }
        for signed in &self.trust.records {
            let record = &signed.record;
            if self.key.is_some_and(|key| !signed.is_by(&key)) {
                self.trail.problem(format!(
                    "The export is signed with another key than the trusted record {}: it is another server's, or was signed again by somebody else.",
                    record.number
                ));
                break;
            }
            // Of another scale unit it may be: the data may have been moved since, and the key goes along.
            if record.organization != header.organization {
                self.trail
                    .problem("The trusted record is of another organization.".into());
                break;
            }
        }
        self.header = Some(header);
    }

    /// Before the first row: what tombstones say is known now.
    fn begin(&mut self) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        if self.header.is_none() {
            self.trail.problem(
                "The export does not begin with its header: its beginning was cut off.".into(),
            );
        }
        for signed in std::mem::take(&mut self.tombstones) {
            match Tombstone::read(&signed.text) {
                Some(told) => self.trail.removed(told.from, told.through),
                None => self.trail.problem(format!(
                    "Tombstone {} does not say which rows it is for.",
                    signed.record.number
                )),
            }
        }
    }

    fn record(&mut self, signed: Signed, line: &[u8]) {
        if !self.key.is_some_and(|key| signed.is_by(&key)) {
            self.odd("holds a record whose signature is not that of the export's key");
        } else {
            match signed.record.kind {
                Kind::Tombstone if !self.started => self.tombstones.push(signed),
                Kind::Export => return self.ended(signed),
                _ => self.odd("holds a record that does not belong there"),
            }
        }
        self.take(line);
    }

    fn ended(&mut self, signed: Signed) {
        let mut content = [0; 32];
        content.copy_from_slice(self.content.clone().finish().as_ref());
        let told = ExportEnd::read(&signed.text);
        if told.as_ref().is_none_or(|told| told.content != content) {
            self.trail.problem(
                "The export is not the one that its last line was signed for: a line was changed, added, taken out or moved.".into(),
            );
        }
        let rows = self.header.as_ref().map(|header| header.rows);
        if rows != Some(signed.record.sequence) {
            self.trail.problem(
                "The export's header and its last line do not speak of the same log.".into(),
            );
        }
        self.end = Some(signed);
    }

    /// What was found.
    pub(super) fn finish(mut self) -> AuditVerification {
        self.begin();
        let filter = self
            .header
            .as_ref()
            .map_or("", |header| header.filter.as_str())
            .to_owned();
        let end = self.end.take();
        let whole = self.header.is_some() && filter.is_empty();
        let found = {
            let Self { mut trail, .. } = self;
            match &end {
                // The last row is seen: only now it can be said what the signature is about.
                Some(end) => trail.ends(end),
                None => trail.problem(
                    "The export does not end with its signed record: it was cut off.".into(),
                ),
            }
            trail.finish(whole)
        };
        report(found, end.as_ref(), &filter, &self.trust, self.events)
    }
}

fn report(
    found: Verdict,
    end: Option<&Signed>,
    filter: &str,
    trust: &Trust,
    events: i64,
) -> AuditVerification {
    let intact = found.problems.is_empty();
    let (mut proved, mut not_proved) = (Vec::new(), Vec::new());
    if let Some(end) = end.filter(|_| intact) {
        let what = if filter.is_empty() {
            "Nothing was left out.".to_owned()
        } else {
            format!("It holds what was asked for ({filter}); digests stand for the rest.")
        };
        proved.push(format!(
            "{events} events of a log of {} rows are what was recorded, in their places. {what}",
            end.record.sequence
        ));
        proved.push(match trust.public_key {
            Some(_) => "The export is signed with the public key that you gave.".into(),
            None => format!(
                "The export is whole and signed with the key {}.",
                &hex(&end.record.key)[..16]
            ),
        });
        for (from, through) in &found.removed {
            proved.push(format!(
                "Events of rows {from} to {through} were removed, as signed tombstones tell."
            ));
        }
    }
    if trust.public_key.is_none() && trust.records.is_empty() {
        not_proved.push(
            "Whose key signed it: the key came with the export. Give one that you have from elsewhere with --public-key.".into(),
        );
    }
    match found.trusted {
        Some((rows, _)) if intact => proved.push(format!(
            "Up to row {rows} it is the log that the trusted checkpoint was signed for."
        )),
        Some(_) => {}
        None if trust.records.is_empty() => not_proved.push(
            "That the log was not rewritten and signed again by who controls the server. A checkpoint that you keep elsewhere shows it: give it with --trusted-checkpoint.".into(),
        ),
        None => not_proved.push(
            "Anything against the trusted checkpoint: it lies inside a stretch that this export leaves out. Export again with --trusted-checkpoint.".into(),
        ),
    }
    if let (Some((rows, _)), Some(end)) = (found.trusted, end)
        && rows < end.record.sequence
    {
        not_proved.push(format!(
            "Rows after {rows} against anything that was kept elsewhere: no trusted checkpoint is as new."
        ));
    }
    AuditVerification {
        intact,
        linked: found.rows,
        unlinked: 0,
        head: found
            .head
            .or(end.map(|end| end.record.head))
            .map(|head| hex(&head))
            .unwrap_or_default(),
        problems: found.problems,
        proved,
        not_proved,
    }
}

/// Checks every line of an export.
///
/// # Errors
/// When the export cannot be read. What is wrong with its content is in the answer.
pub(super) fn verify_export(
    mut reader: impl BufRead,
    trust: Trust,
) -> io::Result<AuditVerification> {
    let mut verifier = Verifier::new(trust);
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
        let ended = line.pop_if(|last| *last == b'\n').is_some();
        line.pop_if(|last| *last == b'\r');
        verifier.line(&line);
        if !ended && count as u64 == MAX_LINE {
            verifier.odd("does not end");
            break;
        }
    }
    Ok(verifier.finish())
}

fn row(entry: AuditEntry) -> Option<Row> {
    let event = match entry.event {
        // An event without its salt cannot be checked, so it must not pass for one that was.
        Some(event) => Some((digest(&entry.salt?)?, model(event))),
        None => None,
    };
    Some(Row {
        sequence: entry.sequence?,
        digest: digest(&entry.digest)?,
        chain: digest(&entry.chain?)?,
        event,
    })
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

#[cfg(test)]
#[path = "audit_verify_tests.rs"]
mod tests;
