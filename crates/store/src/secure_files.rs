//! Secure files: rows, properties, sealed bytes. Content goes in once and is never changed. Lists are in `file_lists`.

use crate::blobs::PlacedBlob;
use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::Grant;
use crate::keys::{WrappedKey, WrappedKind};
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::access::{LIBRARY, Role, file_token, library};
use coffer_model::act::{ChangeFile, CreateFile, DeleteFile, ReadContents, ReencryptFile};
use coffer_model::name::{self, FileName};
use coffer_model::{BlobId, FileId, ProjectId, ProjectKeyId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Sealed bytes of a deleted file stay this long, unreadable, so that a backup within the horizon still restores.
const TRASH_SECONDS: i64 = 35 * 24 * 3600;

statements! {
    INSERT = "insert into secure_file (id, project_id, name, name_key, access_token, size, preamble, sealed, blob_id,
            sealed_length, sealed_sha256, created_by, created_at, modified_by, modified_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $12, $13)
        on conflict (project_id, name_key) do nothing";
    INTENT_DONE = "delete from upload_intent where blob_id = $1";
    BODY = "select name, size, preamble, sealed, blob_id, sealed_length from secure_file
        where id = $1 and project_id = $2";
    TICKETED = "select name, preamble from secure_file where id = $1 and project_id = $2";
    MODIFIED = "select modified_at from secure_file where id = $1";
    PREAMBLE = "select preamble from secure_file where id = $1";
    BLOB = "select blob_id from secure_file where id = $1 and project_id = $2";
    DELETE = "delete from secure_file where id = $1 and project_id = $2";
    FORGET_PERMISSIONS = "delete from pipeline_permission where resource_kind = 'securefile' and resource_id = $1";
    FORGET_FREEZE = "delete from content_freeze where target_kind = 'file' and target_id = $1";
    FORGET_TICKETS = "delete from ticket where file_id = $1";
    FORGET_PROPERTIES = "delete from secure_file_property where file_id = $1";
    TRASH = "insert into blob_trash (blob_id, scale_unit, delete_after) values ($1, $2, $3)";
    RESEAL = "update secure_file set preamble = $1, sealed = $2, blob_id = $3, sealed_length = $4, sealed_sha256 = $5
        where id = $6 and project_id = $7 and preamble = $8";
    RENAME = "update secure_file set name = $1, name_key = $2, modified_by = $3, modified_at = $4
        where id = $5 and project_id = $6";
    TOUCH = "update secure_file set modified_by = $1, modified_at = $2 where id = $3 and project_id = $4";
    NAME_TAKEN = "select count(*) as n from secure_file where project_id = $1 and name_key = $2 and id <> $3";
    PROPERTY_INSERT = "insert into secure_file_property (file_id, name, name_key, value) values ($1, $2, $3, $4)
        on conflict (file_id, name_key) do update set name = excluded.name, value = excluded.value";
    SET_NAME_ASIDE = "update secure_file set name_key = $1 where id = $2 and project_id = $3";
    FIND_BY_ID = "select id, name from secure_file where project_id = $1 and id = $2";
    FIND_BY_NAME = "select id, name from secure_file where project_id = $1 and name_key = $2";
    KEYS_TAKEN = "select name_key from secure_file where project_id = $1
            and name_key in (select w.value from json_each($2) w)",
        postgres: "select name_key from secure_file where project_id = $1
            and name_key in (select w.value from jsonb_array_elements_text(cast(cast($2 as text) as jsonb)) w (value))";
}

/// Where sealed bytes are.
#[derive(Clone, Debug)]
pub enum Placement {
    /// In the row: files of one segment.
    Row(Vec<u8>),
    /// In the blob store.
    Blob(PlacedBlob),
}

/// A file to store.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// Its name.
    pub name: FileName,
    /// Bytes of content.
    pub size: u64,
    /// Header and commitment of the sealed file.
    pub preamble: Vec<u8>,
    /// The sealed bytes, the preamble included.
    pub placement: Placement,
    /// How many.
    pub sealed_length: u64,
    /// Their digest.
    pub sealed_sha256: [u8; 32],
    /// The project key that wrapped the file key.
    pub project_key: ProjectKeyId,
    /// The wrapped file key.
    pub wrapped: Vec<u8>,
}

