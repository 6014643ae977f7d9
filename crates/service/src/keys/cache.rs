//! Unwrapped project keys in memory: which may be used, which are being asked for, and when to ask again.
//!
//! Time is an argument and only grows. A key is used for a bounded time after its provider was asked for it. Near the
//! end of that time, at a moment that differs from key to key, it is asked for again while the old one is still used;
//! if that fails, the old one serves until its time is up. For each key at most one question is under way. Knows
//! neither providers nor rows: what it is asked for is named by everything that the key depends on.

use coffer_model::ProjectKeyId;
use coffer_store::{KeyScope, NewProjectKey, ProjectKeyRow};
use std::collections::HashMap;
use std::time::Duration;

/// A failed early question is repeated after this part of the lifetime.
const AGAIN: u32 = 50;

/// All that an unwrapped key depends on. A row that was changed names another key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot {
    id: ProjectKeyId,
    scope: KeyScope,
    version: i64,
    scale_unit: String,
    commitment: [u8; 32],
}

impl Slot {
    pub(super) fn of(row: &ProjectKeyRow) -> Self {
        Self {
            id: row.id,
            scope: row.scope,
            version: row.version,
            scale_unit: row.scale_unit.clone(),
            commitment: row.commitment,
        }
    }

    /// Of a key that was made now.
    pub(super) fn of_new(new: &NewProjectKey, scale_unit: &str) -> Self {
        Self {
            id: new.id,
            scope: new.scope,
            version: new.version,
            scale_unit: scale_unit.to_owned(),
            commitment: new.commitment,
        }
    }
}

/// What there is for a slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<K, F> {
    /// This key.
    Key(K),
    /// This key; it is time to ask for it again.
    Aging(K),
    /// Nothing yet: wait for this answer.
    Asked(F),
    /// Nothing: ask.
    Absent,
}

struct Kept<K> {
    key: K,
    until: Duration,
    renew: Duration,
}

/// Keys `K`, and answers `F` that are waited for.
pub(super) struct Cache<K, F> {
    life: Duration,
    kept: HashMap<Slot, Kept<K>>,
    asked: HashMap<Slot, (u64, F)>,
    questions: u64,
    evictions: u64,
}

impl<K: Clone, F: Clone> Cache<K, F> {
    pub(super) fn new(life: Duration) -> Self {
        Self {
            life,
            kept: HashMap::new(),
            asked: HashMap::new(),
            questions: 0,
            evictions: 0,
        }
    }

    pub(super) fn look(&self, slot: &Slot, now: Duration) -> Found<K, F> {
        let asked = self.asked.get(slot);
        match (self.kept.get(slot).filter(|kept| now < kept.until), asked) {
            (Some(kept), None) if now >= kept.renew => Found::Aging(kept.key.clone()),
            (Some(kept), _) => Found::Key(kept.key.clone()),
            (None, Some((_, answer))) => Found::Asked(answer.clone()),
            (None, None) => Found::Absent,
        }
    }

    /// Notes that a slot is asked for. `ask` is told the number of the question.
    pub(super) fn ask(&mut self, slot: Slot, ask: impl FnOnce(u64) -> F) -> F {
        self.questions += 1;
        let answer = ask(self.questions);
        self.asked.insert(slot, (self.questions, answer.clone()));
        answer
    }

    /// Notes the answer to a question: a key, or none. It was asked at `asked`; `spread`, of 0 to 255, says when the key
    /// is to be asked for again. An answer to a question that was dropped meanwhile is not kept.
    pub(super) fn answered(
        &mut self,
        slot: &Slot,
        question: u64,
        key: Option<K>,
        (asked, now): (Duration, Duration),
        spread: u8,
    ) {
        if self
            .asked
            .get(slot)
            .is_none_or(|(number, _)| *number != question)
        {
            return;
        }
        self.asked.remove(slot);
        self.sweep(now);
        match key {
            Some(key) => self.keep(slot.clone(), key, asked, spread),
            None => {
                if let Some(kept) = self.kept.get_mut(slot) {
                    kept.renew = now + self.life / AGAIN;
                }
            }
        }
    }

    /// How often something was forgotten: what is to be kept later says how it was then.
    pub(super) fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Keeps a key that was made and opened after `asked`, unless anything was forgotten since `evictions`: it may have
    /// been this.
    pub(super) fn made(&mut self, slot: Slot, key: K, evictions: u64, asked: Duration, spread: u8) {
        if self.evictions == evictions {
            self.keep(slot, key, asked, spread);
        }
    }

    fn keep(&mut self, slot: Slot, key: K, asked: Duration, spread: u8) {
        let until = asked + self.life;
        // Between four fifths of the time and its end.
        let early = self.life * u32::from(spread) / (5 * 256);
        let renew = until.saturating_sub(early);
        self.kept.insert(slot, Kept { key, until, renew });
    }

    /// Forgets the keys of the scopes that `of` names. What is being asked for is answered, and not kept.
    pub(super) fn evict(&mut self, of: impl Fn(KeyScope) -> bool) {
        self.evictions += 1;
        self.kept.retain(|slot, _| !of(slot.scope));
        self.asked.retain(|slot, _| !of(slot.scope));
    }

    /// Forgets one key, however its row looked.
    pub(super) fn forget(&mut self, id: ProjectKeyId) {
        self.kept.retain(|slot, _| slot.id != id);
        self.asked.retain(|slot, _| slot.id != id);
    }

    /// Forgets keys whose time is up.
    pub(super) fn sweep(&mut self, now: Duration) {
        self.kept.retain(|_, kept| now < kept.until);
    }

    /// Keys in memory.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
