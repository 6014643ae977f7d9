//! A copy of a SQLite database and its blobs while both are in use. PostgreSQL has tools of its own for that.
//!
//! The database first, in one piece; then the blobs that this copy names. They do not change, and one that is deleted
//! meanwhile stays for the horizon. A copy holds sealed bytes and wrapped keys: no key that opens them.

use crate::blobs::{Blobs, path_of};
use crate::engine::Store;
use crate::error::StoreError;
use crate::sql::{args, statements};
use coffer_model::BlobId;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The database's name in a copy, as in a data folder.
const DATABASE: &str = "coffer.db";
const BLOBS: &str = "blobs";
/// Blobs asked for at once.
const PIECE: i64 = 500;

statements! {
    INTO = "vacuum into $1", postgres: "select 1 as n where $1 = ''";
    NAMED = "select blob_id from secure_file where blob_id is not null and blob_id > $1 order by blob_id limit $2";
}

/// What was copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Copied {
    /// Blobs.
    pub blobs: u64,
    /// Bytes of database and blobs.
    pub bytes: u64,
}

impl Store {
    /// Copies everything into a folder, which is made and must not be there yet. It is a data folder then.
    ///
    /// # Errors
    /// [`StoreError::Open`] on PostgreSQL; [`StoreError::Blob`] when a file cannot be written or a blob is missing. What
    /// was copied until then is left, and is no backup.
    pub async fn copy_into(&self, folder: &Path) -> Result<Copied, StoreError> {
        let Blobs::Folder(blobs) = self.blobs() else {
            return Err(StoreError::Open {
                what: "PostgreSQL is backed up with its own tools, pg_dump or a base backup".into(),
                source: None,
            });
        };
        let database = folder.join(DATABASE);
        prepare(folder, &database).map_err(StoreError::blob("making the folder of the copy"))?;
        let mut conn = self.read().await?.conn;
        let target = database.display().to_string();
        conn.run(&INTO, args![target]).await?;
        drop(conn);
        let mut copied = Copied {
            blobs: 0,
            bytes: settle(&database).map_err(StoreError::blob("syncing the copy"))?,
        };
        let mut copy = Self::reader_of(&database).await?;
        let mut after = Uuid::nil();
        loop {
            let names: Vec<(Uuid,)> = copy.all(&NAMED, args![after, PIECE]).await?;
            let Some((last,)) = names.last() else { break };
            after = *last;
            let unit = self.scale_unit().to_owned();
            let pairs: Vec<(PathBuf, PathBuf)> = names
                .iter()
                .map(|(id,)| {
                    let from = path_of(blobs, &unit, BlobId(*id));
                    let name = from.file_name().unwrap_or_default().to_owned();
                    (from, folder.join(BLOBS).join(name))
                })
                .collect();
            copied.blobs += pairs.len() as u64;
            copied.bytes += tokio::task::spawn_blocking(move || files(&pairs))
                .await
                .unwrap_or_else(|_| Err(io::Error::other("it broke off")))
                .map_err(StoreError::blob("copying a blob"))?;
        }
        for folder in [folder.join(BLOBS), folder.to_owned()] {
            File::open(&folder)
                .and_then(|folder| folder.sync_all())
                .map_err(StoreError::blob("syncing the folder of the copy"))?;
        }
        Ok(copied)
    }
}

/// Folders and an empty file for their owner only: SQLite writes into a file that is there and empty.
fn prepare(folder: &Path, database: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.mode(0o700);
    builder.create(folder)?;
    builder.create(folder.join(BLOBS))?;
    new_file(database).map(drop)
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn settle(path: &Path) -> io::Result<u64> {
    let file = File::open(path)?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

fn files(pairs: &[(PathBuf, PathBuf)]) -> io::Result<u64> {
    let mut bytes = 0;
    for (from, to) in pairs {
        let (mut from, mut to) = (File::open(from)?, new_file(to)?);
        bytes += io::copy(&mut from, &mut to)?;
        to.sync_all()?;
    }
    Ok(bytes)
}