/// A file's content, sealed again with another file key.
#[derive(Clone, Debug)]
pub struct Resealed {
    /// Header and commitment of the sealed bytes that were read.
    pub was: Vec<u8>,
    /// Those of the new ones.
    pub preamble: Vec<u8>,
    /// The new sealed bytes, the preamble included.
    pub placement: Placement,
    /// How many.
    pub sealed_length: u64,
    /// Their digest.
    pub sealed_sha256: [u8; 32],
    /// The project key that wrapped the new file key.
    pub project_key: ProjectKeyId,
    /// The wrapped file key.
    pub wrapped: Vec<u8>,
}

/// A change of name or properties; what is none stays.
#[derive(Clone, Debug)]
pub struct FileChange {
    /// New name.
    pub name: Option<FileName>,
    /// New properties, instead of all old ones.
    pub properties: Option<BTreeMap<String, String>>,
    /// Only if nobody changed them after this moment, which the file said.
    pub unchanged_since: Option<Timestamp>,
}

/// What a job is told of a file together with its ticket.
#[derive(Debug)]
pub struct TicketedFile {
    /// Its name.
    pub name: String,
    /// The wrapped file key: length and digest are in it.
    pub key: WrappedKey,
    /// Header and commitment.
    pub preamble: Vec<u8>,
}

/// What is needed to open a file.
#[derive(Debug)]
pub struct SealedBody {
    /// Its name.
    pub name: String,
    /// Bytes of content, as the row says; the wrap says it with authority.
    pub size: u64,
    /// Header and commitment.
    pub preamble: Vec<u8>,
    /// The sealed bytes, when they are in the row.
    pub sealed: Option<Vec<u8>>,
    /// Where they are otherwise.
    pub blob: Option<BlobId>,
    /// How many sealed bytes there are.
    pub sealed_length: u64,
    /// The wrapped file key.
    pub key: WrappedKey,
}

