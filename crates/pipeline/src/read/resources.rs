//! `resources:`: what a pipeline declares under a name of its own. Checked in form; it must not know what of it exists.

use std::collections::BTreeMap;

use serde_json::Map;

use super::{
    fields::{Fields, fields, items, nothing_below},
    triggers,
    values::{boolean, filled, json, number, text, text_map, texts},
};
use crate::{
    Container, RepositoryUse, Resource,
    diagnostic::{Code, Report, quotable},
    words,
    yaml::{Kind, Node},
};

/// Keys of a container but its name.
pub(super) const CONTAINER_KEYS: &[&str] = &[
    "image",
    "type",
    "trigger",
    "endpoint",
    "env",
    "localImage",
    "mapDockerSocket",
    "mountReadOnly",
    "options",
    "ports",
    "volumes",
    "azureSubscription",
    "resourceGroup",
    "registry",
    "repository",
];
/// Most resources of one kind.
const MAX_RESOURCES: usize = 1000;

/// A kind of resource.
struct Sort {
    list: &'static str,
    /// The first key, which holds the name.
    key: &'static str,
    keys: &'static [&'static str],
    needed: &'static [&'static str],
}

const REPOSITORIES: Sort = Sort {
    list: "repositories",
    key: "repository",
    keys: &[
        "type",
        "name",
        "ref",
        "endpoint",
        "trigger",
        "project",
        "connection",
        "source",
        "clean",
        "fetchDepth",
        "fetchFilter",
        "fetchTags",
        "lfs",
        "submodules",
        "persistCredentials",
        "checkoutOptions",
    ],
    needed: &[],
};

const SORTS: &[Sort] = &[
    REPOSITORIES,
    Sort {
        list: "pipelines",
        key: "pipeline",
        keys: &[
            "source",
            "project",
            "version",
            "branch",
            "tags",
            "trigger",
            "connection",
        ],
        needed: &[],
    },
    Sort {
        list: "containers",
        key: "container",
        keys: CONTAINER_KEYS,
        needed: &[],
    },
    Sort {
        list: "packages",
        key: "package",
        keys: &["type", "connection", "name", "version", "tag", "trigger"],
        needed: &["type", "connection", "name"],
    },
    Sort {
        list: "builds",
        key: "build",
        keys: &[
            "type",
            "connection",
            "source",
            "version",
            "branch",
            "trigger",
        ],
        needed: &["type", "connection", "source"],
    },
    Sort {
        list: "webhooks",
        key: "webhook",
        keys: &["connection", "type", "filters"],
        needed: &["connection"],
    },
];

/// Names that steps and jobs may use, by their form that ignores case.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    pub(super) repositories: BTreeMap<String, String>,
    pub(super) containers: BTreeMap<String, Container>,
    /// Pipelines, packages and builds: `(kind, name)`.
    pub(super) others: BTreeMap<(String, String), String>,
}

/// What is declared.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pub(super) aliases: Aliases,
    pub(super) repositories: Vec<RepositoryUse>,
    pub(super) resources: Vec<Resource>,
}

pub(super) fn read(node: Option<&Node>, report: &mut Report) -> Declared {
    let mut declared = Declared::default();
    let Some(node) = node else { return declared };
    if let Kind::Sequence(entries) = &node.kind {
        old_form(entries, report);
        return declared;
    }
    let Some(written) = fields(node, "resources", report) else {
        return declared;
    };
    let lists: Vec<&str> = SORTS.iter().map(|sort| sort.list).collect();
    written.check("resources", &lists, report);
    for sort in SORTS {
        if let Some(node) = written.any(sort.list) {
            list(node, sort, &mut declared, report);
        }
    }
    declared
}

/// The repositories alone, for those who look for templates before anything is checked. What is wrong is said by [`read`].
pub(crate) fn repositories(resources: &Node) -> Vec<RepositoryUse> {
    let aside = &mut Report::new("", "");
    let mut declared = Declared::default();
    if let Some(written) = fields(resources, "resources", aside)
        && let Some(node) = written.any(REPOSITORIES.list)
    {
        list(node, &REPOSITORIES, &mut declared, aside);
    }
    declared.repositories
}

fn list(node: &Node, sort: &Sort, declared: &mut Declared, report: &mut Report) {
    if node.is_null() {
        nothing_below(sort.list, node.place, report);
        return;
    }
    let entries = items(node, sort.list, report).unwrap_or_default();
    if let Some(further) = entries.get(MAX_RESOURCES) {
        let message = format!("there may be {MAX_RESOURCES} {}", sort.list);
        report.error(Code::Limit, further.place, message, "remove some");
        return;
    }
    let mut seen = BTreeMap::new();
    for entry in entries {
        resource(entry, sort, &mut seen, declared, report);
    }
}

/// Before there were repositories: how the pipeline's own one is checked out.
fn old_form(entries: &[Node], report: &mut Report) {
    for entry in entries {
        let Some(written) = fields(entry, "a resource", report) else {
            continue;
        };
        let known = ["repo", "clean", "fetchDepth", "lfs"];
        written.check_entry("a resource", &known, &["repo"], report);
        if let Some(node) = written.get("repo")
            && let Some(name) = text(node, "repo", report)
            && name != "self"
        {
            let rule = "repo must be self";
            let hint = "declare others below `resources:` and `repositories:`";
            super::values::invalid(node, &name, rule, hint, report);
        }
    }
}

