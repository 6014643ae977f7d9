//! `coffer key list`, `coffer key rotate`, `coffer key re-encrypt`: what key operators and administrators of files do with a
//! server that runs.

use super::secret_input::AgainArgs;
use super::{permits, short_date};
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::output::Table;
use clap::Args;
use coffer_client::{Client, ErrorKind};
use coffer_wire::keys::{KeyGeneration, KeyRotation, SignInAgain};
use serde_json::json;
use std::time::Duration;

/// Between two looks at a rotation.
const PAUSE: Duration = Duration::from_millis(500);
/// How many looks in a row may fail, while the server restarts: each fails after some tries of its own.
const MOST_FAILURES: u32 = 20;
/// Rotations that a list for people shows.
const SHOWN: usize = 10;

/// Arguments of `key list`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  coffer key list
  coffer key list --all --output json

For key operators and break-glass officers. A root key that drains is still needed by what sits under it; one that retired
is destroyed after the date shown, and no older backup opens then. The newest 10 rotations are shown, with --output json
the newest 50, each with its signed report. A rotation that fails never stops serving: it is shown here, in `/readyz`, in the
metrics and by `coffer doctor`.")]
pub(crate) struct ListArgs {
    /// Also root keys that are destroyed
    #[arg(long)]
    all: bool,
}

/// Arguments of `key rotate`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  coffer key rotate --reason 'incident 7: a backup of the key service was copied'
  coffer key rotate --reason 'quarterly' --wait --timeout 3600
  coffer key rotate --reason 'quarterly' --wait --output json

For key operators. As every deployment does: a new root key and new project keys, everything wrapped anew, in the background and
without a failed request. Exit code 5 when keys are being rotated already. With --wait: exit code 7 when it has not ended in
time (it goes on), 10 when it has ended and something did not open.
A rotation wraps the same file keys anew. When the key of a file may be known: `coffer key re-encrypt`.")]
pub(crate) struct RotateArgs {
    /// Why, for the audit log: one line
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Wait for its end, and show how far it is
    #[arg(long)]
    wait: bool,
    /// Give up waiting after so many seconds, with exit code 7
    #[arg(long, value_name = "SECONDS", requires = "wait")]
    timeout: Option<u64>,
}

/// Arguments of `key re-encrypt`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  coffer key re-encrypt signing.p12
  coffer key re-encrypt signing.p12 --project Mobile --password-stdin < password

For administrators of the file, when its own key may be known: the content is sealed again with a new file key. Content, name,
roles, permissions and running jobs stay as they are. Your password is asked for, and the code of your second factor if you have
one. Older backups still hold the old seal, so renew the content where it comes from as well.")]
pub(crate) struct ReEncryptArgs {
    /// Name or id of the secure file
    file: String,
    #[command(flatten)]
    again: AgainArgs,
}

/// Runs `key list`.
pub(crate) async fn list(context: &Context, args: &ListArgs) -> Result {
    let client = context.client()?;
    let keys = client.keys();
    let mut generations = keys.generations().await?;
    generations.retain(|generation| args.all || generation.state != "destroyed");
    let rotations = keys.rotations().await?;
    let out = context.out;
    if out.is_json() {
        return out.json(&json!({ "generations": generations, "rotations": rotations }));
    }
    out.text(&generation_table(&generations).render(out.colour))?;
    if !rotations.is_empty() {
        out.line("")?;
        out.text(&rotation_table(&rotations).render(out.colour))?;
    }
    if let Some(failing) = rotations.iter().find(|rotation| rotation.failure.is_some()) {
        out.note(&failure(failing));
        out.note("Serving goes on. On the server's host: `coffer key test --lifecycle`, `coffer doctor`.");
    }
    Ok(())
}

/// Runs `key rotate`.
pub(crate) async fn rotate(context: &Context, args: &RotateArgs) -> Result<Exit> {
    let client = context.client()?;
    let begun = client.keys().rotate(&args.reason).await?;
    if !args.wait {
        context.out.note(&format!(
            "Rotation {} has begun. How far it is: coffer key list",
            begun.number
        ));
        context.out.show(&begun, facts)?;
        return Ok(Exit::Success);
    }
    let number = begun.number;
    let waiting = wait(context, &client, begun);
    let ended = match args.timeout {
        None => waiting.await?,
        Some(seconds) => tokio::time::timeout(Duration::from_secs(seconds), waiting)
            .await
            .unwrap_or_else(|_| {
                let text = format!("rotation {number} has not ended after {seconds} s");
                Err(CommandError::new(Exit::Waiting, text).hint("it goes on: coffer key list"))
            })?,
    };
    tell_end(context, &ended);
    context.out.show(&ended, facts)?;
    Ok(match ended.done.unopened {
        0 => Exit::Success,
        _ => Exit::NotIntact,
    })
}

