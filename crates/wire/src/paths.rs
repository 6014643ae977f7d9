//! Paths of the routes, relative to the organization's URL. Written once, used by server, client and tests.
//!
//! Literal segments are given in the case the original's templates use; the server matches them in any case.

/// Secure files of a project.
pub mod secure_files {
    /// `{project}/_apis/distributedtask/securefiles`.
    pub const COLLECTION: &str = "{project}/_apis/distributedtask/securefiles";
    /// One of them.
    pub const ITEM: &str = "{project}/_apis/distributedtask/securefiles/{secureFileId}";
}

/// Pipeline permissions.
pub mod permissions {
    /// Batch.
    pub const COLLECTION: &str = "{project}/_apis/pipelines/pipelinepermissions";
    /// Of one resource.
    pub const ITEM: &str =
        "{project}/_apis/pipelines/pipelinepermissions/{resourceType}/{resourceId}";
}

/// The older way to permit.
pub mod authorized_resources {
    /// Open access.
    pub const OPEN: &str = "{project}/_apis/build/authorizedresources";
    /// The permits of one pipeline.
    pub const OF_DEFINITION: &str = "{project}/_apis/build/definitions/{definitionId}/resources";
}

/// Freezes, and who can use a file.
pub mod access {
    /// GET a list of [`crate::access::Freeze`], PUT [`crate::access::FreezeRequest`], DELETE: everything.
    pub const FREEZE: &str = "_apis/coffer/freeze";
    /// The same for a project; the list holds what the caller may see of its files.
    pub const PROJECT_FREEZE: &str = "{project}/_apis/coffer/freeze";
    /// The same for a file.
    pub const FILE_FREEZE: &str = "{project}/_apis/coffer/securefiles/{secureFileId}/freeze";
    /// GET [`crate::access::FileAccess`].
    pub const FILE_ACCESS: &str = "{project}/_apis/coffer/securefiles/{secureFileId}/access";
}

/// Breaking glass.
pub mod break_glass {
    /// GET a list of [`crate::break_glass::BreakGlassRequest`], POST [`crate::break_glass::BreakGlassWish`].
    pub const COLLECTION: &str = "_apis/coffer/breakglass";
    /// DELETE takes it back.
    pub const ITEM: &str = "_apis/coffer/breakglass/{requestId}";
    /// POST [`crate::break_glass::BreakGlassStep`].
    pub const APPROVE: &str = "_apis/coffer/breakglass/{requestId}/approve";
    /// POST [`crate::break_glass::BreakGlassStep`], answers [`crate::break_glass::BreakGlassExport`].
    pub const EXPORT: &str = "_apis/coffer/breakglass/{requestId}/export";
}

/// Keys.
pub mod keys {
    /// GET a list of [`crate::keys::KeyGeneration`].
    pub const GENERATIONS: &str = "_apis/coffer/keys/generations";
    /// GET a list of [`crate::keys::KeyRotation`], POST [`crate::keys::RotateKeys`].
    pub const ROTATIONS: &str = "_apis/coffer/keys/rotations";
    /// GET [`crate::keys::KeyRotation`].
    pub const ROTATION: &str = "_apis/coffer/keys/rotations/{rotationNumber}";
    /// POST [`crate::keys::SignInAgain`].
    pub const RE_ENCRYPT: &str = "{project}/_apis/coffer/securefiles/{secureFileId}/reencrypt";
    /// GET: text of Prometheus.
    pub const METRICS: &str = "_apis/coffer/metrics";
}

/// Roles of the Library.
pub mod roles {
    /// The roles of a scope.
    pub const DEFINITIONS: &str = "_apis/securityroles/scopes/{scopeId}/roledefinitions";
    /// Who has which role at a resource.
    pub const ASSIGNMENTS: &str =
        "_apis/securityroles/scopes/{scopeId}/roleassignments/resources/{resourceId}";
    /// The role of one identity.
    pub const ASSIGNMENT: &str =
        "_apis/securityroles/scopes/{scopeId}/roleassignments/resources/{resourceId}/{identityId}";
}

