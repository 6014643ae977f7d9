//! One step: its kind, the keys every kind has, and the task it stands for.

mod short;
mod target;

pub(crate) use short::as_task;

use super::{
    DraftInput, DraftStep, Reader, TaskUse,
    fields::{Fields, fields, unknown_key},
    job::{MAX_MINUTES, continue_on_error},
    stage::{display_name, template},
    values::{boolean, condition, name, number, stays_text, text, unexpected},
};
use crate::{
    diagnostic::{Code, Place, Report, quotable},
    expression::Time,
    plan::Entries,
    words,
    yaml::{Kind, Node},
};

/// Keys of every step.
const COMMON: &[&str] = &[
    "name",
    "displayName",
    "condition",
    "continueOnError",
    "enabled",
    "env",
    "timeoutInMinutes",
    "retryCountOnTaskFailure",
    "target",
];
/// What a step may be, by its first key.
pub(super) const KINDS: &[&str] = &[
    "task",
    "script",
    "bash",
    "pwsh",
    "powershell",
    "checkout",
    "download",
    "downloadBuild",
    "getPackage",
    "publish",
    "upload",
    "reviewApp",
    "template",
];
/// Most inputs of a step.
const MAX_INPUTS: usize = 500;
/// Most further tries of a step.
const MAX_RETRIES: u32 = 10;

/// Reads a step; `None` for one that is disabled or cannot be read.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<DraftStep> {
    let step = fields(node, "a step", reader.report)?;
    let (task, inputs) = match kind(&step, node.place, reader.report)? {
        "task" => task(&step, reader.report)?,
        "template" => {
            template(&step, "steps", reader.report);
            return None;
        }
        kind => short::read(&step, kind, reader)?,
    };
    let target = target::read(step.get("target"), reader);
    let report = &mut *reader.report;
    let draft = DraftStep {
        place: node.place,
        name: step
            .get("name")
            .and_then(|node| Some((name(node, "Step", report)?, node.place))),
        display_name: display_name(&step, report),
        task,
        inputs,
        env: env(&step, report),
        condition: condition(step.get("condition"), Time::Step, report),
        continue_on_error: continue_on_error(&step, report),
        timeout_in_minutes: step
            .get("timeoutInMinutes")
            .and_then(|node| number(node, "timeoutInMinutes", MAX_MINUTES, report)),
        retry_count: step
            .get("retryCountOnTaskFailure")
            .and_then(|node| number(node, "retryCountOnTaskFailure", MAX_RETRIES, report))
            .unwrap_or(0),
        target,
    };
    let enabled = step
        .get("enabled")
        .and_then(|node| boolean(node, "enabled", report))
        .unwrap_or(true);
    enabled.then_some(draft)
}

/// The first key decides.
fn kind<'n>(step: &Fields<'n>, place: Place, report: &mut Report) -> Option<&'n str> {
    let Some((first, first_place)) = step.first() else {
        if !report.has_errors() {
            report.error(
                Code::Missing,
                place,
                "this step is empty",
                "write for example `- script: echo hello`",
            );
        }
        return None;
    };
    if KINDS.contains(&first) {
        return Some(first);
    }
    let known = unexpected(first);
    if let Some((later, at)) = KINDS.iter().find_map(|kind| Some((kind, step.key(kind)?))) {
        let message = format!("{known}: the first key of a step says what it is");
        let hint = format!("move `{later}:` (line {}) to the top of the step", at.line);
        report.error(Code::UnknownKey, first_place, message, hint);
        return None;
    }
    let message = format!("{known}: there is no step of this kind");
    let hint = words::suggestion(first, KINDS);
    report.error(Code::UnknownKey, first_place, message, hint);
    None
}

/// `task: Name@1`.
fn task(step: &Fields<'_>, report: &mut Report) -> Option<(TaskUse, Vec<DraftInput>)> {
    let known = [&["task", "inputs"], COMMON].concat();
    for (key, node, _) in step.iter().filter(|(key, ..)| !known.contains(key)) {
        let hint = match words::nearest(key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "what a task is given stands below `inputs:`, indented".to_owned(),
        };
        unknown_key("a `task` step", key, node, hint, report);
    }
    let told = step.iter().any(|(key, ..)| !known.contains(&key))
        || step
            .get("inputs")
            .is_some_and(|node| !matches!(node.kind, Kind::Mapping(_)));
    let inputs = match step.get("inputs") {
        None => Vec::new(),
        Some(node) => {
            let listed = fields(node, "inputs", report);
            if let Some((_, key, _)) = listed.iter().flat_map(Fields::iter).nth(MAX_INPUTS) {
                let message = format!("a step may have {MAX_INPUTS} inputs");
                report.error(Code::Limit, key.place, message, "check the indentation");
                return None;
            }
            listed
                .iter()
                .flat_map(Fields::iter)
                .map(|(name, key, value)| input(name, key, value, report))
                .collect()
        }
    };
    let node = step.any("task")?;
    let reference = text(node, "task", report)?;
    let (name, version) = reference
        .split_once('@')
        .unwrap_or((reference.as_str(), ""));
    let (name, version) = (name.trim(), version.trim());
    let numbers = version.split('.').count();
    let valid = matches!(numbers, 1 | 3) && version.parse::<crate::version::Version>().is_ok();
    if name.is_empty() || !valid {
        let message = match reference.trim() {
            "" => "this `task` step names no task".to_owned(),
            reference => format!("`{}` is no task reference", quotable(reference)),
        };
        let shown = if name.is_empty() {
            "DownloadSecureFile".to_owned()
        } else {
            quotable(name)
        };
        report.error(
            Code::InvalidValue,
            node.place,
            message,
            format!("write the name and the version, for example `{shown}@1`"),
        );
        return None;
    }
    Some((
        TaskUse {
            name: name.to_owned(),
            version: version.to_owned(),
            place: node.place,
            told,
        },
        inputs,
    ))
}

fn input(name: &str, key: &Node, value: &Node, report: &mut Report) -> DraftInput {
    let read = text(value, &format!("the input `{}`", quotable(name)), report);
    if let Some(text) = &read {
        stays_text(value, text, report);
    }
    DraftInput {
        name: name.trim().to_owned(),
        place: key.place,
        value: read,
        value_place: value.place,
    }
}

fn env(step: &Fields<'_>, report: &mut Report) -> Entries {
    let Some(node) = step.get("env") else {
        return Entries::default();
    };
    if let Kind::Sequence(_) = &node.kind {
        report.error(
            Code::WrongType,
            node.place,
            "A sequence was not expected: env must be a mapping, not a list",
            "write `NAME: value` below `env:`, without dashes",
        );
        return Entries::default();
    }
    let listed = fields(node, "env", report);
    let mut pairs = Vec::new();
    for (name, key, value) in listed.iter().flat_map(Fields::iter) {
        if name.is_empty() || name.contains('=') {
            let message = format!(
                "an environment variable may not be called `{}`",
                quotable(name)
            );
            report.error(Code::InvalidName, key.place, message, "write `NAME: value`");
        } else if let Some(text) =
            text(value, &format!("the value of `{}`", quotable(name)), report)
        {
            stays_text(value, &text, report);
            pairs.push((name.to_owned(), text));
        }
    }
    pairs.into_iter().collect()
}
