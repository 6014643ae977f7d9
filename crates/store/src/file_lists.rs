//! Lists of secure files: those a caller may see, all or by ids or by names, in a few statements however long the list is.
//! Pages are in `file_pages`. It must not know what a list is for.

use crate::access::{entries_at, file_has_bit, member_of};
use crate::access_below::{array, bits_below, keys};
use crate::error::{Stop, StoreError};
use crate::gate::{Seen, could, not_found};
use crate::sql::{Value, args, statements};
use crate::unit::ReadTx;
use coffer_model::access::{LIBRARY, Scope, effective, file_token, library, library_token};
use coffer_model::act::ViewFile;
use coffer_model::library::{Person, SecureFile};
use coffer_model::name;
use coffer_model::{Caller, FileId, IdentityId, ProjectId, Timestamp};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What lists show of a file `f`, with who made and who changed it: `c` and `m`.
macro_rules! file_columns {
    () => {
        "f.id, f.project_id, f.name, f.name_key, f.size, f.created_by, c.unique_name as created_unique,
            c.display_name as created_display, f.created_at, f.modified_by, m.unique_name as modified_unique,
            m.display_name as modified_display, f.modified_at"
    };
}
pub(crate) use file_columns;

/// Who made and who changed a file `f`.
macro_rules! file_people {
    () => {
        " join identity c on c.id = f.created_by join identity m on m.id = f.modified_by"
    };
}
pub(crate) use file_people;

/// The files of the project `$5` that the caller may see, as `f`; more conditions can follow.
///
/// `inherited` is for who sees the library: then every file is seen that inherits and has no entry that could hide it,
/// and only the others are looked at closely. `own` is for everybody else, who sees nothing but files with entries for
/// them.
macro_rules! files_seen {
    (inherited) => {
        concat!(
            " from secure_file f",
            crate::file_lists::file_people!(),
            " where f.project_id = $5 and ",
            crate::file_lists::seen_inherited!()
        )
    };
    (own) => {
        concat!(
            " from mine t cross join secure_file f",
            crate::file_lists::file_people!(),
            " where f.access_token = t.token and f.project_id = $5 and ",
            file_has_bit!()
        )
    };
}

/// A condition on a file `f` for who holds View at its library: it is seen. `$2` must be View.
///
/// An entry that allows View and denies nothing hides nothing, whoever holds it. The condition on such entries is that of
/// an index, word by word.
macro_rules! seen_inherited {
    () => {
        concat!(
            "((not exists (select 1 from access_list l
                where l.namespace_id = $3 and l.token = f.access_token and l.inherits = 0)
            and not exists (select 1 from access_entry e where e.namespace_id = $3 and e.token = f.access_token
                and (e.deny_bits <> 0 or (e.allow_bits & 1) = 0))) or (",
            crate::access::file_has_bit!(),
            "))"
        )
    };
}
pub(crate) use seen_inherited;

/// The tokens below the library `$4` at which the caller has entries, as `mine`. Behind [`member_of`].
macro_rules! own_tokens {
    (sqlite) => {
        ", mine (token) as (
            select distinct e.token from member_of c cross join access_entry e
            where e.identity_id = c.id and e.namespace_id = $3
                and substr(e.token, 9, 36) = substr(cast($4 as text), 9))"
    };
    // An array is looked up in the index; a join is not, when its length cannot be guessed.
    (postgres) => {
        ", mine (token) as (
            select distinct e.token from access_entry e
            where e.identity_id = any (array(select id from member_of)) and e.namespace_id = $3
                and substr(e.token, 9, 36) = substr(cast($4 as text), 9))"
    };
}
pub(crate) use own_tokens;

macro_rules! visible_files {
    (own, $engine:ident) => {
        concat!(
            member_of!(),
            own_tokens!($engine),
            " select ",
            file_columns!(),
            files_seen!(own)
        )
    };
    ($how:ident) => {
        concat!(member_of!(), " select ", file_columns!(), files_seen!($how))
    };
}

/// Files by their tokens, which hold their ids, or by the keys of their names.
macro_rules! visible_listed {
    ($column:literal, $engine:ident) => {
        concat!(
            member_of!(),
            " select ",
            file_columns!(),
            " from ",
            keys!("$6", $engine),
            " cross join secure_file f",
            file_people!(),
            " where ",
            $column,
            " = k.key and f.project_id = $5 and ",
            file_has_bit!(),
            " order by f.name_key"
        )
    };
}

macro_rules! properties_listed {
    ($engine:ident) => {
        concat!(
            "select p.file_id, p.name, p.value from ",
            keys!("$2", $engine),
            " cross join secure_file f join secure_file_property p on p.file_id = f.id
            where f.access_token = k.key and f.project_id = $1"
        )
    };
}

