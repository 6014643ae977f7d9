//! `coffer key enable`: a root key that a rotation disabled opens again, so that an older backup does.

use super::on_host::HostArgs;
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::host::{self, must_exist, refused};
use clap::Args;
use coffer_keys::{Entropy, os_entropy};
use coffer_service::enable_generation;
use std::sync::Arc;

/// Arguments of `key enable`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  coffer doctor --data /restored/coffer-data
  coffer key enable 01JD… --data /restored/coffer-data

Run it on the server's host, with the configuration and the database that need the key: `coffer doctor` names it. The
credential of the key provider must be allowed to. What was destroyed does not come back. It is in that database's audit log.
The server rotates away from it at its next deployment, and disables it again.")]
pub(crate) struct EnableArgs {
    /// The root key, as `coffer doctor` names it
    generation: String,
    #[command(flatten)]
    host: HostArgs,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: EnableArgs) -> Result {
    let config = args.host.load(context)?;
    must_exist(&config)?;
    let entropy: Arc<Entropy> = Arc::new(os_entropy);
    let store = host::store(&config, &entropy).await?;
    let providers = host::providers(&config, &store, &entropy).await;
    let done = match providers {
        Ok(connected) => enable_generation(&store, &connected.options.providers, &args.generation)
            .await
            .map_err(|error| {
                let exit = match error.kind {
                    coffer_service::Kind::NotFound => Exit::NotFound,
                    _ => Exit::Invalid,
                };
                CommandError {
                    exit,
                    ..refused(error)
                }
            }),
        Err(error) => Err(error),
    };
    store.close().await;
    done?;
    context
        .out
        .note(&format!("{} opens again.", args.generation));
    Ok(())
}
