//! Other people's programs: started in a group of their own, read line by line, ended politely and then for certain.
//!
//! The only place of the workspace that starts processes. It knows nothing of steps, masks or commands.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[cfg(unix)]
use rustix::process::{Pid, Signal};

/// A line longer than this is cut.
pub(crate) const MAX_LINE: usize = 1 << 20;

/// How long a process may take to end.
#[derive(Debug, Clone, Copy)]
pub struct Grace {
    /// After SIGINT.
    pub interrupt: Duration,
    /// After SIGTERM.
    pub terminate: Duration,
    /// After its end, for output that its children still hold open.
    pub output: Duration,
}

impl Default for Grace {
    /// 7.5 s, 2.5 s and 5 s, as in Azure Pipelines.
    fn default() -> Self {
        Self {
            interrupt: Duration::from_millis(7500),
            terminate: Duration::from_millis(2500),
            output: Duration::from_secs(5),
        }
    }
}

/// What to run. No `Debug`: arguments and environment may hold secrets.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) folder: PathBuf,
    pub(crate) environment: Vec<(String, String)>,
    /// One stream for both outputs keeps their order; two tell them apart.
    pub(crate) streams: Streams,
}

/// How outputs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Streams {
    Merged,
    Separate,
}

/// A line of output.
pub(crate) struct OutputLine {
    pub(crate) text: String,
    /// It went on, and the rest is lost.
    pub(crate) cut: bool,
    /// It came on standard error; only told with [`Streams::Separate`].
    pub(crate) error: bool,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Code(i32),
    Signal(i32),
}

/// Why a process could not be run.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub(crate) struct ProcessError {
    what: &'static str,
    source: io::Error,
}

/// Runs a program to its end. Lines go into `lines`; `cancel` ends it.
pub(crate) async fn run(
    program: &Program,
    lines: mpsc::Sender<OutputLine>,
    cancel: &CancellationToken,
    grace: Grace,
) -> Result<Exit, ProcessError> {
    let failed = |what| move |source| ProcessError { what, source };
    let mut command = command(program);
    let mut readers = Vec::new();
    let mut pipes: Vec<Box<dyn AsyncRead + Send + Unpin>> = Vec::new();
    match program.streams {
        Streams::Merged => {
            let (reader, writer) = io::pipe().map_err(failed("no pipe could be made"))?;
            let other = writer
                .try_clone()
                .map_err(failed("no pipe could be made"))?;
            command.stdout(writer).stderr(other);
            let reader = tokio::net::unix::pipe::Receiver::from_owned_fd(reader.into())
                .map_err(failed("no pipe could be made"))?;
            pipes.push(Box::new(reader));
        }
        Streams::Separate => {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
    }
    let mut child = command
        .spawn()
        .map_err(failed("the program could not be started"))?;
    // It holds the writing ends of the pipe.
    drop(command);
    if let Some(stdout) = child.stdout.take() {
        pipes.push(Box::new(stdout));
    }
    if let Some(stderr) = child.stderr.take() {
        pipes.push(Box::new(stderr));
    }
    let separate = program.streams == Streams::Separate;
    for (number, pipe) in pipes.into_iter().enumerate() {
        readers.push(tokio::spawn(read_lines(
            pipe,
            separate && number == 1,
            lines.clone(),
        )));
    }
    drop(lines);
    let group = child.id();
    let status = tokio::select! {
        status = child.wait() => status,
        () = cancel.cancelled() => end(&mut child, group, grace).await,
    }
    .map_err(failed("the program's end could not be awaited"))?;
    let deadline = tokio::time::Instant::now() + grace.output;
    for mut reader in readers {
        if tokio::time::timeout_at(deadline, &mut reader)
            .await
            .is_err()
        {
            // A child that outlives its parent holds the output: it stays until the job's end, unheard.
            reader.abort();
        }
    }
    Ok(exit(status))
}

/// SIGINT, SIGTERM, SIGKILL, each to the whole group.
async fn end(
    child: &mut tokio::process::Child,
    group: Option<u32>,
    grace: Grace,
) -> io::Result<ExitStatus> {
    for (signal, wait) in [
        (Signal::INT, grace.interrupt),
        (Signal::TERM, grace.terminate),
    ] {
        signal_group(group, signal);
        if let Ok(status) = tokio::time::timeout(wait, child.wait()).await {
            signal_group(group, Signal::KILL);
            return status;
        }
    }
    signal_group(group, Signal::KILL);
    child.start_kill()?;
    child.wait().await
}

fn signal_group(group: Option<u32>, signal: Signal) {
    let group = group
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    if let Some(group) = group
        && let Err(error) = rustix::process::kill_process_group(group, signal)
    {
        tracing::debug!(error = %error, "the process group is gone already");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that starts processes"
)]
fn command(program: &Program) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(&program.path);
    command
        .args(&program.arguments)
        .current_dir(&program.folder)
        .env_clear()
        .envs(
            program
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    command
}

fn exit(status: ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Code(-1),
    }
}

