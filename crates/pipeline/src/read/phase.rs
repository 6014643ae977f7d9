//! `phases:`, `queue:` and `server:`: how jobs were written before there were jobs. Read into the same draft.

use super::{
    DraftJob, Outer, Reader, container,
    fields::{Fields, entries, fields},
    job::{MAX_JOBS, Placed, base, complete, minutes, set_pool, steps, workspace},
    pool::{self, PoolUse, refuse_server},
    stage::template,
    strategy::{self, add},
    values::{boolean, filled},
};
use crate::{
    Job, Pool,
    diagnostic::Code,
    yaml::{Kind, Node},
};

const KEYS: &[&str] = &[
    "phase",
    "displayName",
    "dependsOn",
    "condition",
    "continueOnError",
    "queue",
    "server",
    "variables",
    "steps",
];
const QUEUE: &[&str] = &[
    "name",
    "demands",
    "timeoutInMinutes",
    "cancelTimeoutInMinutes",
    "parallel",
    "matrix",
    "maxParallel",
    "container",
    "workspace",
];
const SERVER: &[&str] = &[
    "timeoutInMinutes",
    "cancelTimeoutInMinutes",
    "parallel",
    "matrix",
    "maxParallel",
];

/// The entries of `phases:`.
pub(super) fn read(list: &Node, outer: Outer<'_>, reader: &mut Reader<'_>) -> Vec<DraftJob> {
    reader.report.warn(
        Code::Suspicious,
        list.place,
        "`phases` is an old form",
        "write `jobs:`, and `job:` for each `phase:`",
    );
    let listed = entries(
        list,
        "phases",
        MAX_JOBS,
        "split the pipeline",
        reader.report,
    );
    let mut jobs = Vec::with_capacity(listed.len());
    for entry in listed {
        if reader.report.is_full() || add(1, entry.place, reader).is_none() {
            break;
        }
        jobs.extend(phase(entry, outer, reader));
    }
    complete(jobs, listed, list.place, None, reader)
}

fn phase(node: &Node, outer: Outer<'_>, reader: &mut Reader<'_>) -> Option<Placed> {
    let fields = fields(node, "a phase", reader.report)?;
    if template(&fields, "phases", reader.report) {
        return None;
    }
    fields.check("a phase", KEYS, reader.report);
    let Some(named) = fields.any("phase") else {
        let message = "a phase begins with `phase:` and its name";
        let hint = "write `- phase: name`";
        reader
            .report
            .error(Code::Missing, node.place, message, hint);
        return None;
    };
    let mut placed = base(&fields, named, node.place, None, outer, reader)?;
    old_target(&fields, &mut placed.draft.job, reader);
    placed.draft.steps = steps(fields.any("steps"), node.place, reader);
    Some(placed)
}

/// `queue:` and `server:`, which hold what a job says itself today.
pub(super) fn old_target(owner: &Fields<'_>, job: &mut Job, reader: &mut Reader<'_>) {
    if let Some(node) = owner.get("queue") {
        queue(node, job, reader);
    }
    if let Some(node) = owner.get("server") {
        server(node, job, reader);
    }
}

fn queue(node: &Node, job: &mut Job, reader: &mut Reader<'_>) {
    if let Kind::Scalar { .. } = &node.kind {
        let used = pool::read(Some(node), reader);
        set_pool(job, used.as_ref());
        return;
    }
    let Some(fields) = fields(node, "a queue", reader.report) else {
        return;
    };
    fields.check("a queue", QUEUE, reader.report);
    let name = fields.get("name").and_then(|node| {
        let name = filled(node, "name", reader.report)?;
        pool::named(node, &name, reader)
    });
    let used = PoolUse {
        pool: Pool::Agents {
            name,
            vm_image: None,
        },
        demands: pool::demands(fields.get("demands"), reader.report),
    };
    set_pool(job, Some(&used));
    job.container = container::read(fields.get("container"), reader);
    job.workspace = workspace(fields.get("workspace"), reader.report);
    shared(&fields, job, reader);
}

fn server(node: &Node, job: &mut Job, reader: &mut Reader<'_>) {
    if let Kind::Scalar { .. } = &node.kind {
        if boolean(node, "server", reader.report) != Some(true) {
            return;
        }
    } else if let Some(fields) = fields(node, "server", reader.report) {
        fields.check("server", SERVER, reader.report);
        shared(&fields, job, reader);
    }
    refuse_server(node.place, reader.report);
    job.pool = Some(Pool::Server);
    job.demands = Vec::new();
}

fn shared(fields: &Fields<'_>, job: &mut Job, reader: &mut Reader<'_>) {
    job.timeout_in_minutes = minutes(fields, "timeoutInMinutes", reader);
    job.cancel_timeout_in_minutes = minutes(fields, "cancelTimeoutInMinutes", reader);
    if fields.get("matrix").is_none() && fields.get("parallel").is_none() {
        return;
    }
    let of = strategy::Of::job(&job.display_name, &job.identifier);
    job.strategy = strategy::read_fields(fields, &of, reader);
}
