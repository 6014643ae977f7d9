//! `coffer audit`: who did what, whether the record of it is whole, and whether it explains what is there.

use super::audit_stream::{self, StreamCommand};
use super::audit_verify::{Verifier, verify_export};
use super::short_date;
use crate::checkpoints::{self, digest};
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::output::{Table, escaped_value};
use clap::{Args, Subcommand, ValueEnum};
use coffer_client::{AuditQuery, ExportFormat, Lines};
use coffer_model::trail::Trust;
use coffer_wire::audit::Finding;
use coffer_wire::coffer::{AuditEntry, AuditVerification};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

/// Verbs of `audit`.
#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// List events, oldest first
    #[command(after_help = "\
Examples:
  coffer audit list
  coffer audit list --action SecureFile.Downloaded --since 2026-01-31 --last 200
  coffer audit list --actor ada --outcome denied
  coffer audit list --resource 5b0f… --run 12 --output json")]
    List {
        #[command(flatten)]
        filter: FilterArgs,
        /// Only the newest so many
        #[arg(long, default_value_t = 50, value_name = "N")]
        last: u32,
    },
    /// Check that nothing in the log was changed or taken out
    #[command(after_help = "\
Examples:
  coffer audit verify
  coffer audit verify audit.jsonl --trusted-checkpoint /mnt/elsewhere/checkpoints.jsonl
  coffer audit verify --trusted-checkpoint checkpoints.jsonl --public-key 3b6a27bc…

With FILE, an export is checked on this machine, and no server is asked; filtered ones too. Without, the server checks
its own log; with something trusted, its log is read and checked here. The answer says what was shown and what was not.
Exit code 10 when the log is not intact.")]
    Verify {
        /// An export to check, `-` for standard input
        file: Option<PathBuf>,
        /// Checkpoints that came another way than the log: the file of `audit.checkpoints`, or a saved one
        #[arg(long, value_name = "FILE")]
        trusted_checkpoint: Option<PathBuf>,
        /// The public key that came another way than the log, hex
        #[arg(long, value_name = "HEX")]
        public_key: Option<String>,
        /// The head the log must end in, hex
        #[arg(long, value_name = "HEX")]
        head: Option<String>,
    },
    /// Write the log to a file, signed
    #[command(after_help = "\
Examples:
  coffer audit export --to audit.jsonl
  coffer audit export --since 2026-01-01 --until 2026-02-01 --action SecureFile.Downloaded --to january.jsonl
  coffer audit export --format csv --to audit.csv
  coffer audit export --actor ada --trusted-checkpoint checkpoints.jsonl --to ada.jsonl

JSON Lines can be verified with `coffer audit verify FILE`, also with a filter: digests stand for what is left out.
CSV is for people and cannot be verified.")]
    Export {
        #[command(flatten)]
        filter: FilterArgs,
        /// The form
        #[arg(long, value_enum, default_value_t = Format::Jsonl)]
        format: Format,
        /// File to write; it must not exist yet [default: standard output]
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        /// Make sure that the export can be compared with the newest of these checkpoints
        #[arg(long, value_name = "FILE")]
        trusted_checkpoint: Option<PathBuf>,
    },
    /// Sign a checkpoint now and print it, to be kept elsewhere
    #[command(after_help = "\
Examples:
  coffer audit checkpoint --output json > checkpoint.json
  coffer audit verify --trusted-checkpoint checkpoint.json")]
    Checkpoint,
    /// Show the public key that signs exports and checkpoints
    #[command(after_help = "Examples:\n  coffer audit key\n  coffer audit key --output json")]
    Key,
    /// Report every right, name and token that no event explains
    #[command(after_help = "\
Examples:
  coffer audit reconcile
  coffer audit reconcile --output json

Replays all events and compares. Verify the log first: an event that was changed explains nothing. Exit code 10 when
something does not fit.")]
    Reconcile,
    /// Remove old events; a signed tombstone stays
    #[command(after_help = "\
Examples:
  coffer audit retain --before 2025-01-01
  coffer audit retain --before 2025-01-01T00:00:00Z --yes

