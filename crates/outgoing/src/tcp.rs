//! One TCP connection, with or without TLS, to a permitted address.

use crate::Inner;
use crate::error::{Error, Forbidden, Unresolved, caused_by};
use crate::http_call::FORBIDDEN;
use crate::policy::Policy;
use rustls::pki_types::ServerName;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A connection to a permitted address.
#[derive(Debug)]
pub struct Connection(Inside);

#[derive(Debug)]
enum Inside {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Judges a host as far as the network is not needed to know, and returns it without brackets.
pub(crate) fn judge(policy: &Policy, host: &str, tls: bool) -> Result<String, Error> {
    if host.is_empty() {
        return Err(Error::refused("", "it names no host"));
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    if !tls && !policy.knows_plain() {
        return Err(Error::refused(
            bare,
            "without TLS nothing is called, unless the operator has allowed it",
        ));
    }
    if let Ok(address) = bare.parse::<IpAddr>()
        && !(policy.permits(bare, address) && (tls || policy.permits_plain(bare, address)))
    {
        return Err(Error::refused(bare, FORBIDDEN));
    }
    Ok(bare.to_owned())
}

pub(crate) async fn connect(
    inner: &Inner,
    host: &str,
    port: u16,
    tls: bool,
) -> Result<Connection, Error> {
    let host = judge(&inner.policy, host, tls)?;
    let time = inner.policy.connect_time;
    match tokio::time::timeout(time, open(inner, &host, port, tls)).await {
        Ok(result) => result,
        Err(_) => Err(Error::TimedOut { host }),
    }
}

async fn open(inner: &Inner, host: &str, port: u16, tls: bool) -> Result<Connection, Error> {
    let addresses = match host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => inner
            .resolver
            .addresses(host, tls)
            .await
            .map_err(|error| unresolved(host, error))?,
    };
    let targets: Vec<_> = addresses
        .into_iter()
        .map(|address| SocketAddr::new(address, port))
        .collect();
    let failed = |source: io::Error| Error::Connect {
        host: host.to_owned(),
        source: source.into(),
    };
    let stream = TcpStream::connect(&targets[..]).await.map_err(failed)?;
    // Small messages that wait for nothing; without it they would wait for each other. Failing is harmless.
    let _ = stream.set_nodelay(true);
    if !tls {
        return Ok(Connection(Inside::Plain(stream)));
    }
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Error::refused(host, "no certificate can name it"))?;
    let config = inner.trust.config().map_err(|source| Error::Broken {
        host: host.to_owned(),
        source: source.into(),
    })?;
    let stream = TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(failed)?;
    Ok(Connection(Inside::Tls(Box::new(stream))))
}

fn unresolved(host: &str, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    if caused_by::<Forbidden>(&*source) {
        return Error::refused(host, FORBIDDEN);
    }
    let source = if source.is::<io::Error>() {
        source
    } else {
        Box::new(Unresolved)
    };
    Error::Resolve {
        host: host.to_owned(),
        source,
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Inside::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Inside::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Inside::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Inside::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Inside::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Inside::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Inside::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Inside::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
        }
    }
}
