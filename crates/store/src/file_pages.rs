//! Pages of the secure files that a caller may see: searched, sorted, counted, in a few statements however many files
//! there are. Lists without an end are in `file_lists`. It must not know what a page looks like.

use crate::access::member_of;
use crate::access_below::{array, keys};
use crate::error::StoreError;
use crate::file_lists::{FileRow, file_columns, file_people, own_tokens, seen_inherited};
use crate::gate::could;
use crate::page::{Page, PageFrom, window};
use crate::sql::{Statement, args, statements};
use crate::standing::Standing;
use crate::unit::ReadTx;
use coffer_model::access::{LIBRARY, Scope, library, library_token};
use coffer_model::act::ViewFile;
use coffer_model::library::SecureFile;
use coffer_model::{Caller, FileId, ProjectId, name};
use std::collections::HashMap;
use uuid::Uuid;

/// What a page is in the order of. Each has an index that holds all that a page is found by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum FileSort {
    /// The name, ignoring case.
    #[default]
    Name,
    /// When it was last changed.
    ModifiedOn,
    /// When it was uploaded.
    CreatedOn,
}

/// Which page.
#[derive(Clone, Debug)]
pub struct FilePageQuery {
    /// Only files whose names hold this text, ignoring case. No character in it is special.
    pub search: Option<String>,
    /// In which order.
    pub sort: FileSort,
    /// Backwards.
    pub descending: bool,
    /// Where the page begins, or ends.
    pub from: PageFrom,
    /// At most so many, and at least one.
    pub top: u32,
}

/// The tokens on a page, in order. An index holds all that is asked here: `$6` search, `$7` how many, `$8` after how many.
macro_rules! found {
    (own, $contains:literal) => {
        concat!(
            " from mine t cross join secure_file f where f.access_token = t.token and f.project_id = $5
            and (cast($6 as text) = '' or ",
            $contains,
            ") and ",
            crate::access::file_has_bit!()
        )
    };
    (inherited, $contains:literal) => {
        concat!(
            " from secure_file f where f.project_id = $5 and (cast($6 as text) = '' or ",
            $contains,
            ") and ",
            seen_inherited!()
        )
    };
}

macro_rules! beginning {
    (own, $engine:ident) => {
        concat!(member_of!(), own_tokens!($engine))
    };
    (inherited, $engine:ident) => {
        member_of!()
    };
}

macro_rules! page_of {
    ($how:ident, $order:literal, $contains:literal, $engine:ident) => {
        concat!(
            beginning!($how, $engine),
            " select f.access_token",
            found!($how, $contains),
            " order by ",
            $order,
            " limit $7 offset $8"
        )
    };
}

macro_rules! count_of {
    ($how:ident, $contains:literal, $engine:ident) => {
        concat!(
            beginning!($how, $engine),
            " select count(*) as n from (select 1 as one",
            found!($how, $contains),
            " limit $7) x"
        )
    };
}

/// The files of a page that was found, by their tokens.
macro_rules! files_of {
    ($engine:ident) => {
        concat!(
            "select f.access_token, ",
            file_columns!(),
            " from ",
            keys!("$2", $engine),
            " cross join secure_file f",
            file_people!(),
            " where f.access_token = k.key and f.project_id = $1"
        )
    };
}

macro_rules! pages {
    ($($name:ident = $how:ident, $order:literal;)*) => {
        statements! {
            $($name = page_of!($how, $order, "instr(f.name_key, $6) > 0", sqlite),
                postgres: page_of!($how, $order, "strpos(f.name_key, $6) > 0", postgres);)*
            COUNT_INHERITED = count_of!(inherited, "instr(f.name_key, $6) > 0", sqlite),
                postgres: count_of!(inherited, "strpos(f.name_key, $6) > 0", postgres);
            COUNT_OWN = count_of!(own, "instr(f.name_key, $6) > 0", sqlite),
                postgres: count_of!(own, "strpos(f.name_key, $6) > 0", postgres);
            FILES = files_of!(sqlite), postgres: files_of!(postgres);
        }
    };
}

pages! {
    INHERITED_BY_NAME = inherited, "f.name_key";
    INHERITED_BY_NAME_DOWN = inherited, "f.name_key desc";
    INHERITED_BY_MODIFIED = inherited, "f.modified_at, f.name_key";
    INHERITED_BY_MODIFIED_DOWN = inherited, "f.modified_at desc, f.name_key desc";
    INHERITED_BY_CREATED = inherited, "f.created_at, f.name_key";
    INHERITED_BY_CREATED_DOWN = inherited, "f.created_at desc, f.name_key desc";
    OWN_BY_NAME = own, "f.name_key";
    OWN_BY_NAME_DOWN = own, "f.name_key desc";
    OWN_BY_MODIFIED = own, "f.modified_at, f.name_key";
    OWN_BY_MODIFIED_DOWN = own, "f.modified_at desc, f.name_key desc";
    OWN_BY_CREATED = own, "f.created_at, f.name_key";
    OWN_BY_CREATED_DOWN = own, "f.created_at desc, f.name_key desc";
}

#[derive(sqlx::FromRow)]
struct FoundRow {
    access_token: String,
    #[sqlx(flatten)]
    file: FileRow,
}

fn statement(sees_library: bool, sort: FileSort, descending: bool) -> &'static Statement {
    match (sees_library, sort, descending) {
        (true, FileSort::Name, false) => &INHERITED_BY_NAME,
        (true, FileSort::Name, true) => &INHERITED_BY_NAME_DOWN,
        (true, FileSort::ModifiedOn, false) => &INHERITED_BY_MODIFIED,
        (true, FileSort::ModifiedOn, true) => &INHERITED_BY_MODIFIED_DOWN,
        (true, FileSort::CreatedOn, false) => &INHERITED_BY_CREATED,
        (true, FileSort::CreatedOn, true) => &INHERITED_BY_CREATED_DOWN,
        (false, FileSort::Name, false) => &OWN_BY_NAME,
        (false, FileSort::Name, true) => &OWN_BY_NAME_DOWN,
        (false, FileSort::ModifiedOn, false) => &OWN_BY_MODIFIED,
        (false, FileSort::ModifiedOn, true) => &OWN_BY_MODIFIED_DOWN,
        (false, FileSort::CreatedOn, false) => &OWN_BY_CREATED,
        (false, FileSort::CreatedOn, true) => &OWN_BY_CREATED_DOWN,
    }
}

