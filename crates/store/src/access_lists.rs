//! Lists of rights: who has what at a place. Read and changed through the gate, under the rules that keep them sane:
//! the creator's entry is fixed, an inherited one is not lowered, and somebody is always left who can administer.
//!
//! It must not know roles' names on the wire, nor who may ask: the gate says that.

use crate::access;
use crate::access_list::{AccessList, list};
use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::{Grant, Seen};
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::access::{
    Bits, Breach, LIBRARY, Place, Role, Scope, effective, library, may_become,
};
use coffer_model::act::{ChangeInheritance, ChangePermission, RemovePermission, ViewAccess};
use coffer_model::library::IdentityKind;
use coffer_model::{Caller, FileId, IdentityId, PipelineId};
use uuid::Uuid;

statements! {
    ROWS = "select e.token, e.identity_id, e.allow_bits, e.deny_bits, i.kind, i.unique_name, i.display_name
        from access_entry e join identity i on i.id = e.identity_id
        where e.namespace_id = $1 and e.token in ($2, $3) order by i.unique_key, e.token";
    REMOVE = "delete from access_entry where namespace_id = $1 and token = $2 and identity_id = $3";
    SWITCH = "insert into access_list (namespace_id, token, inherits) values ($1, $2, $3)
        on conflict (namespace_id, token) do update set inherits = excluded.inherits";
    IDENTITY = "select kind, project_id from identity where id = $1";
    // People who may hold a bit: those whose entry, or whose group's entry, allows it.
    CANDIDATES = "with recursive holder (id) as (
            select identity_id from access_entry
                where namespace_id = $1 and token in ($2, $3) and (allow_bits & $4) = $4
            union select m.member_id from membership m join holder h on m.group_id = h.id)
        select i.id from identity i join holder h on h.id = i.id where i.kind = 1 and i.disabled_at is null";
    // Tokens below a place that say more than who made them, and inherit.
    BELOW = "select distinct e.token from access_entry e
        where e.namespace_id = $1 and e.token like $2 and (e.allow_bits & $3) = 0 and not exists (
            select 1 from access_list l where l.namespace_id = $1 and l.token = e.token and l.inherits = 0)";
    FILES_BELOW = "select id from secure_file where project_id = $1 order by name_key";
    PIPELINES_BELOW = "select id from pipeline where project_id = $1 order by id";
}

/// A step that the gate and the rules allow, not taken yet.
enum Allowed {
    Put(Grant<ChangePermission>, Bits),
    Remove(Grant<RemovePermission>),
    Inherit(Grant<ChangeInheritance>, bool),
}

/// A change of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccessChange {
    /// An identity's entry becomes this. Nothing allowed and nothing denied is no entry.
    Put {
        /// Whose.
        identity: IdentityId,
        /// What.
        bits: Bits,
        /// The role it was asked for as.
        role: Option<Role>,
    },
    /// Added to what the identity has; the newer wins.
    Merge {
        /// Whose.
        identity: IdentityId,
        /// What.
        bits: Bits,
    },
    /// These bits are neither allowed nor denied any more.
    Clear {
        /// Whose.
        identity: IdentityId,
        /// Which.
        bits: i64,
    },
    /// No entry any more.
    Remove {
        /// Whose.
        identity: IdentityId,
    },
    /// Inheritance on or off. Switched on, entries of identities that inherit one are dropped, but the creator's.
    Inherit(bool),
    /// The list becomes this, and nothing else.
    Replace {
        /// Whether it inherits.
        inherits: bool,
        /// The entries.
        entries: Vec<(IdentityId, Bits)>,
    },
    /// No entries of its own but the creator's, and inheritance on.
    Reset,
}

fn detail(place: &Place) -> Vec<(&'static str, String)> {
    vec![
        ("namespace", place.namespace.0.to_string()),
        ("token", place.token.clone()),
    ]
}

impl From<Breach> for Refusal {
    fn from(breach: Breach) -> Self {
        match breach {
            Breach::Creator => Self::CreatorFixed,
            Breach::OwnerMark => Self::OwnerMark,
            Breach::Inherited => Self::Inherited,
        }
    }
}

