//! Follows a run: its log as it grows, what it waits for and who may permit it, and its end.

use super::permits::SECURE_FILE;
use super::shell::quoted;
use super::short_date;
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::output::{LogStyle, log_line};
use clap::Args;
use coffer_client::{Client, ClientError, ErrorKind};
use coffer_wire::builds::TimelineRecord;
use coffer_wire::coffer::WaitingFor;
use coffer_wire::pipelines::Run;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// Between two looks at a run.
const PAUSE: Duration = Duration::from_millis(500);
/// How many looks in a row may fail, while the server restarts: each fails after some tries of its own.
const MOST_FAILURES: u32 = 20;

/// How to follow.
#[derive(Args, Clone, Default)]
pub(crate) struct WatchArgs {
    /// Give up after so many seconds, with exit code 7
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// End with exit code 7 when the run waits for a permission
    #[arg(long)]
    fail_if_waiting: bool,
    /// Keep the time of each log line
    #[arg(long)]
    timestamps: bool,
}

/// Which run to follow.
pub(super) struct Watched<'a> {
    pub(super) client: &'a Client,
    pub(super) project: &'a str,
    pub(super) pipeline: i64,
    pub(super) run: i64,
}

/// Follows a run to its end; the exit code is its result.
pub(super) async fn watch(context: &Context, run: &Watched<'_>, args: &WatchArgs) -> Result<Exit> {
    let mut follower = Follower {
        context,
        run,
        args,
        lines: BTreeMap::new(),
        shown: None,
        waiting: Vec::new(),
    };
    let following = follower.follow();
    let Some(seconds) = args.timeout else {
        return following.await;
    };
    match tokio::time::timeout(Duration::from_secs(seconds), following).await {
        Ok(done) => done,
        Err(_) => Err(CommandError::new(
            Exit::Waiting,
            format!("run {} has not ended after {seconds} s", run.run),
        )
        .hint(format!("it goes on: coffer run watch {}", run.run))),
    }
}

struct Follower<'a> {
    context: &'a Context,
    run: &'a Watched<'a>,
    args: &'a WatchArgs,
    /// Lines printed so far, by log.
    lines: BTreeMap<i64, i64>,
    /// The record whose heading was printed last.
    shown: Option<String>,
    /// What the run waited for when it was told last.
    waiting: Vec<(String, String, String)>,
}

/// Why one look at a run failed.
enum Failure {
    Client(ClientError),
    Output(CommandError),
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        Self::Output(error)
    }
}

