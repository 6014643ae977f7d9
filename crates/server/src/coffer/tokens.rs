//! Personal access tokens, and tokens that register agents.

use crate::App;
use crate::auth::Who;
use crate::body::JsonBody;
use crate::coffer::convert;
use crate::error::{ApiError, Result};
use crate::params::Params;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use coffer_model::CredentialId;
use coffer_service::{TokenKind, TokenWish};
use coffer_wire::coffer::TokenRequest;
use coffer_wire::enums::TokenKind as Kind;
use http::StatusCode;
use uuid::Uuid;

/// `GET coffer/tokens`: the caller's own, or everybody's, without their values.
pub(crate) async fn list(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    params: Params,
) -> Result<Response> {
    let people = app.service.people();
    let tokens = if params.flag("all")? {
        people.all_tokens(&caller).await?
    } else {
        people.tokens(&caller).await?
    };
    Ok(asked.list(tokens.into_iter().map(convert::token).collect()))
}

/// `POST coffer/tokens`. The answer is the only place where the value is seen.
pub(crate) async fn create(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    JsonBody(body): JsonBody<TokenRequest>,
) -> Result<Response> {
    let kind = match body.kind.unwrap_or_default() {
        Kind::Pat => TokenKind::Pat,
        Kind::Agent => TokenKind::Agent,
    };
    let wish = TokenWish {
        label: body.label,
        days: body.days,
        user: body.user,
        kind,
        scopes: body.scope,
    };
    let token = app.service.people().create_token(&caller, wish).await?;
    Ok(asked.json(&convert::new_token(&token)))
}

/// `DELETE coffer/tokens/{tokenId}`.
pub(crate) async fn revoke(
    State(app): State<App>,
    Who(caller): Who,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    let id = Uuid::parse_str(&id)
        .map_err(|_| ApiError::no_such("token.not_found", "There is no such token."))?;
    let people = app.service.people();
    people.revoke_token(&caller, CredentialId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
