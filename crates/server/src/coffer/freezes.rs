//! Freezes of files, of projects, of everything.

use crate::App;
use crate::ado::convert::freeze;
use crate::ado::project;
use crate::auth::Who;
use crate::body::JsonBody;
use crate::error::Result;
use crate::params::file_id;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use coffer_model::library::{Freeze, FreezeTarget};
use coffer_wire::access::FreezeRequest;
use http::StatusCode;

fn list(asked: &Asked, freezes: &[Freeze]) -> Response {
    asked.list(freezes.iter().map(freeze).collect())
}

/// `GET …/securefiles/{id}/freeze`: the freezes that hold a file.
pub(crate) async fn of_file(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, file)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response> {
    let file = file_id(&file)?;
    let project = project(&app, &caller, &name).await?.id;
    let freezes = app.service.freezes();
    Ok(list(
        &asked,
        &freezes.of_file(&caller, project, file).await?,
    ))
}

/// `PUT …/securefiles/{id}/freeze`; answers the freezes that hold the file.
pub(crate) async fn freeze_file(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, file)): Path<(String, String)>,
    asked: Asked,
    JsonBody(body): JsonBody<FreezeRequest>,
) -> Result<Response> {
    let file = file_id(&file)?;
    let project = project(&app, &caller, &name).await?.id;
    let (freezes, target) = (app.service.freezes(), FreezeTarget::File(file));
    freezes
        .freeze(&caller, Some(project), target, &body.reason)
        .await?;
    Ok(list(
        &asked,
        &freezes.of_file(&caller, project, file).await?,
    ))
}

/// `DELETE …/securefiles/{id}/freeze`.
pub(crate) async fn unfreeze_file(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, file)): Path<(String, String)>,
) -> Result<StatusCode> {
    let file = file_id(&file)?;
    let project = project(&app, &caller, &name).await?.id;
    let (freezes, target) = (app.service.freezes(), FreezeTarget::File(file));
    freezes.unfreeze(&caller, Some(project), target).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET {project}/…/freeze`: all that holds files of the project, as far as the caller may see them.
pub(crate) async fn of_project(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Response> {
    let project = project(&app, &caller, &name).await?.id;
    let freezes = app.service.freezes();
    Ok(list(&asked, &freezes.of_project(&caller, project).await?))
}

/// `PUT {project}/…/freeze`.
pub(crate) async fn freeze_project(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    asked: Asked,
    JsonBody(body): JsonBody<FreezeRequest>,
) -> Result<Response> {
    let project = project(&app, &caller, &name).await?.id;
    let (freezes, target) = (app.service.freezes(), FreezeTarget::Project(project));
    freezes.freeze(&caller, None, target, &body.reason).await?;
    Ok(list(&asked, &freezes.of_project(&caller, project).await?))
}

/// `DELETE {project}/…/freeze`.
pub(crate) async fn unfreeze_project(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
) -> Result<StatusCode> {
    let project = project(&app, &caller, &name).await?.id;
    let (freezes, target) = (app.service.freezes(), FreezeTarget::Project(project));
    freezes.unfreeze(&caller, None, target).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET coffer/freeze`: whether everything is frozen.
pub(crate) async fn of_everything(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
) -> Result<Response> {
    let freezes = app.service.freezes();
    Ok(list(&asked, &freezes.of_everything(&caller).await?))
}

/// `PUT coffer/freeze`.
pub(crate) async fn freeze_everything(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    JsonBody(body): JsonBody<FreezeRequest>,
) -> Result<Response> {
    let (freezes, target) = (app.service.freezes(), FreezeTarget::Everything);
    freezes.freeze(&caller, None, target, &body.reason).await?;
    Ok(list(&asked, &freezes.of_everything(&caller).await?))
}

/// `DELETE coffer/freeze`.
pub(crate) async fn unfreeze_everything(
    State(app): State<App>,
    Who(caller): Who,
) -> Result<StatusCode> {
    let (freezes, target) = (app.service.freezes(), FreezeTarget::Everything);
    freezes.unfreeze(&caller, None, target).await?;
    Ok(StatusCode::NO_CONTENT)
}
