//! `coffer audit`: who did what, and whether the record of it is whole.

use super::audit_export::verify_export;
use super::short_date;
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::output::Table;
use clap::{Args, Subcommand};
use coffer_client::{AuditQuery, Lines};
use coffer_wire::coffer::{AuditEntry, AuditVerification};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Verbs of `audit`.
#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// List events, oldest first
    #[command(after_help = "\
Examples:
  coffer audit list
  coffer audit list --action SecureFile.Downloaded --last 200
  coffer audit list --after 1200 --output json")]
    List {
        #[command(flatten)]
        filter: FilterArgs,
        /// Only the last so many
        #[arg(long, default_value_t = 50, value_name = "N")]
        last: usize,
    },
    /// Check that nothing in the log was changed or taken out
    #[command(after_help = "\
Examples:
  coffer audit verify
  coffer audit verify --head 9f86d081884c7d65…
  coffer audit verify --file audit.jsonl

Without --file, the server checks its own log. With it, an export is checked on this machine, and no server is asked.
Rows cut off at the end show only in the head: compare it with one that you hold from elsewhere. Exit code 10 when the
log is not intact.")]
    Verify {
        /// An export to check, `-` for standard input
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The head the log must end in, hex
        #[arg(long, value_name = "HEX")]
        head: Option<String>,
    },
    /// Write the log as JSON Lines
    #[command(after_help = "\
Examples:
  coffer audit export --to audit.jsonl
  coffer audit export | gzip > audit.jsonl.gz

With a filter, the digests of the other events stay, so that the export can be verified.")]
    Export {
        #[command(flatten)]
        filter: FilterArgs,
        /// File to write; it must not exist yet [default: standard output]
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
}

/// Which events.
#[derive(Args)]
pub(crate) struct FilterArgs {
    /// Only after this place in the chain
    #[arg(long, value_name = "SEQUENCE")]
    after: Option<i64>,
    /// Only this action, such as SecureFile.Downloaded
    #[arg(long)]
    action: Option<String>,
    /// Only this resource, by id
    #[arg(long, value_name = "ID")]
    resource: Option<String>,
}

impl FilterArgs {
    fn query(self) -> AuditQuery {
        AuditQuery {
            after: self.after,
            top: None,
            action: self.action,
            resource: self.resource,
        }
    }
}

/// Runs a verb.
pub(crate) async fn run(context: &Context, command: AuditCommand) -> Result<Exit> {
    match command {
        AuditCommand::List { filter, last } => list(context, &filter.query(), last).await?,
        AuditCommand::Verify { file, head } => {
            let found = match &file {
                Some(path) => verify_file(path)?,
                None => context.client()?.coffer().audit_verify().await?,
            };
            return verified(context, found, head.as_deref());
        }
        AuditCommand::Export { filter, to } => {
            export(context, &filter.query(), to.as_deref()).await?;
        }
    }
    Ok(Exit::Success)
}

async fn list(context: &Context, query: &AuditQuery, last: usize) -> Result {
    let client = context.client()?;
    let mut lines = client.coffer().audit(query).await?;
    let mut kept = VecDeque::new();
    while let Some(entry) = lines.next::<AuditEntry>().await? {
        // A filter leaves the digests of other events in; they are for verifying, not for reading.
        if entry.event.is_none() {
            continue;
        }
        if kept.len() == last {
            kept.pop_front();
        }
        if last > 0 {
            kept.push_back(entry);
        }
    }
    context.out.show(&kept, |entries| {
        let mut table = Table::new(["seq", "time", "outcome", "action", "who", "resource", "run"]);
        for (entry, event) in entries.iter().filter_map(|e| Some((e, e.event.as_ref()?))) {
            let resource = event.resource_type.as_deref().unwrap_or_default();
            let id = event.resource_id.as_deref().unwrap_or_default();
            table.row([
                entry.sequence.map(|n| n.to_string()).unwrap_or_default(),
                time(event.time),
                event.outcome.clone(),
                event.action.clone(),
                event.actor.name.clone(),
                format!("{resource} {id}").trim().to_owned(),
                event.run.map(|n| n.to_string()).unwrap_or_default(),
            ]);
        }
        table
    })
}

/// Microseconds since 1970, for people.
fn time(microseconds: i64) -> String {
    match jiff::Timestamp::from_microsecond(microseconds) {
        Ok(time) => short_date(&time.to_string()),
        Err(_) => microseconds.to_string(),
    }
}

fn verify_file(path: &Path) -> Result<AuditVerification> {
    let found = if path == Path::new("-") {
        verify_export(io::stdin().lock())
    } else {
        File::open(path).and_then(|file| verify_export(BufReader::new(file)))
    };
    found.map_err(|error| CommandError::file("cannot read", path, &error))
}

fn verified(context: &Context, mut found: AuditVerification, head: Option<&str>) -> Result<Exit> {
    if head.is_some_and(|head| !head.eq_ignore_ascii_case(&found.head)) {
        found.intact = false;
        found.problems.push(
            "The log does not end in the head you gave: rows at its end are missing or were added."
                .into(),
        );
    }
    context.out.show(&found, |found| {
        let mut facts = Table::facts();
        facts.fact("Intact", if found.intact { "yes" } else { "NO" });
        facts.fact("Linked", found.linked.to_string());
        facts.fact("Not linked yet", found.unlinked.to_string());
        facts.fact("Head", found.head.as_str());
        facts
    })?;
    if found.intact {
        return Ok(Exit::Success);
    }
    let mut error = CommandError::new(Exit::NotIntact, "the audit log is not intact");
    error.details = found.problems;
    Err(error.hint("keep a copy as it is, and compare it with exports and heads kept elsewhere"))
}

async fn export(context: &Context, query: &AuditQuery, to: Option<&Path>) -> Result {
    let client = context.client()?;
    let mut lines = client.coffer().audit(query).await?;
    let count = match to {
        None => copy(&mut lines, &mut io::stdout()).await?,
        Some(path) => {
            let failed = |error: io::Error| CommandError::file("cannot write", path, &error);
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
            // Whole or not at all: half an export would look like a log that was cut off.
            let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
                .map_err(failed)?;
            let count = copy(&mut lines, &mut file).await?;
            file.as_file().sync_all().map_err(failed)?;
            file.persist_noclobber(path).map_err(|e| failed(e.error))?;
            count
        }
    };
    context.out.note(&format!("{count} rows exported."));
    Ok(())
}

async fn copy(lines: &mut Lines, sink: &mut (dyn Write + Send)) -> Result<u64> {
    let mut sink = BufWriter::new(sink);
    let mut count = 0;
    while let Some(line) = lines.next_line().await? {
        sink.write_all(line.as_bytes())?;
        sink.write_all(b"\n")?;
        count += 1;
    }
    sink.flush()?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_utc() {
        assert_eq!(time(1_763_000_000_123_456), "2025-11-13 02:13:20Z");
        assert_eq!(time(i64::MAX), i64::MAX.to_string());
    }
}
