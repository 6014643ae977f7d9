//! How a process that stays is told to stop: Ctrl-C, or the signal of a service manager.

use crate::error::{CommandError, Exit, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first SIGINT or SIGTERM. Needs a running tokio runtime.
///
/// The second signal ends the process at once, with the exit code shells use for it.
pub(crate) fn stop_on_signal() -> Result<CancellationToken> {
    let failed = |error: std::io::Error| {
        CommandError::new(Exit::Internal, "signals cannot be listened to").because(&error)
    };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let stop = CancellationToken::new();
    let cancel = stop.clone();
    tokio::spawn(async move {
        for signals in 1.. {
            let code = tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            };
            if signals > 1 {
                std::process::exit(code);
            }
            cancel.cancel();
        }
    });
    Ok(stop)
}