/// Follows a rotation to its end.
async fn wait(context: &Context, client: &Client, begun: KeyRotation) -> Result<KeyRotation> {
    let (mut seen, mut said, mut failures) = (begun, String::new(), 0);
    while seen.state != "done" {
        let now = match &seen.failure {
            Some(_) => failure(&seen),
            None => progress(&seen),
        };
        if now != said {
            context.out.note(&now);
            said = now;
        }
        tokio::time::sleep(PAUSE).await;
        match client.keys().rotation(seen.number).await {
            Ok(rotation) => (seen, failures) = (rotation, 0),
            Err(error) => {
                let kind = error.kind();
                failures += 1;
                let away = matches!(kind, ErrorKind::Unreachable | ErrorKind::Unavailable);
                if !away || failures > MOST_FAILURES {
                    return Err(error.into());
                }
                if failures == 1 {
                    context
                        .out
                        .note("The server does not answer; still trying.");
                }
            }
        }
    }
    Ok(seen)
}

/// How far it is, in a sentence that does not change with every look.
fn progress(rotation: &KeyRotation) -> String {
    let number = rotation.number;
    let step = match (&rotation.generation, &rotation.left) {
        (None, _) => "a root key is made".to_owned(),
        (_, Some(left)) if left.project_keys > 0 => "project keys are made".to_owned(),
        (_, Some(left)) if left.wraps > 0 => {
            let all = left.wraps + rotation.done.wraps;
            let tenths = rotation.done.wraps * 10 / all.max(1);
            format!("{all} keys are wrapped anew: {tenths}0 %")
        }
        _ => "old keys retire".to_owned(),
    };
    format!("Rotation {number}: {step}.")
}

/// Why it does not go on.
fn failure(rotation: &KeyRotation) -> String {
    let Some(failure) = &rotation.failure else {
        return String::new();
    };
    format!(
        "Rotation {} has failed {} times since {}: {}. It is tried again at {}.",
        rotation.number,
        failure.failures,
        short_date(&failure.since),
        failure.message,
        short_date(&failure.again_on)
    )
}

/// What an operator has to know of the end.
fn tell_end(context: &Context, ended: &KeyRotation) {
    let out = context.out;
    out.note(&format!("Rotation {} is done.", ended.number));
    let report = ended.report.as_ref();
    let lines = report.into_iter().flat_map(|report| report.text.lines());
    for why in lines.filter_map(|line| line.strip_prefix("not-rotated ")) {
        out.note(&format!("Not rotated: {why}"));
    }
    if ended.done.unopened > 0 {
        out.note("On the server's host `coffer doctor` says which root keys do not open.");
    }
    if let Some(report) = report {
        out.note(&format!(
            "Its signed report is record {}: `coffer audit verify` checks it.",
            report.number
        ));
    }
}

/// Runs `key re-encrypt`.
pub(crate) async fn re_encrypt(context: &Context, args: &ReEncryptArgs) -> Result {
    let client = context.client()?;
    let project = context.project(&client).await?;
    let file = permits::file(&client, &project, &args.file).await?;
    let (password, code) = args.again.ask()?;
    let again = SignInAgain {
        password: password.to_string(),
        code,
    };
    client.keys().re_encrypt(&project, &file.id, &again).await?;
    context.out.note(&format!(
        "{} is sealed with a new file key. Older backups still hold the old seal: renew the content where it comes from as well.",
        file.name
    ));
    if context.out.is_json() {
        context
            .out
            .json(&json!({ "id": file.id, "name": file.name, "project": project }))?;
    }
    Ok(())
}

fn optional(date: Option<&coffer_wire::Date>) -> String {
    date.map_or_else(|| "-".to_owned(), |date| short_date(date))
}

