//! A proxy on loopback that makes a service behind it fail in ways that the service itself, or its double, does not
//! show: put it between a key service and who calls it.
//!
//! [`FaultProxy::http`] understands plain HTTP/1.1, answers in the service's place and counts calls; [`FaultProxy::tcp`]
//! passes bytes of any kind, such as TLS, and counts connections. One kind of trouble holds until it is ended. Knows
//! nothing of any service.

mod http;
mod tcp;

use crate::samples::random;
use ::http::StatusCode;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What is wrong with the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody listens, and connections that were open are gone.
    Refuses,
    /// It takes calls and never answers. The service does not hear of them. What hangs goes on hanging.
    Hangs,
    /// Each call waits so long before it is passed on.
    Slow(Duration),
    /// It does what it was asked to, and its answer breaks off in the middle.
    Cuts,
    /// It is not asked; this is answered (not by [`FaultProxy::tcp`], which understands nothing).
    Answers {
        /// The status.
        status: StatusCode,
        /// Headers, such as `Retry-After`.
        headers: Vec<(&'static str, String)>,
        /// The body, JSON.
        body: String,
    },
}

impl Trouble {
    /// 429 with `Retry-After`.
    pub fn throttles(seconds: u64) -> Self {
        Self::Answers {
            status: StatusCode::TOO_MANY_REQUESTS,
            headers: vec![("retry-after", seconds.to_string())],
            body: r#"{"errors":["too many calls"]}"#.into(),
        }
    }

    /// An answer of this status, and of no other meaning.
    pub fn answers(status: u16) -> Self {
        Self::Answers {
            status: StatusCode::from_u16(status).unwrap(),
            headers: Vec::new(),
            body: r#"{"errors":["so it was told to answer"]}"#.into(),
        }
    }
}

/// A call that came: its method and its path with the query.
pub type SeenCall = (String, String);

#[derive(Clone)]
struct Shared {
    upstream: SocketAddr,
    state: Arc<Mutex<State>>,
    paused: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    trouble: Option<Trouble>,
    /// Only for calls whose path contains this.
    only: Option<String>,
    /// How many calls it still hits; without a number, all.
    left: Option<usize>,
    calls: Vec<SeenCall>,
    waiting: usize,
    connections: usize,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call, waits while the proxy is paused, and says what is to happen to it.
    async fn arrived(&self, method: &str, path: &str) -> Option<Trouble> {
        {
            let mut state = self.state();
            state.calls.push((method.to_owned(), path.to_owned()));
            state.waiting += 1;
        }
        // The sender is ours: it does not end before this.
        let _open = self
            .paused
            .subscribe()
            .wait_for(|paused| !paused)
            .await
            .is_ok();
        let mut state = self.state();
        state.waiting -= 1;
        if state.only.as_ref().is_some_and(|only| !path.contains(only)) {
            return None;
        }
        match &mut state.left {
            Some(0) => return None,
            Some(left) => *left -= 1,
            None => {}
        }
        state.trouble.clone()
    }
}

/// A running proxy. Ends, with all connections, when it is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    shared: Shared,
    understands_http: bool,
    listening: Option<Listening>,
}

struct Listening {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// A proxy before a service that speaks plain HTTP/1.1.
    pub async fn http(upstream: SocketAddr) -> Self {
        Self::start(upstream, true)
    }

    /// A proxy before a service that speaks anything.
    pub async fn tcp(upstream: SocketAddr) -> Self {
        Self::start(upstream, false)
    }

    fn start(upstream: SocketAddr, understands_http: bool) -> Self {
        // An address of this proxy's own: while it refuses, nobody else takes its port.
        let bytes = random(3);
        let ip = IpAddr::from([127, bytes[0].max(1), bytes[1], bytes[2].clamp(1, 254)]);
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let mut proxy = Self {
            address: listener.local_addr().unwrap(),
            shared: Shared {
                upstream,
                state: Arc::default(),
                paused: watch::Sender::new(false),
            },
            understands_http,
            listening: None,
        };
        proxy.listen(listener);
        proxy
    }

    fn listen(&mut self, listener: TcpListener) {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let (stop, mut stopped) = watch::channel(false);
        let (shared, understands_http) = (self.shared.clone(), self.understands_http);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let client = tokio::select! {
                    client = listener.accept() => client,
                    _told = stopped.changed() => break,
                };
                let Ok((client, _)) = client else { break };
                shared.state().connections += 1;
                let shared = shared.clone();
                connections.spawn(async move {
                    match understands_http {
                        true => http::serve(client, shared).await,
                        false => tcp::pass(client, shared).await,
                    }
                });
            }
            drop(listener);
            connections.shutdown().await;
        });
        self.listening = Some(Listening { stop, task });
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a base URL without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on this is wrong, with every call.
    pub async fn trouble(&mut self, trouble: Trouble) {
        self.set(Some(trouble), None, None).await;
    }

    /// This is wrong with the next `calls` calls whose path contains `path`; all others pass.
    pub async fn trouble_for(&mut self, trouble: Trouble, path: &str, calls: usize) {
        assert!(
            trouble != Trouble::Refuses,
            "who does not listen cannot tell calls apart"
        );
        self.set(Some(trouble), Some(path.to_owned()), Some(calls))
            .await;
    }

    /// All is well again.
    pub async fn end_trouble(&mut self) {
        self.set(None, None, None).await;
    }

    async fn set(&mut self, trouble: Option<Trouble>, only: Option<String>, left: Option<usize>) {
        assert!(
            self.understands_http || !matches!(trouble, Some(Trouble::Answers { .. })),
            "only the proxy for HTTP answers"
        );
        let refuses = trouble == Some(Trouble::Refuses);
        {
            let mut state = self.shared.state();
            state.trouble = trouble;
            state.only = only;
            state.left = left;
        }
        if refuses {
            if let Some(listening) = self.listening.take() {
                let _told = listening.stop.send(true);
                listening.task.await.unwrap();
            }
        } else if self.listening.is_none() {
            self.listen(TcpListener::bind(self.address).unwrap());
        }
    }

    /// From now on calls wait, before anything else happens to them.
    pub fn pause(&self) {
        self.shared.paused.send_replace(true);
    }

    /// Lets the waiting calls, and all later ones, go on.
    pub fn resume(&self) {
        self.shared.paused.send_replace(false);
    }

    /// How many calls wait now.
    pub fn waiting(&self) -> usize {
        self.shared.state().waiting
    }

    /// The calls that came so far, in their order, whatever happened to them.
    pub fn calls(&self) -> Vec<SeenCall> {
        self.shared.state().calls.clone()
    }

    /// How many calls came so far whose path contains `path`.
    pub fn calls_to(&self, path: &str) -> usize {
        let state = self.shared.state();
        state
            .calls
            .iter()
            .filter(|(_, called)| called.contains(path))
            .count()
    }

    /// How many connections were opened so far.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.task.abort();
        }
    }
}

async fn reach(upstream: SocketAddr) -> std::io::Result<TcpStream> {
    TcpStream::connect(upstream).await
}

#[cfg(test)]
mod tests;