impl Tx {
    /// The same as [`Self::access_change`], if the list still says what `stamp` stands for. Who may not change it is not
    /// told whether it does.
    ///
    /// # Errors
    /// [`Refusal::ChangedMeanwhile`] when it does not.
    pub async fn access_change_since(
        &mut self,
        caller: &Caller,
        scope: Scope,
        changes: &[AccessChange],
        stamp: &str,
    ) -> Result<(), Stop> {
        let asked = ChangePermission {
            scope,
            identity: caller.identity,
        };
        if self.may(caller, &asked).await?
            && self.access_list_at(scope, &scope.place()).await?.stamp() != stamp
        {
            return Err(Refusal::ChangedMeanwhile.into());
        }
        self.access_change(caller, scope, changes).await
    }

    /// Changes a list, all or nothing. Each change of an entry asks the gate and is on record by itself.
    pub async fn access_change(
        &mut self,
        caller: &Caller,
        scope: Scope,
        changes: &[AccessChange],
    ) -> Result<(), Stop> {
        let place = scope.place();
        let asked = ChangePermission {
            scope,
            identity: caller.identity,
        };
        // What has nobody already is not this change's doing. Looked at only for who may change something here.
        let deserted = if self.may(caller, &asked).await? {
            self.deserted_below(caller, scope, &place).await?
        } else {
            Vec::new()
        };
        // Every question is asked of what is there now: a change may take away what its caller needs for the next.
        let mut list = self.access_list_at(scope, &place).await?;
        let mut allowed = Vec::new();
        for change in changes {
            self.allow(caller, &mut list, &place, change, &mut allowed)
                .await?;
        }
        for step in allowed {
            match step {
                Allowed::Put(grant, bits) => self.entry_put(grant, &place, bits).await?,
                Allowed::Remove(grant) => self.entry_remove(grant, &place).await?,
                Allowed::Inherit(grant, inherits) => {
                    self.inheritance_put(grant, &place, inherits).await?;
                }
            }
        }
        if changes.is_empty() {
            self.authorize_with(caller, asked, &detail(&place)).await?;
        }
        // Somebody must be left who can act as Administrator of the place, and of everything below it.
        let below = self.deserted_below(caller, scope, &place).await?;
        if !self.has_administrator(&scope).await?
            || below.iter().any(|token| !deserted.contains(token))
        {
            return Err(Refusal::LastAdministrator.into());
        }
        Ok(())
    }

    /// Asks the gate and the rules for each step of a change. `list` is as it will be after the steps so far.
    async fn allow(
        &mut self,
        caller: &Caller,
        list: &mut AccessList,
        place: &Place,
        change: &AccessChange,
        allowed: &mut Vec<Allowed>,
    ) -> Result<(), Stop> {
        let mut entries: Vec<(IdentityId, Option<Bits>, Option<Role>)> = Vec::new();
        match change {
            AccessChange::Put {
                identity,
                bits,
                role,
            } => entries.push((*identity, Some(*bits), *role)),
            AccessChange::Merge { identity, bits } => {
                let merged = list.of(*identity).0.unwrap_or_default().merged(*bits);
                entries.push((*identity, Some(merged), None));
            }
            AccessChange::Clear { identity, bits } => {
                let left = list.of(*identity).0.map(|own| own.without(*bits));
                entries.push((*identity, left, None));
            }
            AccessChange::Remove { identity } => entries.push((*identity, None, None)),
            AccessChange::Inherit(inherits) => {
                self.allow_inheritance(caller, list, place, *inherits, allowed)
                    .await?;
                if *inherits {
                    entries.extend(list.droppable(place, |row| row.inherited.is_some()));
                }
            }
            AccessChange::Replace {
                inherits,
                entries: named,
            } => {
                self.allow_inheritance(caller, list, place, *inherits, allowed)
                    .await?;
                entries.extend(named.iter().map(|(id, bits)| (*id, Some(*bits), None)));
                let others = list.rows.iter().filter(|row| {
                    row.own.is_some() && !named.iter().any(|(id, _)| *id == row.identity.id)
                });
                entries.extend(others.map(|row| (row.identity.id, None, None)));
            }
            AccessChange::Reset => {
                self.allow_inheritance(caller, list, place, true, allowed)
                    .await?;
                entries.extend(list.droppable(place, |_| true));
            }
        }
        for (identity, wanted, role) in entries {
            self.allow_entry(caller, list, place, identity, wanted, role, allowed)
                .await?;
        }
        Ok(())
    }

