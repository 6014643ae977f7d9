//! Lists of secure files: those a caller may see, all or by ids or by names, each list in one statement and its properties
//! in another, however long. It must not know what a list is for.

use crate::access::{file_has_bit, member_of};
use crate::error::{Stop, StoreError};
use crate::gate::{Seen, could, not_found};
use crate::sql::{Value, args, statements};
use crate::unit::ReadTx;
use coffer_model::access::{LIBRARY, library, library_token};
use coffer_model::act::ViewFile;
use coffer_model::library::{Person, SecureFile};
use coffer_model::name;
use coffer_model::{Caller, FileId, IdentityId, ProjectId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The texts of a JSON array, which is the argument given.
macro_rules! listed {
    ($argument:literal, sqlite) => {
        concat!("(select w.value from json_each(", $argument, ") w)")
    };
    ($argument:literal, postgres) => {
        concat!(
            "(select w.value from jsonb_array_elements_text(cast(cast(",
            $argument,
            " as text) as jsonb)) w (value))"
        )
    };
}

macro_rules! visible_files {
    () => {
        concat!(
            member_of!(),
            " select f.id, f.project_id, f.name, f.name_key, f.size, f.created_by, c.unique_name as created_unique,
            c.display_name as created_display, f.created_at, f.modified_by, m.unique_name as modified_unique,
            m.display_name as modified_display, f.modified_at
            from secure_file f
            join identity c on c.id = f.created_by join identity m on m.id = f.modified_by
            where f.project_id = $5 and ",
            file_has_bit!()
        )
    };
}

/// Files by their tokens, which hold their ids, or by the keys of their names.
macro_rules! visible_listed {
    ($column:literal, $engine:ident) => {
        concat!(
            visible_files!(),
            " and ",
            $column,
            " in ",
            listed!("$6", $engine),
            " order by f.name_key"
        )
    };
}

macro_rules! properties_listed {
    ($engine:ident) => {
        concat!(
            "select p.file_id, p.name, p.value from secure_file_property p join secure_file f on f.id = p.file_id
            where f.project_id = $1 and f.access_token in ",
            listed!("$2", $engine)
        )
    };
}

statements! {
    VISIBLE = concat!(visible_files!(), " order by f.name_key");
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

/// A JSON array of texts. What a database cannot hold in a text is left out: no name has it.
fn array(texts: impl Iterator<Item = String>) -> Value {
    let texts: Vec<String> = texts.filter(|text| !text.contains('\0')).collect();
    serde_json::Value::from(texts).to_string().into()
}

fn tokens(project: ProjectId, files: impl Iterator<Item = FileId>) -> Value {
    array(files.map(|file| coffer_model::access::file_token(project, file)))
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
        let mut values = args![
            caller.identity.0,
            library::VIEW,
            LIBRARY.0,
            library_token(project),
            project.0
        ];
        let statement = match query {
            FileQuery::All => &VISIBLE,
            FileQuery::Ids(ids) => {
                values.push(tokens(project, ids.iter().copied()));
                &VISIBLE_BY_ID
            }
            FileQuery::Names(names) => {
                values.push(array(names.iter().map(|wanted| name::key(wanted))));
                &VISIBLE_BY_NAME
            }
        };
        let rows: Vec<FileRow> = self.conn.all(statement, values.clone()).await?;
        let mut files: Vec<SecureFile> = rows.into_iter().map(FileRow::into_file).collect();
        for bit in (0..31)
            .map(|shift| 1_i64 << shift)
            .filter(|bit| bits & bit != 0 && *bit != library::VIEW)
        {
            values[1] = bit.into();
            let held: Vec<FileRow> = self.conn.all(statement, values.clone()).await?;
            let held: BTreeSet<Uuid> = held.into_iter().map(|row| row.id).collect();
            files.retain(|file| held.contains(&file.id.0));
        }
        self.properties(project, query, &mut files).await?;
        Ok(files)
    }

    async fn properties(
        &mut self,
        project: ProjectId,
        query: &FileQuery,
        files: &mut [SecureFile],
    ) -> Result<(), StoreError> {
        if files.is_empty() {
            return Ok(());
        }
        let rows: Vec<(Uuid, String, String)> = if let FileQuery::All = query {
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
