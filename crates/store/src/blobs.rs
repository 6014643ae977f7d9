//! Sealed bytes too long for a row: a folder beside SQLite, rows of segments in PostgreSQL.
//!
//! A blob is named in `upload_intent` before its first byte, and its row takes the name over in the commit that makes
//! the file. So a crash leaves either a file, or an intent that is swept when it expires. Nothing is ever found by
//! listing and deleted because it is unknown.

use crate::engine::Store;
use crate::error::{Refusal, Stop, StoreError};
use crate::sql::{args, statements};
use coffer_model::BlobId;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

/// An upload that takes longer than this loses its place.
pub const SWEEP_AFTER_SECONDS: i64 = 3600;
/// Bytes read or stored at once.
const PIECE: usize = 256 * 1024;

statements! {
    INTENT = "insert into upload_intent (blob_id, scale_unit, created_at, expires_at) values ($1, $2, $3, $4)";
    // Only while the intent stands: once it is swept, nobody would ever remove the segment.
    SEGMENT = "insert into blob_segment (blob_id, ordinal, data)
        select blob_id, $2, $3 from upload_intent where blob_id = $1";
    READ = "select data from blob_segment where blob_id = $1 and ordinal = $2";
    GIVE_UP = "update upload_intent set expires_at = 0 where blob_id = $1";
    EXPIRED = "select blob_id from upload_intent where expires_at <= $1 limit 100";
    TRASH = "select blob_id from blob_trash where delete_after <= $1 limit 100";
    TRASH_NOW = "insert into blob_trash (blob_id, scale_unit, delete_after) values ($1, $2, $3)";
    FORGET_INTENT = "delete from upload_intent where blob_id = $1 and expires_at <= $2";
    FORGET_TRASH = "delete from blob_trash where blob_id = $1";
    FORGET_SEGMENTS = "delete from blob_segment where blob_id = $1";
}

/// Where blobs are.
pub(crate) enum Blobs {
    /// Files in a folder.
    Folder(Arc<Path>),
    /// Rows in the database.
    Rows,
}

impl Blobs {
    pub(crate) fn folder(path: PathBuf) -> Result<Self, StoreError> {
        create_private_folder(&path).map_err(StoreError::blob("creating the folder"))?;
        // The folder's own name must be as durable as the files that are acknowledged in it.
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        std::fs::File::open(parent)
            .and_then(|parent| parent.sync_all())
            .map_err(StoreError::blob("syncing the folder's parent"))?;
        Ok(Self::Folder(path.into()))
    }
}

fn create_private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

pub(crate) fn path_of(folder: &Path, scale_unit: &str, blob: BlobId) -> PathBuf {
    folder.join(format!("{}-{blob}", scale_unit_in_names(scale_unit)))
}

