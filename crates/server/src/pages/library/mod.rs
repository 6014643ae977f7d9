//! `{project}/_library`: the Library of a project, with its tabs, as the original's page is addressed. It must not know what a
//! file's own page shows.

mod listing;
#[cfg(test)]
mod samples;
pub(crate) mod upload;

use super::filters;
use super::frame::{Frame, PageKind, Section, Visit};
use super::html::{see_other, show};
use super::paging::Paging;
use crate::error::{ApiError, Result};
use crate::params::file_id;
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use coffer_model::access::{Scope, library as bit};
use coffer_service::{FileRow, FileSort, Guided, LibraryMay};
use http::StatusCode;
use listing::{Asked, TOP};

/// The tab of secure files.
#[derive(Template)]
#[template(path = "library/files.html")]
pub(crate) struct Files {
    pub(crate) frame: Frame,
    pub(crate) project: String,
    pub(crate) tab: Tab,
    pub(crate) may: LibraryMay,
    /// What it takes to upload, for who may not.
    pub(crate) no_upload: Option<Guided>,
    /// What it takes to see anything, for who sees nothing.
    pub(crate) no_view: Option<Guided>,
    pub(crate) asked: Asked,
    pub(crate) paging: Paging,
    pub(crate) files: Vec<FileRow>,
}

impl Files {
    /// Whether there is nothing at all, as far as the visitor sees.
    fn is_empty(&self) -> bool {
        self.files.is_empty() && self.asked.search.is_empty() && !self.paging.is_part
    }
}

/// The tab of variable groups: what is to come.
#[derive(Template)]
#[template(path = "library/groups.html")]
pub(crate) struct Groups {
    pub(crate) frame: Frame,
    pub(crate) project: String,
    pub(crate) tab: Tab,
}

/// What the page has tabs for, by the original's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    VariableGroups,
    SecureFiles,
}

impl Tab {
    /// The tab that an address asks for, in any case. What is unknown is the tab that one comes for.
    fn of(visit: &Visit) -> Self {
        let says = |name, word: &str| {
            let value = visit.params.text(name);
            value.is_some_and(|value| value.eq_ignore_ascii_case(word))
        };
        if says("itemType", "VariableGroups") || says("view", "VariableGroupView") {
            Self::VariableGroups
        } else {
            Self::SecureFiles
        }
    }
}

/// `GET {project}/_library`.
pub(crate) async fn index(visit: Visit, Path(name): Path<String>) -> Result<Response> {
    let project = visit.project(&name).await?;
    let tab = Tab::of(&visit);
    if tab == Tab::VariableGroups {
        let page = Groups {
            frame: visit.frame_of(&project, Section::Library, "Library: variable groups"),
            project: project.name,
            tab,
        };
        return Ok(show(StatusCode::OK, &page.frame, &page));
    }
    // The original's address of a file.
    if let Some(file) = visit.params.filled("secureFileId") {
        return Ok(see_other(&visit.place.file(&project.name, &file_id(file)?)));
    }
    let asked = Asked::read(&visit.params)?;
    let service = &visit.app.service;
    let files = service.files();
    let found = files.page(&visit.caller, project.id, asked.page()).await?;
    let may = service.may_library(&visit.caller, project.id).await?;
    let scope = Scope::Library(project.id);
    let missing = async |may: bool, bit| {
        let words = service.missing(&visit.caller, scope, bit);
        Ok::<_, ApiError>(if may { None } else { Some(words.await?) })
    };
    let page = Files {
        frame: visit.frame_of(&project, Section::Library, "Library").done(
            match visit.params.text("done") {
                Some("deleted") => Some("The file is deleted."),
                _ => None,
            },
        ),
        no_upload: missing(may.create, bit::CREATE).await?,
        no_view: missing(may.view, bit::VIEW).await?,
        project: project.name,
        tab,
        may,
        paging: Paging::of(&found, asked.from, TOP, ["file", "files"]),
        files: found.items,
        asked,
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}