impl Follower<'_> {
    async fn follow(&mut self) -> Result<Exit> {
        let mut failures = 0;
        loop {
            match self.look().await {
                Ok(run) if run.state == "completed" => return self.end(&run).await,
                Ok(_) => failures = 0,
                Err(Failure::Output(error)) => return Err(error),
                Err(Failure::Client(error)) => {
                    let away = matches!(
                        error.kind(),
                        ErrorKind::Unreachable | ErrorKind::Unavailable
                    );
                    failures += 1;
                    if !away || failures > MOST_FAILURES {
                        return Err(error.into());
                    }
                    if failures == 1 {
                        self.context
                            .out
                            .note("The server does not answer; still trying.");
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads the run first and its log after, so that the log of an ended run is complete.
    async fn look(&mut self) -> std::result::Result<Run, Failure> {
        let Watched {
            client,
            project,
            pipeline,
            run,
        } = *self.run;
        let builds = client.builds(project);
        let now = client.pipelines(project).get_run(pipeline, run).await?;
        if now.state != "completed" {
            self.tell(&now)?;
        }
        let records = builds.timeline(run).await?.records;
        let counts: BTreeMap<i64, i64> = builds
            .logs(run)
            .await?
            .into_iter()
            .map(|log| (log.id, log.line_count))
            .collect();
        for record in in_order(&records) {
            let Some(log) = record.log.as_ref().filter(|_| record.kind == "Task") else {
                continue;
            };
            let seen = self.lines.get(&log.id).copied().unwrap_or(0);
            let count = counts.get(&log.id).copied().unwrap_or(log.line_count);
            if count > seen {
                let lines = builds.log(run, log.id, seen + 1).await?;
                self.lines.insert(log.id, seen + lines.len() as i64);
                self.print(record, &lines)?;
            }
        }
        Ok(now)
    }

    fn print(&mut self, record: &TimelineRecord, lines: &[String]) -> Result {
        let out = self.context.out;
        if self.shown.as_ref() != Some(&record.id) {
            self.shown = Some(record.id.clone());
            out.heading(&format!("== {} ==", record.name));
        }
        let style = LogStyle {
            timestamps: self.args.timestamps,
            colour: out.colour,
        };
        for line in lines {
            if out.is_json() {
                // Standard output is for the result; a line is escaped once more, which changes nothing.
                out.note(&log_line(
                    line,
                    LogStyle {
                        colour: false,
                        ..style
                    },
                ));
            } else {
                out.line(&log_line(line, style))?;
            }
        }
        Ok(())
    }

    /// Says once what the run waits for.
    fn tell(&mut self, run: &Run) -> Result {
        let waiting: Vec<_> = run
            .waiting_for
            .iter()
            .map(|w| {
                (
                    w.stage.clone(),
                    w.resource.kind.clone(),
                    w.resource.id.clone(),
                )
            })
            .collect();
        if waiting == self.waiting {
            return Ok(());
        }
        if waiting.is_empty() {
            self.context
                .out
                .note("The permission is there; the run goes on.");
        }
        self.waiting = waiting;
        tell_waiting(self.context, self.run.project, run);
        if self.args.fail_if_waiting && !run.waiting_for.is_empty() {
            return Err(CommandError::new(
                Exit::Waiting,
                format!("run {} waits for a permission", run.id),
            ));
        }
        Ok(())
    }

    async fn end(&self, run: &Run) -> Result<Exit> {
        let out = self.context.out;
        let result = run.result.as_deref().unwrap_or("unknown");
        let succeeded = result == "succeeded";
        if !succeeded
            && let Ok(timeline) = self
                .run
                .client
                .builds(self.run.project)
                .timeline(run.id)
                .await
        {
            for record in in_order(&timeline.records) {
                if let Some(why) = given_up(record) {
                    out.note(&why);
                }
                for issue in record.issues.iter().filter(|issue| issue.kind == "error") {
                    out.note(&format!("{}: {}", record.name, issue.message));
                }
            }
        }
        out.heading(&format!("Run {} ({}): {result}.", run.id, run.name));
        if out.is_json() {
            out.json(run)?;
        }
        Ok(if succeeded {
            Exit::Success
        } else {
            Exit::RunFailed
        })
    }
}

/// Why a job that nobody ended has ended.
fn given_up(record: &TimelineRecord) -> Option<String> {
    if record.kind != "Job" || record.result.as_deref() != Some("abandoned") {
        return None;
    }
    let agent = record.worker_name.as_deref().unwrap_or("unknown");
    Some(format!(
        "{}: given up, because nothing was heard of its agent '{agent}' any more. Start the run again when the agent is back.",
        record.name
    ))
}

/// Says what a run waits for, who may permit it, and what exactly to type. Nothing when it does not wait.
pub(super) fn tell_waiting(context: &Context, project: &str, run: &Run) {
    if run.waiting_for.is_empty() {
        return;
    }
    let out = context.out;
    out.heading(&format!("Run {} is {}.", run.id, state(run)));
    for waiting in &run.waiting_for {
        out.note(&format!(
            "  Stage {} wants {}: {}",
            waiting.stage,
            resource_name(waiting),
            waiting.message
        ));
        if !waiting.who_may_permit.is_empty() {
            out.note(&format!(
                "  Who may permit it: {}",
                waiting.who_may_permit.join(", ")
            ));
        }
        if let Some(until) = &waiting.until {
            out.note(&format!(
                "  If that does not change before {}, the stage is skipped.",
                short_date(until)
            ));
        }
    }
    if !waits_for_permission(run) {
        return;
    }
    let command = format!("coffer run permit {} --project {}", run.id, quoted(project));
    if run.waiting_for.iter().all(|waiting| waiting.you_may_permit) {
        out.note(&format!("  You may permit it: {command}"));
    } else {
        out.note(&format!("  Whoever may permit it types: {command}"));
    }
}

/// A protected resource for people: `secure file 'ca.pem'`.
pub(super) fn resource_name(waiting: &WaitingFor) -> String {
    let resource = &waiting.resource;
    let kind = match resource.kind.as_str() {
        SECURE_FILE => "secure file",
        other => other,
    };
    match &resource.name {
        Some(name) => format!("{kind} '{name}'"),
        None => format!("{kind} {}", resource.id),
    }
}

/// Whether a permission would help. Servers that do not say why a run waits mean that.
fn waits_for_permission(run: &Run) -> bool {
    run.waiting_for
        .iter()
        .any(|waiting| matches!(waiting.why.as_str(), "" | "notPermitted" | "otherRef"))
}

/// A run's state in one word or two.
pub(super) fn state(run: &Run) -> String {
    match (&run.result, run.waiting_for.is_empty()) {
        (Some(result), _) => result.to_string(),
        (None, false) if waits_for_permission(run) => "waiting for permission".to_owned(),
        (None, false) => "waiting".to_owned(),
        (None, true) => run.state.to_string(),
    }
}

/// The records as a tree, parents before children, siblings by order. A record out of the tree comes last.
pub(super) fn in_order(records: &[TimelineRecord]) -> Vec<&TimelineRecord> {
    let known: HashSet<&str> = records.iter().map(|record| record.id.as_str()).collect();
    let parent = |record: &TimelineRecord| {
        let parent = record.parent_id.as_deref();
        parent.filter(|id| known.contains(id)).map(str::to_owned)
    };
    let mut children: BTreeMap<Option<String>, Vec<&TimelineRecord>> = BTreeMap::new();
    for record in records {
        children.entry(parent(record)).or_default().push(record);
    }
    for siblings in children.values_mut() {
        siblings.sort_by_key(|record| std::cmp::Reverse(record.order));
    }
    // A stack and not recursion: what a server sends must not decide how deep we go.
    let mut stack = children.remove(&None).unwrap_or_default();
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(record) = stack.pop() {
        ordered.push(record);
        stack.extend(
            children
                .remove(&Some(record.id.clone()))
                .unwrap_or_default(),
        );
    }
    // What is left hangs on itself.
    ordered.extend(children.into_values().flatten());
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, parent: Option<&str>, order: i32) -> TimelineRecord {
        TimelineRecord {
            id: id.into(),
            parent_id: parent.map(str::to_owned),
            order,
            ..TimelineRecord::default()
        }
    }

    #[test]
    fn steps_come_in_the_order_they_run_in_and_none_is_lost() {
        let records = [
            record("step2", Some("job"), 2),
            record("job", Some("stage"), 1),
            record("step1", Some("job"), 1),
            record("orphan", Some("elsewhere"), 9),
            record("stage", None, 1),
            record("loop", Some("loop"), 1),
        ];
        let ids: Vec<&str> = in_order(&records).iter().map(|r| r.id.as_str()).collect();
        assert_eq!(ids, ["stage", "job", "step1", "step2", "orphan", "loop"]);
    }
}
