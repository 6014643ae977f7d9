//! The log of processes that stay: server and agent. Lines go to standard error.
//!
//! Commands that end do not log; they talk through [`crate::output`].

use crate::config::{LogFormat, LogLevel};
use std::io::{IsTerminal as _, stderr};
use tracing_subscriber::EnvFilter;

/// Starts the log of this process. A second call changes nothing.
pub(crate) fn start(format: LogFormat, level: LogLevel) {
    let log = tracing_subscriber::fmt()
        .with_writer(stderr)
        .with_env_filter(filter(level));
    // Whoever set a log up before keeps it.
    let _already_set = match format {
        LogFormat::Text => log.with_ansi(stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_ansi(false).try_init(),
    };
}

/// Our own crates (`coffer_…`) at `level`; others never below `warn`.
fn filter(level: LogLevel) -> EnvFilter {
    EnvFilter::new(match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "warn,coffer=info",
        LogLevel::Debug => "warn,coffer=debug",
        // Connection libraries write headers at this level, so they stay where they are.
        LogLevel::Trace => "warn,coffer=trace",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_crates_are_heard_and_libraries_that_log_requests_are_not() {
        for level in [LogLevel::Info, LogLevel::Debug, LogLevel::Trace] {
            let filter = filter(level).to_string();
            assert!(filter.contains("warn"), "{filter}");
            assert!(filter.contains("coffer="), "{filter}");
        }
        assert!(!filter(LogLevel::Error).to_string().contains("coffer"));
    }
}
