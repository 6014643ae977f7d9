//! People and their groups. Their tokens are in [`crate::credentials`].

use crate::Service;
use crate::directory::is_name;
use crate::error::{Error, PERSON, Result};
use coffer_model::act::{AddPerson, ViewOrganization};
use coffer_model::library::{Identity, IdentityKind, Person};
use coffer_model::{Caller, IdentityId, name};
use coffer_store::{IdentityFilter, NewIdentity, Refusal, Stop};
use std::collections::HashMap;

/// People and tokens.
pub struct People<'a>(pub(crate) &'a Service);

/// A person with groups: each a project's name (none for the organization's) and a group's.
#[derive(Clone, Debug)]
pub struct UserView {
    /// Who.
    pub person: Person,
    /// Whether the person is shut out.
    pub disabled: bool,
    /// In which groups, directly.
    pub groups: Vec<(Option<String>, String)>,
}

impl People<'_> {
    /// Who the caller is.
    pub async fn me(&self, caller: &Caller) -> Result<Identity> {
        let mut read = self.0.store().read().await?;
        read.identity_own(caller)
            .await?
            .ok_or_else(|| Error::from(Refusal::NotFound).about(&PERSON))
    }

    /// Everybody, also who is shut out.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<UserView>> {
        let mut read = self.0.store().read().await?;
        let organization = self.0.organization().id;
        let seen = read.look(caller, ViewOrganization { organization }).await?;
        let filter = IdentityFilter {
            kind: Some(IdentityKind::User),
            top: i64::MAX,
            ..IdentityFilter::default()
        };
        let people = read.identities(&seen, caller, &filter).await?;
        let mut groups: HashMap<IdentityId, Vec<(Option<String>, String)>> = HashMap::new();
        for membership in read.memberships(&seen, caller).await? {
            let of_member = groups.entry(membership.member).or_default();
            of_member.push((membership.project, membership.group));
        }
        Ok(people
            .into_iter()
            .map(|identity| UserView {
                person: identity.person(),
                disabled: identity.disabled,
                groups: groups.remove(&identity.id).unwrap_or_default(),
            })
            .collect())
    }

    /// One person, with groups.
    pub async fn one(&self, caller: &Caller, person: IdentityId) -> Result<UserView> {
        let directory = self.0.directory();
        let found = directory.find(caller, &person.to_string()).await?;
        let groups = directory.groups_of(caller, person).await?;
        Ok(UserView {
            person: found.person(),
            disabled: found.disabled,
            groups: groups
                .into_iter()
                .map(|group| {
                    (
                        group.project.map(|project| project.name),
                        group.display_name,
                    )
                })
                .collect(),
        })
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
        if !is_name(unique_name) || !name::is_fit(&display_name) {
            return Err(Error::invalid(
                "The name of a person is visible text of at most 255 bytes, without slashes, and not an id.",
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
        self.0
            .store()
            .write("person.add", move |tx| {
                let (caller, new, wanted) = (caller.clone(), new.clone(), wanted.clone());
                Box::pin(async move {
                    let act = AddPerson {
                        organization,
                        person: new.id,
                    };
                    let details = [
                        ("identity", new.id.to_string()),
                        ("name", new.unique_name.clone()),
                        ("display_name", new.display_name.clone()),
                    ];
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    let mut ids = Vec::new();
                    for (project, group) in &wanted {
                        match tx.group_named(project.as_deref(), group).await? {
                            Some(id) => ids.push(id),
                            None => return Err(Stop::Refused(Refusal::NotFound)),
                        }
                    }
                    tx.person_insert(grant, &caller, &new, &ids).await
                })
            })
            .await
            .map_err(|stop| match stop {
                Stop::Refused(Refusal::NotFound) => {
                    Error::invalid("There is no group of that name in that project.")
                        .hint("`coffer group list` shows the groups there are.")
                }
                stop => Error::from(stop).about(&PERSON),
            })?;
        Ok(UserView {
            person: Person {
                id,
                unique_name: unique_name.to_owned(),
                display_name,
            },
            disabled: false,
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
