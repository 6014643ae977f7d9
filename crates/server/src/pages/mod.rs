//! What is outside the API: whether the server lives, and the pages for people.
//!
//! A page is made by the server from a template in `templates/` and works without a script. A dialog is a page as well: with
//! a script, its content is shown over the page that leads to it. `frame` has what surrounds each, and all their addresses.

pub(crate) mod account;
pub(crate) mod assets;
pub(crate) mod file;
pub(crate) mod filters;
pub(crate) mod frame;
pub(crate) mod guard;
pub(crate) mod html;
pub(crate) mod library;
pub(crate) mod paging;
pub(crate) mod pipelines;
pub(crate) mod projects;
pub(crate) mod provider;
pub(crate) mod reference;
pub(crate) mod run;
pub(crate) mod security;
pub(crate) mod sign_in;

#[cfg(test)]
mod samples;

use crate::App;
use crate::error::ApiError;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use coffer_service::Standing;
use http::header::CONTENT_TYPE;
use std::time::Duration;
use tokio::time::timeout;

/// How long the database may take to show that it is there.
const READY: Duration = Duration::from_secs(5);

fn body(standing: &Standing) -> &'static str {
    match (standing.keys_answer, standing.rotation.fails()) {
        (true, false) => r#"{"status":"ready"}"#,
        (false, false) => r#"{"status":"degraded"}"#,
        (true, true) => r#"{"status":"ready","rotation":"failing"}"#,
        (false, true) => r#"{"status":"degraded","rotation":"failing"}"#,
    }
}

/// `GET /healthz`: the process answers. Says nothing about its keys or its database.
pub(crate) async fn health() -> Response {
    (
        [(CONTENT_TYPE, "application/json; charset=utf-8")],
        r#"{"status":"ok"}"#,
    )
        .into_response()
}

/// `GET /readyz`: requests can be served; `degraded` while a key provider does not answer, and whether a rotation of keys
/// does not go on. Neither is a reason not to be asked. What is behind it is for the log.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let failed = match timeout(READY, app.service.ready()).await {
        Ok(Ok(standing)) => {
            let kind = [(CONTENT_TYPE, "application/json; charset=utf-8")];
            return (kind, body(&standing)).into_response();
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    tracing::warn!(
        cause = failed,
        "the server is not ready: its database does not answer as it should"
    );
    ApiError::unavailable("The server is not ready. Its log says why.").into_response()
}
