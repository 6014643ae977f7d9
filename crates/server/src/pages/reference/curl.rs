//! An operation as a call to type: curl with `$COFFER_TOKEN`.

use super::{Shown, Site};
use crate::openapi::document;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

/// What must not stand in a path or query as it is; what is fine in both stays readable.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'[')
    .add(b']');

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn encoded(value: &Value) -> String {
    utf8_percent_encode(&plain(value), ENCODED).to_string()
}

/// A parameter, whether it is written where it is used or shared.
pub(super) fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(place) => document()
            .pointer(place.trim_start_matches('#'))
            .unwrap_or(value),
        None => value,
    }
}

/// The call. None for what cannot be called by hand.
pub(super) fn call(site: &Site<'_>, shown: &Shown) -> Option<String> {
    let security = &shown.operation["security"];
    if security[0].get("agentSignature").is_some() {
        return None;
    }
    let (mut path, mut query) = (shown.path.to_owned(), Vec::new());
    let own = shown.operation["parameters"]
        .as_array()
        .into_iter()
        .flatten();
    let shared = shown.item["parameters"].as_array().into_iter().flatten();
    for parameter in own.chain(shared).map(resolved) {
        let name = parameter["name"].as_str().unwrap_or_default();
        let Some(example) = parameter.get("example") else {
            continue;
        };
        if parameter["in"] == "path" {
            path = path.replace(
                &format!("{{{name}}}"),
                &encoded(example).replace('/', "%2F"),
            );
        } else {
            query.push(format!("{name}={}", encoded(example)));
        }
    }
    let url = format!("{}{path}?{}", site.base, query.join("&"));
    // In double quotes a dollar sign would begin a variable.
    let url = url.replace('$', "\\$");
    let mut out = String::from("curl");
    if security.is_null() {
        out.push_str(" -u \":$COFFER_TOKEN\"");
    }
    let content = shown.operation["requestBody"]["content"].as_object();
    let body = content.and_then(|content| content.iter().next());
    let implied = if body.is_some() { "POST" } else { "GET" };
    if shown.method != implied {
        out.push_str(&format!(" -X {}", shown.method));
    }
    if let Some((kind, content)) = body {
        out.push_str(&format!(" \\\n  -H 'Content-Type: {kind}'"));
        match content.get("example") {
            Some(example) => {
                let example = example.to_string().replace('\'', "'\\''");
                out.push_str(&format!(" \\\n  -d '{example}'"));
            }
            None => out.push_str(" \\\n  --data-binary @signing.p12"),
        }
    }
    Some(format!("{out} \\\n  \"{url}\""))
}
