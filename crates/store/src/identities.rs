//! People, groups and services, and who is in what.

use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::{Grant, Seen};
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::{CreateFirstAdministrator, ManagePeople, ViewOrganization};
use coffer_model::library::{IdentityKind, Person};
use coffer_model::{IdentityId, ProjectId, name};
use uuid::Uuid;

statements! {
    INSERT = "insert into identity (id, kind, project_id, unique_name, unique_key, display_name, created_at)
        values ($1, $2, $3, $4, $5, $6, $7) on conflict (unique_key) do nothing";
    JOIN = "insert into membership (group_id, member_id) values ($1, $2) on conflict (group_id, member_id) do nothing";
    BY_KEY = "select id, unique_name, display_name from identity where unique_key = $1 and disabled_at is null";
    BY_ID = "select id, unique_name, display_name from identity where id = $1";
    USERS = "select id, unique_name, display_name from identity where kind = 1 and disabled_at is null order by unique_key";
    GROUPS = "select m.member_id, p.name, g.display_name from membership m join identity g on g.id = m.group_id
        join identity u on u.id = m.member_id left join project p on p.id = g.project_id
        where u.kind = 1 order by p.name, g.display_name";
}

/// A new person, group or service.
#[derive(Clone, Debug)]
pub struct NewIdentity {
    /// Its id.
    pub id: IdentityId,
    /// What it is.
    pub kind: IdentityKind,
    /// The project a group or service belongs to.
    pub project: Option<ProjectId>,
    /// Unique, ignoring case. A group's is `[Project]\Name`.
    pub unique_name: String,
    /// The name people see.
    pub display_name: String,
}

/// A membership for lists: member, the group's project, the group's name.
#[derive(Clone, Debug)]
pub struct GroupMembership {
    /// Who.
    pub member: IdentityId,
    /// The group's project; none for a group of the organization.
    pub project: Option<String>,
    /// The group.
    pub group: String,
}

fn person((id, unique_name, display_name): (Uuid, String, String)) -> Person {
    Person {
        id: IdentityId(id),
        unique_name,
        display_name,
    }
}

impl Tx {
    pub(crate) async fn identity_insert(&mut self, new: &NewIdentity) -> Result<(), Stop> {
        let done = self
            .run(
                &INSERT,
                args![
                    new.id.0,
                    new.kind.code(),
                    new.project.map(|project| project.0),
                    &new.unique_name,
                    name::key(&new.unique_name),
                    &new.display_name,
                    self.now.0,
                ],
            )
            .await?;
        if done != 1 {
            return Err(Refusal::NameTaken.into());
        }
        self.change(&facts::identity(
            new.id.0,
            new.kind.code(),
            &new.unique_name,
            false,
        ));
        Ok(())
    }

    pub(crate) async fn membership_insert(
        &mut self,
        group: IdentityId,
        member: IdentityId,
    ) -> Result<(), StoreError> {
        self.run(&JOIN, args![group.0, member.0]).await?;
        self.change(&facts::member(group.0, member.0));
        Ok(())
    }

    /// The identity with a sign-in name, or a group's unique name.
    pub async fn identity_named(
        &mut self,
        unique_name: &str,
    ) -> Result<Option<Person>, StoreError> {
        Ok(self
            .maybe(&BY_KEY, args![name::key(unique_name)])
            .await?
            .map(person))
    }

    /// Adds a person, and puts the person into groups.
    pub async fn person_insert(
        &mut self,
        grant: Grant<ManagePeople>,
        new: &NewIdentity,
        groups: &[IdentityId],
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        if act.person != new.id {
            return Err(StoreError::ForeignGrant.into());
        }
        self.person_with_groups(new, groups).await
    }

    /// Adds the first administrator.
    pub async fn first_administrator_insert(
        &mut self,
        grant: Grant<CreateFirstAdministrator>,
        new: &NewIdentity,
        groups: &[IdentityId],
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        if act.identity != new.id {
            return Err(StoreError::ForeignGrant.into());
        }
        self.person_with_groups(new, groups).await
    }

    async fn person_with_groups(
        &mut self,
        new: &NewIdentity,
        groups: &[IdentityId],
    ) -> Result<(), Stop> {
        self.identity_insert(new).await?;
        for group in groups {
            self.membership_insert(*group, new.id).await?;
        }
        Ok(())
    }
}

impl ReadTx {
    /// An identity by id, also a disabled one: history names it.
    pub async fn identity(&mut self, id: IdentityId) -> Result<Option<Person>, StoreError> {
        Ok(self.conn.maybe(&BY_ID, args![id.0]).await?.map(person))
    }

    /// Everybody who can sign in.
    pub async fn people(
        &mut self,
        _seen: &Seen<ViewOrganization>,
    ) -> Result<Vec<Person>, StoreError> {
        Ok(self
            .conn
            .all(&USERS, Vec::new())
            .await?
            .into_iter()
            .map(person)
            .collect())
    }

    /// Who is in which group, directly.
    pub async fn memberships(
        &mut self,
        _seen: &Seen<ViewOrganization>,
    ) -> Result<Vec<GroupMembership>, StoreError> {
        let rows: Vec<(Uuid, Option<String>, String)> = self.conn.all(&GROUPS, Vec::new()).await?;
        Ok(rows
            .into_iter()
            .map(|(member, project, group)| GroupMembership {
                member: IdentityId(member),
                project,
                group,
            })
            .collect())
    }
}
