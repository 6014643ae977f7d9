//! Replays the changes that audit events tell, and compares the result with what is there. Pure.
//!
//! Rights, names and ways in are facts: a kind, a key, a value. Events set and remove facts; what they leave must be
//! what the database holds. It must not know tables or acts.

use crate::audit::Event;
use crate::change::{Change, DETAIL, Kind};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The event that told something last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    /// The event; nil for what a snapshot told.
    pub event: Uuid,
    /// Its place in the chain, once linked.
    pub sequence: Option<i64>,
}

/// A fact as the events tell it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fact {
    /// Its value.
    pub value: String,
    /// Who said so last.
    pub told: Told,
}

/// Facts as they are stored: kind and key, value.
pub type Live = BTreeMap<(Kind, String), String>;

/// What does not fit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// It is there, and no event explains it.
    Unexplained {
        /// Kind.
        kind: Kind,
        /// Key.
        key: String,
        /// What is there.
        found: String,
    },
    /// Events say that it is there, and it is not.
    Missing {
        /// Kind.
        kind: Kind,
        /// Key.
        key: String,
        /// What should be there.
        expected: Fact,
    },
    /// It is there, with another value than events say.
    Different {
        /// Kind.
        kind: Kind,
        /// Key.
        key: String,
        /// What should be there.
        expected: Fact,
        /// What is there.
        found: String,
    },
    /// An event holds a line that this program does not understand: it was changed, or a newer one wrote it.
    Unreadable {
        /// The event.
        told: Told,
        /// The line.
        line: String,
    },
}

/// A replay, one event after the other.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    facts: BTreeMap<(Kind, String), Fact>,
    unreadable: Vec<(Told, String)>,
    baselines: Vec<Told>,
}

/// The action of the event that takes what is there as given: after an upgrade from a version that told no changes.
pub const BASELINE: &str = "AuditLog.BaselineTaken";

impl Replay {
    /// A replay that goes on from what [`Replay::snapshot`] wrote. None if the text is not that.
    pub fn resume(snapshot: &str) -> Option<Self> {
        let told = Told {
            event: Uuid::nil(),
            sequence: None,
        };
        let mut replay = Self::default();
        for line in snapshot.lines() {
            match Change::read(line)? {
                Change::Set(kind, key, value) => {
                    replay.facts.insert((kind, key), Fact { value, told });
                }
                Change::Remove(..) | Change::RemoveAll(..) => return None,
            }
        }
        Some(replay)
    }

    /// Everything the events so far say is there, as text.
    pub fn snapshot(&self) -> String {
        let mut text = String::new();
        for ((kind, key), fact) in &self.facts {
            text.push_str(&Change::Set(*kind, key.clone(), fact.value.clone()).line());
            text.push('\n');
        }
        text
    }

    /// How many facts there are.
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// Events that took what was there as given.
    pub fn baselines(&self) -> &[Told] {
        &self.baselines
    }

    /// Takes the next event in.
    pub fn event(&mut self, sequence: Option<i64>, event: &Event) {
        if event.outcome != "allowed" {
            return;
        }
        let told = Told {
            event: event.id,
            sequence,
        };
        if event.action == BASELINE {
            self.baselines.push(told);
        }
        let Some(changes) = event.details.get(DETAIL) else {
            return;
        };
        for line in changes.lines() {
            match Change::read(line) {
                Some(Change::Set(kind, key, value)) => {
                    self.facts.insert((kind, key), Fact { value, told });
                }
                Some(Change::Remove(kind, key)) => {
                    self.facts.remove(&(kind, key));
                }
                Some(Change::RemoveAll(kind, prefix)) => self.remove_all(kind, &prefix),
                None => self.unreadable.push((told, line.to_owned())),
            }
        }
    }

    fn remove_all(&mut self, kind: Kind, prefix: &str) {
        let below = format!("{prefix} ");
        let gone: Vec<_> = self
            .facts
            .range((kind, prefix.to_owned())..)
            .map(|(at, _)| at)
            .take_while(|(k, key)| *k == kind && key.starts_with(prefix))
            .filter(|(_, key)| key == prefix || key.starts_with(&below))
            .cloned()
            .collect();
        for at in gone {
            self.facts.remove(&at);
        }
    }

