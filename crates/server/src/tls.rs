//! The server's certificate: from PEM to a pair that is known to be good, and where connections find the current one.
//!
//! It opens no file and looks at no clock: whoever reads the files hands the bytes and the time in. TLS 1.2 and 1.3,
//! HTTP/1.1 only.

use jiff::Timestamp;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, InconsistentKeys, RootCertStore, ServerConfig};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

/// Later than any certificate lives: the last second of the year 9999.
const NEVER: u64 = 253_402_300_799;

/// Why a certificate and a key are not used.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// No certificate in the file.
    #[error(
        "the certificate file holds no PEM certificate (-----BEGIN CERTIFICATE-----); the server's own comes first, then those between it and the authority"
    )]
    NoCertificate,
    /// A certificate that cannot be read.
    #[error("a certificate in the file cannot be read")]
    Certificate {
        /// Why.
        source: rustls::Error,
    },
    /// No key in the file.
    #[error("the key file holds no PEM private key (-----BEGIN PRIVATE KEY-----)")]
    NoKey,
    /// The key has a passphrase.
    #[error(
        "the private key is encrypted, and nobody is there at a start to type its passphrase; write it without one (openssl pkey -in KEY -out NEW) into a file that only the server can read"
    )]
    Encrypted,
    /// The key is of a kind that is not known.
    #[error(
        "the private key cannot be used; RSA of 2048 bits or more, ECDSA P-256 and P-384, and Ed25519 can"
    )]
    Key,
    /// Key and certificate do not belong together.
    #[error(
        "the private key does not belong to the certificate; the first certificate in the file must be the server's own"
    )]
    Mismatch,
    /// Too old.
    #[error("the certificate expired at {0}; renew it")]
    Expired(Timestamp),
    /// Too young.
    #[error("the certificate is valid from {0} only; look at this machine's clock")]
    NotYetValid(Timestamp),
}

/// A certificate with its chain and key, which belong together and are valid now.
pub struct Pair {
    key: Arc<CertifiedKey>,
    expires: Timestamp,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl Pair {
    /// Reads a chain and its key from PEM.
    ///
    /// # Errors
    /// [`PairError`]. Its texts repeat nothing of the key.
    pub fn read(certificates: &[u8], key: &[u8], now: Timestamp) -> Result<Self, PairError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(|_| PairError::NoCertificate)?;
        let own = chain.first().ok_or(PairError::NoCertificate)?;
        let parsed =
            ParsedCertificate::try_from(own).map_err(|source| PairError::Certificate { source })?;
        // Both ways in which PEM says so.
        let encrypted = [
            &b"BEGIN ENCRYPTED PRIVATE KEY"[..],
            b"Proc-Type: 4,ENCRYPTED",
        ];
        if encrypted
            .iter()
            .any(|mark| key.windows(mark.len()).any(|part| part == *mark))
        {
            return Err(PairError::Encrypted);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| PairError::NoKey)?;
        let expires = check_dates(&parsed, now)?;
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => PairError::Mismatch,
            _ => PairError::Key,
        })?;
        Ok(Self {
            key: Arc::new(key),
            expires,
        })
    }

    /// Until when clients accept it.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Whether clients accept it for this host: a DNS name, or an address without brackets.
    pub fn is_for(&self, host: &str) -> bool {
        let (Ok(own), Ok(name)) = (self.key.end_entity_cert(), ServerName::try_from(host)) else {
            return false;
        };
        ParsedCertificate::try_from(own).is_ok_and(|own| verify_server_name(&own, &name).is_ok())
    }
}

/// When the certificate expires, if it is valid now. The verifier looks at the dates before it looks for an authority,
/// so without one the dates are what it complains of first.
fn check_dates(own: &ParsedCertificate<'_>, now: Timestamp) -> Result<Timestamp, PairError> {
    let timestamp = |time: UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
    };
    let complaint = |seconds: u64| {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let algorithms = provider().signature_verification_algorithms.all;
        let roots = RootCertStore::empty();
        verify_server_cert_signed_by_trust_anchor(own, &roots, &[], time, algorithms).err()
    };
    let expires = match complaint(NEVER) {
        Some(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
            not_after,
            ..
        })) => timestamp(not_after),
        _ => Timestamp::MAX,
    };
    match complaint(u64::try_from(now.as_second()).unwrap_or(0)) {
        Some(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
            not_after,
            ..
        })) => Err(PairError::Expired(timestamp(not_after))),
        Some(rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext {
            not_before,
            ..
        })) => Err(PairError::NotYetValid(timestamp(not_before))),
        _ => Ok(expires),
    }
}

/// What connections are accepted with. Clones share the current pair.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Accepts with this pair.
    pub fn new(pair: Pair) -> Self {
        Self(Arc::new(RwLock::new(config(pair))))
    }

    /// From the next connection on, accepts with this pair. Connections that are open stay; sessions of the old pair
    /// are not resumed.
    pub fn replace(&self, pair: Pair) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config(pair);
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let config = self.0.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&config))
    }
}

fn config(pair: Pair) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair.key)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