    async fn allow_inheritance(
        &mut self,
        caller: &Caller,
        list: &mut AccessList,
        place: &Place,
        inherits: bool,
        allowed: &mut Vec<Allowed>,
    ) -> Result<(), Stop> {
        let mut details = detail(place);
        details.push(("inherits", inherits.to_string()));
        let act = ChangeInheritance { scope: list.scope };
        let grant = self.authorize_with(caller, act, &details).await?;
        if place.parent.is_none() && !inherits {
            return Err(Refusal::NothingInherited.into());
        }
        list.inherits = place.parent.is_some() && inherits;
        allowed.push(Allowed::Inherit(grant, inherits));
        Ok(())
    }

    /// One identity's entry may become `wanted`, if the gate and the rules say so.
    async fn allow_entry(
        &mut self,
        caller: &Caller,
        list: &mut AccessList,
        place: &Place,
        identity: IdentityId,
        wanted: Option<Bits>,
        role: Option<Role>,
        allowed: &mut Vec<Allowed>,
    ) -> Result<(), Stop> {
        let scope = list.scope;
        let wanted = wanted.filter(|bits| !bits.is_empty());
        let mut details = detail(place);
        details.push(("identity", identity.to_string()));
        let (own, inherited) = list.of(identity);
        let breach = may_become(&scope, own, inherited, list.inherits, wanted);
        match wanted {
            Some(bits) => {
                details.push(("allow", bits.allow.to_string()));
                details.push(("deny", bits.deny.to_string()));
                if let Some(role) = role {
                    details.push(("role", role.name().to_owned()));
                }
                let act = ChangePermission { scope, identity };
                let grant = self.authorize_with(caller, act, &details).await?;
                breach.map_err(Refusal::from)?;
                allowed.push(Allowed::Put(grant, bits));
            }
            None => {
                details.push(("removed", "true".to_owned()));
                let act = RemovePermission { scope, identity };
                let grant = self.authorize_with(caller, act, &details).await?;
                // Where there is nothing, there is nothing to protect.
                if own.is_some() || (list.inherits && inherited.is_some()) {
                    breach.map_err(Refusal::from)?;
                }
                allowed.push(Allowed::Remove(grant));
            }
        }
        list.become_own(identity, wanted);
        Ok(())
    }

    async fn entry_put(
        &mut self,
        grant: Grant<ChangePermission>,
        place: &Place,
        bits: Bits,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let known: Option<(i64, Option<Uuid>)> =
            self.maybe(&IDENTITY, args![act.identity.0]).await?;
        let service = IdentityKind::Service.code();
        let fits = known.is_some_and(|(kind, project)| match project {
            Some(project) => act.scope.project().is_some_and(|here| here.0 == project),
            // An agent is nobody's member, and no right of a person is any good to it.
            None => kind != service,
        });
        if !fits {
            return Err(Refusal::NoSuchIdentity.into());
        }
        Ok(self
            .entry_write(place.namespace, &place.token, act.identity.0, bits)
            .await?)
    }

    async fn entry_remove(
        &mut self,
        grant: Grant<RemovePermission>,
        place: &Place,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let values = args![place.namespace.0, &place.token, act.identity.0];
        self.run(&REMOVE, values).await?;
        let entry = facts::entry(place.namespace, &place.token, act.identity.0, 0, 0);
        self.change(&facts::gone(entry));
        Ok(())
    }

    async fn inheritance_put(
        &mut self,
        grant: Grant<ChangeInheritance>,
        place: &Place,
        inherits: bool,
    ) -> Result<(), Stop> {
        grant.redeem(self)?;
        if place.parent.is_some() {
            let values = args![place.namespace.0, &place.token, i64::from(inherits)];
            self.run_one(&SWITCH, values).await?;
            self.change(&facts::inherits(place.namespace, &place.token, inherits));
        }
        Ok(())
    }