/// Access control lists.
pub mod security {
    /// All namespaces.
    pub const NAMESPACES: &str = "_apis/securitynamespaces";
    /// One of them.
    pub const NAMESPACE: &str = "_apis/securitynamespaces/{securityNamespaceId}";
    /// Lists of a namespace.
    pub const LISTS: &str = "_apis/accesscontrollists/{securityNamespaceId}";
    /// Entries of a list.
    pub const ENTRIES: &str = "_apis/accesscontrolentries/{securityNamespaceId}";
    /// The caller's own rights; DELETE takes rights of somebody away.
    pub const PERMISSIONS: &str = "_apis/permissions/{securityNamespaceId}/{permissions}";
    /// Several questions about the caller's own rights.
    pub const EVALUATE: &str = "_apis/security/permissionevaluationbatch";
}

/// Pipelines and runs.
pub mod pipelines {
    /// Pipelines of a project.
    pub const COLLECTION: &str = "{project}/_apis/pipelines";
    /// One pipeline.
    pub const ITEM: &str = "{project}/_apis/pipelines/{pipelineId}";
    /// Its runs.
    pub const RUNS: &str = "{project}/_apis/pipelines/{pipelineId}/runs";
    /// One run.
    pub const RUN: &str = "{project}/_apis/pipelines/{pipelineId}/runs/{runId}";
    /// POST [`crate::pipelines::RunRequest`], answers [`crate::pipelines::Preview`].
    pub const PREVIEW: &str = "{project}/_apis/pipelines/{pipelineId}/preview";
}

/// Builds, timelines, logs.
pub mod builds {
    /// Builds of a project.
    pub const COLLECTION: &str = "{project}/_apis/build/builds";
    /// One build. PATCH `{"status":"cancelling"}` cancels.
    pub const ITEM: &str = "{project}/_apis/build/builds/{buildId}";
    /// Its timeline.
    pub const TIMELINE: &str = "{project}/_apis/build/builds/{buildId}/timeline";
    /// The same timeline by its id.
    pub const TIMELINE_ITEM: &str = "{project}/_apis/build/builds/{buildId}/timeline/{timelineId}";
    /// Its logs.
    pub const LOGS: &str = "{project}/_apis/build/builds/{buildId}/logs";
    /// One log; `startLine` and `endLine` count from 1, inclusive.
    pub const LOG: &str = "{project}/_apis/build/builds/{buildId}/logs/{logId}";
}

/// People, groups and services.
pub mod graph {
    /// The descriptor behind an id.
    pub const DESCRIPTOR: &str = "_apis/graph/descriptors/{storageKey}";
    /// The id behind a descriptor.
    pub const STORAGE_KEY: &str = "_apis/graph/storagekeys/{subjectDescriptor}";
    /// Groups.
    pub const GROUPS: &str = "_apis/graph/groups";
    /// One group.
    pub const GROUP: &str = "_apis/graph/groups/{groupDescriptor}";
    /// People.
    pub const USERS: &str = "_apis/graph/users";
    /// One person or service.
    pub const USER: &str = "_apis/graph/users/{userDescriptor}";
    /// Who is in what, from one end.
    pub const MEMBERSHIPS: &str = "_apis/graph/memberships/{subjectDescriptor}";
    /// One membership.
    pub const MEMBERSHIP: &str =
        "_apis/graph/memberships/{subjectDescriptor}/{containerDescriptor}";
    /// Whether somebody can sign in.
    pub const MEMBERSHIP_STATE: &str = "_apis/graph/membershipstates/{subjectDescriptor}";
    /// POST: subjects by their descriptors.
    pub const LOOKUP: &str = "_apis/graph/subjectlookup";
    /// POST: subjects by part of a name.
    pub const QUERY: &str = "_apis/graph/subjectquery";
    /// Identities of the older service.
    pub const IDENTITIES: &str = "_apis/identities";
    /// One of them.
    pub const IDENTITY: &str = "_apis/identities/{identityId}";
}

