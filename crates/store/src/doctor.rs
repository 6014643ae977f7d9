//! What a look at the whole database from the host asks: which keys are needed by how much, and what lies about.
//!
//! Reads only, and shows no name of anything that people made. For commands on the host, not for callers.

use crate::blobs::{Blobs, path_of};
use crate::engine::Store;
use crate::error::StoreError;
use crate::keys::{KeyRow, ProjectKeyRow, key_columns};
use crate::sql::{args, statements};
use crate::unit::ReadTx;
use coffer_model::BlobId;
use std::collections::BTreeSet;
use std::path::PathBuf;
use uuid::Uuid;

/// Rows read at once.
const PIECE: i64 = 1000;

statements! {
    NEEDED = concat!("select ", key_columns!(), ",
            (select count(*) from wrapped_key w where w.project_key_id = k.id and w.kind = 'securefile') as files,
            (select count(*) from wrapped_key w where w.project_key_id = k.id and w.kind <> 'securefile') as others
        from project_key k where k.id > $1 order by k.id limit $2");
    BLOBS = "select blob_id, sealed_length from secure_file where blob_id is not null and blob_id > $1 order by blob_id limit $2";
    KNOWN = "select blob_id from upload_intent union select blob_id from blob_trash";
    WITHOUT_KEY = "select f.id from secure_file f where not exists
        (select 1 from wrapped_key w where w.kind = 'securefile' and w.owner_id = f.id) order by f.id limit $1";
    EXPIRED = "select count(*) as n from upload_intent where expires_at <= $1";
    NEWEST = "select coalesce(max(time), 0) as n from audit_event";
}

/// A project key, and how much only it opens.
#[derive(Clone, Debug)]
pub struct NeededKey {
    /// The key as stored.
    pub key: ProjectKeyRow,
    /// Secure files.
    pub files: i64,
    /// Logs of jobs and secrets of our own.
    pub others: i64,
}

#[derive(sqlx::FromRow)]
struct NeededRow {
    #[sqlx(flatten)]
    key: KeyRow,
    files: i64,
    others: i64,
}

/// What was found of blobs in a folder.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct BlobCheck {
    /// Files whose content is not there, or not as long as it was.
    pub missing: u64,
    /// Files in the folder that nothing names. They are left alone.
    pub unknown: u64,
}

impl ReadTx {
    /// Every project key with what it wraps.
    pub async fn needed_keys(&mut self) -> Result<Vec<NeededKey>, StoreError> {
        let mut found = Vec::new();
        let mut after = Uuid::nil();
        loop {
            let rows: Vec<NeededRow> = self.conn.all(&NEEDED, args![after, PIECE]).await?;
            let full = rows.len() as i64 == PIECE;
            for row in rows {
                let key = row.key.into_key()?;
                after = key.id.0;
                found.push(NeededKey {
                    key,
                    files: row.files,
                    others: row.others,
                });
            }
            if !full {
                return Ok(found);
            }
        }
    }

    /// Files that no wrapped key is of, so many at most.
    pub async fn files_without_key(&mut self) -> Result<Vec<Uuid>, StoreError> {
        let rows: Vec<(Uuid,)> = self.conn.all(&WITHOUT_KEY, args![PIECE]).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Uploads that were given up and not swept yet.
    pub async fn expired_intents(&mut self) -> Result<i64, StoreError> {
        let now = self.now.0;
        Ok(self.conn.one::<(i64,)>(&EXPIRED, args![now]).await?.0)
    }

    /// The time of the newest event.
    pub async fn audit_newest_time(&mut self) -> Result<i64, StoreError> {
        Ok(self.conn.one::<(i64,)>(&NEWEST, Vec::new()).await?.0)
    }
}

impl Store {
    /// Compares the folder of blobs with what names them. On PostgreSQL there is none: they are rows.
    ///
    /// # Errors
    /// When database or folder cannot be read.
    pub async fn blob_check(&self) -> Result<BlobCheck, StoreError> {
        let Blobs::Folder(folder) = self.blobs() else {
            return Ok(BlobCheck::default());
        };
        let mut read = self.read().await?;
        let mut found = BlobCheck::default();
        let mut known: BTreeSet<PathBuf> = BTreeSet::new();
        let unit = self.scale_unit();
        let mut after = Uuid::nil();
        loop {
            let rows: Vec<(Uuid, i64)> = read.conn.all(&BLOBS, args![after, PIECE]).await?;
            let Some((last, _)) = rows.last() else { break };
            after = *last;
            for (id, length) in rows {
                let path = path_of(folder, unit, BlobId(id));
                let there = std::fs::metadata(&path);
                if !there.is_ok_and(|there| i64::try_from(there.len()) == Ok(length)) {
                    found.missing += 1;
                }
                known.insert(path);
            }
        }
        let others: Vec<(Uuid,)> = read.conn.all(&KNOWN, Vec::new()).await?;
        known.extend(
            others
                .iter()
                .map(|(id,)| path_of(folder, unit, BlobId(*id))),
        );
        for entry in std::fs::read_dir(folder).map_err(StoreError::blob("listing the folder"))? {
            let path = entry
                .map_err(StoreError::blob("listing the folder"))?
                .path();
            // The temporary file of an upload has its blob's name and an ending.
            found.unknown +=
                u64::from(!known.contains(&path) && !known.contains(&path.with_extension("")));
        }
        Ok(found)
    }
}
