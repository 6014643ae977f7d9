//! Audit streams: where the log is sent, how far each is, and which node sends. Secrets come and go sealed.
//!
//! A stream's cursor moves in the unit that has the node's lease, and only forward: what was not accepted is sent
//! again, by this node or the next. Knows no target and no protocol.

use crate::error::{Refusal, Stop, StoreError};
use crate::gate::{Grant, Seen};
use crate::keys::{KeyScope, WrappedKey, WrappedKind, wrapped};
use crate::sql::{Conn, args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::{
    CreateStream, DeleteStream, DisableFailingStream, DisableStream, EnableStream, ModifyStream,
    TestStream, ViewStreams,
};
use coffer_model::{ProjectKeyId, StreamId, Timestamp, name};
use uuid::Uuid;

macro_rules! columns {
    () => {
        "id, name, kind, url, options, enabled, cursor, delivered_at, failures, failing_since, last_error, failed_at, \
         retry_at, sealed_secret, created_at, \
         (select coalesce(max(sequence), 0) from audit_link) as head"
    };
}

statements! {
    INSERT = "insert into audit_stream (id, name, name_key, kind, url, options, enabled, cursor, failures, retry_at,
            lease_until, sealed_secret, created_by, created_at, modified_by, modified_at)
        values ($1, $2, $3, $4, $5, $6, 1, $7, 0, 0, 0, $8, $9, $10, $9, $10)
        on conflict (name_key) do nothing";
    COUNT = "select count(*) as n from audit_stream";
    HEAD = "select coalesce(max(sequence), 0) as n from audit_link";
    LIST = concat!("select ", columns!(), " from audit_stream order by name_key");
    BY_ID = concat!("select ", columns!(), " from audit_stream where id = $1");
    OTHER_OF_NAME = "select count(*) as n from audit_stream where name_key = $1 and id <> $2";
    MODIFY = "update audit_stream set name = $2, name_key = $3, url = $4, options = $5,
            sealed_secret = coalesce($6, sealed_secret), modified_by = $7, modified_at = $8, retry_at = 0,
            failures = 0, failing_since = null, last_error = null, failed_at = null
        where id = $1";
    ENABLE = "update audit_stream set enabled = 1, retry_at = 0, failures = 0, failing_since = null, modified_by = $2,
            modified_at = $3
        where id = $1";
    DISABLE = "update audit_stream set enabled = 0, lease_owner = null, lease_until = 0, modified_by = $2,
            modified_at = $3
        where id = $1";
    SWITCH_OFF = "update audit_stream set enabled = 0, lease_owner = null, lease_until = 0 where id = $1 and enabled = 1";
    DELETE = "delete from audit_stream where id = $1";
    DUE = "select id from audit_stream where enabled = 1 and retry_at <= $1 and (lease_until <= $1 or lease_owner = $2)
            and cursor < (select coalesce(max(sequence), 0) from audit_link)
        order by id";
    LEASE = "update audit_stream set lease_owner = $2, lease_until = $3
        where id = $1 and enabled = 1 and retry_at <= $4 and (lease_until <= $4 or lease_owner = $2)";
    ADVANCE = "update audit_stream set cursor = $3, delivered_at = $4, failures = 0, failing_since = null, last_error = null,
            failed_at = null, lease_owner = null, lease_until = 0
        where id = $1 and lease_owner = $2 and cursor <= $3";
    FAILED = "update audit_stream set failures = failures + 1, failing_since = coalesce(failing_since, $3), last_error = $4,
            failed_at = $3, retry_at = $5, lease_owner = null, lease_until = 0
        where id = $1 and lease_owner = $2";
}

/// Streams of an organization at most.
pub const MOST_STREAMS: i64 = 8;

/// The secret of a stream as it is kept.
#[derive(Clone, Debug)]
pub struct SealedSecret {
    /// Its key, wrapped.
    pub key: WrappedKey,
    /// The secret, sealed by the key.
    pub sealed: Vec<u8>,
}

/// A secret to keep, that the service sealed.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// The organization's key that wrapped its key.
    pub project_key: ProjectKeyId,
    /// Its key, wrapped.
    pub wrapped: Vec<u8>,
    /// The secret, sealed by the key.
    pub sealed: Vec<u8>,
}

/// What a stream is, as people set it.
#[derive(Clone, Debug)]
pub struct StreamSetting {
    /// Its name, unique ignoring case.
    pub name: String,
    /// `webhook`, `splunk`, `syslog`. Never changed.
    pub kind: String,
    /// Where to.
    pub url: String,
    /// What the kind needs besides, as JSON.
    pub options: String,
}