/// Projects.
pub mod core {
    /// All of them.
    pub const PROJECTS: &str = "_apis/projects";
    /// One, by name or id.
    pub const PROJECT: &str = "_apis/projects/{projectId}";
    /// What became of a creation or change.
    pub const OPERATION: &str = "_apis/operations/{operationId}";
    /// The processes that projects have: here, one.
    pub const PROCESSES: &str = "_apis/process/processes";
    /// One, by id.
    pub const PROCESS: &str = "_apis/process/processes/{processId}";
}

/// What a client asks first.
pub mod location {
    /// OPTIONS: all resource locations.
    pub const ROOT: &str = "_apis";
    /// OPTIONS: the resource locations of one area.
    pub const AREA: &str = "_apis/{area}";
    /// One resource area.
    pub const RESOURCE_AREA: &str = "_apis/ResourceAreas/{areaId}";
    /// Resource areas.
    pub const RESOURCE_AREAS: &str = "_apis/ResourceAreas";
    /// Who am I, where am I.
    pub const CONNECTION_DATA: &str = "_apis/connectionData";
}

/// Tasks, at the organization's level.
pub mod tasks {
    /// All.
    pub const COLLECTION: &str = "_apis/distributedtask/tasks";
    /// The versions of one.
    pub const ITEM: &str = "_apis/distributedtask/tasks/{taskId}";
    /// One version of one.
    pub const VERSION: &str = "_apis/distributedtask/tasks/{taskId}/{versionString}";
}

/// Our own area.
pub mod coffer {
    /// POST [`crate::coffer::FirstSignIn`]. No token is needed.
    pub const SIGN_IN: &str = "_apis/coffer/signin";
    /// GET [`crate::coffer::Organization`], PATCH [`crate::coffer::OrganizationChange`].
    pub const ORGANIZATION: &str = "_apis/coffer/organization";
    /// POST [`crate::coffer::PasswordSignIn`], answers [`crate::coffer::CreatedToken`]. No token is needed.
    pub const SIGN_IN_PASSWORD: &str = "_apis/coffer/signin/password";
    /// POST [`crate::coffer::NewPassword`]. No token is needed.
    pub const NEW_PASSWORD: &str = "_apis/coffer/signin/newpassword";
    /// POST [`crate::coffer::Invitation`], answers [`crate::coffer::PasswordCode`].
    pub const INVITATIONS: &str = "_apis/coffer/invitations";
    /// POST [`crate::coffer::Invitation`]: ends every browser session of somebody.
    pub const SIGN_OUTS: &str = "_apis/coffer/signouts";
    /// POST [`crate::coffer::Invitation`]: removes somebody's second factor.
    pub const SECOND_FACTOR_RESETS: &str = "_apis/coffer/secondfactorresets";
    /// GET, POST [`crate::coffer::User`].
    pub const USERS: &str = "_apis/coffer/users";
    /// PATCH [`crate::coffer::UserChange`], answers [`crate::coffer::User`].
    pub const USER: &str = "_apis/coffer/users/{userId}";
    /// GET, POST [`crate::coffer::TokenRequest`]; `?all=true` lists everybody's.
    pub const TOKENS: &str = "_apis/coffer/tokens";
    /// DELETE.
    pub const TOKEN: &str = "_apis/coffer/tokens/{tokenId}";
    /// GET, POST [`crate::coffer::Project`].
    pub const PROJECTS: &str = "_apis/coffer/projects";
    /// GET: JSON Lines of [`crate::coffer::AuditEntry`]; `?after=SEQ&before=SEQ&top=N&order=oldest|newest` and a filter:
    /// `since=&until=&actor=&action=&outcome=&project=&resourceType=&resource=&run=`.
    pub const AUDIT: &str = "_apis/coffer/audit";
    /// GET [`crate::coffer::AuditVerification`].
    pub const AUDIT_VERIFY: &str = "_apis/coffer/audit/verify";
    /// GET: JSON Lines of rows and [`crate::audit::ExportLine`], or CSV; `?format=jsonl|csv&checkpoint=ROWS` and a filter.
    pub const AUDIT_EXPORT: &str = "_apis/coffer/audit/export";
    /// GET [`crate::audit::SigningKey`].
    pub const AUDIT_KEY: &str = "_apis/coffer/audit/key";
    /// POST: signs a checkpoint now; [`crate::audit::SignedRecord`].
    pub const AUDIT_CHECKPOINTS: &str = "_apis/coffer/audit/checkpoints";
    /// GET [`crate::audit::Reconciliation`].
    pub const AUDIT_RECONCILE: &str = "_apis/coffer/audit/reconcile";
    /// POST [`crate::audit::Retain`].
    pub const AUDIT_RETAIN: &str = "_apis/coffer/audit/retain";
    /// GET, POST [`crate::streams::NewAuditStream`].
    pub const AUDIT_STREAMS: &str = "_apis/coffer/audit/streams";
    /// GET, PATCH [`crate::streams::AuditStreamChange`], DELETE.
    pub const AUDIT_STREAM: &str = "_apis/coffer/audit/streams/{streamId}";
    /// POST: [`crate::streams::AuditStreamTrial`].
    pub const AUDIT_STREAM_TEST: &str = "_apis/coffer/audit/streams/{streamId}/test";
}

