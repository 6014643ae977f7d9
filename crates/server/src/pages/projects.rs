//! `/`: the projects that somebody may see, each with its way in. It must not know what a project holds.

use super::filters;
use super::frame::{Frame, PageKind, Section, Visit};
use super::html::{see_other, show};
use crate::error::Result;
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;

/// Most projects on the page; the others are searched for.
const TOP: u32 = 100;

/// The list of projects.
#[derive(Template)]
#[template(path = "projects.html")]
pub(crate) struct Projects {
    pub(crate) frame: Frame,
    pub(crate) organization: String,
    pub(crate) search: String,
    pub(crate) projects: Vec<Entry>,
    /// Whether there are more than are shown.
    pub(crate) more: bool,
}

/// A project in the list.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) description: String,
}

impl Projects {
    /// Whether somebody looks for one among many.
    fn is_searched(&self) -> bool {
        self.more || !self.search.is_empty()
    }
}

/// `GET /`.
pub(crate) async fn index(visit: Visit) -> Result<Response> {
    let search = visit.params.text("search").unwrap_or_default().trim();
    let projects = visit.app.service.projects();
    let found = projects.page(&visit.caller, search, 0, TOP).await?;
    let page = Projects {
        frame: visit.frame(Section::Elsewhere, "Projects"),
        organization: visit.app.service.organization().name.clone(),
        search: search.to_owned(),
        more: found.is_before,
        projects: found
            .items
            .into_iter()
            .map(|row| Entry {
                name: row.project.name,
                description: row.description,
            })
            .collect(),
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}

/// `GET {project}`: on to its Library.
pub(crate) async fn project(visit: Visit, Path(name): Path<String>) -> Result<Response> {
    let project = visit.project(&name).await?;
    Ok(see_other(&visit.place.library(&project.name)))
}
