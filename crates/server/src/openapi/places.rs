//! Places in paths: what goes there, and what is answered when nothing has that id.

use super::examples::{
    AGENT, ANN, ANN_SUBJECT, FILE, GROUP_SUBJECT, JOB, LIBRARY, PROCESS, PROJECT, REQUEST, STREAM,
    TASK, TIMELINE, TOKEN,
};
use serde_json::{Value, json};

/// A place.
pub(super) struct Place {
    /// Its name in `components/parameters`.
    pub(super) component: &'static str,
    means: &'static str,
    schema: Value,
    example: Value,
    /// The code when nothing is there.
    pub(super) code: Option<&'static str>,
}

impl Place {
    /// What goes into this place of a template. None for what nobody has described.
    pub(super) fn of(template: &str, name: &str) -> Option<Self> {
        let text = json!({ "type": "string", "minLength": 1 });
        let guid = json!({ "type": "string", "format": "uuid" });
        let number = json!({ "type": "integer", "format": "int64" });
        let roles = template.contains("/securityroles/");
        let place = |component, means, schema, example: &str, code| {
            let example = match example.parse::<i64>() {
                Ok(number) => json!(number),
                Err(_) => json!(example),
            };
            Some(Self {
                component,
                means,
                schema,
                example,
                code,
            })
        };
        match name {
            "project" => place(
                "project",
                "The project: its name, or its id.",
                text,
                "Pay Desk",
                Some("project.not_found"),
            ),
            "projectId" => place(
                "projectId",
                "The project: its name, or its id.",
                text,
                PROJECT,
                Some("project.not_found"),
            ),
            "requestId" => place(
                "requestId",
                "The request to break glass.",
                guid,
                REQUEST,
                Some("break_glass.not_found"),
            ),
            "rotationNumber" => place(
                "rotationNumber",
                "The rotation.",
                number,
                "3",
                Some("keys.not_found"),
            ),
            "secureFileId" => place(
                "secureFileId",
                "The secure file.",
                guid,
                FILE,
                Some("secure_file.not_found"),
            ),
            "resourceType" => place(
                "resourceType",
                "What kind of resource it is; `securefile` in any case.",
                text,
                "securefile",
                None,
            ),
            "resourceId" if roles => place(
                "roleResourceId",
                "`{projectId}$0` is a library, `{projectId}${secureFileId}` a file of it.",
                text,
                &format!("{PROJECT}${FILE}"),
                None,
            ),
            "resourceId" => place(
                "resourceId",
                "The resource: of a secure file, its id.",
                text,
                FILE,
                Some("secure_file.not_found"),
            ),
            "scopeId" => place(
                "scopeId",
                "`distributedtask.library` or `distributedtask.securefile`, in any case.",
                text,
                "distributedtask.securefile",
                Some("role.scope_unknown"),
            ),
            "identityId" => place(
                "identityId",
                "The person, group or service.",
                guid,
                ANN,
                Some("identity.not_found"),
            ),
            "securityNamespaceId" => place(
                "securityNamespaceId",
                "The security namespace.",
                guid,
                LIBRARY,
                Some("access.namespace_unknown"),
            ),
            "permissions" => place(
                "permissions",
                "The sum of the rights' bits.",
                json!({ "type": "integer", "format": "int64", "minimum": 1 }),
                "16",
                None,
            ),
            "pipelineId" => place(
                "pipelineId",
                "The pipeline.",
                number,
                "12",
                Some("pipeline.not_found"),
            ),
            "definitionId" => place(
                "definitionId",
                "The pipeline.",
                number,
                "12",
                Some("pipeline.not_found"),
            ),
            "runId" => place("runId", "The run.", number, "41", Some("run.not_found")),
            "buildId" => place(
                "buildId",
                "The build: the run's id.",
                number,
                "41",
                Some("run.not_found"),
            ),
            "taskId" => place("taskId", "The task.", guid, TASK, Some("task.not_found")),
            "versionString" => place(
                "versionString",
                "The version: `1.2.3`, or `1` for the newest that begins so.",
                text,
                "1.0.0",
                Some("task.not_found"),
            ),
            "timelineId" => place("timelineId", "The timeline.", guid, TIMELINE, None),
            "logId" => place("logId", "The log.", number, "1", None),
            "operationId" => place("operationId", "The operation.", guid, PROJECT, None),
            "processId" => place(
                "processId",
                "The process.",
                guid,
                PROCESS,
                Some("process.not_found"),
            ),
            "storageKey" => place(
                "storageKey",
                "The id of a person, group, service or project.",
                guid,
                ANN,
                Some("identity.not_found"),
            ),
            "subjectDescriptor" => place(
                "subjectDescriptor",
                "A subject descriptor.",
                text,
                ANN_SUBJECT,
                Some("identity.not_found"),
            ),
            "containerDescriptor" => place(
                "containerDescriptor",
                "The group's subject descriptor.",
                text,
                GROUP_SUBJECT,
                Some("identity.not_found"),
            ),
            "groupDescriptor" => place(
                "groupDescriptor",
                "The group's subject descriptor.",
                text,
                GROUP_SUBJECT,
                Some("identity.not_found"),
            ),
            "userDescriptor" => place(
                "userDescriptor",
                "The subject descriptor of a person or service.",
                text,
                ANN_SUBJECT,
                Some("identity.not_found"),
            ),
            "area" => place(
                "area",
                "The area, in any case.",
                text,
                "distributedtask",
                None,
            ),
            "areaId" => place("areaId", "A resource area.", guid, LIBRARY, None),
            "userId" => place(
                "userId",
                "The person.",
                guid,
                ANN,
                Some("identity.not_found"),
            ),
            "tokenId" => place(
                "tokenId",
                "The token.",
                guid,
                TOKEN,
                Some("token.not_found"),
            ),
            "streamId" => place(
                "streamId",
                "The audit stream.",
                guid,
                STREAM,
                Some("audit_stream.not_found"),
            ),
            "poolAgentId" => place(
                "poolAgentId",
                "The agent.",
                guid,
                AGENT,
                Some("agent.not_found"),
            ),
            "agentId" => place(
                "agentId",
                "The agent that calls.",
                guid,
                AGENT,
                Some("agent.unknown"),
            ),
            "jobId" => place("jobId", "The job.", guid, JOB, Some("job.not_found")),
            _ => None,
        }
    }

    /// The parameter.
    pub(super) fn parameter(&self, name: &str) -> Value {
        json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": self.means,
            "schema": self.schema,
            "example": self.example,
        })
    }
}

/// The names in braces of a template, in order.
pub(super) fn names(template: &str) -> impl Iterator<Item = &str> {
    template
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}
