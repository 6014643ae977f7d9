//! Which root generations have had their time, by what this scale unit has signed and not by what the database says now.
//!
//! Each rotation ends in a signed report that names the generation before and the one after. One that was replaced wraps
//! nothing new again: who writes the database can call it active, and cannot sign. Reports are read once and remembered,
//! so a running server does not unlearn what somebody deletes. Must not know how reports are stored.

use crate::error::{Error, Kind, Result};
use coffer_model::record::Signed;
use coffer_model::rotation::GenerationState;
use coffer_model::statement::RotationReport;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The reports so far.
#[derive(Default)]
pub(crate) struct Settled(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// Reports were read, or there are none.
    read: bool,
    /// The number of the newest one.
    newest: i64,
    /// It is not ours.
    doubtful: bool,
    /// The generation that the last one of ours ended with.
    last: Option<String>,
    past: BTreeSet<String>,
    /// Generations of which it was said that they are not ended, with the state that the database gave them then.
    told: BTreeSet<(String, GenerationState)>,
}

impl Settled {
    /// The number after which reports are to be learned.
    pub(crate) fn newest(&self) -> i64 {
        self.lock().newest
    }

    /// Nothing is to be learned.
    pub(crate) fn nothing_new(&self) {
        self.lock().read = true;
    }

    /// Learns reports, oldest first, verified with the unit's public key. Answers with the numbers of those that are not
    /// ours.
    pub(crate) fn learn(&self, reports: &[Signed], public: &[u8; 32]) -> Vec<i64> {
        let mut known = self.lock();
        let mut foreign = Vec::new();
        known.read = true;
        for signed in reports {
            known.newest = signed.record.number;
            let report = signed
                .is_by(public)
                .then(|| RotationReport::read(&signed.text));
            known.doubtful = report.as_ref().is_none_or(Option::is_none);
            let Some(Some(report)) = report else {
                foreign.push(signed.record.number);
                continue;
            };
            let before = [known.last.take(), Some(report.from)].into_iter().flatten();
            for before in before.filter(|before| *before != report.generation) {
                known.past.insert(before);
            }
            known.last = Some(report.generation);
        }
        foreign
    }

    /// The key that verifies reports does not open: nobody can say which generation is in force.
    pub(crate) fn doubt(&self) {
        let mut known = self.lock();
        known.doubtful = true;
        known.read = true;
    }

    /// Whether a rotation has replaced a generation.
    pub(crate) fn replaced(&self, generation: &str) -> bool {
        self.lock().past.contains(generation)
    }

    /// Whether it is to be said now that a generation is not ended in this state: once is enough.
    pub(crate) fn tell(&self, generation: &str, state: GenerationState) -> bool {
        self.lock().told.insert((generation.to_owned(), state))
    }

    /// Refuses a generation that a rotation has replaced: what every new key is made under has to be another.
    pub(crate) fn check_replaced(&self, generation: &str) -> Result<()> {
        match self.replaced(generation) {
            true => Err(refused(
                "The database names a root key that a rotation has replaced. Nothing is sealed under it, and nothing was changed.",
            )),
            false => Ok(()),
        }
    }

    /// Refuses a generation that is not to wrap anything new.
    pub(crate) fn check(&self, generation: &str) -> Result<()> {
        self.check_replaced(generation)?;
        let known = self.lock();
        if !known.read {
            return Err(Error::new(
                Kind::Unavailable,
                "keys.unavailable",
                "The key service has not answered since the server started, so the reports of rotations are not verified yet. \
                 Nothing was changed.",
            ));
        }
        if known.doubtful {
            return Err(refused(
                "The report of the last rotation is not one that this server signed, so it is not known which root key is in \
                 force. Nothing was changed.",
            ));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(message: &str) -> Error {
    Error::new(Kind::Internal, "keys.refused", message).hint(
        "Somebody may have changed the database. `coffer doctor` on the server's host says what; rotate the keys then: \
         `coffer key rotate`.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    use coffer_model::record::{self, Record, key_id, payload};

    fn pair(seed: u8) -> (Ed25519KeyPair, [u8; 32]) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        (pair, public)
    }

    fn report(seed: u8, number: i64, from: &str, generation: &str) -> Signed {
        let (pair, public) = pair(seed);
        let text = RotationReport {
            rotation: number,
            from: from.into(),
            generation: generation.into(),
            ..RotationReport::default()
        }
        .text();
        let record = Record {
            kind: record::Kind::Rotation,
            scale_unit: "unit".into(),
            organization: uuid::Uuid::nil(),
            number,
            previous: [0; 32],
            time: number,
            key: key_id(&public),
            sequence: number,
            head: [0; 32],
            root: [0; 32],
            payload: payload(&text),
        };
        Signed {
            signature: pair.sign(&record.bytes()).as_ref().to_vec(),
            record,
            text,
        }
    }

    fn learned(reports: &[Signed]) -> Settled {
        let settled = Settled::default();
        settled.learn(reports, &pair(1).1);
        settled
    }

    #[test]
    fn what_a_rotation_replaced_wraps_nothing_new_whatever_comes_later() {
        let settled = learned(&[report(1, 3, "a", "b"), report(1, 8, "b", "c")]);
        assert!(settled.check("a").is_err() && settled.check("b").is_err());
        settled.check("c").unwrap();
        // One that a rotation under way has made is in no report yet.
        settled.check("d").unwrap();
        // A rotation that somebody talked into going back changes nothing.
        assert!(
            settled
                .learn(&[report(1, 9, "c", "a")], &pair(1).1)
                .is_empty()
        );
        assert!(settled.check("a").is_err() && settled.replaced("c"));
    }

    #[test]
    fn a_generation_that_was_kept_is_in_force() {
        let settled = learned(&[report(1, 3, "a", "a"), report(1, 4, "a", "a")]);
        settled.check("a").unwrap();
    }

    #[test]
    fn where_a_report_in_between_is_missing_the_one_after_tells_what_it_replaced() {
        let settled = learned(&[report(1, 3, "a", "b"), report(1, 8, "x", "c")]);
        assert!(settled.replaced("b"));
    }

    #[test]
    fn a_report_of_somebody_else_is_named_and_in_doubt_nothing_is_sealed() {
        let settled = Settled::default();
        let mut changed = report(1, 8, "b", "a");
        changed.text = changed.text.replace("generation a", "generation b");
        for foreign in [report(2, 8, "b", "a"), changed] {
            let numbers = settled.learn(&[report(1, 3, "a", "b"), foreign], &pair(1).1);
            assert_eq!(numbers, [8]);
            assert!(settled.check("b").is_err(), "in doubt");
            assert!(!settled.replaced("b"), "and not replaced by it");
        }
        // The next rotation ends the doubt.
        settled.learn(&[report(1, 9, "b", "c")], &pair(1).1);
        settled.check("c").unwrap();
        settled.doubt();
        assert!(settled.check("c").is_err());
    }

    #[test]
    fn before_reports_were_read_nothing_is_sealed() {
        let settled = Settled::default();
        assert!(settled.check("a").is_err());
        settled.nothing_new();
        settled.check("a").unwrap();
    }
}
