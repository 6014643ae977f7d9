//! Pipelines: a name and its YAML, a revision for each change.

use crate::Service;
use crate::error::{Error, Kind, PIPELINE, Result};
use coffer_model::act::{CreatePipeline, EditPipeline, ViewPipelines};
use coffer_model::{Caller, PipelineId, ProjectId, name};
use coffer_store::{PipelineRow, Refusal};

/// Longest YAML, bytes. The parser has the same limit.
const MAX_YAML: usize = 1024 * 1024;

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
}

/// Name and YAML of a pipeline.
#[derive(Clone, Debug)]
pub struct PipelineText {
    /// Its name.
    pub name: String,
    /// Its folder; `\` is the root.
    pub folder: String,
    /// The path shown in errors.
    pub path: String,
    /// The YAML.
    pub yaml: String,
}

impl PipelineText {
    /// The text, if its parts are fit. The YAML is not judged here: a pipeline may be stored before it is right.
    fn checked(self) -> Result<coffer_store::PipelineText> {
        if !name::is_fit(&self.name) {
            return Err(Error::invalid(
                "A pipeline's name is visible text of at most 255 bytes, without slashes.",
            ));
        }
        if self.yaml.len() > MAX_YAML {
            return Err(Error::invalid(format!(
                "A pipeline's YAML is at most {MAX_YAML} bytes."
            )));
        }
        if self.path.len() > 260 || self.path.chars().any(char::is_control) {
            return Err(Error::invalid(
                "A pipeline's path is visible text of at most 260 bytes.",
            ));
        }
        let folder = match self.folder.trim_end_matches('\\') {
            "" => "\\".to_owned(),
            folder => folder.to_owned(),
        };
        if folder.len() > 400 || !folder.starts_with('\\') || folder.chars().any(char::is_control) {
            return Err(Error::invalid(
                "A pipeline's folder begins with '\\' and is at most 400 bytes.",
            ));
        }
        let path = if self.path.is_empty() {
            "azure-pipelines.yml".into()
        } else {
            self.path
        };
        Ok(coffer_store::PipelineText {
            name: self.name,
            folder,
            path,
            yaml: self.yaml,
        })
    }
}

pub(crate) fn view(row: PipelineRow, with_text: bool) -> PipelineView {
    PipelineView {
        id: PipelineId(row.id),
        name: row.name,
        folder: row.folder,
        revision: row.revision,
        path: row.path,
        yaml: with_text.then_some(row.yaml),
    }
}

pub(crate) fn not_found() -> Error {
    Error::from(Refusal::NotFound).about(&PIPELINE)
}

impl Pipelines<'_> {
    /// The pipelines of a project.
    pub async fn list(&self, caller: &Caller, project: ProjectId) -> Result<Vec<PipelineView>> {
        let mut read = self.0.store().read().await?;
        let seen = read.look(caller, ViewPipelines { project }).await?;
        Ok(read
            .pipelines(&seen)
            .await?
            .into_iter()
            .map(|row| view(row, false))
            .collect())
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
            .look(caller, ViewPipelines { project })
            .await
            .map_err(|stop| Error::from(stop).about(&PIPELINE))?;
        read.pipeline(&seen, pipeline)
            .await?
            .map(|row| view(row, true))
            .ok_or_else(not_found)
    }

    /// Stores a pipeline.
    pub async fn create(
        &self,
        caller: &Caller,
        project: ProjectId,
        text: PipelineText,
    ) -> Result<PipelineView> {
        let new = text.checked()?;
        let asked = caller.clone();
        let id = self
            .0
            .store()
            .write("pipeline.create", move |tx| {
                let (caller, new) = (asked.clone(), new.clone());
                Box::pin(async move {
                    let details = [("name", new.name.clone())];
                    let grant = tx
                        .authorize_with(&caller, CreatePipeline { project }, &details)
                        .await?;
                    tx.pipeline_insert(grant, &new).await
                })
            })
            .await
            .map_err(taken)?;
        self.get(caller, project, id).await
    }

    /// Stores a new revision.
    pub async fn update(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
        text: PipelineText,
    ) -> Result<PipelineView> {
        let new = text.checked()?;
        let asked = caller.clone();
        self.0
            .store()
            .write("pipeline.update", move |tx| {
                let (caller, new) = (asked.clone(), new.clone());
                Box::pin(async move {
                    let details = [("name", new.name.clone())];
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
