//! What the operator allows beyond the public internet. Knows no network.

use crate::address::{self, Class};
use ipnet::IpNet;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::net::IpAddr;
use std::time::Duration;

/// What may be called, and the bounds of a call.
#[derive(Clone, Debug)]
pub struct Policy {
    hosts: Vec<String>,
    ranges: Vec<IpNet>,
    http: bool,
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) most_answer: usize,
    pub(crate) connect_time: Duration,
    pub(crate) total_time: Duration,
}

/// A part of the policy cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// An entry of the list of allowed targets.
    #[error("'{0}' is not a host name, an address or a range such as 10.2.0.0/16")]
    Target(String),
    /// A certificate authority.
    #[error("it holds no certificates in PEM form, or a broken one")]
    Certificates,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            ranges: Vec::new(),
            http: false,
            roots: Vec::new(),
            most_answer: 1 << 20,
            connect_time: Duration::from_secs(5),
            total_time: Duration::from_secs(30),
        }
    }
}

impl Policy {
    /// Allows a private target: a host name, an address, or a range.
    ///
    /// A host name opens private addresses to that name. What is special (this machine, its link, metadata services)
    /// is opened by its address or range only; the name `localhost` stands for this machine.
    ///
    /// # Errors
    /// [`PolicyError`] when the entry is none of them.
    pub fn allow(mut self, entry: &str) -> Result<Self, PolicyError> {
        let entry = entry.trim();
        let broken = || PolicyError::Target(entry.to_owned());
        if let Ok(address) = entry.trim_matches(['[', ']']).parse::<IpAddr>() {
            self.ranges.push(address::canonical(address).into());
        } else if entry.contains('/') {
            self.ranges.push(entry.parse().map_err(|_| broken())?);
        } else {
            let name = plain(entry);
            let fit = !name.is_empty()
                && name.len() <= 253
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
            if !fit {
                return Err(broken());
            }
            if name == "localhost" {
                self = self.allow("127.0.0.0/8")?.allow("::1")?;
            }
            self.hosts.push(name);
        }
        Ok(self)
    }

    /// Whether targets that [`Policy::allow`] lists may be called without TLS.
    pub fn plain(mut self, allowed: bool) -> Self {
        self.http = allowed;
        self
    }

    /// Trusts a certificate authority besides the system's, as DER.
    pub fn trust(mut self, root: Vec<u8>) -> Self {
        self.roots.push(root);
        self
    }

    /// Trusts certificate authorities besides the system's, as PEM.
    ///
    /// # Errors
    /// [`PolicyError::Certificates`] when there is none, or one cannot be read.
    pub fn trust_pem(mut self, pem: &[u8]) -> Result<Self, PolicyError> {
        let broken = |_| PolicyError::Certificates;
        let mut none = true;
        for root in CertificateDer::pem_slice_iter(pem) {
            let root = root.map_err(broken)?;
            rustls::RootCertStore::empty()
                .add(root.clone())
                .map_err(|_| PolicyError::Certificates)?;
            self.roots.push(root.to_vec());
            none = false;
        }
        if none {
            return Err(PolicyError::Certificates);
        }
        Ok(self)
    }

    /// The longest answer that is read, bytes.
    pub fn most_answer(mut self, bytes: usize) -> Self {
        self.most_answer = bytes;
        self
    }

    /// How long a connection may take, and a whole call.
    pub fn time(mut self, connect: Duration, total: Duration) -> Self {
        self.connect_time = connect;
        self.total_time = total;
        self
    }

    /// Whether the operator listed the name.
    pub(crate) fn lists_host(&self, host: &str) -> bool {
        let host = plain(host);
        self.hosts.contains(&host)
    }

    fn lists_address(&self, address: IpAddr) -> bool {
        self.ranges
            .iter()
            .any(|range| address::holds(range, address))
    }

    /// Whether a connection for `host` may go to `address`.
    pub(crate) fn permits(&self, host: &str, address: IpAddr) -> bool {
        match address::class(address) {
            Class::Public => true,
            Class::Private => self.lists_address(address) || self.lists_host(host),
            Class::Special => self.lists_address(address),
        }
    }

    /// Whether a connection for `host` to `address` may do without TLS.
    pub(crate) fn permits_plain(&self, host: &str, address: IpAddr) -> bool {
        self.http && (self.lists_host(host) || self.lists_address(address))
    }

    /// Whether any connection without TLS could be permitted.
    pub(crate) fn knows_plain(&self) -> bool {
        self.http
    }
}

fn plain(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}
