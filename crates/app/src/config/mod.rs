//! Configuration: one `coffer.toml`, the environment and flags, each stronger than the one before.
//!
//! Every value remembers where it came from, and all problems are reported at once. [`keys`] is the one table of
//! what can be set; reading ([`layers`], [`file`]), meaning ([`build`]) and the reference page ([`reference`])
//! follow it. This module opens nothing but the configuration file and the files that secrets are kept in.

mod build;
mod file;
mod folders;
pub(crate) mod keys;
mod layers;
mod oidc;
mod providers;
pub(crate) mod reference;

pub(crate) use folders::user_folder;
pub(crate) use layers::{Flag, HIDDEN, Inputs};
pub(crate) use providers::{FileSettings, ProviderKind, ProviderSettings};

use coffer_outgoing::Policy;
use coffer_server::Proxies;
use coffer_service::SessionLife;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// All that the server is told from outside.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) storage: Storage,
    pub(crate) keys: Keys,
    pub(crate) audit: Audit,
    pub(crate) break_glass: BreakGlass,
    pub(crate) deployment: Deployment,
    pub(crate) log: Log,
    pub(crate) jobs: Jobs,
    pub(crate) sign_in: SignIn,
    pub(crate) outgoing: Outgoing,
    /// Where people sign in besides; its `Debug` shows no secret.
    pub(crate) provider: Option<coffer_service::ProviderOptions>,
}

/// How the server is reached.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    /// Without a slash at the end; `None`: as the request says.
    pub(crate) public_url: Option<String>,
    /// The proxies whose word counts.
    pub(crate) proxies: Proxies,
    /// What to serve TLS with; `None`: plain HTTP.
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) strict_api_version: bool,
    pub(crate) organization: String,
}

/// Where certificate and key are.
#[derive(Debug, Clone)]
pub(crate) struct TlsFiles {
    /// The server's own certificate first, then those up to the authority. PEM.
    pub(crate) certificate: PathBuf,
    /// Its private key. PEM.
    pub(crate) key: PathBuf,
}

/// Where things are kept.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    pub(crate) data: PathBuf,
    pub(crate) database: Database,
}

/// Which database.
#[derive(Clone)]
pub(crate) enum Database {
    /// A file of its own.
    Sqlite(PathBuf),
    /// A connection URL, which may hold a password.
    Postgres(Zeroizing<String>),
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_) => f.write_str("Postgres(redacted)"),
        }
    }
}

/// Which root keys.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    /// Where new ones are made.
    pub(crate) provider: ProviderSettings,
    /// Where older ones are.
    pub(crate) also: Vec<ProviderSettings>,
    pub(crate) scale_unit: String,
    /// Where the anchor is kept besides.
    pub(crate) anchor_file: Option<PathBuf>,
    /// Whether a start needs every place of the anchor.
    pub(crate) anchor_required: bool,
    /// How long an unwrapped project key is kept in memory.
    pub(crate) cache_minutes: u32,
    /// Days after which a retired root key is destroyed.
    pub(crate) horizon_days: u32,
    /// Calls a second that a rotation makes at most.
    pub(crate) rotation_rate: u32,
}

/// How the audit log is kept.
#[derive(Debug, Clone)]
pub(crate) struct Audit {
    /// Where checkpoints are kept outside.
    pub(crate) checkpoints: Option<PathBuf>,
    /// Days that events are kept; 0 for ever.
    pub(crate) retention_days: u32,
}

/// Who breaks glass.
#[derive(Debug, Clone, Default)]
pub(crate) struct BreakGlass {
    /// Sign-in names.
    pub(crate) officers: Vec<String>,
}

/// What is deployed.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    pub(crate) id: String,
}

/// How the server logs.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: LogLevel,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// For programs: an object a line
    Json,
}

/// The least important lines that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// How jobs are leased.
#[derive(Debug, Clone)]
pub(crate) struct Jobs {
    pub(crate) lease_seconds: u32,
}

/// How people sign in.
#[derive(Debug, Clone)]
pub(crate) struct SignIn {
    pub(crate) sessions: SessionLife,
}

/// What the server may call.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) policy: Policy,
    /// More certificate authorities.
    pub(crate) ca_file: Option<PathBuf>,
}

/// A configuration that holds, with the origin of each value.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) entries: Vec<Entry>,
}

/// One effective value, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Entry {
    /// `section.key`.
    pub(crate) key: &'static str,
    /// The value; a secret's is replaced.
    pub(crate) value: String,
    /// `default`, `file:line:column`, `environment NAME` or `flag --name`.
    pub(crate) source: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where, as [`Entry::source`] says it.
    pub(crate) place: String,
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong, and what could be read in spite of it.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) problems: Vec<Problem>,
    pub(crate) entries: Vec<Entry>,
}

/// Reads all layers and checks what they say together.
///
/// # Errors
/// All problems, not only the first.
pub(crate) fn load(inputs: &Inputs) -> Result<Loaded, Broken> {
    let mut problems = Vec::new();
    let settings = layers::merge(inputs, &mut problems);
    let config = build::build(&settings, &mut problems);
    let entries = settings.entries();
    match config {
        Some(config) if problems.is_empty() => Ok(Loaded { config, entries }),
        _ => Err(Broken { problems, entries }),
    }
}

#[cfg(test)]
mod tests;
