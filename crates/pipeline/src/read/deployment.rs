//! Deployment jobs: where they go, how they are rolled out, and their hooks. It must not know which environments exist.

use super::{
    DraftHook, Outer, Reader,
    fields::{Fields, fields, unknown_key},
    job::{self, COMMON, Placed, steps},
    pool::{self, PoolUse},
    values::{filled, invalid, number, text_or_texts},
};
use crate::{
    Deployment, Environment, Hook, HookName, Rollout,
    diagnostic::{Code, Report},
    words,
    yaml::{Kind, Node},
};

const ENVIRONMENT: &[&str] = &["name", "resourceName", "resourceId", "resourceType", "tags"];
const ROLLOUTS: [&str; 3] = ["runOnce", "rolling", "canary"];
const HOOKS: &[(&str, HookName)] = &[
    ("preDeploy", HookName::PreDeploy),
    ("deploy", HookName::Deploy),
    ("routeTraffic", HookName::RouteTraffic),
    ("postRouteTraffic", HookName::PostRouteTraffic),
];
const AFTER: &[(&str, HookName)] = &[
    ("failure", HookName::OnFailure),
    ("success", HookName::OnSuccess),
];

/// An entry of `jobs:` that has the key `deployment`.
pub(super) fn read(
    fields: &Fields<'_>,
    node: &Node,
    stage: Option<&str>,
    outer: Outer<'_>,
    reader: &mut Reader<'_>,
) -> Option<Placed> {
    let known = [&["deployment", "environment"], COMMON].concat();
    for (name, key, _) in fields.iter().filter(|(name, ..)| !known.contains(name)) {
        let hint = if name == "steps" {
            "they stand below `strategy:`, `runOnce:` and `deploy:`".to_owned()
        } else {
            words::suggestion(name, &known)
        };
        unknown_key("a deployment", name, key, hint, reader.report);
    }
    let named = fields.any("deployment")?;
    let placed = job::base(fields, named, node.place, stage, outer, reader);
    let environment = environment(fields.get("environment"), fields, reader);
    let strategy = fields.get("strategy");
    if strategy.is_none() {
        reader.report.error(
            Code::Missing,
            node.place,
            "this deployment has no strategy",
            "write `strategy:`, `runOnce:`, `deploy:` and `steps:`, each below the one before",
        );
    }
    let (rollout, hooks) = rollout(strategy?, reader)?;
    let mut placed = placed?;
    let job = &mut placed.draft.job;
    let shared = (job.pool.clone(), job.demands.clone());
    for (own_pool, mut hook) in hooks {
        let own_pool = own_pool.map(|used| (Some(used.pool), used.demands));
        let (pool, demands) = own_pool.unwrap_or_else(|| shared.clone());
        if hook.hook.name == HookName::Deploy {
            (job.pool, job.demands) = (pool, demands);
            placed.draft.steps = hook.steps;
        } else {
            (hook.hook.pool, hook.hook.demands) = (pool, demands);
            placed.draft.hooks.push(hook);
        }
    }
    job.deployment = Some(Deployment {
        environment: environment?,
        rollout,
        hooks: Vec::new(),
    });
    Some(placed)
}

/// A name, `name.resource`, or a mapping. Names may hold variables of the YAML root.
fn environment(
    node: Option<&Node>,
    owner: &Fields<'_>,
    reader: &mut Reader<'_>,
) -> Option<Environment> {
    let Some(node) = node else {
        reader.report.error(
            Code::Missing,
            owner.place(),
            "this deployment names no environment",
            "add `environment: name`",
        );
        return None;
    };
    let mut environment = Environment::default();
    if let Kind::Scalar { .. } = &node.kind {
        let text = filled(node, "environment", reader.report)?;
        let text = reader.known.expand(&text);
        let (name, resource) = match text.split_once('.') {
            Some((name, resource)) => (name.to_owned(), Some(resource.to_owned())),
            None => (text, None),
        };
        environment.name = name;
        environment.resource_name = resource;
    } else {
        let written = fields(node, "an environment", reader.report)?;
        written.check_entry("an environment", ENVIRONMENT, &["name"], reader.report);
        let mut short = |key: &str| {
            let text = filled(written.get(key)?, key, reader.report)?;
            Some(reader.known.expand(&text))
        };
        environment.resource_name = short("resourceName");
        environment.resource_id = short("resourceId");
        environment.resource_type = short("resourceType");
        environment.name = short("name")?;
        environment.tags = written
            .get("tags")
            .map(|node| tags(node, reader.report))
            .unwrap_or_default();
    }
    if environment.names_resources() {
        reader.report.refuse(
            node.place,
            "this server knows no resources of environments",
            "name the environment alone",
        );
    }
    Some(environment)
}

