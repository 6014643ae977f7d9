//! Steps with a key of their own: each stands for a task, and its keys for inputs of that task. It must not know which
//! tasks are installed.

use super::super::{
    DraftInput, Reader, TaskUse,
    fields::Fields,
    values::{boolean, text},
};
use super::COMMON;
use crate::{
    diagnostic::{Code, Place, Report, quotable},
    tasks, words,
    yaml::{Kind, Node},
};

/// What a kind of step stands for.
struct Short {
    kind: &'static str,
    /// Name and version of the task.
    task: (&'static str, &'static str),
    /// The input that the value of the first key is.
    first: &'static str,
    /// Inputs that the kind itself decides.
    fixed: &'static [(&'static str, &'static str)],
    /// Further keys, and their inputs.
    keys: &'static [(&'static str, &'static str)],
}

const POWERSHELL: &[(&str, &str)] = &[
    ("errorActionPreference", "errorActionPreference"),
    ("warningPreference", "warningPreference"),
    ("informationPreference", "informationPreference"),
    ("verbosePreference", "verbosePreference"),
    ("debugPreference", "debugPreference"),
    ("progressPreference", "progressPreference"),
    ("failOnStderr", "failOnStderr"),
    ("ignoreLASTEXITCODE", "ignoreLASTEXITCODE"),
    ("workingDirectory", "workingDirectory"),
];

/// Those whose first key is a script.
const SCRIPTS: [&str; 4] = ["script", "bash", "pwsh", "powershell"];

const SHORTS: &[Short] = &[
    Short {
        kind: "script",
        task: ("CmdLine", "2"),
        first: "script",
        fixed: &[],
        keys: &[
            ("workingDirectory", "workingDirectory"),
            ("failOnStderr", "failOnStderr"),
        ],
    },
    Short {
        kind: "bash",
        task: ("Bash", "3"),
        first: "script",
        fixed: &[("targetType", "inline")],
        keys: &[
            ("workingDirectory", "workingDirectory"),
            ("failOnStderr", "failOnStderr"),
        ],
    },
    Short {
        kind: "pwsh",
        task: ("PowerShell", "2"),
        first: "script",
        fixed: &[("targetType", "inline"), ("pwsh", "true")],
        keys: POWERSHELL,
    },
    Short {
        kind: "powershell",
        task: ("PowerShell", "2"),
        first: "script",
        fixed: &[("targetType", "inline")],
        keys: POWERSHELL,
    },
    Short {
        kind: "checkout",
        task: ("Checkout", "1"),
        first: "repository",
        fixed: &[],
        keys: &[
            ("clean", "clean"),
            ("fetchDepth", "fetchDepth"),
            ("fetchFilter", "fetchFilter"),
            ("fetchTags", "fetchTags"),
            ("lfs", "lfs"),
            ("path", "path"),
            ("persistCredentials", "persistCredentials"),
            ("sparseCheckoutDirectories", "sparseCheckoutDirectories"),
            ("sparseCheckoutPatterns", "sparseCheckoutPatterns"),
            ("submodules", "submodules"),
            ("workspaceRepo", "workspaceRepo"),
        ],
    },
    Short {
        kind: "download",
        task: ("DownloadPipelineArtifact", "2"),
        first: "source",
        fixed: &[],
        keys: &[
            ("artifact", "artifact"),
            ("patterns", "patterns"),
            ("path", "path"),
        ],
    },
    Short {
        kind: "downloadBuild",
        task: ("DownloadBuildArtifacts", "1"),
        first: "source",
        fixed: &[],
        keys: &[
            ("artifact", "artifactName"),
            ("path", "downloadPath"),
            ("patterns", "itemPattern"),
        ],
    },
    Short {
        kind: "getPackage",
        task: ("DownloadPackage", "1"),
        first: "source",
        fixed: &[],
        keys: &[("path", "downloadPath")],
    },
    Short {
        kind: "publish",
        task: ("PublishPipelineArtifact", "1"),
        first: "path",
        fixed: &[],
        keys: &[("artifact", "artifactName")],
    },
    Short {
        kind: "upload",
        task: ("PublishPipelineArtifact", "1"),
        first: "path",
        fixed: &[],
        keys: &[("artifact", "artifactName")],
    },
    Short {
        kind: "reviewApp",
        task: ("ReviewApp", "0"),
        first: "resourceName",
        fixed: &[],
        keys: &[],
    },
];

