//! What is outside the API: whether the server lives, where a person went wrong, and the pages for signing in.

pub(crate) mod account;
pub(crate) mod guard;
pub(crate) mod html;
pub(crate) mod provider;
pub(crate) mod reference;
pub(crate) mod sign_in;

use crate::App;
use crate::error::ApiError;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use std::time::Duration;
use tokio::time::timeout;

/// How long the database may take to show that it is there.
const READY: Duration = Duration::from_secs(5);

/// `GET /healthz`: the process answers. Says nothing about its keys or its database.
pub(crate) async fn health() -> Response {
    (
        [(CONTENT_TYPE, "application/json; charset=utf-8")],
        r#"{"status":"ok"}"#,
    )
        .into_response()
}

/// `GET /readyz`: requests can be served. The reason why not is for the log.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let failed = match timeout(READY, app.service.ready()).await {
        Ok(Ok(())) => {
            let kind = [(CONTENT_TYPE, "application/json; charset=utf-8")];
            return (kind, r#"{"status":"ready"}"#).into_response();
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

/// `GET /`: what this is.
pub(crate) async fn about(State(app): State<App>) -> String {
    format!(
        "Coffer {}: secure files for pipelines.\n\n\
         The API is at {}/{{organization}}/{{project}}/_apis; this server's organization is {}.\n\
         Sign in and upload with the command line: coffer --help\n",
        env!("CARGO_PKG_VERSION"),
        app.urls.prefix(),
        app.service.organization().name,
    )
}
