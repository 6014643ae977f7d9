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
                .filter(|(name, _)| *name != "credential")
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

pub(super) async fn walk(server: TestServer) {
    let agent = server.agent("walker").await;
    let own = Tenant::of(&server, PROJECT, &agent).await;
    let foreign = Tenant::of(&server, "Elsewhere", &agent).await;
    let officer = server.administrator();
    let keeper = Party::person("keeper", server.holder(own.keeper.token()));
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
            let strange = foreign.value(&server, &place, false).await;
            let mut answers = Vec::new();
            // Both are refused, so that the other values serve twice.
            let others = values(&server, &own, probe).await;
            for id in [strange, absent] {
                let mut values = others.clone();
                for (name, value) in &mut values {
                    if *name == place {
                        value.clone_from(&id);
                    }
                }
                let before = officer.audit().await.len();
                let answer = ask(&keeper, probe, &values).await;
                let events = officer.audit().await;
                answers.push((plain(&answer, &id), shape(&events[before..], &id)));
                if (200..300).contains(&answer.status) {
                    wrong.push(format!("{} with {place} of nobody: {answer}", probe.route));
                }
            }
            compared += 1;
            if answers[0] != answers[1] {
                wrong.push(format!(
                    "{} with another project's {place}:\n{:#?}\nand with one that is not there:\n{:#?}",
                    probe.route, answers[0], answers[1]
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
