//! How the server listens and what it puts up with. Plain values: reading configuration is the app's work.

use crate::{Proxies, Tls};
use std::net::SocketAddr;
use std::time::Duration;

/// Where the server listens, and how the world sees it.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address it listens on. `serve` corrects the port to the one the listener really has.
    pub listen: SocketAddr,
    /// `http(s)://host[:port][/prefix]` as clients see it, without the organization. Needed unless clients come over
    /// the loopback interface.
    pub public_url: Option<String>,
    /// Path before the organization, such as `/tfs`. When absent, the path of `public_url`. A request with and one
    /// without the prefix mean the same, so that a proxy may strip it or leave it.
    pub prefix: Option<String>,
    /// The reverse proxies before the server, whose `X-Forwarded-*` count. With some, and without TLS, nobody else but this
    /// machine is served.
    pub proxies: Proxies,
    /// Serve TLS with this. Without it: plain HTTP.
    pub tls: Option<Tls>,
    /// Whether a request must say its `api-version` as the original wants it: with every write, and with the word preview
    /// for what was never released.
    pub strict_api_version: bool,
    /// Times and sizes.
    pub limits: Limits,
}

impl Options {
    /// A server for clients on this machine, with the usual limits.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            public_url: None,
            prefix: None,
            proxies: Proxies::default(),
            tls: None,
            strict_api_version: false,
            limits: Limits::default(),
        }
    }
}

/// Times and numbers that keep one client from hurting the others.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once; more wait in the listener's queue.
    pub connections: usize,
    /// How long a request's head may take; also how long a kept connection may be idle.
    pub head: Duration,
    /// How long a client may take from connecting to the end of its TLS handshake.
    pub handshake: Duration,
    /// How long a body may stand still.
    pub body_idle: Duration,
    /// How long a JSON body may take in all.
    pub body_total: Duration,
    /// How long an upload may take in all.
    pub upload_total: Duration,
    /// How long a refused body is read on, so that its sender gets to read the answer.
    pub linger: Duration,
    /// How long an agent's call for a job may wait.
    pub lease_wait: Duration,
    /// How long requests may take to end after the server was told to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            head: Duration::from_secs(30),
            handshake: Duration::from_secs(10),
            body_idle: Duration::from_secs(30),
            body_total: Duration::from_secs(60),
            upload_total: Duration::from_secs(600),
            linger: Duration::from_secs(5),
            lease_wait: Duration::from_secs(50),
            drain: Duration::from_secs(30),
        }
    }
}
