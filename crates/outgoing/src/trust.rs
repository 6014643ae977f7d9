//! Which certificates are believed: the system's authorities and those that the operator added. Knows no host.

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::sync::{Arc, OnceLock};

/// Read when the first TLS connection is made, so that nothing is read where none is.
pub(crate) struct Trust {
    more: Vec<Vec<u8>>,
    config: OnceLock<Arc<ClientConfig>>,
}

impl Trust {
    pub(crate) fn new(more: Vec<Vec<u8>>) -> Self {
        Self {
            more,
            config: OnceLock::new(),
        }
    }

    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let mut roots = RootCertStore::empty();
        for root in &self.more {
            roots.add(CertificateDer::from(root.clone()))?;
        }
        // A machine without authorities of its own still reaches what the operator's vouch for.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(self.config.get_or_init(|| Arc::new(config)).clone())
    }
}