/// Cuts output at LF, takes CR away, bounds memory, and never fails on bytes that are no text.
async fn read_lines(
    mut pipe: impl AsyncRead + Unpin,
    error: bool,
    lines: mpsc::Sender<OutputLine>,
) {
    let mut splitter = Splitter::default();
    let mut piece = vec![0; 64 << 10];
    loop {
        let count = match pipe.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        for (text, cut) in splitter.push(&piece[..count]) {
            if lines.send(OutputLine { text, cut, error }).await.is_err() {
                return;
            }
        }
    }
    if let Some((text, cut)) = splitter.finish() {
        // The listener may be gone, and then nobody misses the line.
        let _ = lines.send(OutputLine { text, cut, error }).await;
    }
}

#[derive(Default)]
struct Splitter {
    line: Vec<u8>,
    cut: bool,
}

impl Splitter {
    fn push(&mut self, bytes: &[u8]) -> Vec<(String, bool)> {
        let mut done = Vec::new();
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let room = MAX_LINE - self.line.len();
            self.cut |= part.len() > room;
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if parts.peek().is_some() {
                done.push(self.take());
            }
        }
        done
    }

    fn finish(&mut self) -> Option<(String, bool)> {
        (!self.line.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> (String, bool) {
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        let text = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        (text, std::mem::take(&mut self.cut))
    }
}

/// Kills every process that carries the job's mark in its environment, until none is left. Says how many there were.
///
/// A process that took the mark out of its environment is not found: only a process namespace or a control group
/// around the agent ends those.
pub(crate) async fn kill_marked(mark: &str) -> usize {
    let mut killed = HashSet::new();
    let mut unclear = 0;
    // A process may start another while it is looked at: look again until a look finds none.
    for _ in 0..200 {
        let look = kill_once(mark);
        if look.killed.is_empty() {
            // A process that is just being replaced shows no environment for a moment.
            unclear += 1;
            if !look.unclear || unclear > 10 {
                break;
            }
        }
        // A process that is dying still shows what it was: it is found again, and counts once.
        killed.extend(look.killed);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    killed.len()
}

/// What one look at all processes found.
#[derive(Default)]
struct Look {
    /// Process ids.
    killed: Vec<i32>,
    /// Some process showed no environment.
    unclear: bool,
}

#[cfg(target_os = "linux")]
fn kill_once(mark: &str) -> Look {
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
    let wanted = format!("VSTS_PROCESS_LOOKUP_ID={mark}");
    let mut look = Look::default();
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return look;
    };
    for entry in processes.flatten() {
        let name = entry.file_name();
        let Some(pid) = name
            .to_str()
            .and_then(|name| name.parse().ok())
            .and_then(Pid::from_raw)
        else {
            continue;
        };
        // Held before it is looked at: the signal reaches the process that was read, and no other of the same number.
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
            continue;
        };
        let Ok(environment) = std::fs::read(entry.path().join("environ")) else {
            continue;
        };
        look.unclear |= environment.is_empty();
        let marked = environment
            .split(|byte| *byte == 0)
            .any(|entry| entry == wanted.as_bytes());
        if marked && pidfd_send_signal(&handle, Signal::KILL).is_ok() {
            look.killed.push(pid.as_raw_nonzero().get());
        }
    }
    look
}

#[cfg(not(target_os = "linux"))]
fn kill_once(_mark: &str) -> Look {
    Look::default()
}

#[cfg(test)]
mod tests;
