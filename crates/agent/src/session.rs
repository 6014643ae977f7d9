//! The agent's life: register once, wipe what a crash left, then lease job after job until told to stop.

use crate::identity::{self, Identity};
use crate::workspace::Workspace;
use crate::{Agent, AgentError, AgentOptions, COMPATIBILITY_VERSION, dispatcher, process, witness};
use coffer_client::agent::AgentClient;
use coffer_client::signing::AgentKey;
use coffer_client::{ClientError, organization_url};
use coffer_wire::agent::Register;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long one call waits for a job, seconds.
const WAIT: u32 = 50;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Runs an agent until `stop`, or after one job with `once`.
pub(crate) async fn run(options: AgentOptions, stop: CancellationToken) -> Result<(), AgentError> {
    // What jobs write belongs to the agent's user alone, and so does everything else it makes.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let mut options = options;
    // Jobs see it, and work in other folders.
    options.ca_file = match options.ca_file.map(std::path::absolute) {
        Some(path) => Some(path.map_err(AgentError::CaFile)?),
        None => None,
    };
    let workspace = Workspace::open(&options.work)?;
    if let Some(mark) = workspace.left_mark() {
        let count = process::kill_marked(&mark).await;
        tracing::warn!(
            count,
            "the agent was ended in the middle of a job: its processes are ended, its folders wiped"
        );
    }
    workspace.wipe()?;
    let capabilities = capabilities(&options);
    let Some(client) = connect(&options, &workspace, &capabilities, &stop).await? else {
        return Ok(());
    };
    let _keeping = match witness::Witness::open(workspace.root()) {
        Some(witness) => Some(witness.begin(client.clone(), stop.clone()).await),
        None => None,
    };
    let agent = Agent {
        options,
        client,
        capabilities,
    };
    tracing::info!(agent = %agent.client.agent_id(), name = %agent.options.name, "the agent waits for jobs");
    let mut pause = FIRST_PAUSE;
    loop {
        let leased = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            leased = agent.client.lease(WAIT) => leased,
        };
        match leased {
            Ok(Some(job)) => {
                pause = FIRST_PAUSE;
                let id = job.job_id;
                tracing::info!(job = %id, run = job.run_id, "a job starts");
                Box::pin(dispatcher::run_job(&agent, &workspace, job, &stop)).await?;
                tracing::info!(job = %id, "the job is over");
                if agent.options.once {
                    return Ok(());
                }
            }
            Ok(None) => pause = FIRST_PAUSE,
            Err(error) if is_final(&error) => {
                return Err(AgentError::NotAccepted {
                    source: Box::new(error),
                });
            }
            Err(error) => {
                tracing::warn!(error = %error, "no job could be asked for; trying again");
                if !rest(&mut pause, &stop).await {
                    return Ok(());
                }
            }
        }
    }
}

/// The connection of a known agent, or of a new one. `None` when told to stop meanwhile.
async fn connect(
    options: &AgentOptions,
    workspace: &Workspace,
    capabilities: &BTreeMap<String, String>,
    stop: &CancellationToken,
) -> Result<Option<AgentClient>, AgentError> {
    let work = workspace.root();
    let url = organization_url(&options.url)?;
    let key = Arc::new(identity::key(work)?);
    let known = identity::load(work)?;
    if let Some(known) = known
        && known.url == url
        && known.name == options.name
        && known.pool == options.pool
    {
        return Ok(Some(AgentClient::new(
            &url,
            options.ca_file.clone(),
            key,
            known.agent_id,
        )?));
    }
    let token = options
        .registration_token
        .as_ref()
        .ok_or(AgentError::NotRegistered)?;
    let mut pause = FIRST_PAUSE;
    loop {
        let registering = register(options, &url, token, &key, capabilities);
        let registered = tokio::select! {
            () = stop.cancelled() => return Ok(None),
            registered = registering => registered,
        };
        match registered {
            Ok((client, unit_key)) => {
                witness::learn(work, unit_key)?;
                let identity = Identity {
                    agent_id: client.agent_id(),
                    url,
                    name: options.name.clone(),
                    pool: options.pool.clone(),
                };
                identity::store(work, &identity)?;
                return Ok(Some(client));
            }
            Err(error) if is_passing(&error) => {
                tracing::warn!(error = %error, "the agent could not be registered; trying again");
                if !rest(&mut pause, stop).await {
                    return Ok(None);
                }
            }
            Err(error) => {
                return Err(AgentError::NotAccepted {
                    source: Box::new(error),
                });
            }
        }
    }
}

async fn register(
    options: &AgentOptions,
    url: &str,
    token: &zeroize::Zeroizing<String>,
    key: &Arc<AgentKey>,
    capabilities: &BTreeMap<String, String>,
) -> Result<(AgentClient, Option<String>), ClientError> {
    let body = Register {
        name: options.name.clone(),
        pool: options.pool.clone(),
        version: COMPATIBILITY_VERSION.into(),
        coffer_version: env!("CARGO_PKG_VERSION").into(),
        public_key: String::new(),
        capabilities: capabilities.clone(),
    };
    let (client, registered) =
        AgentClient::register(url, options.ca_file.clone(), token, Arc::clone(key), body).await?;
    Ok((client, registered.unit_key))
}

/// What the agent offers: what it is, and the tools it finds on its `PATH`.
fn capabilities(options: &AgentOptions) -> BTreeMap<String, String> {
    const TOOLS: [(&str, &str); 14] = [
        ("bash", "bash"),
        ("sh", "sh"),
        ("git", "git"),
        ("curl", "curl"),
        ("make", "make"),
        ("cmake", "cmake"),
        ("docker", "docker"),
        ("java", "java"),
        ("JDK", "javac"),
        ("maven", "mvn"),
        ("node.js", "node"),
        ("npm", "npm"),
        ("python3", "python3"),
        ("ruby", "ruby"),
    ];
    let mut all: BTreeMap<String, String> = TOOLS
        .into_iter()
        .filter_map(|(name, program)| {
            let path = crate::environment::find_program(&options.path, program)?;
            Some((name.to_owned(), path.to_string_lossy().into_owned()))
        })
        .collect();
    let os = if cfg!(target_os = "macos") {
        "Darwin"
    } else {
        "Linux"
    };
    for (name, value) in [
        ("Agent.Name", options.name.as_str()),
        ("Agent.Version", COMPATIBILITY_VERSION),
        ("Agent.OS", os),
        ("Agent.ComputerName", &crate::machine_name()),
        ("InteractiveSession", "False"),
    ] {
        all.insert(name.to_owned(), value.to_owned());
    }
    all
}

/// Pauses, longer each time. False when told to stop.
async fn rest(pause: &mut Duration, stop: &CancellationToken) -> bool {
    let now = *pause;
    *pause = (now * 2).min(LONGEST_PAUSE);
    tokio::select! {
        () = tokio::time::sleep(now) => true,
        () = stop.cancelled() => false,
    }
}

/// The server does not know the agent, or not its key.
fn is_final(error: &ClientError) -> bool {
    matches!(error.status(), Some(401 | 403 | 404))
}

/// Another try may help.
fn is_passing(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } => true,
        other => matches!(other.status(), Some(429 | 500..=599)),
    }
}
