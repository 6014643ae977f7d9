//! Two projects, and ids of one in every place of the other: the answer is that for what does not exist.

use super::parties::Party;
use super::probes::PROBES;
use super::world::{Tenant, nothing, places};
use super::{ask, values};
use coffer_testkit::{Answer, PROJECT, TestServer};
use coffer_wire::coffer::AuditEvent;
use serde_json::Value;

/// A text without the id that was asked for. Numbers are ids only where no digit or letter stands beside them.
fn without(text: &str, asked: &str) -> String {
    let inside = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(asked) {
        let (before, after) = (&rest[..at], &rest[at + asked.len()..]);
        let alone = !inside(before.chars().next_back()) && !inside(after.chars().next());
        out.push_str(before);
        out.push_str(if alone { "…" } else { asked });
        rest = after;
    }
    out + rest
}

/// What an answer says, without what is its own: the activity's id, and the id that was asked for.
fn plain(answer: &Answer, asked: &str) -> String {
    let mut text = answer.text();
    if let Ok(Value::Object(mut object)) = serde_json::from_str::<Value>(&text) {
        object.remove("activityId");
        if let Some(Value::Object(custom)) = object.get_mut("customProperties") {
            custom.remove("activityId");
        }
        text = Value::Object(object).to_string();
    }
    format!("{}: {}", answer.status, without(&text, asked))
}

/// What went on record, without who and when.
fn shape(events: &[AuditEvent], asked: &str) -> Vec<String> {
    events
        .iter()
        .filter(|event| !event.action.starts_with("AuditLog."))
        .map(|event| {
            let resource = event.resource_id.clone().unwrap_or_default();
            let details: Vec<_> = event
                .details
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "credential" | "activity"))
                .map(|(name, value)| format!("{name}={}", without(value, asked)))
                .collect();
            format!(
                "{} {} {:?} {} {details:?}",
                event.action,
                event.outcome,
                event.resource_type,
                without(&resource, asked)
            )
        })
        .collect()
}

/// What came of asking: the answer, what went on record, and what the database was asked.
type Outcome = (String, Vec<String>, Vec<String>);

/// How often two askings are compared before they count as different. PostgreSQL may run a unit of work again, and the
/// statements stand twice; what tells foreign from absent does so every time.
const TRIES: usize = 3;

pub(super) async fn walk(server: TestServer) {
    let agent = server.agent("walker").await;
    let own = Tenant::of(&server, PROJECT, &agent).await;
    let foreign = Tenant::of(&server, "Elsewhere", &agent).await;
    let officer = server.administrator();
    let keeper = Party::person("keeper", server.holder(own.keeper.token()));
    let outcome = async |probe, others: &[(String, String)], place: &str, id: &str| -> Outcome {
        let mut values = others.to_vec();
        for (name, value) in &mut values {
            if name == place {
                id.clone_into(value);
            }
        }
        let before = officer.audit().await.len();
        let mark = server.log_mark();
        let answer = ask(&keeper, probe, &values).await;
        let statements = server.statements_since(mark);
        assert!(
            !statements.is_empty(),
            "{answer}: the statements are not in the log"
        );
        assert!(
            !(200..300).contains(&answer.status),
            "{} with a {place} that is not the project's: {answer}",
            probe.route
        );
        let events = officer.audit().await;
        (plain(&answer, id), shape(&events[before..], id), statements)
    };
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for probe in PROBES {
        let text = format!("{}{}{}", probe.route, probe.query, probe.body);
        for place in places(&text) {
            let Some(absent) = nothing(&place) else {
                continue;
            };
            if !probe.route.contains("{project}") {
                continue;
            }
            compared += 1;
            let strange = foreign.value(&server, &place, false).await;
            let mut last = None;
            for _ in 0..TRIES {
                // Both are refused, so that the other values serve twice.
                let others = values(&server, &own, probe).await;
                let one = outcome(probe, &others, &place, &strange).await;
                let other = outcome(probe, &others, &place, &absent).await;
                last = (one != other).then_some((one, other));
                if last.is_none() {
                    break;
                }
            }
            if let Some((one, other)) = last {
                wrong.push(format!(
                    "{} with another project's {place}:\n{one:#?}\nand with one that is not there:\n{other:#?}",
                    probe.route
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared} places:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared > 20, "only {compared} places");
}
