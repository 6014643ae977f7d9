//! Calls that the server makes to addresses which people configure: audit streams, providers of sign-in, checks.
//!
//! Whoever may name an address must not reach what only the server can reach. So a name is resolved once, every
//! address it has is looked at, and the connection goes to one of those, with no redirect, no proxy of the
//! environment, a bound on the answer and on the time. Private addresses are reached only when the operator listed
//! them. This crate knows nothing of ours: no store, no key, no rule of the product; and it tries nothing twice.

mod address;
mod error;
mod http_call;
mod policy;
mod resolve;
mod tcp;
mod trust;

pub use error::Error;
pub use policy::{Policy, PolicyError};
pub use resolve::{Resolve, Resolving};
pub use tcp::Connection;

use std::sync::Arc;

/// The one way out. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Outgoing(Arc<Inner>);

struct Inner {
    policy: Arc<Policy>,
    resolver: Arc<resolve::Checked>,
    trust: trust::Trust,
    http: http_call::Clients,
}

impl Outgoing {
    /// A way out with the system's name resolution.
    pub fn new(policy: Policy) -> Self {
        Self::with_resolver(policy, Arc::new(resolve::System))
    }

    /// A way out with another resolver, for tests of what names may do.
    pub fn with_resolver(policy: Policy, resolver: Arc<dyn Resolve>) -> Self {
        let policy = Arc::new(policy);
        Self(Arc::new(Inner {
            resolver: Arc::new(resolve::Checked::new(policy.clone(), resolver)),
            trust: trust::Trust::new(policy.roots.clone()),
            policy,
            http: http_call::Clients::default(),
        }))
    }

    /// Sends one HTTP request and reads the whole answer, whatever its status.
    ///
    /// A redirect is an answer like any other. Nothing is added to the request but what HTTP needs.
    ///
    /// # Errors
    /// [`Error`] when the address may not be called, or does not answer as it must.
    pub async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, Error> {
        http_call::send(&self.0, request).await
    }

    /// Looks at a URL as far as it can be judged without the network, for whoever stores it.
    ///
    /// # Errors
    /// [`Error::Refused`] when no call to it would ever be made.
    pub fn check_url(&self, url: &str) -> Result<(), Error> {
        http_call::judge(&self.0.policy, url).map(drop)
    }

    /// Opens a TCP connection, with TLS when `tls` says so.
    ///
    /// # Errors
    /// [`Error`] when the address may not be called or is not there, and when a connection without TLS is not allowed
    /// to it.
    pub async fn connect(&self, host: &str, port: u16, tls: bool) -> Result<Connection, Error> {
        tcp::connect(&self.0, host, port, tls).await
    }

    /// Looks at a host as far as it can be judged without the network, for whoever stores it.
    ///
    /// # Errors
    /// [`Error::Refused`] when no connection to it would ever be opened.
    pub fn check_host(&self, host: &str, tls: bool) -> Result<(), Error> {
        tcp::judge(&self.0.policy, host, tls).map(drop)
    }
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
