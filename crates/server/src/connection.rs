//! One connection, from its first byte to its end: which language the client speaks, the TLS handshake, HTTP.
//!
//! A client that speaks the wrong one is told so: plain HTTP on a port for TLS gets an answer it can read, TLS on a
//! plain port gets closed with a line in the log. Nothing is redirected, since a redirect comes after the token. It
//! must not know what a request asks for.

use crate::auth::Peer;
use crate::bare::{Spoken, Talk};
use crate::{Limits, Tls};
use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use hyper_util::service::TowerToHyperService;
use rustls::AlertDescription;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Largest head of a request. Job tokens may run to kilobytes.
const HEAD_BYTES: usize = 64 * 1024;
/// The first byte of a TLS connection: a record of the handshake (RFC 8446, 5.1). No HTTP method begins so.
const HANDSHAKE_RECORD: u8 = 22;

/// What all connections share.
pub(crate) struct Connections {
    http: http1::Builder,
    /// The server.
    router: Router,
    /// What answers plain HTTP on a port for TLS.
    misdirected: Router,
    tls: Option<Tls>,
    handshake: Duration,
    linger: Duration,
    /// When it is time to stop.
    stop: CancellationToken,
    /// When requests that still run are cut off.
    kill: CancellationToken,
}

impl Connections {
    pub(crate) fn new(
        router: Router,
        misdirected: Router,
        tls: Option<Tls>,
        limits: &Limits,
        stop: CancellationToken,
    ) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(HEAD_BYTES);
        Self {
            http,
            router,
            misdirected,
            handshake: match tls {
                Some(_) => limits.handshake,
                None => limits.head,
            },
            tls,
            linger: limits.linger,
            stop,
            kill: CancellationToken::new(),
        }
    }

    /// Ends every connection, whatever it does.
    pub(crate) fn kill(&self) {
        self.kill.cancel();
    }

    /// Serves a connection to its end.
    pub(crate) async fn serve(&self, stream: TcpStream, address: IpAddr, watcher: Watcher) {
        // Who has not said anything yet is not waited for.
        let opened = tokio::select! {
            biased;
            () = self.stop.cancelled() => return,
            opened = timeout(self.handshake, Box::pin(self.open(stream, address))) => opened,
        };
        match opened {
            Ok(Some(Opened::Plain(stream))) => {
                self.http(stream, &self.router, address, watcher).await;
            }
            Ok(Some(Opened::Tls(stream))) => {
                self.http(*stream, &self.router, address, watcher).await;
            }
            Ok(Some(Opened::Misdirected(stream))) => {
                self.http(stream, &self.misdirected, address, watcher).await;
            }
            Ok(None) => {}
            Err(_) => {
                tracing::debug!(%address, "a client said nothing, or did not finish its TLS handshake in time");
            }
        }
    }

    /// Waits for the first byte, and does the handshake if there is one to do.
    async fn open(&self, stream: TcpStream, address: IpAddr) -> Option<Opened> {
        let mut first = [0];
        // Looked at, and left where it is.
        let speaks_tls = match stream.peek(&mut first).await {
            Ok(1) => first[0] == HANDSHAKE_RECORD,
            _ => return None,
        };
        match &self.tls {
            None if speaks_tls => {
                tracing::warn!(
                    %address,
                    "a client spoke TLS to a port that serves plain HTTP, and was closed: use http:// here, or configure server.tls_certificate and server.tls_key"
                );
                None
            }
            None => Some(Opened::Plain(stream)),
            Some(_) if !speaks_tls => Some(Opened::Misdirected(stream)),
            Some(tls) => match tls.acceptor().accept(stream).await {
                Ok(stream) => Some(Opened::Tls(Box::new(stream))),
                Err(error) => {
                    failed_handshake(address, &error);
                    None
                }
            },
        }
    }

    async fn http(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        router: &Router,
        address: IpAddr,
        watcher: Watcher,
    ) {
        let talk = Talk::default();
        let (begins, ends) = (talk.clone(), talk.clone());
        let service = router
            .clone()
            .map_request(move |mut request: Request<Incoming>| {
                begins.begin();
                request.extensions_mut().insert(Peer(address));
                request
            })
            .map_response(move |response| ends.watch(response));
        let stream = TokioIo::new(Spoken::new(stream, talk, self.linger));
        let connection = self
            .http
            .serve_connection(stream, TowerToHyperService::new(service));
        tokio::select! {
            ended = watcher.watch(connection) => if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke");
            },
            () = self.kill.cancelled() => {}
        }
    }
}

/// A connection that HTTP can be spoken on.
enum Opened {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
    /// Plain, where TLS was wanted.
    Misdirected(TcpStream),
}

/// A client that does not trust the certificate says so on its way out, and that is worth a line: its owner will ask.
fn failed_handshake(address: IpAddr, error: &std::io::Error) {
    let cause = error.get_ref().and_then(|error| error.downcast_ref());
    let distrust = matches!(
        cause,
        Some(rustls::Error::AlertReceived(
            AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
        ))
    );
    if distrust {
        tracing::warn!(%address, %error, "a client does not trust this server's certificate: docs/on-premises.md says how clients learn of a private authority");
    } else {
        tracing::debug!(%address, %error, "a TLS handshake failed");
    }
}
