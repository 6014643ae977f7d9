//! Groups and who is in them, with the rules that keep them sound.
//!
//! No circle; a group or service of a project is in groups of that project only; default groups stay; who is in a group
//! of valid users follows from the other groups; and somebody who can act administers the organization.

use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::Grant;
use crate::identities::NewIdentity;
use crate::projects::group_name;
use crate::sql::{args, statements};
use crate::unit::Tx;
use coffer_model::access::{self, Scope, collection};
use coffer_model::act::{ChangeGroup, ChangeMembership, CreateGroup, DeleteGroup};
use coffer_model::library::{Identity, IdentityKind};
use coffer_model::{Caller, IdentityId, OrganizationId, ProjectId, name};
use uuid::Uuid;

statements! {
    HOME = "select project_id from identity where id = $1 and kind = 2";
    IS_ABOVE = "with recursive above (id) as (
            select id from identity where id = $1
            union select m.group_id from membership m join above a on m.member_id = a.id)
        select count(*) as n from above where id = $2";
    LEAVE = "delete from membership where group_id = $1 and member_id = $2";
    DESCRIBE = "update identity set description = $1 where id = $2 and kind = 2";
    RENAME = "update identity set unique_name = $1, unique_key = $2, display_name = $3, display_key = $4
        where id = $5 and kind = 2
        and not exists (select 1 from identity o where o.unique_key = $2 and o.id <> $5)";
    ENTRIES_OF = "select namespace_id, token from access_entry where identity_id = $1";
    MEMBERSHIPS_OF = "select group_id, member_id from membership where group_id = $1 or member_id = $1";
    FORGET_ENTRIES = "delete from access_entry where identity_id = $1";
    FORGET_MEMBERSHIPS = "delete from membership where group_id = $1 or member_id = $1";
    DELETE = "delete from identity where id = $1 and kind = 2 and standard = 0";
    // People who can sign in and whose entries, directly and through groups, allow the bit and do not deny it.
    HOLDERS = "with recursive reach (person, id) as (
            select id, id from identity where kind = 1 and disabled_at is null
            union select r.person, m.group_id from membership m join reach r on m.member_id = r.id)
        select count(distinct r.person) as n from reach r join access_entry e on e.identity_id = r.id
        where e.namespace_id = $1 and e.token = $2 and (e.allow_bits & $3) = $3 and not exists (
            select 1 from reach o join access_entry d on d.identity_id = o.id
            where o.person = r.person and d.namespace_id = $1 and d.token = $2 and (d.deny_bits & $3) <> 0)";
}

/// A group to create. Its id and home stand in the act.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// Unique in its project or the organization, ignoring case.
    pub name: String,
    /// What it is for.
    pub description: String,
}

fn project_of(identity: &Identity) -> Option<ProjectId> {
    identity.project.as_ref().map(|project| project.id)
}

/// Whether its members follow from other groups.
fn follows(group: &Identity) -> bool {
    let valid_users = match group.project {
        Some(_) => access::VALID_USERS,
        None => access::COLLECTION_VALID_USERS,
    };
    group.standard && group.display_name == valid_users
}

impl Tx {
    /// Where a group belongs: its project, or none for the organization. For a group that does not exist, a project
    /// that does not exist, so that the gate answers as for a group that may not be seen.
    pub async fn group_home(&mut self, group: IdentityId) -> Result<Option<ProjectId>, StoreError> {
        let row: Option<(Option<Uuid>,)> = self.maybe(&HOME, args![group.0]).await?;
        Ok(match row {
            Some((home,)) => home.map(ProjectId),
            None => Some(ProjectId(Uuid::nil())),
        })
    }

    /// The group that a grant is for, which must be where the grant says.
    async fn granted_group(
        &mut self,
        group: IdentityId,
        project: Option<ProjectId>,
    ) -> Result<Identity, Stop> {
        let found = self.identity_row(group).await?;
        let found = found.filter(|found| found.kind == IdentityKind::Group);
        let found = found.ok_or(Refusal::NotFound)?;
        if project_of(&found) == project {
            Ok(found)
        } else {
            Err(StoreError::ForeignGrant.into())
        }
    }

    /// Creates a group. A project's counts among its valid users from the start.
    pub async fn group_create(
        &mut self,
        grant: Grant<CreateGroup>,
        caller: &Caller,
        new: &NewGroup,
    ) -> Result<(), Stop> {
        let because = grant.event();
        let (act, _) = grant.redeem(self)?;
        let home = match act.project {
            Some(project) => Some(self.project_named(project).await?),
            None => None,
        };
        let identity = NewIdentity {
            id: act.group,
            kind: IdentityKind::Group,
            project: act.project,
            unique_name: group_name(home.as_deref(), &new.name),
            display_name: new.name.clone(),
        };
        self.identity_insert_described(&identity, &new.description)
            .await?;
        if let Some(home) = home {
            let valid_users = self.group_named(Some(&home), access::VALID_USERS).await?;
            let joins = ChangeMembership {
                organization: act.organization,
                project: act.project,
                group: valid_users.ok_or(StoreError::Missing {
                    statement: "valid users",
                })?,
                member: act.group,
                joins: true,
            };
            self.membership_insert(joins.group, joins.member).await?;
            self.follow(because, caller, &joins, &joins.details())
                .await?;
        }
        Ok(())
    }

