//! What every answer has in common: ids, safe headers, the error envelope, and one line in the access log.
//!
//! The log line holds method, route template, status and time; never a query string, a token or a name.

use crate::error::ApiError;
use crate::pages::html::IsPage;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;
use uuid::Uuid;

const ACTIVITY: HeaderName = HeaderName::from_static("activityid");
const END_TO_END: HeaderName = HeaderName::from_static("x-vss-e2eid");
const SESSION: HeaderName = HeaderName::from_static("x-tfs-session");

/// The template of the route that answered. An extension of responses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Template(pub(crate) &'static str);

/// The request's activity id: in the access log, in the answer's headers, and in audit events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Activity(pub(crate) Uuid);

/// The outermost layer.
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method_word(request.method());
    let activity = activity_id();
    let echo = echoes(request.headers());
    let mut request = request;
    request.extensions_mut().insert(Activity(activity));
    let response = next.run(request).await;

    let error = response.extensions().get::<ApiError>().cloned();
    let status = response.status();
    let error = error.or_else(|| {
        (status.is_client_error() || status.is_server_error()).then(|| ApiError::of_status(status))
    });
    let is_page = response.extensions().get::<IsPage>().is_some();
    let mut response = match &error {
        Some(error) if !is_page => refusal(response, error, &activity),
        _ => response,
    };
    let status = response.status();
    let route = response
        .extensions()
        .get::<Template>()
        .map_or("", |template| template.0);
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Some(cause) = error.as_ref().and_then(|error| error.cause.as_deref()) {
        tracing::error!(%activity, route, cause, "a request failed inside the server");
    }
    tracing::info!(target: "coffer::access", method, route, status = status.as_u16(), ms, %activity);

    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Only a part of our own pages that has no secret and says so itself may be kept.
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache, no-store"));
    headers.insert(ACTIVITY, guid_value(&activity));
    headers.insert(END_TO_END, guid_value(&echo.end_to_end.unwrap_or(activity)));
    if let Some(session) = echo.session {
        headers.insert(SESSION, guid_value(&session));
    }
    response
}

/// A whole answer, for a request that the HTTP library could not read. There is no request to speak of, so the log has
/// its status only.
pub(crate) fn unreadable(status: StatusCode) -> Vec<u8> {
    let activity = activity_id();
    let envelope = ApiError::of_status(status).envelope(&activity.to_string());
    tracing::info!(target: "coffer::access", method = "", route = "unreadable", status = status.as_u16(), ms = 0, %activity);
    let body = serde_json::to_vec(&envelope).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\
         cache-control: no-cache, no-store\r\nx-content-type-options: nosniff\r\nactivityid: {activity}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// The envelope in place of the body, with the headers that belong to some statuses.
fn refusal(response: Response, error: &ApiError, activity: &Uuid) -> Response {
    let (mut parts, _) = response.into_parts();
    let envelope = error.envelope(&activity.to_string());
    // Text and numbers only: this cannot fail.
    let body = serde_json::to_vec(&envelope).unwrap_or_default();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    match parts.status {
        StatusCode::UNAUTHORIZED => {
            for challenge in ["Basic realm=\"coffer\"", "Bearer"] {
                parts
                    .headers
                    .append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
        }
        StatusCode::REQUEST_TIMEOUT => {
            parts
                .headers
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
            let usual = if status == StatusCode::TOO_MANY_REQUESTS {
                1
            } else {
                5
            };
            let seconds = error.retry_after.unwrap_or(usual);
            parts
                .headers
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        _ => {}
    }
    Response::from_parts(parts, Body::from(body))
}

/// Ids that a client gave and gets back. What is no GUID is not repeated.
struct Echo {
    end_to_end: Option<Uuid>,
    session: Option<Uuid>,
}

fn echoes(headers: &HeaderMap) -> Echo {
    let guid = |name: &HeaderName| {
        let text = headers.get(name)?.to_str().ok()?;
        // .NET writes `{session}, {operation}`.
        Uuid::parse_str(text.split(',').next()?.trim()).ok()
    };
    Echo {
        end_to_end: guid(&END_TO_END),
        session: guid(&SESSION),
    }
}

fn guid_value(id: &Uuid) -> HeaderValue {
    HeaderValue::try_from(id.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// An id for log lines: unlike any other of this process, and nothing that anyone must not guess.
fn activity_id() -> Uuid {
    static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let (high, low) = (SEED.hash_one((number, 1)), SEED.hash_one((number, 2)));
    Uuid::from_u64_pair(high, low)
}

/// Standard methods only: a client can invent others, and the log is not its notepad.
fn method_word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// An address, with or without a port.
pub(crate) fn parse_address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| {
        let with_port: SocketAddr = text.parse().ok()?;
        Some(with_port.ip())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::middleware::from_fn;
    use axum::response::IntoResponse as _;
    use axum::routing::get;
    use coffer_wire::ErrorEnvelope;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    async fn call(request: http::request::Builder) -> (StatusCode, HeaderMap, Vec<u8>) {
        let router = Router::new()
            .route("/fine", get(|| async { "fine" }))
            .route(
                "/broken",
                get(|| async { ApiError::internal("the disk is full").into_response() }),
            )
            .layer(from_fn(finish));
        let request = request.body(Body::empty()).unwrap();
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        (parts.status, parts.headers, bytes)
    }

    #[tokio::test]
    async fn every_answer_carries_safe_headers_and_an_activity_id() {
        for path in ["/fine", "/broken", "/absent"] {
            let (_, headers, _) = call(Request::builder().uri(path)).await;
            assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(headers[CACHE_CONTROL], "no-cache, no-store");
            assert!(Uuid::parse_str(headers[ACTIVITY].to_str().unwrap()).is_ok());
        }
    }

    #[tokio::test]
    async fn only_guids_are_repeated() {
        let session = "0d9f2f4e-6f3d-4a55-9a5d-2a53d0a6a1f1";
        let (_, headers, _) = call(
            Request::builder()
                .uri("/fine")
                .header(SESSION, format!("{session}, Upload"))
                .header(END_TO_END, "<script>"),
        )
        .await;
        assert_eq!(headers[SESSION], session);
        assert_eq!(headers[END_TO_END], headers[ACTIVITY]);
        let (_, headers, _) = call(Request::builder().uri("/fine").header(SESSION, "x")).await;
        assert!(!headers.contains_key(SESSION));
    }

    #[tokio::test]
    async fn errors_of_libraries_get_the_envelope_too() {
        let (status, _, body) = call(Request::builder().uri("/absent")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let envelope: ErrorEnvelope = serde_json::from_slice(&body).unwrap();
        assert!(!envelope.message.is_empty());
        let (status, headers, body) = call(Request::builder().uri("/fine").method("PUT")).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(headers["allow"], "GET,HEAD");
        assert!(serde_json::from_slice::<ErrorEnvelope>(&body).is_ok());
    }

    #[tokio::test]
    async fn an_internal_error_tells_its_id_and_nothing_else() {
        let (status, headers, body) = call(Request::builder().uri("/broken")).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        let text = String::from_utf8(body).unwrap();
        assert!(text.contains(headers[ACTIVITY].to_str().unwrap()));
        assert!(!text.contains("disk"));
    }

    #[test]
    fn activity_ids_differ() {
        assert_ne!(activity_id(), activity_id());
    }
}
