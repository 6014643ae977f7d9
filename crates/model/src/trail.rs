//! Checks a whole audit log, or an export of a part of it: rows, what stands for rows left out, and signed records.
//!
//! Pure, one line at a time, in memory that does not grow with the log. Says what is wrong, and how far the log was
//! compared with what others hold. It must not know where the lines come from.

use crate::audit::{Digest, Row, digest, link, start};
use crate::record::Signed;
use crate::tree::Tree;
use std::collections::BTreeMap;

/// More problems than this are counted, not listed.
const MOST_PROBLEMS: usize = 20;

/// What a verifier holds from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Records that came another way than the log.
    pub records: Vec<Signed>,
    /// The public key, when it came another way than the log.
    pub public_key: Option<[u8; 32]>,
}

/// How it went.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What is wrong, a sentence each.
    pub problems: Vec<String>,
    /// Rows of the log, those left out included.
    pub rows: i64,
    /// Events seen and checked.
    pub events: i64,
    /// The chain's head, where the last row was there to be seen.
    pub head: Option<Digest>,
    /// The root of the tree over all rows.
    pub root: Digest,
    /// The newest trusted record that fits: rows, and when it was signed.
    pub trusted: Option<(i64, i64)>,
    /// Trusted records that lie inside a stretch that was left out: rows.
    pub passed_over: Vec<i64>,
    /// Ranges whose events retention removed, as tombstones tell.
    pub removed: Vec<(i64, i64)>,
}

/// The check, line by line.
#[derive(Debug)]
pub struct Trail {
    tree: Tree,
    head: Option<Digest>,
    events: i64,
    problems: Vec<String>,
    more: usize,
    /// Trusted records by rows.
    trusted: BTreeMap<i64, Vec<Signed>>,
    newest: Option<(i64, i64)>,
    passed_over: Vec<i64>,
    /// Ranges without events.
    gaps: Vec<(i64, i64)>,
    removed: Vec<(i64, i64)>,
    /// Records of the log that state how it was somewhere below: rows.
    stated: BTreeMap<i64, Vec<Signed>>,
}

impl Default for Trail {
    fn default() -> Self {
        Self::new(&Trust::default())
    }
}

impl Trail {
    /// A check against what is held from elsewhere.
    pub fn new(trust: &Trust) -> Self {
        let mut trusted: BTreeMap<i64, Vec<Signed>> = BTreeMap::new();
        for signed in &trust.records {
            let at = trusted.entry(signed.record.sequence).or_default();
            at.push(signed.clone());
        }
        Self {
            tree: Tree::default(),
            head: Some(start()),
            events: 0,
            problems: Vec::new(),
            more: 0,
            trusted,
            newest: None,
            passed_over: Vec::new(),
            gaps: Vec::new(),
            removed: Vec::new(),
            stated: BTreeMap::new(),
        }
    }

    /// Takes in a tombstone, whose signature the caller has checked: events of these rows were removed.
    pub fn removed(&mut self, from: i64, through: i64) {
        self.removed.push((from, through));
    }

    /// Takes in a record of the log itself, whose signature the caller has checked. Before the rows it speaks of.
    pub fn states(&mut self, signed: &Signed) {
        let at = self.stated.entry(signed.record.sequence).or_default();
        at.push(signed.clone());
    }

    /// Takes in the record that ends the log, after the last row: its signature the caller has checked.
    pub fn ends(&mut self, signed: &Signed) {
        let (at, rows) = (signed.record.sequence, self.tree.leaves());
        if at != rows {
            self.problem(format!(
                "The log ends after row {rows}, and was signed when it had {at}: rows were cut off or added."
            ));
        } else {
            self.states(signed);
            self.compare();
        }
    }

    /// Checks the next row.
    pub fn row(&mut self, row: &Row) {
        let next = self.tree.leaves() + 1;
        if row.sequence != next {
            self.problem(if row.sequence > next {
                format!("Rows {next} to {} are missing.", row.sequence - 1)
            } else {
                format!(
                    "Row {} stands where row {next} must be: rows are out of order or there twice.",
                    row.sequence
                )
            });
            // Go on from what the row itself says, so that one gap is one problem.
            self.tree = Tree::after(row.sequence - 1);
            self.head = None;
        }
        if let Some(head) = &self.head
            && link(head, row.sequence, &row.digest) != row.chain
        {
            self.problem(format!(
                "Row {} does not continue the chain: it or a row before it was changed.",
                row.sequence
            ));
        }
        self.head = Some(row.chain);
        match &row.event {
            Some((salt, event)) if digest(salt, event) != row.digest => self.problem(format!(
                "The event of row {} is not the one that was recorded.",
                row.sequence
            )),
            Some(_) => self.events += 1,
            None => self.gap(row.sequence, row.sequence),
        }
        self.tree.leaf(&row.digest);
        self.compare();
    }

