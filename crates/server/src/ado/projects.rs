//! Projects as the original's clients see them, and the operations that create and change them.
//!
//! What the original does in the background is over here when it is answered. Its operation has the project's own id.

use crate::App;
use crate::ado::convert::date;
use crate::ado::directory::CONTINUATION;
use crate::ado::processes;
use crate::auth::Who;
use crate::body::JsonBody;
use crate::error::{ApiError, Result};
use crate::params::Params;
use crate::urls::Links;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use coffer_model::ProjectId;
use coffer_model::library::IdentityKind;
use coffer_service::{Home, ProjectRow};
use coffer_wire::enums::{OperationStatus, ProjectState, ProjectVisibility};
use coffer_wire::graph::{OperationReference, TeamProject, TeamProjectChange};
use coffer_wire::paths::core as paths;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

/// The group that stands where the original has a team.
const TEAM: &str = "Contributors";
/// The most projects on a page.
const MOST: usize = 1000;

fn project(links: &Links, row: &ProjectRow) -> TeamProject {
    let id = row.project.id.to_string();
    TeamProject {
        name: row.project.name.clone(),
        description: Some(row.description.clone()).filter(|text| !text.is_empty()),
        url: links.to(paths::PROJECT, &[&id]),
        state: ProjectState::WellFormed,
        revision: row.revision,
        visibility: ProjectVisibility::Private,
        last_update_time: date(row.changed_at),
        id,
        ..TeamProject::default()
    }
}

/// `GET projects?stateFilter=&$top=&$skip=&continuationToken=`.
pub(crate) async fn list(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    params: Params,
) -> Result<Response> {
    let state = params.one_of("stateFilter")?.unwrap_or_default();
    let wanted = matches!(state, ProjectState::All | ProjectState::WellFormed);
    let top = params.number::<usize>("$top")?.unwrap_or(MOST).min(MOST);
    let skip = match params.number::<usize>("continuationToken")? {
        Some(place) => place,
        None => params.number::<usize>("$skip")?.unwrap_or(0),
    };
    let rows = app.service.projects().rows(&caller).await?;
    let shown: Vec<_> = rows
        .iter()
        .filter(|_| wanted)
        .skip(skip)
        .take(top)
        .map(|row| project(&links, row))
        .collect();
    let next = skip.saturating_add(shown.len());
    let more = wanted && !shown.is_empty() && next < rows.len();
    let mut response = asked.list(shown);
    if more && let Ok(value) = HeaderValue::from_str(&next.to_string()) {
        response.headers_mut().insert(CONTINUATION, value);
    }
    Ok(response)
}

/// `GET projects/{projectId}?includeCapabilities=`, by name or id.
pub(crate) async fn get(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    params: Params,
    Path(text): Path<String>,
) -> Result<Response> {
    let row = app.service.projects().row(&caller, &text).await?;
    let mut shown = project(&links, &row);
    shown.links = json!({ "self": { "href": shown.url } });
    shown.default_team = default_team(&app, &caller, &links, row.project.id).await;
    if params.flag("includeCapabilities")? {
        shown.capabilities = json!({
            "processTemplate": {
                "templateName": processes::NAME,
                "templateTypeId": processes::ID,
            },
            "versioncontrol": {
                "sourceControlType": "Git",
                "gitEnabled": "True",
                "tfvcEnabled": "False",
            },
        });
    }
    Ok(asked.json(&shown))
}

/// The group of those who work in the project, for clients that read a team's id there. Nothing for who may not see it.
async fn default_team(
    app: &App,
    caller: &coffer_model::Caller,
    links: &Links,
    project: ProjectId,
) -> Value {
    let directory = app.service.directory();
    let groups = directory
        .page(
            caller,
            Some(IdentityKind::Group),
            Home::Project(project),
            None,
            None,
        )
        .await;
    let found = groups.ok().and_then(|page| {
        let mut groups = page.identities.into_iter();
        groups.find(|group| group.standard && group.display_name == TEAM)
    });
    found.map_or(Value::Null, |group| {
        let id = group.id.to_string();
        let url = links.to(paths::PROJECT, &[&project.to_string()]);
        json!({ "id": id, "name": group.display_name, "url": format!("{url}/teams/{id}") })
    })
}

fn accepted(asked: &Asked, links: &Links, project: ProjectId) -> Response {
    let operation = operation(links, project);
    (StatusCode::ACCEPTED, asked.json(&operation)).into_response()
}

fn operation(links: &Links, project: ProjectId) -> OperationReference {
    OperationReference {
        id: project.0,
        status: OperationStatus::Succeeded,
        url: links.to(paths::OPERATION, &[&project.to_string()]),
    }
}

fn private_only(visibility: Option<ProjectVisibility>) -> Result<()> {
    match visibility {
        None | Some(ProjectVisibility::Private | ProjectVisibility::Unchanged) => Ok(()),
        Some(_) => Err(ApiError::not_supported(
            "Projects are private here. Leave 'visibility' out, or say 'private'.",
        )),
    }
}

/// `POST projects`.
pub(crate) async fn create(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    JsonBody(body): JsonBody<TeamProjectChange>,
) -> Result<Response> {
    private_only(body.visibility)?;
    let Some(name) = body.name else {
        return Err(ApiError::argument("Give the new project's 'name'."));
    };
    let projects = app.service.projects();
    let made = projects.create(&caller, &name).await?;
    if let Some(description) = body.description.filter(|text| !text.is_empty()) {
        projects
            .change(&caller, made.id, None, Some(description))
            .await?;
    }
    Ok(accepted(&asked, &links, made.id))
}

/// `PATCH projects/{projectId}`: name, description.
pub(crate) async fn change(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    Path(text): Path<String>,
    JsonBody(body): JsonBody<TeamProjectChange>,
) -> Result<Response> {
    private_only(body.visibility)?;
    let projects = app.service.projects();
    let found = projects.find(&caller, &text).await?;
    projects
        .change(&caller, found.id, body.name, body.description)
        .await?;
    Ok(accepted(&asked, &links, found.id))
}

/// `DELETE projects/{projectId}`: not served yet.
pub(crate) async fn delete(
    State(app): State<App>,
    Who(caller): Who,
    Path(text): Path<String>,
) -> Result<Response> {
    app.service.projects().find(&caller, &text).await?;
    Err(ApiError::not_supported(
        "Projects cannot be deleted yet. Delete their secure files, and take people out of their groups.",
    ))
}

/// `GET operations/{operationId}`.
pub(crate) async fn operation_of(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    Path(text): Path<String>,
) -> Result<Response> {
    let absent = || ApiError::no_such("operation.not_found", "There is no such operation.");
    let id = uuid::Uuid::parse_str(&text).map_err(|_| absent())?;
    let rows = app.service.projects().list(&caller).await?;
    let found = rows.iter().find(|project| project.id.0 == id);
    let found = found.ok_or_else(absent)?;
    Ok(asked.json(&operation(&links, found.id)))
}
