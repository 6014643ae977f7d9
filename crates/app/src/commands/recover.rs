//! `coffer user recover`: a way back for an administrator who cannot sign in, for who has the server's host.
//!
//! It opens the database itself, as `serve` does, and needs no server and no key. It may run beside a server.

use super::on_host::DataArgs;
use crate::config::Config;
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::host::{must_exist, refused, store};
use crate::output::Table;
use clap::Args;
use coffer_keys::{Entropy, os_entropy};
use coffer_service::{Kind, Recovery};
use std::io::{IsTerminal as _, Write as _, stderr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file in the data folder that holds the code when no terminal is there to show it.
const CODE_FILE: &str = "recovery-code.txt";

/// Arguments of `user recover`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  coffer user recover ada
  coffer user recover ada --data /var/lib/coffer --code-file ada.code
  coffer login https://coffer.example --code \"$(cat ada.code)\"

Run it on the server's host, as the user that the server runs as, with the same program and configuration. The server may
run meanwhile. The user is enabled, becomes an administrator of the organization, and gets a code that is good once and
for an hour; `coffer login --code` trades it for a token. All of it is in the audit log.
Without a terminal the code goes to recovery-code.txt in the data folder, which only its owner can read.")]
pub(crate) struct RecoverArgs {
    /// Sign-in name
    name: String,
    #[command(flatten)]
    host: DataArgs,
    /// File for the code, which must not be there yet
    #[arg(long, value_name = "FILE")]
    code_file: Option<PathBuf>,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: RecoverArgs) -> Result {
    let config = args.host.load(context)?;
    if let Some(taken) = args.code_file.as_ref().filter(|file| file.exists()) {
        // Said before the code is made: a code that cannot be written down is lost.
        let there = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(CommandError::file("cannot write", taken, &there));
    }
    let file = place(&config, args.code_file);
    let recovery = recover(&config, &args.name).await?;
    tell(context, &config, &recovery, file.as_deref())
}

/// Where the code goes; none for the terminal.
fn place(config: &Config, wanted: Option<PathBuf>) -> Option<PathBuf> {
    match wanted {
        Some(file) => Some(file),
        None if stderr().is_terminal() => None,
        None => Some(config.storage.data.join(CODE_FILE)),
    }
}

async fn recover(config: &Config, name: &str) -> Result<Recovery> {
    must_exist(config)?;
    let entropy: Arc<Entropy> = Arc::new(os_entropy);
    let store = store(config, &entropy).await?;
    let recovered = coffer_service::recover(&store, &entropy, name).await;
    store.close().await;
    recovered.map_err(|error| {
        let exit = match error.kind {
            Kind::NotFound => Exit::NotFound,
            Kind::Conflict => Exit::Conflict,
            _ => Exit::Invalid,
        };
        CommandError {
            exit,
            ..refused(error)
        }
    })
}

fn tell(context: &Context, config: &Config, recovery: &Recovery, file: Option<&Path>) -> Result {
    let out = context.out;
    let name = &recovery.person.unique_name;
    out.note(&format!(
        "{name} administers the organization, and signs in once with this code, within an hour:"
    ));
    let server = config.server.public_url.clone();
    let server = server.unwrap_or_else(|| format!("http://{}", config.server.listen));
    match file {
        None => out.note(&format!(
            "  coffer login {server} --code {}",
            recovery.code.as_str()
        )),
        Some(path) => {
            write_code(path, recovery)?;
            out.note(&format!(
                "  coffer login {server} --code \"$(cat {})\"",
                path.display()
            ));
        }
    }
    let shown = serde_json::json!({
        "user": name,
        "id": recovery.person.id.to_string(),
        "codeFile": file.map(|path| path.display().to_string()),
    });
    out.show(&shown, |_| {
        let mut table = Table::facts();
        table.fact("User", name.as_str());
        if let Some(path) = file {
            table.fact("Code file", path.display().to_string());
        }
        table
    })
}

/// A file of its own that only its owner can read. The one in the data folder is replaced.
fn write_code(path: &Path, recovery: &Recovery) -> Result {
    if path.file_name().is_some_and(|name| name == CODE_FILE) {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(CommandError::file("cannot remove", path, &error));
            }
            _ => {}
        }
    }
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| writeln!(file, "{}", recovery.code.as_str()))
        .map_err(|error| CommandError::file("cannot write", path, &error))
}