impl ReadTx {
    /// A page of the files that the caller may see, with what the caller may do with each.
    ///
    /// A page costs what lies before it: the first hundreds are found at once, and so are the last ones from the end. Files
    /// are counted up to [`crate::COUNTED`].
    pub async fn files_page(
        &mut self,
        caller: &Caller,
        project: ProjectId,
        query: &FilePageQuery,
    ) -> Result<Page<(SecureFile, Standing)>, StoreError> {
        // Whatever the entries say, some ways of signing in are no good for looking at files.
        let look = ViewFile {
            project,
            file: FileId(Uuid::nil()),
        };
        let search = name::key(query.search.as_deref().unwrap_or_default().trim());
        // No name holds a NUL, and no database text does.
        if !could(caller, &look) || search.contains('\0') {
            return Ok(Page::empty());
        }
        let above = self.library_bits(caller, project).await?;
        let sees_library = above & library::VIEW != 0;
        let token = library_token(project);
        let counted = args![
            caller.identity.0,
            library::VIEW,
            LIBRARY.0,
            token,
            project.0,
            search
        ];
        let window = window(query.from, query.top);
        let page = statement(
            sees_library,
            query.sort,
            query.descending != window.backwards,
        );
        let mut values = counted.clone();
        values.extend(args![window.top, window.skip]);
        let tokens: Vec<(String,)> = self.conn.all(page, values).await?;
        let count = if sees_library {
            &COUNT_INHERITED
        } else {
            &COUNT_OWN
        };
        let total = self.total(&window, tokens.len(), count, counted).await?;
        let (more, tokens) = window.cut(tokens);
        let mut files = self.files_found(project, tokens).await?;
        self.properties(project, false, &mut files).await?;
        let bits = self.file_bits(caller, project, &files).await?;
        let items = files
            .into_iter()
            .zip(bits)
            .map(|(file, bits)| {
                let scope = Scope::File(project, file.id);
                let standing = Standing::known(caller, scope, bits);
                (file, standing)
            })
            .collect();
        Ok(window.page(items, more, total))
    }

    /// The files of a page, in its order. Found first and read then: a database that does both at once may read them all.
    async fn files_found(
        &mut self,
        project: ProjectId,
        tokens: Vec<(String,)>,
    ) -> Result<Vec<SecureFile>, StoreError> {
        let listed = array(tokens.iter().map(|(token,)| token.clone()));
        let values = vec![project.0.into(), listed];
        let rows: Vec<FoundRow> = self.conn.all(&FILES, values).await?;
        let mut rows: HashMap<String, FileRow> = rows
            .into_iter()
            .map(|found| (found.access_token, found.file))
            .collect();
        Ok(tokens
            .iter()
            .filter_map(|(token,)| rows.remove(token))
            .map(FileRow::into_file)
            .collect())
    }
}
