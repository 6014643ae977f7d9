//! Root generations and rotations for people, and a new key for one file.

use super::again::again;
use super::audit_convert;
use crate::App;
use crate::ado::convert::date;
use crate::ado::project;
use crate::auth::Who;
use crate::body::JsonBody;
use crate::error::{ApiError, Result};
use crate::params::file_id;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use coffer_model::rotation::GenerationState;
use coffer_service::{GenerationView, RotationView};
use coffer_wire::keys::{
    KeyGeneration, KeyRotation, KeyRotationDone, KeyRotationFailure, KeyRotationLeft, RotateKeys,
    SignInAgain,
};
use http::StatusCode;

fn generation(view: &GenerationView) -> KeyGeneration {
    let row = &view.row;
    let ended = |state| row.ended.filter(|_| row.state == state).map(date);
    KeyGeneration {
        id: row.id.clone(),
        scale_unit: row.scale_unit.clone(),
        provider: row.provider.clone(),
        state: row.state.word().to_owned(),
        made_on: date(row.created),
        retired_on: row.retired.map(date),
        disabled_on: ended(GenerationState::Disabled),
        destroyed_after: view.destroyed_after.map(date),
        destroyed_on: ended(GenerationState::Destroyed),
        ended_by_server: view.ended_here,
        project_keys: view.used.keys,
        wraps: view.used.wraps,
        secrets: view.used.secrets,
    }
}

fn rotation(view: RotationView) -> KeyRotation {
    let row = view.row;
    let failure = match (row.failing_since, row.failures) {
        (Some(since), failures) if row.running && failures > 0 => Some(KeyRotationFailure {
            failures,
            since: date(since),
            message: row.last_error.unwrap_or_default(),
            again_on: date(row.retry_at),
        }),
        _ => None,
    };
    let state = match (row.running, &failure) {
        (true, Some(_)) => "failing",
        (true, None) => "running",
        (false, _) => "done",
    };
    KeyRotation {
        number: row.number,
        cause: row.cause,
        state: state.to_owned(),
        deployments: view.deployments,
        provider: row.provider,
        from: row.from,
        generation: row.generation,
        kept: Some(row.kept).filter(|why| !why.is_empty()),
        began_on: date(row.began),
        ended_on: row.ended.map(date),
        done: KeyRotationDone {
            project_keys: row.keys_made,
            wraps: row.wraps,
            secrets: row.secrets,
            retired_keys: row.keys_retired,
            retired_generations: row.generations_retired,
            unopened: row.stuck,
        },
        left: view.left.map(|left| KeyRotationLeft {
            project_keys: left.keys,
            wraps: left.wraps,
            secrets: left.secrets,
        }),
        failure,
        report: view.report.map(audit_convert::record),
    }
}

/// `GET coffer/keys/generations`.
pub(crate) async fn generations(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
) -> Result<Response> {
    let views = app.service.rotations().generations(&caller).await?;
    Ok(asked.list(views.iter().map(generation).collect()))
}

/// `GET coffer/keys/rotations`.
pub(crate) async fn rotations(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
) -> Result<Response> {
    let views = app.service.rotations().list(&caller).await?;
    Ok(asked.list(views.into_iter().map(rotation).collect()))
}

/// `POST coffer/keys/rotations`: begins one. It goes on in the background.
pub(crate) async fn rotate(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    JsonBody(body): JsonBody<RotateKeys>,
) -> Result<Response> {
    let rotations = app.service.rotations();
    let number = rotations.request(&caller, &body.reason).await?;
    let view = rotations.one(&caller, number).await?;
    Ok(asked.json(&rotation(view)))
}

/// `GET coffer/keys/rotations/{rotationNumber}`.
pub(crate) async fn one(
    State(app): State<App>,
    Who(caller): Who,
    Path(number): Path<String>,
    asked: Asked,
) -> Result<Response> {
    let number = number.parse().map_err(|_| {
        ApiError::no_such(
            "keys.not_found",
            "There is no such rotation: its number is a whole number.",
        )
    })?;
    let view = app.service.rotations().one(&caller, number).await?;
    Ok(asked.json(&rotation(view)))
}

/// `POST …/securefiles/{id}/reencrypt`: seals a file's content again with a new key.
pub(crate) async fn re_encrypt(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, file)): Path<(String, String)>,
    JsonBody(body): JsonBody<SignInAgain>,
) -> Result<StatusCode> {
    let again = again(body.password, body.code);
    let file = file_id(&file)?;
    let project = project(&app, &caller, &name).await?.id;
    let files = app.service.files();
    files.re_encrypt(&caller, project, file, again).await?;
    Ok(StatusCode::NO_CONTENT)
}
