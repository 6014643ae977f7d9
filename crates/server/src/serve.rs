//! The accept loop: connections, their number, the time a head may take, and a graceful end.

use crate::auth::Peer;
use crate::{Limits, Options, build};
use coffer_service::Service;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Largest head of a request. Job tokens may run to kilobytes.
const HEAD_BYTES: usize = 64 * 1024;
/// How long to wait when the machine has no more file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The public URL is no URL of a server.
    #[error("the public URL '{url}' is not of the form http(s)://host[:port][/prefix]")]
    PublicUrl {
        /// As configured.
        url: String,
    },
    /// The listener does not say where it listens.
    #[error("the listening socket cannot be used")]
    Listener {
        /// Why.
        source: io::Error,
    },
}

/// Serves until `stop` is cancelled, then lets running requests end for a while.
///
/// Waiting calls of agents end at once, without a job. HTTP/1.1 without TLS: a proxy in front, or the loopback
/// interface, is the caller's decision.
///
/// # Errors
/// When the options contradict themselves or the listener is unusable. Failing connections do not end the server.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    mut options: Options,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    options.listen = listener
        .local_addr()
        .map_err(|source| ServeError::Listener { source })?;
    let Limits {
        connections,
        head,
        drain,
        ..
    } = options.limits;
    let router = build(service, &options, stop.clone())?;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(HEAD_BYTES);
    let permits = Arc::new(Semaphore::new(connections));
    let graceful = GracefulShutdown::new();
    let kill = CancellationToken::new();
    while let Some((stream, peer, permit)) = next_connection(&listener, &permits, &stop).await {
        let service = router
            .clone()
            .map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(peer);
                request
            });
        let connection =
            http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = graceful.watch(connection);
        let kill = kill.clone();
        tokio::spawn(async move {
            let _permit = permit;
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                },
                () = kill.cancelled() => {}
            }
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = sleep(drain) => tracing::warn!("requests that did not end in time were cut off"),
    }
    kill.cancel();
    Ok(())
}

/// The next connection within the limit; `None` when it is time to stop.
async fn next_connection(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, Peer, OwnedSemaphorePermit)> {
    let accept = async {
        let permit = Arc::clone(permits).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, address)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "small answers of a connection may be late");
                    }
                    return Some((stream, Peer(address.ip().to_canonical()), permit));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        accepted = accept => accepted,
    }
}