/// A step that is a script, written as the task that it stands for; any other as it is. That is how the original shows steps
/// to templates that look at them, so that one may say `startsWith(step.task, 'Bash')`.
pub(crate) fn as_task(pairs: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
    let kind = pairs.first().and_then(|(key, _)| key.text());
    let short = SHORTS
        .iter()
        .find(|short| Some(short.kind) == kind && SCRIPTS.contains(&short.kind));
    let (Some(short), Some((first, _))) = (short, pairs.first()) else {
        return pairs;
    };
    let place = first.place;
    let named = |name: &str, place: Place| Node::made(name, true, place);
    let mut inputs: Vec<(Node, Node)> = short
        .fixed
        .iter()
        .map(|(name, value)| (named(name, place), named(value, place)))
        .collect();
    let (name, version) = short.task;
    let task = Node::made(&format!("{name}@{version}"), true, place);
    let mut step = vec![(named("task", place), task)];
    for (key, value) in pairs {
        let own = |(own, _): &&(&str, &str)| key.text() == Some(own);
        let input = match key.text() {
            Some(text) if text == short.kind => Some(short.first),
            _ => short.keys.iter().find(own).map(|(_, input)| *input),
        };
        match input {
            Some(input) => inputs.push((named(input, key.place), value)),
            None => step.push((key, value)),
        }
    }
    let inputs = Node {
        kind: Kind::Mapping(inputs),
        place,
    };
    step.push((named("inputs", place), inputs));
    step
}

/// Reads a step of that kind; `None` for one that is no step at all (`download: none`).
pub(super) fn read(
    step: &Fields<'_>,
    kind: &str,
    reader: &mut Reader<'_>,
) -> Option<(TaskUse, Vec<DraftInput>)> {
    let short = SHORTS.iter().find(|short| short.kind == kind)?;
    let own = short.keys.iter().map(|(key, _)| *key);
    let known: Vec<&str> = [kind]
        .into_iter()
        .chain(own)
        .chain(COMMON.iter().copied())
        .collect();
    step.check(&format!("a `{kind}` step"), &known, reader.report);
    let place = step.key(kind).unwrap_or(step.place());
    let mut inputs: Vec<DraftInput> = short
        .fixed
        .iter()
        .map(|(name, value)| fixed(name, value, place))
        .collect();
    let mut first = input(step, kind, short.first, reader.report);
    if let Some(input) = &mut first {
        check_first(kind, input, place, reader);
        if kind == "download" && input.value.as_deref() == Some("none") {
            return None;
        }
    }
    inputs.extend(first);
    for (key, name) in short.keys {
        inputs.extend(input(step, key, name, reader.report));
    }
    let (name, version) = short.task;
    // A task that every agent has is named by its id: nothing that is installed can take its place.
    let builtin = tasks::builtin(name, version);
    let task = TaskUse {
        name: builtin.map_or_else(|| name.to_owned(), |task| task.id.to_string()),
        version: version.to_owned(),
        place,
        told: false,
    };
    Some((task, inputs))
}

/// The value of the first key: scripts say something, and names are declared.
fn check_first(kind: &str, input: &mut DraftInput, place: Place, reader: &mut Reader<'_>) {
    let Some(value) = input.value.clone() else {
        return;
    };
    let script = SCRIPTS.contains(&kind);
    if value.trim().is_empty() {
        let (message, hint) = if script {
            (
                format!("this `{kind}` step has no script"),
                "write the commands after it, or below `|` and indented",
            )
        } else {
            (
                format!("this `{kind}` step says nothing"),
                "write the value after the colon",
            )
        };
        reader.report.error(Code::Missing, place, message, hint);
        input.value = None;
        return;
    }
    let aliases = &reader.aliases;
    let others = |of: &str| -> Vec<&str> {
        let named = aliases.others.iter().filter(|((kind, _), _)| kind == of);
        named.map(|(_, alias)| alias.as_str()).collect()
    };
    let (of, list, known) = match kind {
        "checkout" => {
            let declared = aliases.repositories.values().map(String::as_str);
            let known = declared.chain(["self", "none"]).collect();
            ("repository", "repositories", known)
        }
        "download" => {
            let mut known = others("pipeline");
            known.extend(["current", "none"]);
            ("pipeline", "pipelines", known)
        }
        "downloadBuild" => ("build", "builds", others("build")),
        "getPackage" => ("package", "packages", others("package")),
        _ => return,
    };
    // `git://project/repository@ref` and its like name a repository without declaring it.
    let inline = kind == "checkout" && value.contains("://");
    let given = value.contains("$(") || inline;
    if given || known.iter().any(|known| words::same(known, &value)) {
        return;
    }
    let message = format!("there is no {of} `{}`", quotable(&value));
    let hint = match words::nearest(&value, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("declare it below `resources:` and `{list}:`"),
    };
    reader
        .report
        .error(Code::InvalidValue, input.value_place, message, hint);
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
fn input(step: &Fields<'_>, key: &str, name: &str, report: &mut Report) -> Option<DraftInput> {
    let node = step.any(key)?;
    let value = match key {
        "failOnStderr" | "ignoreLASTEXITCODE" if !node.is_null() => {
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