/// Name, size, preamble, sealed bytes or blob, and how many sealed bytes.
type BodyRow = (String, i64, Vec<u8>, Option<Vec<u8>>, Option<Uuid>, i64);

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Tx {
    /// Stores a file with its wrapped key, and makes its creator its administrator.
    pub async fn file_insert(
        &mut self,
        grant: Grant<CreateFile>,
        new: NewFile,
    ) -> Result<(), Stop> {
        let (act, creator) = grant.redeem(self)?;
        let token = file_token(act.project, act.file);
        let (sealed, blob) = match new.placement {
            Placement::Row(bytes) => (Some(bytes), None),
            Placement::Blob(blob) => (None, Some(blob.id)),
        };
        let done = self
            .run(
                &INSERT,
                args![
                    act.file.0,
                    act.project.0,
                    new.name.as_str(),
                    new.name.key(),
                    &token,
                    signed(new.size),
                    new.preamble,
                    sealed,
                    blob.map(|blob| blob.0),
                    signed(new.sealed_length),
                    &new.sealed_sha256,
                    creator,
                    self.now.0,
                ],
            )
            .await?;
        if done != 1 {
            return Err(Refusal::NameTaken.into());
        }
        if let Some(blob) = blob
            && self.run(&INTENT_DONE, args![blob.0]).await? != 1
        {
            return Err(Refusal::UploadExpired.into());
        }
        let key = new.project_key;
        self.wrapped_key_insert(
            WrappedKind::SecureFile,
            act.file.0,
            act.project.into(),
            key,
            &new.wrapped,
        )
        .await?;
        let bits = Role::Administrator.item_bits() | library::OWNER;
        self.access_put(LIBRARY, &token, creator, bits).await?;
        self.file_named(act.file, act.project, new.name.as_str())
    }

    /// Deletes a file: unreadable at once, since its wrapped key goes; the sealed bytes go to the trash.
    pub async fn file_delete(&mut self, grant: Grant<DeleteFile>) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let row: Option<(Option<Uuid>,)> =
            self.maybe(&BLOB, args![act.file.0, act.project.0]).await?;
        let Some((blob,)) = row else {
            return Err(Refusal::NotFound.into());
        };
        self.wrapped_key_forget(WrappedKind::SecureFile, act.file.0)
            .await?;
        self.run(&FORGET_TICKETS, args![act.file.0]).await?;
        self.run(&FORGET_PERMISSIONS, args![act.file.to_string()])
            .await?;
        self.run(&FORGET_FREEZE, args![act.file.0]).await?;
        self.run(&FORGET_PROPERTIES, args![act.file.0]).await?;
        self.access_forget(LIBRARY, &file_token(act.project, act.file))
            .await?;
        self.run_one(&DELETE, args![act.file.0, act.project.0])
            .await?;
        let file = act.file.to_string();
        self.change(&facts::no_permits("securefile", &file));
        self.change(&facts::gone(facts::freeze("file", act.file.0)));
        self.change(&facts::gone(facts::file(act.file.0, act.project.0, "")));
        self.blob_to_trash(blob).await
    }

    /// Sealed bytes that nothing names any more wait for the horizon.
    async fn blob_to_trash(&mut self, blob: Option<Uuid>) -> Result<(), Stop> {
        if let Some(blob) = blob {
            let unit = self.shared.scale_unit.clone();
            self.run_one(
                &TRASH,
                args![blob, unit, self.now.plus_seconds(TRASH_SECONDS).0],
            )
            .await?;
        }
        Ok(())
    }

    /// What is needed to open a file that is to be sealed again.
    pub async fn sealed_body_to_reseal(
        &mut self,
        grant: Grant<ReencryptFile>,
    ) -> Result<SealedBody, Stop> {
        let (act, _) = grant.redeem(self)?;
        self.sealed_body_of(act.project, act.file).await
    }

    /// Puts the new sealed bytes and the new wrap in the place of the old ones. The old wrap is gone at once, the old
    /// bytes go to the trash. Refused when the file is not any more as it was read.
    pub async fn file_reseal(
        &mut self,
        grant: Grant<ReencryptFile>,
        new: Resealed,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let row: Option<(Option<Uuid>,)> =
            self.maybe(&BLOB, args![act.file.0, act.project.0]).await?;
        let Some((old,)) = row else {
            return Err(Refusal::NotFound.into());
        };
        let (sealed, blob) = match new.placement {
            Placement::Row(bytes) => (Some(bytes), None),
            Placement::Blob(blob) => (None, Some(blob.id)),
        };
        let values = args![
            new.preamble,
            sealed,
            blob.map(|blob| blob.0),
            signed(new.sealed_length),
            &new.sealed_sha256,
            act.file.0,
            act.project.0,
            new.was
        ];
        if self.run(&RESEAL, values).await? != 1 {
            return Err(Refusal::ChangedMeanwhile.into());
        }
        if let Some(blob) = blob
            && self.run(&INTENT_DONE, args![blob.0]).await? != 1
        {
            return Err(Refusal::UploadExpired.into());
        }
        self.wrapped_key_forget(WrappedKind::SecureFile, act.file.0)
            .await?;
        self.wrapped_key_insert(
            WrappedKind::SecureFile,
            act.file.0,
            act.project.into(),
            new.project_key,
            &new.wrapped,
        )
        .await?;
        self.blob_to_trash(old).await
    }

    fn file_named(&mut self, file: FileId, project: ProjectId, name: &str) -> Result<(), Stop> {
        self.change(&facts::file(file.0, project.0, name));
        Ok(())
    }

    /// Takes the names of files that are about to get others out of the way, so that two of them can change places.
    /// Each of them is renamed in this unit, or the unit ends without a trace.
    pub async fn file_names_set_aside(
        &mut self,
        grants: &[&Grant<ChangeFile>],
    ) -> Result<(), Stop> {
        for grant in grants {
            let act = grant.held(self)?;
            // No name begins like this: control characters are refused.
            let aside = format!("\u{1}{}", act.file);
            self.run_one(&SET_NAME_ASIDE, args![aside, act.file.0, act.project.0])
                .await?;
        }
        Ok(())
    }

    /// Changes name or properties.
    pub async fn file_change(
        &mut self,
        grant: Grant<ChangeFile>,
        change: &FileChange,
    ) -> Result<(), Stop> {
        let (act, caller) = grant.redeem(self)?;
        if let Some(since) = change.unchanged_since {
            let (modified,): (i64,) = self.conn.one(&MODIFIED, args![act.file.0]).await?;
            if modified != since.0 {
                return Err(Refusal::ChangedMeanwhile.into());
            }
        }
        if let Some(name) = &change.name {
            let taken = self
                .conn
                .one::<(i64,)>(&NAME_TAKEN, args![act.project.0, name.key(), act.file.0])
                .await?
                .0;
            if taken > 0 {
                return Err(Refusal::NameTaken.into());
            }
            let values = args![
                name.as_str(),
                name.key(),
                caller,
                self.now.0,
                act.file.0,
                act.project.0
            ];
            self.run_one(&RENAME, values).await?;
            self.file_named(act.file, act.project, name.as_str())?;
        }
        if let Some(properties) = &change.properties {
            self.run(&FORGET_PROPERTIES, args![act.file.0]).await?;
            for (key, value) in properties {
                self.run_one(
                    &PROPERTY_INSERT,
                    args![act.file.0, key, name::key(key), value],
                )
                .await?;
            }
            self.run_one(&TOUCH, args![caller, self.now.0, act.file.0, act.project.0])
                .await?;
        }
        Ok(())
    }

    /// What is needed to open a file that a job may read.
    pub async fn sealed_body(&mut self, grant: Grant<ReadContents>) -> Result<SealedBody, Stop> {
        let (act, _) = grant.redeem(self)?;
        self.sealed_body_of(act.project, act.file).await
    }

    pub(crate) async fn sealed_body_of(
        &mut self,
        project: ProjectId,
        file: FileId,
    ) -> Result<SealedBody, Stop> {
        let row: Option<BodyRow> = self.maybe(&BODY, args![file.0, project.0]).await?;
        let Some((name, size, preamble, sealed, blob, sealed_length)) = row else {
            return Err(Refusal::NotFound.into());
        };
        Ok(SealedBody {
            name,
            size: size.unsigned_abs(),
            preamble,
            sealed,
            blob: blob.map(BlobId),
            sealed_length: sealed_length.unsigned_abs(),
            key: self.wrapped_key(WrappedKind::SecureFile, file.0).await?,
        })
    }

    pub(crate) async fn ticketed_file(
        &mut self,
        project: ProjectId,
        file: FileId,
    ) -> Result<TicketedFile, Stop> {
        let row: Option<(String, Vec<u8>)> =
            self.maybe(&TICKETED, args![file.0, project.0]).await?;
        let Some((name, preamble)) = row else {
            return Err(Refusal::NotFound.into());
        };
        let key = self.wrapped_key(WrappedKind::SecureFile, file.0).await?;
        Ok(TicketedFile {
            name,
            key,
            preamble,
        })
    }
}

