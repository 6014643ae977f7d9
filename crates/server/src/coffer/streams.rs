//! Audit streams: where the log is sent.

use crate::App;
use crate::ado::convert::date;
use crate::auth::Who;
use crate::body::JsonBody;
use crate::error::{ApiError, Result};
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use coffer_model::StreamId;
use coffer_service::{NewStream, StreamChange, StreamOptions, StreamView};
use coffer_wire::streams as wire;
use http::StatusCode;
use uuid::Uuid;

/// `GET coffer/audit/streams`.
pub(crate) async fn list(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
) -> Result<Response> {
    let streams = app.service.streams().list(&caller).await?;
    Ok(asked.list(streams.into_iter().map(stream).collect()))
}

/// `POST coffer/audit/streams`. A key that was made is in the answer, and nowhere else ever.
pub(crate) async fn create(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    JsonBody(body): JsonBody<wire::NewAuditStream>,
) -> Result<Response> {
    let new = NewStream {
        name: body.name,
        kind: body.kind,
        url: body.url,
        options: options(body.options),
        secret: body.secret.map(Into::into),
        from_start: body.from_start,
    };
    let created = app.service.streams().create(&caller, new).await?;
    Ok(asked.json(&wire::CreatedAuditStream {
        stream: stream(created.stream),
        secret: created.secret.map(|secret| secret.as_str().to_owned()),
    }))
}

/// `GET coffer/audit/streams/{streamId}`.
pub(crate) async fn get(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response> {
    let found = app.service.streams().get(&caller, read(&id)?).await?;
    Ok(asked.json(&stream(found)))
}

/// `PATCH coffer/audit/streams/{streamId}`.
pub(crate) async fn change(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<wire::AuditStreamChange>,
) -> Result<Response> {
    let change = StreamChange {
        name: body.name,
        url: body.url,
        options: body.options.map(options),
        secret: body.secret.map(Into::into),
        enabled: body.enabled,
    };
    let streams = app.service.streams();
    let changed = streams.change(&caller, read(&id)?, change).await?;
    Ok(asked.json(&stream(changed)))
}

/// `DELETE coffer/audit/streams/{streamId}`.
pub(crate) async fn delete(
    State(app): State<App>,
    Who(caller): Who,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    app.service.streams().delete(&caller, read(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST coffer/audit/streams/{streamId}/test`.
pub(crate) async fn test(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response> {
    let tried = app.service.streams().test(&caller, read(&id)?).await?;
    Ok(asked.json(&wire::AuditStreamTrial {
        accepted: tried.is_ok(),
        error: tried.err(),
    }))
}

fn read(id: &str) -> Result<StreamId> {
    Uuid::parse_str(id)
        .map(StreamId)
        .map_err(|_| ApiError::no_such("audit_stream.not_found", "There is no such audit stream."))
}

fn options(options: wire::StreamOptions) -> StreamOptions {
    StreamOptions {
        array: options.array,
        index: options.index,
        sourcetype: options.sourcetype,
        acknowledge: options.acknowledge,
    }
}

fn stream(view: StreamView) -> wire::AuditStream {
    wire::AuditStream {
        id: view.id.0,
        name: view.name,
        kind: view.kind,
        url: view.url,
        options: wire::StreamOptions {
            array: view.options.array,
            index: view.options.index,
            sourcetype: view.options.sourcetype,
            acknowledge: view.options.acknowledge,
        },
        enabled: view.enabled,
        delivered: view.delivered,
        lag: (view.head - view.delivered).max(0),
        delivered_on: view.delivered_at.map(date),
        failures: view.failures,
        last_error: view.last_error,
        failed_on: view.failed_at.map(date),
        next_try_on: view.retry_at.map(date),
        created_on: date(view.created_at),
    }
}
