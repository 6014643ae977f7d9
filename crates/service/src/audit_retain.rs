//! Retention: old events go, their links stay, and a signed tombstone says so.
//!
//! What the removed events explained goes into a snapshot whose digest the tombstone signs, so that reconciliation goes
//! on from there. Nothing is removed whose digest does not fit: removal must not hide a change.

use crate::Service;
use crate::audit::Audit;
use crate::error::{Error, Kind, Result};
use crate::signing::state;
use coffer_model::act::{ExpireAudit, RetainAudit};
use coffer_model::audit::Digest;
use coffer_model::record::{self, Signed, payload};
use coffer_model::statement::Tombstone;
use coffer_model::{Caller, Timestamp};
use coffer_store::{Refusal, RemovesEvents, Stop};

/// Events removed in one transaction.
const BATCH: i64 = 10_000;
/// Other nodes may sign first; this often is enough.
const TRIES: usize = 8;

/// What was removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Retained {
    /// Events.
    pub removed: i64,
    /// Up to this row; 0 when nothing was.
    pub through: i64,
    /// Tombstones signed.
    pub tombstones: i64,
}

/// The rows whose events a tombstone says were removed.
pub(crate) fn range(signed: &Signed) -> Option<(i64, i64)> {
    let told = Tombstone::read(&signed.text)?;
    (1 <= told.from && told.from <= told.through).then_some((told.from, told.through))
}

/// The digest of the snapshot that a tombstone names.
pub(crate) fn snapshot(signed: &Signed) -> Option<Digest> {
    Some(Tombstone::read(&signed.text)?.snapshot)
}

impl Audit<'_> {
    /// Removes the events before a time. Those of the last day stay, whatever the time.
    pub async fn retain(&self, caller: &Caller, before: Timestamp) -> Result<Retained> {
        let organization = self.0.organization().id;
        let newest = self.0.store().read().await?.now().plus_seconds(-86_400);
        if before > newest {
            return Err(Error::invalid(
                "Events of the last 24 hours cannot be removed: name an earlier time.",
            ));
        }
        remove(self.0, caller, before, RetainAudit { organization }).await
    }
}

impl Service {
    /// Removes what is older than the configured days. Does nothing when everything is kept.
    pub(crate) async fn expire_audit(&self) -> Result<Retained> {
        let days = i64::from(self.0.audit_retention_days);
        if days == 0 {
            return Ok(Retained::default());
        }
        let now = self.store().read().await?.now();
        let organization = self.organization().id;
        let caller = self.duty("remove old events");
        let before = now.plus_seconds(-days * 86_400);
        remove(self, &caller, before, ExpireAudit { organization }).await
    }
}

async fn remove<A: RemovesEvents>(
    service: &Service,
    caller: &Caller,
    before: Timestamp,
    act: A,
) -> Result<Retained> {
    let mut done = Retained::default();
    let mut tries = 0;
    loop {
        let mut read = service.store().read().await?;
        let (head, _) = read.audit_head().await?;
        let through = match read.audit_first_since(before.0).await? {
            Some(first) => first - 1,
            None => head,
        };
        let last = read.tombstones().await?.last().and_then(range);
        let from = last.map_or(0, |(_, through)| through) + 1;
        if through < from {
            break;
        }
        let through = through.min(from + BATCH - 1);
        let facts = read.replay_through(through).await?.snapshot();
        let state = state(&mut read).await?;
        let now = read.now().0;
        drop(read);
        let removed = through - from + 1;
        let text = Tombstone {
            from,
            through,
            removed,
            before: before.0,
            by: caller.identity.0,
            by_name: caller.name.clone(),
            snapshot: payload(&facts),
        }
        .text();
        let signed = service
            .draft(record::Kind::Tombstone, &text, &state, now)
            .await?;
        let (caller, act, tree) = (caller.clone(), act.clone(), state.tree);
        let stored = service
            .store()
            .write("audit.retain", move |tx| {
                let (caller, act, tree) = (caller.clone(), act.clone(), tree.clone());
                let (signed, facts) = (signed.clone(), facts.clone());
                Box::pin(async move {
                    let details = [
                        ("from", from.to_string()),
                        ("through", through.to_string()),
                        ("removed", removed.to_string()),
                        ("before", before.0.to_string()),
                        ("record", signed.record.number.to_string()),
                    ];
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    tx.audit_remove(grant, (from, through), removed, (&signed, &tree), &facts)
                        .await
                })
            })
            .await;
        match stored {
            Ok(()) => {
                done.removed += removed;
                done.through = through;
                done.tombstones += 1;
            }
            Err(Stop::Refused(Refusal::State)) if tries < TRIES => tries += 1,
            Err(Stop::Refused(Refusal::State)) => {
                return Err(Error::new(
                    Kind::Conflict,
                    "audit.not_whole",
                    format!("Rows {from} to {through} of the audit log do not hold all of their events, so that none is removed."),
                )
                .hint("Find out what happened with `coffer audit verify` first."));
            }
            Err(stop) => return Err(stop.into()),
        }
    }
    if done.removed == 0 {
        // Asked for in vain, it is still on record, and refused to whom it does not belong.
        let (caller, act) = (caller.clone(), act);
        service
            .store()
            .write("audit.retain", move |tx| {
                let (caller, act) = (caller.clone(), act.clone());
                Box::pin(async move { tx.authorize(&caller, act).await.map(drop) })
            })
            .await?;
    }
    Ok(done)
}
