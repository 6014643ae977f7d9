//! `coffer backup`: a copy of the data while the server runs. Never of the key.

use super::on_host::HostArgs;
use super::short_size;
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::host::{self, must_exist, refused};
use crate::output::Table;
use clap::Args;
use coffer_keys::{Entropy, os_entropy};
use coffer_service::{Kind, back_up};
use std::path::PathBuf;
use std::sync::Arc;

/// Arguments of `backup`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  coffer backup --to /backup/coffer-2026-01-31
  coffer backup --to /backup/today --config /etc/coffer/coffer.toml

Run it on the server's host, as the user that the server runs as, with the same program and configuration. The server may
run meanwhile. The folder is made; it is a data folder afterwards: sealed files and wrapped keys, without the root key,
which you keep somewhere else. With PostgreSQL use pg_dump. docs/backup.md says how to restore.")]
pub(crate) struct BackupArgs {
    /// Folder for the copy, which must not be there yet
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    #[command(flatten)]
    host: HostArgs,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: BackupArgs) -> Result {
    let config = args.host.load(context)?;
    must_exist(&config)?;
    if args.to.exists() {
        let there = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(CommandError::file(
            "cannot make the folder",
            &args.to,
            &there,
        ));
    }
    let entropy: Arc<Entropy> = Arc::new(os_entropy);
    let store = host::store(&config, &entropy).await?;
    let copied = back_up(&store, &args.to).await;
    store.close().await;
    let copied = copied.map_err(|error| {
        let exit = match error.kind {
            Kind::Conflict => Exit::Conflict,
            _ => Exit::Internal,
        };
        CommandError {
            exit,
            ..refused(error)
        }
    })?;
    let folder = args.to.display().to_string();
    let shown =
        serde_json::json!({ "folder": folder, "blobs": copied.blobs, "bytes": copied.bytes });
    context.out.show(&shown, |_| {
        let mut table = Table::facts();
        table.fact("Folder", folder.as_str());
        table.fact("Long files", copied.blobs.to_string());
        table.fact("Size", short_size(copied.bytes));
        table
    })?;
    context
        .out
        .note("The root key is not in it. Keep its copy somewhere else: without it this backup opens nothing.");
    Ok(())
}
