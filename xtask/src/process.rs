//! Starting commands: their output is shown as it comes, and looked at on the way.

use std::io::{BufRead as _, BufReader, IsTerminal as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::workspace::cargo;

/// After a command ended, how long its left-over children may still write.
const AFTERWARDS: Duration = Duration::from_secs(3);

/// A cargo command in the checkout, freed from what `cargo run` put into our environment.
pub(crate) fn cargo_command(root: &Path) -> Command {
    let mut command = Command::new(cargo());
    command.current_dir(root);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command
}

/// Runs a command to its end, shows both its streams and hands each line, without colours, to
/// `look`. True when it ended well.
///
/// # Errors
/// When the command cannot be started.
pub(crate) fn stream(mut command: Command, look: &mut dyn FnMut(&str)) -> anyhow::Result<bool> {
    let program = command.get_program().to_string_lossy().into_owned();
    let (reader, writer) = std::io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let mut child = command
        .spawn()
        .with_context(|| format!("{program} could not be started"))?;
    drop(command); // it holds the writing ends: with them open, no end would ever come

    let (send, lines) = channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if send.send(text).is_err() {
                break;
            }
        }
    });
    let mut ended: Option<Instant> = None;
    loop {
        match lines.recv_timeout(Duration::from_millis(200)) {
            Ok(line) => {
                println!("{line}");
                look(&plain(&line));
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if ended.is_none() && child.try_wait()?.is_some() {
            ended = Some(Instant::now());
        }
        if ended.is_some_and(|when| when.elapsed() > AFTERWARDS) {
            println!("xtask: a process left behind by {program} still holds its output; going on");
            break;
        }
    }
    Ok(child.wait()?.success())
}

/// Runs a command silently. The error holds the end of what it said.
///
/// # Errors
/// When it cannot be started or does not end well.
pub(crate) fn quietly(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{program} could not be started"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let end = lines[lines.len().saturating_sub(8)..].join("\n  ");
    anyhow::bail!("{program} failed ({}):\n  {end}", output.status)
}

/// A line without its terminal colours.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // A sequence ends with its first letter.
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn colours_are_taken_off() {
        assert_eq!(plain("\u{1b}[32;1m  Summary\u{1b}[0m [x]"), "  Summary [x]");
    }

    #[test]
    fn both_streams_are_seen_and_the_exit_is_told() {
        let mut seen = Vec::new();
        let well = stream(sh("echo out; echo err >&2; exit 3"), &mut |line| {
            seen.push(line.to_owned());
        })
        .unwrap();
        assert!(!well);
        seen.sort();
        assert_eq!(seen, ["err", "out"]);
    }

    #[test]
    fn a_process_left_behind_does_not_hold_us_up() {
        let start = Instant::now();
        let well = stream(sh("sleep 30 & echo started"), &mut |_| {}).unwrap();
        assert!(well);
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_silent_failure_tells_what_was_said_last() {
        let error = quietly(&mut sh("echo first; echo no such thing >&2; false")).unwrap_err();
        assert!(error.to_string().contains("no such thing"), "{error}");
    }
}
