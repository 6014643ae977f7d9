//! The organization: what it is called, and its switches.

use crate::error::{Error, Result};
use crate::{Service, checks};
use coffer_model::act::{ChangeOrganizationSettings, ViewOrganization};
use coffer_model::library::FreezeTarget;
use coffer_model::organization::{OrganizationSettings, SettingsChange};
use coffer_model::{Caller, OrganizationId};

/// The organization served, to its people.
pub struct Organizations<'a>(pub(crate) &'a Service);

/// The organization with its switches.
#[derive(Clone, Debug)]
pub struct OrganizationView {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its switches.
    pub settings: OrganizationSettings,
}

impl Organizations<'_> {
    fn view(&self, settings: OrganizationSettings) -> OrganizationView {
        let organization = self.0.organization();
        OrganizationView {
            id: organization.id,
            name: organization.name.clone(),
            settings,
        }
    }

    /// The organization as it is.
    pub async fn show(&self, caller: &Caller) -> Result<OrganizationView> {
        let mut read = self.0.store().read().await?;
        let organization = self.0.organization().id;
        let seen = read.look(caller, ViewOrganization { organization }).await?;
        let settings = read.organization_settings_seen(&seen).await?;
        Ok(self.view(settings))
    }

    /// Changes switches.
    pub async fn change(
        &self,
        caller: &Caller,
        change: SettingsChange,
    ) -> Result<OrganizationView> {
        change
            .check()
            .map_err(|problem| Error::invalid(problem.to_string()))?;
        let (caller, organization) = (caller.clone(), self.0.organization().id);
        let settings = self
            .0
            .store()
            .write("organization.change", move |tx| {
                let caller = caller.clone();
                Box::pin(async move {
                    let details = tx
                        .organization_change_details(organization, &change)
                        .await?;
                    let act = ChangeOrganizationSettings { organization };
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    tx.organization_change(grant, &change).await?;
                    if change.open_access_allowed == Some(true) {
                        // What was open counts again: stages may have waited for that.
                        checks::freeze_changed(tx, FreezeTarget::Everything).await?;
                    }
                    Ok(tx.organization_settings(organization).await?)
                })
            })
            .await?;
        self.0.jobs_may_be_ready();
        Ok(self.view(settings))
    }
}
