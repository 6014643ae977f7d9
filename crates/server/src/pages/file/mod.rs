//! One secure file: its page, and the dialogs for deleting it and for the pipelines that may use it. It must not know what a
//! file's content is.

pub(crate) mod delete;
mod events;
pub(crate) mod permissions;
mod properties;
#[cfg(test)]
mod samples;
pub(crate) mod show;
mod yaml;

use super::frame::{Place, Visit};
use crate::error::Result;
use crate::params::file_id;
use coffer_model::FileId;
use coffer_model::library::Project;

/// What a dialog is about: a file, or the Library of a project as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) project: Project,
    /// The file's id and name; none for the Library.
    pub(crate) file: Option<FileId>,
    pub(crate) name: Option<String>,
}

impl Subject {
    pub(crate) fn library(project: Project) -> Self {
        Self {
            project,
            file: None,
            name: None,
        }
    }

    /// The file that a path names, as far as the visitor may see it. Foreign, absent and hidden get one answer.
    pub(crate) async fn file(visit: &Visit, project: &str, file: &str) -> Result<(Self, FileId)> {
        let id = file_id(file)?;
        let project = visit.project(project).await?;
        let files = visit.app.service.files();
        let found = files.find(&visit.caller, project.id, id).await?;
        let subject = Self {
            project,
            file: Some(id),
            name: Some(found.name),
        };
        Ok((subject, id))
    }

    /// Its own page.
    pub(crate) fn page(&self, place: &Place) -> String {
        match &self.file {
            Some(file) => place.file(&self.project.name, file),
            None => place.library(&self.project.name),
        }
    }

    /// The dialog of its roles.
    pub(crate) fn security(&self, place: &Place) -> String {
        match &self.file {
            Some(file) => place.file_security(&self.project.name, file),
            None => place.library_security(&self.project.name),
        }
    }
}
