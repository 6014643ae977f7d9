//! `{project}/_build/results`: a run, what it waits for, its stages, jobs and steps, and the log of one step. The page asks
//! for itself again while the run goes on. It must not know how a run is planned.

pub(crate) mod cancel;
pub(crate) mod log;
pub(crate) mod review;
pub(crate) mod tree;

#[cfg(test)]
pub(super) mod samples;

use super::filters;
use super::frame::{Frame, PageKind, Section, Visit};
use super::html::{part_unchanged, show};
use crate::error::Result;
use crate::params::run_id;
use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::Path;
use axum::response::Response;
use coffer_model::library::Project;
use coffer_model::run::{Outcome, RunState};
use coffer_model::{PipelineId, RecordId, RunId, Timestamp};
use coffer_service::{RecordView, RunPage, RunView};
use http::StatusCode;
use log::{Log, Piece};
use tree::Node;
use uuid::Uuid;

/// Where something is, for people: never by its colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) word: &'static str,
    /// The class of its tag, with a space before it.
    pub(crate) tone: &'static str,
}

impl State {
    const fn new(word: &'static str, tone: &'static str) -> Self {
        Self { word, tone }
    }

    pub(crate) const WAITS: Self = Self::new("Waiting", " warn");
    pub(crate) const RUNS: Self = Self::new("Running", " on");
    pub(crate) const NOT_STARTED: Self = Self::new("Not started", "");

    pub(crate) fn ended(outcome: Option<Outcome>) -> Self {
        match outcome {
            Some(Outcome::Succeeded) => Self::new("Succeeded", " good"),
            Some(Outcome::SucceededWithIssues) => Self::new("Succeeded with issues", " warn"),
            Some(Outcome::Failed) => Self::new("Failed", " bad"),
            Some(Outcome::Abandoned) => Self::new("Agent lost", " bad"),
            Some(Outcome::Canceled) => Self::new("Canceled", ""),
            Some(Outcome::Skipped) => Self::new("Skipped", ""),
            None => Self::new("Ended", ""),
        }
    }

    pub(crate) fn of(run: &RunView, waits: bool) -> Self {
        match (run.state, run.started_at) {
            (RunState::Completed, _) => Self::ended(run.result),
            (RunState::Canceling, _) => Self::new("Canceling", " warn"),
            (RunState::InProgress, _) if waits => Self::WAITS,
            (RunState::InProgress, None) => Self::new("Queued", ""),
            (RunState::InProgress, Some(_)) => Self::RUNS,
        }
    }

    pub(crate) fn of_record(record: &RecordView) -> Self {
        match (record.state.as_str(), record.kind.as_str()) {
            ("completed", _) => Self::ended(record.result),
            (_, "Checkpoint.Authorization") => Self::WAITS,
            ("inProgress", _) => Self::RUNS,
            _ => Self::NOT_STARTED,
        }
    }
}

/// How long something took, when it is over.
pub(crate) fn took(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<String> {
    let seconds = (to?.0 - from?.0).max(0) / 1_000_000;
    Some(match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
        (0, 0, 0) => "< 1 s".to_owned(),
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    })
}

/// The address of a run's page.
pub(crate) fn link_of(visit: &Visit, project: &Project, run: RunId) -> String {
    visit.place.run(&project.name, run)
}

/// A run.
#[derive(Template)]
#[template(path = "run/page.html")]
pub(crate) struct Page {
    pub(crate) frame: Frame,
    pub(crate) project: String,
    pub(crate) id: RunId,
    pub(crate) name: String,
    pub(crate) pipeline: PipelineId,
    pub(crate) pipeline_name: String,
    pub(crate) revision: i64,
    pub(crate) state: State,
    /// Whether it is over: nothing of it changes any more.
    pub(crate) over: bool,
    pub(crate) by: String,
    pub(crate) queued: Timestamp,
    pub(crate) started: Option<Timestamp>,
    pub(crate) took: Option<String>,
    /// What it waits for, in words.
    pub(crate) banner: Option<review::Banner>,
    pub(crate) stages: Vec<Node>,
    pub(crate) log: Option<Log>,
    pub(crate) may_cancel: bool,
    /// Changes when anything on the page does.
    pub(crate) mark: String,
    /// This very page.
    pub(crate) here: String,
}

