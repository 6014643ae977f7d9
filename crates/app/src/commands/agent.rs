//! `coffer agent`: runs jobs for a server, as a process of its own.

use crate::config::{LogFormat, LogLevel};
use crate::context::Context;
use crate::credentials::token_from_file;
use crate::error::{CommandError, Exit, Result};
use crate::memory;
use crate::output::Table;
use crate::signals::stop_on_signal;
use crate::telemetry;
use clap::{Args, Subcommand};
use coffer_agent::{AgentError, AgentOptions};
use coffer_client::ErrorKind;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Flags of `agent`.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  coffer agent --url https://coffer.example --name build-1 --token-file agent.token
  COFFER_AGENT_TOKEN=… coffer agent --url https://coffer.example --once

The token registers the agent and nothing else: make one with `coffer token create LABEL --kind agent`. It is needed
for the first start only; the agent then signs with a key of its own, which it keeps in its work folder."
)]
pub(crate) struct AgentArgs {
    #[command(subcommand)]
    verb: Option<AgentCommand>,
    /// Name, unique in its pool [default: this machine's name]
    #[arg(long)]
    name: Option<String>,
    /// Pool to take jobs from
    #[arg(long, default_value = "Default")]
    pool: String,
    /// Folder for jobs, tools and the agent's key
    #[arg(long, value_name = "FOLDER", default_value = "./coffer-agent")]
    work: PathBuf,
    /// File that holds the registration token, `-` for standard input [default: COFFER_AGENT_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Run one job, then end
    #[arg(long)]
    once: bool,
    /// Form of the agent's own log
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// Least important lines of the agent's own log
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = LogLevel::Info)]
    log_level: LogLevel,
}

/// Verbs of `agent`. Without one, it runs an agent.
#[derive(Subcommand)]
pub(crate) enum AgentCommand {
    /// List the agents of the organization
    #[command(after_help = "Examples:\n  coffer agent list\n  coffer agent list --output json")]
    List,
    /// Remove an agent: its key is worth nothing from then on, and the job it runs is lost
    #[command(after_help = "Examples:\n  coffer agent remove build-1")]
    Remove {
        /// Name or id
        agent: String,
    },
}

/// What an agent needs to know, read from flags and environment. No `Debug`: it may hold a token.
struct Settings {
    url: String,
    name: String,
    pool: String,
    work: PathBuf,
    token: Option<Zeroizing<String>>,
    ca_file: Option<PathBuf>,
    once: bool,
    /// The `PATH` of steps.
    path: Option<String>,
}

/// Runs an agent until it is told to stop.
pub(crate) async fn run(context: &Context, args: AgentArgs) -> Result {
    match args.verb {
        Some(AgentCommand::List) => return list(context).await,
        Some(AgentCommand::Remove { agent }) => return remove(context, &agent).await,
        None => {}
    }
    let settings = settings(context, &args)?;
    telemetry::start(args.log_format, args.log_level);
    for lack in memory::close() {
        tracing::warn!("{lack}");
    }
    start(settings).await
}

async fn list(context: &Context) -> Result {
    let agents = context.client()?.coffer().agents().await?;
    context.out.show(&agents, |agents| {
        let mut table = Table::new(["pool", "name", "version", "registered", "id"]);
        for agent in agents {
            table.row([
                agent.pool.clone(),
                agent.name.clone(),
                agent.version.clone(),
                super::short_date(&agent.registered_on),
                agent.id.to_string(),
            ]);
        }
        table
    })
}

async fn remove(context: &Context, wanted: &str) -> Result {
    let client = context.client()?;
    let agents = client.coffer().agents().await?;
    let key = wanted.to_lowercase();
    let found = agents
        .iter()
        .find(|agent| agent.name.to_lowercase() == key || agent.id.to_string() == key);
    let Some(agent) = found else {
        let known = agents.into_iter().map(|agent| agent.name);
        return Err(super::not_found("agent", wanted, known));
    };
    client.coffer().remove_agent(&agent.id.to_string()).await?;
    context.out.note(&format!(
        "Removed {} from pool {}. A job that it ran is lost.",
        agent.name, agent.pool
    ));
    Ok(())
}

fn settings(context: &Context, args: &AgentArgs) -> Result<Settings> {
    let Some(url) = &context.global.url else {
        return Err(CommandError::usage("which server?").hint("name it with --url or COFFER_URL"));
    };
    let token = match &args.token_file {
        Some(path) => Some(token_from_file(path)?),
        None => context
            .environment
            .get("COFFER_AGENT_TOKEN")
            .filter(|token| !token.is_empty())
            .map(|token| Zeroizing::new(token.trim().to_owned())),
    };
    Ok(Settings {
        url: coffer_client::organization_url(url)?,
        name: args.name.clone().unwrap_or_else(machine_name),
        pool: args.pool.clone(),
        // Steps are told this path, and run elsewhere.
        work: std::path::absolute(&args.work)
            .map_err(|error| CommandError::file("cannot use", &args.work, &error))?,
        token,
        ca_file: context.global.ca_file.clone(),
        once: args.once,
        path: context.environment.get("PATH").cloned(),
    })
}

fn machine_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "agent".to_owned())
}

async fn start(settings: Settings) -> Result {
    let options = AgentOptions {
        pool: settings.pool,
        registration_token: settings.token,
        ca_file: settings.ca_file,
        once: settings.once,
        ..AgentOptions::new(settings.url, settings.name, settings.work)
    };
    let options = match settings.path {
        Some(path) => AgentOptions { path, ..options },
        None => options,
    };
    let stop = stop_on_signal()?;
    coffer_agent::run(options, stop).await.map_err(failed)
}

fn failed(error: AgentError) -> CommandError {
    let exit = match &error {
        AgentError::NotRegistered | AgentError::NotAccepted { .. } => Exit::Denied,
        AgentError::Client(error) if error.kind() == ErrorKind::Unreachable => Exit::Unreachable,
        // A folder, a file or a URL that cannot be used.
        _ => Exit::Invalid,
    };
    let command = CommandError::new(exit, error.to_string());
    let command = match std::error::Error::source(&error) {
        Some(source) => command.because(source),
        None => command,
    };
    match exit {
        Exit::Denied => command
            .hint("an administrator makes a token with `coffer token create LABEL --kind agent`"),
        _ => command,
    }
}
