//! `coffer key break-glass`: two officers have the content of one file encrypted to somebody.

use super::secret_input::AgainArgs;
use super::shell::quoted;
use super::short_date;
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::output::Table;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use coffer_client::Client;
use coffer_wire::break_glass::{BreakGlassRequest, BreakGlassStep, BreakGlassWish};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

/// Verbs of `break-glass`.
#[derive(Subcommand)]
pub(crate) enum BreakGlassCommand {
    /// Ask for the content of a file, as the first officer
    #[command(after_help = "\
Examples:
  coffer key break-glass request signing.p12 --to age1… --reason 'incident 7: is this the key that leaked?'

The content will be encrypted to this age public key and to nobody else. What is asked for never changes: to ask for
something else, withdraw it and ask anew. Another officer has an hour to approve it. Your password is asked for, and the code of your
second factor if you have one.")]
    Request {
        /// Name or id of the secure file
        file: String,
        /// Whom to encrypt to: an age public key
        #[arg(long, value_name = "AGE1…")]
        to: String,
        /// Why, for the other officer and the audit log: one line
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        again: AgainArgs,
    },
    /// List requests, newest first
    #[command(after_help = "\
Examples:
  coffer key break-glass list
  coffer key break-glass list --output json")]
    List,
    /// Agree with what another officer asked for
    #[command(after_help = "\
Examples:
  coffer key break-glass approve 5c0e1d2a-6f2b-4f0e-9d6e-0f1d2c3b4a59

Shows the request first. What you agree to is what you are shown: the command sends its digest. The content can be had once then,
within an hour.")]
    Approve {
        /// Id of the request
        request: String,
        #[command(flatten)]
        again: AgainArgs,
    },
    /// Take a request back
    #[command(after_help = "\
Examples:
  coffer key break-glass withdraw 5c0e1d2a-6f2b-4f0e-9d6e-0f1d2c3b4a59

Any officer may.")]
    Withdraw {
        /// Id of the request
        request: String,
    },
    /// Have the content of an approved request, once, as an age file
    #[command(after_help = "\
Examples:
  coffer key break-glass export 5c0e1d2a-6f2b-4f0e-9d6e-0f1d2c3b4a59 --to signing.p12.age

Either of the two officers may. Only the recipient can open it: `age --decrypt -i KEY signing.p12.age`.")]
    Export {
        /// Id of the request
        request: String,
        /// File to write; it must not exist
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        #[command(flatten)]
        again: AgainArgs,
    },
}

/// Runs `key break-glass`.
pub(crate) async fn run(context: &Context, command: BreakGlassCommand) -> Result {
    let client = context.client()?;
    let glass = client.break_glass();
    match command {
        BreakGlassCommand::List => {
            let requests = glass.list().await?;
            context.out.show(&requests, |requests| table(requests))
        }
        BreakGlassCommand::Request {
            file,
            to,
            reason,
            again,
        } => {
            let project = context.project(&client).await?;
            let (password, code) = again.ask()?;
            let wish = BreakGlassWish {
                project,
                file,
                reason,
                recipient: to,
                password: password.to_string(),
                code,
            };
            let made = glass.request(&wish).await?;
            context.out.note(&format!(
                "Asked for. Another officer approves it within the hour: coffer key break-glass approve {}",
                made.id
            ));
            context.out.show(&made, facts)
        }
        BreakGlassCommand::Approve { request, again } => {
            let seen = find(&client, &request).await?;
            tell(context, &seen);
            let step = step(&seen, &again)?;
            let approved = glass.approve(&seen.id, &step).await?;
            context.out.note(&format!(
                "Approved. Once, until {}: coffer key break-glass export {} --to FILE",
                short_date(&approved.until),
                approved.id
            ));
            context.out.show(&approved, facts)
        }
        BreakGlassCommand::Withdraw { request } => {
            glass.withdraw(&request).await?;
            context.out.note("Withdrawn.");
            Ok(())
        }
        BreakGlassCommand::Export { request, to, again } => {
            let seen = find(&client, &request).await?;
            tell(context, &seen);
            let step = step(&seen, &again)?;
            // Before the one export is spent: the file must be writable.
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&to)
                .map_err(|error| CommandError::file("cannot write", &to, &error))?;
            let exported = match glass.export(&seen.id, &step).await {
                Ok(exported) => exported,
                Err(error) => {
                    drop(file);
                    _ = std::fs::remove_file(&to);
                    return Err(error.into());
                }
            };
            let content = STANDARD.decode(&exported.content).map_err(|error| {
                CommandError::new(Exit::Internal, "the server's answer is not base64")
                    .because(&error)
            })?;
            file.write_all(&content)
                .and_then(|()| file.sync_all())
                .map_err(|error| CommandError::file("cannot write", &to, &error))?;
            context.out.note(&format!(
                "{} is in {}, for the recipient alone.",
                exported.file,
                to.display()
            ));
            tell_afterwards(context, &seen);
            if context.out.is_json() {
                context.out.json(&serde_json::json!({
                    "request": seen.id, "file": exported.file, "writtenTo": to, "bytes": content.len(),
                }))?;
            }
            Ok(())
        }
    }
}

