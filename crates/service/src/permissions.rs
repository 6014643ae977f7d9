//! Pipeline permissions: reading, permitting, revoking, opening and restricting.

use crate::error::{Error, FILE, PIPELINE, Result, Which};
use crate::{Service, checks};
use coffer_model::act::{
    OpenAccess, PermitPipeline, RestrictAccess, RevokePipeline, ViewPermissions, ViewPipeline,
};
use coffer_model::library::{PermitTerms, PipelinePermissions, Resource};
use coffer_model::refs::AllowedRefs;
use coffer_model::{Caller, FileId, PipelineId, ProjectId};
use coffer_store::{Refusal, Stop, Tx};

/// Resources changed in one call at most.
const MAX_CHANGES: usize = 1000;

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
    pub pipelines: Vec<(PipelineId, PermitChange)>,
}

/// What becomes of one pipeline's permit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PermitChange {
    /// It goes.
    Revoke,
    /// It is given, on these terms. One that is there has these from now on.
    Permit(PermitTerms),
}

/// A file that a pipeline, or every pipeline, is permitted to use.
#[derive(Clone, Debug)]
pub struct PermittedFile {
    /// The file.
    pub file: FileId,
    /// Its name.
    pub name: String,
    /// For which refs; none is all.
    pub refs: Option<AllowedRefs>,
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
        let seen = read
            .look(caller, ViewPermissions { project, file })
            .await
            .map_err(|stop| Error::from(stop).about(&FILE))?;
        let named = read.file_reference_by_id(project, file).await?;
        let (_, name) = named.ok_or_else(|| Error::from(Refusal::NotFound).about(&FILE))?;
        let permissions = read.permissions(&seen).await?;
        Ok(PermissionsView {
            resource,
            name,
            permissions,
        })
    }

    /// The files that a pipeline is permitted to use, of those the caller may see; without a pipeline, those that are open
    /// to every pipeline of the project.
    pub async fn permitted(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: Option<PipelineId>,
    ) -> Result<Vec<PermittedFile>> {
        let mut read = self.0.store().read().await?;
        if let Some(pipeline) = pipeline {
            let about = |stop| Error::from(stop).about(&PIPELINE);
            let look = read.look(caller, ViewPipeline { project, pipeline }).await;
            let seen = look.map_err(about)?;
            if read.pipeline(&seen).await?.is_none() {
                return Err(crate::pipelines::not_found());
            }
        }
        let id = pipeline.unwrap_or(PipelineId(0));
        let found = read.permitted_files(caller, project, id).await?;
        Ok(found
            .into_iter()
            .map(|(file, name, refs)| PermittedFile { file, name, refs })
            .collect())
    }

    /// Changes the permissions of one resource, all or nothing, and starts the stages that waited for them.
    pub async fn change(
        &self,
        caller: &Caller,
        project: ProjectId,
        resource: Resource,
        change: PermissionChange,
    ) -> Result<PermissionsView> {
        let changes = vec![(resource.clone(), change)];
        self.change_many(caller, project, changes).await?;
        self.get(caller, project, resource).await
    }

    /// Changes the permissions of several resources, all or nothing, and starts the stages that waited for them.
    pub async fn change_many(
        &self,
        caller: &Caller,
        project: ProjectId,
        changes: Vec<(Resource, PermissionChange)>,
    ) -> Result<()> {
        if changes.len() > MAX_CHANGES {
            return Err(Error::invalid(format!(
                "At most {MAX_CHANGES} resources are changed in one call, and this one has {}. Nothing was changed.",
                changes.len()
            )));
        }
        let files: Vec<FileId> = changes
            .iter()
            .map(|(Resource::SecureFile(file), _)| *file)
            .collect();
        let which = Which::default();
        let (asked, place) = (caller.clone(), which.clone());
        self.0
            .store()
            .write("permission.change", move |tx| {
                let (caller, changes, place) = (asked.clone(), changes.clone(), place.clone());
                Box::pin(async move {
                    for (number, (resource, change)) in changes.into_iter().enumerate() {
                        place.is(number);
                        let Resource::SecureFile(file) = resource;
                        apply(tx, &caller, project, file, change).await?;
                        checks::permission_changed(tx, file).await?;
                    }
                    Ok(())
                })
            })
            .await
            .map_err(|stop| {
                let error = match stop {
                    Stop::Refused(Refusal::NotFound) => Error::from(stop).about(&PIPELINE),
                    stop => Error::from(stop).about(&FILE),
                };
                which.name(error, &files)
            })?;
        self.0.jobs_may_be_ready();
        Ok(())
    }
}

async fn apply(
    tx: &mut Tx,
    caller: &Caller,
    project: ProjectId,
    file: FileId,
    change: PermissionChange,
) -> std::result::Result<(), Stop> {
    match change.all {
        Some(true) => {
            let grant = tx.authorize(caller, OpenAccess { project, file }).await?;
            tx.permission_open(grant).await?;
        }
        Some(false) => {
            let act = RestrictAccess { project, file };
            let grant = tx.authorize(caller, act).await?;
            tx.permission_restrict(grant).await?;
        }
        None => {}
    }
    for (pipeline, change) in change.pipelines {
        let mut details = vec![("pipeline", pipeline.to_string())];
        match change {
            PermitChange::Permit(terms) => {
                let act = PermitPipeline {
                    project,
                    file,
                    pipeline,
                };
                details.extend(terms.refs.iter().map(|refs| ("refs", refs.to_string())));
                if terms.by_variable {
                    details.push(("byVariable", "true".to_owned()));
                }
                let grant = tx.authorize_with(caller, act, &details).await?;
                tx.permission_put(grant, &terms).await?;
            }
            PermitChange::Revoke => {
                let act = RevokePipeline {
                    project,
                    file,
                    pipeline,
                };
                let grant = tx.authorize_with(caller, act, &details).await?;
                tx.permission_remove(grant).await?;
            }
        }
    }
    Ok(())
}
