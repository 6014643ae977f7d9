//! `/signin`, `/signout`, `/signin/password`: forms that work without a script. It must not know how a password is
//! compared.

use super::filters;
use super::frame::{Frame, PageKind, Place, Section};
use super::guard::{Form, FormToken, Session};
use super::html::{local_path, see_other, show};
use crate::App;
use crate::auth::Address;
use crate::cookies::{self, SameSite, cookie};
use crate::error::{ApiError, Result};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use coffer_service::{MIN_PASSWORD, Shown, Typed};
use http::{HeaderMap, StatusCode};

/// Where a sign-in leads when nothing else was asked for.
pub(super) const HOME: &str = "/";

/// The form for signing in.
#[derive(Template)]
#[template(path = "account/sign_in.html")]
pub(crate) struct SignInPage {
    pub(crate) frame: Frame,
    /// The token of the form.
    pub(crate) token: String,
    /// Where to go then.
    pub(crate) back: String,
    /// What was wrong.
    pub(crate) alert: Option<String>,
    /// The name that was typed.
    pub(crate) name: String,
    /// Who is signed in already.
    pub(crate) known: Option<String>,
    /// The organization's provider, where there is one.
    pub(crate) provider: Option<ProviderLink>,
    /// Whether people may sign in by password.
    pub(crate) by_password: bool,
    /// Whether nobody could sign in yet.
    pub(crate) first: bool,
}

/// The way to a provider. A link: a form that leads to another site is not ours to send.
pub(crate) struct ProviderLink {
    pub(crate) name: String,
    pub(crate) link: String,
}

/// The form for setting a password, and what comes after it.
#[derive(Template)]
#[template(path = "account/set_password.html")]
pub(crate) struct SetPasswordPage {
    pub(crate) frame: Frame,
    /// The token of the form.
    pub(crate) token: String,
    /// What was wrong.
    pub(crate) alert: Option<String>,
    /// Whose password is set now.
    pub(crate) person: Option<String>,
    pub(crate) shortest: usize,
}

/// `GET /signin`.
pub(crate) async fn form(
    State(app): State<App>,
    token: FormToken,
    session: Option<Session>,
    params: crate::params::Params,
) -> Result<Response> {
    let back = params.filled("return").and_then(local_path).unwrap_or(HOME);
    let session = session.as_ref();
    sign_in_page(&app, StatusCode::OK, token, session, back, "", None).await
}

async fn sign_in_page(
    app: &App,
    status: StatusCode,
    FormToken(token): FormToken,
    session: Option<&Session>,
    back: &str,
    name: &str,
    alert: Option<String>,
) -> Result<Response> {
    let form = app.service.passwords().form().await?;
    let place = Place::new(app);
    let provider = app.service.sign_in().provider().map(|name| ProviderLink {
        name: name.to_owned(),
        link: place.provider(back, session.is_some()),
    });
    let page = SignInPage {
        frame: Frame {
            kind: PageKind::SignIn,
            ..Frame::bare(app, "Sign in")
        },
        token,
        back: back.to_owned(),
        alert,
        name: name.to_owned(),
        known: session.map(|Session(session)| session.caller.name.clone()),
        first: form.first && form.allowed && provider.is_none(),
        provider,
        by_password: form.allowed,
    };
    Ok(show(status, &page.frame, &page))
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
            let (session, text) = (session.as_ref(), error.message);
            let name = form.field("name");
            return sign_in_page(&app, error.status, token, session, back, name, Some(text)).await;
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
    password_page(&app, StatusCode::OK, token, None)
}

fn password_page(
    app: &App,
    status: StatusCode,
    FormToken(token): FormToken,
    alert: Option<String>,
) -> Response {
    let page = SetPasswordPage {
        frame: Frame::bare(app, "Set a password"),
        token,
        alert,
        person: None,
        shortest: MIN_PASSWORD,
    };
    show(status, &page.frame, &page)
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
        let text = "The two passwords are not the same. Nothing was changed.".to_owned();
        let status = StatusCode::BAD_REQUEST;
        return Ok(password_page(&app, status, token, Some(text)));
    }
    let code = form.secret("code");
    let set = app
        .service
        .passwords()
        .set_by_code(&code, &new, address)
        .await;
    match set.map_err(ApiError::from) {
        Ok(person) => {
            let page = SetPasswordPage {
                frame: Frame::bare(&app, "Password set"),
                token: String::new(),
                alert: None,
                person: Some(person.unique_name),
                shortest: MIN_PASSWORD,
            };
            Ok(show(StatusCode::OK, &page.frame, &page))
        }
        Err(error) if error.status.is_client_error() => {
            let (status, text) = (error.status, error.message);
            Ok(password_page(&app, status, token, Some(text)))
        }
        Err(error) => Err(error),
    }
}
