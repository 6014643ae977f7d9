//! Events as a target wants to read them. The JSON of an event is that of an export, so that what was received can be
//! verified like one. Knows no network.

use coffer_model::Timestamp;
use coffer_store::LinkedEvent;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// An event as one line of an export.
pub(super) fn entry(row: &LinkedEvent) -> Value {
    let event = &row.event;
    let mut actor = Map::new();
    actor.insert("id".into(), json!(event.actor));
    actor.insert("name".into(), json!(event.actor_name));
    actor.insert("authentication".into(), json!(event.authentication));
    if !event.address.is_empty() {
        actor.insert("address".into(), json!(event.address));
    }
    let mut out = Map::new();
    out.insert("id".into(), json!(event.id));
    out.insert("time".into(), json!(event.time));
    out.insert("action".into(), json!(event.action));
    out.insert("outcome".into(), json!(event.outcome));
    out.insert("actor".into(), Value::Object(actor));
    if let Some(project) = event.project {
        out.insert("project".into(), json!(project));
    }
    if !event.resource_type.is_empty() {
        out.insert("resourceType".into(), json!(event.resource_type));
    }
    if !event.resource_id.is_empty() {
        out.insert("resourceId".into(), json!(event.resource_id));
    }
    if let Some(run) = event.run {
        out.insert("run".into(), json!(run));
    }
    if let Some(job) = event.job {
        out.insert("job".into(), json!(job));
    }
    out.insert("details".into(), json!(event.details));
    json!({
        "sequence": row.sequence,
        "digest": hex::encode(row.digest),
        "chain": row.chain.map(hex::encode),
        "salt": hex::encode(row.salt),
        "event": out,
    })
}

/// Something made up, for trying a target.
pub(super) fn trial(now: Timestamp) -> Value {
    json!({
        "test": true,
        "time": now.0,
        "message": "Coffer tries this target. This is no event.",
    })
}

/// JSON Lines, or one array.
pub(super) fn webhook(entries: &[Value], array: bool) -> Vec<u8> {
    if array {
        return Value::Array(entries.to_vec()).to_string().into_bytes();
    }
    let mut body = String::new();
    for entry in entries {
        // Writing to a string does not fail.
        _ = writeln!(body, "{entry}");
    }
    body.into_bytes()
}

/// Events for Splunk's collector, one after the other.
pub(super) fn splunk(entries: &[Value], index: Option<&str>, sourcetype: Option<&str>) -> Vec<u8> {
    let mut body = String::new();
    for entry in entries {
        let micros = time(entry);
        let mut out = json!({
            "time": format!("{}.{:06}", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000)),
            "source": "coffer",
            "sourcetype": sourcetype.unwrap_or("coffer:audit"),
            "event": entry,
        });
        if let Some(index) = index {
            out["index"] = json!(index);
        }
        _ = writeln!(body, "{out}");
    }
    body.into_bytes()
}

/// One RFC 5424 message each, framed by its length (RFC 6587): nothing in a message can look like the next.
pub(super) fn syslog(entries: &[Value], date: impl Fn(i64) -> String) -> Vec<u8> {
    let mut body = Vec::new();
    for entry in entries {
        let event = &entry["event"];
        // Facility 13, log audit; a denial is a warning.
        let severity = if event["outcome"] == "denied" { 4 } else { 6 };
        let message = format!(
            "<{}>1 {} - coffer - {} - {}",
            13 * 8 + severity,
            date(time(entry)),
            message_id(event["action"].as_str().unwrap_or("Test")),
            ascii(&entry.to_string()),
        );
        body.extend_from_slice(format!("{} {message}", message.len()).as_bytes());
    }
    body
}

fn time(entry: &Value) -> i64 {
    entry["event"]["time"]
        .as_i64()
        .or(entry["time"].as_i64())
        .unwrap_or_default()
}

/// At most 32 visible characters: the action, or what stands behind its dot.
fn message_id(action: &str) -> String {
    let short = match action.split_once('.') {
        Some((_, rest)) if action.len() > 32 => rest,
        _ => action,
    };
    let id: String = short
        .chars()
        .filter(char::is_ascii_graphic)
        .take(32)
        .collect();
    if id.is_empty() { "-".into() } else { id }
}

/// JSON with everything beyond ASCII escaped. In JSON such characters stand within texts only.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_model::audit::Event;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn row(action: &str, details: &str) -> LinkedEvent {
        LinkedEvent {
            sequence: Some(7),
            digest: [1; 32],
            chain: Some([2; 32]),
            salt: [3; 32],
            event: Event {
                id: Uuid::nil(),
                time: 1_234_567,
                action: action.into(),
                outcome: "denied".into(),
                actor: Uuid::nil(),
                actor_name: "Ünal\n<13>1 forged".into(),
                authentication: "token".into(),
                address: String::new(),
                project: None,
                resource_type: "securefile".into(),
                resource_id: "x".into(),
                run: None,
                job: None,
                details: BTreeMap::from([("name".to_owned(), details.to_owned())]),
            },
        }
    }

    #[test]
    fn a_message_is_ascii_in_one_line_and_its_length_is_right() {
        let entries = [entry(&row("A.B", "ключ 🔑")), entry(&row("A.B", "x"))];
        let body = syslog(&entries, |micros| format!("T{micros}"));
        let text = String::from_utf8(body).unwrap();
        assert!(text.is_ascii() && !text.contains('\n'), "{text}");
        let mut rest = text.as_str();
        for sent in &entries {
            let (length, after) = rest.split_once(' ').unwrap();
            let (message, next) = after.split_at(length.parse().unwrap());
            assert!(
                message.starts_with("<108>1 T1234567 - coffer - A.B - {"),
                "{message}"
            );
            let read: Value = serde_json::from_str(message.splitn(8, ' ').nth(7).unwrap()).unwrap();
            assert_eq!(read, *sent);
            rest = next;
        }
        assert_eq!(rest, "");
    }

    #[test]
    fn a_message_id_has_32_characters_at_most() {
        assert_eq!(message_id("SecureFile.Downloaded"), "SecureFile.Downloaded");
        let long = message_id("Pipelines.ResourceUnauthorizedForPipeline");
        assert_eq!(long, "ResourceUnauthorizedForPipeline");
        assert_eq!(message_id("ä"), "-");
    }

    #[test]
    fn a_line_is_a_line_and_an_array_is_an_array() {
        let entries = [entry(&row("A.B", "x\ny")), entry(&row("A.C", "z"))];
        let lines = String::from_utf8(webhook(&entries, false)).unwrap();
        assert_eq!(lines.lines().count(), 2);
        let array: Vec<Value> = serde_json::from_slice(&webhook(&entries, true)).unwrap();
        assert_eq!(array, entries);
    }
}