/// A list, or one text with commas.
fn tags(node: &Node, report: &mut Report) -> Vec<String> {
    text_or_texts(node, "tags", report)
        .iter()
        .flat_map(|text| text.split(','))
        .map(|tag| tag.trim().to_owned())
        .filter(|tag| !tag.is_empty())
        .collect()
}

type Hooks = Vec<(Option<PoolUse>, DraftHook)>;

fn rollout(node: &Node, reader: &mut Reader<'_>) -> Option<(Rollout, Hooks)> {
    let what = "the strategy of a deployment";
    let written = fields(node, what, reader.report)?;
    written.check(what, &ROLLOUTS, reader.report);
    let mut present = written.iter().filter(|(name, ..)| ROLLOUTS.contains(name));
    let Some((kind, key, value)) = present.next() else {
        if !reader.report.has_errors() {
            let message = "this strategy says nothing";
            let hint = "write `runOnce:`, `rolling:` or `canary:` below `strategy:`";
            reader
                .report
                .error(Code::Missing, node.place, message, hint);
        }
        return None;
    };
    if let Some((other, second, _)) = present.next() {
        let message = format!("a strategy is either `{kind}` or `{other}`, not both");
        let hint = "remove one of the two";
        reader
            .report
            .error(Code::UnknownKey, second.place, message, hint);
    }
    if kind != "runOnce" {
        reader.report.refuse(
            key.place,
            format!("this server does not run deployments with `{kind}`"),
            "use `runOnce`",
        );
    }
    let parts = fields(value, kind, reader.report)?;
    let own: &[&str] = match kind {
        "rolling" => &["maxParallel"],
        "canary" => &["increments"],
        _ => &[],
    };
    let names = HOOKS.iter().map(|(name, _)| *name).chain(["on"]);
    let known: Vec<&str> = own.iter().copied().chain(names).collect();
    parts.check(kind, &known, reader.report);
    let report = &mut *reader.report;
    let rollout = match kind {
        "rolling" => Rollout::Rolling {
            max_parallel: parts
                .get("maxParallel")
                .and_then(|node| share(node, "maxParallel", report)),
        },
        "canary" => Rollout::Canary {
            increments: increments(parts.get("increments"), report),
        },
        _ => Rollout::RunOnce,
    };
    Some((rollout, hooks(&parts, kind, reader)))
}

fn hooks(parts: &Fields<'_>, kind: &str, reader: &mut Reader<'_>) -> Hooks {
    let mut hooks = Hooks::new();
    for (key, name) in HOOKS {
        hooks.extend(hook(parts, key, *name, reader));
    }
    if let Some(on) = parts.get("on")
        && let Some(on) = fields(on, "on", reader.report)
    {
        on.check("on", &["failure", "success"], reader.report);
        for (key, name) in AFTER {
            hooks.extend(hook(&on, key, *name, reader));
        }
    }
    if hooks.is_empty() && !reader.report.has_errors() {
        let message = format!("`{kind}` has no hook");
        let hint = "write `deploy:` and `steps:` below it";
        reader
            .report
            .error(Code::Missing, parts.place(), message, hint);
    }
    hooks
}

fn hook(
    parts: &Fields<'_>,
    key: &str,
    name: HookName,
    reader: &mut Reader<'_>,
) -> Option<(Option<PoolUse>, DraftHook)> {
    let node = parts.get(key)?;
    let written = fields(node, key, reader.report)?;
    written.check(key, &["steps", "pool"], reader.report);
    if name != HookName::Deploy {
        let place = parts.key(key).unwrap_or(node.place);
        reader.report.refuse(
            place,
            format!("this server runs the `deploy` hook of a deployment alone, and not `{key}`"),
            "move its steps to `deploy`",
        );
    }
    let own = pool::read(written.get("pool"), reader);
    let hook = Hook {
        name,
        pool: None,
        demands: Vec::new(),
        secure_files: Vec::new(),
        steps: Vec::new(),
    };
    let steps = steps(written.any("steps"), node.place, reader);
    Some((own, DraftHook { hook, steps }))
}

/// A number of resources, or a percentage of them.
fn share(node: &Node, what: &str, report: &mut Report) -> Option<String> {
    let text = filled(node, what, report)?;
    let digits = text.strip_suffix('%').unwrap_or(&text);
    let most = if digits.len() < text.len() {
        100
    } else {
        u32::MAX
    };
    let number = digits.bytes().all(|b| b.is_ascii_digit());
    match digits.parse::<u32>() {
        Ok(value) if number && value <= most => Some(text),
        _ => {
            let rule = format!("{what} must be a number, or a percentage up to 100%");
            invalid(node, &text, &rule, "write for example `2` or `25%`", report);
            None
        }
    }
}

fn increments(node: Option<&Node>, report: &mut Report) -> Vec<u32> {
    let Some(node) = node else { return Vec::new() };
    let entries = match &node.kind {
        Kind::Sequence(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    entries
        .iter()
        .filter_map(|entry| number(entry, "an entry of increments", 100, report))
        .collect()
}
