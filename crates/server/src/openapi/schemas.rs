//! Schemas of the wire's types. A type can look one way in answers and another in requests: what is always sent may
//! be left out by a client. It must not know any route.

use super::operation::Shape;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const PLACE: &str = "/components/schemas";
const REFERENCE: &str = "#/components/schemas/";
/// What is put after the name of a type that looks another way in requests.
const INPUT: &str = "Input";

/// Which way something goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Request,
    Answer,
}

/// Gathers the schemas that a document needs.
pub(super) struct Schemas {
    answers: SchemaGenerator,
    requests: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings =
            || SchemaSettings::draft2020_12().with(|s| s.definitions_path = PLACE.into());
        Self {
            answers: settings().for_serialize().into_generator(),
            requests: settings().for_deserialize().into_generator(),
        }
    }

    /// The schema of a shape. References in requests are to be settled by [`Self::finish`].
    pub(super) fn of(&mut self, shape: &Shape, way: Way) -> Value {
        match (shape, way) {
            (Shape::Said(value), _) => value.clone(),
            (Shape::Type(make), Way::Answer) => plain(make(&mut self.answers).into()),
            (Shape::Type(make), Way::Request) => {
                let mut schema = plain(make(&mut self.requests).into());
                references(&mut schema, &mut |name| *name = format!("{name}{INPUT}"));
                schema
            }
        }
    }

    /// All schemas by name, and in `document` the references to them.
    pub(super) fn finish(mut self, document: &mut Value) -> Map<String, Value> {
        let mut answers: Map<String, Value> = self.answers.take_definitions(true);
        let requests: Map<String, Value> = self.requests.take_definitions(true);
        for (_, schema) in &mut answers {
            *schema = plain(std::mem::take(schema));
            never_null(schema);
        }
        // A type that looks the same both ways, down to what it refers to, needs no second name.
        let mut requests: Map<String, Value> = requests
            .into_iter()
            .map(|(name, schema)| (name, plain(schema)))
            .collect();
        let mut own: BTreeSet<String> = BTreeSet::new();
        loop {
            let before = own.len();
            for (name, schema) in &requests {
                let mut refers = false;
                references(&mut schema.clone(), &mut |name| {
                    refers |= own.contains(name);
                });
                let other = answers.get(name).is_some_and(|answer| answer != schema);
                if other || (refers && answers.contains_key(name)) {
                    own.insert(name.clone());
                }
            }
            if own.len() == before {
                break;
            }
        }
        let mut all = answers;
        let settle = |name: &mut String| {
            if own.contains(name.as_str()) {
                name.push_str(INPUT);
            }
        };
        for (name, schema) in &mut requests {
            let mut name = name.clone();
            references(schema, &mut |name| settle(name));
            settle(&mut name);
            all.entry(name).or_insert_with(|| std::mem::take(schema));
        }
        references(document, &mut |name| {
            if let Some(bare) = name.strip_suffix(INPUT)
                && !own.contains(bare)
            {
                *name = bare.to_owned();
            }
        });
        all.sort_keys();
        all
    }
}

/// Calls `change` with the name in every reference to a schema.
fn references(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(text) if key == "$ref" => {
                        if let Some(name) = text.strip_prefix(REFERENCE) {
                            let mut name = name.to_owned();
                            change(&mut name);
                            *text = format!("{REFERENCE}{name}");
                        }
                    }
                    other => references(other, change),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| references(item, change)),
        _ => {}
    }
}

/// Descriptions without the brackets and paths of the code's own documentation.
fn plain(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            for (key, member) in members.iter_mut() {
                match member {
                    Value::String(text) if key == "description" => *text = said(text),
                    other => *other = plain(std::mem::take(other)),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = plain(std::mem::take(item));
            }
        }
        _ => {}
    }
    value
}

fn said(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("[`") {
        let Some(end) = rest[start..].find("`]") else {
            break;
        };
        let name = &rest[start + 2..start + end];
        out.push_str(&rest[..start]);
        out.push('`');
        out.push_str(name.rsplit("::").next().unwrap_or(name));
        out.push('`');
        rest = &rest[start + end + 2..];
    }
    out.push_str(rest);
    out.replace('\n', " ")
}

/// In answers, a member that may be absent is absent, and not null.
fn never_null(schema: &mut Value) {
    let required = schema["required"].clone();
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (name, property) in properties {
        let sent = required
            .as_array()
            .is_some_and(|names| names.iter().any(|one| one == name));
        if sent {
            continue;
        }
        if let Some(types) = property.get_mut("type")
            && let Some(list) = types.as_array_mut()
        {
            list.retain(|one| one != "null");
            if let [only] = list.as_slice() {
                *types = only.clone();
            }
        }
        if let Some(list) = property.get_mut("anyOf").and_then(Value::as_array_mut) {
            list.retain(|one| one["type"] != "null");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_reads_has_no_paths_of_code() {
        assert_eq!(
            said("As in [`crate::builds::TimelineRecord::result`], or [`User`]."),
            "As in `result`, or `User`."
        );
    }
}
