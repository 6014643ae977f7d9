//! `task.json` to a [`TaskDefinition`]: only what matters, and leniently. Fields no runner needs are not looked at.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{CommandMode, Handler, Input, InputKind, Restrictions, Stages, TaskDefinition};
use crate::version::Version;

/// Larger files are not task definitions.
const MAX_BYTES: usize = 1 << 20;

/// The text is no usable `task.json`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTaskDefinition {
    /// More than 1 MiB.
    #[error("task.json is larger than {MAX_BYTES} bytes; check that this is the task's package")]
    TooLarge,
    /// Not JSON.
    #[error("task.json is not valid JSON; correct it and upload the task again")]
    Json(#[source] serde_json::Error),
    /// A field is missing or has a value that cannot be used.
    #[error("task.json has no usable `{0}`; correct it and upload the task again")]
    Field(&'static str),
}

type Object = Map<String, Value>;

pub(super) fn read(text: &str) -> Result<TaskDefinition, InvalidTaskDefinition> {
    use InvalidTaskDefinition::{Field, Json, TooLarge};
    if text.len() > MAX_BYTES {
        return Err(TooLarge);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value: Value = serde_json::from_str(text).map_err(Json)?;
    let task = value.as_object().ok_or(Field("id"))?;

    let id = Uuid::try_parse(&string(task, "id")).map_err(|_| Field("id"))?;
    let name = Some(string(task, "name"))
        .filter(|name| !name.is_empty())
        .ok_or(Field("name"))?;
    let version = object(task, "version").ok_or(Field("version"))?;
    let number = |key| {
        string(version, key)
            .parse::<u32>()
            .map_err(|_| Field("version"))
    };
    let version = Version::new(number("Major")?, number("Minor")?, number("Patch")?);
    let minimum_agent_version = match string(task, "minimumAgentVersion").as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| Field("minimumAgentVersion"))?),
    };
    let demands = strings(task, "demands")
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>();
    let runs_on = strings(task, "runsOn");
    Ok(TaskDefinition {
        id,
        friendly_name: Some(string(task, "friendlyName"))
            .filter(|text| !text.is_empty())
            .unwrap_or(name.clone()),
        description: string(task, "description"),
        version,
        visibility: strings(task, "visibility"),
        minimum_agent_version,
        demands: demands.map_err(|_| Field("demands"))?,
        instance_name_format: string(task, "instanceNameFormat"),
        inputs: list(task, "inputs")
            .filter_map(Value::as_object)
            .filter_map(input)
            .collect(),
        output_variables: list(task, "outputVariables")
            .filter_map(Value::as_object)
            .map(|output| string(output, "name"))
            .filter(|name| !name.is_empty())
            .collect(),
        restrictions: restrictions(task),
        stages: Stages {
            pre: handlers(task, "prejobexecution"),
            main: handlers(task, "execution"),
            post: handlers(task, "postjobexecution"),
        },
        package: None,
        runs_on_agent: runs_on.is_empty()
            || runs_on
                .iter()
                .any(|place| place.eq_ignore_ascii_case("Agent")),
        name,
    })
}

fn input(input: &Object) -> Option<Input> {
    let name = Some(string(input, "name")).filter(|name| !name.is_empty())?;
    let declared = string(input, "type");
    Some(Input {
        name,
        aliases: strings(input, "aliases"),
        label: string(input, "label"),
        kind: InputKind::parse(&declared),
        declared,
        required: string(input, "required").eq_ignore_ascii_case("true"),
        visible_rule: string(input, "visibleRule"),
        default: string(input, "defaultValue").trim().to_owned(),
    })
}

fn restrictions(task: &Object) -> Restrictions {
    let Some(restrictions) = object(task, "restrictions") else {
        return Restrictions::default();
    };
    let mode = object(restrictions, "commands")
        .map(|commands| string(commands, "mode"))
        .unwrap_or_default();
    let settable = object(restrictions, "settableVariables");
    Restrictions {
        command_mode: if mode.eq_ignore_ascii_case("restricted") {
            CommandMode::Restricted
        } else {
            CommandMode::Any
        },
        settable_variables: settable
            .filter(|list| find(list, "allowed").is_some())
            .map(|list| strings(list, "allowed")),
    }
}

fn handlers(task: &Object, phase: &str) -> Vec<Handler> {
    let Some(map) = object(task, phase) else {
        return Vec::new();
    };
    map.iter()
        .map(|(runtime, data)| Handler {
            runtime: runtime.clone(),
            target: data
                .as_object()
                .map(|data| string(data, "target"))
                .unwrap_or_default(),
        })
        .collect()
}