    /// Renames a group, or describes it anew.
    pub async fn group_change(
        &mut self,
        grant: Grant<ChangeGroup>,
        new_name: Option<&str>,
        description: Option<&str>,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let group = self.granted_group(act.group, act.project).await?;
        if let Some(new_name) = new_name.filter(|new_name| *new_name != group.display_name) {
            if group.standard {
                return Err(Refusal::DefaultGroup.into());
            }
            let home = group.project.as_ref().map(|project| project.name.as_str());
            let unique = group_name(home, new_name);
            let (key, shown) = (name::key(&unique), name::key(new_name));
            let values = args![&unique, key, new_name, shown, group.id.0];
            if self.run(&RENAME, values).await? != 1 {
                return Err(Refusal::NameTaken.into());
            }
            let kind = IdentityKind::Group.code();
            self.change(&facts::identity(group.id.0, kind, &unique, false));
        }
        if let Some(description) = description {
            self.run_one(&DESCRIBE, args![description, group.id.0])
                .await?;
        }
        Ok(())
    }

    /// Deletes a group, with its memberships and rights.
    pub async fn group_delete(&mut self, grant: Grant<DeleteGroup>) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let group = self.granted_group(act.group, act.project).await?;
        if group.standard {
            return Err(Refusal::DefaultGroup.into());
        }
        let entries: Vec<(Uuid, String)> = self.all(&ENTRIES_OF, args![group.id.0]).await?;
        for (namespace, token) in entries {
            let entry = facts::entry(access::Namespace(namespace), &token, group.id.0, 0, 0);
            self.change(&facts::gone(entry));
        }
        let members: Vec<(Uuid, Uuid)> = self.all(&MEMBERSHIPS_OF, args![group.id.0]).await?;
        for (of, member) in members {
            self.change(&facts::gone(facts::member(of, member)));
        }
        let kind = IdentityKind::Group.code();
        self.change(&facts::gone(facts::identity(group.id.0, kind, "", false)));
        self.run(&FORGET_ENTRIES, args![group.id.0]).await?;
        self.run(&FORGET_MEMBERSHIPS, args![group.id.0]).await?;
        self.run_one(&DELETE, args![group.id.0]).await?;
        self.keep_an_administrator(act.organization).await
    }

    /// Puts somebody into a group, or takes somebody out. Says whether anything changed.
    pub async fn membership_change(&mut self, grant: Grant<ChangeMembership>) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let group = self.granted_group(act.group, act.project).await?;
        let member = self
            .identity_row(act.member)
            .await?
            .ok_or(Refusal::NotFound)?;
        if act.joins {
            self.joining_is_sound(&group, &member).await?;
            return Ok(self.membership_insert(group.id, member.id).await?);
        }
        self.leaving_is_sound(&group, &member)?;
        let membership = facts::member(group.id.0, member.id.0);
        self.change(&facts::gone(membership));
        match self.run(&LEAVE, args![group.id.0, member.id.0]).await? {
            1 => self.keep_an_administrator(act.organization).await,
            _ => Err(Refusal::NotFound.into()),
        }
    }

    /// The rules of being in a group.
    pub(crate) async fn joining_is_sound(
        &mut self,
        group: &Identity,
        member: &Identity,
    ) -> Result<(), Stop> {
        if follows(group) {
            return Err(Refusal::MembershipFollows.into());
        }
        if member.project.is_some() && project_of(member) != project_of(group) {
            return Err(Refusal::OtherProject.into());
        }
        let (above,): (i64,) = self
            .conn
            .one(&IS_ABOVE, args![group.id.0, member.id.0])
            .await?;
        if above > 0 {
            return Err(Refusal::Circle.into());
        }
        Ok(())
    }

    /// The rules of leaving a group. The organization's administrators stay administrators of each project, so that
    /// none is without one.
    fn leaving_is_sound(&self, group: &Identity, member: &Identity) -> Result<(), Stop> {
        let stays = group.project.is_some()
            && group.standard
            && group.display_name == access::PROJECT_ADMINISTRATORS
            && member.project.is_none()
            && member.standard
            && member.display_name == access::COLLECTION_ADMINISTRATORS;
        if stays || follows(group) {
            return Err(Refusal::MembershipFollows.into());
        }
        Ok(())
    }

    /// Refuses what would leave nobody who can sign in and administers the organization. Asked after the change.
    pub(crate) async fn keep_an_administrator(
        &mut self,
        organization: OrganizationId,
    ) -> Result<(), Stop> {
        let place = Scope::Organization(organization).place();
        let values = args![place.namespace.0, &place.token, collection::WRITE];
        let (left,): (i64,) = self.conn.one(&HOLDERS, values).await?;
        if left > 0 {
            Ok(())
        } else {
            Err(Refusal::LastOrganizationAdministrator.into())
        }
    }
}
