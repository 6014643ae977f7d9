//! Routes of the Azure DevOps REST API, as unmodified clients call them. One file per resource area.

pub(crate) mod authorized_resources;
pub(crate) mod builds;
pub(crate) mod convert;
pub(crate) mod directory;
pub(crate) mod graph;
pub(crate) mod location;
pub(crate) mod permissions;
pub(crate) mod pipelines;
pub(crate) mod processes;
pub(crate) mod projects;
pub(crate) mod roles;
pub(crate) mod secure_files;
pub(crate) mod security;
pub(crate) mod tasks;

use crate::App;
use crate::error::{ApiError, Result};
use coffer_model::Caller;
use coffer_model::library::Project;

/// The project that a path names, by name or id.
pub(crate) async fn project(app: &App, caller: &Caller, name: &str) -> Result<Project> {
    let found = app.service.projects().find(caller, name).await;
    found.map_err(|error| ApiError::from(error).naming_project(name))
}
