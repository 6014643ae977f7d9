//! Access control lists of every namespace: reading, changing, asking.
//!
//! What the wire shows is what is enforced: these are views of the one store, and each change asks the gate for the
//! right of the thing that the token names. It must not know descriptors or any other spelling of identities.

use crate::Service;
use crate::error::{Error, FILE, Kind, PIPELINE, PROJECT, Result};
use coffer_model::Caller;
use coffer_model::access::{Bits, NAMESPACES, Namespace, Scope};
use coffer_model::act::{CheckAccess, ViewAccess};
use coffer_store::{AccessChange, AccessList, Stop};

/// At most this many entries in one call.
const MOST: usize = 200;

/// Access control lists.
pub struct Access<'a>(pub(crate) &'a Service);

/// Speaks of the thing that a place belongs to.
pub(crate) fn about_place(stop: Stop, scope: &Scope) -> Error {
    let error = Error::from(stop);
    match scope {
        Scope::File(..) => error.about(&FILE),
        Scope::Pipeline(..) => error.about(&PIPELINE),
        Scope::Library(_) | Scope::Pipelines(_) | Scope::Project(_) => error.about(&PROJECT),
        _ => error,
    }
}

/// Refuses a place of a project that the caller may not know of, as every route of that project does.
pub(crate) async fn here(service: &Service, caller: &Caller, scope: &Scope) -> Result<()> {
    if let Some(project) = scope.project() {
        service
            .projects()
            .find(caller, &project.to_string())
            .await?;
    }
    Ok(())
}

fn unknown_token() -> Error {
    Error::new(
        Kind::NotFound,
        "access.token_unknown",
        "The security token names nothing that is here, or nothing that you may see.",
    )
    .hint("docs/roles.md lists the tokens of each namespace.")
}

