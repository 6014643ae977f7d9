//! Request bodies: read with a size limit and two clocks, so that a slow sender ends with an answer and not in silence.

use crate::App;
use crate::error::{ApiError, Result};
use crate::{sound, strict};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use coffer_model::{Authentication, Caller};
use coffer_wire::enums::EXPECTED;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

/// Largest JSON body of a route, unless its row says otherwise.
pub(crate) const JSON_LIMIT: usize = 1 << 20;
/// Largest body with the texts of a pipeline: 10 MiB of text, and what writing it as JSON adds.
pub(crate) const TEXTS_LIMIT: usize = 32 << 20;
/// Largest body of an agent's feed.
pub(crate) const FEED_LIMIT: usize = 8 << 20;

/// The size limit of the route that a request is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) usize);

/// A body, piece by piece.
pub(crate) struct Pieces {
    body: Body,
    idle: Duration,
    deadline: Instant,
}

impl Pieces {
    /// A body that may stand still for `idle` and take `total` in all.
    pub(crate) fn new(body: Body, idle: Duration, total: Duration) -> Self {
        Self {
            body,
            idle,
            deadline: Instant::now() + total,
        }
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        let now = Instant::now();
        if now >= self.deadline {
            return Err(ApiError::body_timeout());
        }
        let until = self.deadline.min(now + self.idle);
        loop {
            let frame = timeout_at(until, self.body.frame())
                .await
                .map_err(|_| ApiError::body_timeout())?;
            match frame {
                None => return Ok(None),
                Some(Err(_)) => return Err(ApiError::body_broken()),
                Some(Ok(frame)) => {
                    // Empty pieces and trailers are nothing that moved.
                    if let Ok(piece) = frame.into_data()
                        && !piece.is_empty()
                    {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }
}

/// A whole body in memory that is wiped afterwards.
pub(crate) async fn read_all(
    body: Body,
    limit: usize,
    idle: Duration,
    total: Duration,
) -> Result<Zeroizing<Vec<u8>>> {
    let mut pieces = Pieces::new(body, idle, total);
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(piece) = pieces.next().await? {
        if bytes.len() + piece.len() > limit {
            return Err(ApiError::body_too_large(limit));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// The length that a request declares, if it does.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The media type of a request's body, lower case, without parameters; empty when none is said.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|kind| kind.trim().to_ascii_lowercase())
        .unwrap_or_default()
}

/// A JSON body. An extractor. No body at all counts as `{}`.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (parts, body) = request.into_parts();
        let kind = media_type(&parts.headers);
        if !kind.is_empty() && !kind.contains("json") {
            return Err(ApiError::media_type(
                "This route reads JSON. Send the header 'Content-Type: application/json'.",
            ));
        }
        let limit = parts
            .extensions
            .get::<BodyLimit>()
            .map_or(JSON_LIMIT, |limit| limit.0);
        if declared_length(&parts.headers).is_some_and(|length| length > limit as u64) {
            return Err(ApiError::body_too_large(limit));
        }
        let bytes = read_all(body, limit, app.limits.body_idle, app.limits.body_total).await?;
        let caller = parts.extensions.get::<Caller>();
        let agent = caller
            .is_some_and(|caller| matches!(caller.authentication, Authentication::Agent { .. }));
        parse_text(&bytes, agent).map(Self)
    }
}

/// Reads JSON. The message says where, and names a missing member, but never quotes what was sent. A byte order mark
/// before it is skipped, since editors leave one in files that people send.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    parse_text(bytes, false)
}

/// The same; `nul`: whether texts may hold a NUL.
fn parse_text<T: DeserializeOwned>(bytes: &[u8], nul: bool) -> Result<T> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = if bytes.iter().all(u8::is_ascii_whitespace) {
        b"{}"
    } else {
        bytes
    };
    let read = sound::check(bytes, nul).and_then(|()| strict::from_slice(bytes));
    read.map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let text = error.to_string();
        ApiError::argument(match error.classify() {
            Category::Data if text.starts_with("missing field") => {
                let member = text.split('`').nth(1).unwrap_or("?").to_owned();
                format!("The body lacks the member '{member}' ({place}).")
            }
            Category::Data if text.starts_with(sound::TWICE) => {
                format!("The body has a member twice in one object ({place}). Send each once.")
            }
            Category::Data if text.starts_with(sound::NUL) => {
                format!("The body holds a NUL character ({place}), which no text here may have.")
            }
            // The words are ours; what was sent is not among them.
            Category::Data if text.starts_with(EXPECTED) => {
                let words = text.split(" at line ").next().unwrap_or_default();
                format!("A member of the body has a value that is unknown ({place}); {words}.")
            }
            Category::Data => {
                format!("The body is JSON, but not of the expected shape ({place}).")
            }
            _ => format!("The body is not valid JSON ({place})."),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_wire::coffer::{FirstSignIn, TokenRequest};
    use http::StatusCode;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn errors_say_where_and_quote_nothing() {
        let error = parse::<TokenRequest>(b"{\"label\":\"x\"}").unwrap_err();
        assert!(error.message.contains("'days'"), "{}", error.message);
        let secret = b"{\"label\":\"x\",\"days\":\"hunter2\"}";
        let error = parse::<TokenRequest>(secret).unwrap_err();
        assert!(!error.message.contains("hunter2"));
        assert!(error.message.contains("line 1"));
        let error = parse::<TokenRequest>(b"{\"label\":\"x\",\"days\":1,\"kind\":\"hunter2\"}");
        let message = error.unwrap_err().message;
        assert!(message.contains("pat, agent"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
        let error = parse::<TokenRequest>(b"{\"label\":").unwrap_err();
        assert!(error.message.contains("not valid JSON"));
        assert!(parse::<FirstSignIn>(b"").is_err());
        assert!(parse::<coffer_wire::pipelines::RunRequest>(b" ").is_ok());
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_what_is_unsound_is_named() {
        type Any = serde_json::Value;
        assert!(parse::<Any>(b"\xef\xbb\xbf{\"a\":1}").is_ok());
        assert!(parse::<Any>(b"\xef\xbb\xbf\xef\xbb\xbf{}").is_err());
        let says = |body: &[u8]| parse::<Any>(body).unwrap_err().message;
        assert!(says(br#"{"a":{"b":1,"b":1}}"#).contains("twice"));
        assert!(says(br#"{"a":"\u0000"}"#).contains("NUL"));
        assert!(parse_text::<Any>(br#"{"a":"\u0000"}"#, true).is_ok());
    }

    #[test]
    fn depth_is_limited() {
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        assert!(parse::<serde_json::Value>(&deep).is_err());
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused_while_it_is_read() {
        let read = |limit| read_all(Body::from(vec![7; 11]), limit, LONG, LONG);
        assert_eq!(read(11).await.unwrap().len(), 11);
        assert_eq!(
            read(10).await.unwrap_err().status,
            StatusCode::PAYLOAD_TOO_LARGE
        );
    }

    #[tokio::test]
    async fn a_body_that_stands_still_ends_in_a_time_out() {
        let body = Body::from_stream(futures_util::stream::pending::<std::io::Result<Bytes>>());
        let idle = Duration::from_millis(1);
        let error = read_all(body, 10, idle, LONG).await.unwrap_err();
        assert_eq!(error.status, StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_cut_off_although_it_moves() {
        let drip = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from("x")));
        let mut pieces = Pieces::new(Body::from_stream(drip), LONG, Duration::ZERO);
        let mut seen = 0;
        let error = loop {
            match pieces.next().await {
                Ok(_) => seen += 1,
                Err(error) => break error,
            }
            assert!(seen < 1_000_000, "never cut off");
            tokio::task::yield_now().await;
        };
        assert_eq!(error.status, StatusCode::REQUEST_TIMEOUT);
    }
}
