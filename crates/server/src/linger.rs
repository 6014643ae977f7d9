//! Reads on in a refused body, so that its sender gets to read why.
//!
//! A client that is still sending when the connection closes reports a broken pipe and never sees the answer. So a
//! refusal waits until the body ends, for a short time and a bounded number of bytes. Knows nothing of what was refused.

use crate::App;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http::header::EXPECT;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::time::timeout;

/// No refused body is read further: twice the largest file.
const MOST_BYTES: usize = 20 << 20;

/// The layer.
pub(crate) async fn linger(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    // Such a client waits for permission to send. An answer is all it needs.
    let waits = parts.headers.contains_key(EXPECT);
    let shared = Shared(Arc::new(Mutex::new(Inner {
        body,
        touched: false,
    })));
    let rest = Shared(Arc::clone(&shared.0));
    let response = next
        .run(Request::from_parts(parts, Body::new(shared)))
        .await;
    let refused = response.status().is_client_error() || response.status().is_server_error();
    let slow = response.status() == StatusCode::REQUEST_TIMEOUT;
    if refused && !slow && (!waits || rest.touched()) {
        // Whether it ended or not, the answer goes out.
        let _ended = timeout(app.limits.linger, rest.drain()).await;
    }
    response
}

struct Inner {
    body: Body,
    touched: bool,
}

/// A body that two can read: the handler, and afterwards the layer.
struct Shared(Arc<Mutex<Inner>>);

impl Shared {
    fn touched(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .touched
    }

    async fn drain(mut self) {
        let mut bytes = 0;
        while let Some(Ok(frame)) = self.frame().await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > MOST_BYTES {
                break;
            }
        }
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.touched = true;
        Pin::new(&mut inner.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.body.size_hint()
    }
}
