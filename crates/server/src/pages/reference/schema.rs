//! Schemas for people: what type something is, in words, and the types of a page with their members.

use super::super::html::escape;
use super::text;
use crate::openapi::document;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The types that a page speaks of.
#[derive(Default)]
pub(super) struct Types(BTreeSet<String>);

impl Types {
    /// What type something is, in words, with links to types that have members.
    pub(super) fn words(&mut self, schema: &Value) -> String {
        if let Some(place) = schema["$ref"].as_str() {
            let name = place.rsplit('/').next().unwrap_or_default();
            self.0.insert(name.to_owned());
            let name = escape(name);
            return format!("<a href=\"#type-{name}\">{name}</a>");
        }
        if let Some(value) = schema.get("const") {
            return format!("<code>{}</code>", escape(&value.to_string()));
        }
        if let Some(options) = schema["enum"].as_array() {
            return listed(options);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(options) = schema[key].as_array() {
                let words: Vec<_> = options.iter().map(|one| self.words(one)).collect();
                return words.join(" or ");
            }
        }
        match &schema["type"] {
            Value::String(kind) => self.kind(kind, schema),
            Value::Array(kinds) => {
                let words: Vec<_> = kinds
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|kind| self.kind(kind, schema))
                    .collect();
                words.join(" or ")
            }
            _ if schema.get("contentMediaType").is_some() => "bytes".into(),
            _ => "anything".into(),
        }
    }

    fn kind(&mut self, kind: &str, schema: &Value) -> String {
        match kind {
            "array" => match schema["prefixItems"].as_array() {
                Some(_) => "pair".into(),
                None => format!("list of {}", self.words(&schema["items"])),
            },
            "object" => match schema.get("additionalProperties") {
                Some(of) if of.is_object() => format!("map to {}", self.words(of)),
                _ => "object".into(),
            },
            "string" => match schema["format"].as_str() {
                Some("uuid") => "GUID".into(),
                Some("date-time") => "date and time".into(),
                Some(format) => format!("string ({})", escape(format)),
                None => "string".into(),
            },
            "integer" => "whole number".into(),
            other => escape(other),
        }
    }

    /// The members of an object, each with its type.
    pub(super) fn members(&mut self, schema: &Value) -> String {
        let Some(properties) = schema["properties"].as_object() else {
            return String::new();
        };
        let required: BTreeSet<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut out = String::from("<dl class=\"members\">");
        for (name, property) in properties {
            let optional = if required.contains(name.as_str()) {
                ""
            } else {
                ", optional"
            };
            _ = write!(
                out,
                "<div><dt><code>{}</code> <span>{}{optional}</span></dt><dd>{}</dd></div>",
                escape(name),
                self.words(property),
                text::line(property["description"].as_str().unwrap_or_default()),
            );
        }
        out.push_str("</dl>");
        out
    }

    /// All of them, and those that they speak of, with their members.
    pub(super) fn listed(mut self) -> String {
        let mut parts = std::collections::BTreeMap::new();
        while let Some(name) = self
            .0
            .iter()
            .find(|name| !parts.contains_key(*name))
            .cloned()
        {
            let schema = &document()["components"]["schemas"][&name];
            let mut part = format!(
                "<section class=\"type\" id=\"type-{id}\"><h3>{id}</h3>{}",
                text::paragraphs(schema["description"].as_str().unwrap_or_default()),
                id = escape(&name),
            );
            if let Some(options) = schema["oneOf"].as_array() {
                for option in options {
                    part.push_str(&self.members(option));
                }
            }
            if schema.get("properties").is_some() {
                part.push_str(&self.members(schema));
            } else if schema.get("oneOf").is_none() {
                _ = write!(part, "<p>{}</p>", self.words(schema));
            }
            part.push_str("</section>\n");
            parts.insert(name, part);
        }
        if parts.is_empty() {
            return String::new();
        }
        let parts: String = parts.into_values().collect();
        format!(
            "<section aria-labelledby=\"types\"><h2 id=\"types\">Types on this page</h2>{parts}</section>\n"
        )
    }
}

fn listed(options: &[Value]) -> String {
    let words: Vec<_> = options
        .iter()
        .map(|one| {
            format!(
                "<code>{}</code>",
                escape(one.as_str().unwrap_or(&one.to_string()))
            )
        })
        .collect();
    words.join(", ")
}