fn resource(
    node: &Node,
    sort: &Sort,
    seen: &mut BTreeMap<String, crate::diagnostic::Place>,
    declared: &mut Declared,
    report: &mut Report,
) {
    let what = format!("an entry of {}", sort.list);
    let Some(written) = fields(node, &what, report) else {
        return;
    };
    let known = [&[sort.key], sort.keys].concat();
    let needed = [&[sort.key], sort.needed].concat();
    written.check_entry(&what, &known, &needed, report);
    let Some(named) = written.get(sort.key) else {
        return;
    };
    let Some(alias) = text(named, sort.key, report) else {
        return;
    };
    let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    if alias.is_empty() || alias.len() > words::MAX_NAME || !alias.bytes().all(fits) {
        let message = format!("a {} may not be called `{}`", sort.key, quotable(&alias));
        let hint = "use letters, digits, `-`, `_` and `.`, at most 100 characters";
        report.error(Code::InvalidName, named.place, message, hint);
        return;
    }
    let folded = words::fold(&alias);
    if let Some(first) = seen.insert(folded.clone(), named.place) {
        let message = format!(
            "a {} is already called `{alias}` at {}:{}",
            sort.key, first.line, first.column
        );
        let hint = "give this one another name; names ignore case";
        report.error(Code::DuplicateName, named.place, message, hint);
        return;
    }
    check_values(&written, sort, report);
    let mut short = |key: &str| written.get(key).and_then(|node| filled(node, key, report));
    if sort.key == "repository" {
        let use_ = RepositoryUse {
            kind: short("type"),
            name: short("name"),
            reference: short("ref"),
            endpoint: short("endpoint"),
            commit: None,
            alias: alias.clone(),
        };
        declared.aliases.repositories.insert(folded, alias);
        declared.repositories.push(use_);
        return;
    }
    let definition: Map<_, _> = written
        .iter()
        .filter(|(key, ..)| *key != sort.key && *key != "trigger")
        .map(|(key, _, value)| (key.to_owned(), json(value)))
        .collect();
    if sort.key == "container" {
        container(&written, node, &alias, &definition, declared, report);
    } else {
        let key = (sort.key.to_owned(), folded);
        declared.aliases.others.insert(key, alias.clone());
    }
    declared.resources.push(Resource {
        kind: sort.key.to_owned(),
        alias,
        definition,
    });
}

fn container(
    written: &Fields<'_>,
    node: &Node,
    alias: &str,
    definition: &Map<String, serde_json::Value>,
    declared: &mut Declared,
    report: &mut Report,
) {
    check_container(written, report);
    // From a registry of Azure, the image is named by registry and repository.
    let image = match written.get("image").or(written.get("repository")) {
        Some(image) => filled(image, "image", report),
        None => {
            let message = format!("the container `{alias}` has no `image`");
            report.error(Code::Missing, node.place, message, "add `image: name:tag`");
            None
        }
    };
    let Some(image) = image else { return };
    let mut options = definition.clone();
    options.shift_remove("image");
    let container = Container::Image { image, options };
    declared
        .aliases
        .containers
        .insert(words::fold(alias), container);
}

/// The values of a container that have a form.
pub(super) fn check_container(written: &Fields<'_>, report: &mut Report) {
    for key in ["mapDockerSocket", "localImage"] {
        if let Some(node) = written.get(key) {
            boolean(node, key, report);
        }
    }
    for key in ["ports", "volumes"] {
        if let Some(node) = written.get(key) {
            texts(node, key, report);
        }
    }
    if let Some(node) = written.get("env") {
        text_map(node, "env", report);
    }
    for key in ["options", "endpoint", "type"] {
        if let Some(node) = written.get(key) {
            text(node, key, report);
        }
    }
    if let Some(node) = written.get("mountReadOnly")
        && let Some(mounts) = fields(node, "mountReadOnly", report)
    {
        mounts.check(
            "mountReadOnly",
            &["work", "externals", "tools", "tasks"],
            report,
        );
        for (name, _, value) in mounts.iter() {
            boolean(value, name, report);
        }
    }
}

fn check_values(written: &Fields<'_>, sort: &Sort, report: &mut Report) {
    for (key, _, value) in written.iter().filter(|(_, _, value)| !value.is_null()) {
        match (sort.key, key) {
            ("repository", "trigger") => triggers::branches(value, "trigger", report),
            (_, "trigger") => triggers::of_resource(value, sort.key, report),
            ("pipeline", "tags") => drop(texts(value, "tags", report)),
            ("webhook", "filters") => filters(value, report),
            ("repository", "fetchDepth") => drop(number(value, key, u32::MAX, report)),
            (
                "pipeline" | "package" | "build" | "webhook",
                "source" | "project" | "version" | "branch" | "connection" | "type" | "name"
                | "tag",
            )
            | ("repository", "type" | "name" | "ref" | "endpoint") => {
                drop(text(value, key, report));
            }
            _ => {}
        }
    }
}

fn filters(node: &Node, report: &mut Report) {
    for entry in items(node, "filters", report).unwrap_or_default() {
        if let Some(filter) = fields(entry, "a filter", report) {
            let keys = ["path", "value"];
            filter.check_entry("a filter", &keys, &keys, report);
        }
    }
}
