//! Two projects, and ids of one in every place of the other; and a file of the project that is not seen: the answer is
//! that for what does not exist.

use super::parties::Party;
use super::probes::{PROBES, Probe};
use super::world::{Tenant, nothing, places};
use super::{ask, value, values};
use coffer_model::descriptor::{self, Subject};
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

/// A text without each of the ids, the parts of an id that names two things, and the id that a descriptor stands for.
fn without_all(text: &str, asked: &Ids) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (_, id) in asked {
        parts.extend(id.split('$').map(str::to_owned));
        if let Some(Subject::Identity(_, behind)) = descriptor::parse_subject(id) {
            parts.push(behind.to_string());
        }
    }
    let whole = text.to_owned();
    parts.iter().fold(whole, |text, part| without(&text, part))
}

/// What an answer says, without what is its own: the activity's id, and the id that was asked for.
fn plain(answer: &Answer, asked: &Ids) -> String {
    let mut text = answer.text();
    if let Ok(Value::Object(mut object)) = serde_json::from_str::<Value>(&text) {
        object.remove("activityId");
        if let Some(Value::Object(custom)) = object.get_mut("customProperties") {
            custom.remove("activityId");
        }
        text = Value::Object(object).to_string();
    }
    format!("{}: {}", answer.status, without_all(&text, asked))
}

/// What went on record, without who and when.
fn shape(events: &[AuditEvent], asked: &Ids) -> Vec<String> {
    events
        .iter()
        .filter(|event| !event.action.starts_with("AuditLog."))
        .map(|event| {
            let resource = event.resource_id.clone().unwrap_or_default();
            let details: Vec<_> = event
                .details
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "credential" | "activity"))
                .map(|(name, value)| format!("{name}={}", without_all(value, asked)))
                .collect();
            format!(
                "{} {} {:?} {} {details:?}",
                event.action,
                event.outcome,
                event.resource_type,
                without_all(&resource, asked)
            )
        })
        .collect()
}

/// What came of asking: the answer, what went on record, and what the database was asked.
type Outcome = (String, Vec<String>, Vec<String>);

/// Places with what stands in them.
type Ids = Vec<(String, String)>;

/// How often two askings are compared before they count as different. PostgreSQL may run a unit of work again, and the
/// statements stand twice; what tells foreign from absent does so every time.
const TRIES: usize = 3;

/// Places in routes of the organization that hold what belongs to one project.
const OF_A_PROJECT: &[&str] = &[
    "projectId",
    "secureFileId",
    "resourceId",
    "storageKey",
    "groupDescriptor",
    "containerDescriptor",
];

/// The other project's thing in a place. A project's file goes with it.
async fn strange(server: &TestServer, foreign: &Tenant, probe: &Probe, place: &str) -> Ids {
    let id = value(server, foreign, probe, place, false).await;
    let mut ids = vec![(place.to_owned(), id)];
    if place == "projectId" {
        let file = value(server, foreign, probe, "secureFileId", false).await;
        ids.push(("secureFileId".into(), file));
    }
    ids
}

/// The same places with ids that name nothing; none where a place holds no id.
fn absent(probe: &Probe, place: &str) -> Option<Ids> {
    let mut id = nothing(place)?;
    if place == "resourceId" && probe.route.contains("/securityroles/") {
        id = format!("{}${id}", nothing("projectId")?);
    }
    let mut ids = vec![(place.to_owned(), id)];
    if place == "projectId" {
        ids.push(("secureFileId".into(), nothing("secureFileId")?));
    }
    Some(ids)
}

/// A file of the own project in a place for files: one that is hidden, or one that is not there.
async fn of_own_project(
    server: &TestServer,
    own: &Tenant,
    probe: &Probe,
    place: &str,
    file: &str,
) -> Ids {
    let roles = place == "resourceId" && probe.route.contains("/securityroles/");
    let id = if roles {
        let project = own.value(server, "projectId", false).await;
        format!("{project}${file}")
    } else {
        file.to_owned()
    };
    vec![(place.to_owned(), id)]
}

pub(super) async fn walk(server: TestServer) {
    let agent = server.agent("walker").await;
    let own = Tenant::of(&server, PROJECT, &agent).await;
    let foreign = Tenant::of(&server, "Elsewhere", &agent).await;
    let hidden = own.hidden(&server).await;
    let officer = server.administrator();
    let keeper = Party::person("keeper", server.holder(own.keeper.token()));
    let outcome = async |probe: &Probe, others: &Ids, ids: &Ids| -> Outcome {
        let mut values = others.clone();
        for (name, value) in &mut values {
            if let Some((_, id)) = ids.iter().find(|(place, _)| place == name) {
                value.clone_from(id);
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
        // A list of what is not there may be empty; nothing else succeeds.
        assert!(
            !(200..300).contains(&answer.status) || !probe.route.contains("{project}"),
            "{} with {ids:?}, which are not the project's: {answer}",
            probe.route
        );
        let events = officer.audit().await;
        (
            plain(&answer, ids),
            shape(&events[before..], ids),
            statements,
        )
    };
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for probe in PROBES {
        let text = format!("{}{}{}", probe.route, probe.query, probe.body);
        for place in places(&text) {
            let of_project = probe.route.contains("{project}");
            if !of_project && !OF_A_PROJECT.contains(&place.as_str()) {
                continue;
            }
            let Some(absent) = absent(probe, &place) else {
                continue;
            };
            let strange = strange(&server, &foreign, probe, &place).await;
            let mut pairs = vec![("another project's", strange, absent)];
            if matches!(place.as_str(), "secureFileId" | "resourceId") {
                let none = nothing(&place).unwrap();
                let none = of_own_project(&server, &own, probe, &place, &none).await;
                let hidden = of_own_project(&server, &own, probe, &place, &hidden).await;
                pairs.push(("a hidden", hidden, none));
            }
            for (whose, there, absent) in pairs {
                compared += 1;
                let mut last = None;
                for _ in 0..TRIES {
                    // Both are refused, so that the other values serve twice.
                    let others = values(&server, &own, probe).await;
                    let one = outcome(probe, &others, &there).await;
                    let other = outcome(probe, &others, &absent).await;
                    last = (one != other).then_some((one, other));
                    if last.is_none() {
                        break;
                    }
                }
                if let Some((one, other)) = last {
                    wrong.push(format!(
                        "{} with {whose} {place}:\n{one:#?}\nand with one that is not there:\n{other:#?}",
                        probe.route
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared} places:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared > 80, "only {compared} places");
}
