//! The older way to permit: `build/authorizedresources` is open access, `build/definitions/{id}/resources` the permits of
//! one pipeline. The same state as [`crate::ado::permissions`] shows, through the same use cases.

use crate::App;
use crate::ado::permissions::resource;
use crate::ado::{convert, project};
use crate::auth::Who;
use crate::body::JsonBody;
use crate::error::{ApiError, Result};
use crate::params::{Params, pipeline_id};
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use coffer_model::library::{PermitTerms, Resource};
use coffer_model::{Caller, PipelineId, ProjectId};
use coffer_service::{PermissionChange, PermitChange};
use coffer_wire::permissions::DefinitionResource;

/// `GET build/authorizedresources?type=&id=`: what is open to every pipeline of the project.
pub(crate) async fn open(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    params: Params,
    asked: Asked,
) -> Result<Response> {
    let project = project(&app, &caller, &name).await?.id;
    let mut found = listed(&app, &caller, project, None).await?;
    if let Some(kind) = params.filled("type") {
        found.retain(|one| one.kind.eq_ignore_ascii_case(kind));
    }
    if let Some(id) = params.filled("id") {
        found.retain(|one| one.id.eq_ignore_ascii_case(id));
    }
    Ok(asked.list(found))
}

/// `PATCH build/authorizedresources`: opens or restricts, all or nothing; answers what is open then.
pub(crate) async fn change_open(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    asked: Asked,
    JsonBody(body): JsonBody<Vec<DefinitionResource>>,
) -> Result<Response> {
    let changes = changes(&body, |authorized| PermissionChange {
        all: Some(authorized),
        pipelines: Vec::new(),
    })?;
    let project = project(&app, &caller, &name).await?.id;
    let permissions = app.service.permissions();
    permissions.change_many(&caller, project, changes).await?;
    Ok(asked.list(listed(&app, &caller, project, None).await?))
}

/// `GET build/definitions/{id}/resources`: what one pipeline is permitted to use.
pub(crate) async fn of_definition(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, id)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response> {
    let id = pipeline_id(&id)?;
    let project = project(&app, &caller, &name).await?.id;
    Ok(asked.list(listed(&app, &caller, project, Some(id)).await?))
}

/// `PATCH build/definitions/{id}/resources`: permits or revokes, all or nothing; answers what is permitted then.
pub(crate) async fn change_definition(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, id)): Path<(String, String)>,
    asked: Asked,
    JsonBody(body): JsonBody<Vec<DefinitionResource>>,
) -> Result<Response> {
    let id = pipeline_id(&id)?;
    let changes = changes(&body, |authorized| {
        let change = if authorized {
            PermitChange::Permit(PermitTerms::default())
        } else {
            PermitChange::Revoke
        };
        PermissionChange {
            all: None,
            pipelines: vec![(id, change)],
        }
    })?;
    let project = project(&app, &caller, &name).await?.id;
    let permissions = app.service.permissions();
    permissions.change_many(&caller, project, changes).await?;
    Ok(asked.list(listed(&app, &caller, project, Some(id)).await?))
}

fn changes(
    body: &[DefinitionResource],
    change: impl Fn(bool) -> PermissionChange,
) -> Result<Vec<(Resource, PermissionChange)>> {
    body.iter()
        .map(|one| {
            let authorized = one.authorized.ok_or_else(|| {
                ApiError::argument("Each element of the body needs 'authorized': true or false.")
            })?;
            Ok((resource(&one.kind, &one.id)?, change(authorized)))
        })
        .collect()
}

async fn listed(
    app: &App,
    caller: &Caller,
    project: ProjectId,
    pipeline: Option<PipelineId>,
) -> Result<Vec<DefinitionResource>> {
    let permissions = app.service.permissions();
    let found = permissions.permitted(caller, project, pipeline).await?;
    Ok(found.into_iter().map(convert::permitted).collect())
}
