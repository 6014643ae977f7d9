//! Every answer of every route, in each form that a client can ask for. It knows no shape: a date is what looks like one,
//! and a member with the name of an enum holds no word where numbers were asked for.

use super::parties::Stage;
use super::probes::PROBES;
use super::world::Tenant;
use super::{filled, values};
use coffer_testkit::{Answer, TestServer, User};
use serde_json::Value;

/// Members that are enums somewhere in the original.
const ENUMS: &[&str] = &[
    "access",
    "deploymentType",
    "operationStatus",
    "priority",
    "reason",
    "result",
    "state",
    "status",
    "visibility",
];

/// Routes where the same name is a text: why something was frozen and the states of keys (ours), and where a task may be
/// used (a list of texts in the original as well).
const TEXTS: &[&str] = &["/freeze", "coffer/keys/", "distributedtask/tasks"];

fn strings(value: &Value, name: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => found.push((name.to_owned(), text.clone())),
        Value::Array(items) => items.iter().for_each(|item| strings(item, name, found)),
        Value::Object(members) => {
            for (name, value) in members {
                strings(value, name, found);
            }
        }
        _ => {}
    }
}

fn is_iso_date(text: &str) -> bool {
    text.len() > 18
        && text.as_bytes().get(10) == Some(&b'T')
        && text.parse::<jiff::Timestamp>().is_ok()
}

/// What is wrong with a date: more than seven digits of a second, zeros at their end, no `Z`.
fn is_odd(date: &str) -> bool {
    let fraction = date
        .split_once('.')
        .map_or("", |(_, rest)| rest.trim_end_matches('Z'));
    !date.ends_with('Z') || fraction.len() > 7 || fraction.ends_with('0')
}

/// The answer to a probe by whoever of these is allowed, if it is JSON.
async fn answer(
    server: &TestServer,
    own: &Tenant,
    who: &[&User],
    probe: &super::probes::Probe,
    parameter: &str,
) -> Option<Answer> {
    for user in who {
        let values = values(server, own, probe).await;
        let (path, body) = filled(probe, &values);
        let call = user.call(probe.method(), &path);
        let call = call.header("Accept", &format!("application/json;{parameter}=true"));
        let call = if body.is_empty() {
            call
        } else {
            call.body(probe.kind, body)
        };
        let answer = call.send().await;
        let json = answer
            .header("content-type")
            .starts_with("application/json");
        if (200..300).contains(&answer.status) && json {
            return Some(answer);
        }
    }
    None
}

pub(super) async fn walk(server: TestServer) {
    let stage = Stage::set(&server).await;
    let who = [&stage.own.keeper, server.administrator()];
    let (mut wrong, mut answers, mut dates, mut numbers) = (Vec::new(), 0, 0, 0);
    for probe in PROBES {
        let mut seen = Vec::new();
        for parameter in ["none", "noArrayWrap", "enumsAsNumbers", "msDateFormat"] {
            let Some(answer) = answer(&server, &stage.own, &who, probe, parameter).await else {
                continue;
            };
            answers += 1;
            let value = answer.json();
            let mut texts = Vec::new();
            strings(&value, "", &mut texts);
            for (name, text) in texts {
                let date = is_iso_date(&text);
                let enumeration = ENUMS.contains(&name.as_str());
                let complaint = match parameter {
                    "msDateFormat" if date => "a date in the other form",
                    "none" if date && is_odd(&text) => "an odd date",
                    "enumsAsNumbers"
                        if enumeration && !TEXTS.iter().any(|part| probe.route.contains(part)) =>
                    {
                        "a word in place of a number"
                    }
                    _ => "",
                };
                if !complaint.is_empty() {
                    wrong.push(format!("{}: {complaint}: {name} is {text}", probe.route));
                }
                dates += usize::from(parameter == "none" && date);
                numbers += usize::from(parameter == "none" && enumeration);
            }
            let raw = answer.text();
            if raw.matches("/Date(").count() != raw.matches(r#""\/Date("#).count() {
                wrong.push(format!("{}: a slash without its backslash", probe.route));
            }
            if parameter == "noArrayWrap"
                && value.get("count").is_some()
                && value.get("value").is_some()
            {
                wrong.push(format!("{}: a wrapper that was not wanted", probe.route));
            }
            seen.push(parameter);
        }
        // What can be done once only answers once.
        assert!(
            seen.is_empty() || seen.len() == 4 || !probe.route.starts_with("GET "),
            "{}: only {seen:?}",
            probe.route
        );
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(
        answers > 200 && dates > 30 && numbers > 20,
        "{answers} answers, {dates} dates, {numbers} enums"
    );
}