/// What is to be done now, and by whom. Officers are neither key operators nor administrators of the file, so they hand it on.
fn tell_afterwards(context: &Context, request: &BreakGlassRequest) {
    let out = context.out;
    out.note("Its content has been outside now: renew it where it comes from, upload the new one and delete this one.");
    out.note("Keys did not leave. If they are to be new as well, whoever may does so now:");
    out.note(&format!(
        "  a key operator:           coffer key rotate --wait --reason 'break-glass {}'",
        request.id
    ));
    out.note(&format!(
        "  the file's administrator: coffer key re-encrypt {} --project {}",
        quoted(&request.file),
        quoted(&request.project)
    ));
}

async fn find(client: &Client, wanted: &str) -> Result<BreakGlassRequest> {
    let all = client.break_glass().list().await?;
    let key = wanted.to_lowercase();
    let known = || all.iter().map(|request| request.id.clone());
    all.iter()
        .find(|request| request.id == key)
        .cloned()
        .ok_or_else(|| {
            super::not_found("request", wanted, known())
                .hint("`coffer key break-glass list` shows what there is")
        })
}

/// What the officer is about to agree with.
fn tell(context: &Context, request: &BreakGlassRequest) {
    let out = context.out;
    out.note(&format!(
        "File       {} of {}",
        request.file, request.project
    ));
    out.note(&format!("Reason     {}", request.reason));
    out.note(&format!("Recipient  {}", request.recipient));
    out.note(&format!(
        "Asked by   {} on {}",
        request.requested_by.display_name,
        short_date(&request.requested_on)
    ));
}

fn step(request: &BreakGlassRequest, again: &AgainArgs) -> Result<BreakGlassStep> {
    let (password, code) = again.ask()?;
    Ok(BreakGlassStep {
        digest: request.digest.clone(),
        password: password.to_string(),
        code,
    })
}

fn facts(request: &BreakGlassRequest) -> Table {
    let mut table = Table::facts();
    table.fact("Id", request.id.as_str());
    table.fact("File", format!("{} of {}", request.file, request.project));
    table.fact("Reason", request.reason.as_str());
    table.fact("Recipient", request.recipient.as_str());
    table.fact("Asked by", request.requested_by.display_name.as_str());
    if let Some(by) = &request.approved_by {
        table.fact("Approved by", by.display_name.as_str());
    }
    table.fact("State", request.state.as_str());
    table.fact("Until", short_date(&request.until));
    table.fact("Digest", request.digest.as_str());
    table
}

fn table(requests: &[BreakGlassRequest]) -> Table {
    let mut table = Table::new([
        "id", "state", "file", "project", "asked by", "until", "reason",
    ]);
    for request in requests {
        table.row([
            request.id.clone(),
            request.state.clone(),
            request.file.clone(),
            request.project.clone(),
            request.requested_by.display_name.clone(),
            short_date(&request.until),
            request.reason.clone(),
        ]);
    }
    table
}