/// A stream and how far it is.
#[derive(Clone, Debug)]
pub struct StreamRow {
    /// Its id.
    pub id: StreamId,
    /// As people set it.
    pub setting: StreamSetting,
    /// The secret it has, if it has one.
    pub secret: Option<SealedSecret>,
    /// Whether it is sent to.
    pub enabled: bool,
    /// The last place in the chain that the target accepted.
    pub cursor: i64,
    /// The last place there is.
    pub head: i64,
    /// When the target accepted last.
    pub delivered_at: Option<Timestamp>,
    /// Failures since then.
    pub failures: i64,
    /// Since when it only fails.
    pub failing_since: Option<Timestamp>,
    /// What the last failure was. Holds no secret.
    pub last_error: Option<String>,
    /// When it last failed.
    pub failed_at: Option<Timestamp>,
    /// Not tried before.
    pub retry_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    kind: String,
    url: String,
    options: String,
    enabled: i64,
    cursor: i64,
    head: i64,
    delivered_at: Option<i64>,
    failures: i64,
    failing_since: Option<i64>,
    last_error: Option<String>,
    failed_at: Option<i64>,
    retry_at: i64,
    sealed_secret: Option<Vec<u8>>,
    created_at: i64,
}

impl Row {
    /// With the wrap of its secret's key, read in the same unit.
    async fn into_stream(self, conn: &mut Conn) -> Result<StreamRow, StoreError> {
        let secret = match self.sealed_secret {
            Some(sealed) => wrapped(conn, WrappedKind::AuditStream, self.id)
                .await?
                .map(|key| SealedSecret { key, sealed }),
            None => None,
        };
        Ok(StreamRow {
            id: StreamId(self.id),
            setting: StreamSetting {
                name: self.name,
                kind: self.kind,
                url: self.url,
                options: self.options,
            },
            secret,
            enabled: self.enabled != 0,
            cursor: self.cursor,
            head: self.head,
            delivered_at: self.delivered_at.map(Timestamp),
            failures: self.failures,
            failing_since: self.failing_since.map(Timestamp),
            last_error: self.last_error,
            failed_at: self.failed_at.map(Timestamp),
            retry_at: Timestamp(self.retry_at),
            created_at: Timestamp(self.created_at),
        })
    }
}

async fn by_id(conn: &mut Conn, id: StreamId) -> Result<Option<StreamRow>, StoreError> {
    match conn.maybe::<Row>(&BY_ID, args![id.0]).await? {
        Some(row) => Ok(Some(row.into_stream(conn).await?)),
        None => Ok(None),
    }
}

fn same(named: StreamId, meant: StreamId) -> Result<(), Stop> {
    if named == meant {
        Ok(())
    } else {
        Err(StoreError::ForeignGrant.into())
    }
}

impl Tx {
    /// Makes a stream. It begins after the newest event, or with the oldest.
    pub async fn stream_insert(
        &mut self,
        grant: Grant<CreateStream>,
        setting: &StreamSetting,
        secret: Option<&NewSecret>,
        from_start: bool,
    ) -> Result<(), Stop> {
        let (act, who) = grant.redeem(self)?;
        if self.conn.one::<(i64,)>(&COUNT, args![]).await?.0 >= MOST_STREAMS {
            return Err(Refusal::TooMany.into());
        }
        let cursor = if from_start {
            0
        } else {
            self.conn.one::<(i64,)>(&HEAD, args![]).await?.0
        };
        let done = self
            .run(
                &INSERT,
                args![
                    act.stream.0,
                    &setting.name,
                    name::key(&setting.name),
                    &setting.kind,
                    &setting.url,
                    &setting.options,
                    cursor,
                    secret.map(|secret| secret.sealed.clone()),
                    who,
                    self.now.0,
                ],
            )
            .await?;
        if done == 1 {
            self.stream_secret(act.stream, secret).await
        } else {
            Err(Refusal::NameTaken.into())
        }
    }

    async fn stream_secret(
        &mut self,
        stream: StreamId,
        secret: Option<&NewSecret>,
    ) -> Result<(), Stop> {
        let Some(secret) = secret else {
            return Ok(());
        };
        let (kind, scope) = (WrappedKind::AuditStream, KeyScope::ORGANIZATION);
        self.wrapped_key_forget(kind, stream.0).await?;
        self.wrapped_key_insert(kind, stream.0, scope, secret.project_key, &secret.wrapped)
            .await
    }

    /// A stream, for whoever is about to change it in this unit.
    pub async fn stream(&mut self, id: StreamId) -> Result<StreamRow, Stop> {
        let row = by_id(&mut self.conn, id).await?;
        row.ok_or_else(|| Refusal::NotFound.into())
    }

