//! `coffer doctor`: looks at everything on the server's host, and says what each thing means and what to do.
//!
//! Changes nothing, and starts nothing. For a copy that was restored it says which files still open, before it is served.

use super::doctor_memory::{self, System};
use super::on_host::HostArgs;
use crate::config::{Config, Database};
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::host::{self, anchor_places, checkpoints, refused};
use crate::output::Table;
use clap::Args;
use coffer_keys::{Entropy, os_entropy};
use coffer_service::{Finding, Health, examine};
use coffer_store::look;
use serde_json::json;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

/// Arguments of `doctor`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  coffer doctor
  coffer doctor --data /restored/coffer-data --key-file /etc/coffer/root.key
  coffer doctor --config /etc/coffer/coffer.toml --output json

Run it on the server's host, as the user that the server runs as, with the same program and configuration. The server may
run meanwhile. For each root key that the data needs it says whether the key provider has it and opens with it, and what is
lost if not. Exit code 10 when there is a problem; warnings and notes are no problem.")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    host: HostArgs,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: DoctorArgs) -> Result<Exit> {
    let config = args.host.load(context)?;
    let mut found = folders(&config);
    found.extend(memory(&config));
    if let Some(database) = database(&config, &mut found).await {
        database?;
    }
    show(context, &found)?;
    let worst = found.iter().map(|finding| finding.health).max();
    Ok(match worst {
        Some(Health::Problem) => Exit::NotIntact,
        _ => Exit::Success,
    })
}

fn show(context: &Context, found: &[Finding]) -> Result {
    let rows: Vec<_> = found
        .iter()
        .map(|finding| {
            json!({
                "check": finding.check,
                "health": word(finding.health),
                "what": finding.what,
                "next": finding.next,
            })
        })
        .collect();
    context.out.show(&rows, |_| {
        let mut table = Table::new(["CHECK", "HEALTH", "WHAT", "NEXT"]);
        for finding in found {
            table.row([
                finding.check.to_owned(),
                word(finding.health).to_owned(),
                finding.what.clone(),
                finding.next.clone(),
            ]);
        }
        table
    })
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Well => "well",
        Health::Note => "note",
        Health::Warning => "warning",
        Health::Problem => "problem",
    }
}

/// How keys are kept in memory.
fn memory(config: &Config) -> Vec<Finding> {
    let database = match &config.storage.database {
        Database::Sqlite(path) => Some(path.as_path()),
        Database::Postgres(_) => None,
    };
    let unlocked = coffer_arena::state().unlocked > 0;
    let system = System("/".into());
    doctor_memory::look(&system, database, coffer_arena::may_lock(), unlocked)
}

/// Whether others can look into the data folder.
fn folders(config: &Config) -> Vec<Finding> {
    let data = &config.storage.data;
    let found = match data.metadata() {
        Err(error) => Finding::new(
            "data folder",
            Health::Problem,
            format!("{} cannot be looked into: {error}", data.display()),
        )
        .next("name the right one with --data, or run this as the server's user"),
        Ok(there) if there.mode() & 0o077 != 0 => Finding::new(
            "data folder",
            Health::Warning,
            format!(
                "{} may be used by others (mode {:03o})",
                data.display(),
                there.mode() & 0o777
            ),
        )
        .next("change its mode to 700"),
        Ok(_) => Finding::new(
            "data folder",
            Health::Well,
            format!("{} is its owner's only", data.display()),
        ),
    };
    vec![found]
}

/// The database and all behind it; none when there is nothing that this program may open.
async fn database(config: &Config, found: &mut Vec<Finding>) -> Option<Result> {
    let place = host::database(&config.storage.database);
    let seen = match look(&place).await {
        Ok(seen) => seen,
        Err(error) => {
            let text = chain(&error);
            found.push(
                Finding::new(
                    "database",
                    Health::Problem,
                    format!("it cannot be opened: {text}"),
                )
                .next("check storage.database, or name the right one with --data or --database"),
            );
            return None;
        }
    };
    if let Err(error) = seen.admit(&config.keys.scale_unit) {
        found.push(Finding::new("database", Health::Problem, chain(&error)));
        return None;
    }
    let engine = match config.storage.database {
        Database::Sqlite(_) => "SQLite",
        Database::Postgres(_) => "PostgreSQL",
    };
    let unit = seen.scale_unit.as_deref().unwrap_or("none yet");
    match seen.schema {
        Some(schema) if schema == seen.known => found.push(Finding::new(
            "database",
            Health::Well,
            format!("{engine}, schema version {schema}, scale unit {unit}"),
        )),
        schema => {
            let schema = schema.map_or("none yet".to_owned(), |schema| schema.to_string());
            found.push(
                Finding::new(
                    "database",
                    Health::Note,
                    format!("{engine}, schema version {schema}; this program brings it to {}. What it holds is not looked at before", seen.known),
                )
                .next("start the server, or look with the program that wrote it"),
            );
            return None;
        }
    }
    Some(behind(config, found).await)
}

async fn behind(config: &Config, found: &mut Vec<Finding>) -> Result {
    let entropy: Arc<Entropy> = Arc::new(os_entropy);
    let store = host::store(config, &entropy).await?;
    let unit = store.scale_unit().to_owned();
    let sealed = async { store.read().await?.generation_active(&unit).await };
    let sealed = sealed.await.map_err(|error| {
        CommandError::new(Exit::Invalid, "the database cannot be read").because(&error)
    })?;
    if sealed.is_none() {
        // Looking must not make a key.
        found.push(Finding::new(
            "keys",
            Health::Note,
            "the database is new: nothing is sealed yet",
        ));
        store.close().await;
        return Ok(());
    }
    let connected = match host::providers(config, &store, &entropy).await {
        Ok(connected) => connected,
        Err(error) => {
            let next = error.hints.join("; ");
            let text = std::iter::once(error.message).chain(error.causes);
            let text = text.collect::<Vec<_>>().join(": ");
            found.push(Finding::new("key provider", Health::Problem, text).next(next));
            store.close().await;
            return Ok(());
        }
    };
    let providers = connected.options.providers;
    let places = anchor_places(config, &providers);
    let keeper = checkpoints(config)?;
    let clock = crate::tls::now().as_microsecond();
    let seen = examine(&store, &providers, keeper.as_ref(), &places, clock).await;
    store.close().await;
    found.extend(seen.map_err(refused)?);
    Ok(())
}

fn chain(error: &dyn std::error::Error) -> String {
    let made = CommandError::new(Exit::Invalid, "").because(error);
    made.causes.join(": ")
}
