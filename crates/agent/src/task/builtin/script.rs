//! `CmdLine@2`, what a `script:` step is, and what it shares with `Bash@3`: a script file in the temporary folder.
//!
//! The file holds expanded macros, so it is as private as a secure file and goes with the job's folder.

use crate::ambient;
use crate::environment::find_program;
use crate::outcome::Outcome;
use crate::process::{self, Exit, Program, Streams};
use crate::task::Running;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

const SEPARATOR: &str =
    "========================== Starting Command Output ===========================";
/// How long a process may go on after it said `task.complete done=true`.
const AFTER_DONE: Duration = Duration::from_secs(5);

/// What to run.
pub(super) struct Script {
    pub(super) contents: Zeroizing<String>,
    /// Before the file.
    pub(super) arguments: &'static [&'static str],
    pub(super) environment: Option<(&'static str, Zeroizing<String>)>,
}

/// Runs the step.
pub(crate) async fn run(running: &mut Running<'_>) -> Outcome {
    let contents = Zeroizing::new(running.input("script").to_owned());
    execute(
        running,
        Script {
            contents,
            arguments: &["--noprofile", "--norc"],
            environment: None,
        },
    )
    .await
}

/// Writes the script, runs it, and obeys its output.
pub(super) async fn execute(running: &mut Running<'_>, script: Script) -> Outcome {
    let folder = PathBuf::from(running.input("workingDirectory"));
    if !folder.is_dir() {
        running.log.error(&format!(
            "The working directory '{}' does not exist. Make it in an earlier step, or correct 'workingDirectory'.",
            folder.display()
        ));
        return Outcome::Failed;
    }
    running.log.line("Generating script.");
    let text = script.contents.trim_end_matches(['\r', '\n']);
    if !text.contains('\n') {
        running.log.line("Script contents:");
        running.log.line(text);
    }
    let name = format!("{}.sh", ambient::id());
    // CR before LF would become part of the last word of each line.
    let unix = Zeroizing::new(script.contents.replace("\r\n", "\n"));
    let written = running
        .folders
        .create(&name)
        .and_then(|mut file| file.write_all(unix.as_bytes()));
    if let Err(error) = written {
        running.log.error(&format!(
            "The script could not be written into the temporary folder: {error}."
        ));
        return Outcome::Failed;
    }
    let mut environment = running.script_environment();
    if let Some((name, value)) = &script.environment {
        environment.set(name, value);
    }
    let path = environment.get("PATH").unwrap_or_default();
    let Some(bash) = find_program(path, "bash") else {
        running.log.error("There is no 'bash' on the PATH of this step. Install bash on the agent's machine, or correct PATH.");
        return Outcome::Failed;
    };
    let file = running
        .folders
        .temp
        .join(&name)
        .to_string_lossy()
        .into_owned();
    let mut arguments: Vec<String> = script
        .arguments
        .iter()
        .map(|argument| (*argument).to_owned())
        .collect();
    arguments.push(file);
    running.log.line(SEPARATOR);
    running.log.line(&format!(
        "[command]{} {}",
        bash.display(),
        arguments.join(" ")
    ));
    let fail_on_stderr = running.input_is_true("failOnStderr");
    let program = Program {
        path: bash,
        arguments,
        folder,
        environment: environment
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        streams: if fail_on_stderr {
            Streams::Separate
        } else {
            Streams::Merged
        },
    };
    let outcome = listen(running, &program, fail_on_stderr).await;
    running.folders.remove(&name);
    outcome
}

async fn listen(running: &mut Running<'_>, program: &Program, fail_on_stderr: bool) -> Outcome {
    let (cancel, grace) = (running.cancel.clone(), running.grace);
    let (sender, mut receiver) = mpsc::channel(256);
    let mut wrote_errors = false;
    let mut scope = running.scope();
    let mut process = Box::pin(process::run(program, sender, &cancel, grace));
    let mut ended = None;
    let mut deadline: Option<tokio::time::Instant> = None;
    loop {
        let late = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            line = receiver.recv() => match line {
                Some(line) => {
                    wrote_errors |= line.error && !line.text.trim().is_empty();
                    if line.cut {
                        scope.cut_line(&line.text);
                    } else {
                        scope.line(&line.text);
                    }
                    scope.log.room().await;
                    if scope.done {
                        deadline.get_or_insert(tokio::time::Instant::now() + AFTER_DONE);
                    }
                }
                None if ended.is_some() => break,
                None => ended = Some(process.as_mut().await),
            },
            exit = process.as_mut(), if ended.is_none() => ended = Some(exit),
            () = late => break,
        }
    }
    let result = scope.result;
    // Dropping it ends what `done=true` left running.
    drop(process);
    let mut outcome = result.unwrap_or(Outcome::Succeeded);
    match ended {
        None | Some(Ok(Exit::Code(0))) => {}
        _ if cancel.is_cancelled() => return Outcome::Canceled,
        Some(Ok(Exit::Code(code))) => {
            running
                .log
                .error(&format!("Bash exited with code '{code}'."));
            outcome = Outcome::Failed;
        }
        Some(Ok(Exit::Signal(signal))) => {
            running
                .log
                .error(&format!("Bash was ended by signal {signal}."));
            outcome = Outcome::Failed;
        }
        Some(Err(error)) => {
            running
                .log
                .error(&format!("Bash could not be run: {error}."));
            outcome = Outcome::Failed;
        }
    }
    if fail_on_stderr && wrote_errors {
        running
            .log
            .error("Bash wrote one or more lines to the standard error stream.");
        outcome = Outcome::Failed;
    }
    if cancel.is_cancelled() {
        outcome.max(Outcome::Canceled)
    } else {
        outcome
    }
}
