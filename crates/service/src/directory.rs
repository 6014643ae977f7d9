//! Who there is: people, groups and services, found by id, name or descriptor, and the life of a person here.
//!
//! Who may not see the organization's people learns nothing: every answer is then that of an organization without any.

use crate::Service;
use crate::error::{Error, PERSON, Result, unless_denied};
use crate::file_pages::{MAX_PAGE, searched};
use coffer_model::act::{ChangePerson, DisablePerson, EnablePerson, ViewOrganization};
use coffer_model::descriptor::{self, Subject};
use coffer_model::library::{Identity, IdentityKind};
use coffer_model::{Caller, IdentityId, ProjectId, name};
use coffer_store::{Home, IdentityFilter, IdentitySearch, ReadTx, Refusal, Seen};
use uuid::Uuid;

/// The most that a search answers with.
const MOST_FOUND: i64 = 200;
/// The most that one page of a list holds.
const MOST_LISTED: i64 = 500;

/// People, groups and services.
pub struct Directory<'a>(pub(crate) &'a Service);

/// A page of a list, and where the next one begins.
#[derive(Clone, Debug)]
pub struct IdentityPage {
    /// The identities.
    pub identities: Vec<Identity>,
    /// What to hand in for the next page; none after the last.
    pub next: Option<String>,
}

/// What a text names: an id, a subject descriptor, an identity descriptor. None for a name.
pub(crate) fn id_in(text: &str) -> Option<IdentityId> {
    if let Ok(id) = Uuid::parse_str(text) {
        return Some(IdentityId(id));
    }
    if let Some(Subject::Identity(_, id)) = descriptor::parse_subject(text) {
        return Some(id);
    }
    descriptor::parse_identity(text).map(|(_, id)| id)
}

/// Whether a text can be the name of a person: fit, and nothing that could be taken for an id.
pub(crate) fn is_name(text: &str) -> bool {
    name::is_fit(text) && id_in(text).is_none()
}

pub(crate) fn absent() -> Error {
    Error::from(Refusal::NotFound).about(&PERSON)
}

