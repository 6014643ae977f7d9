//! Users and their groups.

use crate::App;
use crate::auth::Who;
use crate::body::JsonBody;
use crate::coffer::convert;
use crate::error::{ApiError, Result};
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use coffer_model::IdentityId;
use coffer_wire::coffer::{User, UserChange};
use uuid::Uuid;

/// `GET coffer/users`.
pub(crate) async fn list(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
) -> Result<Response> {
    let users = app.service.people().list(&caller).await?;
    Ok(asked.list(users.into_iter().map(convert::user).collect()))
}

/// `POST coffer/users`.
pub(crate) async fn add(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    JsonBody(body): JsonBody<User>,
) -> Result<Response> {
    let groups = body.groups.into_iter().map(|g| (g.project, g.name));
    let people = app.service.people();
    let user = people
        .add(
            &caller,
            &body.unique_name,
            body.display_name,
            groups.collect(),
        )
        .await?;
    Ok(asked.json(&convert::user(user)))
}

/// `PATCH coffer/users/{userId}`: the name to be seen by, and whether the person is shut out.
pub(crate) async fn change(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<UserChange>,
) -> Result<Response> {
    if body == UserChange::default() {
        return Err(ApiError::argument(
            "The change names nothing. Give 'displayName' or 'disabled'.",
        ));
    }
    let id = IdentityId(Uuid::parse_str(&id).unwrap_or_else(|_| Uuid::nil()));
    let directory = app.service.directory();
    if let Some(name) = body.display_name {
        directory.rename_person(&caller, id, &name).await?;
    }
    if let Some(disabled) = body.disabled {
        directory.set_disabled(&caller, id, disabled).await?;
    }
    let user = app.service.people().one(&caller, id).await?;
    Ok(asked.json(&convert::user(user)))
}
