//! Projects.

use crate::App;
use crate::auth::Who;
use crate::body::JsonBody;
use crate::coffer::convert;
use crate::error::Result;
use crate::version::Asked;
use axum::extract::State;
use axum::response::Response;
use coffer_wire::coffer::Project;

/// `GET coffer/projects`: those the caller may see.
pub(crate) async fn list(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
) -> Result<Response> {
    let projects = app.service.projects().list(&caller).await?;
    Ok(asked.list(projects.into_iter().map(convert::project).collect()))
}

/// `POST coffer/projects`.
pub(crate) async fn create(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    JsonBody(body): JsonBody<Project>,
) -> Result<Response> {
    let projects = app.service.projects();
    let project = projects.create(&caller, &body.name).await?;
    Ok(asked.json(&convert::project(project)))
}
