//! `coffer key move`: a whole database moved to another scale unit's keys, offline, without rewriting a payload.

use super::on_host::HostArgs;
use crate::cli::ServeArgs;
use crate::config::{Config, Database};
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::host::{self, anchor_places, checkpoints, must_exist, refused};
use crate::output::Table;
use clap::Args;
use coffer_keys::{Entropy, os_entropy};
use coffer_service::{Witness, begin_move, witnesses};
use coffer_store::{Look, Store, StoreError, look};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of `key move`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  coffer key move --config unit-a.toml --to-config unit-b.toml

Run it on the server's host while no server has the database open. --config is the configuration that served it until now,
--to-config the one that is to serve it: the same database and data folder, another keys.scale_unit, and the key provider of
that unit. Everything is wrapped by the new unit's keys; no file is rewritten. Killed, or with a key service away, it goes on
where it stood: run it again. Until it has ended, no server starts. The old unit's keys stay at its provider: copies of the
data from before the move open with them, until you destroy them there.")]
pub(crate) struct MoveArgs {
    /// Configuration of the scale unit that the data is moved to
    #[arg(long, value_name = "FILE")]
    to_config: PathBuf,
    #[command(flatten)]
    host: HostArgs,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: MoveArgs) -> Result {
    let from = args.host.load(context)?;
    let to = target(context, &args.to_config)?;
    must_exist(&from)?;
    same_data(&from, &to)?;
    let (old, new) = (&from.keys.scale_unit, &to.keys.scale_unit);
    if old == new {
        return Err(CommandError::new(
            Exit::Conflict,
            format!("both configurations are of the scale unit '{new}'"),
        )
        .hint(
            "to go to another key provider within a unit, no move is needed: docs/keys/units.md",
        ));
    }
    let seen = look(&host::database(&from.storage.database))
        .await
        .map_err(unusable)?;
    match (seen.scale_unit.as_deref(), seen.moving_from.as_deref()) {
        (Some(unit), None) if unit == new => {
            // All but the last step may have been done by one that was killed.
            let store = open(&to, Store::open).await?;
            let done = store.blobs_forget(old).await;
            store.close().await;
            done.map_err(unusable)?;
            context
                .out
                .note("The data is this scale unit's already. Nothing was changed.");
            return Ok(());
        }
        (Some(unit), None) if unit == old => begin(&from, &to, &seen).await?,
        (Some(unit), Some(moving)) if unit == new && moving == old => {
            context
                .out
                .note("A move was begun before, and goes on where it stood.");
        }
        _ => {
            return Err(unusable(
                seen.admit(old).err().unwrap_or(StoreError::Closed),
            ));
        }
    }
    finish(&from, &to).await?;
    // As the new unit's server will: its keys open, and its anchors begin.
    let opened = host::open(&to, None).await?;
    opened.service.close().await;
    context
        .out
        .note("Moved. Start the server with the new configuration.");
    let shown = json!({ "from": old, "to": new });
    context.out.show(&shown, |_| {
        let mut table = Table::facts();
        table.fact("From", old.as_str());
        table.fact("To", new.as_str());
        table
    })
}

fn target(context: &Context, file: &Path) -> Result<Config> {
    let serve = ServeArgs {
        config: Some(file.to_owned()),
        ..ServeArgs::default()
    };
    Ok(crate::load(&serve, context)?.config)
}

fn same_data(from: &Config, to: &Config) -> Result {
    let place = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let same = match (&from.storage.database, &to.storage.database) {
        (Database::Sqlite(a), Database::Sqlite(b)) => {
            place(a) == place(b) && place(&from.storage.data) == place(&to.storage.data)
        }
        (Database::Postgres(a), Database::Postgres(b)) => a == b,
        _ => false,
    };
    if same {
        return Ok(());
    }
    Err(CommandError::new(
        Exit::Invalid,
        "the two configurations name different databases or data folders",
    )
    .hint("a move is in place: let --to-config name the same, or copy the data first"))
}

fn unusable(error: StoreError) -> CommandError {
    CommandError::new(Exit::Invalid, "the database cannot be moved").because(&error)
}

async fn open<F: Future<Output = std::result::Result<Store, StoreError>>>(
    config: &Config,
    how: impl FnOnce(coffer_store::Options) -> F,
) -> Result<Store> {
    let entropy: Arc<Entropy> = Arc::new(os_entropy);
    how(host::store_options(config, &entropy))
        .await
        .map_err(unusable)
}

/// Nobody serves it meanwhile.
async fn alone(store: &Store) -> Result<coffer_store::Hold> {
    let held = store.hold(true).await.map_err(unusable)?;
    held.ok_or_else(|| {
        CommandError::new(Exit::Conflict, "a server has the database open")
            .hint("stop every server of this database, and run the command again")
    })
}

/// Looks whether the data is what it should be, and gives it to the new unit.
async fn begin(from: &Config, to: &Config, seen: &Look) -> Result {
    seen.admit(&from.keys.scale_unit).map_err(unusable)?;
    let store = open(from, Store::open).await?;
    let held = alone(&store).await?;
    let entropy: Arc<Entropy> = Arc::new(os_entropy);
    let providers = host::providers(from, &store, &entropy)
        .await?
        .options
        .providers;
    let places = anchor_places(from, &providers);
    let found = witnesses(&store, &providers, checkpoints(from)?.as_ref(), &places).await;
    let found = found.map_err(refused)?;
    if found.iter().any(Witness::is_behind) {
        return Err(
            CommandError::new(Exit::Conflict, "the database is behind its anchor")
                .hint("`coffer anchor show` says more; accept it first if it is meant, then move"),
        );
    }
    held.release().await;
    store.close().await;
    let store = open(to, Store::open_to_move).await?;
    let begun = match alone(&store).await {
        Ok(held) => {
            let begun = begin_move(&store, &from.keys.scale_unit).await;
            held.release().await;
            begun.map_err(refused)
        }
        Err(error) => Err(error),
    };
    store.close().await;
    begun
}

/// Does all that is left, and ends the move.
async fn finish(from: &Config, to: &Config) -> Result {
    let entropy: Arc<Entropy> = Arc::new(os_entropy);
    let store = open(to, Store::open_to_move).await?;
    let held = alone(&store).await?;
    let old = host::connect_all(from, false, &entropy).await?;
    let mut options = host::connect_all(to, true, &entropy).await?;
    options.providers = old
        .providers
        .moving_to(&to.keys.scale_unit, options.providers);
    let (service, _) = host::service(to, store, options, None, entropy).await?;
    let finished = service.finish_move(&from.keys.scale_unit).await;
    service.close().await;
    held.release().await;
    finished.map_err(refused)
}
