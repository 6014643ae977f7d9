//! What is outside the API: whether the server lives, where a person went wrong, and the pages for signing in.

pub(crate) mod account;
pub(crate) mod guard;
pub(crate) mod html;
pub(crate) mod provider;
pub(crate) mod sign_in;

use crate::App;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

/// `GET /healthz`: the process answers. Says nothing about its keys or its database.
pub(crate) async fn health() -> Response {
    (
        [(CONTENT_TYPE, "application/json; charset=utf-8")],
        r#"{"status":"ok"}"#,
    )
        .into_response()
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