impl Directory<'_> {
    async fn seen(&self, caller: &Caller) -> Result<(ReadTx, Seen<ViewOrganization>)> {
        let mut read = self.0.store().read().await?;
        let organization = self.0.organization().id;
        let seen = read.look(caller, ViewOrganization { organization }).await?;
        Ok((read, seen))
    }

    /// An identity by id, descriptor, sign-in name, or a group's `[Project]\Name`.
    pub async fn find(&self, caller: &Caller, text: &str) -> Result<Identity> {
        let (mut read, seen) = self.seen(caller).await?;
        let id = match id_in(text) {
            Some(id) => Some(id),
            None => read.identity_keyed(text).await?,
        };
        // Also asked for what no name leads to: absent and invisible take the same way.
        let id = id.unwrap_or(IdentityId(Uuid::nil()));
        read.identity_seen(&seen, caller, id)
            .await?
            .ok_or_else(absent)
    }

    /// Identities by their ids, in the order asked; none for what is not there or may not be seen.
    pub async fn by_ids(
        &self,
        caller: &Caller,
        ids: &[Option<IdentityId>],
    ) -> Result<Vec<Option<Identity>>> {
        let (mut read, seen) = self.seen(caller).await?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let id = id.unwrap_or(IdentityId(Uuid::nil()));
            found.push(read.identity_seen(&seen, caller, id).await?);
        }
        Ok(found)
    }

    /// A page of a list. `after` is what the page before said.
    pub async fn page(
        &self,
        caller: &Caller,
        kind: Option<IdentityKind>,
        home: Home,
        after: Option<String>,
        top: Option<u32>,
    ) -> Result<IdentityPage> {
        let (mut read, seen) = self.seen(caller).await?;
        let top = top.map_or(MOST_LISTED, i64::from).clamp(1, MOST_LISTED);
        let filter = IdentityFilter {
            kind,
            home,
            after: after.unwrap_or_default(),
            top: top + 1,
        };
        let mut identities = read.identities(&seen, caller, &filter).await?;
        let fitting = usize::try_from(top).unwrap_or(usize::MAX);
        let next = (identities.len() > fitting).then(|| {
            identities.truncate(fitting);
            identities
                .last()
                .map(|last| name::key(&last.unique_name))
                .unwrap_or_default()
        });
        Ok(IdentityPage { identities, next })
    }

    /// Identities whose names hold a text, ignoring case.
    pub async fn search(
        &self,
        caller: &Caller,
        text: &str,
        kinds: &[IdentityKind],
        home: Home,
    ) -> Result<Vec<Identity>> {
        let (mut read, seen) = self.seen(caller).await?;
        let mut found = Vec::new();
        for kind in kinds {
            let search = IdentitySearch {
                text: searched(text).to_owned(),
                kinds: vec![*kind],
                home,
                top: MOST_FOUND,
                suggest: false,
            };
            found.extend(read.identities_named(&seen, caller, &search).await?);
        }
        found.truncate(usize::try_from(MOST_FOUND).unwrap_or(usize::MAX));
        Ok(found)
    }

    /// People and groups to give a right in a project to, while somebody types: not disabled, the likeliest first. Without a
    /// project, those of the organization. Who may not see the organization's people gets none.
    pub async fn suggest(
        &self,
        caller: &Caller,
        project: Option<ProjectId>,
        text: &str,
        top: u32,
    ) -> Result<Vec<Identity>> {
        let mut read = self.0.store().read().await?;
        let organization = self.0.organization().id;
        let look = read.look(caller, ViewOrganization { organization }).await;
        let Some(seen) = unless_denied(look)? else {
            return Ok(Vec::new());
        };
        let search = IdentitySearch {
            text: searched(text).to_owned(),
            kinds: vec![
                IdentityKind::User,
                IdentityKind::Group,
                IdentityKind::Service,
            ],
            home: project.map_or(Home::Organization, Home::For),
            top: i64::from(top.clamp(1, MAX_PAGE)),
            suggest: true,
        };
        let mut found = read.identities_named(&seen, caller, &search).await?;
        // Services of the organization are agents: they are given nothing.
        found.retain(|identity| {
            identity.kind != IdentityKind::Service || identity.project.is_some()
        });
        Ok(found)
    }

    /// Those whose name is exactly this one, ignoring case: unique names and the names people see.
    pub async fn named(&self, caller: &Caller, text: &str) -> Result<Vec<Identity>> {
        let kinds = [
            IdentityKind::User,
            IdentityKind::Group,
            IdentityKind::Service,
        ];
        let mut found = self.search(caller, text, &kinds, Home::Any).await?;
        let wanted = name::key(text.trim());
        found.retain(|identity| {
            name::key(&identity.unique_name) == wanted
                || name::key(&identity.display_name) == wanted
        });
        Ok(found)
    }

    /// The groups that an identity is in directly.
    pub async fn groups_of(&self, caller: &Caller, member: IdentityId) -> Result<Vec<Identity>> {
        let (mut read, seen) = self.seen(caller).await?;
        let found = read.identity_seen(&seen, caller, member).await?;
        let found = found.ok_or_else(absent)?;
        Ok(read.groups_of(&seen, caller, found.id).await?)
    }

    /// Who is in a group directly.
    pub async fn members_of(&self, caller: &Caller, group: IdentityId) -> Result<Vec<Identity>> {
        let (mut read, seen) = self.seen(caller).await?;
        let found = read.identity_seen(&seen, caller, group).await?;
        let found = found.ok_or_else(absent)?;
        Ok(read.members_of(&seen, caller, found.id).await?)
    }

    /// Changes the name that people see of a person. The sign-in name stays for good: history is full of it.
    pub async fn rename_person(
        &self,
        caller: &Caller,
        person: IdentityId,
        display_name: &str,
    ) -> Result<Identity> {
        if !name::is_fit(display_name) {
            return Err(Error::invalid(
                "The name of a person is visible text of at most 255 bytes, without slashes.",
            ));
        }
        let (asked, organization) = (caller.clone(), self.0.organization().id);
        let wanted = display_name.to_owned();
        self.0
            .store()
            .write("person.rename", move |tx| {
                let (caller, wanted) = (asked.clone(), wanted.clone());
                Box::pin(async move {
                    let act = ChangePerson {
                        organization,
                        person,
                    };
                    let details = [
                        ("identity", person.to_string()),
                        ("display_name", wanted.clone()),
                    ];
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    tx.person_rename(grant, &wanted).await
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&PERSON))?;
        self.find(caller, &person.to_string()).await
    }

    /// Shuts a person out, with tokens and sessions, or lets the person in again.
    pub async fn set_disabled(
        &self,
        caller: &Caller,
        person: IdentityId,
        disabled: bool,
    ) -> Result<Identity> {
        let (asked, organization) = (caller.clone(), self.0.organization().id);
        self.0
            .store()
            .write("person.set_disabled", move |tx| {
                let caller = asked.clone();
                Box::pin(async move {
                    let details = [("identity", person.to_string())];
                    if disabled {
                        let act = DisablePerson {
                            organization,
                            person,
                        };
                        let grant = tx.authorize_with(&caller, act, &details).await?;
                        tx.person_disable(grant, &caller).await
                    } else {
                        let act = EnablePerson {
                            organization,
                            person,
                        };
                        let grant = tx.authorize_with(&caller, act, &details).await?;
                        tx.person_enable(grant).await
                    }
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&PERSON))?;
        self.find(caller, &person.to_string()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_taken_for_an_id_is_no_name() {
        let id = IdentityId(Uuid::from_u128(7));
        assert!(is_name("ada@example.com") && is_name("Grace Hopper"));
        for text in [
            id.to_string(),
            id.0.simple().to_string(),
            descriptor::subject(IdentityKind::User, id),
            descriptor::identity(IdentityKind::Group, id, ""),
            "[Pay Desk]\\Readers".into(),
            String::new(),
        ] {
            assert!(!is_name(&text), "{text}");
        }
    }
}
