//! Roles of the Library: who has which, at the library and at one secure file; assigning, removing, inheriting.
//!
//! It must not know entries of other namespaces: those are in `access`.

use crate::Service;
use crate::access::{about_place, here};
use crate::error::{Error, Kind, Result};
use coffer_model::access::library as bits;
use coffer_model::access::{Bits, Role, Scope, ShownRole, shown};
use coffer_model::act::ViewAccess;
use coffer_model::library::Person;
use coffer_model::{Caller, IdentityId};
use coffer_store::AccessChange;

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

/// Whose role it is: by id, or by sign-in name (a group's is `[Project]\Name`).
#[derive(Clone, Debug)]
pub enum Whose {
    /// By id.
    Id(IdentityId),
    /// By name.
    Name(String),
}

impl Roles<'_> {
    /// Who has which role at the library or at a file.
    pub async fn list(&self, caller: &Caller, scope: Scope) -> Result<Assignments> {
        here(self.0, caller, &scope).await?;
        let mut read = self.0.store().read().await?;
        let seen = read
            .look(caller, ViewAccess { scope })
            .await
            .map_err(|stop| about_place(stop, &scope))?;
        let list = read.access_list(&seen).await?;
        let library = matches!(scope, Scope::Library(_));
        let assignments = list
            .rows
            .into_iter()
            .filter_map(|row| {
                let inherited = row.own.is_none();
                let bits = row.own.or(row.inherited.filter(|_| list.inherits))?;
                // Creating is nothing that an item inherits. What is left is shown as the item's role; where nothing
                // is left, as what it is at the library.
                let here = bits.without(bits::CREATE);
                let (bits, of_library) = match library || (inherited && here.is_empty()) {
                    true => (bits, true),
                    false if inherited => (here, false),
                    false => (bits, false),
                };
                Some(Assignment {
                    identity: row.identity,
                    role: shown(bits, of_library),
                    bits,
                    of_library,
                    inherited,
                })
            })
            .collect();
        Ok(Assignments {
            inherits: list.inherits,
            assignments,
        })
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
