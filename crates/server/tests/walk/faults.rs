//! Something breaks at each statement of each write that a route can make: there is never an act without its record,
//! never a record of an act that was not done, and never a yes to what was not done.
//!
//! It knows no operation: what was done is what the tables say. So a new route is covered by being in the list.

use super::parties::Stage;
use super::probes::PROBES;
use super::{ask, values};
use coffer_testkit::{Engine, StoreFault, TestServer};

/// What changes without an act of somebody: the record itself, places that are taken before a body comes, and notes of
/// when a token was used.
pub(super) const NOT_ACTS: &[&str] = &[
    "audit_event",
    "audit_link",
    "signed_record",
    "signing_key",
    "audit_snapshot",
    "upload_intent",
    "blob_segment",
    "sqlite_sequence",
    "credential.last_used_at",
    "credential.last_used_address",
    "sign_in_failure",
    "sign_in_place",
    "agent.last_seen_at",
];

/// Routes that stand apart: who signs in shows first who it is, agents write for the job they hold, retention takes
/// records away, and a checkpoint that was asked for is made after the asking is on record.
pub(super) const APART: &[&str] = &["signin", "{agentId}", "audit/retain", "audit/checkpoints"];

/// More statements than any operation makes.
const MOST: u64 = 400;

pub(super) async fn allowed(server: &TestServer) -> i64 {
    let query = "select count(*) from audit_event where outcome = 'allowed'";
    server.database().number(query).await
}

/// Every statement is made to fail; what takes longer to break, every second or third one, so that the whole takes a
/// minute or two.
fn every(fault: StoreFault) -> usize {
    match fault {
        StoreFault::DiskFull => 3,
        StoreFault::ConnectionLost => 2,
        StoreFault::Before | StoreFault::After | StoreFault::Panic => 1,
    }
}

/// Breaks the `n`th statement of each write, for one `n` after the other, in one way.
async fn everywhere(
    server: &TestServer,
    stage: &Stage,
    fault: StoreFault,
    wrong: &mut Vec<String>,
) {
    let party = stage
        .parties
        .iter()
        .find(|party| party.name == "organization")
        .unwrap();
    for probe in PROBES {
        let looks = probe.route.starts_with("GET ") || probe.route.starts_with("OPTIONS ");
        if looks || APART.iter().any(|part| probe.route.contains(part)) {
            continue;
        }
        for n in (1..=MOST).step_by(every(fault)) {
            let values = values(server, &stage.own, probe).await;
            let (before, acts) = (
                server.database().contents(NOT_ACTS).await,
                allowed(server).await,
            );
            server.faults().at(n, fault);
            let answer = ask(party, probe, &values).await;
            let (fired, seen) = server.faults().disarm();
            let after = server.database().contents(NOT_ACTS).await;
            let acts = allowed(server).await - acts;
            let changed: Vec<_> = after
                .iter()
                .filter(|table| !before.contains(table))
                .filter_map(|table| table.split_once(':'))
                .map(|(table, _)| table)
                .collect();
            let good = (200..300).contains(&answer.status);
            let broken = match (changed.is_empty(), acts) {
                (false, 0) => "an act without its record",
                (true, 1..) if !good => "a record of what was not done",
                _ => "",
            };
            if !broken.is_empty() {
                wrong.push(format!(
                    "{broken}: {answer}, {fault:?} at {n} of {seen:?}, changed {changed:?}, {acts} acts"
                ));
            }
            if !fired {
                break;
            }
            assert!(n + 3 < MOST, "{}: it never ends", probe.route);
        }
    }
}

pub(super) async fn walk(server: TestServer) {
    let stage = Stage::set(&server).await;
    let faults: &[StoreFault] = match server.engine() {
        Engine::Sqlite => &[StoreFault::Before, StoreFault::DiskFull],
        Engine::Postgres => &[StoreFault::ConnectionLost],
    };
    let mut wrong = Vec::new();
    for fault in faults {
        everywhere(&server, &stage, *fault, &mut wrong).await;
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
