//! What waits to be told to the server: records and log lines, in order, within a bounded memory.
//!
//! Everything in here is masked already. It knows neither HTTP nor steps.

use coffer_wire::agent::{Lines, Record};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use uuid::Uuid;

/// Writers wait when this many bytes are not yet told.
const ROOM: usize = 4 << 20;
/// Most of one call.
const BATCH_LINES: usize = 2000;
/// Most bytes of one call.
const BATCH_BYTES: usize = 256 << 10;

/// Records and lines on their way to the server.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    state: Mutex<State>,
    wake: Notify,
    room: Notify,
}

#[derive(Debug, Default)]
struct State {
    records: Vec<Record>,
    lines: VecDeque<(Uuid, i64, String)>,
    counts: Vec<(Uuid, i64)>,
    bytes: usize,
    closed: bool,
}

/// What goes into one call. It is sent until the server has it; only then comes the next.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Record>,
    pub(crate) lines: Vec<Lines>,
}

impl Journal {
    /// A record is new or changed; the newest state wins.
    pub(crate) fn record(&self, record: Record) {
        let mut state = self.lock();
        match state.records.iter_mut().find(|known| known.id == record.id) {
            Some(known) => *known = record,
            None => state.records.push(record),
        }
        self.wake.notify_one();
    }

    /// A line of a record's log, complete with its time stamp.
    pub(crate) fn line(&self, record: Uuid, line: String) {
        let mut state = self.lock();
        let number = match state.counts.iter_mut().find(|(id, _)| *id == record) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                state.counts.push((record, 1));
                1
            }
        };
        state.bytes += line.len();
        state.lines.push_back((record, number, line));
        self.wake.notify_one();
    }

    /// Waits until there is room for more lines.
    pub(crate) async fn room(&self) {
        loop {
            let freed = self.room.notified();
            if self.lock().bytes < ROOM {
                return;
            }
            freed.await;
        }
    }

    /// Nothing more will come.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// Whether nothing more will come.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits until there is something to tell (true), or never will be (false).
    pub(crate) async fn pending(&self) -> bool {
        loop {
            {
                let state = self.lock();
                if !state.records.is_empty() || !state.lines.is_empty() {
                    return true;
                }
                if state.closed {
                    return false;
                }
            }
            self.wake.notified().await;
        }
    }

    /// Waits until nothing more will come.
    pub(crate) async fn closed(&self) {
        while !self.is_closed() {
            self.wake.notified().await;
        }
        self.wake.notify_one();
    }

    /// Takes the next batch out.
    pub(crate) fn take(&self) -> Batch {
        let mut state = self.lock();
        let mut batch = Batch {
            records: std::mem::take(&mut state.records),
            lines: Vec::new(),
        };
        let (mut lines, mut bytes) = (0, 0);
        while lines < BATCH_LINES && bytes < BATCH_BYTES {
            let Some((record, number, line)) = state.lines.pop_front() else {
                break;
            };
            lines += 1;
            bytes += line.len();
            match batch.lines.last_mut() {
                Some(last) if last.record_id == record => last.lines.push(line),
                _ => batch.lines.push(Lines {
                    record_id: record,
                    first_line: number,
                    lines: vec![line],
                }),
            }
        }
        state.bytes -= bytes;
        self.room.notify_waiters();
        batch
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_per_record_and_keep_their_order() {
        let journal = Journal::default();
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for (record, line) in [(a, "a1"), (a, "a2"), (b, "b1"), (a, "a3")] {
            journal.line(record, line.into());
        }
        let shown: Vec<_> = journal
            .take()
            .lines
            .into_iter()
            .map(|l| (l.record_id, l.first_line, l.lines.join(",")))
            .collect();
        assert_eq!(
            shown,
            [
                (a, 1, "a1,a2".into()),
                (b, 1, "b1".into()),
                (a, 3, "a3".to_owned())
            ]
        );
        journal.line(b, "b2".into());
        assert_eq!(journal.take().lines[0].first_line, 2);
    }

    #[tokio::test]
    async fn a_full_journal_makes_writers_wait_until_lines_are_taken() {
        let journal = Journal::default();
        for _ in 0..5 {
            journal.line(Uuid::nil(), "x".repeat(1 << 20));
        }
        let mut waiting = Box::pin(journal.room());
        assert!(futures_poll(&mut waiting).is_none());
        while journal.lock().bytes >= ROOM {
            journal.take();
        }
        waiting.await;
    }

    /// Polls once.
    fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::Pin::new(future).poll(&mut context) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        }
    }
}
