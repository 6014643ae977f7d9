//! Roles of the Library: who has which, at the library and at one secure file; assigning, removing, inheriting.
//!
//! It must not know entries of other namespaces: those are in `access`.

use crate::Service;
use crate::access::{about_place, here};
use crate::error::{Error, Kind, Result};
use coffer_model::access::library as bits;
use coffer_model::access::{Bits, Role, Scope, ShownRole, shown};
use coffer_model::act::ViewAccess;
use coffer_model::library::{IdentityKind, Person};
use coffer_model::{Caller, IdentityId};
use coffer_store::{AccessChange, AccessRow};

/// At most this many assignments in one call.
const MOST: usize = 200;

/// Roles of the Library.
pub struct Roles<'a>(pub(crate) &'a Service);

/// Somebody's role at a place.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Whose.
    pub identity: Person,
    /// Which.
    pub role: ShownRole,
    /// What stands behind it, as it is.
    pub bits: Bits,
    /// Whether it is a role of the library: at the library itself, or Creator, which an item does not have.
    pub of_library: bool,
    /// Whether it stands at the library, and is only inherited here.
    pub inherited: bool,
}

/// Who has which role at a place.
#[derive(Clone, Debug)]
pub struct Assignments {
    /// Whether the place inherits the library's.
    pub inherits: bool,
    /// Each identity once: its own role, else the one it inherits.
    pub assignments: Vec<Assignment>,
}

/// Roles at a place with all that is behind them, for changing them together.
#[derive(Clone, Debug)]
pub struct RoleSheet {
    /// The place.
    pub scope: Scope,
    /// Whether it inherits the library's roles.
    pub inherits: bool,
    /// What all of it says, in one word: what a change of it is made from.
    pub stamp: String,
    /// One row for each identity, by name.
    pub rows: Vec<SheetRow>,
}

/// What one identity has at a place, and what it inherits.
#[derive(Clone, Debug)]
pub struct SheetRow {
    /// Whose.
    pub identity: Person,
    /// What it is.
    pub kind: IdentityKind,
    /// What stands at the place itself.
    pub own: Option<Held>,
    /// What stands at the library, whether the place inherits it or not. None at the library itself.
    pub inherited: Option<Held>,
    /// Whether it made the file, so that its role is fixed.
    pub creator: bool,
}

/// Rights as a role.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Which role they are.
    pub role: ShownRole,
    /// What stands behind it, as it is.
    pub bits: Bits,
    /// Whether it is a role of the library.
    pub of_library: bool,
}

/// Changes of roles that belong together.
#[derive(Clone, Debug, Default)]
pub struct RoleChanges {
    /// What the roles were when the changes were made up.
    pub stamp: String,
    /// The switch, when it changes. It is turned before anything else.
    pub inherits: Option<bool>,
    /// Roles given, by name, or with none taken away.
    pub roles: Vec<(IdentityId, Option<String>)>,
}

/// Whose role it is: by id, or by sign-in name (a group's is `[Project]\Name`).
#[derive(Clone, Debug)]
pub enum Whose {
    /// By id.
    Id(IdentityId),
    /// By name.
    Name(String),
}

