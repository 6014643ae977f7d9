//! A real server on a real socket, with folders and a database of its own.

mod copies;
mod deploy;
mod forged;
mod heard;
mod node;
mod people;

pub use node::Node;

use crate::agent::{RunningAgent, TestAgent};
use crate::anchor::TestPlace;
use crate::browser::Browser;
use crate::call::Answers;
use crate::engine::{Database, Engine};
use crate::keys::KeyFaults;
use crate::tap::Tap;
use crate::user::User;
use crate::wire::Wire;
use crate::{Authority, logs, samples};
use coffer_keys::os_entropy;
use coffer_model::Caller;
use coffer_outgoing::{Outgoing, Policy};
use coffer_seal::KeyProvider;
use coffer_server::{Limits, Options, Pair, Proxies, Tls};
use coffer_service::{Anchoring, ProviderOptions, Service, SessionLife};
use coffer_store::Store;
use coffer_wire::coffer::{FirstSignIn, TokenRequest};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// The first project. A space in its name: clients must escape it.
pub const PROJECT: &str = "Pay Desk";
const ORGANIZATION: &str = "DefaultCollection";
/// What no healthy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whom the configuration names as break-glass officers; there need not be such people.
pub(crate) const OFFICERS: [&str; 5] = ["vera", "wim", "xaver", "yan", "zoe"];

/// How a server is set up.
#[derive(Clone, Copy)]
pub struct Setup {
    /// The HTTP server's times and numbers.
    pub limits: Limits,
    /// How long a job's lease lives without renewal, seconds. Shorter than the window of agents' signatures, so that
    /// agents can still speak after [`TestServer::advance_clock`] has ended a lease.
    pub lease_seconds: u32,
    /// Whether the server does its duties (ending lost jobs) by itself. Switched off for stories that want to see the
    /// moment before.
    pub duties: bool,
    /// Whether the operator lets the server call this machine, without TLS. Stories have their partners here.
    pub calls_this_machine: bool,
    /// Whether a reverse proxy stands before the server, so that a request says itself where it comes from.
    pub behind_proxy: bool,
    /// The proxies whose word counts, where they are others than those nearby.
    pub trusted_proxies: &'static str,
    /// The server's address for clients.
    pub public_url: Option<&'static str>,
    /// Whether it serves TLS, with a certificate of [`TestServer::authority`].
    pub tls: bool,
    /// Whether requests must say their `api-version` as the original wants it.
    pub strict_api_version: bool,
    /// A certificate authority that the operator trusts for such calls, PEM.
    pub trusts: Option<&'static str>,
    /// Whether the database is anchored at [`TestServer::anchor`].
    pub anchored: bool,
    /// Whether a start needs that place.
    pub anchor_required: bool,
    /// Whether libraries say everything too: for stories that search the log.
    pub loud: bool,
    /// Whether the log of this process is kept and searched. Off for measuring.
    pub logs: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            lease_seconds: 30,
            duties: true,
            behind_proxy: false,
            trusted_proxies: "",
            public_url: None,
            tls: false,
            anchored: false,
            anchor_required: false,
            loud: false,
            strict_api_version: false,
            calls_this_machine: true,
            trusts: None,
            logs: true,
        }
    }
}

/// A server. It stops, and everything it stored is removed, when it is dropped.
pub struct TestServer {
    engine: Engine,
    setup: Setup,
    database: Database,
    folder: TempDir,
    address: SocketAddr,
    clock: i64,
    code: Option<Zeroizing<String>>,
    administrator: Option<User>,
    answers: Answers,
    provider: Option<ProviderOptions>,
    authority: Option<Arc<Authority>>,
    tls: Option<Tls>,
    anchor: TestPlace,
    deployment: String,
    key_faults: KeyFaults,
    /// What keeps its root keys, where that is no file.
    key_service: Option<Arc<dyn KeyProvider>>,
    running: Option<Running>,
}

