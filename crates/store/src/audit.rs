//! The audit log: rows that commit with their acts, and the chain over their digests.

use crate::error::{Stop, StoreError};
use crate::gate::Grant;
use crate::sql::{Conn, Statement, Value, args, statements};
use crate::unit::{ReadTx, Tx};
use aws_lc_rs::digest::{Context, SHA256};
use coffer_model::act::ReadAudit;
use coffer_model::audit::{Digest, Event, digest, link, start};
use std::collections::BTreeMap;
use uuid::Uuid;

macro_rules! event_columns {
    () => {
        "e.ordinal, id, time, action, outcome, actor_id, actor_name, authentication, address, project_id, resource_kind, \
         resource_id, run_id, job_id, details, salt, e.digest as event_digest, e.sequence, l.digest as link_digest, l.chain"
    };
}

/// What every query asks, but for the condition that an index answers. `$1` after, `$2` before, `$3` at most.
macro_rules! asked {
    () => {
        " (e.time >= $4 or $4 is null) and (e.time < $5 or $5 is null) and (e.actor_id = $6 or $6 is null)
            and (e.actor_name = $7 or $7 is null) and (e.action = $8 or $8 is null) and (e.outcome = $9 or $9 is null)
            and (e.project_id = $10 or $10 is null) and (e.resource_kind = $11 or $11 is null)
            and (e.resource_id = $12 or $12 is null) and (e.run_id = $13 or $13 is null)"
    };
}

