//! The job runner: leases a job, runs its steps, keeps its secrets out of the log, leaves nothing behind.
//!
//! It speaks to the server through `coffer-client` only and knows nothing of its model, keys or database: it may run
//! on another machine, under another user. What a **task** sees (environment, folders, logging commands) is what
//! Azure Pipelines shows it; what the agent says to the server is Coffer's own small protocol.
//!
//! [`session`] asks for jobs → [`dispatcher`] owns one and its lease → [`executor`] walks its steps → [`task`] runs
//! one, in [`process`]es, with an [`environment`], inside a [`workspace`]. Everything a step says goes through
//! [`commands`], [`masker`] and [`log`] into the [`journal`], and from there to the server.

mod ambient;
mod commands;
mod dispatcher;
mod environment;
mod executor;
mod identity;
mod job_variables;
mod journal;
mod log;
mod masker;
mod outcome;
mod process;
mod session;
mod task;
mod witness;
mod workspace;

pub use identity::IdentityError;
pub use process::Grace;
pub use workspace::WorkspaceError;

use coffer_client::ClientError;
use coffer_client::agent::AgentClient;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zeroize::Zeroizing;

/// `Agent.Version`: which agent of Azure Pipelines a task may take this one for. Apart from Coffer's own version.
pub const COMPATIBILITY_VERSION: &str = "4.260.0";

/// What an agent is started with.
pub struct AgentOptions {
    /// The organization's URL, such as `http://127.0.0.1:8080/DefaultCollection`.
    pub url: String,
    /// The agent's name, unique in its pool.
    pub name: String,
    /// The pool; empty for the default one.
    pub pool: String,
    /// The work folder. One agent each; everything of a job in it is removed.
    pub work: PathBuf,
    /// A `cof_agent_` token. Needed for the first start only.
    pub registration_token: Option<Zeroizing<String>>,
    /// More certificate authorities to trust, PEM. Jobs see it as `Agent.CAInfo`.
    pub ca_file: Option<PathBuf>,
    /// Stop after one job.
    pub once: bool,
    /// The `PATH` of steps. The agent reads no environment of its own.
    pub path: String,
    /// How long processes may take to end.
    pub grace: Grace,
    /// What counts as a minute of a time-out. Shorter in tests only.
    pub minute: Option<Duration>,
}

impl AgentOptions {
    /// Options with the usual values, for an agent of this name in this folder.
    pub fn new(url: impl Into<String>, name: impl Into<String>, work: impl Into<PathBuf>) -> Self {
        Self {
            url: url.into(),
            name: name.into(),
            pool: String::new(),
            work: work.into(),
            registration_token: None,
            ca_file: None,
            once: false,
            path: environment::DEFAULT_PATH.into(),
            grace: Grace::default(),
            minute: None,
        }
    }

    fn minute(&self) -> Duration {
        self.minute.unwrap_or(Duration::from_secs(60))
    }
}

impl fmt::Debug for AgentOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentOptions")
            .field("url", &self.url)
            .field("name", &self.name)
            .field("pool", &self.pool)
            .field("work", &self.work)
            .field(
                "registration_token",
                &self.registration_token.as_ref().map(|_| "redacted"),
            )
            .field("once", &self.once)
            .finish_non_exhaustive()
    }
}

/// Why an agent ended.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The work folder cannot be used, or could not be emptied.
    #[error("the work folder cannot be used")]
    Workspace(#[from] WorkspaceError),
    /// The agent's identity cannot be read or written.
    #[error("the agent's identity cannot be used")]
    Identity(#[from] IdentityError),
    /// The URL or the CA file cannot be used.
    #[error("the server cannot be addressed")]
    Client(#[from] ClientError),
    /// The CA file's path cannot be made absolute.
    #[error("the CA file's path cannot be used")]
    CaFile(#[source] std::io::Error),
    /// There is no identity for this server, name and pool, and no token to get one.
    #[error(
        "the agent is not registered here; start it once with a registration token (cof_agent_…)"
    )]
    NotRegistered,
    /// The server does not take the agent or its token.
    #[error(
        "the server does not accept this agent; check the machine's clock, or remove .agent.json from the work folder and start it once with a new registration token"
    )]
    NotAccepted {
        /// What the server said.
        #[source]
        source: Box<ClientError>,
    },
}

/// Runs an agent until `stop` is cancelled, or after one job with [`AgentOptions::once`]. A running job is cancelled
/// then, cleans up, and is reported.
///
/// Sets the umask of the whole process to 077, and switches core dumps off.
///
/// # Errors
/// [`AgentError`]. A server that is away for a while is no error.
pub async fn run(options: AgentOptions, stop: CancellationToken) -> Result<(), AgentError> {
    Box::pin(session::run(options, stop)).await
}

/// A running agent, as its parts see it.
struct Agent {
    options: AgentOptions,
    client: AgentClient,
    capabilities: BTreeMap<String, String>,
}

/// What a job may know of its agent.
struct Described {
    id: Uuid,
    name: String,
    machine: String,
    ca_file: Option<PathBuf>,
}

impl Agent {
    fn described(&self) -> Described {
        Described {
            id: self.client.agent_id(),
            name: self.options.name.clone(),
            machine: machine_name(),
            ca_file: self.options.ca_file.clone(),
        }
    }
}

fn machine_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "unknown".into(), |name| name.trim().to_owned())
}
