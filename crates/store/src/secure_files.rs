//! Secure files: rows, properties, sealed bytes. Content goes in once and is never changed.

use crate::access::{file_has_bit, member_of};
use crate::blobs::PlacedBlob;
use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::{Grant, Seen, not_found};
use crate::keys::{WrappedKey, WrappedKind};
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::access::{LIBRARY, Role, file_token, library, library_token};
use coffer_model::act::{Act, ChangeFile, CreateFile, DeleteFile, ReadContents, ViewFile};
use coffer_model::library::{Person, SecureFile};
use coffer_model::name::{self, FileName};
use coffer_model::policy::{Facts, decide};
use coffer_model::{BlobId, Caller, FileId, IdentityId, ProjectId, ProjectKeyId, Timestamp};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Sealed bytes of a deleted file stay this long, unreadable, so that a backup within the horizon still restores.
const TRASH_SECONDS: i64 = 35 * 24 * 3600;

macro_rules! file_columns {
    () => {
        "f.id, f.project_id, f.name, f.name_key, f.size, f.created_by, c.unique_name as created_unique,
            c.display_name as created_display, f.created_at, f.modified_by, m.unique_name as modified_unique,
            m.display_name as modified_display, f.modified_at"
    };
}

macro_rules! visible_files {
    () => {
        concat!(
            member_of!(),
            " select ",
            file_columns!(),
            " from secure_file f
            join identity c on c.id = f.created_by join identity m on m.id = f.modified_by
            where f.project_id = $5 and ",
            file_has_bit!()
        )
    };
}

statements! {
    VISIBLE = concat!(visible_files!(), " order by f.name_key");
    VISIBLE_BY_ID = concat!(visible_files!(), " and f.id = $6");
    VISIBLE_BY_NAME = concat!(visible_files!(), " and f.name_key = $6");
    PROPERTIES = "select p.file_id, p.name, p.value from secure_file_property p
        join secure_file f on f.id = p.file_id where f.project_id = $1";
    PROPERTIES_OF = "select file_id, name, value from secure_file_property where file_id = $1";
    INSERT = "insert into secure_file (id, project_id, name, name_key, access_token, size, preamble, sealed, blob_id,
            sealed_length, sealed_sha256, created_by, created_at, modified_by, modified_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $12, $13)
        on conflict (project_id, name_key) do nothing";
    INTENT_DONE = "delete from upload_intent where blob_id = $1";
    BODY = "select name, size, preamble, sealed, blob_id, sealed_length from secure_file
        where id = $1 and project_id = $2";
    TICKETED = "select name, preamble from secure_file where id = $1 and project_id = $2";
    PREAMBLE = "select preamble from secure_file where id = $1";
    BLOB = "select blob_id from secure_file where id = $1 and project_id = $2";
    DELETE = "delete from secure_file where id = $1 and project_id = $2";
    FORGET_PERMISSIONS = "delete from pipeline_permission where resource_kind = 'securefile' and resource_id = $1";
    FORGET_FREEZE = "delete from content_freeze where target_kind = 'file' and target_id = $1";
    FORGET_TICKETS = "delete from ticket where file_id = $1";
    FORGET_PROPERTIES = "delete from secure_file_property where file_id = $1";
    TRASH = "insert into blob_trash (blob_id, scale_unit, delete_after) values ($1, $2, $3)";
    RENAME = "update secure_file set name = $1, name_key = $2, modified_by = $3, modified_at = $4
        where id = $5 and project_id = $6";
    TOUCH = "update secure_file set modified_by = $1, modified_at = $2 where id = $3 and project_id = $4";
    NAME_TAKEN = "select count(*) as n from secure_file where project_id = $1 and name_key = $2 and id <> $3";
    PROPERTY_INSERT = "insert into secure_file_property (file_id, name, name_key, value) values ($1, $2, $3, $4)
        on conflict (file_id, name_key) do update set name = excluded.name, value = excluded.value";
    FIND_BY_ID = "select id, name from secure_file where project_id = $1 and id = $2";
    FIND_BY_NAME = "select id, name from secure_file where project_id = $1 and name_key = $2";
}