    /// Changes a stream's setting, and its secret if there is a new one; what it has failed before counts no more.
    pub async fn stream_modify(
        &mut self,
        grant: Grant<ModifyStream>,
        id: StreamId,
        setting: &StreamSetting,
        secret: Option<&NewSecret>,
    ) -> Result<(), Stop> {
        let (act, who) = grant.redeem(self)?;
        same(act.stream, id)?;
        let key = name::key(&setting.name);
        let taken: (i64,) = self.conn.one(&OTHER_OF_NAME, args![&key, id.0]).await?;
        if taken.0 > 0 {
            return Err(Refusal::NameTaken.into());
        }
        let values = args![
            id.0,
            &setting.name,
            key,
            &setting.url,
            &setting.options,
            secret.map(|secret| secret.sealed.clone()),
            who,
            self.now.0,
        ];
        self.changed(&MODIFY, values).await?;
        self.stream_secret(id, secret).await
    }

    /// Lets a stream go on from where it is.
    pub async fn stream_enable(
        &mut self,
        grant: Grant<EnableStream>,
        id: StreamId,
    ) -> Result<(), Stop> {
        let (act, who) = grant.redeem(self)?;
        same(act.stream, id)?;
        self.changed(&ENABLE, args![id.0, who, self.now.0]).await
    }

    /// Lets a stream wait.
    pub async fn stream_disable(
        &mut self,
        grant: Grant<DisableStream>,
        id: StreamId,
    ) -> Result<(), Stop> {
        let (act, who) = grant.redeem(self)?;
        same(act.stream, id)?;
        self.changed(&DISABLE, args![id.0, who, self.now.0]).await
    }

    /// Switches a failing stream off. Refused when it is off already.
    pub async fn stream_switch_off(
        &mut self,
        grant: Grant<DisableFailingStream>,
        id: StreamId,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        same(act.stream, id)?;
        self.changed(&SWITCH_OFF, args![id.0]).await
    }

    /// Uses up the permission to try a stream's target, and brings the stream out.
    pub async fn stream_tested(&mut self, grant: Grant<TestStream>) -> Result<StreamRow, Stop> {
        let (act, _) = grant.redeem(self)?;
        self.stream(act.stream).await
    }

    /// Removes a stream and its secret.
    pub async fn stream_delete(
        &mut self,
        grant: Grant<DeleteStream>,
        id: StreamId,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        same(act.stream, id)?;
        self.wrapped_key_forget(WrappedKind::AuditStream, id.0)
            .await?;
        self.changed(&DELETE, args![id.0]).await
    }

    async fn changed(
        &mut self,
        statement: &crate::sql::Statement,
        values: Vec<crate::sql::Value>,
    ) -> Result<(), Stop> {
        match self.run(statement, values).await? {
            1 => Ok(()),
            _ => Err(Refusal::NotFound.into()),
        }
    }

    /// Makes a node the one that sends, for so many seconds. None when another is, or nothing is to be sent yet.
    pub async fn stream_lease(
        &mut self,
        id: StreamId,
        node: Uuid,
        seconds: i64,
    ) -> Result<Option<StreamRow>, Stop> {
        let until = self.now.plus_seconds(seconds).0;
        match self
            .run(&LEASE, args![id.0, node, until, self.now.0])
            .await?
        {
            1 => Ok(by_id(&mut self.conn, id).await?),
            _ => Ok(None),
        }
    }

    /// Says that the target accepted everything up to a place. False when the lease was lost meanwhile.
    pub async fn stream_advance(
        &mut self,
        id: StreamId,
        node: Uuid,
        sequence: i64,
    ) -> Result<bool, Stop> {
        let values = args![id.0, node, sequence, self.now.0];
        Ok(self.run(&ADVANCE, values).await? == 1)
    }

    /// Says that the target did not accept, and when to try again. False when the lease was lost meanwhile.
    pub async fn stream_failed(
        &mut self,
        id: StreamId,
        node: Uuid,
        error: &str,
        after_seconds: i64,
    ) -> Result<bool, Stop> {
        let again = self.now.plus_seconds(after_seconds).0;
        let values = args![id.0, node, self.now.0, error, again];
        Ok(self.run(&FAILED, values).await? == 1)
    }
}

impl ReadTx {
    /// All streams.
    pub async fn streams(&mut self, _: &Seen<ViewStreams>) -> Result<Vec<StreamRow>, StoreError> {
        let rows: Vec<Row> = self.conn.all(&LIST, args![]).await?;
        let mut streams = Vec::with_capacity(rows.len());
        for row in rows {
            streams.push(row.into_stream(&mut self.conn).await?);
        }
        Ok(streams)
    }

    /// One stream.
    pub async fn stream(
        &mut self,
        _: &Seen<ViewStreams>,
        id: StreamId,
    ) -> Result<Option<StreamRow>, StoreError> {
        by_id(&mut self.conn, id).await
    }

    /// Streams that a node could send something for now.
    pub async fn streams_due(&mut self, node: Uuid) -> Result<Vec<StreamId>, StoreError> {
        let rows: Vec<(Uuid,)> = self.conn.all(&DUE, args![self.now.0, node]).await?;
        Ok(rows.into_iter().map(|(id,)| StreamId(id)).collect())
    }
}
