//! `/account`: what a signed-in person sees and changes of their own. It must not know how anything is stored.

use super::guard::{Form, FormToken, Session};
use super::html::{escape, page, see_other};
use crate::App;
use crate::ado::convert;
use crate::error::{ApiError, Result};
use axum::extract::State;
use axum::response::Response;
use coffer_model::CredentialId;
use coffer_service::{MIN_PASSWORD, TokenKind};
use http::StatusCode;
use std::fmt::Write as _;
use uuid::Uuid;

/// `GET /account`.
pub(crate) async fn overview(
    State(app): State<App>,
    token: FormToken,
    Session(session): Session,
) -> Result<Response> {
    let prefix = app.urls.prefix();
    let me = app.service.people().me(&session.caller).await?;
    let sessions = app.service.sessions().list(&session.caller).await?;
    let input = token.input();
    let mut rows = String::new();
    for other in sessions {
        let this = if other.id == session.id {
            " (this one)"
        } else {
            ""
        };
        _ = write!(
            rows,
            "<tr><td>{}{this}</td><td>{}</td><td>{}</td><td><form method=\"post\" action=\"{prefix}/account/sessions\">{input}\
             <input type=\"hidden\" name=\"id\" value=\"{}\"><button>End it</button></form></td></tr>",
            escape(&other.method),
            escape(&other.address),
            escape(&convert::date(other.signed_in)),
            other.id,
        );
    }
    let body = format!(
        "<p>Signed in as {name} ({unique}).</p>\
         <form method=\"post\" action=\"{prefix}/signout\">{input}<button>Sign out</button></form>\
         <section><h2>Sessions</h2><table><tr><th>Signed in by</th><th>From</th><th>Since</th><th></th></tr>{rows}</table></section>\
         <section><h2>Change the password</h2><form method=\"post\" action=\"{prefix}/account/password\">{input}\
         <label for=\"current\">Current password</label>\
         <input id=\"current\" name=\"current\" type=\"password\" autocomplete=\"current-password\" required>\
         <label for=\"new\">New password, at least {MIN_PASSWORD} characters</label>\
         <input id=\"new\" name=\"new\" type=\"password\" autocomplete=\"new-password\" required>\
         <label for=\"again\">The same again</label>\
         <input id=\"again\" name=\"again\" type=\"password\" autocomplete=\"new-password\" required>\
         <button>Change it</button></form></section>\
         <section><h2>Make a token</h2><form method=\"post\" action=\"{prefix}/account/tokens\">{input}\
         <label for=\"label\">What it is for</label><input id=\"label\" name=\"label\" required>\
         <label for=\"days\">Days until it ends</label><input id=\"days\" name=\"days\" type=\"number\" value=\"30\" min=\"1\" required>\
         <button>Make it</button></form></section>",
        name = escape(&me.display_name),
        unique = escape(&me.unique_name),
    );
    Ok(page(StatusCode::OK, "Your account", &body))
}

/// `POST /account/password`.
pub(crate) async fn password(
    State(app): State<App>,
    Session(session): Session,
    form: Form,
) -> Result<Response> {
    let new = form.secret("new");
    if *new != *form.secret("again") {
        return Err(ApiError::argument(
            "The two new passwords are not the same. Nothing was changed.",
        ));
    }
    let current = form.secret("current");
    app.service
        .passwords()
        .change(&session.caller, &current, &new)
        .await?;
    let body = format!(
        "<p role=\"status\">The password is changed, and your other sessions are over.</p>\
         <p><a href=\"{}/account\">Your account</a></p>",
        app.urls.prefix()
    );
    Ok(page(StatusCode::OK, "Password changed", &body))
}

/// `POST /account/tokens`: the answer is the only place where the token is seen.
pub(crate) async fn create_token(
    State(app): State<App>,
    Session(session): Session,
    form: Form,
) -> Result<Response> {
    let days = form
        .field("days")
        .parse()
        .map_err(|_| ApiError::argument("The days until the token ends are a whole number."))?;
    let new = app
        .service
        .people()
        .create_token(
            &session.caller,
            form.field("label"),
            days,
            None,
            TokenKind::Pat,
        )
        .await?;
    let body = format!(
        "<p role=\"status\">The token is made. It is shown this once:</p><p><code>{}</code></p>\
         <p>It ends on {}.</p><p><a href=\"{}/account\">Your account</a></p>",
        escape(&new.token),
        escape(&convert::date(new.expires_at)),
        app.urls.prefix()
    );
    Ok(page(StatusCode::OK, "Token made", &body))
}

/// `POST /account/sessions`: ends one.
pub(crate) async fn end_session(
    State(app): State<App>,
    Session(session): Session,
    form: Form,
) -> Result<Response> {
    let id = Uuid::parse_str(form.field("id"))
        .map_err(|_| ApiError::argument("There is no such session."))?;
    app.service
        .sessions()
        .end(&session.caller, CredentialId(id))
        .await?;
    Ok(see_other(&format!("{}/account", app.urls.prefix())))
}
