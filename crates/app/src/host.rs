//! The composition root: store, keys, service and HTTP server put together in one process.
//!
//! `serve` and `demo` differ in where things are and what they print; what they start is the same.

pub(crate) mod keys;

use crate::anchor_file::AnchorFile;
use crate::checkpoints::Checkpoints;
use crate::config::{Config, Database};
use crate::error::{CommandError, Exit, Result};
use crate::tls;
use coffer_keys::{Entropy, os_entropy};
use coffer_model::rotation::GenerationState;
use coffer_outgoing::{Outgoing, Policy};
use coffer_server::Tls;
use coffer_service::{
    AnchorPlace, Anchoring, FirstStart, KeyOptions, NotePlace, Providers, Service,
};
use coffer_store::{Hold, Store};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The name of the project that the first start makes.
pub(crate) const FIRST_PROJECT: &str = "Main";

/// A running server.
pub(crate) struct Host {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What the operator must be told when this is the first start.
    pub(crate) first: Option<FirstStart>,
    /// The root key file, if it was made now.
    pub(crate) new_key: Option<PathBuf>,
    service: Service,
    stop: CancellationToken,
    serving: JoinHandle<std::result::Result<(), coffer_server::ServeError>>,
    duties: JoinHandle<()>,
    /// Reads the certificate again.
    renewal: Option<JoinHandle<()>>,
    scheme: &'static str,
    hold: Hold,
}

impl Host {
    /// Opens everything and begins to serve. What can be wrong is found before the first request.
    pub(crate) async fn start(config: &Config, stop: CancellationToken) -> Result<Self> {
        let pair = tls::load(config)?;
        private_folder(&config.storage.data)?;
        let Opened {
            service,
            first,
            new_file,
            hold,
        } = open(config, None).await?;
        let listener = TcpListener::bind(config.server.listen)
            .await
            .map_err(|error| {
                CommandError::new(
                    Exit::Invalid,
                    format!("{} cannot be listened on", config.server.listen),
                )
                .because(&error)
                .hint("end what listens there, or choose another port with --listen")
            })?;
        let address = listener.local_addr().map_err(|error| {
            CommandError::new(Exit::Internal, "the listener has no address").because(&error)
        })?;
        let mut options = coffer_server::Options::new(address);
        options.public_url.clone_from(&config.server.public_url);
        options.proxies.clone_from(&config.server.proxies);
        let mut renewal = None;
        if let Some(pair) = pair {
            for warning in tls::warnings(config, &pair) {
                tracing::warn!("{warning}");
            }
            let expires = pair.expires();
            let (tls, hangup) = (Tls::new(pair), tls::hangup()?);
            renewal = Some(tokio::spawn(tls::watch(
                config.clone(),
                tls.clone(),
                expires,
                hangup,
                stop.clone(),
            )));
            options.tls = Some(tls);
        }
        let scheme = match options.tls {
            Some(_) => "https",
            None => "http",
        };
        options.strict_api_version = config.server.strict_api_version;
        let serving = tokio::spawn(coffer_server::serve(
            listener,
            service.clone(),
            options,
            stop.clone(),
        ));
        let duties = {
            let (service, stop) = (service.clone(), stop.clone());
            tokio::spawn(async move { service.run_duties(stop).await })
        };
        Ok(Self {
            address,
            first,
            new_key: new_file,
            service,
            stop,
            serving,
            duties,
            renewal,
            scheme,
            hold,
        })
    }

    /// The organization's URL on this machine.
    pub(crate) fn url(&self) -> String {
        format!(
            "{}://{}/{}",
            self.scheme,
            self.address,
            self.service.organization().name
        )
    }

    /// Waits until the server was told to stop, and closes everything.
    pub(crate) async fn finish(self) -> Result {
        let served = self.serving.await;
        self.stop.cancel();
        // A duty that panicked is in the log; the end is the same.
        _ = self.duties.await;
        if let Some(renewal) = self.renewal {
            _ = renewal.await;
        }
        self.service.close().await;
        self.hold.release().await;
        match served {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                Err(CommandError::new(Exit::Internal, "the server ended").because(&error))
            }
            Err(error) => {
                Err(CommandError::new(Exit::Internal, "the server ended").because(&error))
            }
        }
    }
}

/// The service, not yet served.
pub(crate) struct Opened {
    pub(crate) service: Service,
    pub(crate) first: Option<FirstStart>,
    /// The root key file, if it was made now.
    new_file: Option<PathBuf>,
    /// Shows that the database is in use.
    hold: Hold,
}

/// Opens database, keys and service. With `accept`, also a database that is behind its anchor, for this reason.
pub(crate) async fn open(config: &Config, accept: Option<String>) -> Result<Opened> {
    let entropy: Arc<Entropy> = Arc::new(os_entropy);
    let store = store(config, &entropy).await?;
    let hold = store.hold(false).await.map_err(|error| {
        CommandError::new(Exit::Invalid, "the database cannot be used").because(&error)
    })?;
    let hold = hold.ok_or_else(|| {
        CommandError::new(
            Exit::Conflict,
            "the database is in use by a command that must be alone",
        )
        .hint("wait until `coffer key move` has ended")
    })?;
    let connected = providers(config, &store, &entropy).await?;
    let (service, first) = service(config, store, connected.options, accept, entropy).await?;
    Ok(Opened {
        service,
        first,
        new_file: connected.new_file,
        hold,
    })
}