    async fn access_list_at(
        &mut self,
        scope: Scope,
        place: &Place,
    ) -> Result<AccessList, StoreError> {
        let parent = place.parent.as_ref().unwrap_or(&place.token);
        let rows = self
            .all(&ROWS, args![place.namespace.0, &place.token, parent])
            .await?;
        let inherits = access::inherits(&mut self.conn, place).await?;
        list(scope, place, rows, inherits)
    }

    /// Tokens below a place that inherit and that nobody can administer.
    ///
    /// Only those with entries beside the creator's are looked at: where there are none, whoever administers the place
    /// above administers them too.
    async fn deserted_below(
        &mut self,
        caller: &Caller,
        scope: Scope,
        place: &Place,
    ) -> Result<Vec<String>, StoreError> {
        if !matches!(scope, Scope::Library(_) | Scope::Pipelines(_)) {
            return Ok(Vec::new());
        }
        let mark = if place.namespace == LIBRARY {
            library::OWNER
        } else {
            0
        };
        let below = format!("{}/%", place.token);
        let tokens: Vec<(String,)> = self
            .all(&BELOW, args![place.namespace.0, below, mark])
            .await?;
        let mut deserted = Vec::new();
        for (token,) in tokens {
            if let Some(child) = Scope::parse(place.namespace, &token, caller.organization)
                && !self.has_administrator(&child).await?
            {
                deserted.push(token);
            }
        }
        Ok(deserted)
    }

    /// Whether some person who is not disabled can see and administer the place.
    async fn has_administrator(&mut self, scope: &Scope) -> Result<bool, StoreError> {
        let (place, description) = (scope.place(), scope.description());
        let parent = place.parent.as_ref().unwrap_or(&place.token);
        let values = args![place.namespace.0, &place.token, parent, description.write];
        let candidates: Vec<(Uuid,)> = self.all(&CANDIDATES, values).await?;
        let wanted = description.read | description.write;
        for (person,) in candidates {
            let (entries, inherits) =
                access::entries(&mut self.conn, IdentityId(person), &place).await?;
            if effective(&entries, inherits) & wanted == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl ReadTx {
    /// Who has what at a place that the caller may read the list of.
    pub async fn access_list(&mut self, seen: &Seen<ViewAccess>) -> Result<AccessList, StoreError> {
        let place = seen.0.scope.place();
        let parent = place.parent.as_ref().unwrap_or(&place.token);
        let rows = self
            .conn
            .all(&ROWS, args![place.namespace.0, &place.token, parent])
            .await?;
        let inherits = access::inherits(&mut self.conn, &place).await?;
        list(seen.0.scope, &place, rows, inherits)
    }

    /// The lists of everything below a place that the caller may read the list of.
    pub async fn access_lists_below(
        &mut self,
        caller: &Caller,
        scope: Scope,
    ) -> Result<Vec<AccessList>, Stop> {
        let below: Vec<Scope> = match scope {
            Scope::Library(project) => {
                let rows: Vec<(Uuid,)> = self.conn.all(&FILES_BELOW, args![project.0]).await?;
                rows.into_iter()
                    .map(|(id,)| Scope::File(project, FileId(id)))
                    .collect()
            }
            Scope::Pipelines(project) => {
                let rows: Vec<(i64,)> = self.conn.all(&PIPELINES_BELOW, args![project.0]).await?;
                rows.into_iter()
                    .map(|(id,)| Scope::Pipeline(project, PipelineId(id)))
                    .collect()
            }
            _ => Vec::new(),
        };
        let mut lists = Vec::new();
        for scope in below {
            match self.look(caller, ViewAccess { scope }).await {
                Ok(seen) => lists.push(self.access_list(&seen).await?),
                Err(Stop::Denied { .. }) => {}
                Err(stop) => return Err(stop),
            }
        }
        Ok(lists)
    }
}
