//! Users and their groups.

use crate::App;
use crate::auth::Who;
use crate::body::JsonBody;
use crate::coffer::convert;
use crate::error::Result;
use crate::version::Asked;
use axum::extract::State;
use axum::response::Response;
use coffer_wire::coffer::User;

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