/// Pages for browsers. They stand beside the organization, relative to the server's URL.
pub mod pages {
    /// GET: the projects that one may see.
    pub const PROJECTS: &str = "/";
    /// GET: style sheet, scripts, icon.
    pub const ASSET: &str = "/assets/{file}";
    /// GET: on to the project's Library.
    pub const PROJECT: &str = "{project}";
    /// GET: the Library: `?itemType=SecureFiles` or `VariableGroups`, as the original's page has it.
    pub const LIBRARY: &str = "{project}/_library";
    /// GET: the dialog for new files.
    pub const LIBRARY_UPLOAD: &str = "{project}/_library/upload";
    /// GET: whether names for new files will do, as `?name=` says them.
    pub const LIBRARY_CHECK: &str = "{project}/_library/check";
    /// POST: a new file; the body is its content.
    pub const FILES: &str = "{project}/_library/files";
    /// GET, POST: the roles of the whole Library.
    pub const LIBRARY_SECURITY: &str = "{project}/_library/security";
    /// GET: a secure file; POST: its name and properties.
    pub const FILE: &str = "{project}/_library/files/{secureFileId}";
    /// GET: the dialog that deletes it; POST.
    pub const FILE_DELETE: &str = "{project}/_library/files/{secureFileId}/delete";
    /// GET, POST: which pipelines may use it.
    pub const FILE_PERMISSIONS: &str = "{project}/_library/files/{secureFileId}/permissions";
    /// GET: the pipelines that could be permitted.
    pub const FILE_PERMISSIONS_ADD: &str =
        "{project}/_library/files/{secureFileId}/permissions/add";
    /// GET: what opening it to every pipeline means.
    pub const FILE_PERMISSIONS_OPEN: &str =
        "{project}/_library/files/{secureFileId}/permissions/open";
    /// GET, POST: who has which role.
    pub const FILE_SECURITY: &str = "{project}/_library/files/{secureFileId}/security";
    /// GET: the pipelines of a project, and with `?definitionId=` the runs of one, as the original's page has it.
    pub const PIPELINES: &str = "{project}/_build";
    /// GET: a run, `?buildId=`, as the original's page has it.
    pub const RUN: &str = "{project}/_build/results";
    /// POST: starts a run.
    pub const RUN_START: &str = "{project}/_build/run";
    /// GET, `?buildId=&t=&from=`: lines of the log of a step, without a page around them.
    pub const RUN_LOG: &str = "{project}/_build/results/log";
    /// GET, POST: what a run waits for.
    pub const RUN_REVIEW: &str = "{project}/_build/results/review";
    /// GET, POST: cancels a run.
    pub const RUN_CANCEL: &str = "{project}/_build/results/cancel";
    /// GET, POST: sign in.
    pub const SIGN_IN: &str = "/signin";
    /// GET, POST: set a password with a one-time code.
    pub const PASSWORD: &str = "/signin/password";
    /// GET: sign in at the provider of the organization.
    pub const PROVIDER: &str = "/signin/oidc";
    /// GET: the way back from there.
    pub const PROVIDER_CALLBACK: &str = "/signin/oidc/callback";
    /// POST: end this session.
    pub const SIGN_OUT: &str = "/signout";
    /// GET: what is one's own.
    pub const ACCOUNT: &str = "/account";
    /// GET, POST: change the password.
    pub const ACCOUNT_PASSWORD: &str = "/account/password";
    /// GET, POST: make a token.
    pub const ACCOUNT_TOKENS: &str = "/account/tokens";
    /// GET with `?id=`, POST: revoke a token.
    pub const ACCOUNT_TOKENS_REVOKE: &str = "/account/tokens/revoke";
    /// POST: end a session.
    pub const ACCOUNT_SESSIONS: &str = "/account/sessions";
    /// GET, POST: begin, confirm or remove the second factor.
    pub const ACCOUNT_SECOND_FACTOR: &str = "/account/second-factor";
    /// GET: the reference of the API.
    pub const DOCS: &str = "/docs/api";
    /// GET: one group of its calls.
    pub const DOCS_GROUP: &str = "/docs/api/{group}";
    /// GET: the OpenAPI document.
    pub const DOCS_DOCUMENT: &str = "/docs/api/openapi.json";
    /// GET: the style sheet of the reference.
    pub const DOCS_STYLE: &str = "/docs/api/style.css";
}