Export them first. What the events explained is kept for `coffer audit reconcile`. Without --yes you are asked first.")]
    Retain {
        /// A day or a time, UTC
        #[arg(long, value_name = "DATE")]
        before: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Streams of the log to a webhook, Splunk or syslog
    #[command(subcommand)]
    Stream(StreamCommand),
}

/// The form of an export.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// A JSON value a line; can be verified
    Jsonl,
    /// A table for people
    Csv,
}

/// Which events.
#[derive(Args)]
pub(crate) struct FilterArgs {
    /// Not before this day or time, UTC
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Before this day or time, UTC
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// By this person, by id or by the name they had then
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only this action, such as SecureFile.Downloaded
    #[arg(long)]
    action: Option<String>,
    /// Only what was allowed, or what was denied
    #[arg(long, value_parser = ["allowed", "denied"])]
    outcome: Option<String>,
    /// Only about this type of resource, such as securefile
    #[arg(long, value_name = "TYPE")]
    resource_type: Option<String>,
    /// Only about this resource, by id
    #[arg(long, value_name = "ID")]
    resource: Option<String>,
    /// Only in this project, by name or id
    #[arg(long = "in-project", value_name = "PROJECT")]
    in_project: Option<String>,
    /// Only in this run
    #[arg(long, value_name = "NUMBER")]
    run: Option<i64>,
}

impl FilterArgs {
    fn query(self) -> Result<AuditQuery> {
        Ok(AuditQuery {
            since: self.since.map(|text| moment(&text)).transpose()?,
            until: self.until.map(|text| moment(&text)).transpose()?,
            actor: self.actor,
            action: self.action,
            outcome: self.outcome,
            project: self.in_project,
            resource_type: self.resource_type,
            resource: self.resource,
            run: self.run,
            ..AuditQuery::default()
        })
    }
}

/// A day or a time, as the server reads it.
fn moment(text: &str) -> Result<String> {
    if text.parse::<jiff::Timestamp>().is_ok() {
        return Ok(text.to_owned());
    }
    match text.parse::<jiff::civil::Date>() {
        Ok(day) => Ok(format!("{day}T00:00:00Z")),
        Err(_) => Err(
            CommandError::usage(format!("'{text}' is no day and no time"))
                .hint("write it like 2026-01-31 or 2026-01-31T08:00:00Z"),
        ),
    }
}

/// Runs a verb.
pub(crate) async fn run(context: &Context, command: AuditCommand) -> Result<Exit> {
    match command {
        AuditCommand::List { filter, last } => list(context, filter.query()?, last).await?,
        AuditCommand::Verify {
            file,
            trusted_checkpoint,
            public_key,
            head,
        } => {
            let trust = trust(trusted_checkpoint.as_deref(), public_key.as_deref())?;
            let found = match &file {
                Some(path) => verify_file(path, trust)?,
                None if trust.records.is_empty() && trust.public_key.is_none() => {
                    context.client()?.coffer().audit_verify().await?
                }
                None => verify_server(context, trust).await?,
            };
            return verified(context, found, head.as_deref());
        }
        AuditCommand::Export {
            filter,
            format,
            to,
            trusted_checkpoint,
        } => {
            let trust = trust(trusted_checkpoint.as_deref(), None)?;
            let query = filter.query()?;
            export(context, &query, format, to.as_deref(), &newest(&trust)).await?;
        }
        AuditCommand::Checkpoint => {
            let signed = context.client()?.coffer().audit_checkpoint().await?;
            context.out.show(&signed, |signed| {
                let mut facts = Table::facts();
                facts.fact("Record", signed.number.to_string());
                facts.fact("Time", time(signed.time));
                facts.fact("Rows", signed.sequence.to_string());
                facts.fact("Head", signed.head.as_str());
                facts.fact("Root", signed.root.as_str());
                facts.fact("Key", signed.key_id.as_str());
                facts
            })?;
            context.out.note("Keep it elsewhere: with --output json, in a file that who runs the server cannot change.");
        }
        AuditCommand::Key => {
            let key = context.client()?.coffer().audit_key().await?;
            context.out.show(&key, |key| {
                let mut facts = Table::facts();
                facts.fact("Public key", key.public_key.as_str());
                facts.fact("Key id", key.key_id.as_str());
                if let Some(newest) = &key.newest {
                    facts.fact(
                        "Newest record",
                        format!("{} of {} rows", newest.number, newest.sequence),
                    );
                }
                facts
            })?;
        }
        AuditCommand::Reconcile => return reconcile(context).await,
        AuditCommand::Retain { before, yes } => {
            let before = moment(&before)?;
            if !yes
                && !asked(&format!(
                    "Remove all audit events before {before} for good?"
                ))?
            {
                context.out.note("Nothing was removed.");
                return Ok(Exit::Success);
            }
            let done = context.client()?.coffer().audit_retain(&before).await?;
            context.out.show(&done, |done| {
                let mut facts = Table::facts();
                facts.fact("Removed", done.removed.to_string());
                facts.fact("Up to row", done.through.to_string());
                facts.fact("Tombstones", done.tombstones.to_string());
                facts
            })?;
        }
        AuditCommand::Stream(command) => audit_stream::run(context, command).await?,
    }
    Ok(Exit::Success)
}

