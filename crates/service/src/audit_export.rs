//! Exports of the audit log: what a filter keeps, what stands for the rest, and a signature at the end.
//!
//! An export speaks of the whole log up to the moment it began. Rows that are left out are replaced by digests of the
//! subtrees they make up ([`coffer_model::tree`]), so that what is kept can be verified offline. It must not know how a
//! line looks.

use crate::Service;
use crate::audit::{Audit, AuditRow, told};
use crate::error::Result;
use crate::signing::{State, state};
use coffer_model::Caller;
use coffer_model::act::ExportAudit;
use coffer_model::audit::Digest;
use coffer_model::record::{Kind, Signed};
use coffer_model::statement::ExportEnd;
use coffer_model::tree::Tree;
use coffer_store::{AuditFilter, AuditPage};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use uuid::Uuid;

/// Rows read at once.
const PIECE: i64 = 1000;
/// The newest so many checkpoints can always be compared with an export; of older ones, the last of each day.
const NEWEST: usize = 500;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What an export begins with.
#[derive(Clone, Debug)]
pub struct Header {
    /// The organization.
    pub organization: Uuid,
    /// The scale unit.
    pub scale_unit: String,
    /// The public key that signs.
    pub public_key: [u8; 32],
    /// When it was begun.
    pub time: i64,
    /// Rows of the log then.
    pub rows: i64,
    /// What was asked for, in words; empty for everything.
    pub filter: String,
}

/// A part of an export.
#[derive(Clone, Debug)]
pub enum Piece {
    /// The first.
    Header(Header),
    /// A row with its event.
    Row(Box<AuditRow>),
    /// What stands for rows that were left out.
    Skipped {
        /// The first.
        from: i64,
        /// The last.
        through: i64,
        /// The subtrees they make up.
        nodes: Vec<Digest>,
    },
    /// A tombstone of retention.
    Record(Box<Signed>),
}

/// An export under way.
pub struct Export {
    service: Service,
    filter: AuditFilter,
    state: State,
    breaks: BTreeSet<i64>,
    after: i64,
    gap: Option<(i64, Tree)>,
    start: Option<Vec<Piece>>,
    events: i64,
}

impl Audit<'_> {
    /// Begins an export. At the rows in `breaks` it can be compared with a checkpoint that somebody holds, beside those
    /// places where every export can.
    pub async fn export(
        &self,
        caller: &Caller,
        filter: AuditFilter,
        breaks: Vec<i64>,
    ) -> Result<Export> {
        let service = self.0.clone();
        let (caller, organization) = (caller.clone(), service.organization().id);
        let details = [("filter", told(&filter))];
        service
            .store()
            .write("audit.export", move |tx| {
                let (caller, details) = (caller.clone(), details.clone());
                Box::pin(async move {
                    tx.authorize_with(&caller, ExportAudit { organization }, &details)
                        .await
                        .map(drop)
                })
            })
            .await?;
        let public_key = service.public_key().await?;
        let mut read = service.store().read().await?;
        let state = state(&mut read).await?;
        let mut start = vec![Piece::Header(Header {
            organization: organization.0,
            scale_unit: service.store().scale_unit().to_owned(),
            public_key,
            time: read.now().0,
            rows: state.sequence,
            filter: told(&filter),
        })];
        let tombstones = read.tombstones().await?;
        start.extend(
            tombstones
                .into_iter()
                .map(|one| Piece::Record(Box::new(one))),
        );
        let mut all = places(&read.checkpoint_places().await?);
        all.extend(breaks);
        drop(read);
        Ok(Export {
            service,
            filter,
            state,
            breaks: all,
            after: 0,
            gap: None,
            start: Some(start),
            events: 0,
        })
    }
}

/// The places of checkpoints that every export can be compared with.
fn places(checkpoints: &[(i64, i64)]) -> BTreeSet<i64> {
    let (old, new) = checkpoints.split_at(checkpoints.len().saturating_sub(NEWEST));
    let last_of_day: BTreeMap<i64, i64> = old.iter().map(|(at, time)| (time / DAY, *at)).collect();
    new.iter()
        .map(|(at, _)| *at)
        .chain(last_of_day.into_values())
        .collect()
}

impl Export {
    /// The next pieces; none after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<Piece>>> {
        if let Some(start) = self.start.take() {
            return Ok(Some(start));
        }
        if self.after >= self.state.sequence {
            return Ok(None);
        }
        let mut read = self.service.store().read().await?;
        let left = self.state.sequence - self.after;
        let links = read.audit_chain(self.after, left.min(PIECE)).await?;
        let Some((last, ..)) = links.last() else {
            self.after = self.state.sequence;
            return Ok(None);
        };
        let page = AuditPage {
            after: self.after,
            before: last + 1,
            top: PIECE,
            newest_first: false,
        };
        self.after = *last;
        let mut events: VecDeque<_> = read.audit_linked_of(&self.filter, page).await?.into();
        drop(read);
        let mut pieces = Vec::new();
        for (sequence, digest, chain) in links {
            let kept = events
                .front()
                .is_some_and(|event| event.sequence == Some(sequence));
            if let Some(event) = kept.then(|| events.pop_front()).flatten() {
                self.end_gap(&mut pieces);
                self.events += 1;
                pieces.push(Piece::Row(Box::new(AuditRow {
                    sequence: Some(sequence),
                    digest,
                    chain: Some(chain),
                    salt: event.salt,
                    event: event.event,
                })));
                continue;
            }
            let (_, tree) = self
                .gap
                .get_or_insert_with(|| (sequence, Tree::after(sequence - 1)));
            tree.leaf(&digest);
            if self.breaks.contains(&sequence) {
                self.end_gap(&mut pieces);
            }
        }
        if self.after >= self.state.sequence {
            self.end_gap(&mut pieces);
        }
        Ok(Some(pieces))
    }

    fn end_gap(&mut self, pieces: &mut Vec<Piece>) {
        if let Some((from, tree)) = self.gap.take() {
            pieces.push(Piece::Skipped {
                from,
                through: tree.leaves(),
                nodes: tree.nodes(),
            });
        }
    }

    /// Signs what was written: `content` is SHA-256 of all its bytes. The record is the export's last line.
    pub async fn finish(self, content: Digest) -> Result<Signed> {
        let end = ExportEnd {
            content,
            events: self.events,
        };
        self.service
            .sign(Kind::Export, &end.text(), Some(&self.state))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_to_compare_stay_few_however_old_the_log() {
        let year: Vec<(i64, i64)> = (0..365 * 288).map(|n| (n + 1, n * DAY / 288)).collect();
        let places = places(&year);
        assert!(places.len() <= NEWEST + 366, "{}", places.len());
        assert!(places.contains(&288) && places.contains(&(365 * 288)));
    }
}
