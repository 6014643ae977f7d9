//! One record's log: masks, stamps and numbers lines, counts issues, and tells changes of the record.
//!
//! The only way from a step to the journal, so nothing unmasked gets past it.

use crate::ambient;
use crate::journal::Journal;
use crate::masker::Masker;
use coffer_wire::agent::{Issue, Record};
use coffer_wire::enums::IssueType;
use std::sync::Arc;

/// Issues of one type that a record keeps; more are only counted.
const KEPT: usize = 10;
/// Characters of one line; more are cut.
const LINE: usize = 64 << 10;
/// Characters of an issue's message.
const MESSAGE: usize = 4000;

/// The kind of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Error,
    Warning,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// The log of one record.
#[derive(Debug)]
pub(crate) struct StepLog {
    journal: Arc<Journal>,
    masker: Arc<Masker>,
    record: Record,
    debug: bool,
}

impl StepLog {
    /// The log of a record, which is told at once.
    pub(crate) fn new(journal: Arc<Journal>, masker: Arc<Masker>, mut record: Record) -> Self {
        record.name = masker.mask(&record.name);
        journal.record(record.clone());
        Self {
            journal,
            masker,
            record,
            debug: false,
        }
    }

    /// Whether debug lines are kept.
    pub(crate) fn set_debug(&mut self, on: bool) {
        self.debug = on;
    }

    /// The record starts, under its final name.
    pub(crate) fn start(&mut self, name: &str) {
        self.record.name = self.masker.mask(name);
        self.record.state = "inProgress".into();
        self.record.start_time = Some(ambient::now().as_microsecond());
        self.tell();
    }

    /// The record ends.
    pub(crate) fn finish(&mut self, result: &str) {
        let now = ambient::now().as_microsecond();
        self.record.start_time.get_or_insert(now);
        self.record.finish_time = Some(now);
        self.record.state = "completed".into();
        self.record.result = Some(result.into());
        self.tell();
    }

    /// Forgets the issues of a try that is repeated.
    pub(crate) fn forget_issues(&mut self) {
        self.record.issues.clear();
        self.record.error_count = 0;
        self.record.warning_count = 0;
    }

    /// Writes a text, line by line.
    pub(crate) fn line(&self, text: &str) {
        // Masked as a whole first: a secret may span lines.
        let masked = self.masker.mask(text);
        for line in masked.split('\n') {
            self.write(line.strip_suffix('\r').unwrap_or(line));
        }
    }

    /// Writes the beginning of a line that was too long to be read whole.
    pub(crate) fn cut_line(&self, beginning: &str) {
        let masked = self.masker.mask_cut(beginning);
        self.write(&masked);
        self.write("##[warning]The line above was too long and is cut.");
    }

    /// Writes a text as debug lines, if they are wanted.
    pub(crate) fn debug(&self, text: &str) {
        if self.debug {
            for line in text.lines() {
                self.line(&format!("##[debug]{line}"));
            }
        }
    }

    /// A section's head line.
    pub(crate) fn section(&self, text: &str) {
        self.line(&format!("##[section]{text}"));
    }

    /// Adds an issue to the record and prints it.
    pub(crate) fn issue(&mut self, kind: Kind, category: &str, message: &str) {
        self.line(&format!("##[{}]{message}", kind.as_str()));
        let count = match kind {
            Kind::Error => &mut self.record.error_count,
            Kind::Warning => &mut self.record.warning_count,
        };
        *count = count.saturating_add(1);
        let kept = self
            .record
            .issues
            .iter()
            .filter(|issue| issue.kind == kind.as_str())
            .count();
        if kept < KEPT {
            let message = clip(self.masker.mask(message), MESSAGE);
            self.record.issues.push(Issue {
                kind: match kind {
                    Kind::Error => IssueType::Error,
                    Kind::Warning => IssueType::Warning,
                },
                category: category.into(),
                message,
            });
        }
        self.tell();
    }

    /// An error of the step itself.
    pub(crate) fn error(&mut self, message: &str) {
        self.issue(Kind::Error, "General", message);
    }

    /// A warning of the agent.
    pub(crate) fn warning(&mut self, message: &str) {
        self.issue(Kind::Warning, "General", message);
    }

    /// Waits while the server is slower than the step.
    pub(crate) async fn room(&self) {
        self.journal.room().await;
    }

    fn write(&self, masked: &str) {
        let masked = clip(masked.to_owned(), LINE);
        self.journal.line(
            self.record.id,
            format!("{} {masked}", ambient::stamp(ambient::now())),
        );
    }

    fn tell(&self) {
        self.journal.record(self.record.clone());
    }
}

fn clip(mut text: String, most: usize) -> String {
    if text.len() > most {
        let mut at = most;
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text.truncate(at);
        text.push('…');
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use uuid::Uuid;

    /// A log of which a test can read what left it.
    pub(crate) fn sample(masker: &Arc<Masker>) -> (StepLog, Arc<Journal>) {
        let journal = Arc::new(Journal::default());
        let record = Record {
            id: Uuid::from_u128(7),
            name: "Step".into(),
            ref_name: None,
            order: 1,
            state: "pending".into(),
            result: None,
            start_time: None,
            finish_time: None,
            error_count: 0,
            warning_count: 0,
            issues: Vec::new(),
        };
        (
            StepLog::new(Arc::clone(&journal), Arc::clone(masker), record),
            journal,
        )
    }

    /// The lines without their time stamps, and the newest record.
    pub(crate) fn told(journal: &Journal) -> (Vec<String>, Option<Record>) {
        let batch = journal.take();
        let lines = batch
            .lines
            .into_iter()
            .flat_map(|lines| lines.lines)
            .map(|line| line[29..].to_owned())
            .collect();
        (lines, batch.records.into_iter().next_back())
    }

    #[test]
    fn at_most_ten_issues_of_a_type_are_kept_and_all_are_counted() {
        let (mut log, journal) = sample(&Arc::default());
        for i in 0..15 {
            log.error(&format!("e{i}"));
        }
        log.warning("w");
        let (lines, record) = told(&journal);
        let record = record.unwrap();
        assert_eq!(
            (
                record.error_count,
                record.warning_count,
                record.issues.len()
            ),
            (15, 1, 11)
        );
        assert_eq!(lines[0], "##[error]e0");
        assert_eq!(lines[15], "##[warning]w");
    }

    #[test]
    fn nothing_leaves_unmasked() {
        let masker = Arc::new(Masker::default());
        masker.add("open sesame");
        let (mut log, journal) = sample(&masker);
        log.start("Say open sesame");
        log.line("a open sesame b\r\nnext");
        log.error("no open sesame");
        log.debug("open sesame");
        let (lines, record) = told(&journal);
        let record = record.unwrap();
        assert_eq!(lines, ["a *** b", "next", "##[error]no ***"]);
        assert_eq!(record.name, "Say ***");
        assert_eq!(record.issues[0].message, "no ***");
    }

    #[test]
    fn debug_lines_are_written_only_when_wanted() {
        let (mut log, journal) = sample(&Arc::default());
        log.debug("hidden");
        log.set_debug(true);
        log.debug("shown\ntwice");
        assert_eq!(told(&journal).0, ["##[debug]shown", "##[debug]twice"]);
    }
}