impl ReadTx {
    /// Id and name of a file by id, whoever asks: for resolving references in a plan, which grants nothing.
    pub async fn file_reference_by_id(
        &mut self,
        project: ProjectId,
        file: FileId,
    ) -> Result<Option<(FileId, String)>, StoreError> {
        let row: Option<(Uuid, String)> = self
            .conn
            .maybe(&FIND_BY_ID, args![project.0, file.0])
            .await?;
        Ok(row.map(|(id, name)| (FileId(id), name)))
    }

    /// Id and name of a file by name, ignoring case, whoever asks.
    pub async fn file_reference_by_name(
        &mut self,
        project: ProjectId,
        wanted: &str,
    ) -> Result<Option<(FileId, String)>, StoreError> {
        let row: Option<(Uuid, String)> = self
            .conn
            .maybe(&FIND_BY_NAME, args![project.0, name::key(wanted)])
            .await?;
        Ok(row.map(|(id, name)| (FileId(id), name)))
    }

    /// Which of these names a file has already, by what names are compared by, whoever asks. In one statement.
    pub async fn names_taken(
        &mut self,
        project: ProjectId,
        names: &[FileName],
    ) -> Result<BTreeSet<String>, StoreError> {
        let keys: Vec<String> = names.iter().map(FileName::key).collect();
        let keys = serde_json::Value::from(keys).to_string();
        let rows: Vec<(String,)> = self
            .conn
            .all(&KEYS_TAKEN, args![project.0, keys.as_str()])
            .await?;
        Ok(rows.into_iter().map(|(key,)| key).collect())
    }

    pub(crate) async fn file_preamble(&mut self, file: FileId) -> Result<Vec<u8>, StoreError> {
        Ok(self
            .conn
            .one::<(Vec<u8>,)>(&PREAMBLE, args![file.0])
            .await?
            .0)
    }
}
