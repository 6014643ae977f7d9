//! How each route is asked: its query and its body, with the places where an id goes. A route that is not here fails
//! the walk: whoever adds one says here how it is called, and reads in `docs/routes.md` who may.

/// One route, and how to ask it.
pub(crate) struct Probe {
    /// `METHOD template`, as in the table of routes.
    pub(crate) route: &'static str,
    /// The query, with its question mark.
    pub(crate) query: &'static str,
    /// The body; empty for none. Text in braces is filled in, like the path's.
    pub(crate) body: &'static str,
    /// What the body is.
    pub(crate) kind: &'static str,
}

impl Probe {
    pub(crate) fn method(&self) -> &'static str {
        self.route.split(' ').next().unwrap_or_default()
    }
}

const JSON: &str = "application/json";

const fn bare(route: &'static str) -> Probe {
    Probe {
        route,
        query: "",
        body: "",
        kind: JSON,
    }
}

const fn with(route: &'static str, body: &'static str) -> Probe {
    Probe {
        route,
        query: "",
        body,
        kind: JSON,
    }
}

const fn asked(route: &'static str, query: &'static str) -> Probe {
    Probe {
        route,
        query,
        body: "",
        kind: JSON,
    }
}

/// Every route.
pub(crate) const PROBES: &[Probe] = &[
    // What a client asks first.
    bare("OPTIONS _apis"),
    bare("OPTIONS _apis/{area}"),
    bare("GET _apis/ResourceAreas"),
    bare("GET _apis/ResourceAreas/{areaId}"),
    bare("GET _apis/connectionData"),
    // Secure files.
    bare("GET {project}/_apis/distributedtask/securefiles"),
    Probe {
        route: "POST {project}/_apis/distributedtask/securefiles",
        query: "?name={fresh}.pem",
        body: "content",
        kind: "application/octet-stream",
    },
    with(
        "PATCH {project}/_apis/distributedtask/securefiles",
        r#"[{"id":"{secureFileId}","name":"{fresh}"}]"#,
    ),
    bare("GET {project}/_apis/distributedtask/securefiles/{secureFileId}"),
    with(
        "PATCH {project}/_apis/distributedtask/securefiles/{secureFileId}",
        r#"{"name":"{fresh}"}"#,
    ),
    bare("DELETE {project}/_apis/distributedtask/securefiles/{secureFileId}"),
    // Tasks: nothing about them is anybody's.
    bare("GET _apis/distributedtask/tasks"),
    bare("GET _apis/distributedtask/tasks/{taskId}"),
    bare("GET _apis/distributedtask/tasks/{taskId}/{versionString}"),
    // Roles and access control lists.
    bare("GET _apis/securityroles/scopes/{scopeId}/roledefinitions"),
    bare("GET _apis/securityroles/scopes/{scopeId}/roleassignments/resources/{resourceId}"),
    with(
        "PUT _apis/securityroles/scopes/{scopeId}/roleassignments/resources/{resourceId}",
        r#"[{"userId":"{identityId}","roleName":"Reader"}]"#,
    ),
    asked(
        "PATCH _apis/securityroles/scopes/{scopeId}/roleassignments/resources/{resourceId}",
        "?inheritPermissions=true",
    ),
    with(
        "PUT _apis/securityroles/scopes/{scopeId}/roleassignments/resources/{resourceId}/{identityId}",
        r#"{"roleName":"Reader"}"#,
    ),
    bare(
        "DELETE _apis/securityroles/scopes/{scopeId}/roleassignments/resources/{resourceId}/{identityId}",
    ),
    bare("GET _apis/securitynamespaces"),
    bare("GET _apis/securitynamespaces/{securityNamespaceId}"),
    asked(
        "GET _apis/accesscontrollists/{securityNamespaceId}",
        "?token=Library/{projectId}/SecureFile/{secureFileId}",
    ),
    with(
        "POST _apis/accesscontrollists/{securityNamespaceId}",
        r#"{"value":[{"token":"Library/{projectId}/SecureFile/{secureFileId}","acesDictionary":{"x":{"descriptor":"Microsoft.IdentityModel.Claims.ClaimsIdentity;{keeperId}","allow":51}}}]}"#,
    ),
    asked(
        "DELETE _apis/accesscontrollists/{securityNamespaceId}",
        "?tokens=Library/{projectId}/SecureFile/{secureFileId}",
    ),
    with(
        "POST _apis/accesscontrolentries/{securityNamespaceId}",
        r#"{"token":"Library/{projectId}/SecureFile/{secureFileId}","merge":true,"accessControlEntries":[{"descriptor":"Microsoft.IdentityModel.Claims.ClaimsIdentity;{identityId}","allow":1}]}"#,
    ),
    asked(
        "DELETE _apis/accesscontrolentries/{securityNamespaceId}",
        "?token=Library/{projectId}/SecureFile/{secureFileId}&descriptors=Microsoft.IdentityModel.Claims.ClaimsIdentity;{identityId}",
    ),
    asked(
        "GET _apis/permissions/{securityNamespaceId}/{permissions}",
        "?tokens=Library/{projectId}/SecureFile/{secureFileId}",
    ),
    asked(
        "DELETE _apis/permissions/{securityNamespaceId}/{permissions}",
        "?token=Library/{projectId}/SecureFile/{secureFileId}&descriptor=Microsoft.IdentityModel.Claims.ClaimsIdentity;{identityId}",
    ),
    with(
        "POST _apis/security/permissionevaluationbatch",
        r#"{"evaluations":[{"securityNamespaceId":"{securityNamespaceId}","token":"Library/{projectId}","permissions":1}]}"#,
    ),
    // Pipeline permissions.
    with(
        "PATCH {project}/_apis/pipelines/pipelinepermissions",
        r#"[{"resource":{"type":"securefile","id":"{secureFileId}"},"pipelines":[{"id":{pipelineId},"authorized":true}]}]"#,
    ),
    bare("GET {project}/_apis/pipelines/pipelinepermissions/{resourceType}/{resourceId}"),
    with(
        "PATCH {project}/_apis/pipelines/pipelinepermissions/{resourceType}/{resourceId}",
        r#"{"pipelines":[{"id":{pipelineId},"authorized":true}]}"#,
    ),
    // The older way to permit.
    bare("GET {project}/_apis/build/authorizedresources"),
    with(
        "PATCH {project}/_apis/build/authorizedresources",
        r#"[{"type":"securefile","id":"{secureFileId}","authorized":true}]"#,
    ),
    bare("GET {project}/_apis/build/definitions/{definitionId}/resources"),
    with(
        "PATCH {project}/_apis/build/definitions/{definitionId}/resources",
        r#"[{"type":"securefile","id":"{secureFileId}","authorized":true}]"#,
    ),
    // Breaking glass: nobody among those who ask is an officer.
    bare("GET _apis/coffer/breakglass"),
    with(
        "POST _apis/coffer/breakglass",
        r#"{"project":"{project}","file":"{secureFileId}","reason":"walk","recipient":"{recipient}"}"#,
    ),
    bare("DELETE _apis/coffer/breakglass/{requestId}"),
    with(
        "POST _apis/coffer/breakglass/{requestId}/approve",
        r#"{"digest":"{digest}"}"#,
    ),
    with(
        "POST _apis/coffer/breakglass/{requestId}/export",
        r#"{"digest":"{digest}"}"#,
    ),
    // Keys. Who may rotate does; the others meet it under way or done, and notice nothing.
    bare("GET _apis/coffer/keys/generations"),
    bare("GET _apis/coffer/keys/rotations"),
    with("POST _apis/coffer/keys/rotations", r#"{"reason":"walk"}"#),
    bare("GET _apis/coffer/keys/rotations/{rotationNumber}"),
    with(
        "POST {project}/_apis/coffer/securefiles/{secureFileId}/reencrypt",
        r#"{"password":""}"#,
    ),
    bare("GET _apis/coffer/metrics"),
    // Who can use a file, and what is frozen. What one party freezes, the next finds frozen.
    bare("GET {project}/_apis/coffer/securefiles/{secureFileId}/access"),
    bare("GET {project}/_apis/coffer/securefiles/{secureFileId}/freeze"),
    with(
        "PUT {project}/_apis/coffer/securefiles/{secureFileId}/freeze",
        r#"{"reason":"walk"}"#,
    ),
    bare("DELETE {project}/_apis/coffer/securefiles/{secureFileId}/freeze"),
    bare("GET {project}/_apis/coffer/freeze"),
    with("PUT {project}/_apis/coffer/freeze", r#"{"reason":"walk"}"#),
    bare("DELETE {project}/_apis/coffer/freeze"),
    bare("GET _apis/coffer/freeze"),
    with("PUT _apis/coffer/freeze", r#"{"reason":"walk"}"#),
    bare("DELETE _apis/coffer/freeze"),
    // Pipelines and runs.
    bare("GET {project}/_apis/pipelines"),
    with(
        "POST {project}/_apis/pipelines",
        r#"{"name":"{fresh}","configuration":{"type":"yaml","path":"a.yml","yaml":"steps:\n- script: echo\n","files":[{"path":"t.yml","content":"steps: []"}]}}"#,
    ),
    bare("GET {project}/_apis/pipelines/{pipelineId}"),
    with(
        "PUT {project}/_apis/pipelines/{pipelineId}",
        r#"{"name":"{fresh}","configuration":{"type":"yaml","path":"a.yml","yaml":"steps:\n- script: echo\n","files":[{"path":"t.yml","content":"steps: []"}]}}"#,
    ),
    bare("GET {project}/_apis/pipelines/{pipelineId}/runs"),
    with("POST {project}/_apis/pipelines/{pipelineId}/runs", "{}"),
    bare("GET {project}/_apis/pipelines/{pipelineId}/runs/{runId}"),
    with("POST {project}/_apis/pipelines/{pipelineId}/preview", "{}"),
    bare("GET {project}/_apis/build/builds"),
    bare("GET {project}/_apis/build/builds/{buildId}"),
    with(
        "PATCH {project}/_apis/build/builds/{buildId}",
        r#"{"status":"cancelling"}"#,
    ),
    bare("GET {project}/_apis/build/builds/{buildId}/timeline"),
    bare("GET {project}/_apis/build/builds/{buildId}/timeline/{timelineId}"),
    bare("GET {project}/_apis/build/builds/{buildId}/logs"),
    bare("GET {project}/_apis/build/builds/{buildId}/logs/{logId}"),
    // Projects, people and groups as the original serves them.
    bare("GET _apis/projects"),
    with("POST _apis/projects", r#"{"name":"{fresh}"}"#),
    bare("GET _apis/projects/{projectId}"),
    with(
        "PATCH _apis/projects/{projectId}",
        r#"{"description":"{fresh}"}"#,
    ),
    bare("DELETE _apis/projects/{projectId}"),
    bare("GET _apis/operations/{operationId}"),
    bare("GET _apis/process/processes"),
    bare("GET _apis/process/processes/{processId}"),
    asked("GET _apis/identities", "?identityIds={identityId}"),
    bare("GET _apis/identities/{identityId}"),
    bare("GET _apis/graph/descriptors/{storageKey}"),
    bare("GET _apis/graph/storagekeys/{subjectDescriptor}"),
    bare("GET _apis/graph/groups"),
    with("POST _apis/graph/groups", r#"{"displayName":"{fresh}"}"#),
    bare("GET _apis/graph/groups/{groupDescriptor}"),
    with(
        "PATCH _apis/graph/groups/{groupDescriptor}",
        r#"[{"op":"replace","path":"/description","value":"{fresh}"}]"#,
    ),
    bare("DELETE _apis/graph/groups/{groupDescriptor}"),
    bare("GET _apis/graph/users"),
    with("POST _apis/graph/users", r#"{"principalName":"{fresh}"}"#),
    bare("GET _apis/graph/users/{userDescriptor}"),
    bare("DELETE _apis/graph/users/{userDescriptor}"),
    bare("GET _apis/graph/memberships/{subjectDescriptor}"),
    bare("GET _apis/graph/memberships/{subjectDescriptor}/{containerDescriptor}"),
    bare("PUT _apis/graph/memberships/{subjectDescriptor}/{containerDescriptor}"),
    bare("DELETE _apis/graph/memberships/{subjectDescriptor}/{containerDescriptor}"),
    bare("GET _apis/graph/membershipstates/{subjectDescriptor}"),
    with(
        "POST _apis/graph/subjectlookup",
        r#"{"lookupKeys":[{"descriptor":"{subjectDescriptor}"}]}"#,
    ),
    with(
        "POST _apis/graph/subjectquery",
        r#"{"query":"a","subjectKind":["User","Group"]}"#,
    ),
    // People and tokens.
    with(
        "POST _apis/coffer/signin",
        r#"{"code":"{unknown}","uniqueName":"{fresh}","label":"walk"}"#,
    ),
    bare("GET _apis/coffer/organization"),
    with("PATCH _apis/coffer/organization", r#"{"maxTokenDays":365}"#),
    with(
        "POST _apis/coffer/signin/password",
        r#"{"user":"{fresh}","password":"{unknown}","label":"walk"}"#,
    ),
    with(
        "POST _apis/coffer/signin/newpassword",
        r#"{"code":"{unknown}","password":"a long enough password"}"#,
    ),
    with("POST _apis/coffer/invitations", r#"{"user":"{fresh}"}"#),
    with("POST _apis/coffer/signouts", r#"{"user":"{fresh}"}"#),
    with(
        "POST _apis/coffer/secondfactorresets",
        r#"{"user":"{fresh}"}"#,
    ),
    bare("GET _apis/coffer/users"),
    with("POST _apis/coffer/users", r#"{"uniqueName":"{fresh}"}"#),
    with(
        "PATCH _apis/coffer/users/{userId}",
        r#"{"displayName":"{fresh}"}"#,
    ),
    bare("GET _apis/coffer/tokens"),
    with("POST _apis/coffer/tokens", r#"{"label":"walk","days":1}"#),
    bare("DELETE _apis/coffer/tokens/{tokenId}"),
    bare("GET _apis/coffer/projects"),
    with("POST _apis/coffer/projects", r#"{"name":"{fresh}"}"#),
    // The audit log.
    asked("GET _apis/coffer/audit", "?top=1"),
    bare("GET _apis/coffer/audit/verify"),
    asked(
        "GET _apis/coffer/audit/export",
        "?action=Project.CreateCompleted",
    ),
    bare("GET _apis/coffer/audit/key"),
    bare("POST _apis/coffer/audit/checkpoints"),
    bare("GET _apis/coffer/audit/reconcile"),
    with(
        "POST _apis/coffer/audit/retain",
        r#"{"before":"2001-01-01T00:00:00Z"}"#,
    ),
    bare("GET _apis/coffer/audit/streams"),
    with(
        "POST _apis/coffer/audit/streams",
        r#"{"name":"{fresh}","kind":"webhook","url":"https://streams.invalid/"}"#,
    ),
    bare("GET _apis/coffer/audit/streams/{streamId}"),
    with(
        "PATCH _apis/coffer/audit/streams/{streamId}",
        r#"{"enabled":false}"#,
    ),
    bare("DELETE _apis/coffer/audit/streams/{streamId}"),
    bare("POST _apis/coffer/audit/streams/{streamId}/test"),
    // Agents.
    bare("GET _apis/coffer/pools/agents"),
    bare("DELETE _apis/coffer/pools/agents/{poolAgentId}"),
    with(
        "POST _apis/coffer/agents",
        r#"{"name":"{fresh}","version":"4.260.0","publicKey":"{agentKey}"}"#,
    ),
    with(
        "POST _apis/coffer/agents/{agentId}/witness",
        r#"{"remembered":{"scaleUnit":"unit-a","text":"a1"}}"#,
    ),
    with(
        "POST _apis/coffer/agents/{agentId}/lease",
        r#"{"waitSeconds":0}"#,
    ),
    with(
        "POST _apis/coffer/agents/{agentId}/jobs/{jobId}/renew",
        r#"{"leaseToken":"{unknown}"}"#,
    ),
    with(
        "POST _apis/coffer/agents/{agentId}/jobs/{jobId}/feed",
        r#"{"leaseToken":"{unknown}","records":[],"lines":[]}"#,
    ),
    with(
        "POST _apis/coffer/agents/{agentId}/jobs/{jobId}/finish",
        r#"{"leaseToken":"{unknown}","result":"succeeded"}"#,
    ),
];