struct Running {
    store: Store,
    service: Service,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl TestServer {
    /// A fresh server with the usual set-up.
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, Setup::default()).await
    }

    /// A fresh server.
    pub async fn start_with(engine: Engine, setup: Setup) -> Self {
        Self::begin(engine, setup, None).await
    }

    async fn begin(
        engine: Engine,
        setup: Setup,
        key_service: Option<Arc<dyn KeyProvider>>,
    ) -> Self {
        if setup.logs {
            logs::capture(setup.loud);
        }
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let mut server = Self {
            engine,
            setup,
            database: Database::create(engine, &data).await,
            folder,
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            clock: 0,
            code: None,
            administrator: None,
            answers: Answers::default(),
            provider: None,
            authority: None,
            tls: None,
            anchor: TestPlace::default(),
            deployment: "test".into(),
            key_faults: KeyFaults::default(),
            key_service,
            running: None,
        };
        if setup.tls {
            let authority = Authority::new();
            std::fs::write(server.ca_path(), authority.pem()).unwrap();
            server.authority = Some(Arc::new(authority));
            server.tls = Some(Tls::new(server.pair(&["127.0.0.1", "localhost"])));
        }
        server.run().await;
        let administrator = server.sign_in("ada.admin").await;
        server.administrator = Some(administrator);
        server
    }

    async fn run(&mut self) {
        self.try_run(None).await.unwrap();
    }

    async fn try_run(&mut self, accept: Option<&str>) -> Result<(), coffer_service::Error> {
        let entropy = Arc::new(os_entropy);
        let store = Store::open(coffer_store::Options {
            database: self.database.place(),
            blobs: self.blobs(),
            scale_unit: "unit-a".into(),
            entropy: entropy.clone(),
        })
        .await
        .unwrap();
        store.advance_clock(self.clock);
        let opened = Service::open(coffer_service::Options {
            store: store.clone(),
            keys: self.keys(),
            entropy,
            organization: ORGANIZATION.into(),
            project: PROJECT.into(),
            deployment: self.deployment.clone(),
            lease_seconds: self.setup.lease_seconds,
            outgoing: self.outgoing(),
            sessions: SessionLife::default(),
            sign_in_provider: self.provider.clone(),
            keeper: None,
            anchoring: self.anchoring(accept),
            audit_retention_days: 0,
            break_glass_officers: OFFICERS.map(str::to_owned).to_vec(),
        })
        .await;
        let (service, first) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                store.close().await;
                return Err(error);
            }
        };
        if let Some(first) = first {
            self.code = Some(first.code);
        }
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let mut options = Options::new(self.address);
        options.limits = self.setup.limits;
        options.proxies = match self.setup.behind_proxy {
            true => Proxies::nearby(),
            false => Proxies::parse(self.setup.trusted_proxies).unwrap(),
        };
        options.public_url = self.setup.public_url.map(str::to_owned);
        options.tls.clone_from(&self.tls);
        options.strict_api_version = self.setup.strict_api_version;
        if self.provider.is_some() {
            options.public_url = Some(format!("http://{}", self.address));
        }
        let stop = CancellationToken::new();
        let mut tasks = Vec::new();
        let (served, until) = (service.clone(), stop.clone());
        tasks.push(tokio::spawn(async move {
            coffer_server::serve(listener, served, options, until)
                .await
                .unwrap();
        }));
        if self.setup.duties {
            let (served, until) = (service.clone(), stop.clone());
            tasks.push(tokio::spawn(async move { served.run_duties(until).await }));
        }
        self.running = Some(Running {
            store,
            service,
            stop,
            tasks,
        });
        Ok(())
    }

    fn anchoring(&self, accept: Option<&str>) -> Anchoring {
        let mut anchoring = Anchoring {
            required: self.setup.anchor_required,
            accept: accept.map(str::to_owned),
            ..Anchoring::default()
        };
        if self.setup.anchored {
            anchoring.places.push(Arc::new(self.anchor.clone()));
        }
        anchoring
    }

    fn outgoing(&self) -> Outgoing {
        let mut policy = Policy::default();
        if self.setup.calls_this_machine {
            policy = policy.allow("localhost").unwrap().plain(true);
        }
        if let Some(pem) = self.setup.trusts {
            policy = policy.trust_pem(pem.as_bytes()).unwrap();
        }
        Outgoing::new(policy)
    }

    async fn sign_in(&self, name: &str) -> User {
        let code = self.code.as_ref().expect("a first start gives a code");
        let token = self
            .nobody()
            .client
            .coffer()
            .sign_in(&FirstSignIn {
                code: code.as_str().to_owned(),
                unique_name: name.into(),
                label: "first".into(),
            })
            .await
            .unwrap()
            .token;
        self.user(name, Some(token.into()))
    }

    /// Starts the server again, with a provider that people sign in at.
    pub async fn use_provider(&mut self, options: ProviderOptions) {
        self.provider = Some(options);
        self.restart().await;
    }

    /// What breaks in units of work of this server.
    pub fn faults(&self) -> coffer_store::Faults {
        self.running().store.faults()
    }

    /// Stops the server in order, and starts it again at the same address.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.run().await;
    }

    /// Stops the server in order.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop.cancel();
            for task in running.tasks {
                task.await.unwrap();
            }
            running.service.close().await;
        }
    }

    /// Moves the clock that leases and expiries are compared with.
    pub fn advance_clock(&mut self, seconds: i64) {
        self.clock += seconds;
        self.running().store.advance_clock(seconds);
    }

    /// Makes every run that starts from now on come from this source; none ends that. Over HTTP there is no such thing:
    /// what a request says of its source is believed by nobody.
    pub fn pretend_source(&self, source: Option<coffer_model::source::RunSource>) {
        self.running().store.pretend_source(source);
    }

    /// The engine it runs on.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The organization's URL.
    pub fn url(&self) -> String {
        format!("{}/{ORGANIZATION}", self.origin())
    }

    /// Where its pages are.
    pub fn origin(&self) -> String {
        let scheme = if self.setup.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The address that it was given for clients.
    pub fn public_url(&self) -> Option<&'static str> {
        self.setup.public_url
    }

    /// Who signed its certificate, when it serves TLS.
    pub fn authority(&self) -> &Authority {
        self.authority.as_deref().expect("it serves TLS")
    }

    /// The file that clients have to trust.
    pub fn ca_file(&self) -> Option<PathBuf> {
        self.setup.tls.then(|| self.ca_path())
    }

    /// What it accepts connections with.
    pub fn tls(&self) -> &Tls {
        self.tls.as_ref().expect("it serves TLS")
    }

    /// A new pair of its authority for these names.
    pub fn pair(&self, names: &[&str]) -> Pair {
        let [certificate, key] = self.authority().issue(names, [2020, 2100]);
        let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
        Pair::read(certificate.as_bytes(), key.as_bytes(), now).unwrap()
    }

    fn ca_path(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The code of the first start.
    pub fn first_code(&self) -> &str {
        self.code.as_ref().expect("a first start gives a code")
    }

    /// The database, past the server.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where long files go on SQLite.
    pub fn blobs(&self) -> PathBuf {
        self.data().join("blobs")
    }

    /// A folder for what a story needs beside the server.
    pub fn scratch(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Who administers the organization.
    pub fn administrator(&self) -> &User {
        self.administrator.as_ref().expect("signed in at the start")
    }

    /// The use cases, for what has no route, or none yet.
    pub fn service(&self) -> &Service {
        &self.running().service
    }

    /// Somebody as the use cases know them.
    pub async fn caller(&self, user: &User) -> Caller {
        let token = Zeroizing::new(user.token().to_owned());
        self.service().sign_in().token(token, None).await.unwrap()
    }

    /// Nobody: no token.
    pub fn nobody(&self) -> User {
        self.user("nobody", None)
    }

    /// Somebody with this token, whatever it is.
    pub fn holder(&self, token: &str) -> User {
        self.user("holder", Some(token.to_owned().into()))
    }

    /// A token that registers agents.
    pub async fn agent_token(&self) -> Zeroizing<String> {
        self.administrator()
            .client
            .coffer()
            .create_token(&TokenRequest {
                label: "agents".into(),
                days: 1,
                user: None,
                kind: Some(coffer_wire::enums::TokenKind::Agent),
                scope: None,
            })
            .await
            .unwrap()
            .token
            .into()
    }

    /// A registered agent that a test leads by the hand.
    pub async fn agent(&self, name: &str) -> TestAgent {
        let token = self.agent_token().await;
        TestAgent::register(self, name, &token, &self.url(), self.ca_file()).await
    }

    /// The same, that comes by another way.
    pub async fn agent_at(&self, name: &str, url: &str, ca_file: &Path) -> TestAgent {
        let token = self.agent_token().await;
        TestAgent::register(self, name, &token, url, Some(ca_file.to_owned())).await
    }

    /// Runs the real agent in this process for one job. Answers with its work folder, for a look at what is left.
    pub async fn run_agent(&self, name: &str) -> PathBuf {
        self.run_agent_at(name, &self.url()).await
    }

    /// As [`TestServer::run_agent`], by another way to the server.
    pub async fn run_agent_at(&self, name: &str, url: &str) -> PathBuf {
        self.run_agent_with(name, url, |_| {}).await
    }

    /// As [`TestServer::run_agent_at`], set up as `change` says.
    pub async fn run_agent_with(
        &self,
        name: &str,
        url: &str,
        change: impl FnOnce(&mut coffer_agent::AgentOptions),
    ) -> PathBuf {
        let work = self.scratch(&format!("work-{name}"));
        let mut options = coffer_agent::AgentOptions::new(url, name, &work);
        options.registration_token = Some(self.agent_token().await);
        options.once = true;
        options.ca_file = self.ca_file();
        change(&mut options);
        let run = coffer_agent::run(options, CancellationToken::new());
        tokio::time::timeout(PATIENCE, run)
            .await
            .expect("the agent gets a job and ends it")
            .unwrap();
        work
    }

    /// Starts the real agent in this process, in a work folder that it may know already.
    pub async fn start_agent(&self, name: &str, work: &Path) -> RunningAgent {
        let mut options = coffer_agent::AgentOptions::new(self.url(), name, work);
        options.registration_token = Some(self.agent_token().await);
        options.ca_file = self.ca_file();
        RunningAgent::start(options)
    }

    /// Another way to the server, that hears what it says.
    pub async fn tap(&self) -> Tap {
        Tap::open(self.address, ORGANIZATION).await
    }

    /// A browser that has never been here.
    pub fn browser(&self) -> Browser {
        Browser::new(
            crate::user::plain(self.ca_file().as_deref()),
            self.address.port(),
            self.answers.clone(),
        )
    }

    /// A connection for bytes of the story's own making.
    pub async fn wire(&self) -> Wire {
        Wire::open(self.address, self.answers.clone()).await
    }

    fn user(&self, name: &str, token: Option<Zeroizing<String>>) -> User {
        User::new(
            name,
            self.url(),
            token,
            self.answers.clone(),
            self.ca_file(),
        )
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the server runs")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop.cancel();
            for task in running.tasks {
                task.abort();
            }
        }
    }
}

/// Waits for something that happens by itself. Gives up after a time that no healthy machine needs.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waiting = async {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        while !holds().await {
            look.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

/// The names in a folder, sorted; none where there is no folder.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

impl TestServer {
    /// Names of blobs in the blob folder, sorted. Empty on PostgreSQL, where blobs are rows.
    pub fn blob_names(&self) -> Vec<String> {
        names_in(&self.blobs())
    }

    /// Bytes of a random name that is unlike any other.
    pub fn unique(&self, prefix: &str) -> String {
        format!("{prefix}-{}", hex::encode(samples::random(4)))
    }
}
