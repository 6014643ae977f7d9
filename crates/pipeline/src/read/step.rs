//! One step: its kind, the keys it may have, and the task it stands for.

use uuid::Uuid;

use super::{
    DraftInput, DraftStep, TaskUse,
    job::{MAX_MINUTES, continue_on_error},
    root::display_name,
    values::{Fields, boolean, condition, fields, name, not_supported, number, text},
};
use crate::{
    diagnostic::{Code, Place, Report, quotable},
    plan::Entries,
    tasks, words,
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
];
const LATER: &[&str] = &["target"];
/// Kinds that are understood.
const KINDS: &[&str] = &["task", "script", "bash", "checkout"];
/// Kinds that are not understood yet.
const KINDS_LATER: &[&str] = &[
    "download",
    "downloadBuild",
    "getPackage",
    "powershell",
    "publish",
    "pwsh",
    "reviewApp",
    "template",
    "upload",
];
const SCRIPT_INPUTS: &[&str] = &["workingDirectory", "failOnStderr"];
const CHECKOUT_INPUTS: &[&str] = &[
    "clean",
    "fetchDepth",
    "fetchFilter",
    "fetchTags",
    "lfs",
    "path",
    "persistCredentials",
    "sparseCheckoutDirectories",
    "sparseCheckoutPatterns",
    "submodules",
    "workspaceRepo",
];
/// Most inputs of a step.
const MAX_INPUTS: usize = 500;
/// Most further tries of a step.
const MAX_RETRIES: u32 = 10;

/// Reads a step; `None` for one that is disabled or cannot be read.
pub(super) fn read(node: &Node, report: &mut Report) -> Option<DraftStep> {
    let step = fields(node, "a step", report)?;
    let (task, inputs) = match kind(&step, node.place, report)? {
        "script" => shell(&step, "script", &tasks::CMD_LINE, report),
        "bash" => shell(&step, "bash", &tasks::BASH, report),
        "checkout" => checkout(&step, report),
        _ => task(&step, report)?,
    };
    let draft = DraftStep {
        place: node.place,
        name: step
            .get("name")
            .and_then(|node| Some((name(node, "the name of a step", report)?, node.place))),
        display_name: display_name(&step, report),
        task,
        inputs,
        env: env(&step, report),
        condition: condition(step.get("condition"), report),
        continue_on_error: continue_on_error(&step, report),
        timeout_in_minutes: step
            .get("timeoutInMinutes")
            .and_then(|node| number(node, "timeoutInMinutes", MAX_MINUTES, report)),
        retry_count: step
            .get("retryCountOnTaskFailure")
            .and_then(|node| number(node, "retryCountOnTaskFailure", MAX_RETRIES, report))
            .unwrap_or(0),
    };
    let enabled = step
        .get("enabled")
        .and_then(|node| boolean(node, "enabled", report))
        .unwrap_or(true);
    enabled.then_some(draft)
}

/// The first key decides.
fn kind<'n>(step: &Fields<'n>, place: Place, report: &mut Report) -> Option<&'n str> {
    let (first, first_place) = match step.first() {
        Some(first) => first,
        None => {
            if !report.has_errors() {
                report.error(
                    Code::Missing,
                    place,
                    "this step is empty",
                    "write for example `- script: echo hello`",
                );
            }
            return None;
        }
    };
    if KINDS.contains(&first) {
        return Some(first);
    }
    if KINDS_LATER.contains(&first) {
        let hint = match first {
            "powershell" | "pwsh" => "use `script:` or `bash:`",
            "template" => "write the steps of the template out",
            _ => "remove the step; docs/yaml.md lists what is understood",
        };
        report.error(
            Code::NotSupported,
            first_place,
            format!("`{first}` steps are not supported yet"),
            hint,
        );
        return None;
    }
    if let Some((later, at)) = KINDS
        .iter()
        .chain(KINDS_LATER)
        .find_map(|kind| Some((kind, step.key(kind)?)))
    {
        let message = format!(
            "the first key of a step says what it is, and this one begins with `{}`",
            quotable(first)
        );
        let hint = format!("move `{later}:` (line {}) to the top of the step", at.line);
        report.error(Code::UnknownKey, first_place, message, hint);
        return None;
    }
    let message = format!("there is no step of the kind `{}`", quotable(first));
    report.error(
        Code::UnknownKey,
        first_place,
        message,
        words::suggestion(first, KINDS),
    );
    None
}

