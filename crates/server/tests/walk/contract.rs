//! What the OpenAPI document says, held against every answer of the walk: its status, its media type, each member of its
//! body, its headers. It knows no route.

use coffer_testkit::Answer;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Where the document is, to its own schemas.
const HERE: &str = "https://document.invalid/";

/// The document, with schemas that take no member that they do not name: here, a new member is found by it.
pub(super) struct Contract {
    paths: Map<String, Value>,
    components: Value,
    registry: jsonschema::Registry<'static>,
    /// Schemas that were built, by their text.
    built: BTreeMap<String, jsonschema::Validator>,
}

impl Contract {
    pub(super) fn read() -> Self {
        let mut document = coffer_server::openapi();
        close(&mut document["components"]["schemas"]);
        let registry = jsonschema::Registry::new().add(HERE, document.clone());
        let paths = document["paths"].as_object().unwrap().clone();
        Self {
            paths,
            components: document["components"].clone(),
            registry: registry.unwrap().prepare().unwrap(),
            built: BTreeMap::new(),
        }
    }

    /// What of an answer to `METHOD template` is not as the document says.
    pub(super) fn breaches(&mut self, route: &str, answer: &Answer) -> Vec<String> {
        let found = self.look(route, answer);
        found
            .into_iter()
            .map(|what| format!("{answer} ({route}): {what}: {}", answer.text()))
            .collect()
    }

    fn look(&mut self, route: &str, answer: &Answer) -> Vec<String> {
        let (method, template) = route.split_once(' ').unwrap();
        let operation = &self.paths[&format!("/{template}")][method.to_lowercase()];
        let said = &operation["responses"][answer.status.to_string()];
        let said = match said["$ref"].as_str() {
            Some(name) => &self.components["responses"][name.rsplit('/').next().unwrap()],
            None => said,
        };
        if said.is_null() {
            return vec!["the status is not documented".into()];
        }
        let mut wrong: Vec<String> = said["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| name.as_str() == "ActivityId" || answer.status >= 400)
            .filter(|(name, _)| answer.header(name).is_empty())
            .map(|(name, _)| format!("the header {name} is missing"))
            .collect();
        let Some(contents) = said["content"].as_object() else {
            if !answer.body.is_empty() {
                wrong.push("it has a body, and none is documented".into());
            }
            return wrong;
        };
        let kind = answer
            .header("content-type")
            .split(';')
            .next()
            .unwrap_or_default();
        let Some(content) = contents.get(kind).cloned() else {
            wrong.push(format!("the content type {kind:?} is not documented"));
            return wrong;
        };
        if kind == "application/json" {
            match serde_json::from_slice(&answer.body) {
                Ok(body) => wrong.extend(self.valid(&content["schema"], &body)),
                Err(error) => wrong.push(error.to_string()),
            }
        }
        if let Some(schema) = content.get("x-lines") {
            for line in answer.text().lines() {
                match serde_json::from_str(line) {
                    Ok(line) => wrong.extend(self.valid(schema, &line)),
                    Err(error) => wrong.push(error.to_string()),
                }
            }
        }
        wrong
    }

    fn valid(&mut self, schema: &Value, value: &Value) -> Vec<String> {
        let validator = self.built.entry(schema.to_string()).or_insert_with(|| {
            let whole = schema.to_string().replace("\"#/", &format!("\"{HERE}#/"));
            let options = jsonschema::options().should_validate_formats(true);
            let options = options.with_registry(&self.registry);
            options
                .build(&serde_json::from_str(&whole).unwrap())
                .unwrap()
        });
        validator
            .iter_errors(value)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect()
    }
}

/// No members but those that are named.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let open =
                members.contains_key("properties") && !members.contains_key("additionalProperties");
            members.values_mut().for_each(close);
            if open && members.get("type").is_some_and(|kind| kind == "object") {
                members.insert("additionalProperties".into(), Value::Bool(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
