//! `/signin`, `/signout`, `/signin/password`: forms that work without a script. It must not know how a password is
//! compared.

use super::frame::{Frame, PageKind};
use super::guard::{Form, FormToken, Session};
use super::html::{escape, local_path, plain, see_other};
use crate::App;
use crate::auth::Address;
use crate::cookies::{self, SameSite, cookie};
use crate::error::{ApiError, Result};
use axum::extract::State;
use axum::response::Response;
use coffer_service::{MIN_PASSWORD, Shown, Typed};
use coffer_wire::paths;
use http::{HeaderMap, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Where a sign-in leads when nothing else was asked for.
pub(super) const HOME: &str = "/";

/// `GET /signin`.
pub(crate) async fn form(
    State(app): State<App>,
    token: FormToken,
    session: Option<Session>,
    params: crate::params::Params,
) -> Response {
    let back = params.filled("return").and_then(local_path).unwrap_or(HOME);
    sign_in_page(&app, StatusCode::OK, &token, session.as_ref(), back, "")
}

fn sign_in_page(
    app: &App,
    status: StatusCode,
    token: &FormToken,
    session: Option<&Session>,
    back: &str,
    alert: &str,
) -> Response {
    let prefix = app.urls.prefix();
    let known = session.map_or_else(String::new, |Session(session)| {
        format!(
            "<p>You are signed in as {}. Sign in again to go on with what needs a fresh sign-in.</p>",
            escape(&session.caller.name)
        )
    });
    let alert = if alert.is_empty() {
        String::new()
    } else {
        format!("<p role=\"alert\">{}</p>", escape(alert))
    };
    let provider = provider_link(app, session.is_some(), back);
    let body = format!(
        "{alert}{known}{provider}<form method=\"post\" action=\"{prefix}/signin\">{token}\
         <input type=\"hidden\" name=\"return\" value=\"{back}\">\
         <label for=\"name\">Name</label>\
         <input id=\"name\" name=\"name\" autocomplete=\"username\" autocapitalize=\"none\" required autofocus>\
         <label for=\"password\">Password</label>\
         <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required>\
         <label for=\"code\">Code of your authenticator app, or a recovery code; empty if you use none</label>\
         <input id=\"code\" name=\"code\" autocomplete=\"one-time-code\" inputmode=\"numeric\">\
         <button>Sign in</button></form>\
         <p><a href=\"{prefix}/signin/password\">I have a one-time code for setting a password</a></p>",
        token = token.input(),
        back = escape(back),
    );
    let frame = Frame {
        kind: PageKind::SignIn,
        ..Frame::bare(app, "Sign in")
    };
    plain(status, frame, &body)
}

/// The way to the provider, where there is one. A link: a form that leads to another site is not ours to send.
fn provider_link(app: &App, again: bool, back: &str) -> String {
    let sign_in = app.service.sign_in();
    let Some(name) = sign_in.provider() else {
        return String::new();
    };
    let again = if again { "&amp;again=true" } else { "" };
    format!(
        "<p><a href=\"{}{}?return={}{again}\">Sign in with {}</a></p>",
        app.urls.prefix(),
        paths::pages::PROVIDER,
        utf8_percent_encode(back, NON_ALPHANUMERIC),
        escape(name),
    )
}

/// `POST /signin`.
pub(crate) async fn sign_in(
    State(app): State<App>,
    Address(address): Address,
    token: FormToken,
    session: Option<Session>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response> {
    let back = local_path(form.field("return")).unwrap_or(HOME);
    let typed = Typed {
        name: form.field("name").to_owned(),
        password: form.secret("password"),
        code: form.secret("code"),
    };
    let shown = match app.service.passwords().show(typed, address).await {
        Ok(shown) => shown,
        Err(error) => {
            let error = ApiError::from(error);
            if error.status != StatusCode::UNAUTHORIZED {
                return Err(error);
            }
            let session = session.as_ref();
            let text = &error.message;
            return Ok(sign_in_page(
                &app,
                error.status,
                &token,
                session,
                back,
                text,
            ));
        }
    };
    begin(&app, shown, &headers, back).await
}

/// Begins a session in this browser, in place of the one that it had, and goes on to a path of this server.
pub(crate) async fn begin(
    app: &App,
    shown: Shown,
    headers: &HeaderMap,
    back: &str,
) -> Result<Response> {
    let before = cookie(headers, cookies::SESSION);
    let before = before.as_ref().map(|secret| secret.as_str());
    let new = app.service.sessions().begin(shown, before).await?;
    let back = local_path(back).unwrap_or(HOME);
    let mut response = see_other(&format!("{}{back}", app.urls.prefix()));
    let headers = response.headers_mut();
    cookies::set(headers, cookies::SESSION, &new.secret, SameSite::Lax);
    cookies::set(headers, cookies::WRITE, &new.write_secret, SameSite::Strict);
    Ok(response)
}

/// `POST /signout`.
pub(crate) async fn sign_out(
    State(app): State<App>,
    Session(session): Session,
) -> Result<Response> {
    app.service
        .sessions()
        .end(&session.caller, session.id)
        .await?;
    let mut response = see_other(&format!("{}/signin", app.urls.prefix()));
    cookies::clear(response.headers_mut(), cookies::SESSION);
    cookies::clear(response.headers_mut(), cookies::WRITE);
    Ok(response)
}

/// `GET /signin/password`.
pub(crate) async fn password_form(State(app): State<App>, token: FormToken) -> Response {
    password_page(&app, StatusCode::OK, &token, "")
}

fn password_page(app: &App, status: StatusCode, token: &FormToken, alert: &str) -> Response {
    let alert = if alert.is_empty() {
        String::new()
    } else {
        format!("<p role=\"alert\">{}</p>", escape(alert))
    };
    let body = format!(
        "{alert}<form method=\"post\" action=\"{prefix}/signin/password\">{token}\
         <label for=\"code\">One-time code from an administrator</label>\
         <input id=\"code\" name=\"code\" autocomplete=\"off\" required>\
         <label for=\"new\">New password, at least {MIN_PASSWORD} characters</label>\
         <input id=\"new\" name=\"new\" type=\"password\" autocomplete=\"new-password\" required>\
         <label for=\"again\">The same again</label>\
         <input id=\"again\" name=\"again\" type=\"password\" autocomplete=\"new-password\" required>\
         <button>Set the password</button></form>",
        prefix = app.urls.prefix(),
        token = token.input(),
    );
    plain(status, Frame::bare(app, "Set a password"), &body)
}

/// `POST /signin/password`.
pub(crate) async fn set_password(
    State(app): State<App>,
    Address(address): Address,
    token: FormToken,
    form: Form,
) -> Result<Response> {
    let new = form.secret("new");
    if *new != *form.secret("again") {
        let text = "The two passwords are not the same. Nothing was changed.";
        return Ok(password_page(&app, StatusCode::BAD_REQUEST, &token, text));
    }
    let code = form.secret("code");
    let set = app
        .service
        .passwords()
        .set_by_code(&code, &new, address)
        .await;
    match set.map_err(ApiError::from) {
        Ok(person) => {
            let body = format!(
                "<p role=\"status\">The password of {} is set.</p><p><a href=\"{}/signin\">Sign in</a></p>",
                escape(&person.unique_name),
                app.urls.prefix()
            );
            Ok(plain(
                StatusCode::OK,
                Frame::bare(&app, "Password set"),
                &body,
            ))
        }
        Err(error) if error.status.is_client_error() => {
            Ok(password_page(&app, error.status, &token, &error.message))
        }
        Err(error) => Err(error),
    }
}
