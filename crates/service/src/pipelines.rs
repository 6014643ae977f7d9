//! Pipelines: a name and its YAML, a revision for each change.

use crate::Service;
use crate::error::{Error, Kind, PIPELINE, Result};
use crate::permissions::PermittedFile;
use crate::pipeline_text::{self, PipelineText};
use crate::run_views::Waiting;
use coffer_model::act::{
    CreatePipeline, EditPipeline, PermitPipeline, ViewPipeline, ViewPipelines,
};
use coffer_model::library::{PermitTerms, Resource};
use coffer_model::{Caller, FileId, PipelineId, ProjectId};
use coffer_store::{Missing, PipelineFile, PipelineRow, Refusal, Why};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Pipelines.
pub struct Pipelines<'a>(pub(crate) &'a Service);

/// A pipeline.
#[derive(Clone, Debug)]
pub struct PipelineView {
    /// Its id.
    pub id: PipelineId,
    /// Its name.
    pub name: String,
    /// Its folder; `\` is the root.
    pub folder: String,
    /// Its newest revision.
    pub revision: i64,
    /// The path shown in errors.
    pub path: String,
    /// The YAML, when one pipeline is read.
    pub yaml: Option<String>,
    /// The files beside it, by path, when one pipeline is read: path and text.
    pub files: Vec<(String, String)>,
    /// The ref that a permit is proposed for; none for stored text, which has no ref.
    pub default_ref: Option<String>,
    /// What became of the files that its YAML names, when it was just created.
    pub authorization: Option<Authorization>,
}

/// Which files a new pipeline was permitted to use, and which it will have to wait for.
#[derive(Clone, Debug, Default)]
pub struct Authorization {
    /// Permitted, because who created the pipeline has the User role on them, or open to all.
    pub permitted: Vec<PermittedFile>,
    /// Not permitted, with who can.
    pub waiting: Vec<Waiting>,
}

pub(crate) fn view(row: PipelineRow, files: Option<Vec<PipelineFile>>) -> PipelineView {
    PipelineView {
        id: PipelineId(row.id),
        name: row.name,
        folder: row.folder,
        revision: row.revision,
        path: row.path,
        yaml: files.is_some().then_some(row.yaml),
        files: files
            .unwrap_or_default()
            .into_iter()
            .map(|file| (file.path, file.content))
            .collect(),
        default_ref: row.default_ref,
        authorization: None,
    }
}

pub(crate) fn not_found() -> Error {
    Error::from(Refusal::NotFound).about(&PIPELINE)
}

impl Pipelines<'_> {
    /// The pipelines of a project.
    pub async fn list(&self, caller: &Caller, project: ProjectId) -> Result<Vec<PipelineView>> {
        let mut read = self.0.store().read().await?;
        let rows = read.pipelines_visible(caller, project).await?;
        if rows.is_empty() {
            // Nothing to see is one thing, nothing that may be seen another.
            read.look(caller, ViewPipelines { project }).await?;
        }
        Ok(rows.into_iter().map(|row| view(row, None)).collect())
    }

    /// One pipeline with its YAML.
    pub async fn get(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
    ) -> Result<PipelineView> {
        let mut read = self.0.store().read().await?;
        let seen = read
            .look(caller, ViewPipeline { project, pipeline })
            .await
            .map_err(|stop| Error::from(stop).about(&PIPELINE))?;
        let row = read.pipeline(&seen).await?.ok_or_else(not_found)?;
        let files = read.pipeline_files(&seen, row.revision).await?;
        Ok(view(row, Some(files)))
    }

    /// Stores a pipeline.
    pub async fn create(
        &self,
        caller: &Caller,
        project: ProjectId,
        text: PipelineText,
    ) -> Result<PipelineView> {
        let new = Arc::new(text.checked()?);
        let details = pipeline_text::details(&new);
        let asked = caller.clone();
        let id = self
            .0
            .store()
            .write("pipeline.create", move |tx| {
                let (caller, new, details) = (asked.clone(), Arc::clone(&new), details.clone());
                Box::pin(async move {
                    let grant = tx
                        .authorize_with(&caller, CreatePipeline { project }, &details)
                        .await?;
                    tx.pipeline_insert(grant, &new).await
                })
            })
            .await
            .map_err(taken)?;
        let mut view = self.get(caller, project, id).await?;
        view.authorization = match self.permit_named(caller, project, id).await {
            Ok(authorization) => authorization,
            Err(error) => {
                // The pipeline is stored, and nothing is permitted: its first run asks.
                tracing::warn!(error = %error, "permitting a new pipeline what its creator may use failed");
                None
            }
        };
        Ok(view)
    }

    /// Permits a new pipeline each file that its YAML names and that its creator may permit. None if the YAML cannot run
    /// whatever is given at the start: then it names nothing for sure.
    async fn permit_named(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
    ) -> Result<Option<Authorization>> {
        let runs = self.0.runs();
        let Ok(known) = runs.known(caller, project, pipeline).await else {
            return Ok(None);
        };
        let named: BTreeSet<FileId> = known.secure_files.into_iter().map(FileId).collect();
        let (asked, files) = (caller.clone(), named.clone());
        let given = self
            .0
            .store()
            .write("pipeline.permit_named", move |tx| {
                let (caller, files) = (asked.clone(), files.clone());
                Box::pin(async move {
                    let mut given = BTreeSet::new();
                    for file in files {
                        let act = PermitPipeline {
                            project,
                            file,
                            pipeline,
                        };
                        if tx.may(&caller, &act).await? {
                            let details = [
                                ("pipeline", pipeline.to_string()),
                                ("because", "pipeline created".to_owned()),
                            ];
                            let grant = tx.authorize_with(&caller, act, &details).await?;
                            tx.permission_put(grant, &PermitTerms::default()).await?;
                            given.insert(file);
                        }
                    }
                    Ok(given)
                })
            })
            .await?;
        let mut read = self.0.store().read().await?;
        let open = read.permitted_files(caller, project, PipelineId(0)).await?;
        let mut authorization = Authorization::default();
        let mut missing = Vec::new();
        for file in named {
            let name = read
                .file_reference_by_id(project, file)
                .await?
                .map(|(_, name)| name);
            if given.contains(&file) || open.iter().any(|(id, ..)| *id == file) {
                authorization.permitted.push(PermittedFile {
                    file,
                    name: name.unwrap_or_default(),
                    refs: None,
                });
                continue;
            }
            missing.push(Missing {
                resource: Resource::SecureFile(file),
                name,
                why: Why::NotPermitted,
            });
        }
        authorization.waiting = runs
            .waiting(&mut read, caller, project, pipeline, missing)
            .await?;
        Ok(Some(authorization))
    }

    /// Stores a new revision.
    pub async fn update(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
        text: PipelineText,
    ) -> Result<PipelineView> {
        let new = Arc::new(text.checked()?);
        let details = pipeline_text::details(&new);
        let asked = caller.clone();
        self.0
            .store()
            .write("pipeline.update", move |tx| {
                let (caller, new, details) = (asked.clone(), Arc::clone(&new), details.clone());
                Box::pin(async move {
                    let grant = tx
                        .authorize_with(&caller, EditPipeline { project, pipeline }, &details)
                        .await?;
                    tx.pipeline_update(grant, &new).await
                })
            })
            .await
            .map_err(taken)?;
        self.get(caller, project, pipeline).await
    }
}

fn taken(stop: coffer_store::Stop) -> Error {
    let error = Error::from(stop).about(&PIPELINE);
    if error.kind == Kind::Conflict {
        error.hint("Use another name, or store a new revision with `coffer pipeline update`.")
    } else {
        error
    }
}
