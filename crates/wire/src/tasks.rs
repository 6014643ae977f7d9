//! What a server knows of tasks: `_apis/distributedtask/tasks`.
//!
//! Names of members are those of the type `TaskDefinition` in the published REST specifications; a package's own
//! `task.json` spells some of them differently.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One version of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskDefinition {
    /// The task's GUID, the same in all versions.
    pub id: String,
    /// The name that YAML uses.
    pub name: String,
    /// What people see.
    pub friendly_name: String,
    /// One sentence.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// Always `task`: there are no task groups.
    pub definition_type: String,
    /// Which version this is.
    pub version: TaskVersion,
    /// Where it may be used: `Build`.
    pub visibility: Vec<String>,
    /// Where it runs: `Agent`.
    pub runs_on: Vec<String>,
    /// The least `Agent.Version`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub minimum_agent_version: String,
    /// What an agent must have, as in a pipeline.
    pub demands: Vec<String>,
    /// The default name of a step; `$(input)` stands for an input's value.
    pub instance_name_format: String,
    /// What a step may give it.
    pub inputs: Vec<TaskInput>,
    /// Variables that become outputs of the step by themselves.
    pub output_variables: Vec<TaskOutputVariable>,
    /// What its output may do to the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restrictions: Option<TaskRestrictions>,
    /// What runs before the job's first step, by kind of handler.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pre_job_execution: BTreeMap<String, TaskHandler>,
    /// What runs at the step's place.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub execution: BTreeMap<String, TaskHandler>,
    /// What runs after the job's last step.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub post_job_execution: BTreeMap<String, TaskHandler>,
    /// Whether there is a package of it to download.
    pub contents_uploaded: bool,
    /// Whether it came with the server.
    pub server_owned: bool,
}

/// A task's version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskVersion {
    /// First number: what `@1` in YAML names.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
    /// Always false.
    pub is_test: bool,
}

/// One input.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskInput {
    /// Its name.
    pub name: String,
    /// Other names that YAML may use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What people see.
    pub label: String,
    /// `string`, `multiLine`, `boolean`, `filePath`, `secureFile` …
    #[serde(rename = "type")]
    pub kind: String,
    /// The value of a step that gives none.
    pub default_value: String,
    /// The task cannot run without it, where `visibleRule` holds.
    pub required: bool,
    /// When a form shows it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub visible_rule: String,
}

/// A variable that becomes an output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskOutputVariable {
    /// Its name.
    pub name: String,
}

/// What a task's output may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskRestrictions {
    /// Logging commands.
    pub commands: TaskCommandRestrictions,
    /// Variables; absent for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settable_variables: Option<TaskVariableRestrictions>,
}

/// Which logging commands are heard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskCommandRestrictions {
    /// `any` or `restricted`.
    pub mode: String,
}

/// Which variables may be set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskVariableRestrictions {
    /// Patterns of names.
    pub allowed: Vec<String>,
}

/// How a phase is run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskHandler {
    /// The script in the task's package; absent for what is built into the agent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_read_as_it_is_written() {
        let text = r#"{"id":"2a6ca863-f2ce-4f4d-8bcb-15e64608ec4b","name":"DownloadSecureFile",
            "version":{"major":1,"minor":2,"patch":3,"isTest":false},"visibility":["Build"],
            "inputs":[{"name":"secureFile","type":"secureFile","label":"Secure file","required":true}],
            "preJobExecution":{"Node20_1":{"target":"pre.js"}},
            "restrictions":{"commands":{"mode":"restricted"},"settableVariables":{"allowed":[]}}}"#;
        let task: TaskDefinition = serde_json::from_str(text).unwrap();
        assert_eq!(task.inputs[0].kind, "secureFile");
        assert_eq!(task.pre_job_execution["Node20_1"].target, "pre.js");
        let restrictions = task.restrictions.clone().unwrap();
        assert_eq!(restrictions.settable_variables, Some(Default::default()));
        let written = serde_json::to_value(&task).unwrap();
        assert_eq!(written["preJobExecution"]["Node20_1"]["target"], "pre.js");
        assert_eq!(written.get("execution"), None);
        let again: TaskDefinition = serde_json::from_value(written).unwrap();
        assert_eq!(again, task);
    }
}