    /// Checks what stands for the rows up to `through` that were left out.
    pub fn skipped(&mut self, from: i64, through: i64, nodes: &[Digest]) {
        let next = self.tree.leaves() + 1;
        if from != next || !self.tree.skip(through, nodes) {
            self.problem(format!(
                "What stands for rows {from} to {through} does not fit after row {}.",
                next - 1
            ));
            self.tree = Tree::after(through.max(next - 1));
        }
        let inside: Vec<i64> = self
            .trusted
            .range(from..through)
            .map(|(at, _)| *at)
            .collect();
        for at in inside {
            self.trusted.remove(&at);
            self.passed_over.push(at);
        }
        self.head = None;
        self.gap(from, through);
        self.compare();
    }

    /// Compares the state after the last row with every record that speaks of it.
    fn compare(&mut self) {
        let at = self.tree.leaves();
        let trusted = self.trusted.remove(&at).unwrap_or_default();
        let stated = self.stated.remove(&at).unwrap_or_default();
        if trusted.is_empty() && stated.is_empty() {
            return;
        }
        let root = self.tree.root();
        let fits = |head: Option<Digest>, signed: &Signed| {
            signed.record.root == root && head.is_none_or(|head| head == signed.record.head)
        };
        for signed in trusted {
            if fits(self.head, &signed) {
                self.newest = self.newest.max(Some((at, signed.record.time)));
            } else {
                self.problem(format!(
                    "The log up to row {at} is not the one that the trusted checkpoint was signed for: it was rewritten."
                ));
            }
        }
        for signed in stated {
            if !fits(self.head, &signed) {
                self.problem(format!(
                    "The log up to row {at} is not the one that its own record {} was signed for.",
                    signed.record.number
                ));
            }
        }
    }

    fn gap(&mut self, from: i64, through: i64) {
        match self.gaps.last_mut() {
            Some(last) if last.1 + 1 == from => last.1 = through,
            _ => self.gaps.push((from, through)),
        }
    }

    /// Ends the check. `whole` is whether no event may be left out, but those whose removal tombstones tell.
    pub fn finish(mut self, whole: bool) -> Verdict {
        let rows = self.tree.leaves();
        let beyond: Vec<i64> = self.trusted.keys().copied().collect();
        for at in beyond {
            if at > rows {
                self.problem(format!(
                    "The log ends after row {rows}, and the trusted checkpoint was signed when it had {at}: its end was cut off."
                ));
            } else if at > 0 {
                self.passed_over.push(at);
            }
        }
        let beyond: Vec<i64> = self
            .stated
            .keys()
            .copied()
            .filter(|at| *at > rows)
            .collect();
        if let Some(at) = beyond.last() {
            self.problem(format!(
                "The log ends after row {rows}, and a record of its own was signed when it had {at}: its end was cut off."
            ));
        }
        if whole {
            let covered = union(std::mem::take(&mut self.removed));
            for (from, through) in std::mem::take(&mut self.gaps) {
                let by = |range: &&(i64, i64)| range.0 <= from && through <= range.1;
                if covered.iter().find(by).is_none() {
                    self.problem(format!(
                        "Events of rows {from} to {through} are missing, and no tombstone tells of their removal."
                    ));
                }
            }
            self.removed = covered;
        } else {
            self.removed = union(std::mem::take(&mut self.removed));
        }
        if self.more > 0 {
            self.problems
                .push(format!("There are {} more problems.", self.more));
        }
        Verdict {
            problems: self.problems,
            rows,
            events: self.events,
            head: self.head,
            root: self.tree.root(),
            trusted: self.newest,
            passed_over: self.passed_over,
            removed: self.removed,
        }
    }

    /// Adds a problem that the caller found.
    pub fn problem(&mut self, text: String) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(text);
        } else {
            self.more += 1;
        }
    }
}

/// Ranges without overlaps, in order.
fn union(mut ranges: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    ranges.sort_unstable();
    let mut union: Vec<(i64, i64)> = Vec::new();
    for (from, through) in ranges {
        match union.last_mut() {
            Some(last) if from <= last.1 + 1 => last.1 = last.1.max(through),
            _ => union.push((from, through)),
        }
    }
    union
}

/// Checks records that follow each other: signatures, numbers, and that each names the one before.
///
/// `keys` are the public keys that may have signed. Answers with what is wrong.
pub fn records<'a>(
    keys: &[[u8; 32]],
    records: impl IntoIterator<Item = &'a Signed>,
    from_the_first: bool,
) -> Vec<String> {
    let mut problems = Vec::new();
    let mut before: Option<&Signed> = None;
    for signed in records {
        let number = signed.record.number;
        if !keys.iter().any(|key| signed.is_by(key)) {
            problems.push(format!(
                "Record {number} does not carry the signature of the scale unit's key: it was changed or made by somebody else."
            ));
        }
        let fits = match before {
            Some(before) => {
                number == before.record.number + 1
                    && signed.record.previous == before.record.digest()
            }
            None => !from_the_first || (number == 1 && signed.record.previous == [0; 32]),
        };
        if !fits {
            problems.push(format!(
                "Record {number} does not follow the record before it: one was changed, added or taken out."
            ));
        }
        before = Some(signed);
    }
    problems
}

#[cfg(test)]
#[path = "trail_tests.rs"]
mod tests;
