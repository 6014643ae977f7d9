//! One operation, whole: what it is for, what it takes, what it answers, and an example of both.

use super::super::html::escape;
use super::schema::Types;
use super::{Shown, Site, curl, text};
use serde_json::Value;
use std::fmt::Write as _;

/// Method and path.
pub(super) fn route(shown: &Shown) -> String {
    // A path may break after a slash, and nowhere else.
    let path = escape(shown.path).replace('/', "/<wbr>");
    format!(
        "<span class=\"method {}\">{}</span> <code>{path}</code>",
        shown.method.to_lowercase(),
        shown.method
    )
}

/// What kind of route it is, in a few words each.
fn marks(shown: &Shown) -> String {
    let mut marks = Vec::new();
    match shown.operation.get("x-azure-devops") {
        Some(known) if known["releasedVersion"] == "0.0" => {
            marks.push("Azure DevOps: preview".to_owned());
        }
        Some(known) => marks.push(format!(
            "Azure DevOps since {}",
            known["minVersion"].as_str().unwrap_or_default()
        )),
        None => marks.push("Coffer’s own".into()),
    }
    match &shown.operation["security"] {
        Value::Array(schemes) if schemes.is_empty() => marks.push("no token needed".into()),
        Value::Array(_) => marks.push("signed by the agent".into()),
        _ => {}
    }
    let items: String = marks
        .iter()
        .map(|mark| format!("<li>{}</li>", escape(mark)))
        .collect();
    format!("<ul class=\"marks\">{items}</ul>")
}

/// A block of text that scrolls, also by keyboard.
fn block(label: &str, content: &str) -> String {
    format!(
        "<pre tabindex=\"0\" role=\"region\" aria-label=\"{}\"><code>{}</code></pre>",
        escape(label),
        lines(content)
    )
}

/// Escaped line by line: a line's end is no character to be shown.
fn lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(escape).collect();
    lines.join("\n")
}

pub(super) fn whole(site: &Site<'_>, shown: &Shown, types: &mut Types) -> String {
    let id = escape(shown.text("operationId"));
    let mut out = format!(
        "<section class=\"operation\" aria-labelledby=\"{id}\"><h2 id=\"{id}\"><a href=\"#{id}\">{}</a></h2>\n\
         <p class=\"route\">{}</p>{}\n{}",
        escape(shown.text("summary")),
        route(shown),
        marks(shown),
        text::paragraphs(shown.text("description")),
    );
    out.push_str(&parameters(shown, types));
    out.push_str(&body(shown, types));
    out.push_str(&answers(shown, types));
    if let Some(call) = curl::call(site, shown) {
        _ = write!(
            out,
            "<h3>Example</h3>{}",
            block(&format!("Request of {id}"), &call)
        );
    } else {
        out.push_str("<h3>Example</h3>");
        if let Some(example) = example(&shown.operation["requestBody"]["content"]) {
            out.push_str(&block(&format!("Body of {id}"), &example));
        }
    }
    out.push_str(&example_answer(shown));
    out.push_str("</section>\n");
    out
}

fn parameters(shown: &Shown, types: &mut Types) -> String {
    let shared = shown.item["parameters"].as_array().into_iter().flatten();
    let own = shown.operation["parameters"]
        .as_array()
        .into_iter()
        .flatten();
    let mut out = String::from("<h3>Parameters</h3><dl class=\"members\">");
    for parameter in shared.chain(own).map(curl::resolved) {
        let name = parameter["name"].as_str().unwrap_or_default();
        // Every call takes it; the first page says how.
        if name == "api-version" {
            continue;
        }
        let place = parameter["in"].as_str().unwrap_or_default();
        let required = place == "query" && parameter["required"] == true;
        _ = write!(
            out,
            "<div><dt><code>{}</code> <span>{} in the {}{}</span></dt><dd>{}</dd></div>",
            escape(name),
            types.words(&parameter["schema"]),
            escape(place),
            if required { ", required" } else { "" },
            text::line(parameter["description"].as_str().unwrap_or_default()),
        );
    }
    if out.ends_with("<dl class=\"members\">") {
        return String::new();
    }
    out.push_str("</dl>");
    out
}

fn body(shown: &Shown, types: &mut Types) -> String {
    let body = &shown.operation["requestBody"];
    let Some(contents) = body["content"].as_object() else {
        return String::new();
    };
    let optional = if body["required"] == true {
        ""
    } else {
        ", may be left out"
    };
    let mut out = String::from("<h3>Body</h3>");
    for (kind, content) in contents {
        let schema = &content["schema"];
        _ = write!(
            out,
            "<p><code>{}</code>: {}{optional}</p>",
            escape(kind),
            types.words(schema)
        );
        out.push_str(&types.members(schema));
    }
    out
}

fn answers(shown: &Shown, types: &mut Types) -> String {
    let (mut good, mut bad) = (String::new(), String::new());
    for (status, answer) in shown.operation["responses"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let answer = curl::resolved(answer);
        let means = answer["description"].as_str().unwrap_or_default();
        if status.starts_with('2') {
            _ = write!(good, "<div><dt><code>{status}</code>");
            let contents = answer["content"].as_object();
            for (n, (kind, content)) in contents.into_iter().flatten().enumerate() {
                let or = if n == 0 { "" } else { "; or" };
                let words = types.words(content.get("x-lines").unwrap_or(&content["schema"]));
                let words = if content.get("x-lines").is_some() {
                    format!("a line each: {words}")
                } else {
                    words
                };
                _ = write!(
                    good,
                    "{or} <span><code>{}</code>, {words}</span>",
                    escape(kind)
                );
            }
            _ = write!(good, "</dt><dd>{}</dd></div>", text::line(means));
        } else {
            let typed = &answer["content"]["application/json"]["schema"];
            let keys: Vec<_> = typed["properties"]["typeKey"]["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(|key| format!("<code>{}</code>", escape(key)))
                .collect();
            _ = write!(
                bad,
                "<div><dt><code>{status}</code> <span>{}</span></dt><dd>{}</dd></div>",
                keys.join(", <wbr>"),
                text::paragraphs(means)
            );
        }
    }
    format!(
        "<h3>Answers</h3><dl class=\"members\">{good}</dl><details><summary>Errors</summary><dl class=\"members\">{bad}</dl></details>"
    )
}

/// The first example of a body.
fn example(contents: &Value) -> Option<String> {
    let (_, content) = contents.as_object()?.iter().next()?;
    let first = || Some(&content["examples"].as_object()?.values().next()?["value"]);
    match content.get("example").or_else(first)? {
        Value::String(text) => Some(text.clone()),
        other => serde_json::to_string_pretty(other).ok(),
    }
}

fn example_answer(shown: &Shown) -> String {
    let answers = shown.operation["responses"]
        .as_object()
        .into_iter()
        .flatten();
    let good = answers.filter(|(status, _)| status.starts_with('2'));
    let mut out = String::new();
    for (status, answer) in good.take(1) {
        out = match example(&answer["content"]) {
            Some(text) => format!(
                "<p class=\"then\">answers <code>{status}</code>:</p>{}",
                block(&format!("Answer of {}", shown.text("operationId")), &text)
            ),
            None => format!("<p class=\"then\">answers <code>{status}</code>, with no body.</p>"),
        };
    }
    out
}
