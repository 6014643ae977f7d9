//! Reading and verifying the audit log.

use crate::Service;
use crate::error::Result;
use coffer_model::Caller;
use coffer_model::act::ReadAudit;
use coffer_model::audit::{Event, Row, Verifier};
use coffer_store::{AuditFilter, LinkedEvent};

/// Rows of one page at most.
const MAX_TOP: usize = 1000;
/// Rows verified at once.
const PIECE: i64 = 500;

/// The audit log.
pub struct Audit<'a>(pub(crate) &'a Service);

/// Which rows to read.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Only rows after this place in the chain.
    pub after: i64,
    /// At most this many.
    pub top: usize,
    /// Only events with this action id; the others' digests stay, so that the chain can be verified.
    pub action: Option<String>,
    /// Only events about this resource id.
    pub resource: Option<String>,
}

/// A row of the log. Salt and event are absent where the query left the event out.
#[derive(Clone, Debug)]
pub struct AuditRow {
    /// Place in the chain; none until linked.
    pub sequence: Option<i64>,
    /// Salted digest of the event.
    pub digest: [u8; 32],
    /// The chain's value here.
    pub chain: Option<[u8; 32]>,
    /// The salt.
    pub salt: Option<[u8; 32]>,
    /// The event.
    pub event: Option<Event>,
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
}

impl Audit<'_> {
    /// Rows in the order of the chain. Reading the log is itself on record.
    pub async fn page(&self, caller: &Caller, query: AuditQuery) -> Result<Vec<AuditRow>> {
        let organization = self.0.organization().id;
        let top = i64::try_from(query.top.clamp(1, MAX_TOP)).unwrap_or(1);
        let filter = AuditFilter {
            after: query.after,
            top,
        };
        let caller = caller.clone();
        let details = [
            ("after", query.after.to_string()),
            ("action", query.action.clone().unwrap_or_default()),
            ("resource", query.resource.clone().unwrap_or_default()),
        ];
        let rows = self
            .0
            .store()
            .write("audit.read", move |tx| {
                let (caller, filter, details) = (caller.clone(), filter.clone(), details.clone());
                Box::pin(async move {
                    let grant = tx
                        .authorize_with(&caller, ReadAudit { organization }, &details)
                        .await?;
                    tx.audit_page(grant, &filter).await
                })
            })
            .await?;
        Ok(rows.into_iter().map(|row| filtered(row, &query)).collect())
    }

    /// Recomputes every digest and the chain.
    pub async fn verify(&self, caller: &Caller) -> Result<Verification> {
        let organization = self.0.organization().id;
        let asked = caller.clone();
        self.0
            .store()
            .write("audit.verify", move |tx| {
                let caller = asked.clone();
                Box::pin(async move {
                    let details = [("verify", "true".to_owned())];
                    tx.authorize_with(&caller, ReadAudit { organization }, &details)
                        .await
                        .map(drop)
                })
            })
            .await?;
        let mut verifier = Verifier::default();
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
                verifier.row(&Row {
                    sequence,
                    digest,
                    chain: value,
                    event,
                });
            }
            after = last;
        }
        let unlinked = self.0.store().read().await?.audit_unlinked().await?;
        let (head, linked, problems) = verifier.finish();
        Ok(Verification {
            intact: problems.is_empty(),
            linked,
            unlinked,
            head,
            problems,
        })
    }
}

fn filtered(row: LinkedEvent, query: &AuditQuery) -> AuditRow {
    let wanted = |wanted: &Option<String>, found: &str| {
        wanted
            .as_ref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(found))
    };
    let keep =
        wanted(&query.action, &row.event.action) && wanted(&query.resource, &row.event.resource_id);
    AuditRow {
        sequence: row.sequence,
        digest: row.digest,
        chain: row.chain,
        salt: keep.then_some(row.salt),
        event: keep.then_some(row.event),
    }
}