fn generation_table(generations: &[KeyGeneration]) -> Table {
    let mut table = Table::new([
        "root key",
        "provider",
        "state",
        "made",
        "retired",
        "disabled",
        "destroyed after",
        "project keys",
        "wraps",
    ]);
    for one in generations {
        let ends = match (&one.destroyed_on, &one.destroyed_after, one.ended_by_server) {
            (Some(on), _, _) => format!("destroyed {}", short_date(on)),
            (None, Some(after), true) => short_date(after),
            (None, Some(after), false) => format!("{}, in the key service", short_date(after)),
            (None, None, _) => "-".to_owned(),
        };
        table.row([
            one.id.clone(),
            one.provider.clone(),
            one.state.clone(),
            short_date(&one.made_on),
            optional(one.retired_on.as_ref()),
            optional(one.disabled_on.as_ref()),
            ends,
            one.project_keys.to_string(),
            one.wraps.to_string(),
        ]);
    }
    table
}

fn rotation_table(rotations: &[KeyRotation]) -> Table {
    let mut table = Table::new([
        "rotation", "why", "state", "began", "ended", "keys", "wraps", "left", "report",
    ]);
    for one in rotations.iter().take(SHOWN) {
        let why = match one.deployments.first() {
            Some(deployment) => format!("{} {deployment}", one.cause),
            None => one.cause.clone(),
        };
        let left = one.left.as_ref().map_or(one.done.unopened, |left| {
            left.project_keys + left.wraps + left.secrets
        });
        let report = one.report.as_ref();
        table.row([
            one.number.to_string(),
            why,
            one.state.clone(),
            short_date(&one.began_on),
            optional(one.ended_on.as_ref()),
            one.done.project_keys.to_string(),
            one.done.wraps.to_string(),
            left.to_string(),
            report.map_or_else(
                || "-".to_owned(),
                |report| format!("record {}", report.number),
            ),
        ]);
    }
    table
}

fn facts(rotation: &KeyRotation) -> Table {
    let mut table = Table::facts();
    table.fact("Rotation", rotation.number.to_string());
    table.fact("State", rotation.state.as_str());
    table.fact("Provider", rotation.provider.as_str());
    table.fact("Root key before", rotation.from.as_str());
    if let Some(generation) = &rotation.generation {
        table.fact("Root key now", generation.as_str());
    }
    table.fact("Project keys made", rotation.done.project_keys.to_string());
    table.fact("Wrapped anew", rotation.done.wraps.to_string());
    table.fact("Did not open", rotation.done.unopened.to_string());
    if let Some(report) = &rotation.report {
        table.fact("Report", format!("record {}", report.number));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_wire::Date;
    use coffer_wire::keys::{KeyRotationDone, KeyRotationFailure, KeyRotationLeft};

    fn rotation() -> KeyRotation {
        KeyRotation {
            number: 3,
            cause: "request".into(),
            state: "running".into(),
            deployments: Vec::new(),
            provider: "vault".into(),
            from: "a".into(),
            generation: None,
            kept: None,
            began_on: Date::from("2026-03-02T09:30:00Z".to_owned()),
            ended_on: None,
            done: KeyRotationDone {
                project_keys: 0,
                wraps: 0,
                secrets: 0,
                retired_keys: 0,
                retired_generations: 0,
                unopened: 0,
            },
            left: Some(KeyRotationLeft {
                project_keys: 2,
                wraps: 100,
                secrets: 1,
            }),
            failure: None,
            report: None,
        }
    }

    #[test]
    fn each_step_has_its_sentence_and_a_look_that_finds_little_new_says_the_same() {
        let mut seen = rotation();
        assert_eq!(progress(&seen), "Rotation 3: a root key is made.");
        seen.generation = Some("b".into());
        assert_eq!(progress(&seen), "Rotation 3: project keys are made.");
        let mut left = |project_keys, wraps, done| {
            seen.left = Some(KeyRotationLeft {
                project_keys,
                wraps,
                secrets: 1,
            });
            seen.done.wraps = done;
            progress(&seen)
        };
        let at = left(0, 69, 31);
        assert_eq!(at, "Rotation 3: 100 keys are wrapped anew: 30 %.");
        assert_eq!(left(0, 61, 39), at);
        assert_eq!(left(0, 0, 100), "Rotation 3: old keys retire.");
    }

    #[test]
    fn a_failure_says_why_and_when_it_is_tried_again() {
        let mut seen = rotation();
        assert_eq!(failure(&seen), "");
        seen.failure = Some(KeyRotationFailure {
            failures: 4,
            since: Date::from("2026-03-02T09:30:00Z".to_owned()),
            message: "the key service is away".into(),
            again_on: Date::from("2026-03-02T09:35:00Z".to_owned()),
        });
        assert_eq!(
            failure(&seen),
            "Rotation 3 has failed 4 times since 2026-03-02 09:30:00Z: the key service is away. It is tried again at 2026-03-02 09:35:00Z."
        );
    }
}
