//! Reconciliation: the events of the log replayed, and what the tables hold, both of one moment.

use crate::audit::{LINKED_PAGE, LinkedEvent, Reader};
use crate::engine::Store;
use crate::error::{Stop, StoreError};
use crate::facts;
use crate::gate::Grant;
use crate::settings::{CHANGES_TOLD, TOLD};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::TakeBaseline;
use coffer_model::audit::digest;
use coffer_model::change::Change;
use coffer_model::replay::{Live, Replay};
use coffer_model::{Caller, OrganizationId};

/// Changes in one event of a baseline.
const BASELINE_CHANGES: usize = 500;

/// What the events explain, and what is there.
pub struct Reconciled {
    /// The replay of all events.
    pub replay: Replay,
    /// What the tables hold.
    pub live: Live,
    /// Events replayed.
    pub events: i64,
    /// Places of events that are not what was recorded.
    pub changed: Vec<i64>,
    /// The last place that the snapshot of retention speaks of; 0 without one.
    pub snapshot: i64,
    /// The snapshot's text.
    pub snapshot_text: String,
}

impl Store {
    /// Replays the log and reads everything it must explain, at one moment. Asks nobody: an act that was allowed in a
    /// unit before must.
    pub async fn reconcile(&self) -> Result<Reconciled, StoreError> {
        let mut read = self.read().await?;
        // In a task of its own: whoever goes away must not leave an open transaction in the pool.
        let done = tokio::spawn(async move {
            let begin = if read.conn.is_postgres() {
                "begin isolation level repeatable read read only"
            } else {
                "begin"
            };
            read.conn.control(begin).await?;
            let result = reconcile(&mut read).await;
            read.conn.control("rollback").await?;
            result
        });
        done.await
            .unwrap_or(Err(StoreError::Panicked("audit.reconcile")))
    }
}

async fn reconcile(read: &mut ReadTx) -> Result<Reconciled, StoreError> {
    let live = facts::live(&mut read.conn).await?;
    let (snapshot, snapshot_text) = read.audit_snapshot().await?.unwrap_or_default();
    let mut replay =
        Replay::resume(&snapshot_text).ok_or(StoreError::corrupt("audit_snapshot", "facts"))?;
    let (mut events, mut changed) = (0, Vec::new());
    let mut reader = Reader::after(snapshot);
    loop {
        let page = reader.next(&mut read.conn).await?;
        if page.is_empty() {
            break;
        }
        for row in page {
            take(&mut replay, &row, &mut changed);
            events += 1;
        }
    }
    Ok(Reconciled {
        replay,
        live,
        events,
        changed,
        snapshot,
        snapshot_text,
    })
}

fn take(replay: &mut Replay, row: &LinkedEvent, changed: &mut Vec<i64>) {
    if digest(&row.salt, &row.event) != row.digest {
        changed.push(row.sequence.unwrap_or(0));
    }
    replay.event(row.sequence, &row.event);
}

impl ReadTx {
    /// A replay of the events up to a place, going on from the snapshot.
    pub async fn replay_through(&mut self, through: i64) -> Result<Replay, StoreError> {
        let (snapshot, text) = self.audit_snapshot().await?.unwrap_or_default();
        let mut replay =
            Replay::resume(&text).ok_or(StoreError::corrupt("audit_snapshot", "facts"))?;
        let mut after = snapshot;
        while after < through {
            let page = self.audit_linked(after, LINKED_PAGE).await?;
            let Some(last) = page.last().and_then(|row| row.sequence) else {
                break;
            };
            for row in page.iter().filter(|row| row.sequence <= Some(through)) {
                if digest(&row.salt, &row.event) != row.digest {
                    // What was changed must not become what is taken as given.
                    return Err(StoreError::corrupt("audit_event", "digest"));
                }
                replay.event(row.sequence, &row.event);
            }
            after = last;
        }
        Ok(replay)
    }

    /// Whether the events tell every change since the beginning, or since a baseline.
    pub async fn changes_told(&mut self) -> Result<bool, StoreError> {
        Ok(self.setting(CHANGES_TOLD).await?.as_deref() == Some(TOLD))
    }
}

impl Tx {
    /// Puts what is there, of the kinds that events told nothing of so far, on record as given. Once: a second time does
    /// nothing. What was told of already is not taken as given again: an upgrade explains nothing away.
    pub async fn baseline(
        &mut self,
        caller: &Caller,
        organization: OrganizationId,
    ) -> Result<(), Stop> {
        let untold = self.take_changes_told().await?;
        if untold.is_empty() {
            return Ok(());
        }
        let live = facts::live(&mut self.conn).await?;
        let all: Vec<Change> = live
            .into_iter()
            .filter(|((kind, _), _)| untold.contains(kind))
            .map(|((kind, key), value)| Change::Set(kind, key, value))
            .collect();
        for changes in all.chunks(BASELINE_CHANGES) {
            let grant: Grant<TakeBaseline> = self
                .authorize(caller, TakeBaseline { organization })
                .await?;
            grant.redeem(self)?;
            for change in changes {
                self.change(change);
            }
        }
        Ok(())
    }
}
