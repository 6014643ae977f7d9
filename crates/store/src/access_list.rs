//! A list of rights as it is read: who has what at a place and inherits what, and a word for all of it. It must not know
//! how a list changes.

use crate::error::StoreError;
use aws_lc_rs::digest::{Context, SHA256};
use coffer_model::IdentityId;
use coffer_model::access::{Bits, LIBRARY, Place, Role, Scope, library};
use coffer_model::library::{IdentityKind, Person};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use uuid::Uuid;

/// What one identity has at a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessRow {
    /// Whose.
    pub identity: Person,
    /// What it is.
    pub kind: IdentityKind,
    /// What stands at the place itself.
    pub own: Option<Bits>,
    /// What stands at the place above, whether it counts or not.
    pub inherited: Option<Bits>,
}

/// Who has what at a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessList {
    /// The place.
    pub scope: Scope,
    /// Whether it inherits. A place with nothing above it inherits nothing.
    pub inherits: bool,
    /// One row for each identity, by name.
    pub rows: Vec<AccessRow>,
}

impl AccessList {
    /// What the list says, in one word: a list that says anything else has another one.
    pub fn stamp(&self) -> String {
        let mut said = Context::new(&SHA256);
        said.update(&[u8::from(self.inherits)]);
        for row in &self.rows {
            said.update(row.identity.id.0.as_bytes());
            for bits in [row.own, row.inherited] {
                said.update(&[u8::from(bits.is_some())]);
                let bits = bits.unwrap_or_default();
                said.update(&bits.allow.to_be_bytes());
                said.update(&bits.deny.to_be_bytes());
            }
        }
        let digest = said.finish();
        digest
            .as_ref()
            .iter()
            .fold(String::new(), |mut word, byte| {
                _ = write!(word, "{byte:02x}");
                word
            })
    }

    pub(crate) fn of(&self, identity: IdentityId) -> (Option<Bits>, Option<Bits>) {
        self.rows
            .iter()
            .find(|row| row.identity.id == identity)
            .map_or((None, None), |row| (row.own, row.inherited))
    }

    /// Entries that stand here and can go, but the creator's.
    pub(crate) fn droppable(
        &self,
        place: &Place,
        which: impl Fn(&AccessRow) -> bool,
    ) -> Vec<(IdentityId, Option<Bits>, Option<Role>)> {
        let fixed = |bits: Bits| place.namespace == LIBRARY && bits.allow & library::OWNER != 0;
        self.rows
            .iter()
            .filter(|row| row.own.is_some_and(|bits| !fixed(bits)) && which(row))
            .map(|row| (row.identity.id, None, None))
            .collect()
    }

    pub(crate) fn become_own(&mut self, identity: IdentityId, bits: Option<Bits>) {
        match self.rows.iter_mut().find(|row| row.identity.id == identity) {
            Some(row) => row.own = bits,
            // Whoever it is: the store looks before it writes.
            None => self.rows.push(AccessRow {
                identity: Person {
                    id: identity,
                    unique_name: String::new(),
                    display_name: String::new(),
                },
                kind: IdentityKind::User,
                own: bits,
                inherited: None,
            }),
        }
    }
}

pub(crate) type Row = (String, Uuid, i64, i64, i64, String, String);

/// The list that rows of a place and of the one above make.
pub(crate) fn list(
    scope: Scope,
    place: &Place,
    rows: Vec<Row>,
    switched: bool,
) -> Result<AccessList, StoreError> {
    let mut by_identity: BTreeMap<Uuid, usize> = BTreeMap::new();
    let mut list = AccessList {
        scope,
        inherits: place.parent.is_some() && switched,
        rows: Vec::new(),
    };
    for (token, id, allow, deny, kind, unique_name, display_name) in rows {
        let at = *by_identity.entry(id).or_insert(list.rows.len());
        if at == list.rows.len() {
            list.rows.push(AccessRow {
                identity: Person {
                    id: IdentityId(id),
                    unique_name,
                    display_name,
                },
                kind: IdentityKind::from_code(kind)
                    .ok_or(StoreError::corrupt("identity", "kind"))?,
                own: None,
                inherited: None,
            });
        }
        let bits = Some(Bits { allow, deny });
        if token == place.token {
            list.rows[at].own = bits;
        } else {
            list.rows[at].inherited = bits;
        }
    }
    Ok(list)
}
