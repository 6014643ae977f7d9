//! The audit log: rows that commit with their acts, and the chain over their digests.

use crate::error::{Stop, StoreError};
use crate::gate::Grant;
use crate::sql::{Conn, args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::ReadAudit;
use coffer_model::audit::{Digest, Event, digest, link, start};
use std::collections::BTreeMap;
use uuid::Uuid;

macro_rules! event_columns {
    () => {
        "id, time, action, outcome, actor_id, actor_name, authentication, address, project_id, resource_kind, \
         resource_id, run_id, job_id, details, salt, e.digest as event_digest, e.sequence, l.digest as link_digest, l.chain"
    };
}

statements! {
    INSERT = "insert into audit_event (id, time, action, outcome, actor_id, actor_name, authentication, address,
            project_id, resource_kind, resource_id, run_id, job_id, details, salt, digest)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    UNLINKED = "select ordinal, digest from audit_event where sequence is null order by ordinal limit $1";
    HEAD = "select sequence, chain from audit_link order by sequence desc limit 1";
    LINK = "insert into audit_link (sequence, digest, chain) values ($1, $2, $3)";
    MARK = "update audit_event set sequence = $1 where ordinal = $2 and sequence is null";
    PAGE = concat!("select ", event_columns!(), " from audit_event e left join audit_link l on l.sequence = e.sequence
        where e.sequence > $1 order by e.sequence limit $2");
    UNLINKED_PAGE = concat!("select ", event_columns!(), " from audit_event e left join audit_link l on l.sequence = e.sequence
        where e.sequence is null order by e.ordinal limit $1");
    CHAIN = "select sequence, digest, chain from audit_link where sequence > $1 order by sequence limit $2";
    COUNT_UNLINKED = "select count(*) as n from audit_event where sequence is null";
}

/// Which events to list.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only events after this place in the chain.
    pub after: i64,
    /// At most this many.
    pub top: i64,
}

/// An event with its place in the chain.
#[derive(Clone, Debug)]
pub struct LinkedEvent {
    /// Place in the chain; none until linked.
    pub sequence: Option<i64>,
    /// The digest as the chain has it, or the event's own while it is not linked.
    pub digest: Digest,
    /// The chain's value here.
    pub chain: Option<Digest>,
    /// The event's salt.
    pub salt: [u8; 32],
    /// The event.
    pub event: Event,
}

#[derive(sqlx::FromRow)]
struct EventRow {
    id: Uuid,
    time: i64,
    action: String,
    outcome: String,
    actor_id: Uuid,
    actor_name: String,
    authentication: String,
    address: String,
    project_id: Option<Uuid>,
    resource_kind: String,
    resource_id: String,
    run_id: Option<i64>,
    job_id: Option<Uuid>,
    details: String,
    salt: Vec<u8>,
    event_digest: Vec<u8>,
    sequence: Option<i64>,
    link_digest: Option<Vec<u8>>,
    chain: Option<Vec<u8>>,
}

pub(crate) fn fixed(
    bytes: Vec<u8>,
    table: &'static str,
    column: &'static str,
) -> Result<[u8; 32], StoreError> {
    bytes
        .try_into()
        .map_err(|_| StoreError::corrupt(table, column))
}

impl EventRow {
    fn into_event(self) -> Result<LinkedEvent, StoreError> {
        let details: BTreeMap<String, String> = serde_json::from_str(&self.details)
            .map_err(|_| StoreError::corrupt("audit_event", "details"))?;
        Ok(LinkedEvent {
            sequence: self.sequence,
            digest: fixed(
                self.link_digest.unwrap_or(self.event_digest),
                "audit_link",
                "digest",
            )?,
            chain: self
                .chain
                .map(|chain| fixed(chain, "audit_link", "chain"))
                .transpose()?,
            salt: fixed(self.salt, "audit_event", "salt")?,
            event: Event {
                id: self.id,
                time: self.time,
                action: self.action,
                outcome: self.outcome,
                actor: self.actor_id,
                actor_name: self.actor_name,
                authentication: self.authentication,
                address: self.address,
                project: self.project_id,
                resource_type: self.resource_kind,
                resource_id: self.resource_id,
                run: self.run_id,
                job: self.job_id,
                details,
            },
        })
    }
}

impl Tx {
    pub(crate) async fn audit_insert(&mut self, event: &Event) -> Result<(), StoreError> {
        let mut salt = [0; 32];
        self.entropy()(&mut salt);
        let details = serde_json::to_string(&event.details)
            .map_err(|_| StoreError::corrupt("audit_event", "details"))?;
        self.run_one(
            &INSERT,
            args![
                event.id,
                event.time,
                &event.action,
                &event.outcome,
                event.actor,
                &event.actor_name,
                &event.authentication,
                &event.address,
                event.project,
                &event.resource_type,
                &event.resource_id,
                event.run,
                event.job,
                details,
                &salt,
                digest(&salt, event),
            ],
        )
        .await
    }

    /// Events in the order of the chain; those not linked yet come last, and only when everything before fits.
    pub async fn audit_page(
        &mut self,
        grant: Grant<ReadAudit>,
        filter: &AuditFilter,
    ) -> Result<Vec<LinkedEvent>, Stop> {
        grant.redeem(self)?;
        let mut rows: Vec<EventRow> = self.all(&PAGE, args![filter.after, filter.top]).await?;
        let room = filter.top - i64::try_from(rows.len()).unwrap_or(i64::MAX);
        if room > 0 {
            rows.extend(self.all::<EventRow>(&UNLINKED_PAGE, args![room]).await?);
        }
        Ok(rows
            .into_iter()
            .map(EventRow::into_event)
            .collect::<Result<_, _>>()?)
    }
}

impl ReadTx {
    /// The chain, a piece at a time: sequence, digest, chain value.
    pub async fn audit_chain(
        &mut self,
        after: i64,
        top: i64,
    ) -> Result<Vec<(i64, Digest, Digest)>, StoreError> {
        let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = self.conn.all(&CHAIN, args![after, top]).await?;
        rows.into_iter()
            .map(|(sequence, digest, chain)| {
                Ok((
                    sequence,
                    fixed(digest, "audit_link", "digest")?,
                    fixed(chain, "audit_link", "chain")?,
                ))
            })
            .collect()
    }

    /// Events for a verifier that was authorized in a unit before: linked ones after `after`.
    pub async fn audit_linked(
        &mut self,
        after: i64,
        top: i64,
    ) -> Result<Vec<LinkedEvent>, StoreError> {
        let rows: Vec<EventRow> = self.conn.all(&PAGE, args![after, top]).await?;
        rows.into_iter().map(EventRow::into_event).collect()
    }

    /// Rows that are written but not linked yet.
    pub async fn audit_unlinked(&mut self) -> Result<i64, StoreError> {
        Ok(self
            .conn
            .one::<(i64,)>(&COUNT_UNLINKED, Vec::new())
            .await?
            .0)
    }
}

impl Conn {
    /// Links committed rows into the chain, in the order they were written. Returns how many.
    pub(crate) async fn link_audit_events(&mut self, at_most: i64) -> Result<i64, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> = self.all(&UNLINKED, args![at_most]).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let (mut sequence, mut head) = match self.maybe::<(i64, Vec<u8>)>(&HEAD, Vec::new()).await?
        {
            Some((sequence, chain)) => (sequence, fixed(chain, "audit_link", "chain")?),
            None => (0, start()),
        };
        let linked = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        for (ordinal, digest) in rows {
            let digest = fixed(digest, "audit_event", "digest")?;
            sequence += 1;
            head = link(&head, sequence, &digest);
            self.run_one(&LINK, args![sequence, digest, head]).await?;
            self.run_one(&MARK, args![sequence, ordinal]).await?;
        }
        Ok(linked)
    }
}