/// The agent protocol.
pub mod agent {
    /// GET a list of [`crate::agent::RegisteredAgent`].
    pub const AGENTS: &str = "_apis/coffer/pools/agents";
    /// DELETE.
    pub const AGENT: &str = "_apis/coffer/pools/agents/{poolAgentId}";
    /// POST [`crate::agent::Register`].
    pub const REGISTER: &str = "_apis/coffer/agents";
    /// POST [`crate::agent::LeaseRequest`].
    pub const LEASE: &str = "_apis/coffer/agents/{agentId}/lease";
    /// POST [`crate::agent::Testimony`].
    pub const WITNESS: &str = "_apis/coffer/agents/{agentId}/witness";
    /// POST [`crate::agent::Renew`].
    pub const RENEW: &str = "_apis/coffer/agents/{agentId}/jobs/{jobId}/renew";
    /// POST [`crate::agent::Feed`].
    pub const FEED: &str = "_apis/coffer/agents/{agentId}/jobs/{jobId}/feed";
    /// POST [`crate::agent::Finish`].
    pub const FINISH: &str = "_apis/coffer/agents/{agentId}/jobs/{jobId}/finish";
}

/// Fills the placeholders of a template, in order, each percent-encoded as one segment.
///
/// Panics in debug builds when the number of values does not fit the template: that is a mistake in our code.
pub fn fill(template: &str, values: &[&str]) -> String {
    let mut out = String::with_capacity(template.len() + 64);
    let mut values = values.iter();
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        out.push_str(&rest[..start]);
        let end = rest[start..]
            .find('}')
            .map_or(rest.len(), |i| start + i + 1);
        debug_assert!(values.len() > 0, "too few values for {template}");
        for byte in values.next().copied().unwrap_or_default().bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'$') {
                out.push(byte as char);
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    debug_assert!(values.next().is_none(), "too many values for {template}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_single_segments() {
        assert_eq!(
            fill(secure_files::ITEM, &["My Project/ä", "x"]),
            "My%20Project%2F%C3%A4/_apis/distributedtask/securefiles/x"
        );
    }
}
