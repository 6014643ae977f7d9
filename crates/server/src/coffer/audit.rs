//! The audit log: looking events up, verifying, reconciling, the signing key, and retention.

use crate::App;
use crate::ado::project;
use crate::auth::Who;
use crate::body::JsonBody;
use crate::coffer::audit_convert as convert;
use crate::error::{ApiError, Result};
use crate::params::Params;
use crate::version::Asked;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use coffer_model::{Caller, Timestamp};
use coffer_service::{AuditFilter, AuditQuery, AuditRow};
use coffer_wire::audit::Retain;
use coffer_wire::enums::{AuditOrder, AuditOutcome};
use futures_util::stream;
use http::header::CONTENT_TYPE;
use std::io;
use uuid::Uuid;

/// Rows read at a time. Each look is itself on record, so the pages are as large as the service gives.
const PAGE: usize = 1000;

/// `GET coffer/audit`: events as JSON Lines. Without `top`, everything that the filter asks for.
pub(crate) async fn page(
    State(app): State<App>,
    Who(caller): Who,
    params: Params,
) -> Result<Response> {
    let order = params.one_of::<AuditOrder>("order")?.unwrap_or_default();
    let newest_first = order == AuditOrder::Newest;
    let filter = filter(&app, &caller, &params).await?;
    let mut reader = Reader {
        app,
        caller,
        query: AuditQuery {
            filter,
            after: params.number("after")?.unwrap_or(0),
            before: params.number("before")?.unwrap_or(i64::MAX),
            top: PAGE,
            newest_first,
        },
        left: params.number("top")?.unwrap_or(usize::MAX),
        ended: false,
    };
    // The first page decides between an answer and an error.
    let first = reader.next().await?;
    let lines = stream::try_unfold((first, reader), |(page, mut reader)| async move {
        let Some(page) = page else { return Ok(None) };
        let text = text(page).map_err(io::Error::other)?;
        let next = reader.next().await.map_err(broke_off)?;
        Ok::<_, io::Error>(Some((text, (next, reader))))
    });
    Ok((
        [(CONTENT_TYPE, "application/x-ndjson; charset=utf-8")],
        Body::from_stream(lines),
    )
        .into_response())
}

/// What an answer says that was begun and cannot be ended.
pub(crate) fn broke_off(error: ApiError) -> io::Error {
    tracing::error!(
        cause = error.cause.as_deref(),
        "an answer with audit rows broke off"
    );
    io::Error::other("the audit log could not be read on")
}

/// What the query parameters ask for.
pub(crate) async fn filter(app: &App, caller: &Caller, params: &Params) -> Result<AuditFilter> {
    let text = |name: &str| params.filled(name).map(str::to_owned);
    let actor = params.filled("actor");
    let actor_id = actor.and_then(|text| Uuid::parse_str(text).ok());
    let project = match params.filled("project") {
        None => None,
        Some(text) => match Uuid::parse_str(text) {
            Ok(id) => Some(id),
            Err(_) => Some(project(app, caller, text).await?.id.0),
        },
    };
    let outcome = params.one_of::<AuditOutcome>("outcome")?;
    Ok(AuditFilter {
        since: time(params, "since")?,
        until: time(params, "until")?,
        actor: actor_id,
        actor_name: actor.filter(|_| actor_id.is_none()).map(str::to_owned),
        action: text("action"),
        outcome: outcome.map(|word| word.to_string()),
        project,
        resource_type: text("resourceType"),
        resource_id: text("resource"),
        run: params.number("run")?,
    })
}

fn time(params: &Params, name: &str) -> Result<Option<i64>> {
    params
        .filled(name)
        .map(|text| {
            let time: jiff::Timestamp = text.parse().map_err(|_| {
                ApiError::argument(format!(
                    "The query parameter '{name}' must be a time such as 2026-01-31T08:00:00Z."
                ))
            })?;
            Ok(time.as_microsecond())
        })
        .transpose()
}

/// `GET coffer/audit/verify`.
pub(crate) async fn verify(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
) -> Result<Response> {
    let found = app.service.audit().verify(&caller).await?;
    Ok(asked.json(&convert::verification(found)))
}

/// `GET coffer/audit/key`.
pub(crate) async fn key(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
) -> Result<Response> {
    let (public, newest) = app.service.audit().signer(&caller).await?;
    Ok(asked.json(&convert::key(&public, newest)))
}

/// `POST coffer/audit/checkpoints`.
pub(crate) async fn checkpoint(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
) -> Result<Response> {
    match app.service.audit().checkpoint(&caller).await? {
        Some(signed) => Ok(asked.json(&convert::record(signed))),
        None => Err(ApiError::internal("a checkpoint of an empty log")),
    }
}

/// `GET coffer/audit/reconcile`.
pub(crate) async fn reconcile(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
) -> Result<Response> {
    let found = app.service.audit().reconcile(&caller).await?;
    Ok(asked.json(&convert::reconciliation(found)))
}

/// `POST coffer/audit/retain`.
pub(crate) async fn retain(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    JsonBody(body): JsonBody<Retain>,
) -> Result<Response> {
    let before: jiff::Timestamp = body.before.parse().map_err(|_| {
        ApiError::argument("The body's 'before' must be a time such as 2026-01-31T08:00:00Z.")
    })?;
    let before = Timestamp(before.as_microsecond());
    let done = app.service.audit().retain(&caller, before).await?;
    Ok(asked.json(&convert::retained(done)))
}

struct Reader {
    app: App,
    caller: Caller,
    query: AuditQuery,
    left: usize,
    ended: bool,
}

impl Reader {
    /// The next page; `None` after the last.
    async fn next(&mut self) -> Result<Option<Vec<AuditRow>>> {
        if self.ended || self.left == 0 {
            return Ok(None);
        }
        self.query.top = self.left.min(PAGE);
        let asked = self.query.clone();
        let page = self.app.service.audit().page(&self.caller, asked).await?;
        self.left = self.left.saturating_sub(page.len());
        let full = page.len() >= self.query.top;
        match page.last().map(|row| row.sequence) {
            Some(Some(sequence)) if full && self.query.newest_first => self.query.before = sequence,
            Some(Some(sequence)) if full => self.query.after = sequence,
            // Rows that are not linked yet have no place to go on from, and are the newest.
            _ => self.ended = true,
        }
        Ok(Some(page).filter(|page| !page.is_empty()))
    }
}

fn text(page: Vec<AuditRow>) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::new();
    for row in page {
        serde_json::to_writer(&mut text, &convert::row(row))?;
        text.push(b'\n');
    }
    Ok(text)
}
