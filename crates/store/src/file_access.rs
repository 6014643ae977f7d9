//! Who can use a file, and why: everything that counts at its place, for its administrators; for others, themselves.

use crate::error::StoreError;
use crate::gate::Seen;
use crate::sql::{args, statements};
use crate::unit::ReadTx;
use coffer_model::access::{Entry, Scope};
use coffer_model::act::{ExplainFile, ViewFile};
use coffer_model::explain::Ground;
use coffer_model::library::{IdentityKind, Person};
use coffer_model::{Caller, FileId, IdentityId, ProjectId};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The holders of entries at the place (`$1` namespace, `$2` and `$3` tokens), and everybody in them, through groups.
macro_rules! reached {
    () => {
        "with recursive reached (id) as (
            select identity_id from access_entry where namespace_id = $1 and token in ($2, $3)
            union select m.member_id from membership m join reached r on m.group_id = r.id)"
    };
}

/// The caller (`$1`), and every group the caller is in.
macro_rules! own {
    () => {
        "with recursive own (id) as (
            select id from identity where id = $1
            union select m.group_id from membership m join own o on m.member_id = o.id)"
    };
}

statements! {
    ENTRIES = "select token, identity_id, allow_bits, deny_bits from access_entry
        where namespace_id = $1 and token in ($2, $3)";
    INHERITS = "select inherits from access_list where namespace_id = $1 and token = $2";
    PEOPLE = concat!(reached!(), " select i.id, i.kind, i.unique_name, i.display_name, i.disabled_at
        from identity i join reached r on r.id = i.id order by i.unique_key");
    MEMBERSHIPS = concat!(reached!(), " select m.member_id, m.group_id from membership m
        join reached r on r.id = m.group_id");
    OWN_PEOPLE = concat!(own!(), " select i.id, i.kind, i.unique_name, i.display_name, i.disabled_at
        from identity i join own o on o.id = i.id order by i.unique_key");
    OWN_MEMBERSHIPS = concat!(own!(), " select m.member_id, m.group_id from membership m join own o on o.id = m.member_id");
}

/// An identity: id, kind, names, since when disabled.
type IdentityRow = (Uuid, i64, String, String, Option<i64>);

/// What counts at a file.
#[derive(Clone, Debug)]
pub struct FileAccess {
    /// Entries, inheritance and memberships.
    pub ground: Ground,
    /// The people, without groups and services, who are not disabled.
    pub people: Vec<Person>,
    /// The names of everybody, groups among them.
    pub names: BTreeMap<Uuid, Person>,
}

impl ReadTx {
    /// Everybody who is reached by an entry at a file.
    pub async fn file_access(
        &mut self,
        seen: &Seen<ExplainFile>,
    ) -> Result<FileAccess, StoreError> {
        let place = Scope::File(seen.0.project, seen.0.file).place();
        let parent = place.parent.as_ref().unwrap_or(&place.token);
        let values = args![place.namespace.0, &place.token, parent];
        let people: Vec<IdentityRow> = self.conn.all(&PEOPLE, values.clone()).await?;
        let memberships: Vec<(Uuid, Uuid)> = self.conn.all(&MEMBERSHIPS, values).await?;
        self.access_of(seen.0.project, seen.0.file, people, memberships)
            .await
    }

    /// What reaches the caller alone.
    pub async fn file_access_own(
        &mut self,
        caller: &Caller,
        seen: &Seen<ViewFile>,
    ) -> Result<FileAccess, StoreError> {
        let values = args![caller.identity.0];
        let people: Vec<IdentityRow> = self.conn.all(&OWN_PEOPLE, values.clone()).await?;
        let memberships: Vec<(Uuid, Uuid)> = self.conn.all(&OWN_MEMBERSHIPS, values).await?;
        self.access_of(seen.0.project, seen.0.file, people, memberships)
            .await
    }

    async fn access_of(
        &mut self,
        project: ProjectId,
        file: FileId,
        rows: Vec<IdentityRow>,
        memberships: Vec<(Uuid, Uuid)>,
    ) -> Result<FileAccess, StoreError> {
        let place = Scope::File(project, file).place();
        let parent = place.parent.as_ref().unwrap_or(&place.token);
        let entries: Vec<(String, Uuid, i64, i64)> = self
            .conn
            .all(&ENTRIES, args![place.namespace.0, &place.token, parent])
            .await?;
        let inherits: Option<(i64,)> = self
            .conn
            .maybe(&INHERITS, args![place.namespace.0, &place.token])
            .await?;
        let (mut people, mut names) = (Vec::new(), BTreeMap::new());
        for (id, kind, unique_name, display_name, disabled) in rows {
            let person = Person {
                id: IdentityId(id),
                unique_name,
                display_name,
            };
            if kind == IdentityKind::User.code() && disabled.is_none() {
                people.push(person.clone());
            }
            names.insert(id, person);
        }
        Ok(FileAccess {
            ground: Ground {
                entries: entries
                    .into_iter()
                    .filter(|(_, identity, ..)| names.contains_key(identity))
                    .map(|(token, identity, allow, deny)| Entry {
                        own: token == place.token,
                        identity: IdentityId(identity),
                        allow,
                        deny,
                    })
                    .collect(),
                inherits: inherits.is_none_or(|(inherits,)| inherits != 0),
                memberships: memberships
                    .into_iter()
                    .map(|(member, group)| (IdentityId(member), IdentityId(group)))
                    .collect(),
            },
            people,
            names,
        })
    }
}
