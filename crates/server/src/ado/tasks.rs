//! Tasks: `_apis/distributedtask/tasks`. Only those that are built into the agent are known, so that there is nothing to
//! upload and no package to download.
//!
//! `tfx build tasks list` and `getTaskDefinitions` of the SDKs ask for all with `visibility=build`; an agent asks for a
//! version's package with `Accept: application/zip`.

use crate::App;
use crate::auth::Who;
use crate::error::{ApiError, Result};
use crate::params::Params;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use coffer_model::Caller;
use coffer_service::{CommandMode, Phase, TaskDefinition as Definition};
use coffer_wire::tasks::{
    TaskCommandRestrictions, TaskDefinition, TaskHandler, TaskInput, TaskOutputVariable,
    TaskRestrictions, TaskVariableRestrictions, TaskVersion,
};
use http::HeaderMap;
use http::header::ACCEPT;
use std::collections::BTreeMap;

/// `GET tasks?visibility=`.
pub(crate) async fn list(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    params: Params,
) -> Result<Response> {
    let wanted = params.every("visibility");
    let shown = |task: &Definition| {
        let same = |place: &String| wanted.iter().any(|w| w.eq_ignore_ascii_case(place));
        wanted.is_empty() || task.visibility.iter().any(same)
    };
    let all = app.service.tasks().all(&caller).await?.iter();
    let all = all.filter(|task| shown(task));
    Ok(asked.list(all.map(|task| convert(task)).collect()))
}

/// `GET tasks/{taskId}`: every version of it. With `versionString` the one: so the Node client asks for it.
pub(crate) async fn versions(
    State(app): State<App>,
    Who(caller): Who,
    Path(id): Path<String>,
    asked: Asked,
    params: Params,
    headers: HeaderMap,
) -> Result<Response> {
    if let Some(version) = params.filled("versionString") {
        return one(&app, &caller, &id, version, &asked, &headers).await;
    }
    let found = app.service.tasks().of(&caller, &id).await?;
    Ok(asked.list(found.into_iter().map(convert).collect()))
}

/// `GET tasks/{taskId}/{versionString}`.
pub(crate) async fn get(
    State(app): State<App>,
    Who(caller): Who,
    Path((id, version)): Path<(String, String)>,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Response> {
    one(&app, &caller, &id, &version, &asked, &headers).await
}

async fn one(
    app: &App,
    caller: &Caller,
    id: &str,
    version: &str,
    asked: &Asked,
    headers: &HeaderMap,
) -> Result<Response> {
    let found = app.service.tasks().version(caller, id, version).await?;
    let accepted = headers.get_all(ACCEPT).iter();
    let zip = |line: &str| line.trim_start().starts_with("application/zip");
    if accepted.filter_map(|line| line.to_str().ok()).any(zip) {
        return Err(ApiError::no_such(
            "task.no_package",
            "This task is built into Coffer's agent. It has no package to download.",
        ));
    }
    Ok(asked.json(&convert(found)))
}

fn convert(task: &Definition) -> TaskDefinition {
    let phase = |phase| -> BTreeMap<String, TaskHandler> {
        let handlers = task.stages.handlers(phase).iter();
        let pairs = handlers.map(|handler| {
            let target = handler.target.clone();
            (handler.runtime.clone(), TaskHandler { target })
        });
        pairs.collect()
    };
    let inputs = task.inputs.iter().map(|input| TaskInput {
        name: input.name.clone(),
        aliases: input.aliases.clone(),
        label: input.label.clone(),
        kind: input.declared.clone(),
        default_value: input.default.clone(),
        required: input.required,
        visible_rule: input.visible_rule.clone(),
    });
    let outputs = task.output_variables.iter().cloned();
    let restrictions = &task.restrictions;
    let settable = restrictions.settable_variables.clone();
    let mode = match restrictions.command_mode {
        CommandMode::Any => "any",
        CommandMode::Restricted => "restricted",
    };
    TaskDefinition {
        id: task.id.to_string(),
        name: task.name.clone(),
        friendly_name: task.friendly_name.clone(),
        description: task.description.clone(),
        // As in the head of a step's log.
        author: "Coffer (built in)".into(),
        definition_type: "task".into(),
        version: TaskVersion {
            major: task.version.major,
            minor: task.version.minor,
            patch: task.version.patch,
            is_test: false,
        },
        visibility: task.visibility.clone(),
        runs_on: vec![
            if task.runs_on_agent {
                "Agent"
            } else {
                "Server"
            }
            .into(),
        ],
        minimum_agent_version: task
            .minimum_agent_version
            .map(|v| v.to_string())
            .unwrap_or_default(),
        demands: task.demands.iter().map(ToString::to_string).collect(),
        instance_name_format: task.instance_name_format.clone(),
        inputs: inputs.collect(),
        output_variables: outputs.map(|name| TaskOutputVariable { name }).collect(),
        restrictions: Some(TaskRestrictions {
            commands: TaskCommandRestrictions { mode: mode.into() },
            settable_variables: settable.map(|allowed| TaskVariableRestrictions { allowed }),
        }),
        pre_job_execution: phase(Phase::Pre),
        execution: phase(Phase::Main),
        post_job_execution: phase(Phase::Post),
        contents_uploaded: false,
        server_owned: true,
    }
}
