//! The accept loop: connections, their number, and a graceful end. What happens on one is [`crate::connection`]'s.

use crate::connection::Connections;
use crate::{Limits, Options, app, routes};
use coffer_service::Service;
use hyper_util::server::graceful::GracefulShutdown;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

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
/// Waiting calls of agents end at once, without a job. HTTP/1.1, over TLS where [`Options::tls`] says so; plain HTTP on
/// the loopback interface or behind a proxy is the caller's decision.
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
        connections: most,
        drain,
        ..
    } = options.limits;
    let app = app(service, &options, stop.clone())?;
    let connections = Arc::new(Connections::new(
        routes::router(app.clone()),
        routes::misdirected(app),
        options.tls,
        &options.limits,
        stop.clone(),
    ));
    let permits = Arc::new(Semaphore::new(most));
    let graceful = GracefulShutdown::new();
    while let Some((stream, peer, permit)) = next_connection(&listener, &permits, &stop).await {
        let (connections, watcher) = (Arc::clone(&connections), graceful.watcher());
        tokio::spawn(async move {
            let _permit = permit;
            connections.serve(stream, peer, watcher).await;
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = sleep(drain) => tracing::warn!("requests that did not end in time were cut off"),
    }
    connections.kill();
    Ok(())
}

/// The next connection within the limit; `None` when it is time to stop.
async fn next_connection(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let accept = async {
        let permit = Arc::clone(permits).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, address)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "small answers of a connection may be late");
                    }
                    return Some((stream, address.ip().to_canonical(), permit));
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
