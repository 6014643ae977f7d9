//! Signed records of the audit log, the key that signs them, and what retention leaves behind.
//!
//! Knows no secret: the key is stored as its provider wrapped it, records are signed elsewhere.

use crate::audit::fixed;
use crate::error::{Refusal, Stop, StoreError};
use crate::gate::Grant;
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::OrganizationId;
use coffer_model::act::{Act, CreateKey, ExpireAudit, RetainAudit, SignRecord};
use coffer_model::audit::{Digest, start};
use coffer_model::record::{Kind, Record, Signed};
use coffer_model::tree::Tree;
use uuid::Uuid;

macro_rules! record_columns {
    () => {
        "number, kind, scale_unit, organization_id, previous, time, key_id, sequence, head, root, payload, body, signature"
    };
}

statements! {
    KEYS = "select k.id, k.version, k.generation_id, g.provider, k.public_key, k.wrapped, k.scale_unit,
            coalesce((select value from meta where key = 'signing_unit'), k.scale_unit) as made_for
        from signing_key k join root_generation g on g.id = k.generation_id order by k.version desc";
    KEY_INSERT = "insert into signing_key (id, scale_unit, version, generation_id, public_key, wrapped, created_at)
        values ($1, $2, $3, $4, $5, $6, $7) on conflict (scale_unit, version) do nothing";
    INSERT = concat!("insert into signed_record (", record_columns!(), ", nodes)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) on conflict (number) do nothing");
    LAST = concat!("select ", record_columns!(), " from signed_record order by number desc limit 1");
    AFTER = concat!("select ", record_columns!(), " from signed_record where number > $1 order by number limit $2");
    ROTATIONS = concat!("select ", record_columns!(), " from signed_record where kind = 'rotation' and number > $1
        order by number");
    TOMBSTONES = concat!("select ", record_columns!(), " from signed_record where kind = 'tombstone' order by number");
    PLACES = "select sequence, time from signed_record where kind = 'checkpoint' order by number";
    TREE = "select sequence, nodes from signed_record order by sequence desc, number desc limit 1";
    HEAD = "select sequence, chain from audit_link order by sequence desc limit 1";
    CHAIN_AT = "select chain from audit_link where sequence = $1";
    ROLLBACK = concat!("select ", record_columns!(), " from signed_record where kind = 'rollback' order by number desc limit 1");
    RECORD = concat!("select ", record_columns!(), " from signed_record where number = $1");
    // What the log says of its own records does not call for another one.
    NEWER = "select count(*) as n from (select 1 from audit_event where sequence > $1 and action <> 'AuditLog.RecordSigned'
        order by sequence limit $2) newer";
    OLDEST_KEPT = "select min(sequence) as n from audit_event where time >= $1 and sequence is not null";
    REMOVE = "delete from audit_event where sequence >= $1 and sequence <= $2";
    SNAPSHOT = "select through, facts from audit_snapshot order by through desc limit 1";
    SNAPSHOT_FORGET = "delete from audit_snapshot";
    SNAPSHOT_PUT = "insert into audit_snapshot (through, facts) values ($1, $2)";
}

/// A signing key as stored.
#[derive(Clone, Debug)]
pub struct SigningKeyRow {
    /// Digest of the public key.
    pub id: Digest,
    /// Its version, from 1.
    pub version: i64,
    /// The root generation that wrapped its secret.
    pub generation: String,
    /// The name of the provider that holds that generation; read with it, never stored here.
    pub provider: String,
    /// The public key.
    pub public_key: [u8; 32],
    /// The wrapped secret.
    pub wrapped: Vec<u8>,
    /// The scale unit whose root generation wraps it.
    pub scale_unit: String,
    /// The scale unit that it was made for: the database may have been moved since.
    pub made_for: String,
}

/// The columns of a signing key as they are read.
#[derive(sqlx::FromRow)]
pub(crate) struct StoredKey {
    id: Vec<u8>,
    version: i64,
    generation_id: String,
    provider: String,
    public_key: Vec<u8>,
    wrapped: Vec<u8>,
    scale_unit: String,
    made_for: String,
}

impl StoredKey {
    pub(crate) fn into_key(self) -> Result<SigningKeyRow, StoreError> {
        Ok(SigningKeyRow {
            id: fixed(self.id, "signing_key", "id")?,
            version: self.version,
            generation: self.generation_id,
            provider: self.provider,
            public_key: fixed(self.public_key, "signing_key", "public_key")?,
            wrapped: self.wrapped,
            scale_unit: self.scale_unit,
            made_for: self.made_for,
        })
    }
}

