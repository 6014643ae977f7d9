//! Pipeline permissions: reading, permitting, revoking, opening and restricting.

use crate::error::{Error, FILE, Result};
use crate::{Service, checks};
use coffer_model::act::{OpenAccess, PermitPipeline, RestrictAccess, RevokePipeline, ViewFile};
use coffer_model::library::{PipelinePermissions, Resource};
use coffer_model::{Caller, PipelineId, ProjectId};

/// Pipeline permissions.
pub struct Permissions<'a>(pub(crate) &'a Service);

/// The permissions of a resource.
#[derive(Clone, Debug)]
pub struct PermissionsView {
    /// The resource.
    pub resource: Resource,
    /// Its name.
    pub name: String,
    /// Who may use it.
    pub permissions: PipelinePermissions,
}

/// What to change; what is not named stays.
#[derive(Clone, Debug, Default)]
pub struct PermissionChange {
    /// Open access on or off.
    pub all: Option<bool>,
    /// Pipelines to permit or to revoke.
    pub pipelines: Vec<(PipelineId, bool)>,
}

impl Permissions<'_> {
    /// Which pipelines may use a resource that the caller may see.
    pub async fn get(
        &self,
        caller: &Caller,
        project: ProjectId,
        resource: Resource,
    ) -> Result<PermissionsView> {
        let Resource::SecureFile(file) = resource;
        let mut read = self.0.store().read().await?;
        let about = |stop| Error::from(stop).about(&FILE);
        let seen = read
            .look(caller, ViewFile { project, file })
            .await
            .map_err(about)?;
        let name = read.file(caller, &seen).await.map_err(about)?.name;
        let permissions = read.permissions(&seen).await?;
        Ok(PermissionsView {
            resource,
            name,
            permissions,
        })
    }

    /// Changes permissions, all or nothing, and starts the stages that waited for them.
    pub async fn change(
        &self,
        caller: &Caller,
        project: ProjectId,
        resource: Resource,
        change: PermissionChange,
    ) -> Result<PermissionsView> {
        let Resource::SecureFile(file) = resource;
        let asked = caller.clone();
        self.0
            .store()
            .write("permission.change", move |tx| {
                let (caller, change) = (asked.clone(), change.clone());
                Box::pin(async move {
                    match change.all {
                        Some(true) => {
                            let grant = tx.authorize(&caller, OpenAccess { project, file }).await?;
                            tx.permission_open(grant).await?;
                        }
                        Some(false) => {
                            let grant = tx
                                .authorize(&caller, RestrictAccess { project, file })
                                .await?;
                            tx.permission_restrict(grant).await?;
                        }
                        None => {}
                    }
                    for (pipeline, permitted) in change.pipelines {
                        let details = [("pipeline", pipeline.to_string())];
                        if permitted {
                            let act = PermitPipeline {
                                project,
                                file,
                                pipeline,
                            };
                            let grant = tx.authorize_with(&caller, act, &details).await?;
                            tx.permission_put(grant).await?;
                        } else {
                            let act = RevokePipeline {
                                project,
                                file,
                                pipeline,
                            };
                            let grant = tx.authorize_with(&caller, act, &details).await?;
                            tx.permission_remove(grant).await?;
                        }
                    }
                    checks::permission_changed(tx, file).await
                })
            })
            .await
            .map_err(|stop| match stop {
                coffer_store::Stop::Refused(coffer_store::Refusal::NotFound) => {
                    Error::from(stop).about(&crate::error::PIPELINE)
                }
                stop => Error::from(stop).about(&FILE),
            })?;
        self.0.jobs_may_be_ready();
        self.get(caller, project, resource).await
    }
}
