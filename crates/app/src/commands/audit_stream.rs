//! `coffer audit stream`: where the log is sent, and how far each target is.

use super::{not_found, short_date};
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::output::Table;
use clap::{Args, Subcommand, ValueEnum};
use coffer_client::Client;
use coffer_wire::streams::{AuditStream, AuditStreamChange, NewAuditStream, StreamOptions};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Verbs of `audit stream`.
#[derive(Subcommand)]
pub(crate) enum StreamCommand {
    /// List streams and how far they are
    #[command(after_help = "Examples:\n  coffer audit stream list")]
    List,
    /// Send the log somewhere, from now on
    #[command(after_help = "\
Examples:
  coffer audit stream add siem --kind webhook --url https://siem.example/coffer > webhook.key
  coffer audit stream add splunk --kind splunk --url https://splunk.example:8088 --secret-file hec.token --index audit
  coffer audit stream add syslog --kind syslog --url tls://logs.example:6514 --from-start

A webhook without --secret-file gets a key of its own: standard output shows it this once. Private targets must be
listed in the server's configuration (`outgoing.allow`).")]
    Add(AddArgs),
    /// Show a stream
    #[command(after_help = "Examples:\n  coffer audit stream show siem")]
    Show {
        /// Name or id
        stream: String,
    },
    /// Let a stream wait; nothing is lost meanwhile
    #[command(after_help = "Examples:\n  coffer audit stream pause siem")]
    Pause {
        /// Name or id
        stream: String,
    },
    /// Let a stream go on from where it is
    #[command(after_help = "\
Examples:
  coffer audit stream resume siem
  coffer audit stream resume splunk --secret-file new.token")]
    Resume {
        /// Name or id
        stream: String,
        /// File that holds a new secret
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Send something made up to a stream's target
    #[command(after_help = "Examples:\n  coffer audit stream test siem")]
    Test {
        /// Name or id
        stream: String,
    },
    /// Delete a stream
    #[command(after_help = "Examples:\n  coffer audit stream delete siem")]
    Delete {
        /// Name or id
        stream: String,
    },
}

/// A stream to add.
#[derive(Args)]
pub(crate) struct AddArgs {
    /// Its name
    name: String,
    /// What the target speaks
    #[arg(long, value_enum)]
    kind: StreamKind,
    /// https://…, for syslog tls://host:port or tcp://host:port
    #[arg(long, value_name = "URL")]
    url: String,
    /// File that holds the collector's token, or the key of a webhook's signatures
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Webhook: one JSON array a batch instead of JSON Lines
    #[arg(long)]
    array: bool,
    /// Splunk: the index
    #[arg(long)]
    index: Option<String>,
    /// Splunk: the source type
    #[arg(long)]
    sourcetype: Option<String>,
    /// Splunk: wait until the indexer acknowledges
    #[arg(long)]
    acknowledge: bool,
    /// Begin with the oldest event there is
    #[arg(long)]
    from_start: bool,
}

/// Kinds of targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StreamKind {
    /// A signed POST
    Webhook,
    /// The HTTP event collector
    Splunk,
    /// RFC 5424 over TCP
    Syslog,
}

impl StreamKind {
    fn word(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Splunk => "splunk",
            Self::Syslog => "syslog",
        }
    }
}

