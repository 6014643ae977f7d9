//! People and their groups. Their tokens are in [`crate::credentials`].

use crate::Service;
use crate::error::{Error, PERSON, Result};
use coffer_model::act::{ManagePeople, ViewOrganization};
use coffer_model::library::{IdentityKind, Person};
use coffer_model::{Caller, IdentityId, name};
use coffer_store::{NewIdentity, Refusal};

/// People and tokens.
pub struct People<'a>(pub(crate) &'a Service);

/// A person with groups: each a project's name (none for the organization's) and a group's.
#[derive(Clone, Debug)]
pub struct UserView {
    /// Who.
    pub person: Person,
    /// In which groups, directly.
    pub groups: Vec<(Option<String>, String)>,
}

impl People<'_> {
    /// Who the caller is.
    pub async fn me(&self, caller: &Caller) -> Result<Person> {
        let mut read = self.0.store().read().await?;
        read.identity(caller.identity)
            .await?
            .ok_or_else(|| Error::from(Refusal::NotFound).about(&PERSON))
    }

    /// Everybody who can sign in.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<UserView>> {
        let mut read = self.0.store().read().await?;
        let seen = read
            .look(
                caller,
                ViewOrganization {
                    organization: self.0.organization().id,
                },
            )
            .await?;
        let people = read.people(&seen).await?;
        let memberships = read.memberships(&seen).await?;
        Ok(people
            .into_iter()
            .map(|person| {
                let groups = memberships
                    .iter()
                    .filter(|membership| membership.member == person.id)
                    .map(|membership| (membership.project.clone(), membership.group.clone()))
                    .collect();
                UserView { person, groups }
            })
            .collect())
    }

    /// Adds a person, in groups.
    pub async fn add(
        &self,
        caller: &Caller,
        unique_name: &str,
        display_name: Option<String>,
        groups: Vec<(Option<String>, String)>,
    ) -> Result<UserView> {
        let display_name = display_name.unwrap_or_else(|| unique_name.to_owned());
        if !name::is_fit(unique_name) || !name::is_fit(&display_name) {
            return Err(Error::invalid(
                "The name of a person is visible text of at most 255 bytes, without slashes.",
            ));
        }
        let new = NewIdentity {
            id: IdentityId::random(self.0.entropy()),
            kind: IdentityKind::User,
            project: None,
            unique_name: unique_name.to_owned(),
            display_name: display_name.clone(),
        };
        let (caller, organization) = (caller.clone(), self.0.organization().id);
        let (id, wanted) = (new.id, groups.clone());
        let missing = self
            .0
            .store()
            .write("person.add", move |tx| {
                let (caller, new, wanted) = (caller.clone(), new.clone(), wanted.clone());
                Box::pin(async move {
                    let act = ManagePeople {
                        organization,
                        person: new.id,
                    };
                    let details = [
                        ("name", new.unique_name.clone()),
                        ("groups", format!("{wanted:?}")),
                    ];
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    let mut ids = vec![tx.everybody().await?];
                    for (project, group) in &wanted {
                        match tx.group_named(project.as_deref(), group).await? {
                            Some(id) => ids.push(id),
                            None => return Ok(Some(group.clone())),
                        }
                    }
                    tx.person_insert(grant, &new, &ids).await?;
                    Ok(None)
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&PERSON))?;
        if missing.is_some() {
            return Err(Error::invalid("There is no group of that name in that project.")
                .hint("Groups of a project: Project Administrators, Build Administrators, Release Administrators, Contributors, Readers."));
        }
        Ok(UserView {
            person: Person {
                id,
                unique_name: unique_name.to_owned(),
                display_name,
            },
            groups,
        })
    }

    pub(crate) async fn person(&self, id: IdentityId) -> Result<Person> {
        let mut read = self.0.store().read().await?;
        read.identity(id)
            .await?
            .ok_or_else(|| Error::from(Refusal::NotFound).about(&PERSON))
    }
}