impl Roles<'_> {
    /// All that is known of roles at the library or at a file.
    pub async fn sheet(&self, caller: &Caller, scope: Scope) -> Result<RoleSheet> {
        here(self.0, caller, &scope).await?;
        let mut read = self.0.store().read().await?;
        let seen = read
            .look(caller, ViewAccess { scope })
            .await
            .map_err(|stop| about_place(stop, &scope))?;
        let list = read.access_list(&seen).await?;
        Ok(RoleSheet {
            scope,
            inherits: list.inherits,
            stamp: list.stamp(),
            rows: list
                .rows
                .into_iter()
                .map(|row| SheetRow::of(row, &scope))
                .collect(),
        })
    }

    /// Who has which role at the library or at a file.
    pub async fn list(&self, caller: &Caller, scope: Scope) -> Result<Assignments> {
        let sheet = self.sheet(caller, scope).await?;
        let assignments = sheet
            .rows
            .into_iter()
            .filter_map(|row| {
                let held = row.own.or(row.inherited.filter(|_| sheet.inherits))?;
                Some(Assignment {
                    identity: row.identity,
                    role: held.role,
                    bits: held.bits,
                    of_library: held.of_library,
                    inherited: row.own.is_none(),
                })
            })
            .collect();
        Ok(Assignments {
            inherits: sheet.inherits,
            assignments,
        })
    }

    /// Turns the switch, gives roles and takes others away, all or nothing, if the roles still are what the changes were made
    /// up from. Each part is on record as it is when it is asked for alone.
    pub async fn replace(&self, caller: &Caller, scope: Scope, changes: RoleChanges) -> Result<()> {
        few(changes.roles.len())?;
        let mut all: Vec<AccessChange> = Vec::with_capacity(changes.roles.len() + 1);
        all.extend(changes.inherits.map(AccessChange::Inherit));
        for (identity, role) in changes.roles {
            all.push(match role {
                Some(name) => {
                    let (role, allow) = role_at(&name, &scope)?;
                    AccessChange::Put {
                        identity,
                        bits: Bits::allowing(allow),
                        role: Some(role),
                    }
                }
                None => AccessChange::Remove { identity },
            });
        }
        here(self.0, caller, &scope).await?;
        let (asked, stamp) = (caller.clone(), changes.stamp);
        self.0
            .store()
            .write("role.replace", move |tx| {
                let (caller, all, stamp) = (asked.clone(), all.clone(), stamp.clone());
                Box::pin(async move { tx.access_change_since(&caller, scope, &all, &stamp).await })
            })
            .await
            .map_err(|stop| about_place(stop, &scope))
    }

    /// Gives roles, all or none of them, and answers with those assignments.
    pub async fn assign(
        &self,
        caller: &Caller,
        scope: Scope,
        roles: Vec<(Whose, String)>,
    ) -> Result<Vec<Assignment>> {
        few(roles.len())?;
        let mut wanted = Vec::with_capacity(roles.len());
        for (whose, name) in roles {
            wanted.push((whose, role_at(&name, &scope)?));
        }
        let identities = self.change(caller, scope, wanted).await?;
        let all = self.list(caller, scope).await?.assignments;
        Ok(all
            .into_iter()
            .filter(|row| identities.contains(&row.identity.id))
            .collect())
    }

    async fn change(
        &self,
        caller: &Caller,
        scope: Scope,
        wanted: Vec<(Whose, (Role, i64))>,
    ) -> Result<Vec<IdentityId>> {
        here(self.0, caller, &scope).await?;
        let asked = caller.clone();
        self.0
            .store()
            .write("role.assign", move |tx| {
                let (caller, wanted) = (asked.clone(), wanted.clone());
                Box::pin(async move {
                    let mut changes = Vec::with_capacity(wanted.len());
                    let mut identities = Vec::with_capacity(wanted.len());
                    for (whose, (role, allow)) in wanted {
                        // A name that is nobody's is the id of nobody: the gate answers first, and then the store.
                        let identity = match whose {
                            Whose::Id(id) => id,
                            Whose::Name(name) => tx
                                .identity_named(&name)
                                .await?
                                .map_or(IdentityId(uuid::Uuid::nil()), |found| found.id),
                        };
                        identities.push(identity);
                        changes.push(AccessChange::Put {
                            identity,
                            bits: Bits::allowing(allow),
                            role: Some(role),
                        });
                    }
                    tx.access_change(&caller, scope, &changes).await?;
                    Ok(identities)
                })
            })
            .await
            .map_err(|stop| about_place(stop, &scope))
    }

    /// Takes roles away, all or none of them.
    pub async fn remove(
        &self,
        caller: &Caller,
        scope: Scope,
        identities: Vec<IdentityId>,
    ) -> Result<()> {
        few(identities.len())?;
        let changes: Vec<AccessChange> = identities
            .into_iter()
            .map(|identity| AccessChange::Remove { identity })
            .collect();
        self.0.access().apply(caller, scope, changes).await
    }

    /// Switches on or off whether a file inherits the library's roles.
    pub async fn inherit(&self, caller: &Caller, scope: Scope, inherits: bool) -> Result<()> {
        let changes = vec![AccessChange::Inherit(inherits)];
        self.0.access().apply(caller, scope, changes).await
    }
}

impl SheetRow {
    fn of(row: AccessRow, scope: &Scope) -> Self {
        let library = matches!(scope, Scope::Library(_));
        let held = |bits: Bits, of_library: bool| Held {
            role: shown(bits, of_library),
            bits,
            of_library,
        };
        Self {
            creator: !library && row.own.is_some_and(|own| own.allow & bits::OWNER != 0),
            own: row.own.map(|own| held(own, library)),
            // Creating is nothing that an item inherits. What is left is shown as the item's role; where nothing is
            // left, as what it is at the library.
            inherited: row.inherited.map(|above| {
                let here = above.without(bits::CREATE);
                match here.is_empty() {
                    true => held(above, true),
                    false => held(here, false),
                }
            }),
            identity: row.identity,
            kind: row.kind,
        }
    }
}

fn few(number: usize) -> Result<()> {
    if number <= MOST {
        Ok(())
    } else {
        Err(Error::invalid(format!(
            "At most {MOST} roles are changed in one call. Send the rest in another."
        )))
    }
}

/// The role of that name at a place, with its bits.
fn role_at(name: &str, scope: &Scope) -> Result<(Role, i64)> {
    let role = Role::from_name(name);
    if let Some((role, bits)) = role.and_then(|role| Some((role, role.bits_at(scope)?))) {
        return Ok((role, bits));
    }
    let known: Vec<&str> = Role::at(scope).map(Role::name).collect();
    let message = match role {
        Some(_) => "Creator is a role of the library, not of one secure file.".to_owned(),
        None => "There is no such role.".to_owned(),
    };
    Err(Error::new(Kind::Invalid, "role.unknown", message)
        .hint(format!("Roles here: {}.", known.join(", "))))
}