/// Asks a person. Nobody there is an error: what is not said is not meant.
fn asked(question: &str) -> Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(CommandError::usage("nobody is there to ask").hint("add --yes"));
    }
    let mut to = io::stderr();
    write!(to, "{question} [y/N] ")?;
    to.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

async fn list(context: &Context, mut query: AuditQuery, last: u32) -> Result {
    let client = context.client()?;
    query.newest_first = true;
    query.top = Some(last);
    let mut lines = client.coffer().audit(&query).await?;
    let mut entries: Vec<AuditEntry> = Vec::new();
    while let Some(entry) = lines.next().await? {
        entries.push(entry);
    }
    entries.reverse();
    context.out.show(&entries, |entries| {
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

fn trust(checkpoints: Option<&Path>, public_key: Option<&str>) -> Result<Trust> {
    let mut trust = Trust::default();
    if let Some(path) = checkpoints {
        let read = File::open(path).and_then(checkpoints::read);
        trust.records = read.map_err(|error| CommandError::file("cannot read", path, &error))?;
        if trust.records.is_empty() {
            return Err(CommandError::new(
                Exit::Invalid,
                format!("{} holds no signed record", path.display()),
            )
            .hint("it is the file that audit.checkpoints names, or what `coffer audit checkpoint --output json` printed"));
        }
    }
    if let Some(text) = public_key {
        let key = digest(text.trim()).ok_or_else(|| {
            CommandError::usage("--public-key is not 64 hexadecimal digits")
                .hint("`coffer audit key` shows it")
        })?;
        trust.public_key = Some(key);
    }
    Ok(trust)
}

/// Rows of the newest trusted record: the server is asked to keep that place.
fn newest(trust: &Trust) -> Vec<i64> {
    let rows = trust.records.iter().map(|signed| signed.record.sequence);
    rows.max().into_iter().collect()
}

fn verify_file(path: &Path, trust: Trust) -> Result<AuditVerification> {
    let found = if path == Path::new("-") {
        verify_export(io::stdin().lock(), trust)
    } else {
        File::open(path).and_then(|file| verify_export(BufReader::new(file), trust))
    };
    found.map_err(|error| CommandError::file("cannot read", path, &error))
}

/// Reads the server's whole log and checks it here.
async fn verify_server(context: &Context, trust: Trust) -> Result<AuditVerification> {
    let client = context.client()?;
    let mut lines = client
        .coffer()
        .audit_export(
            &AuditQuery::default(),
            ExportFormat::JsonLines,
            &newest(&trust),
        )
        .await?;
    let mut verifier = Verifier::new(trust);
    while let Some(line) = lines.next_line().await? {
        verifier.line(line.as_bytes());
    }
    Ok(verifier.finish())
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
        for proved in &found.proved {
            facts.fact("Shown", proved.as_str());
        }
        for open in &found.not_proved {
            facts.fact("Not shown", open.as_str());
        }
        facts
    })?;
    if found.intact {
        return Ok(Exit::Success);
    }
    let mut error = CommandError::new(Exit::NotIntact, "the audit log is not intact");
    error.details = found.problems;
    Err(error
        .hint("keep a copy as it is, and compare it with exports and checkpoints kept elsewhere"))
}

async fn reconcile(context: &Context) -> Result<Exit> {
    let found = context.client()?.coffer().audit_reconcile().await?;
    context.out.show(&found, |found| {
        let mut facts = Table::facts();
        facts.fact("Explained", if found.explained { "yes" } else { "NO" });
        facts.fact("Events replayed", found.events.to_string());
        facts.fact("Facts", found.facts.to_string());
        facts.fact("Findings", found.count.to_string());
        for given in &found.taken_as_given {
            let place = given.map_or_else(|| "a removed row".into(), |at| format!("row {at}"));
            facts.fact("Taken as given", format!("what was there at {place}"));
        }
        facts
    })?;
    if found.explained {
        return Ok(Exit::Success);
    }
    let mut error = CommandError::new(Exit::NotIntact, "not everything is explained by an event");
    error.details = found.findings.iter().map(sentence).collect();
    if found.count > found.findings.len() {
        let more = found.count - found.findings.len();
        error
            .details
            .push(format!("There are {more} more findings."));
    }
    Err(error.hint("somebody changed the database past Coffer, or restored another one: compare with exports kept elsewhere"))
}

fn sentence(finding: &Finding) -> String {
    let words = |parts: &[String]| escaped_value(parts.join(" "));
    let at = finding
        .sequence
        .map_or(String::new(), |at| format!(" (row {at})"));
    let (kind, key) = (&finding.kind, words(&finding.key));
    let expected = finding.expected.as_deref().map(words).unwrap_or_default();
    let found = finding.found.as_deref().map(words).unwrap_or_default();
    match finding.what.as_str() {
        "unexplained" => format!("{kind} {key} is there as '{found}', and no event explains it."),
        "missing" => {
            format!("{kind} {key} is gone, and events say that it is there as '{expected}'{at}.")
        }
        "different" => format!("{kind} {key} is '{found}', and events say '{expected}'{at}."),
        "unreadable" => format!("An event holds what this program cannot read: {key}{at}."),
        _ => format!("{key}."),
    }
}

async fn export(
    context: &Context,
    query: &AuditQuery,
    format: Format,
    to: Option<&Path>,
    checkpoints: &[i64],
) -> Result {
    let client = context.client()?;
    let format = match format {
        Format::Jsonl => ExportFormat::JsonLines,
        Format::Csv => ExportFormat::Csv,
    };
    let mut lines = client
        .coffer()
        .audit_export(query, format, checkpoints)
        .await?;
    match to {
        None => copy(&mut lines, &mut io::stdout()).await?,
        Some(path) => {
            let failed = |error: io::Error| CommandError::file("cannot write", path, &error);
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
            // Whole or not at all: half an export would look like a log that was cut off.
            let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
                .map_err(failed)?;
            copy(&mut lines, &mut file).await?;
            file.as_file().sync_all().map_err(failed)?;
            file.persist_noclobber(path).map_err(|e| failed(e.error))?;
        }
    }
    context.out.note("Exported.");
    Ok(())
}

async fn copy(lines: &mut Lines, sink: &mut (dyn Write + Send)) -> Result {
    let mut sink = BufWriter::new(sink);
    while let Some(bytes) = lines.next_bytes().await? {
        sink.write_all(&bytes)?;
    }
    sink.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_utc() {
        assert_eq!(time(1_763_000_000_123_456), "2025-11-13 02:13:20Z");
        assert_eq!(time(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn days_and_times_are_read_and_nothing_else() {
        assert_eq!(moment("2026-01-31").unwrap(), "2026-01-31T00:00:00Z");
        assert_eq!(
            moment("2026-01-31T08:00:00Z").unwrap(),
            "2026-01-31T08:00:00Z"
        );
        assert!(moment("yesterday").is_err());
    }

    #[test]
    fn keys_are_hex_and_files_of_checkpoints_hold_some() {
        assert!(trust(None, Some("ab")).is_err());
        assert_eq!(
            trust(None, Some(&"07".repeat(32))).unwrap().public_key,
            Some([7; 32])
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(trust(Some(file.path()), None).is_err());
    }
}