/// Runs a verb.
pub(crate) async fn run(context: &Context, command: StreamCommand) -> Result {
    let client = context.client()?;
    let out = context.out;
    let streams = client.streams();
    match command {
        StreamCommand::List => {
            let found = streams.list().await?;
            out.show(&found, |found| list(found))
        }
        StreamCommand::Add(args) => add(context, &client, args).await,
        StreamCommand::Show { stream } => {
            let found = find(&client, &stream).await?;
            out.show(&found, facts)
        }
        StreamCommand::Pause { stream } => {
            let change = AuditStreamChange {
                enabled: Some(false),
                ..AuditStreamChange::default()
            };
            let id = find(&client, &stream).await?.id.to_string();
            let changed = streams.change(&id, &change).await?;
            out.note(&format!("Stream {} waits.", changed.name));
            out.show(&changed, facts)
        }
        StreamCommand::Resume {
            stream,
            secret_file,
        } => {
            let secret = secret(secret_file.as_deref())?;
            let change = AuditStreamChange {
                enabled: Some(true),
                secret: secret.map(|secret| secret.as_str().to_owned()),
                ..AuditStreamChange::default()
            };
            let id = find(&client, &stream).await?.id.to_string();
            let changed = streams.change(&id, &change).await?;
            out.note(&format!("Stream {} goes on.", changed.name));
            out.show(&changed, facts)
        }
        StreamCommand::Test { stream } => {
            let found = find(&client, &stream).await?;
            let tried = streams.test(&found.id.to_string()).await?;
            if out.is_json() {
                out.json(&tried)?;
            }
            if tried.accepted {
                out.note(&format!("The target of {} accepted.", found.name));
                return Ok(());
            }
            let error = tried.error.unwrap_or_default();
            Err(CommandError::new(
                Exit::Unreachable,
                format!("the target of {} did not accept: {error}", found.name),
            )
            .hint("look at its URL, its secret, and what it logs"))
        }
        StreamCommand::Delete { stream } => {
            let found = find(&client, &stream).await?;
            streams.delete(&found.id.to_string()).await?;
            out.note(&format!("Deleted stream {}.", found.name));
            Ok(())
        }
    }
}

async fn add(context: &Context, client: &Client, args: AddArgs) -> Result {
    let secret = secret(args.secret_file.as_deref())?;
    let new = NewAuditStream {
        name: args.name,
        kind: args.kind.word().to_owned(),
        url: args.url,
        options: StreamOptions {
            array: args.array,
            index: args.index,
            sourcetype: args.sourcetype,
            acknowledge: args.acknowledge,
        },
        secret: secret.map(|secret| secret.as_str().to_owned()),
        from_start: args.from_start,
    };
    let mut created = client.streams().create(&new).await?;
    let out = context.out;
    out.note(&format!("Added stream {}.", created.stream.name));
    if out.is_json() {
        return out.json(&created);
    }
    match created.secret.take() {
        Some(made) => {
            let made = Zeroizing::new(made);
            out.note("The key of its signatures, shown this once:");
            out.line(&made)
        }
        None => Ok(()),
    }
}

fn secret(path: Option<&Path>) -> Result<Option<Zeroizing<String>>> {
    let Some(path) = path else { return Ok(None) };
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| CommandError::file("cannot read the secret in", path, &error))?;
    Ok(Some(Zeroizing::new(text.trim_end().to_owned())))
}

/// A stream by name, ignoring case, or by id.
async fn find(client: &Client, wanted: &str) -> Result<AuditStream> {
    let streams = client.streams().list().await?;
    let known: Vec<String> = streams.iter().map(|stream| stream.name.clone()).collect();
    streams
        .into_iter()
        .find(|stream| {
            stream.id.to_string() == wanted.to_lowercase()
                || stream.name.to_lowercase() == wanted.to_lowercase()
        })
        .ok_or_else(|| not_found("audit stream", wanted, known))
}

fn state(stream: &AuditStream) -> &'static str {
    match stream {
        stream if !stream.enabled => "paused",
        stream if stream.failures > 0 => "failing",
        _ => "on",
    }
}

fn list(streams: &[AuditStream]) -> Table {
    let mut table = Table::new([
        "name",
        "kind",
        "url",
        "state",
        "delivered",
        "lag",
        "last error",
    ]);
    for stream in streams {
        table.row([
            stream.name.clone(),
            stream.kind.clone(),
            stream.url.clone(),
            state(stream).to_owned(),
            stream.delivered.to_string(),
            stream.lag.to_string(),
            stream.last_error.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn facts(stream: &AuditStream) -> Table {
    let mut table = Table::facts();
    table.fact("name", &stream.name);
    table.fact("id", stream.id.to_string());
    table.fact("kind", &stream.kind);
    table.fact("url", &stream.url);
    table.fact("state", state(stream));
    table.fact("delivered", stream.delivered.to_string());
    table.fact("lag", stream.lag.to_string());
    let dates = [
        ("delivered on", &stream.delivered_on),
        ("failed on", &stream.failed_on),
        ("next try", &stream.next_try_on),
    ];
    for (name, date) in dates {
        if let Some(date) = date {
            table.fact(name, short_date(date));
        }
    }
    if let Some(error) = &stream.last_error {
        table.fact("last error", error);
    }
    table
}
