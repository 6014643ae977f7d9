//! Plain HTTP/1.1: each request is a call. Must not change what it passes on.

use super::{Shared, Trouble, reach};
use axum::body::Body;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::io;
use tokio::net::TcpStream;

/// One connection, with the calls on it.
pub(super) async fn serve(client: TcpStream, shared: Shared) {
    let service = service_fn(move |request| call(request, shared.clone()));
    // An end by an error is what some troubles are.
    let _ended = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(client), service)
        .await;
}

async fn call(request: Request<Incoming>, shared: Shared) -> io::Result<Response<Body>> {
    let path = request
        .uri()
        .path_and_query()
        .map_or_else(String::new, ToString::to_string);
    let trouble = shared.arrived(request.method().as_str(), &path).await;
    match trouble {
        Some(Trouble::Hangs) => std::future::pending().await,
        Some(Trouble::Slow(time)) => tokio::time::sleep(time).await,
        Some(Trouble::Answers {
            status,
            headers,
            body,
        }) => {
            let mut answer = Response::builder()
                .status(status)
                .header(CONTENT_TYPE, "application/json");
            for (name, value) in headers {
                answer = answer.header(name, value);
            }
            return Ok(answer.body(Body::from(body)).unwrap());
        }
        _ => {}
    }
    let answer = ask(request, &shared).await;
    match answer {
        Ok(answer) if trouble == Some(Trouble::Cuts) => Ok(half(answer)),
        Ok(answer) => Ok(answer.map(Body::from)),
        // The service is gone: so is the connection of who called.
        Err(error) => Err(error),
    }
}

/// The service's whole answer, over a connection of its own.
async fn ask(request: Request<Incoming>, shared: &Shared) -> io::Result<Response<Vec<u8>>> {
    let upstream = reach(shared.upstream).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(upstream))
        .await
        .map_err(io::Error::other)?;
    let asking = async {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let mut onward = Request::from_parts(parts, Body::from(body));
        onward.headers_mut().remove(CONNECTION);
        let answer = sender.send_request(onward).await;
        let (mut parts, body) = answer.map_err(io::Error::other)?.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        for name in [CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH] {
            parts.headers.remove(name);
        }
        Ok(Response::from_parts(parts, body.to_vec()))
    };
    let mut connection = std::pin::pin!(connection);
    let mut asking = std::pin::pin!(asking);
    tokio::select! {
        answer = &mut asking => answer,
        _ended = &mut connection => asking.await,
    }
}

/// The head, half of the body, and then nothing any more.
fn half(answer: Response<Vec<u8>>) -> Response<Body> {
    let (mut parts, body) = answer.into_parts();
    if parts.status == StatusCode::NO_CONTENT {
        parts.status = StatusCode::OK; // without a body there is nothing to cut
    }
    let length = body.len().max(1);
    parts.headers.insert(CONTENT_LENGTH, length.into());
    let first = body[..length.min(body.len()) / 2].to_vec();
    let pieces = [Ok(first), Err(io::Error::other("cut"))];
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    Response::from_parts(parts, body)
}
