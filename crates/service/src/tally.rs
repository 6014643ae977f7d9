//! Counting what happens often, so that it stands in the audit log once a minute and not once a time: nobody can fill the
//! log, and nothing is lost but what a crash takes. Bounded: who is one too many is counted among the others.

use coffer_model::Timestamp;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys counted apart at once.
const MOST: usize = 2_000;

/// Counts by key, a row for each key and minute.
pub(crate) struct Tally<K> {
    counts: Mutex<HashMap<K, Count>>,
    most: usize,
    others: K,
}

#[derive(Default)]
struct Count {
    /// The minute of the last row.
    recorded: Option<i64>,
    /// How often since.
    waiting: u64,
}

fn minute(now: Timestamp) -> i64 {
    now.0.div_euclid(60_000_000)
}

impl<K: Clone + Eq + Hash> Tally<K> {
    /// Nothing counted. `others` is the key of whoever is one too many.
    pub(crate) fn new(others: K) -> Self {
        Self {
            counts: Mutex::default(),
            most: MOST,
            others,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts once more. Answers with the row to write now, if this minute has none: its key, and how often it stands for.
    pub(crate) fn take(&self, key: K, now: Timestamp) -> Option<(K, u64)> {
        let minute = minute(now);
        let mut counts = self.lock();
        if counts.len() >= self.most && !counts.contains_key(&key) {
            counts.retain(|_, count| count.waiting > 0 || count.recorded == Some(minute));
        }
        let key = if counts.len() >= self.most && !counts.contains_key(&key) {
            self.others.clone()
        } else {
            key
        };
        let count = counts.entry(key.clone()).or_default();
        count.waiting += 1;
        if count.recorded == Some(minute) {
            return None;
        }
        count.recorded = Some(minute);
        Some((key, std::mem::take(&mut count.waiting)))
    }

    /// What waits for a row although its minute is over, or, at the end, whatever waits.
    pub(crate) fn due(&self, now: Timestamp, all: bool) -> Vec<(K, u64)> {
        let minute = minute(now);
        let mut counts = self.lock();
        let mut due = Vec::new();
        for (key, count) in counts.iter_mut() {
            if count.waiting > 0 && (all || count.recorded != Some(minute)) {
                count.recorded = Some(minute);
                due.push((key.clone(), std::mem::take(&mut count.waiting)));
            }
        }
        counts.retain(|_, count| count.waiting > 0 || count.recorded == Some(minute));
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    #[test]
    fn a_minute_is_one_row_and_none_is_lost() {
        let tally = Tally::new("others");
        let take = |key, seconds| tally.take(key, at(seconds)).map(|(_, count)| count);
        assert_eq!(take("pat", 60), Some(1));
        assert_eq!((take("pat", 61), take("pat", 119)), (None, None));
        assert_eq!(take("job", 61), Some(1));
        assert_eq!(take("pat", 120), Some(3));
        assert_eq!(take("pat", 600), Some(1));
    }

    #[test]
    fn what_waits_is_written_when_its_minute_is_over_or_at_the_end() {
        let tally = Tally::new("others");
        tally.take("pat", at(60));
        tally.take("pat", at(61));
        assert_eq!(tally.due(at(119), false), []);
        assert_eq!(tally.due(at(120), false), [("pat", 1)]);
        assert_eq!(tally.due(at(180), false), []);
        tally.take("pat", at(181));
        tally.take("pat", at(182));
        assert_eq!(tally.due(at(183), true), [("pat", 1)]);
    }

    #[test]
    fn a_flood_of_keys_is_counted_among_the_others() {
        let tally = Tally {
            counts: Mutex::default(),
            most: 3,
            others: 0,
        };
        let rows: Vec<_> = (1..=100)
            .filter_map(|key| tally.take(key, at(60)))
            .collect();
        assert_eq!(rows, [(1, 1), (2, 1), (3, 1), (0, 1)]);
        assert_eq!(tally.due(at(120), false), [(0, 96)]);
        // A minute later there is room again.
        assert_eq!(tally.take(101, at(181)), Some((101, 1)));
    }
}
