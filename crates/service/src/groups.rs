//! Groups, and who is in them.

use crate::Service;
use crate::directory::absent;
use crate::error::{Error, GROUP, PERSON, Result};
use coffer_model::act::{
    ChangeGroup, ChangeMembership, CreateGroup, DeleteGroup, ViewOrganization,
};
use coffer_model::library::{Identity, IdentityKind};
use coffer_model::{Caller, IdentityId, ProjectId, name};
use coffer_store::{NewGroup, Refusal};

/// The longest description, bytes.
const MOST_DESCRIPTION: usize = 1024;

/// Groups.
pub struct Groups<'a>(pub(crate) &'a Service);

fn check_name(text: &str) -> Result<()> {
    if name::is_fit(text) && !text.contains(['[', ']']) {
        return Ok(());
    }
    Err(Error::invalid(
        "The name of a group is visible text of at most 255 bytes, without slashes and square brackets.",
    ))
}

pub(crate) fn check_description(text: &str) -> Result<()> {
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.len() <= MOST_DESCRIPTION && !text.chars().any(control) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "A description is text of at most {MOST_DESCRIPTION} bytes."
    )))
}

impl Groups<'_> {
    /// Creates a group in a project, or in the organization.
    pub async fn create(
        &self,
        caller: &Caller,
        project: Option<ProjectId>,
        group_name: &str,
        description: &str,
    ) -> Result<Identity> {
        check_name(group_name)?;
        check_description(description)?;
        let group = IdentityId::random(self.0.entropy());
        let (asked, organization) = (caller.clone(), self.0.organization().id);
        let new = NewGroup {
            name: group_name.to_owned(),
            description: description.to_owned(),
        };
        self.0
            .store()
            .write("group.create", move |tx| {
                let (caller, new) = (asked.clone(), new.clone());
                Box::pin(async move {
                    let act = CreateGroup {
                        organization,
                        project,
                        group,
                    };
                    let mut details =
                        vec![("group", group.to_string()), ("name", new.name.clone())];
                    details.extend(project.map(|project| ("project", project.to_string())));
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    tx.group_create(grant, &caller, &new).await
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&GROUP))?;
        self.0.directory().find(caller, &group.to_string()).await
    }

    /// Renames a group, or describes it anew.
    pub async fn change(
        &self,
        caller: &Caller,
        group: IdentityId,
        new_name: Option<String>,
        description: Option<String>,
    ) -> Result<Identity> {
        new_name.as_deref().map(check_name).transpose()?;
        description.as_deref().map(check_description).transpose()?;
        let (asked, organization) = (caller.clone(), self.0.organization().id);
        self.0
            .store()
            .write("group.change", move |tx| {
                let caller = asked.clone();
                let (new_name, description) = (new_name.clone(), description.clone());
                Box::pin(async move {
                    let act = ChangeGroup {
                        organization,
                        project: tx.group_home(group).await?,
                        group,
                    };
                    let mut details = vec![("group", group.to_string())];
                    details.extend(new_name.clone().map(|new_name| ("name", new_name)));
                    details.extend(description.clone().map(|text| ("description", text)));
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    tx.group_change(grant, new_name.as_deref(), description.as_deref())
                        .await
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&GROUP))?;
        self.0.directory().find(caller, &group.to_string()).await
    }

    /// Deletes a group.
    pub async fn delete(&self, caller: &Caller, group: IdentityId) -> Result<()> {
        let (caller, organization) = (caller.clone(), self.0.organization().id);
        self.0
            .store()
            .write("group.delete", move |tx| {
                let caller = caller.clone();
                Box::pin(async move {
                    let act = DeleteGroup {
                        organization,
                        project: tx.group_home(group).await?,
                        group,
                    };
                    let details = [("group", group.to_string())];
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    tx.group_delete(grant).await
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&GROUP))
    }

    /// Puts somebody into a group, or takes somebody out.
    pub async fn set_member(
        &self,
        caller: &Caller,
        group: IdentityId,
        member: IdentityId,
        joins: bool,
    ) -> Result<()> {
        let (caller, organization) = (caller.clone(), self.0.organization().id);
        self.0
            .store()
            .write("group.set_member", move |tx| {
                let caller = caller.clone();
                Box::pin(async move {
                    let act = ChangeMembership {
                        organization,
                        project: tx.group_home(group).await?,
                        group,
                        member,
                        joins,
                    };
                    let details = act.details();
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    // Who may not be seen is not there, also for somebody who administers the group.
                    if tx.identity_seen(&caller, member).await?.is_none() {
                        return Err(Refusal::NotFound.into());
                    }
                    tx.membership_change(grant).await
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&PERSON))
    }

    /// Whether somebody is in a group directly.
    pub async fn is_member(
        &self,
        caller: &Caller,
        group: IdentityId,
        member: IdentityId,
    ) -> Result<bool> {
        let mut read = self.0.store().read().await?;
        let organization = self.0.organization().id;
        let seen = read.look(caller, ViewOrganization { organization }).await?;
        let both = (
            read.identity_seen(&seen, caller, group).await?,
            read.identity_seen(&seen, caller, member).await?,
        );
        let (Some(group), Some(member)) = both else {
            return Err(absent());
        };
        if group.kind != IdentityKind::Group {
            return Ok(false);
        }
        let groups = read.groups_of(&seen, caller, member.id).await?;
        Ok(groups.iter().any(|found| found.id == group.id))
    }
}