/// Exact key first, else ignoring case, as the original's reader does.
fn find<'a>(object: &'a Object, key: &str) -> Option<&'a Value> {
    object.get(key).or_else(|| {
        object
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value)
    })
}

fn object<'a>(of: &'a Object, key: &str) -> Option<&'a Object> {
    find(of, key).and_then(Value::as_object)
}

/// The text of a string, boolean or number; empty for the rest.
fn string(of: &Object, key: &str) -> String {
    find(of, key).map(text).unwrap_or_default()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

fn list<'a>(of: &'a Object, key: &str) -> impl Iterator<Item = &'a Value> {
    find(of, key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn strings(of: &Object, key: &str) -> Vec<String> {
    list(of, key)
        .map(text)
        .filter(|text| !text.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENIENT: &str = r#"{
        "id": "0F9F66CA-0000-4000-8000-00000000ABCD", "name": "InstallThing", "friendlyName": "Install a thing",
        "version": {"Major": "2", "Minor": 5, "Patch": "1"}, "minimumAgentVersion": "2.182.1", "demands": ["xcode"],
        "inputs": [
            {"name": "thing", "type": "SECUREFILE", "required": "true", "aliases": ["oldThing"]},
            {"name": "remove", "type": "boolean", "defaultValue": true, "required": "false"},
            {"name": "tries", "type": "string", "defaultValue": 8, "visibleRule": "remove = true"},
            {"name": "where", "type": "connectedService:AzureRM,Generic"},
            {"type": "string"}, 7
        ],
        "outputVariables": [{"name": "thingPath", "description": "…"}],
        "restrictions": {"commands": {"mode": "Restricted"}, "settableVariables": {"allowed": []}},
        "prejobexecution": {"Node10": {"target": "pre.js"}, "Node20_1": {"target": "pre.js"}},
        "postjobexecution": {"Node20_1": {"target": "post.js", "argumentFormat": ""}},
        "somethingNew": {"deep": [1, 2]}
    }"#;

    #[test]
    fn an_inexact_task_json_is_read() {
        let task = TaskDefinition::from_json(LENIENT).expect("readable");
        assert_eq!(task.version, Version::new(2, 5, 1));
        assert_eq!(task.minimum_agent_version, Some(Version::new(2, 182, 1)));
        assert_eq!(task.demands[0].to_string(), "xcode");
        assert_eq!(task.inputs.len(), 4);
        let thing = task.input("OLDTHING").expect("by alias");
        assert_eq!(
            (thing.name.as_str(), &thing.kind, thing.required),
            ("thing", &InputKind::SecureFile, true)
        );
        assert_eq!(thing.declared, "SECUREFILE");
        let remove = task.input("remove").expect("input");
        assert_eq!((remove.required, remove.default.as_str()), (false, "true"));
        let tries = task.input("tries").expect("input");
        assert_eq!(
            (tries.visible_rule.as_str(), tries.default.as_str()),
            ("remove = true", "8")
        );
        assert_eq!(
            task.inputs[3].kind,
            InputKind::ConnectedService("AzureRM,Generic".to_owned())
        );
        assert_eq!(
            task.restrictions.settable_variables,
            Some(Vec::new()),
            "an empty list allows nothing"
        );
        assert_eq!(
            (
                task.stages.pre.len(),
                task.stages.main.len(),
                task.stages.post.len()
            ),
            (2, 0, 1)
        );
        assert!(task.runs_on_agent);
    }

    #[test]
    fn without_identity_it_is_refused() {
        for (text, message) in [
            (
                "{}",
                "task.json has no usable `id`; correct it and upload the task again",
            ),
            (
                "[]",
                "task.json has no usable `id`; correct it and upload the task again",
            ),
            (
                "{",
                "task.json is not valid JSON; correct it and upload the task again",
            ),
            (
                r#"{"id": "0f9f66ca-0000-4000-8000-00000000abcd"}"#,
                "task.json has no usable `name`; correct it and upload the task again",
            ),
            (
                r#"{"id": "0f9f66ca-0000-4000-8000-00000000abcd", "name": "x", "version": {"Major": -1}}"#,
                "task.json has no usable `version`; correct it and upload the task again",
            ),
        ] {
            assert_eq!(
                TaskDefinition::from_json(text).expect_err(text).to_string(),
                message
            );
        }
        let deep = "[".repeat(100_000);
        assert!(TaskDefinition::from_json(&deep).is_err());
        assert!(TaskDefinition::from_json(&" ".repeat(MAX_BYTES + 1)).is_err());
    }
}
