//! Names to addresses, each looked at before anything connects to it.

use crate::error::{Forbidden, Unresolved};
use crate::policy::Policy;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

/// What a resolver returns.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Resolves names.
pub trait Resolve: Send + Sync {
    /// Every address of a name.
    fn resolve(&self, host: &str) -> Resolving;
}

/// The system's resolver.
pub(crate) struct System;

impl Resolve for System {
    fn resolve(&self, host: &str) -> Resolving {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A resolver that gives out permitted addresses only, and none at all when one is not.
pub(crate) struct Checked {
    policy: Arc<Policy>,
    inner: Arc<dyn Resolve>,
}

impl Checked {
    pub(crate) fn new(policy: Arc<Policy>, inner: Arc<dyn Resolve>) -> Self {
        Self { policy, inner }
    }

    /// The addresses to connect to, for a connection with TLS or without.
    pub(crate) async fn addresses(
        &self,
        host: &str,
        tls: bool,
    ) -> Result<Vec<IpAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let found = self.inner.resolve(host).await?;
        if found.is_empty() {
            return Err(Box::new(Unresolved));
        }
        let good = found.iter().all(|address| {
            self.policy.permits(host, *address)
                && (tls || self.policy.permits_plain(host, *address))
        });
        if good {
            Ok(found)
        } else {
            Err(Box::new(Forbidden))
        }
    }
}

/// For the HTTP client. One for each scheme: the client's resolver is told the name only.
pub(crate) struct ForHttp {
    pub(crate) checked: Arc<Checked>,
    pub(crate) tls: bool,
}

impl reqwest::dns::Resolve for ForHttp {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let (checked, tls) = (self.checked.clone(), self.tls);
        Box::pin(async move {
            let found = checked.addresses(name.as_str(), tls).await?;
            let addresses = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as reqwest::dns::Addrs)
        })
    }
}