statements! {
    VISIBLE_INHERITED = concat!(visible_files!(inherited), " order by f.name_key");
    VISIBLE_OWN = concat!(visible_files!(own, sqlite), " order by f.name_key"),
        postgres: concat!(visible_files!(own, postgres), " order by f.name_key");
    VISIBLE_BY_ID = visible_listed!("f.access_token", sqlite),
        postgres: visible_listed!("f.access_token", postgres);
    VISIBLE_BY_NAME = visible_listed!("f.name_key", sqlite), postgres: visible_listed!("f.name_key", postgres);
    PROPERTIES = "select p.file_id, p.name, p.value from secure_file_property p
        join secure_file f on f.id = p.file_id where f.project_id = $1";
    PROPERTIES_OF = properties_listed!(sqlite), postgres: properties_listed!(postgres);
}

/// Which files to list.
#[derive(Clone, Debug)]
pub enum FileQuery {
    /// All of the project.
    All,
    /// These, by id.
    Ids(Vec<FileId>),
    /// These, by name, ignoring case.
    Names(Vec<String>),
}

impl FileQuery {
    /// One file, by id.
    pub fn id(file: FileId) -> Self {
        Self::Ids(vec![file])
    }
}

#[derive(sqlx::FromRow)]
pub(crate) struct FileRow {
    pub(crate) id: Uuid,
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
    pub(crate) fn into_file(self) -> SecureFile {
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

fn tokens(project: ProjectId, files: impl Iterator<Item = FileId>) -> Value {
    array(files.map(|file| file_token(project, file)))
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
        let look = ViewFile {
            project,
            file: FileId(Uuid::nil()),
        };
        if !could(caller, &look) {
            return Ok(Vec::new());
        }
        let library = library_token(project);
        let mut values = args![
            caller.identity.0,
            library::VIEW,
            LIBRARY.0,
            &library,
            project.0
        ];
        let statement = match query {
            FileQuery::All => {
                let above = self.library_bits(caller, project).await?;
                if above & library::VIEW == 0 {
                    &VISIBLE_OWN
                } else {
                    &VISIBLE_INHERITED
                }
            }
            FileQuery::Ids(ids) => {
                values.push(tokens(project, ids.iter().copied()));
                &VISIBLE_BY_ID
            }
            FileQuery::Names(names) => {
                values.push(array(names.iter().map(|wanted| name::key(wanted))));
                &VISIBLE_BY_NAME
            }
        };
        let rows: Vec<FileRow> = self.conn.all(statement, values).await?;
        let mut files: Vec<SecureFile> = rows.into_iter().map(FileRow::into_file).collect();
        if bits & !library::VIEW != 0 {
            let held = self.file_bits(caller, project, &files).await?;
            let mut held = held.into_iter();
            files.retain(|_| held.next().is_some_and(|held| held & bits == bits));
        }
        let whole = matches!(query, FileQuery::All);
        self.properties(project, whole, &mut files).await?;
        Ok(files)
    }

    /// What the caller holds at a library itself, which every file below inherits that says nothing else.
    pub(crate) async fn library_bits(
        &mut self,
        caller: &Caller,
        project: ProjectId,
    ) -> Result<i64, StoreError> {
        let place = Scope::Library(project).place();
        let entries = entries_at(&mut self.conn, caller.identity, &place).await?;
        Ok(effective(&entries, true))
    }

    /// What the caller holds at each of some files, in their order and one statement.
    pub(crate) async fn file_bits(
        &mut self,
        caller: &Caller,
        project: ProjectId,
        files: &[SecureFile],
    ) -> Result<Vec<i64>, StoreError> {
        let tokens: Vec<String> = files
            .iter()
            .map(|file| file_token(project, file.id))
            .collect();
        let above = library_token(project);
        let bits = bits_below(&mut self.conn, caller.identity, LIBRARY, &above, &tokens).await?;
        let held = |token| bits.get(token).copied().unwrap_or_default();
        Ok(tokens.iter().map(held).collect())
    }

    /// Gives files their properties; `whole` when they are all of the project, or nearly.
    pub(crate) async fn properties(
        &mut self,
        project: ProjectId,
        whole: bool,
        files: &mut [SecureFile],
    ) -> Result<(), StoreError> {
        if files.is_empty() {
            return Ok(());
        }
        let rows: Vec<(Uuid, String, String)> = if whole {
            self.conn.all(&PROPERTIES, args![project.0]).await?
        } else {
            let tokens = tokens(project, files.iter().map(|file| file.id));
            let values = vec![project.0.into(), tokens];
            self.conn.all(&PROPERTIES_OF, values).await?
        };
        let mut by_file: BTreeMap<Uuid, BTreeMap<String, String>> = BTreeMap::new();
        for (file, name, value) in rows {
            by_file.entry(file).or_default().insert(name, value);
        }
        for file in files {
            file.properties = by_file.remove(&file.id.0).unwrap_or_default();
        }
        Ok(())
    }

    /// The file that a look has shown.
    pub async fn file(
        &mut self,
        caller: &Caller,
        seen: &Seen<ViewFile>,
    ) -> Result<SecureFile, Stop> {
        let query = FileQuery::id(seen.0.file);
        let mut files = self
            .files_visible(caller, seen.0.project, library::VIEW, &query)
            .await?;
        files.pop().ok_or_else(not_found)
    }
}
