//! `trigger`, `pr` and `schedules`: checked in form. They are no part of what a run does, so nothing of them is kept.

use super::{
    fields::{Fields, fields, items},
    values::{boolean, filled, texts, wrong_type},
};
use crate::{
    diagnostic::{Code, Report},
    yaml::{Kind, Node},
};

const TRIGGER: &[&str] = &["batch", "branches", "paths", "tags", "enabled"];
const PR: &[&str] = &["autoCancel", "branches", "paths", "drafts", "enabled"];
const SCHEDULE: &[&str] = &["cron", "displayName", "branches", "batch", "always"];

/// Those of the root.
pub(super) fn check(root: &Fields<'_>, report: &mut Report) {
    for key in ["trigger", "pr"] {
        if let Some(node) = root.get(key) {
            branches(node, key, report);
        }
    }
    let Some(node) = root.get("schedules") else {
        return;
    };
    for entry in items(node, "schedules", report).unwrap_or_default() {
        let Some(schedule) = fields(entry, "a schedule", report) else {
            continue;
        };
        schedule.check_entry("a schedule", SCHEDULE, &["cron"], report);
        if let Some(node) = schedule.get("cron") {
            cron(node, report);
        }
        flags(&schedule, &["batch", "always"], report);
        filter(&schedule, "branches", report);
    }
}

/// `none`, a list of branches, or a mapping.
pub(super) fn branches(node: &Node, what: &str, report: &mut Report) {
    match &node.kind {
        Kind::Scalar { text, .. } if text == "none" => {}
        Kind::Sequence(_) => drop(texts(node, what, report)),
        Kind::Mapping(_) => {
            let Some(written) = fields(node, what, report) else {
                return;
            };
            let (known, switches): (_, &[&str]) = if what == "pr" {
                (PR, &["autoCancel", "drafts", "enabled"])
            } else {
                (TRIGGER, &["batch", "enabled"])
            };
            written.check(what, known, report);
            flags(&written, switches, report);
            for key in ["branches", "paths", "tags"] {
                filter(&written, key, report);
            }
        }
        Kind::Scalar { .. } => {
            wrong_type(
                node,
                what,
                "`none`, a list of branches or a mapping",
                report,
            );
        }
        Kind::Refused => {}
    }
}

/// The trigger of a pipeline, container, package or build.
pub(super) fn of_resource(node: &Node, of: &str, report: &mut Report) {
    match &node.kind {
        Kind::Scalar { text, .. } if matches!(text.as_str(), "none" | "true") => {}
        Kind::Mapping(_) if matches!(of, "pipeline" | "container") => {
            let Some(written) = fields(node, "a trigger", report) else {
                return;
            };
            let known: &[&str] = if of == "pipeline" {
                &["enabled", "branches", "stages", "tags"]
            } else {
                &["enabled", "tags"]
            };
            written.check("a trigger", known, report);
            flags(&written, &["enabled"], report);
            for key in ["branches", "tags"] {
                filter(&written, key, report);
            }
            if let Some(stages) = written.get("stages") {
                texts(stages, "stages", report);
            }
        }
        Kind::Refused => {}
        _ => wrong_type(node, "a trigger", "`none`, `true` or a mapping", report),
    }
}

fn flags(written: &Fields<'_>, keys: &[&str], report: &mut Report) {
    for key in keys {
        if let Some(node) = written.get(key) {
            boolean(node, key, report);
        }
    }
}

/// A list, or `include` and `exclude`.
fn filter(written: &Fields<'_>, key: &str, report: &mut Report) {
    let Some(node) = written.get(key) else { return };
    if let Kind::Sequence(_) = &node.kind {
        texts(node, key, report);
        return;
    }
    let Some(parts) = fields(node, key, report) else {
        return;
    };
    parts.check(key, &["include", "exclude"], report);
    for part in ["include", "exclude"] {
        if let Some(node) = parts.get(part) {
            texts(node, part, report);
        }
    }
}

fn cron(node: &Node, report: &mut Report) {
    let Some(line) = filled(node, "cron", report) else {
        return;
    };
    let parts = line.split_whitespace().count();
    if parts != 5 {
        let message = format!("a cron line has 5 parts and this one has {parts}");
        report.error(
            Code::InvalidValue,
            node.place,
            message,
            "write minute, hour, day of the month, month, day of the week: `0 3 * * Mon-Fri`",
        );
    }
}