    /// What is there and not explained, explained and not there, or different.
    pub fn compare(&self, live: &Live) -> Vec<Finding> {
        let mut findings: Vec<_> = self
            .unreadable
            .iter()
            .map(|(told, line)| Finding::Unreadable {
                told: *told,
                line: line.clone(),
            })
            .collect();
        for ((kind, key), found) in live {
            let (kind, key, found) = (*kind, key.clone(), found.clone());
            match self.facts.get(&(kind, key.clone())) {
                None => findings.push(Finding::Unexplained { kind, key, found }),
                Some(fact) if fact.value != found => findings.push(Finding::Different {
                    kind,
                    key,
                    expected: fact.clone(),
                    found,
                }),
                Some(_) => {}
            }
        }
        for (at, expected) in &self.facts {
            if !live.contains_key(at) {
                findings.push(Finding::Missing {
                    kind: at.0,
                    key: at.1.clone(),
                    expected: expected.clone(),
                });
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u128, changes: &[Change]) -> Event {
        let lines: Vec<_> = changes.iter().map(Change::line).collect();
        Event {
            id: Uuid::from_u128(number),
            time: 0,
            action: "Test.Changed".into(),
            outcome: "allowed".into(),
            actor: Uuid::nil(),
            actor_name: String::new(),
            authentication: String::new(),
            address: String::new(),
            project: None,
            resource_type: String::new(),
            resource_id: String::new(),
            run: None,
            job: None,
            details: BTreeMap::from([(DETAIL.into(), lines.join("\n"))]),
        }
    }

    fn live(facts: &[(Kind, &str, &str)]) -> Live {
        facts
            .iter()
            .map(|(kind, key, value)| ((*kind, (*key).into()), (*value).into()))
            .collect()
    }

    #[test]
    fn what_the_events_leave_is_what_must_be_there() {
        let mut replay = Replay::default();
        replay.event(
            Some(1),
            &event(
                1,
                &[
                    Change::set(Kind::Entry, &["n", "a", "i"], &["1", "0"]),
                    Change::set(Kind::Entry, &["n", "ab", "i"], &["1", "0"]),
                    Change::set(Kind::Member, &["g", "m"], &[]),
                ],
            ),
        );
        replay.event(
            Some(2),
            &event(
                2,
                &[Change::set(Kind::Entry, &["n", "a", "i"], &["19", "0"])],
            ),
        );
        let there = [
            (Kind::Entry, "n a i", "19 0"),
            (Kind::Entry, "n ab i", "1 0"),
            (Kind::Member, "g m", ""),
        ];
        assert_eq!(replay.compare(&live(&there)), []);
        let again = Replay::resume(&replay.snapshot()).unwrap();
        assert_eq!(again.compare(&live(&there)), []);

        replay.event(
            Some(3),
            &event(3, &[Change::remove_all(Kind::Entry, &["n", "a"])]),
        );
        assert_eq!(replay.compare(&live(&there[1..])), []);
        let found = replay.compare(&live(&there));
        assert!(matches!(&found[..], [Finding::Unexplained { key, .. }] if key == "n a i"));
        let found = replay.compare(&live(&there[2..]));
        assert!(
            matches!(&found[..], [Finding::Missing { expected, .. }] if expected.told.sequence == Some(1))
        );
        let found = replay.compare(&live(&[(Kind::Entry, "n ab i", "3 0"), there[2]]));
        assert!(matches!(&found[..], [Finding::Different { found, .. }] if found == "3 0"));
    }

    #[test]
    fn a_denied_event_changes_nothing_and_an_odd_line_is_told() {
        let mut replay = Replay::default();
        let mut denied = event(1, &[Change::set(Kind::Member, &["g", "m"], &[])]);
        denied.outcome = "denied".into();
        replay.event(Some(1), &denied);
        assert!(replay.is_empty());
        let mut odd = event(2, &[]);
        odd.details.insert(DETAIL.into(), "+ unheard of = x".into());
        replay.event(None, &odd);
        assert!(matches!(
            replay.compare(&Live::new())[..],
            [Finding::Unreadable { .. }]
        ));
    }
}
