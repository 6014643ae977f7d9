//! Signing in without a browser: a one-time code or a password for a token, and setting a password.

use crate::App;
use crate::auth::{Address, Who};
use crate::body::JsonBody;
use crate::coffer::convert;
use crate::error::Result;
use crate::version::Asked;
use axum::extract::State;
use axum::response::Response;
use coffer_service::Typed;
use coffer_wire::coffer::{FirstSignIn, Invitation, NewPassword, PasswordCode, PasswordSignIn};
use http::StatusCode;
use zeroize::Zeroizing;

/// `POST coffer/signin`.
pub(crate) async fn first(
    State(app): State<App>,
    Address(address): Address,
    asked: Asked,
    JsonBody(body): JsonBody<FirstSignIn>,
) -> Result<Response> {
    let code = Zeroizing::new(body.code);
    let sign_in = app.service.sign_in();
    let token = sign_in
        .first(code, &body.unique_name, &body.label, address)
        .await?;
    Ok(asked.json(&convert::new_token(&token)))
}

/// Days that a token lives when nothing else was asked for.
const TOKEN_DAYS: u32 = 30;

/// `POST coffer/signin/password`.
pub(crate) async fn by_password(
    State(app): State<App>,
    Address(address): Address,
    asked: Asked,
    JsonBody(body): JsonBody<PasswordSignIn>,
) -> Result<Response> {
    let typed = Typed {
        name: body.user,
        password: Zeroizing::new(body.password),
        code: Zeroizing::new(body.code.unwrap_or_default()),
    };
    let shown = app.service.passwords().show(typed, address).await?;
    let days = body.days.unwrap_or(TOKEN_DAYS);
    let people = app.service.people();
    let token = people
        .create_token_at_sign_in(shown, &body.label, days, body.scope.as_deref())
        .await?;
    Ok(asked.json(&convert::new_token(&token)))
}

/// `POST coffer/signin/newpassword`.
pub(crate) async fn new_password(
    State(app): State<App>,
    Address(address): Address,
    JsonBody(body): JsonBody<NewPassword>,
) -> Result<StatusCode> {
    let (code, password) = (Zeroizing::new(body.code), Zeroizing::new(body.password));
    app.service
        .passwords()
        .set_by_code(&code, &password, address)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST coffer/invitations`. The answer is the only place where the code is seen.
pub(crate) async fn invite(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    JsonBody(body): JsonBody<Invitation>,
) -> Result<Response> {
    let made = app.service.passwords().invite(&caller, &body.user).await?;
    Ok(asked.json(&PasswordCode {
        code: made.code.as_str().to_owned(),
        expires_on: crate::ado::convert::date(made.expires_at),
        identity: crate::ado::convert::identity(&made.person),
    }))
}

/// `POST coffer/secondfactorresets`.
pub(crate) async fn reset_second_factor(
    State(app): State<App>,
    Who(caller): Who,
    JsonBody(body): JsonBody<Invitation>,
) -> Result<StatusCode> {
    let second = app.service.second_factor();
    second.reset(&caller, &body.user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST coffer/signouts`: ends every browser session of somebody.
pub(crate) async fn sign_out(
    State(app): State<App>,
    Who(caller): Who,
    JsonBody(body): JsonBody<Invitation>,
) -> Result<StatusCode> {
    app.service.sessions().end_all(&caller, &body.user).await?;
    Ok(StatusCode::NO_CONTENT)
}
