//! People, groups and services by a part of their names, for search and for pickers that answer while somebody types.
//!
//! Names are compared in their canonical form, which the database cannot make: it is stored beside the name.

use crate::access::member_of;
use crate::error::{Stop, StoreError};
use crate::file_uses::numbers;
use crate::gate::Seen;
use crate::identities::{Home, at_home, columns, identities, identity_seen};
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::access::PROJECT;
use coffer_model::act::ViewOrganization;
use coffer_model::library::{Identity, IdentityKind};
use coffer_model::{Caller, name};
use uuid::Uuid;

/// Names completed in one unit.
const AT_ONCE: i64 = 1000;

/// Identities `i` of the kinds `$3` whose names hold `$4`.
macro_rules! named {
    ($contains:literal, $shown:literal, $engine:ident) => {
        concat!(
            member_of!(),
            " select ",
            columns!(),
            " from identity i left join project p on p.id = i.project_id where i.kind in ",
            numbers!("$3", $engine),
            " and (",
            $contains,
            " or ",
            $shown,
            ") and ",
            at_home!(),
            " and ",
            identity_seen!()
        )
    };
}

/// All of them: by kind, then by unique name.
macro_rules! search {
    ($contains:literal, $shown:literal, $engine:ident) => {
        concat!(
            named!($contains, $shown, $engine),
            " order by i.kind, i.unique_key limit $7"
        )
    };
}

/// Those who can be given something, the likeliest first: the name itself, then names that begin so.
macro_rules! suggest {
    ($contains:literal, $shown:literal, $engine:ident) => {
        concat!(
            named!($contains, $shown, $engine),
            " and i.disabled_at is null order by case when i.display_key = $4 or i.unique_key = $4 then 0
            when substr(i.display_key, 1, length($4)) = $4 or substr(i.unique_key, 1, length($4)) = $4 then 1
            else 2 end, i.display_key, i.unique_key limit $7"
        )
    };
}

statements! {
    SEARCH = search!("instr(i.unique_key, $4) > 0", "instr(i.display_key, $4) > 0", sqlite),
        postgres: search!("strpos(i.unique_key, $4) > 0", "strpos(i.display_key, $4) > 0", postgres);
    SUGGEST = suggest!("instr(i.unique_key, $4) > 0", "instr(i.display_key, $4) > 0", sqlite),
        postgres: suggest!("strpos(i.unique_key, $4) > 0", "strpos(i.display_key, $4) > 0", postgres);
    INCOMPLETE = "select id, display_name from identity where display_key = '' limit $1";
    COMPLETE = "update identity set display_key = $1 where id = $2";
}

/// What to search for.
#[derive(Clone, Debug)]
pub struct IdentitySearch {
    /// A part of the sign-in name or of the name people see, ignoring case.
    pub text: String,
    /// Of these kinds.
    pub kinds: Vec<IdentityKind>,
    /// Only those that belong there.
    pub home: Home,
    /// At most so many.
    pub top: i64,
    /// Only those who are not disabled, the likeliest first. Otherwise by kind and unique name.
    pub suggest: bool,
}

impl ReadTx {
    /// The identities that the caller may see and whose names hold a text. None for no text.
    pub async fn identities_named(
        &mut self,
        _seen: &Seen<ViewOrganization>,
        caller: &Caller,
        search: &IdentitySearch,
    ) -> Result<Vec<Identity>, StoreError> {
        let text = name::key(search.text.trim());
        if text.is_empty() || text.contains('\0') {
            return Ok(Vec::new());
        }
        let kinds: Vec<i64> = search.kinds.iter().map(|kind| kind.code()).collect();
        let (home, project) = search.home.asked();
        let values = args![
            caller.identity.0,
            PROJECT.0,
            serde_json::Value::from(kinds).to_string(),
            text,
            home,
            project,
            search.top
        ];
        let statement = if search.suggest { &SUGGEST } else { &SEARCH };
        identities(self.conn.all(statement, values).await?)
    }
}

impl Tx {
    /// Gives names from before there was a canonical form of them theirs. Says whether any were left.
    pub(crate) async fn identities_complete(&mut self) -> Result<bool, Stop> {
        let rows: Vec<(Uuid, String)> = self.all(&INCOMPLETE, args![AT_ONCE]).await?;
        for (id, display_name) in &rows {
            let key = name::key(display_name);
            // A name without any canonical form is found by nothing, and asked for once.
            let key = if key.is_empty() { " ".to_owned() } else { key };
            self.run_one(&COMPLETE, args![key, *id]).await?;
        }
        Ok(!rows.is_empty())
    }
}
