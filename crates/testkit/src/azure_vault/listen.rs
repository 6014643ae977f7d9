//! Sockets of the double: TLS for the vault and the sign-in, plain HTTP for the metadata service. Must not know what is
//! answered.

use super::{Shared, identity, requests};
use axum::Router;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub(super) async fn bind(address: SocketAddr) -> TcpListener {
    TcpListener::bind(address).await.unwrap()
}

/// Serves both; what it returns ends it, connections included.
pub(super) fn serve(
    shared: &Arc<Shared>,
    secure: TcpListener,
    plain: TcpListener,
    [certificate, key]: &[String; 2],
) -> Vec<JoinHandle<()>> {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let vault = Router::new()
        .fallback(requests::answer)
        .with_state(shared.clone());
    let metadata = Router::new()
        .fallback(identity::metadata)
        .with_state(shared.clone());
    vec![
        tokio::spawn(accept(secure, Some(acceptor), vault)),
        tokio::spawn(accept(plain, None, metadata)),
    ]
}

/// Serves each connection that comes, for as long as this is awaited.
pub(crate) async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, router: Router) {
    // Dropped with this task, and with it every connection.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let service = TowerToHyperService::new(router.clone());
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            let http = hyper::server::conn::http1::Builder::new();
            // Clients go away as they like.
            let _ended = match acceptor {
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await,
                    Err(_) => Ok(()),
                },
                None => http.serve_connection(TokioIo::new(stream), service).await,
            };
        });
    }
}
