//! Reading, verifying and reconciling the audit log.

use crate::Service;
use crate::error::Result;
use coffer_model::Caller;
use coffer_model::act::{ReadAudit, ReconcileAudit};
use coffer_model::audit::{Event, Row};
use coffer_model::record::{self, Signed};
use coffer_model::replay::{Finding, Told};
use coffer_model::trail::{self, Trail};
use coffer_store::{AuditFilter, AuditPage, LinkedEvent};

/// Rows of one page at most.
const MAX_TOP: usize = 1000;
/// Rows verified at once.
const PIECE: i64 = 1000;

/// The audit log.
pub struct Audit<'a>(pub(crate) &'a Service);

/// Which rows to read, and from where.
#[derive(Clone, Debug)]
pub struct AuditQuery {
    /// What to look for.
    pub filter: AuditFilter,
    /// Only rows after this place in the chain.
    pub after: i64,
    /// Only rows before this place.
    pub before: i64,
    /// At most this many.
    pub top: usize,
    /// From the end backwards.
    pub newest_first: bool,
}

/// A row of the log.
#[derive(Clone, Debug)]
pub struct AuditRow {
    /// Place in the chain; none until linked.
    pub sequence: Option<i64>,
    /// Salted digest of the event.
    pub digest: [u8; 32],
    /// The chain's value here.
    pub chain: Option<[u8; 32]>,
    /// The salt.
    pub salt: [u8; 32],
    /// The event.
    pub event: Event,
}

/// What verification found.
#[derive(Clone, Debug)]
pub struct Verification {
    /// Whether every linked row is as it was written.
    pub intact: bool,
    /// Linked rows.
    pub linked: i64,
    /// Rows not linked yet.
    pub unlinked: i64,
    /// The chain's head.
    pub head: [u8; 32],
    /// What is wrong.
    pub problems: Vec<String>,
    /// What was shown, a sentence each.
    pub proved: Vec<String>,
    /// What was not.
    pub not_proved: Vec<String>,
}

/// What reconciliation found.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    /// What is not explained, missing or different.
    pub findings: Vec<Finding>,
    /// Places of events that are not what was recorded.
    pub changed: Vec<i64>,
    /// Whether the snapshot that retention left is the one that its tombstone was signed for.
    pub snapshot_good: bool,
    /// Events replayed.
    pub events: i64,
    /// Things that events explain.
    pub facts: usize,
    /// Events that took what was there as given.
    pub baselines: Vec<Told>,
}