/// The run that an address names.
pub(crate) async fn find(visit: &Visit, project: &Project) -> Result<RunPage> {
    let id = run_id(visit.params.text("buildId").unwrap_or_default())?;
    show_run(visit, project, id).await
}

async fn show_run(visit: &Visit, project: &Project, id: RunId) -> Result<RunPage> {
    let runs = visit.app.service.runs();
    Ok(runs.show(&visit.caller, project.id, id).await?)
}

/// What changes when anything that the page shows of a run does.
fn mark(found: &RunPage) -> String {
    // The lines of logs have a question of their own.
    let records = found.timeline.records.iter().map(|record| RecordView {
        log: None,
        log_lines: 0,
        ..record.clone()
    });
    let records: Vec<_> = records.collect();
    let text = format!("{:?}{records:?}{:?}", found.run, found.may);
    hex::encode(&digest(&SHA256, text.as_bytes()).as_ref()[..8])
}

/// The step that an address names, by the id of its record: `t`, as the original has it.
fn chosen(visit: &Visit) -> Option<RecordId> {
    let id = visit.params.filled("t")?;
    Uuid::parse_str(id).ok().map(RecordId)
}

/// The step that is shown when none is named: the one that runs, or the one that failed.
fn telling(found: &RunPage) -> Option<RecordId> {
    let steps = || {
        found
            .timeline
            .records
            .iter()
            .filter(|record| record.kind == "Task")
    };
    let running = steps()
        .filter(|step| step.state == "inProgress")
        .max_by_key(|step| step.order);
    let failed = || steps().find(|step| step.result == Some(Outcome::Failed));
    running.or_else(failed).map(|step| step.id)
}

/// What was just done, by its word in the address.
fn done(visit: &Visit, found: &RunPage) -> Option<&'static str> {
    Some(match visit.params.once("done")? {
        "permitted" if found.run.waiting_for.is_empty() => {
            "Permission is given, and the run goes on. Later runs of the pipeline do not ask again."
        }
        "permitted" => "Permission is given. The run still waits.",
        "canceled" => "The run is being canceled.",
        _ => return None,
    })
}

/// `GET {project}/_build/results?buildId=`. With `mark`, the answer is empty when nothing has changed since.
pub(crate) async fn get(visit: Visit, Path(name): Path<String>) -> Result<Response> {
    let project = visit.project(&name).await?;
    let found = find(&visit, &project).await?;
    let mark = mark(&found);
    if visit.params.once("mark") == Some(mark.as_str()) {
        return Ok(part_unchanged());
    }
    // Who chose a step stays with it; for who did not, the page goes along with what runs.
    let named = chosen(&visit);
    let chosen = named.or_else(|| telling(&found));
    let log = log::of(&visit, &project, &found, chosen).await?;
    let run = &found.run;
    let here = link_of(&visit, &project, run.id);
    let step = named.map(|step| format!("&view=logs&t={step}"));
    let page = Page {
        frame: visit
            .frame_of(&project, Section::Pipelines, format!("Run {}", run.name))
            .done(done(&visit, &found)),
        project: project.name.clone(),
        id: run.id,
        name: run.name.clone(),
        pipeline: run.pipeline.id,
        pipeline_name: run.pipeline.name.clone(),
        revision: run.pipeline.revision,
        state: State::of(run, !run.waiting_for.is_empty()),
        over: run.state == RunState::Completed,
        by: run.requested_by.display_name.clone(),
        queued: run.created_at,
        started: run.started_at,
        took: took(run.started_at, run.finished_at),
        banner: review::banner(&visit, &project, &found),
        stages: tree::of(&here, &found.timeline.records, chosen),
        log,
        may_cancel: found.may.cancel && run.state == RunState::InProgress,
        mark,
        here: format!("{here}{}", step.unwrap_or_default()),
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_two_units_at_most() {
        let of = |seconds: i64| {
            let at = |seconds: i64| Some(Timestamp(seconds * 1_000_000));
            took(at(5), at(5 + seconds)).unwrap()
        };
        assert_eq!(of(0), "< 1 s");
        assert_eq!(of(59), "59 s");
        assert_eq!(of(61), "1 min 1 s");
        assert_eq!(of(3 * 3600 + 125), "3 h 2 min");
        assert_eq!(of(-5), "< 1 s", "clocks differ");
        assert_eq!(took(None, Some(Timestamp(1))), None);
    }
}
