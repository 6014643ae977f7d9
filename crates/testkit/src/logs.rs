//! What the program writes to its log, kept where tests can search it.

use crate::engine::variable;
use std::io::{self, Write};
use std::sync::{Mutex, OnceLock, PoisonError};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Everything of ours, and what libraries say below their noise. The HTTP client is the test's own.
const FILTER: &str = "trace,reqwest=off,hyper=debug,hyper_util=debug,sqlx=debug,mio=off,rustls=off";
/// Everything, whoever says it.
const LOUD: &str = "trace,reqwest=off,mio=off";

/// When this variable is set, the log is shown too.
const SHOW: &str = "COFFER_TEST_LOG";

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Starts to listen, once in a process: all servers of a process share one log. From the first loud one on, all are.
pub(crate) fn capture(loud: bool) {
    static ONCE: OnceLock<Box<dyn Fn(EnvFilter) + Send + Sync>> = OnceLock::new();
    let turn = ONCE.get_or_init(|| {
        // The last step fixes the type that is filtered.
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(Sink)
            .with_env_filter(EnvFilter::new(FILTER))
            .with_filter_reloading();
        let handle = subscriber.reload_handle();
        // A test that brought its own subscriber sees the log itself.
        let _set = tracing::subscriber::set_global_default(subscriber.finish());
        Box::new(move |filter| handle.reload(filter).unwrap())
    });
    if loud {
        turn(EnvFilter::new(LOUD));
    }
}

/// Everything logged so far.
pub(crate) fn everything() -> Vec<u8> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        if variable(SHOW).is_some() {
            io::stderr().write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}