/// A scale unit's name may hold characters that a file name must not.
fn scale_unit_in_names(scale_unit: &str) -> String {
    scale_unit
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// A blob that is complete and on disk, waiting for its row.
#[derive(Clone, Debug)]
pub struct PlacedBlob {
    pub(crate) id: BlobId,
}

/// Writes a blob.
pub struct BlobWriter {
    pub(crate) store: Store,
    pub(crate) id: BlobId,
    pub(crate) target: Target,
}

pub(crate) enum Target {
    File {
        file: tokio::fs::File,
        temporary: PathBuf,
        path: PathBuf,
    },
    Rows {
        ordinal: i64,
        buffer: Vec<u8>,
    },
}

/// Reads a blob in pieces.
pub struct BlobReader(Source);

enum Source {
    File(tokio::fs::File),
    Rows {
        store: Store,
        id: BlobId,
        ordinal: i64,
    },
}

impl Store {
    /// Opens a place for a blob, and records the intent before the first byte.
    pub async fn blob_begin(&self) -> Result<BlobWriter, Stop> {
        let id = BlobId::random(&*self.entropy());
        let unit = self.scale_unit().to_owned();
        self.write("blob.intend", move |tx| {
            let unit = unit.clone();
            Box::pin(async move {
                let expires = tx.now.plus_seconds(SWEEP_AFTER_SECONDS);
                Ok(tx
                    .run_one(&INTENT, args![id.0, unit, tx.now.0, expires.0])
                    .await?)
            })
        })
        .await?;
        let target = match self.blobs() {
            Blobs::Rows => Target::Rows {
                ordinal: 0,
                buffer: Vec::new(),
            },
            Blobs::Folder(folder) => {
                let path = path_of(folder, self.scale_unit(), id);
                let temporary = path.with_extension("new");
                let file = tokio::fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&temporary)
                    .await
                    .map_err(StoreError::blob("creating the file"))?;
                Target::File {
                    file,
                    temporary,
                    path,
                }
            }
        };
        Ok(BlobWriter {
            store: self.clone(),
            id,
            target,
        })
    }

    /// Opens a blob for reading.
    pub async fn blob_open(&self, id: BlobId) -> Result<BlobReader, StoreError> {
        Ok(BlobReader(match self.blobs() {
            Blobs::Rows => Source::Rows {
                store: self.clone(),
                id,
                ordinal: 0,
            },
            Blobs::Folder(folder) => {
                let path = path_of(folder, self.scale_unit(), id);
                let file = tokio::fs::File::open(path)
                    .await
                    .map_err(StoreError::blob("opening the file"))?;
                Source::File(file)
            }
        }))
    }

    /// Gives up a blob whose row was refused: the next sweep takes it, instead of one in an hour.
    pub async fn blob_give_up(&self, blob: &PlacedBlob) -> Result<(), Stop> {
        let id = blob.id;
        self.write("blob.give_up", move |tx| {
            Box::pin(async move { Ok(tx.run(&GIVE_UP, args![id.0]).await.map(drop)?) })
        })
        .await
    }

    /// Removes what expired intents and the trash name. Returns how many blobs went.
    ///
    /// An expired intent becomes trash first: from then on no commit can take the blob over. Trash is forgotten last,
    /// so that a crash at any point leaves something that names what is still to be removed.
    pub async fn blob_sweep(&self) -> Result<usize, Stop> {
        let mut read = self.read().await?;
        let now = read.now;
        let expired: Vec<(Uuid,)> = read.conn.all(&EXPIRED, args![now.0]).await?;
        drop(read);
        for (id,) in expired {
            self.write("blob.give_up", move |tx| {
                Box::pin(async move {
                    if tx.run(&FORGET_INTENT, args![id, now.0]).await? == 1 {
                        let unit = tx.shared.scale_unit.clone();
                        tx.run_one(&TRASH_NOW, args![id, unit, now.0]).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        }
        let trash: Vec<(Uuid,)> = self.read().await?.conn.all(&TRASH, args![now.0]).await?;
        self.remove_files(&trash).await?;
        for (id,) in &trash {
            let id = *id;
            self.write("blob.forget", move |tx| {
                Box::pin(async move {
                    tx.run(&FORGET_SEGMENTS, args![id]).await?;
                    tx.run(&FORGET_TRASH, args![id]).await?;
                    Ok(())
                })
            })
            .await?;
        }
        Ok(trash.len())
    }

    async fn remove_files(&self, blobs: &[(Uuid,)]) -> Result<(), StoreError> {
        let Blobs::Folder(folder) = self.blobs() else {
            return Ok(());
        };
        if blobs.is_empty() {
            return Ok(());
        }
        for (id,) in blobs {
            let path = path_of(folder, self.scale_unit(), BlobId(*id));
            for path in [path.with_extension("new"), path] {
                match tokio::fs::remove_file(&path).await {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(StoreError::Blob {
                            what: "removing the file",
                            source: error,
                        });
                    }
                    _ => {}
                }
            }
        }
        sync_folder(folder).await
    }
}

async fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let folder = tokio::fs::File::open(folder)
        .await
        .map_err(StoreError::blob("opening the folder"))?;
    folder
        .sync_all()
        .await
        .map_err(StoreError::blob("syncing the folder"))
}

impl BlobWriter {
    /// Appends sealed bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        match &mut self.target {
            Target::File { file, .. } => {
                file.write_all(bytes)
                    .await
                    .map_err(StoreError::blob("writing the file"))?;
            }
            Target::Rows { buffer, .. } => {
                buffer.extend_from_slice(bytes);
                while self.full() {
                    self.flush_row(PIECE).await?;
                }
            }
        }
        Ok(())
    }

    /// Makes the blob durable. Its row must take it over before the intent expires.
    pub async fn finish(mut self) -> Result<PlacedBlob, Stop> {
        if let Target::Rows { buffer, .. } = &self.target
            && !buffer.is_empty()
        {
            let rest = buffer.len();
            self.flush_row(rest).await?;
        }
        if let Target::File {
            mut file,
            temporary,
            path,
        } = self.target
        {
            // The last write goes on in the background: syncing alone would not say that it failed.
            file.flush()
                .await
                .map_err(StoreError::blob("writing the file"))?;
            file.sync_all()
                .await
                .map_err(StoreError::blob("syncing the file"))?;
            match tokio::fs::rename(&temporary, &path).await {
                // Only the sweep removes it, when the intent expired.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(Refusal::UploadExpired.into());
                }
                renamed => renamed.map_err(StoreError::blob("renaming the file"))?,
            }
            sync_folder(path.parent().unwrap_or(Path::new("."))).await?;
        }
        Ok(PlacedBlob { id: self.id })
    }

    /// Gives the blob up at once, instead of leaving it to the sweep.
    pub async fn abandon(self) {
        if let Target::File { temporary, .. } = &self.target
            && let Err(error) = tokio::fs::remove_file(temporary).await
        {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "an abandoned upload is left to the sweep"
            );
        }
    }

    fn full(&self) -> bool {
        matches!(&self.target, Target::Rows { buffer, .. } if buffer.len() >= PIECE)
    }

    async fn flush_row(&mut self, length: usize) -> Result<(), Stop> {
        let Target::Rows { ordinal, buffer } = &mut self.target else {
            return Ok(());
        };
        let (id, place) = (self.id, *ordinal);
        let data: Arc<Vec<u8>> = Arc::new(buffer.drain(..length).collect());
        *ordinal += 1;
        self.store
            .write("blob.append", move |tx| {
                let data = data.clone();
                Box::pin(async move {
                    match tx
                        .run(&SEGMENT, args![id.0, place, data.as_slice()])
                        .await?
                    {
                        1 => Ok(()),
                        _ => Err(Refusal::UploadExpired.into()),
                    }
                })
            })
            .await
    }
}

impl BlobReader {
    /// The next piece; none at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        match &mut self.0 {
            Source::File(file) => {
                let mut piece = vec![0; PIECE];
                let read = file
                    .read(&mut piece)
                    .await
                    .map_err(StoreError::blob("reading the file"))?;
                piece.truncate(read);
                Ok((read > 0).then_some(piece))
            }
            Source::Rows { store, id, ordinal } => {
                let mut read = store.read().await?;
                let row: Option<(Vec<u8>,)> = read.conn.maybe(&READ, args![id.0, *ordinal]).await?;
                *ordinal += 1;
                Ok(row.map(|(data,)| data))
            }
        }
    }
}