macro_rules! query {
    ($by:literal, $order:literal) => {
        concat!(
            "select ",
            event_columns!(),
            " from audit_event e left join audit_link l on l.sequence = e.sequence where ",
            $by,
            " e.sequence > $1 and e.sequence < $2 and",
            asked!(),
            " order by e.sequence ",
            $order,
            " limit $3"
        )
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
        where e.sequence is null and e.ordinal > $1 order by e.ordinal limit $2");
    // Which index to use is said by which condition stands alone.
    OLDEST = query!("", "");
    OLDEST_OF_ACTOR = query!("e.actor_id = $6 and", "");
    OLDEST_OF_ACTION = query!("e.action = $8 and", "");
    OLDEST_OF_PROJECT = query!("e.project_id = $10 and", "");
    OLDEST_OF_RESOURCE = query!("e.resource_id = $12 and", "");
    OLDEST_OF_RUN = query!("e.run_id = $13 and", "");
    NEWEST = query!("", "desc");
    NEWEST_OF_ACTOR = query!("e.actor_id = $6 and", "desc");
    NEWEST_OF_ACTION = query!("e.action = $8 and", "desc");
    NEWEST_OF_PROJECT = query!("e.project_id = $10 and", "desc");
    NEWEST_OF_RESOURCE = query!("e.resource_id = $12 and", "desc");
    NEWEST_OF_RUN = query!("e.run_id = $13 and", "desc");
    // The first two arguments are those of the other queries, and always hold.
    UNLINKED_QUERY = concat!("select ", event_columns!(), " from audit_event e left join audit_link l on l.sequence = e.sequence
        where e.sequence is null and $1 < $2 and", asked!(), " order by e.ordinal limit $3"),
        postgres: concat!("select ", event_columns!(), " from audit_event e left join audit_link l on l.sequence = e.sequence
        where e.sequence is null and $1::bigint < $2::bigint and", asked!(), " order by e.ordinal limit $3");
    FIRST_SINCE = "select min(sequence) as n from audit_event where time >= $1";
    LAST_UNTIL = "select max(sequence) as n from audit_event where time < $1";
    CHAIN = "select sequence, digest, chain from audit_link where sequence > $1 order by sequence limit $2";
    COUNT_UNLINKED = "select count(*) as n from audit_event where sequence is null";
}

/// Which events. What is none is not asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditFilter {
    /// Not before this time.
    pub since: Option<i64>,
    /// Before this time.
    pub until: Option<i64>,
    /// By this identity.
    pub actor: Option<Uuid>,
    /// By somebody of this name then.
    pub actor_name: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// `allowed` or `denied`.
    pub outcome: Option<String>,
    /// Of this project.
    pub project: Option<Uuid>,
    /// About this type of resource.
    pub resource_type: Option<String>,
    /// About this resource.
    pub resource_id: Option<String>,
    /// In this run.
    pub run: Option<i64>,
}

/// A page of the log: between two places, neither included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuditPage {
    /// After this place.
    pub after: i64,
    /// Before this place.
    pub before: i64,
    /// At most this many.
    pub top: i64,
    /// From the end of the log backwards.
    pub newest_first: bool,
}

impl AuditFilter {
    fn statement(&self, newest_first: bool) -> &'static Statement {
        let (oldest, newest) = if self.resource_id.is_some() {
            (&OLDEST_OF_RESOURCE, &NEWEST_OF_RESOURCE)
        } else if self.run.is_some() {
            (&OLDEST_OF_RUN, &NEWEST_OF_RUN)
        } else if self.actor.is_some() {
            (&OLDEST_OF_ACTOR, &NEWEST_OF_ACTOR)
        } else if self.action.is_some() {
            (&OLDEST_OF_ACTION, &NEWEST_OF_ACTION)
        } else if self.project.is_some() {
            (&OLDEST_OF_PROJECT, &NEWEST_OF_PROJECT)
        } else {
            (&OLDEST, &NEWEST)
        };
        if newest_first { newest } else { oldest }
    }

    fn values(&self, page: &AuditPage) -> Vec<Value> {
        args![
            page.after,
            page.before,
            page.top,
            self.since,
            self.until,
            self.actor,
            self.actor_name.clone(),
            self.action.clone(),
            self.outcome.clone(),
            self.project,
            self.resource_type.clone(),
            self.resource_id.clone(),
            self.run,
        ]
    }
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
    ordinal: i64,
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

/// A short digest of something stored, such as a token's hash: it shows that the thing is the same, and no more.
pub(crate) fn fingerprint(bytes: &[u8]) -> String {
    let mut hash = Context::new(&SHA256);
    hash.update(b"coffer fact v1");
    hash.update(bytes);
    hash.finish().as_ref()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
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

    /// Events that a filter asks for. Those not linked yet are the newest: they come first or last.
    pub async fn audit_page(
        &mut self,
        grant: Grant<ReadAudit>,
        filter: &AuditFilter,
        page: AuditPage,
    ) -> Result<Vec<LinkedEvent>, Stop> {
        grant.redeem(self)?;
        let open = page.before == i64::MAX;
        let mut unlinked = Vec::new();
        if page.newest_first && open {
            unlinked = self
                .all::<EventRow>(&UNLINKED_QUERY, filter.values(&page))
                .await?;
            unlinked.reverse();
        }
        let statement = filter.statement(page.newest_first);
        let mut rows = unlinked;
        let room = |rows: &Vec<EventRow>| page.top - i64::try_from(rows.len()).unwrap_or(i64::MAX);
        if room(&rows) > 0 {
            let rest = AuditPage {
                top: room(&rows),
                ..page
            };
            rows.extend(
                self.all::<EventRow>(statement, filter.values(&rest))
                    .await?,
            );
        }
        if !page.newest_first && open && room(&rows) > 0 {
            let rest = AuditPage {
                top: room(&rows),
                ..page
            };
            rows.extend(
                self.all::<EventRow>(&UNLINKED_QUERY, filter.values(&rest))
                    .await?,
            );
        }
        Ok(rows
            .into_iter()
            .map(EventRow::into_event)
            .collect::<Result<_, _>>()?)
    }
}

/// Events of one look.
pub(crate) const LINKED_PAGE: i64 = 1000;

/// Reads all events, linked ones first, a page at a time.
pub(crate) struct Reader {
    after: i64,
    ordinal: Option<i64>,
}

impl Reader {
    /// After a place in the chain.
    pub(crate) fn after(sequence: i64) -> Self {
        Self {
            after: sequence,
            ordinal: None,
        }
    }

    /// The next page; empty at the end.
    pub(crate) async fn next(&mut self, conn: &mut Conn) -> Result<Vec<LinkedEvent>, StoreError> {
        if self.ordinal.is_none() {
            let rows: Vec<EventRow> = conn.all(&PAGE, args![self.after, LINKED_PAGE]).await?;
            if let Some(last) = rows.last().and_then(|row| row.sequence) {
                self.after = last;
                return rows.into_iter().map(EventRow::into_event).collect();
            }
            self.ordinal = Some(0);
        }
        let after = self.ordinal.unwrap_or(0);
        let rows: Vec<EventRow> = conn.all(&UNLINKED_PAGE, args![after, LINKED_PAGE]).await?;
        if let Some(last) = rows.last() {
            self.ordinal = Some(last.ordinal);
        }
        rows.into_iter().map(EventRow::into_event).collect()
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

    /// Linked events that a filter asks for, for an export that was authorized in a unit before.
    pub async fn audit_linked_of(
        &mut self,
        filter: &AuditFilter,
        page: AuditPage,
    ) -> Result<Vec<LinkedEvent>, StoreError> {
        let statement = filter.statement(page.newest_first);
        let rows: Vec<EventRow> = self.conn.all(statement, filter.values(&page)).await?;
        rows.into_iter().map(EventRow::into_event).collect()
    }

    /// The place before the first event since a time; 0 when there is none.
    pub async fn audit_before_time(&mut self, time: i64) -> Result<i64, StoreError> {
        let (first,): (Option<i64>,) = self.conn.one(&FIRST_SINCE, args![time]).await?;
        Ok(first.map_or(0, |first| first - 1))
    }

    /// The place after the last event before a time; the end when there is none.
    pub async fn audit_after_time(&mut self, time: i64) -> Result<i64, StoreError> {
        let (last,): (Option<i64>,) = self.conn.one(&LAST_UNTIL, args![time]).await?;
        Ok(last.map_or(i64::MAX, |last| last + 1))
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