#[derive(sqlx::FromRow)]
struct RecordRow {
    number: i64,
    kind: String,
    scale_unit: String,
    organization_id: Uuid,
    previous: Vec<u8>,
    time: i64,
    key_id: Vec<u8>,
    sequence: i64,
    head: Vec<u8>,
    root: Vec<u8>,
    payload: Vec<u8>,
    body: String,
    signature: Vec<u8>,
}

impl RecordRow {
    fn into_signed(self) -> Result<Signed, StoreError> {
        let bytes = |bytes, column| fixed(bytes, "signed_record", column);
        Ok(Signed {
            record: Record {
                kind: Kind::from_word(&self.kind)
                    .ok_or(StoreError::corrupt("signed_record", "kind"))?,
                scale_unit: self.scale_unit,
                organization: self.organization_id,
                number: self.number,
                previous: bytes(self.previous, "previous")?,
                time: self.time,
                key: bytes(self.key_id, "key_id")?,
                sequence: self.sequence,
                head: bytes(self.head, "head")?,
                root: bytes(self.root, "root")?,
                payload: bytes(self.payload, "payload")?,
            },
            text: self.body,
            signature: self.signature,
        })
    }
}

/// Acts that remove old events.
pub trait RemovesEvents: Act {
    /// Whose log.
    fn organization(&self) -> OrganizationId;
}

impl RemovesEvents for RetainAudit {
    fn organization(&self) -> OrganizationId {
        self.organization
    }
}

impl RemovesEvents for ExpireAudit {
    fn organization(&self) -> OrganizationId {
        self.organization
    }
}

impl Tx {
    /// Stores a signing key. Refused when another node was quicker.
    pub async fn signing_key_insert(
        &mut self,
        grant: Grant<CreateKey>,
        new: &SigningKeyRow,
    ) -> Result<(), Stop> {
        grant.redeem(self)?;
        self.generation_still_active(&new.generation).await?;
        let unit = self.shared.scale_unit.clone();
        let values = args![
            &new.id,
            unit,
            new.version,
            &new.generation,
            &new.public_key,
            new.wrapped.clone(),
            self.now.0
        ];
        match self.run(&KEY_INSERT, values).await? {
            1 => Ok(()),
            _ => Err(Refusal::State.into()),
        }
    }

    /// Stores a signed record. Refused when another node took its number.
    pub async fn record_insert(
        &mut self,
        grant: Grant<SignRecord>,
        signed: &Signed,
        tree: &Tree,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let record = &signed.record;
        if act.number != record.number
            || act.kind != record.kind.word()
            || matches!(record.kind, Kind::Tombstone | Kind::Anchor)
        {
            return Err(StoreError::ForeignGrant.into());
        }
        self.signed_put(signed, tree).await
    }

    async fn signed_put(&mut self, signed: &Signed, tree: &Tree) -> Result<(), Stop> {
        let record = &signed.record;
        let values = args![
            record.number,
            record.kind.word(),
            &record.scale_unit,
            record.organization,
            &record.previous,
            record.time,
            &record.key,
            record.sequence,
            &record.head,
            &record.root,
            &record.payload,
            &signed.text,
            signed.signature.clone(),
            tree.nodes().concat(),
        ];
        match self.run(&INSERT, values).await? {
            1 => Ok(()),
            _ => Err(Refusal::State.into()),
        }
    }

    /// Removes the events of these rows, keeps their links, and stores the tombstone that says so together with what
    /// the removed events explained. Refused unless exactly `removed` events are there.
    pub async fn audit_remove<A: RemovesEvents>(
        &mut self,
        grant: Grant<A>,
        range: (i64, i64),
        removed: i64,
        tombstone: (&Signed, &Tree),
        facts: &str,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let record = &tombstone.0.record;
        if record.kind != Kind::Tombstone || record.organization != act.organization().0 {
            return Err(StoreError::ForeignGrant.into());
        }
        let gone = self.run(&REMOVE, args![range.0, range.1]).await?;
        if i64::try_from(gone) != Ok(removed) {
            return Err(Refusal::State.into());
        }
        self.run(&SNAPSHOT_FORGET, Vec::new()).await?;
        self.run_one(&SNAPSHOT_PUT, args![range.1, facts]).await?;
        self.signed_put(tombstone.0, tombstone.1).await
    }
}

impl ReadTx {
    /// The signing keys, newest first.
    pub async fn signing_keys(&mut self) -> Result<Vec<SigningKeyRow>, StoreError> {
        let rows: Vec<StoredKey> = self.conn.all(&KEYS, Vec::new()).await?;
        rows.into_iter().map(StoredKey::into_key).collect()
    }

