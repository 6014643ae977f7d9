//! The audit log as JSON Lines, oldest first, streamed page by page; and its verification.

use crate::App;
use crate::auth::Who;
use crate::coffer::convert;
use crate::error::{ApiError, Result};
use crate::params::Params;
use crate::version::Asked;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use coffer_model::Caller;
use coffer_service::{AuditQuery, AuditRow};
use futures_util::stream;
use http::header::CONTENT_TYPE;
use std::io;

/// Rows read at a time. Each look is itself on record, so the pages are as large as the service gives.
const PAGE: usize = 1000;

/// `GET coffer/audit?after=&top=&action=&resource=`. Without `top`, everything.
pub(crate) async fn page(
    State(app): State<App>,
    Who(caller): Who,
    params: Params,
) -> Result<Response> {
    let mut reader = Reader {
        app,
        caller,
        after: params.number("after")?.unwrap_or(0),
        left: params.number("top")?.unwrap_or(usize::MAX),
        action: params.filled("action").map(str::to_owned),
        resource: params.filled("resource").map(str::to_owned),
        ended: false,
    };
    // The first page decides between an answer and an error.
    let first = reader.next().await?;
    let lines = stream::try_unfold((first, reader), |(page, mut reader)| async move {
        let Some(page) = page else { return Ok(None) };
        let text = text(page).map_err(io::Error::other)?;
        let next = reader.next().await.map_err(|error| {
            tracing::error!(
                cause = error.cause.as_deref(),
                "an answer with audit rows broke off"
            );
            io::Error::other("the audit log could not be read on")
        })?;
        Ok::<_, io::Error>(Some((text, (next, reader))))
    });
    Ok((
        [(CONTENT_TYPE, "application/x-ndjson; charset=utf-8")],
        Body::from_stream(lines),
    )
        .into_response())
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

struct Reader {
    app: App,
    caller: Caller,
    after: i64,
    left: usize,
    action: Option<String>,
    resource: Option<String>,
    ended: bool,
}

impl Reader {
    /// The next page; `None` after the last.
    async fn next(&mut self) -> std::result::Result<Option<Vec<AuditRow>>, ApiError> {
        if self.ended || self.left == 0 {
            return Ok(None);
        }
        let top = self.left.min(PAGE);
        let query = AuditQuery {
            after: self.after,
            top,
            action: self.action.clone(),
            resource: self.resource.clone(),
        };
        let page = self.app.service.audit().page(&self.caller, query).await?;
        self.left = self.left.saturating_sub(page.len());
        // Rows that are not linked yet have no place to go on from, and are the newest.
        match page.last().map(|row| row.sequence) {
            Some(Some(sequence)) if page.len() >= top && sequence > self.after => {
                self.after = sequence;
            }
            _ => self.ended = true,
        }
        Ok(Some(page).filter(|page| !page.is_empty()))
    }
}

fn text(page: Vec<AuditRow>) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::new();
    for row in page {
        serde_json::to_writer(&mut text, &convert::audit_row(row))?;
        text.push(b'\n');
    }
    Ok(text)
}
