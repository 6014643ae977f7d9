//! `coffer anchor`: compares the database with what is kept outside of it, and goes on with an older one.
//!
//! On the server's host: it opens database and keys itself, as `serve` does.

use super::on_host::HostArgs;
use crate::config::Config;
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::host::{self, anchor_places, checkpoints, must_exist, refused};
use crate::output::Table;
use clap::Subcommand;
use coffer_keys::{Entropy, os_entropy};
use coffer_service::{Found, Witness, witnesses};
use serde_json::json;
use std::sync::Arc;

/// Verbs of `anchor`.
#[derive(Subcommand)]
pub(crate) enum AnchorCommand {
    /// Compare the database with its anchors
    #[command(after_help = "\
Examples:
  coffer anchor show
  coffer anchor show --config /etc/coffer/coffer.toml --output json

Run it on the server's host, as the user that the server runs as, with the same program and configuration. The server may
run meanwhile. Exit code 10 when the database is behind an anchor.")]
    Show {
        #[command(flatten)]
        host: HostArgs,
    },
    /// Go on with a database that is behind its anchors, such as a backup that was put back
    #[command(after_help = "\
Examples:
  coffer anchor accept --reason \"restored the backup of Monday, the disk broke\"

Run it on the server's host while the server is stopped. What happened after the copy was made is given up: permissions that
were revoked since have to be revoked again. The decision is in the audit log, signed, and the anchors say from then on
how this database is. Agents remember anchors too, and cannot be asked while the server is stopped: --agents accepts what
they may say.")]
    Accept {
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Also where no place says that it is behind, because agents did
        #[arg(long)]
        agents: bool,
        #[command(flatten)]
        host: HostArgs,
    },
}

/// Runs it.
pub(crate) async fn run(context: &Context, command: AnchorCommand) -> Result<Exit> {
    match command {
        AnchorCommand::Show { host } => show(context, &host.load(context)?).await,
        AnchorCommand::Accept {
            reason,
            agents,
            host,
        } => accept(context, &host.load(context)?, &reason, agents).await,
    }
}

/// What every place says of the database.
pub(crate) async fn looked(config: &Config) -> Result<Vec<Witness>> {
    must_exist(config)?;
    let entropy: Arc<Entropy> = Arc::new(os_entropy);
    let store = host::store(config, &entropy).await?;
    let providers = host::providers(config, &store, &entropy)
        .await?
        .options
        .providers;
    let places = anchor_places(config, &providers);
    let found = witnesses(&store, &providers, checkpoints(config)?.as_ref(), &places).await;
    store.close().await;
    found.map_err(refused)
}

/// A word for a program, and words for people.
pub(crate) fn said(found: &Found) -> (&'static str, String) {
    match found {
        Found::Nothing => ("nothing", "it keeps nothing yet".into()),
        Found::Unreachable(why) => ("unreachable", format!("it cannot be read: {why}")),
        Found::Ignored(why) => ("ignored", format!("what it keeps is not believed: {why}")),
        Found::Fits { rows, .. } => (
            "fits",
            format!("the database holds the {rows} rows that it says"),
        ),
        Found::Accepted => (
            "accepted",
            "the database is behind it, and that was accepted".into(),
        ),
        Found::Behind { why, .. } => ("behind", why.clone()),
    }
}

async fn show(context: &Context, config: &Config) -> Result<Exit> {
    let found = looked(config).await?;
    let rows: Vec<_> = found
        .iter()
        .map(|witness| {
            let (state, text) = said(&witness.found);
            json!({ "place": witness.place, "state": state, "text": text })
        })
        .collect();
    context.out.show(&rows, |_| {
        let mut table = Table::new(["PLACE", "STATE", "WHAT"]);
        for witness in &found {
            let (state, text) = said(&witness.found);
            table.row([witness.place.clone(), state.to_owned(), text]);
        }
        table
    })?;
    if found.is_empty() {
        context.out.note(
            "There is no place outside the database. Set keys.anchor_file, or audit.checkpoints.",
        );
    }
    Ok(match found.iter().any(Witness::is_behind) {
        true => Exit::NotIntact,
        false => Exit::Success,
    })
}

async fn accept(context: &Context, config: &Config, reason: &str, agents: bool) -> Result<Exit> {
    if reason.trim().is_empty() {
        return Err(CommandError::usage("the reason is empty"));
    }
    let behind: Vec<_> = looked(config).await?;
    let behind: Vec<_> = behind
        .iter()
        .filter(|witness| witness.is_behind())
        .collect();
    if behind.is_empty() && !agents {
        context.out.note(
            "The database is not behind any anchor that is kept in a place. Nothing was changed. If agents said that it is behind, \
             as the server's log tells, add --agents.",
        );
        return Ok(Exit::Success);
    }
    let opened = host::open(config, Some(reason.to_owned())).await?;
    opened.service.close().await;
    let mut places: Vec<_> = behind.iter().map(|witness| witness.place.clone()).collect();
    if agents {
        places.push("what agents remember up to now".into());
    }
    context
        .out
        .note("Accepted, and on record. The server can be started.");
    context.out.show(&json!({ "accepted": places }), |_| {
        let mut table = Table::facts();
        for place in &places {
            table.fact("Accepted", place.clone());
        }
        table
    })?;
    Ok(Exit::Success)
}
