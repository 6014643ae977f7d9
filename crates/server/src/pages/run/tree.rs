//! The stages, jobs and steps of a run, as a tree. It must not know where records come from.

use super::{State, took};
use coffer_model::RecordId;
use coffer_service::RecordView;

/// Levels that are shown: stage, job, step. A record that claims to be its own ancestor goes no deeper.
const DEPTH: usize = 4;

/// What a stage is called that has no name.
pub(crate) const UNNAMED: &str = "__default";

/// Something of a run, with its parts.
pub(crate) struct Node {
    pub(crate) id: RecordId,
    pub(crate) name: String,
    pub(crate) state: State,
    /// Whether it goes on now.
    pub(crate) running: bool,
    pub(crate) took: Option<String>,
    /// The agent that runs it.
    pub(crate) worker: Option<String>,
    pub(crate) issues: Vec<Issue>,
    /// Issues that are counted, but not kept.
    pub(crate) more_issues: i32,
    /// Where its log is, for a step.
    pub(crate) link: Option<String>,
    /// Whether its log is the one that is shown.
    pub(crate) chosen: bool,
    pub(crate) parts: Vec<Node>,
}

/// What is wrong.
pub(crate) struct Issue {
    pub(crate) error: bool,
    pub(crate) text: String,
}

/// The name that people see: a stage or job without one has a name that nobody chose.
pub(crate) fn shown_name(name: &str) -> String {
    match name {
        UNNAMED => "Stage".to_owned(),
        name => name.to_owned(),
    }
}

/// The tree of a run's records. `here` is the address of the run's page.
pub(crate) fn of(here: &str, records: &[RecordView], chosen: Option<RecordId>) -> Vec<Node> {
    below(here, records, chosen, None, DEPTH)
}

fn below(
    here: &str,
    records: &[RecordView],
    chosen: Option<RecordId>,
    parent: Option<RecordId>,
    depth: usize,
) -> Vec<Node> {
    if depth == 0 {
        return Vec::new();
    }
    let mut parts: Vec<_> = records
        .iter()
        .filter(|record| record.parent == parent)
        .collect();
    parts.sort_by_key(|record| (record.order, record.id));
    let node = |record: &RecordView| {
        let issues: Vec<_> = record
            .issues
            .iter()
            .map(|issue| Issue {
                error: issue.kind == "error",
                text: issue.message.clone(),
            })
            .collect();
        let told = i32::try_from(issues.len()).unwrap_or(i32::MAX);
        let parts = below(here, records, chosen, Some(record.id), depth - 1);
        let own = State::of_record(record);
        Node {
            id: record.id,
            name: shown_name(&record.name),
            state: match own {
                // Nobody tells that it began; its parts do.
                State::NOT_STARTED => parts
                    .iter()
                    .map(|part: &Node| part.state)
                    .find(|state| *state != State::NOT_STARTED)
                    .map_or(own, |part| match part {
                        State::WAITS => part,
                        _ => State::RUNS,
                    }),
                own => own,
            },
            running: record.state == "inProgress",
            took: took(record.started_at, record.finished_at),
            worker: record.worker.clone(),
            more_issues: (record.errors.saturating_add(record.warnings) - told).max(0),
            issues,
            link: (record.kind == "Task").then(|| format!("{here}&view=logs&t={}", record.id)),
            chosen: chosen == Some(record.id),
            parts,
        }
    };
    parts.into_iter().map(node).collect()
}