impl Access<'_> {
    /// Refuses who has no rights to ask about: what only registers agents, or runs them.
    pub async fn describe(&self, caller: &Caller) -> Result<()> {
        let scope = Scope::Organization(self.0.organization().id);
        let mut read = self.0.store().read().await?;
        read.look(caller, CheckAccess { scope, bits: 0 }).await?;
        Ok(())
    }

    /// The namespace of that id.
    pub fn namespace(&self, id: uuid::Uuid) -> Result<Namespace> {
        NAMESPACES
            .iter()
            .map(|known| known.namespace)
            .find(|known| known.0 == id)
            .ok_or_else(|| {
                Error::new(
                    Kind::NotFound,
                    "access.namespace_unknown",
                    "There is no such security namespace here.",
                )
                .hint("GET _apis/securitynamespaces lists those there are.")
            })
    }

    /// The thing that a token names.
    pub fn scope(&self, namespace: Namespace, token: &str) -> Result<Scope> {
        Scope::parse(namespace, token, self.0.organization().id).ok_or_else(unknown_token)
    }

    /// The list at a place, and with `below` those of everything below it that the caller may read.
    pub async fn list(
        &self,
        caller: &Caller,
        scope: Scope,
        below: bool,
    ) -> Result<Vec<AccessList>> {
        here(self.0, caller, &scope).await?;
        let mut read = self.0.store().read().await?;
        let seen = read
            .look(caller, ViewAccess { scope })
            .await
            .map_err(|stop| about_place(stop, &scope))?;
        let mut lists = vec![read.access_list(&seen).await?];
        if below {
            lists.extend(read.access_lists_below(caller, scope).await?);
        }
        Ok(lists)
    }

    /// Every list of a namespace that the caller may read.
    pub async fn all(&self, caller: &Caller, namespace: Namespace) -> Result<Vec<AccessList>> {
        self.describe(caller).await?;
        let organization = self.0.organization().id;
        let mut roots = vec![
            Scope::Organization(organization),
            Scope::AuditLog(organization),
            Scope::AgentPools(organization),
            Scope::Officers(organization),
        ];
        for project in self.0.projects().list(caller).await? {
            roots.extend([
                Scope::Library(project.id),
                Scope::Pipelines(project.id),
                Scope::Project(project.id),
            ]);
        }
        let mut read = self.0.store().read().await?;
        let mut lists = Vec::new();
        for scope in roots {
            if scope.place().namespace != namespace {
                continue;
            }
            match read.look(caller, ViewAccess { scope }).await {
                Ok(seen) => lists.push(read.access_list(&seen).await?),
                Err(Stop::Denied { .. }) => {}
                Err(stop) => return Err(stop.into()),
            }
            lists.extend(read.access_lists_below(caller, scope).await?);
        }
        Ok(lists)
    }

    /// Changes a list, all or nothing.
    pub async fn apply(
        &self,
        caller: &Caller,
        scope: Scope,
        changes: Vec<AccessChange>,
    ) -> Result<()> {
        self.apply_all(caller, vec![(scope, changes)]).await
    }

    /// Changes several lists, all or nothing.
    pub async fn apply_all(
        &self,
        caller: &Caller,
        lists: Vec<(Scope, Vec<AccessChange>)>,
    ) -> Result<()> {
        let entries: usize = lists.iter().map(|(_, changes)| size(changes)).sum();
        if entries > MOST {
            return Err(Error::invalid(format!(
                "At most {MOST} entries are changed in one call. Send the rest in another."
            )));
        }
        for (scope, changes) in &lists {
            check_bits(scope, changes)?;
            here(self.0, caller, scope).await?;
        }
        let asked = caller.clone();
        // A refusal speaks of the first thing that was asked for: with several, the caller may see them all by then.
        let first = lists.first().map(|(scope, _)| *scope);
        self.0
            .store()
            .write("access.change", move |tx| {
                let (caller, lists) = (asked.clone(), lists.clone());
                Box::pin(async move {
                    for (scope, changes) in lists {
                        tx.access_change(&caller, scope, &changes).await?;
                    }
                    Ok(())
                })
            })
            .await
            .map_err(|stop| match &first {
                Some(scope) => about_place(stop, scope),
                None => stop.into(),
            })
    }

    /// Whether the caller has every one of these rights, for each place. What is not there gives none.
    pub async fn check(
        &self,
        caller: &Caller,
        asked: &[(Option<Scope>, i64)],
    ) -> Result<Vec<bool>> {
        if asked.len() > MOST {
            return Err(Error::invalid(format!(
                "At most {MOST} questions are answered in one call. Send the rest in another."
            )));
        }
        self.describe(caller).await?;
        let projects = self.0.projects().list(caller).await?;
        let mut read = self.0.store().read().await?;
        let mut answers = Vec::with_capacity(asked.len());
        for (scope, bits) in asked {
            let seen = |scope: &Scope| {
                scope
                    .project()
                    .is_none_or(|id| projects.iter().any(|project| project.id == id))
            };
            answers.push(match scope {
                Some(scope) if *bits > 0 && seen(scope) => {
                    let (scope, bits) = (*scope, *bits);
                    read.may(caller, &CheckAccess { scope, bits }).await?
                }
                _ => false,
            });
        }
        Ok(answers)
    }
}

fn size(changes: &[AccessChange]) -> usize {
    changes
        .iter()
        .map(|change| match change {
            AccessChange::Replace { entries, .. } => entries.len() + 1,
            _ => 1,
        })
        .sum()
}

/// Bits that mean nothing in a namespace would be shown and never enforced.
fn check_bits(scope: &Scope, changes: &[AccessChange]) -> Result<()> {
    let known = scope.description().known_bits();
    let fine = |bits: &Bits| (bits.allow | bits.deny) & !known == 0 && bits.allow & bits.deny == 0;
    let all_fine = changes.iter().all(|change| match change {
        AccessChange::Put { bits, .. } | AccessChange::Merge { bits, .. } => fine(bits),
        AccessChange::Clear { bits, .. } => bits & !known == 0,
        AccessChange::Replace { entries, .. } => entries.iter().all(|(_, bits)| fine(bits)),
        AccessChange::Remove { .. } | AccessChange::Inherit(_) | AccessChange::Reset => true,
    });
    if all_fine {
        Ok(())
    } else {
        Err(Error::new(
            Kind::Invalid,
            "access.bits_unknown",
            "An entry allows and denies the same right, or names one that this namespace does not have.",
        )
        .hint("GET _apis/securitynamespaces lists the rights of each namespace."))
    }
}
