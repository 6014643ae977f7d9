//! Breaking glass: requests of officers, and the one answer of all that holds content for people, encrypted.

use super::again::again;
use crate::App;
use crate::ado::convert::{date, identity};
use crate::auth::Who;
use crate::body::JsonBody;
use crate::error::{ApiError, Result};
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coffer_service::BreakGlassRow;
use coffer_wire::break_glass::{
    BreakGlassExport, BreakGlassRequest, BreakGlassStep, BreakGlassWish,
};
use http::StatusCode;
use uuid::Uuid;

fn request(row: &BreakGlassRow) -> BreakGlassRequest {
    BreakGlassRequest {
        id: row.wish.request.to_string(),
        project: row.project.clone(),
        file_id: row.wish.file.to_string(),
        file: row.file.clone(),
        reason: row.wish.reason.clone(),
        recipient: row.wish.recipient.clone(),
        requested_by: identity(&row.by),
        requested_on: date(row.wish.at),
        state: row.state.word().to_owned(),
        until: date(row.until),
        approved_by: row.approved_by.as_ref().map(identity),
        digest: hex::encode(row.wish.digest()),
    }
}

/// An id that cannot be one names no request.
fn id(text: &str) -> Uuid {
    Uuid::parse_str(text).unwrap_or_default()
}

fn digest(text: &str) -> Result<[u8; 32]> {
    let mut digest = [0; 32];
    hex::decode_to_slice(text, &mut digest).map_err(|_| {
        ApiError::argument(
            "The digest is the one of the request, 64 hexadecimal digits: read it with the request, and see that you agree \
             with all of it.",
        )
    })?;
    Ok(digest)
}

/// `GET coffer/breakglass`.
pub(crate) async fn list(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
) -> Result<Response> {
    let rows = app.service.break_glass().list(&caller).await?;
    Ok(asked.list(rows.iter().map(request).collect()))
}

/// `POST coffer/breakglass`.
pub(crate) async fn create(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    JsonBody(body): JsonBody<BreakGlassWish>,
) -> Result<Response> {
    let wish = coffer_service::BreakGlassAsked {
        project: body.project,
        file: body.file,
        reason: body.reason,
        recipient: body.recipient,
    };
    let again = again(body.password, body.code);
    let row = app
        .service
        .break_glass()
        .request(&caller, &wish, again)
        .await?;
    Ok(asked.json(&request(&row)))
}

/// `POST coffer/breakglass/{requestId}/approve`.
pub(crate) async fn approve(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    asked: Asked,
    JsonBody(body): JsonBody<BreakGlassStep>,
) -> Result<Response> {
    let (digest, again) = (digest(&body.digest)?, again(body.password, body.code));
    let glass = app.service.break_glass();
    let row = glass.approve(&caller, id(&name), digest, again).await?;
    Ok(asked.json(&request(&row)))
}

/// `DELETE coffer/breakglass/{requestId}`.
pub(crate) async fn withdraw(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
) -> Result<StatusCode> {
    app.service
        .break_glass()
        .withdraw(&caller, id(&name))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST coffer/breakglass/{requestId}/export`: the content as an age file, which only the recipient can open.
pub(crate) async fn export(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    asked: Asked,
    JsonBody(body): JsonBody<BreakGlassStep>,
) -> Result<Response> {
    let (digest, again) = (digest(&body.digest)?, again(body.password, body.code));
    let glass = app.service.break_glass();
    let exported = glass.export(&caller, id(&name), digest, again).await?;
    Ok(asked.json(&BreakGlassExport {
        file: exported.name,
        content: STANDARD.encode(&exported.sealed),
    }))
}