    /// The newest record.
    pub async fn record_last(&mut self) -> Result<Option<Signed>, StoreError> {
        let row: Option<RecordRow> = self.conn.maybe(&LAST, Vec::new()).await?;
        row.map(RecordRow::into_signed).transpose()
    }

    /// The record of a number.
    pub async fn record(&mut self, number: i64) -> Result<Option<Signed>, StoreError> {
        let row: Option<RecordRow> = self.conn.maybe(&RECORD, args![number]).await?;
        row.map(RecordRow::into_signed).transpose()
    }

    /// The newest record that accepts a database behind its anchors.
    pub async fn rollback_accepted(&mut self) -> Result<Option<Signed>, StoreError> {
        let row: Option<RecordRow> = self.conn.maybe(&ROLLBACK, Vec::new()).await?;
        row.map(RecordRow::into_signed).transpose()
    }

    /// The chain's value at a row of the log, if the log has it.
    pub async fn audit_chain_at(&mut self, sequence: i64) -> Result<Option<Digest>, StoreError> {
        let row: Option<(Vec<u8>,)> = self.conn.maybe(&CHAIN_AT, args![sequence]).await?;
        row.map(|(chain,)| fixed(chain, "audit_link", "chain"))
            .transpose()
    }

    /// Records after a number, oldest first.
    pub async fn records(&mut self, after: i64, top: i64) -> Result<Vec<Signed>, StoreError> {
        let rows: Vec<RecordRow> = self.conn.all(&AFTER, args![after, top]).await?;
        rows.into_iter().map(RecordRow::into_signed).collect()
    }

    /// The reports of rotations after a number, oldest first.
    pub async fn rotation_reports(&mut self, after: i64) -> Result<Vec<Signed>, StoreError> {
        let rows: Vec<RecordRow> = self.conn.all(&ROTATIONS, args![after]).await?;
        rows.into_iter().map(RecordRow::into_signed).collect()
    }

    /// All tombstones, oldest first.
    pub async fn tombstones(&mut self) -> Result<Vec<Signed>, StoreError> {
        let rows: Vec<RecordRow> = self.conn.all(&TOMBSTONES, Vec::new()).await?;
        rows.into_iter().map(RecordRow::into_signed).collect()
    }

    /// How many rows the log had at each checkpoint, and when that was.
    pub async fn checkpoint_places(&mut self) -> Result<Vec<(i64, i64)>, StoreError> {
        self.conn.all(&PLACES, Vec::new()).await
    }

    /// The tree at the record that knows most rows; empty before the first.
    pub async fn record_tree(&mut self) -> Result<Tree, StoreError> {
        let row: Option<(i64, Vec<u8>)> = self.conn.maybe(&TREE, Vec::new()).await?;
        let Some((leaves, nodes)) = row else {
            return Ok(Tree::default());
        };
        let nodes: Vec<Digest> = nodes
            .chunks(32)
            .map(|node| fixed(node.to_vec(), "signed_record", "nodes"))
            .collect::<Result<_, _>>()?;
        if leaves == 0 {
            return Ok(Tree::default());
        }
        Tree::of(leaves, &nodes).ok_or(StoreError::corrupt("signed_record", "nodes"))
    }

    /// Rows in the chain, and its value at the last.
    pub async fn audit_head(&mut self) -> Result<(i64, Digest), StoreError> {
        let row: Option<(i64, Vec<u8>)> = self.conn.maybe(&HEAD, Vec::new()).await?;
        match row {
            Some((sequence, chain)) => Ok((sequence, fixed(chain, "audit_link", "chain")?)),
            None => Ok((0, start())),
        }
    }

    /// How many events there are after a place, at most `top`, other than those about records.
    pub async fn audit_newer(&mut self, sequence: i64, top: i64) -> Result<i64, StoreError> {
        Ok(self
            .conn
            .one::<(i64,)>(&NEWER, args![sequence, top])
            .await?
            .0)
    }

    /// The first place whose event is not older than a time; none when all are.
    pub async fn audit_first_since(&mut self, time: i64) -> Result<Option<i64>, StoreError> {
        Ok(self
            .conn
            .one::<(Option<i64>,)>(&OLDEST_KEPT, args![time])
            .await?
            .0)
    }

    /// What removed events explained, and up to which place.
    pub async fn audit_snapshot(&mut self) -> Result<Option<(i64, String)>, StoreError> {
        self.conn.maybe(&SNAPSHOT, Vec::new()).await
    }
}
