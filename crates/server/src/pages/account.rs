//! `/account`: what a signed-in person sees and changes of their own. It must not know how anything is stored.

use super::frame::{Section, Visit};
use super::guard::{Form, FormToken, Session};
use super::html::{escape, plain, see_other};
use crate::App;
use crate::ado::convert;
use crate::error::{ApiError, Result};
use axum::extract::State;
use axum::response::Response;
use coffer_model::{Caller, CredentialId};
use coffer_service::{MIN_PASSWORD, TokenKind, TokenWish};
use http::StatusCode;
use std::fmt::Write as _;
use uuid::Uuid;

/// `GET /account`.
pub(crate) async fn overview(
    State(app): State<App>,
    visit: Visit,
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
         <section><h2>Second factor</h2>{second}</section>\
         <section><h2>Make a token</h2><form method=\"post\" action=\"{prefix}/account/tokens\">{input}\
         <label for=\"label\">What it is for</label><input id=\"label\" name=\"label\" required>\
         <label for=\"scope\">What it is good for, such as vso.securefiles_read; empty for everything</label>\
         <input id=\"scope\" name=\"scope\">\
         <label for=\"days\">Days until it ends</label><input id=\"days\" name=\"days\" type=\"number\" value=\"30\" min=\"1\" required>\
         <button>Make it</button></form></section>",
        name = escape(&me.display_name),
        unique = escape(&me.unique_name),
        second = second_factor_part(&app, &session.caller, &input).await?,
    );
    Ok(plain(
        StatusCode::OK,
        visit.frame(Section::Account, "Your account"),
        &body,
    ))
}

/// `POST /account/password`.
pub(crate) async fn password(
    State(app): State<App>,
    visit: Visit,
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
    Ok(plain(
        StatusCode::OK,
        visit.frame(Section::Account, "Password changed"),
        &body,
    ))
}

/// `POST /account/tokens`: the answer is the only place where the token is seen.
pub(crate) async fn create_token(
    State(app): State<App>,
    visit: Visit,
    Session(session): Session,
    form: Form,
) -> Result<Response> {
    let days = form
        .field("days")
        .parse()
        .map_err(|_| ApiError::argument("The days until the token ends are a whole number."))?;
    let scopes = form.field("scope").trim();
    let wish = TokenWish {
        label: form.field("label").to_owned(),
        days,
        user: None,
        kind: TokenKind::Pat,
        scopes: (!scopes.is_empty()).then(|| scopes.to_owned()),
    };
    let new = app
        .service
        .people()
        .create_token(&session.caller, wish)
        .await?;
    let body = format!(
        "<p role=\"status\">The token is made. It is shown this once:</p><p><code>{}</code></p>\
         <p>It ends on {}.</p><p><a href=\"{}/account\">Your account</a></p>",
        escape(&new.token),
        escape(&convert::date(new.expires_at)),
        app.urls.prefix()
    );
    Ok(plain(
        StatusCode::OK,
        visit.frame(Section::Account, "Token made"),
        &body,
    ))
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

/// What the account page says of the second factor, with the form that fits.
async fn second_factor_part(app: &App, caller: &Caller, input: &str) -> Result<String> {
    let state = app.service.second_factor().state(caller).await?;
    let prefix = app.urls.prefix();
    let (text, step, button) = if state.on {
        let left = state.recovery_codes;
        let text = format!(
            "It is on: each sign-in by password asks for a code. Recovery codes left: {left}."
        );
        (text, "remove", "Remove it")
    } else {
        let text = "It is off. With it, a sign-in by password also asks for a code of an authenticator app.";
        (text.to_owned(), "begin", "Set it up")
    };
    Ok(format!(
        "<p>{text}</p><form method=\"post\" action=\"{prefix}/account/second-factor\">{input}\
         <input type=\"hidden\" name=\"step\" value=\"{step}\"><button>{button}</button></form>"
    ))
}

/// `POST /account/second-factor`: begins, confirms or removes it.
pub(crate) async fn second_factor(
    State(app): State<App>,
    visit: Visit,
    token: FormToken,
    Session(session): Session,
    form: Form,
) -> Result<Response> {
    let second = app.service.second_factor();
    let prefix = app.urls.prefix();
    match form.field("step") {
        "begin" => {
            let new = second.begin(&session.caller).await?;
            let body = format!(
                "<p>Type this secret into your authenticator app, or open the link on the device that has it. It is shown \
                 this once.</p><p><code id=\"secret\">{}</code></p><p><a href=\"{}\">Open in the app</a></p>\
                 <form method=\"post\" action=\"{prefix}/account/second-factor\">{}\
                 <input type=\"hidden\" name=\"step\" value=\"confirm\">\
                 <label for=\"code\">The code that the app shows now</label>\
                 <input id=\"code\" name=\"code\" autocomplete=\"one-time-code\" inputmode=\"numeric\" required>\
                 <button>Switch it on</button></form>",
                escape(&new.secret),
                escape(&new.link),
                token.input(),
            );
            Ok(plain(
                StatusCode::OK,
                visit.frame(Section::Account, "Set up the second factor"),
                &body,
            ))
        }
        "confirm" => {
            let code = form.secret("code");
            let codes = second.confirm(&session.caller, &code).await?;
            let rows: String = codes
                .iter()
                .map(|code| format!("<li><code>{}</code></li>", escape(code)))
                .collect();
            let body = format!(
                "<p role=\"status\">The second factor is on.</p><p>Recovery codes, each good once when the device is not \
                 at hand. They are shown this once: keep them where the device is not.</p><ul>{rows}</ul>\
                 <p><a href=\"{prefix}/account\">Your account</a></p>"
            );
            Ok(plain(
                StatusCode::OK,
                visit.frame(Section::Account, "Second factor on"),
                &body,
            ))
        }
        "remove" => {
            second.remove(&session.caller).await?;
            Ok(see_other(&format!("{prefix}/account")))
        }
        _ => Err(ApiError::argument("The form that was sent cannot be read.")),
    }
}