/// Which files to list.
#[derive(Clone, Debug)]
pub enum FileQuery {
    /// All of the project.
    All,
    /// One, by id.
    Id(FileId),
    /// One, by name, ignoring case.
    Name(String),
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

/// A change of name or properties; what is none stays.
#[derive(Clone, Debug)]
pub struct FileChange {
    /// New name.
    pub name: Option<FileName>,
    /// New properties, instead of all old ones.
    pub properties: Option<BTreeMap<String, String>>,
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

#[derive(sqlx::FromRow)]
struct FileRow {
    id: Uuid,
    project_id: Uuid,
    name: String,
    size: i64,
    created_by: Uuid,
    created_unique: String,
    created_display: String,
    created_at: i64,
    modified_by: Uuid,
    modified_unique: String,
    modified_display: String,
    modified_at: i64,
}

impl FileRow {
    fn into_file(self) -> SecureFile {
        SecureFile {
            id: FileId(self.id),
            project: ProjectId(self.project_id),
            name: self.name,
            size: self.size.unsigned_abs(),
            properties: BTreeMap::new(),
            created_by: Person {
                id: IdentityId(self.created_by),
                unique_name: self.created_unique,
                display_name: self.created_display,
            },
            created_at: Timestamp(self.created_at),
            modified_by: Person {
                id: IdentityId(self.modified_by),
                unique_name: self.modified_unique,
                display_name: self.modified_display,
            },
            modified_at: Timestamp(self.modified_at),
        }
    }
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
            act.project,
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

    fn file_named(&mut self, file: FileId, project: ProjectId, name: &str) -> Result<(), Stop> {
        self.change(&facts::file(file.0, project.0, name));
        Ok(())
    }

    /// Changes name or properties.
    pub async fn file_change(
        &mut self,
        grant: Grant<ChangeFile>,
        change: &FileChange,
    ) -> Result<(), Stop> {
        let (act, caller) = grant.redeem(self)?;
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

    async fn sealed_body_of(
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
    /// The files on which the caller holds every bit of `bits` (and View), with their properties, by name.
    ///
    /// Filtered in SQL; says for each file what `policy::decide` would say.
    pub async fn files_visible(
        &mut self,
        caller: &Caller,
        project: ProjectId,
        bits: i64,
        query: &FileQuery,
    ) -> Result<Vec<SecureFile>, StoreError> {
        // Whatever the entries say, some ways of signing in are no good for looking at files.
        let all = Facts {
            exists: true,
            bits: i64::MAX,
            active: true,
            fresh: true,
            job: None,
        };
        let look = ViewFile {
            project,
            file: FileId(Uuid::nil()),
        };
        if decide(caller, &look.demand(), &all).is_err() {
            return Ok(Vec::new());
        }
        let mut values = args![
            caller.identity.0,
            library::VIEW,
            LIBRARY.0,
            library_token(project),
            project.0
        ];
        let rows: Vec<FileRow> = match query {
            FileQuery::All => self.conn.all(&VISIBLE, values.clone()).await?,
            FileQuery::Id(id) => {
                values.extend(args![id.0]);
                self.conn.all(&VISIBLE_BY_ID, values.clone()).await?
            }
            FileQuery::Name(wanted) => {
                values.extend(args![name::key(wanted)]);
                self.conn.all(&VISIBLE_BY_NAME, values.clone()).await?
            }
        };
        let mut files: Vec<SecureFile> = rows.into_iter().map(FileRow::into_file).collect();
        for bit in (0..31)
            .map(|shift| 1_i64 << shift)
            .filter(|bit| bits & bit != 0 && *bit != library::VIEW)
        {
            values[1] = bit.into();
            let statement = match query {
                FileQuery::All => &VISIBLE,
                FileQuery::Id(_) => &VISIBLE_BY_ID,
                FileQuery::Name(_) => &VISIBLE_BY_NAME,
            };
            let held: Vec<FileRow> = self.conn.all(statement, values.clone()).await?;
            let held: std::collections::BTreeSet<Uuid> =
                held.into_iter().map(|row| row.id).collect();
            files.retain(|file| held.contains(&file.id.0));
        }
        let properties: Vec<(Uuid, String, String)> = match files.as_slice() {
            [] => Vec::new(),
            [only] => self.conn.all(&PROPERTIES_OF, args![only.id.0]).await?,
            _ => self.conn.all(&PROPERTIES, args![project.0]).await?,
        };
        let mut by_file: BTreeMap<Uuid, BTreeMap<String, String>> = BTreeMap::new();
        for (file, name, value) in properties {
            by_file.entry(file).or_default().insert(name, value);
        }
        for file in &mut files {
            file.properties = by_file.remove(&file.id.0).unwrap_or_default();
        }
        Ok(files)
    }

    /// The file that a look has shown.
    pub async fn file(
        &mut self,
        caller: &Caller,
        seen: &Seen<ViewFile>,
    ) -> Result<SecureFile, Stop> {
        let query = FileQuery::Id(seen.0.file);
        let mut files = self
            .files_visible(caller, seen.0.project, library::VIEW, &query)
            .await?;
        files.pop().ok_or_else(not_found)
    }

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

    pub(crate) async fn file_preamble(&mut self, file: FileId) -> Result<Vec<u8>, StoreError> {
        Ok(self
            .conn
            .one::<(Vec<u8>,)>(&PREAMBLE, args![file.0])
            .await?
            .0)
    }
}
