//! The secure files that a pipeline's YAML names as it is now, and whether it may use each: for its page.

use crate::error::Error;
use crate::error::{PIPELINE, Result};
use crate::pipelines::{Pipelines, not_found};
use crate::run_views::Waiting;
use coffer_model::act::ViewPipeline;
use coffer_model::library::Resource;
use coffer_model::refs::AllowedRefs;
use coffer_model::{Caller, FileId, PipelineId, ProjectId};
use coffer_store::{Missing, Why};
use std::collections::BTreeSet;

/// A secure file that a pipeline names.
#[derive(Clone, Debug)]
pub struct NamedFile {
    /// The file.
    pub file: FileId,
    /// Its name; none for who may not see the file, who hears nothing else of it either.
    pub name: Option<String>,
    /// Whether the pipeline may use it.
    pub permit: NamedPermit,
}

/// Whether a pipeline may use a file that it names.
#[derive(Clone, Debug)]
pub enum NamedPermit {
    /// It may.
    Yes,
    /// It may, on these refs.
    OnRefs(AllowedRefs),
    /// It may not: its next run waits.
    No(Box<Waiting>),
}

/// What a pipeline's YAML names.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Secure files, as far as they do not depend on `parameters`.
    pub files: Vec<NamedFile>,
    /// Parameters that whoever starts a run must give.
    pub parameters: Vec<String>,
}

impl Pipelines<'_> {
    /// What the YAML names. An error when it cannot run whatever is given at the start: then it names nothing for sure.
    pub async fn named_files(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
    ) -> Result<Names> {
        let runs = self.0.runs();
        let known = runs.known(caller, project, pipeline).await?;
        let named: BTreeSet<FileId> = known.secure_files.into_iter().map(FileId).collect();
        let mut read = self.0.store().read().await?;
        let look = read.look(caller, ViewPipeline { project, pipeline }).await;
        let seen = look.map_err(|stop| Error::from(stop).about(&PIPELINE))?;
        read.pipeline(&seen).await?.ok_or_else(not_found)?;
        let mut permitted = read.permitted_files(caller, project, PipelineId(0)).await?;
        permitted.extend(read.permitted_files(caller, project, pipeline).await?);
        let (mut files, mut missing) = (Vec::new(), Vec::new());
        for file in named {
            if let Some((_, name, refs)) = permitted.iter().find(|(id, ..)| *id == file) {
                files.push(NamedFile {
                    file,
                    name: Some(name.clone()),
                    permit: match refs {
                        Some(refs) => NamedPermit::OnRefs(refs.clone()),
                        None => NamedPermit::Yes,
                    },
                });
                continue;
            }
            let reference = read.file_reference_by_id(project, file).await?;
            missing.push(Missing {
                resource: Resource::SecureFile(file),
                name: reference.map(|(_, name)| name),
                why: Why::NotPermitted,
            });
        }
        let waiting = runs
            .waiting(&mut read, caller, project, pipeline, missing)
            .await?;
        files.extend(waiting.into_iter().map(|waiting| {
            let Resource::SecureFile(file) = waiting.resource;
            NamedFile {
                file,
                name: waiting.name.clone(),
                permit: NamedPermit::No(Box::new(waiting)),
            }
        }));
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Names {
            files,
            parameters: known.parameters,
        })
    }
}