/// The service over an open database.
pub(crate) async fn service(
    config: &Config,
    store: Store,
    options: KeyOptions,
    accept: Option<String>,
    entropy: Arc<Entropy>,
) -> Result<(Service, Option<FirstStart>)> {
    let places = anchor_places(config, &options.providers);
    Service::open(coffer_service::Options {
        store,
        keys: options,
        entropy,
        organization: config.server.organization.clone(),
        project: FIRST_PROJECT.to_owned(),
        deployment: config.deployment.id.clone(),
        lease_seconds: config.jobs.lease_seconds,
        outgoing: Outgoing::new(outgoing(config)?),
        sessions: config.sign_in.sessions,
        sign_in_provider: config.provider.clone(),
        keeper: checkpoints(config)?,
        anchoring: Anchoring {
            places,
            required: config.keys.anchor_required,
            accept,
        },
        audit_retention_days: config.audit.retention_days,
        break_glass_officers: config.break_glass.officers.clone(),
    })
    .await
    .map_err(refused)
}

/// How the configured database is opened.
pub(crate) fn store_options(config: &Config, entropy: &Arc<Entropy>) -> coffer_store::Options {
    coffer_store::Options {
        database: database(&config.storage.database),
        blobs: config.storage.data.join("blobs"),
        scale_unit: config.keys.scale_unit.clone(),
        entropy: entropy.clone(),
    }
}

/// The database.
pub(crate) async fn store(config: &Config, entropy: &Arc<Entropy>) -> Result<Store> {
    Store::open(store_options(config, entropy))
        .await
        .map_err(|error| {
            CommandError::new(Exit::Invalid, "the database cannot be used").because(&error)
        })
}

/// The key providers, among which must be those that the database needs.
pub(crate) async fn providers(
    config: &Config,
    store: &Store,
    entropy: &Arc<Entropy>,
) -> Result<keys::Connected> {
    let needed = needed(store).await?;
    keys::connect(&config.keys, &needed, entropy).await
}

/// The key providers that a configuration names, which hold data already unless it is `new`.
pub(crate) async fn connect_all(
    config: &Config,
    new: bool,
    entropy: &Arc<Entropy>,
) -> Result<KeyOptions> {
    let held = keys::Needed {
        provider: config.keys.provider.kind().word().to_owned(),
        active: true,
    };
    let needed: &[keys::Needed] = if new { &[] } else { &[held] };
    Ok(keys::connect(&config.keys, needed, entropy).await?.options)
}

/// Where the anchor is kept.
pub(crate) fn anchor_places(config: &Config, providers: &Providers) -> Vec<Arc<dyn AnchorPlace>> {
    let unit = &config.keys.scale_unit;
    let mut places: Vec<Arc<dyn AnchorPlace>> = Vec::new();
    for note in NotePlace::all(providers, unit) {
        places.push(Arc::new(note));
    }
    if let Some(path) = &config.keys.anchor_file {
        places.push(Arc::new(AnchorFile::new(path)));
    }
    places
}

/// Refuses a SQLite file that is not there: opening it would make a new one.
pub(crate) fn must_exist(config: &Config) -> Result {
    if let Database::Sqlite(path) = &config.storage.database
        && !path.exists()
    {
        return Err(CommandError::new(
            Exit::NotFound,
            format!("there is no database {}", path.display()),
        )
        .hint("name the server's own with --data or --config"));
    }
    Ok(())
}

/// The key providers that hold what the data is sealed under: none while nothing is.
async fn needed(store: &Store) -> Result<Vec<keys::Needed>> {
    let asked = async { store.read().await?.generations().await };
    let all = asked.await.map_err(|error| {
        CommandError::new(Exit::Invalid, "the database cannot be read").because(&error)
    })?;
    let open = all.into_iter().filter_map(|row| match row.state {
        GenerationState::Active => Some((row.provider, true)),
        GenerationState::Draining => Some((row.provider, false)),
        GenerationState::Retired | GenerationState::Disabled | GenerationState::Destroyed => None,
    });
    Ok(open
        .map(|(provider, active)| keys::Needed { provider, active })
        .collect())
}

/// What the service says when it cannot open, with its own hints.
pub(crate) fn refused(error: coffer_service::Error) -> CommandError {
    let failed = CommandError::new(Exit::Invalid, error.message.clone())
        .because(std::error::Error::source(&error).unwrap_or(&error));
    error
        .hints
        .iter()
        .fold(failed, |failed, hint| failed.hint(hint.clone()))
}

/// What the server may call, with the authorities that the operator trusts.
fn outgoing(config: &Config) -> Result<Policy> {
    let policy = config.outgoing.policy.clone();
    let Some(path) = &config.outgoing.ca_file else {
        return Ok(policy);
    };
    let pem = std::fs::read(path)
        .map_err(|error| CommandError::file("cannot read the authorities in", path, &error))?;
    policy.trust_pem(&pem).map_err(|error| {
        CommandError::new(
            Exit::Invalid,
            format!("outgoing.ca_file cannot be used: {}", path.display()),
        )
        .because(&error)
    })
}

/// The outside place for checkpoints. What is wrong with it is found at the start.
pub(crate) fn checkpoints(
    config: &Config,
) -> Result<Option<Arc<dyn coffer_service::RecordKeeper>>> {
    let Some(path) = &config.audit.checkpoints else {
        return Ok(None);
    };
    let file = Checkpoints::open(path)
        .map_err(|error| CommandError::file("cannot write checkpoints to", path, &error))?;
    Ok(Some(Arc::new(file)))
}

/// Makes a folder that only its owner may look into.
pub(crate) fn private_folder(path: &Path) -> Result {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| CommandError::file("cannot make the folder", path, &error))
}

/// How the store wants the configured database.
pub(crate) fn database(database: &Database) -> coffer_store::Database {
    match database {
        Database::Sqlite(path) => coffer_store::Database::Sqlite(path.clone()),
        Database::Postgres(url) => coffer_store::Database::Postgres(url.to_string()),
    }
}
