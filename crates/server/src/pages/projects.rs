//! `/`: the projects that somebody may see, each with its way in. It must not know what a project holds.

use super::frame::{Frame, PageKind, Section, Visit};
use super::html::{see_other, show};
use crate::error::Result;
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;

/// The list of projects.
#[derive(Template)]
#[template(path = "projects.html")]
pub(crate) struct Projects {
    pub(crate) frame: Frame,
    pub(crate) organization: String,
    pub(crate) projects: Vec<String>,
}

/// `GET /`.
pub(crate) async fn index(visit: Visit) -> Result<Response> {
    let projects = visit.app.service.projects().list(&visit.caller).await?;
    let page = Projects {
        frame: visit.frame(Section::Elsewhere, "Projects"),
        organization: visit.app.service.organization().name.clone(),
        projects: projects.into_iter().map(|project| project.name).collect(),
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}

/// `GET {project}`: on to its Library.
pub(crate) async fn project(visit: Visit, Path(name): Path<String>) -> Result<Response> {
    let project = visit.project(&name).await?;
    Ok(see_other(&visit.place.library(&project.name)))
}
