//! `coffer serve`: runs the server, and tells the operator at the first start what to keep and how to sign in.

use crate::config::Config;
use crate::context::Context;
use crate::error::{CommandError, Result};
use crate::host::Host;
use crate::memory;
use crate::signals::stop_on_signal;
use crate::telemetry;
use coffer_service::FirstStart;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The file in the data folder that holds the one-time code when no terminal is there to show it.
const CODE_FILE: &str = "first-sign-in.txt";

/// Runs the server until it is told to stop.
pub(crate) async fn run(context: &Context, config: Config) -> Result {
    telemetry::start(config.log.format, config.log.level);
    for lack in memory::close_with_keys() {
        tracing::warn!("{lack}");
    }
    let stop = stop_on_signal()?;
    let host = Host::start(&config, stop).await?;
    let out = context.out;
    out.note(&format!("Coffer serves {}", host.url()));
    if let Some(file) = &host.new_key {
        out.note("Back up two things, apart from each other. Either alone is useless, without both the files are lost:");
        out.note(&format!(
            "  the data folder    {}",
            shown(&config.storage.data).display()
        ));
        out.note(&format!("  the root key file  {}", shown(file).display()));
    }
    if let Some(first) = &host.first {
        tell_code(context, &config, &host, first)?;
    } else {
        // Somebody has signed in: the code is spent, so its file goes.
        remove_code(&config.storage.data.join(CODE_FILE))?;
    }
    host.finish().await
}

/// The code goes to a terminal, or to a file that only its owner can read. Never to a log.
fn tell_code(context: &Context, config: &Config, host: &Host, first: &FirstStart) -> Result {
    let out = context.out;
    let url = host.url();
    if stderr().is_terminal() {
        out.note("Nobody has signed in yet. Once, as administrator, in another terminal:");
        out.note(&format!(
            "  coffer login {url} --code {}",
            first.code.as_str()
        ));
        return Ok(());
    }
    let path = config.storage.data.join(CODE_FILE);
    remove_code(&path)?;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| writeln!(file, "{}", first.code.as_str()))
        .map_err(|error| CommandError::file("cannot write", &path, &error))?;
    out.note("Nobody has signed in yet. Once, as administrator:");
    out.note(&format!(
        "  coffer login {url} --code \"$(cat {})\"",
        shown(&path).display()
    ));
    Ok(())
}

fn remove_code(path: &Path) -> Result {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(CommandError::file("cannot remove", path, &error))
        }
        _ => Ok(()),
    }
}

/// The path as a person can use it from anywhere.
fn shown(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
