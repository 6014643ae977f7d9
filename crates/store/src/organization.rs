//! The organization's switches. Who may create projects is a right of everybody's group, and is kept with the rights.

use crate::error::{Stop, StoreError};
use crate::facts;
use crate::gate::{Grant, Seen};
use crate::sql::{Conn, args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::access::{self, Scope};
use coffer_model::act::{ChangeOrganizationSettings, ViewOrganization};
use coffer_model::organization::{OrganizationSettings, ProjectCreators, SettingsChange};
use coffer_model::{IdentityId, OrganizationId};

statements! {
    READ = "select name, value from organization_setting where organization_id = $1";
    PUT = "insert into organization_setting (organization_id, name, value) values ($1, $2, $3)
        on conflict (organization_id, name) do update set value = excluded.value";
    CREATORS = "select count(*) as n from access_entry e join identity i on i.id = e.identity_id
        where e.namespace_id = $1 and e.token = $2 and i.unique_key = $3
            and (e.allow_bits & $4) = $4 and (e.deny_bits & $4) = 0";
}

async fn settings(
    conn: &mut Conn,
    organization: OrganizationId,
) -> Result<OrganizationSettings, StoreError> {
    let mut settings = OrganizationSettings::default();
    let rows: Vec<(String, String)> = conn.all(&READ, args![organization.0]).await?;
    for (name, value) in rows {
        if !settings.take(&name, &value) {
            return Err(StoreError::corrupt("organization_setting", "value"));
        }
    }
    let place = Scope::Organization(organization).place();
    let (may,): (i64,) = conn
        .one(
            &CREATORS,
            args![
                place.namespace.0,
                &place.token,
                crate::projects::everybody_key(),
                access::collection::CREATE_PROJECTS
            ],
        )
        .await?;
    if may > 0 {
        settings.project_creators = ProjectCreators::Everybody;
    }
    Ok(settings)
}

/// What everybody in the organization may do there.
fn everybodys_bits(creators: ProjectCreators) -> i64 {
    match creators {
        ProjectCreators::Administrators => access::collection::READ,
        ProjectCreators::Everybody => {
            access::collection::READ | access::collection::CREATE_PROJECTS
        }
    }
}

impl Tx {
    /// The organization's switches as they are in this unit of work.
    pub async fn organization_settings(
        &mut self,
        organization: OrganizationId,
    ) -> Result<OrganizationSettings, StoreError> {
        settings(&mut self.conn, organization).await
    }

    /// What the record of a change must say, so that the change can be made again from it.
    pub async fn organization_change_details(
        &mut self,
        organization: OrganizationId,
        change: &SettingsChange,
    ) -> Result<Vec<(&'static str, String)>, StoreError> {
        let mut details = change.stored();
        if let Some(creators) = change.project_creators {
            let everybody = self.everybody().await?;
            let place = Scope::Organization(organization).place();
            details.extend([
                ("project_creators", creators.word().to_owned()),
                ("namespace", place.namespace.0.to_string()),
                ("token", place.token),
                ("identity", everybody.to_string()),
                ("allow", everybodys_bits(creators).to_string()),
                ("deny", "0".to_owned()),
            ]);
        }
        Ok(details)
    }

    /// Changes switches.
    pub async fn organization_change(
        &mut self,
        grant: Grant<ChangeOrganizationSettings>,
        change: &SettingsChange,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        for (name, value) in change.stored() {
            self.change(&facts::switch(act.organization.0, name, &value));
            self.run_one(&PUT, args![act.organization.0, name, value])
                .await?;
        }
        if let Some(creators) = change.project_creators {
            let everybody: IdentityId = self.everybody().await?;
            let place = Scope::Organization(act.organization).place();
            self.access_put(
                place.namespace,
                &place.token,
                everybody.0,
                everybodys_bits(creators),
            )
            .await?;
        }
        Ok(())
    }
}

impl ReadTx {
    /// The organization's switches, for the product's own decisions.
    pub async fn organization_settings(
        &mut self,
        organization: OrganizationId,
    ) -> Result<OrganizationSettings, StoreError> {
        settings(&mut self.conn, organization).await
    }

    /// The organization's switches, for somebody who may see the organization.
    pub async fn organization_settings_seen(
        &mut self,
        seen: &Seen<ViewOrganization>,
    ) -> Result<OrganizationSettings, StoreError> {
        settings(&mut self.conn, seen.0.organization).await
    }
}
