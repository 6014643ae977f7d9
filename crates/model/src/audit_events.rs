//! `docs/audit-events.md`, written from the acts themselves. A test compares; with `COFFER_UPDATE` set it writes.

use crate::act::sample::all;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const START: &str = "\
# Action ids of the audit log

<!-- Written by the test `audit_events` of `coffer-model`. After a change run
`COFFER_UPDATE=1 cargo test -p coffer-model audit_events`, and read the difference. -->

Every act that asks the gate has one. Ids that Azure DevOps publishes keep their names; the rest are ours. An event is
written when the act is allowed and when it is denied; acts that only look are on record when they are denied, and those
on the audit log always. [audit.md](audit.md) says what else an event holds.

Details that any event may have: `activity`, `userAgent`, `credential`, `session`, `agent`, `duty`, `reason` (of a denial),
`changes` (what the act changed, for `coffer audit reconcile`). An act's own details name what was asked for: names, roles,
bits, refs, counts. They are texts, and never content, tokens, tickets, passwords or keys.

| action id | about | what for |
| --- | --- | --- |
";

fn page() -> String {
    let mut lines: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for act in all() {
        if !act.purpose.is_empty() {
            lines.insert(act.action, (act.about, act.purpose));
        }
    }
    let mut page = START.to_owned();
    for (action, (about, purpose)) in lines {
        let purpose = purpose.trim().replace("  ", " ").replace('|', "\\|");
        // Writing to a string does not fail.
        _ = writeln!(page, "| `{action}` | {about} | {purpose} |");
    }
    page
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the test says whether the page is to be written"
)]
fn the_audit_events_are_those_of_the_acts() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit-events.md");
    let page = page();
    if std::env::var_os("COFFER_UPDATE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == page,
        "docs/audit-events.md is stale: run `COFFER_UPDATE=1 cargo test -p coffer-model audit_events`, and read the difference"
    );
    for action in crate::act::actions() {
        assert!(
            written.contains(&format!("`{action}`")),
            "{action} is not in the page"
        );
    }
}