fn check_keys(step: &Fields<'_>, kind: &str, own: &[&str], report: &mut Report) {
    let known: Vec<&str> = own.iter().chain(COMMON).copied().collect();
    step.check(&format!("a `{kind}` step"), &known, LATER, report);
}

/// `script:` and `bash:`.
fn shell(
    step: &Fields<'_>,
    kind: &str,
    id: &Uuid,
    report: &mut Report,
) -> (TaskUse, Vec<DraftInput>) {
    check_keys(step, kind, &[&[kind], SCRIPT_INPUTS].concat(), report);
    let mut inputs = Vec::new();
    let place = step.key(kind).unwrap_or(Place::START);
    if kind == "bash" {
        inputs.push(fixed("targetType", "inline", place));
    }
    let mut script = step_input(step, kind, "script", report);
    if let Some(input) = script.as_mut().filter(|input| {
        input
            .value
            .as_ref()
            .is_some_and(|text| text.trim().is_empty())
    }) {
        let message = format!("this `{kind}` step has no script");
        report.error(
            Code::Missing,
            place,
            message,
            "write the commands after it, or below `|` and indented",
        );
        input.value = None;
    }
    inputs.extend(script);
    for key in SCRIPT_INPUTS {
        inputs.extend(step_input(step, key, key, report));
    }
    (builtin(id, place), inputs)
}

fn checkout(step: &Fields<'_>, report: &mut Report) -> (TaskUse, Vec<DraftInput>) {
    check_keys(
        step,
        "checkout",
        &[&["checkout"], CHECKOUT_INPUTS].concat(),
        report,
    );
    let mut inputs: Vec<DraftInput> = step_input(step, "checkout", "repository", report)
        .into_iter()
        .collect();
    for key in CHECKOUT_INPUTS {
        inputs.extend(step_input(step, key, key, report));
    }
    (
        builtin(
            &tasks::CHECKOUT,
            step.key("checkout").unwrap_or(Place::START),
        ),
        inputs,
    )
}

/// `task: Name@1`.
fn task(step: &Fields<'_>, report: &mut Report) -> Option<(TaskUse, Vec<DraftInput>)> {
    for (key, node, _) in step
        .iter()
        .filter(|(key, ..)| !COMMON.contains(key) && !LATER.contains(key))
    {
        if !matches!(key, "task" | "inputs") {
            let known = [&["task", "inputs"], COMMON].concat();
            let hint = match words::nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "what a task is given stands below `inputs:`, indented".to_owned(),
            };
            report.error(
                Code::UnknownKey,
                node.place,
                format!("a `task` step has no key `{}`", quotable(key)),
                hint,
            );
        }
    }
    if let Some(place) = step.key("target") {
        not_supported("`target` of a `task` step", place, report);
    }
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
        },
        inputs,
    ))
}

fn builtin(id: &Uuid, place: Place) -> TaskUse {
    let version = tasks::builtins()
        .iter()
        .find(|task| task.id == *id)
        .map(|task| task.version.to_string());
    TaskUse {
        name: id.to_string(),
        version: version.unwrap_or_default(),
        place,
    }
}

fn fixed(name: &str, value: &str, place: Place) -> DraftInput {
    DraftInput {
        name: name.to_owned(),
        place,
        value: Some(value.to_owned()),
        value_place: place,
    }
}

/// A key of the step that is an input of its task.
fn step_input(step: &Fields<'_>, key: &str, name: &str, report: &mut Report) -> Option<DraftInput> {
    let node = step.any(key)?;
    let value = match key {
        "failOnStderr" if !node.is_null() => {
            boolean(node, key, report).map(|value| value.to_string())
        }
        _ => text(node, key, report),
    };
    let place = step.key(key).unwrap_or(node.place);
    Some(DraftInput {
        name: name.to_owned(),
        place,
        value,
        value_place: node.place,
    })
}

fn input(name: &str, key: &Node, value: &Node, report: &mut Report) -> DraftInput {
    let read = text(value, &format!("the input `{}`", quotable(name)), report);
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
            "env must be a mapping, not a list",
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
        } else if let Some(value) =
            text(value, &format!("the value of `{}`", quotable(name)), report)
        {
            pairs.push((name.to_owned(), value));
        }
    }
    pairs.into_iter().collect()
}
