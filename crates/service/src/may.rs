//! What a caller may do with a file, a library, a pipeline: so that pages show a button or do not.
//!
//! The gate's own decision answers, from facts loaded once. Nothing is recorded and nothing granted: the act itself is asked
//! for again, at the gate. Where an act asks for a fresh sign-in, yes means: after signing in again, if need be.

use crate::Service;
use crate::error::{Error, FILE, PIPELINE, Result};
use coffer_model::access::Scope;
use coffer_model::act::{
    CancelRun, ChangeFile, ChangePermission, CreateFile, CreatePipeline, DeleteFile, EditPipeline,
    ExplainFile, FreezeFile, OpenAccess, PermitPipeline, QueueRun, UseFile, ViewAccess, ViewFile,
    ViewFileHistory, ViewFreezes, ViewPermissions, ViewPipeline, ViewRun,
};
use coffer_model::{Caller, FileId, PipelineId, ProjectId, RunId};
use coffer_store::Standing;

/// What a caller may do with a secure file that it sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FileMay {
    /// Change name and properties.
    pub manage: bool,
    /// Delete it.
    pub delete: bool,
    /// See who has which role.
    pub see_roles: bool,
    /// Hand out roles, and switch inheritance.
    pub administer: bool,
    /// See which pipelines are permitted.
    pub see_permits: bool,
    /// Permit a pipeline, and take a permission away.
    pub permit: bool,
    /// Open it to every pipeline, and restrict it again.
    pub open: bool,
    /// Name it in a pipeline, and see its digest.
    pub use_it: bool,
    /// Freeze it.
    pub freeze: bool,
    /// See who can use it, and why, of everybody.
    pub explain: bool,
    /// See what happened to it.
    pub see_history: bool,
}

impl FileMay {
    pub(crate) fn of(standing: &Standing, project: ProjectId, file: FileId) -> Self {
        let scope = Scope::File(project, file);
        let identity = standing.caller().identity;
        let pipeline = PipelineId(0);
        Self {
            manage: standing.may(&ChangeFile { project, file }),
            delete: standing.may(&DeleteFile { project, file }),
            see_roles: standing.may(&ViewAccess { scope }),
            administer: standing.may(&ChangePermission { scope, identity }),
            see_permits: standing.may(&ViewPermissions { project, file }),
            permit: standing.may(&PermitPipeline {
                project,
                file,
                pipeline,
            }),
            open: standing.may(&OpenAccess { project, file }),
            use_it: standing.may(&UseFile { project, file }),
            freeze: standing.may(&FreezeFile { project, file }),
            explain: standing.may(&ExplainFile { project, file }),
            see_history: standing.may(&ViewFileHistory { project, file }),
        }
    }
}

/// What a caller may do with a library.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LibraryMay {
    /// See all files that are not kept from it one by one.
    pub view: bool,
    /// Upload files.
    pub create: bool,
    /// Open files to all pipelines while they are uploaded: who creates a file administers it.
    pub create_open: bool,
    /// See who has which role.
    pub see_roles: bool,
    /// Hand out roles.
    pub administer: bool,
}

/// What a caller may do with the pipelines of a project.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PipelinesMay {
    /// Create one.
    pub create: bool,
}

/// What a caller may do with one pipeline and its runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PipelineMay {
    /// See it and its YAML.
    pub view: bool,
    /// Store a new revision.
    pub edit: bool,
    /// Start a run.
    pub queue: bool,
    /// See its runs and their logs.
    pub see_runs: bool,
    /// Cancel a run. What a run waits for says itself who may permit it.
    pub cancel: bool,
}

impl PipelineMay {
    pub(crate) fn of(standing: &Standing, project: ProjectId, pipeline: PipelineId) -> Self {
        Self {
            view: standing.may(&ViewPipeline { project, pipeline }),
            edit: standing.may(&EditPipeline { project, pipeline }),
            queue: standing.may(&QueueRun { project, pipeline }),
            see_runs: standing.may(&ViewRun { project, pipeline }),
            cancel: standing.may(&CancelRun {
                project,
                pipeline,
                run: RunId(0),
            }),
        }
    }
}

impl Service {
    /// What the caller may do with a file. One that it does not see is not there.
    pub async fn may_file(
        &self,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
    ) -> Result<FileMay> {
        let mut read = self.store().read().await?;
        let standing = read.standing(caller, Scope::File(project, file)).await?;
        standing
            .look(ViewFile { project, file })
            .map_err(|stop| Error::from(stop).about(&FILE))?;
        Ok(FileMay::of(&standing, project, file))
    }

    /// What the caller may do with the library of a project: nothing, if it has no rights there.
    pub async fn may_library(&self, caller: &Caller, project: ProjectId) -> Result<LibraryMay> {
        let scope = Scope::Library(project);
        let mut read = self.store().read().await?;
        let standing = read.standing(caller, scope).await?;
        let organization = self.organization().id;
        let settings = read.organization_settings(organization).await?;
        let identity = caller.identity;
        let create = standing.may(&CreateFile {
            project,
            file: FileId(uuid::Uuid::nil()),
        });
        Ok(LibraryMay {
            view: standing.may(&ViewFreezes { project }),
            create,
            create_open: create && settings.open_access_allowed,
            see_roles: standing.may(&ViewAccess { scope }),
            administer: standing.may(&ChangePermission { scope, identity }),
        })
    }

    /// What the caller may do with the pipelines of a project.
    pub async fn may_pipelines(&self, caller: &Caller, project: ProjectId) -> Result<PipelinesMay> {
        let mut read = self.store().read().await?;
        let standing = read.standing(caller, Scope::Pipelines(project)).await?;
        Ok(PipelinesMay {
            create: standing.may(&CreatePipeline { project }),
        })
    }

    /// What the caller may do with a pipeline and its runs. One of which it sees neither is not there.
    pub async fn may_pipeline(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
    ) -> Result<PipelineMay> {
        let mut read = self.store().read().await?;
        let scope = Scope::Pipeline(project, pipeline);
        let standing = read.standing(caller, scope).await?;
        let may = PipelineMay::of(&standing, project, pipeline);
        if !may.see_runs {
            standing
                .look(ViewPipeline { project, pipeline })
                .map_err(|stop| Error::from(stop).about(&PIPELINE))?;
        }
        Ok(may)
    }
}