impl Audit<'_> {
    /// Rows that the query asks for. Reading the log is itself on record.
    pub async fn page(&self, caller: &Caller, query: AuditQuery) -> Result<Vec<AuditRow>> {
        let organization = self.0.organization().id;
        let mut page = AuditPage {
            after: query.after,
            before: query.before,
            top: i64::try_from(query.top.clamp(1, MAX_TOP)).unwrap_or(1),
            newest_first: query.newest_first,
        };
        // Times are looked up once, so that pages do not begin at the beginning of the log.
        let mut read = self.0.store().read().await?;
        if let Some(since) = query.filter.since
            && page.after == 0
        {
            page.after = read.audit_before_time(since).await?;
        }
        if let Some(until) = query.filter.until
            && page.before == i64::MAX
        {
            page.before = read.audit_after_time(until).await?;
        }
        drop(read);
        let (caller, filter) = (caller.clone(), query.filter);
        let details = [("after", page.after.to_string()), ("filter", told(&filter))];
        let rows = self
            .0
            .store()
            .write("audit.read", move |tx| {
                let (caller, filter, details) = (caller.clone(), filter.clone(), details.clone());
                Box::pin(async move {
                    let grant = tx
                        .authorize_with(&caller, ReadAudit { organization }, &details)
                        .await?;
                    tx.audit_page(grant, &filter, page).await
                })
            })
            .await?;
        Ok(rows.into_iter().map(row).collect())
    }

    /// The public key that records are signed with, its id, and the newest record.
    pub async fn signer(&self, caller: &Caller) -> Result<([u8; 32], Option<Signed>)> {
        self.asked(caller, "key").await?;
        let newest = self.0.store().read().await?.record_last().await?;
        Ok((self.0.public_key().await?, newest))
    }

    /// Signs a checkpoint now, if there is anything new, and returns the newest.
    pub async fn checkpoint(&self, caller: &Caller) -> Result<Option<Signed>> {
        self.asked(caller, "checkpoint").await?;
        self.0.checkpoint(true).await?;
        self.0.keep_records().await?;
        Ok(self.0.store().read().await?.record_last().await?)
    }

    async fn asked(&self, caller: &Caller, what: &'static str) -> Result<()> {
        let (caller, organization) = (caller.clone(), self.0.organization().id);
        self.0
            .store()
            .write("audit.ask", move |tx| {
                let caller = caller.clone();
                Box::pin(async move {
                    tx.authorize_with(
                        &caller,
                        ReadAudit { organization },
                        &[("for", what.to_owned())],
                    )
                    .await
                    .map(drop)
                })
            })
            .await?;
        Ok(())
    }

    /// Recomputes every digest, the chain and the tree, and checks every signed record against them.
    pub async fn verify(&self, caller: &Caller) -> Result<Verification> {
        self.asked(caller, "verify").await?;
        let public = self.0.public_key().await?;
        let mut trail = Trail::default();
        let mut records = Vec::new();
        loop {
            let after = records.last().map_or(0, |last: &Signed| last.record.number);
            let page = self.0.store().read().await?.records(after, PIECE).await?;
            if page.is_empty() {
                break;
            }
            records.extend(page);
        }
        for problem in trail::records(&[public], &records, true) {
            trail.problem(problem);
        }
        for signed in &records {
            trail.states(signed);
            if signed.record.kind == record::Kind::Tombstone {
                match crate::audit_retain::range(signed) {
                    Some((from, through)) => trail.removed(from, through),
                    None => trail.problem(format!(
                        "Tombstone {} does not say which rows it is for.",
                        signed.record.number
                    )),
                }
            }
        }
        let (signed, count) = (
            records.last().map(|last| last.record.sequence),
            records.len(),
        );
        drop(records);
        let mut after = 0;
        loop {
            let mut read = self.0.store().read().await?;
            let chain = read.audit_chain(after, PIECE).await?;
            let Some((last, ..)) = chain.last() else {
                break;
            };
            let last = *last;
            let mut events = read
                .audit_linked(after, PIECE)
                .await?
                .into_iter()
                .peekable();
            for (sequence, digest, value) in chain {
                let event = events
                    .next_if(|event| event.sequence == Some(sequence))
                    .map(|row| (row.salt, row.event));
                trail.row(&Row {
                    sequence,
                    digest,
                    chain: value,
                    event,
                });
            }
            after = last;
        }
        let unlinked = self.0.store().read().await?.audit_unlinked().await?;
        let found = trail.finish(true);
        let mut proved = vec![format!(
            "{} events are what their digests say, and {} rows continue the chain.",
            found.events, found.rows
        )];
        if let Some(signed) = signed {
            proved.push(format!(
                "The log fits all of its own {count} signed records, the newest of which speaks of {signed} rows."
            ));
        }
        for (from, through) in &found.removed {
            proved.push(format!(
                "Events of rows {from} to {through} were removed, as signed tombstones tell."
            ));
        }
        let intact = found.problems.is_empty();
        Ok(Verification {
            intact,
            linked: found.rows,
            unlinked,
            head: found.head.unwrap_or_default(),
            problems: found.problems,
            proved: if intact { proved } else { Vec::new() },
            not_proved: vec![
                "Who controls this server could have rewritten the log and signed it again. A checkpoint that you keep elsewhere shows it: give it with --trusted-checkpoint.".into(),
            ],
        })
    }

    /// Replays all events, and compares what they explain with what is there.
    pub async fn reconcile(&self, caller: &Caller) -> Result<Reconciliation> {
        let (caller, organization) = (caller.clone(), self.0.organization().id);
        self.0
            .store()
            .write("audit.reconcile", move |tx| {
                let caller = caller.clone();
                Box::pin(async move {
                    tx.authorize(&caller, ReconcileAudit { organization })
                        .await
                        .map(drop)
                })
            })
            .await?;
        let found = self.0.store().reconcile().await?;
        let snapshot_good = found.snapshot == 0
            || self
                .snapshot_is_signed(found.snapshot, &found.snapshot_text)
                .await?;
        Ok(Reconciliation {
            findings: found.replay.compare(&found.live),
            changed: found.changed,
            snapshot_good,
            events: found.events,
            facts: found.replay.len(),
            baselines: found.replay.baselines().to_vec(),
        })
    }

    async fn snapshot_is_signed(&self, through: i64, text: &str) -> Result<bool> {
        let public = self.0.public_key().await?;
        let tombstones = self.0.store().read().await?.tombstones().await?;
        Ok(tombstones.last().is_some_and(|last| {
            last.is_by(&public)
                && crate::audit_retain::range(last).is_some_and(|range| range.1 == through)
                && crate::audit_retain::snapshot(last) == Some(record::payload(text))
        }))
    }
}

/// A filter in words, for the record of who read what.
pub(crate) fn told(filter: &AuditFilter) -> String {
    let number = |n: Option<i64>| n.map(|n| n.to_string());
    let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string());
    let parts = [
        ("since", number(filter.since)),
        ("until", number(filter.until)),
        ("actor", id(filter.actor)),
        ("actor", filter.actor_name.clone()),
        ("action", filter.action.clone()),
        ("outcome", filter.outcome.clone()),
        ("project", id(filter.project)),
        ("resourceType", filter.resource_type.clone()),
        ("resource", filter.resource_id.clone()),
        ("run", number(filter.run)),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
        .collect();
    parts.join(" ")
}

fn row(row: LinkedEvent) -> AuditRow {
    AuditRow {
        sequence: row.sequence,
        digest: row.digest,
        chain: row.chain,
        salt: row.salt,
        event: row.event,
    }
}
