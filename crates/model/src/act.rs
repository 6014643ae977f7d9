//! Acts: what a caller can ask to do. Each names its audit action, what it is done to, and what it requires.
//!
//! An act carries the ids it is about, so that a permission to do it cannot be used on anything else.

use crate::access::{Scope, agent_pools, audit_log, build, collection, library};
use crate::{AgentId, FileId, IdentityId, JobId, OrganizationId, PipelineId, ProjectId, RunId};

/// What an act requires; [`crate::policy::decide`] compares it with the facts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Requirement {
    /// A right at a scope.
    Right {
        /// Where.
        scope: Scope,
        /// Which bit.
        bit: i64,
        /// The bit without which the caller may not even know that the thing exists; 0 if everybody may.
        view: i64,
    },
    /// A ticket for a file: while a job is handed to its agent, or asked for by the live job itself.
    Ticket {
        /// The job.
        job: JobId,
        /// The file.
        file: FileId,
    },
    /// The content of a file: for a live job with its ticket, and for nobody else.
    Content {
        /// The file's project.
        project: ProjectId,
        /// The file.
        file: FileId,
        /// SHA-256 of the ticket.
        ticket: [u8; 32],
    },
    /// Any person who signed in.
    Person,
    /// A token for registering agents.
    AgentRegistration,
    /// A duty of the product itself.
    Duty,
    /// A token that is good now. Asked only where there is none: the answer is always no, and on record.
    Token,
}

/// The resource an audit event names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Subject {
    /// Its project.
    pub project: Option<ProjectId>,
    /// Its type, such as `securefile`.
    pub kind: &'static str,
    /// Its id as text.
    pub id: String,
    /// The run it is about.
    pub run: Option<RunId>,
    /// The job it is about.
    pub job: Option<JobId>,
}

/// Something that needs permission.
pub trait Act: Clone + Send + Sync + 'static {
    /// The action id in the audit log; follows the original's naming where it has one.
    const ACTION: &'static str;

    /// What it requires.
    fn requirement(&self) -> Requirement;

    /// What it is done to.
    fn subject(&self) -> Subject;
}

macro_rules! acts {
    ($(
        $(#[$doc:meta])*
        $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty),* $(,)? } $action:literal
        needs |$r:ident| $requirement:expr, about |$s:ident| $subject:expr;
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct $name { $($(#[$fdoc])* pub $field: $type),* }

        impl Act for $name {
            const ACTION: &'static str = $action;

            fn requirement(&self) -> Requirement { let $r = self; $requirement }

            fn subject(&self) -> Subject { let $s = self; $subject }
        }
    )*

        /// Every act's action id.
        pub const ACTIONS: &[&str] = &[$($action),*];
    };
}

fn right(scope: Scope, bit: i64, view: i64) -> Requirement {
    Requirement::Right { scope, bit, view }
}

fn about(project: Option<ProjectId>, kind: &'static str, id: impl ToString) -> Subject {
    Subject {
        project,
        kind,
        id: id.to_string(),
        ..Subject::default()
    }
}

acts! {
    /// See a secure file's metadata.
    ViewFile { /// Project.
        project: ProjectId, /// File.
        file: FileId } "SecureFile.Viewed"
        needs |a| right(Scope::File(a.project, a.file), library::VIEW, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Use a secure file as a person: see its digest, name it in a pipeline.
    UseFile { /// Project.
        project: ProjectId, /// File.
        file: FileId } "SecureFile.Used"
        needs |a| right(Scope::File(a.project, a.file), library::USE, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Upload a secure file.
    CreateFile { /// Project.
        project: ProjectId, /// The new file.
        file: FileId } "SecureFile.Created"
        needs |a| right(Scope::Library(a.project), library::CREATE, 0),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Change a secure file's name or properties. Never its content.
    ChangeFile { /// Project.
        project: ProjectId, /// File.
        file: FileId } "SecureFile.PropertiesChanged"
        needs |a| right(Scope::File(a.project, a.file), library::ADMINISTER, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Delete a secure file.
    DeleteFile { /// Project.
        project: ProjectId, /// File.
        file: FileId } "SecureFile.Deleted"
        needs |a| right(Scope::File(a.project, a.file), library::ADMINISTER, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Hand a ticket for a file to a live job.
    IssueTicket { /// Project.
        project: ProjectId, /// File.
        file: FileId, /// Run.
        run: RunId, /// Job.
        job: JobId } "SecureFile.TicketIssued"
        needs |a| Requirement::Ticket { job: a.job, file: a.file },
        about |a| Subject { run: Some(a.run), job: Some(a.job), ..about(Some(a.project), "securefile", a.file) };

    /// Read a secure file's content.
    ReadContents { /// Project.
        project: ProjectId, /// File.
        file: FileId, /// SHA-256 of the ticket.
        ticket: [u8; 32] } "SecureFile.Downloaded"
        needs |a| Requirement::Content { project: a.project, file: a.file, ticket: a.ticket },
        about |a| about(Some(a.project), "securefile", a.file);

    /// Permit one pipeline to use a secure file.
    PermitPipeline { /// Project.
        project: ProjectId, /// File.
        file: FileId, /// Pipeline.
        pipeline: PipelineId } "Pipelines.ResourceAuthorizedForPipeline"
        needs |a| right(Scope::File(a.project, a.file), library::USE, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Take a pipeline's permission away.
    RevokePipeline { /// Project.
        project: ProjectId, /// File.
        file: FileId, /// Pipeline.
        pipeline: PipelineId } "Pipelines.ResourceUnauthorizedForPipeline"
        needs |a| right(Scope::File(a.project, a.file), library::USE, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Open a secure file to every pipeline of its project.
    OpenAccess { /// Project.
        project: ProjectId, /// File.
        file: FileId } "Pipelines.ResourceAuthorizedForProject"
        needs |a| right(Scope::File(a.project, a.file), library::ADMINISTER, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Restrict a secure file to the pipelines permitted one by one.
    RestrictAccess { /// Project.
        project: ProjectId, /// File.
        file: FileId } "Pipelines.ResourceUnauthorizedForProject"
        needs |a| right(Scope::File(a.project, a.file), library::ADMINISTER, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// See the pipelines of a project.
    ViewPipelines { /// Project.
        project: ProjectId } "Pipelines.PipelinesViewed"
        needs |a| right(Scope::Pipelines(a.project), build::VIEW_DEFINITION, build::VIEW_DEFINITION),
        about |a| about(Some(a.project), "project", a.project);

    /// Create a pipeline.
    CreatePipeline { /// Project.
        project: ProjectId } "Pipelines.PipelineCreated"
        needs |a| right(Scope::Pipelines(a.project), build::CREATE_DEFINITION, build::VIEW_DEFINITION),
        about |a| about(Some(a.project), "project", a.project);

    /// Store a new revision of a pipeline's YAML.
    EditPipeline { /// Project.
        project: ProjectId, /// Pipeline.
        pipeline: PipelineId } "Pipelines.PipelineModified"
        needs |a| right(Scope::Pipeline(a.project, a.pipeline), build::EDIT_DEFINITION, build::VIEW_DEFINITION),
        about |a| about(Some(a.project), "pipeline", a.pipeline);

    /// Queue a run.
    QueueRun { /// Project.
        project: ProjectId, /// Pipeline.
        pipeline: PipelineId } "Pipelines.RunQueued"
        needs |a| right(Scope::Pipeline(a.project, a.pipeline), build::QUEUE_BUILDS, build::VIEW_DEFINITION),
        about |a| about(Some(a.project), "pipeline", a.pipeline);

    /// See runs, their timelines and logs.
    ViewRuns { /// Project.
        project: ProjectId } "Pipelines.RunsViewed"
        needs |a| right(Scope::Pipelines(a.project), build::VIEW_BUILDS, build::VIEW_BUILDS),
        about |a| about(Some(a.project), "project", a.project);

    /// Cancel a run.
    CancelRun { /// Project.
        project: ProjectId, /// Pipeline.
        pipeline: PipelineId, /// Run.
        run: RunId } "Pipelines.RunCanceled"
        needs |a| right(Scope::Pipeline(a.project, a.pipeline), build::STOP_BUILDS, build::VIEW_BUILDS),
        about |a| Subject { run: Some(a.run), ..about(Some(a.project), "run", a.run) };

    /// See the people and projects of the organization.
    ViewOrganization { /// Organization.
        organization: OrganizationId } "Organization.Viewed"
        needs |a| right(Scope::Organization(a.organization), collection::READ, collection::READ),
        about |a| about(None, "organization", a.organization);

    /// Add a person, or change which groups a person is in.
    ManagePeople { /// Organization.
        organization: OrganizationId, /// The person.
        person: IdentityId } "Group.UpdateGroupMembership"
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "identity", a.person);

    /// Create a project.
    CreateProject { /// Organization.
        organization: OrganizationId, /// The new project.
        project: ProjectId } "Project.CreateCompleted"
        needs |a| right(Scope::Organization(a.organization), collection::CREATE_PROJECTS, collection::READ),
        about |a| about(Some(a.project), "project", a.project);

    /// Make a token for oneself.
    CreateOwnToken { /// Whose.
        identity: IdentityId } "Token.PatCreated"
        needs |_a| Requirement::Person,
        about |a| about(None, "identity", a.identity);

    /// Make a token for somebody else.
    CreateTokenFor { /// Organization.
        organization: OrganizationId, /// Whose.
        identity: IdentityId } "Token.PatCreatedForOther"
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "identity", a.identity);

    /// Make a token that registers agents.
    CreateAgentToken { /// Organization.
        organization: OrganizationId } "Token.AgentTokenCreated"
        needs |a| right(Scope::AgentPools(a.organization), agent_pools::MANAGE, 0),
        about |a| about(None, "organization", a.organization);

    /// Revoke one of one's own tokens.
    RevokeOwnToken { /// Whose.
        identity: IdentityId, /// The token's id as text.
        token: String } "Token.PatRevoked"
        needs |_a| Requirement::Person,
        about |a| about(None, "token", &a.token);

    /// Revoke somebody else's token.
    RevokeTokenOf { /// Organization.
        organization: OrganizationId, /// The token's id as text.
        token: String } "Token.PatRevokedForOther"
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "token", &a.token);

    /// Show a token that is unknown, expired or revoked, or whose job is over.
    ShowToken { /// Its kind.
        kind: &'static str } "Token.Refused"
        needs |_a| Requirement::Token,
        about |a| about(None, "token", a.kind);

    /// Register an agent, or give a known one a new key.
    RegisterAgent { /// The agent.
        agent: AgentId } "Library.AgentAdded"
        needs |_a| Requirement::AgentRegistration,
        about |a| about(None, "agent", a.agent);

    /// Read and verify the audit log.
    ReadAudit { /// Organization.
        organization: OrganizationId } "AuditLog.AccessLog"
        needs |a| right(Scope::AuditLog(a.organization), audit_log::READ, 0),
        about |a| about(None, "organization", a.organization);

    /// End a job whose agent stopped renewing its lease.
    AbandonJob { /// Run.
        run: RunId, /// Job.
        job: JobId } "Pipelines.JobAbandoned"
        needs |_a| Requirement::Duty,
        about |a| Subject { run: Some(a.run), job: Some(a.job), ..about(None, "job", a.job) };

    /// Create the organization, its first project and its first administrator.
    CreateOrganization { /// Organization.
        organization: OrganizationId } "Organization.Created"
        needs |_a| Requirement::Duty,
        about |a| about(None, "organization", a.organization);

    /// Make the first administrator, with the one-time code of the first start.
    CreateFirstAdministrator { /// Who.
        identity: IdentityId } "Organization.FirstAdministratorCreated"
        needs |_a| Requirement::Duty,
        about |a| about(None, "identity", a.identity);

    /// Create a root generation or a project key.
    CreateKey { /// Project; none for a root generation.
        project: Option<ProjectId>, /// Its version or generation as text.
        version: String } "Key.Created"
        needs |_a| Requirement::Duty,
        about |a| about(a.project, "key", &a.version);
}

#[cfg(test)]
mod tests {
    use super::ACTIONS;
    use std::collections::BTreeSet;

    #[test]
    fn every_act_has_an_action_id_of_its_own() {
        let unique: BTreeSet<_> = ACTIONS.iter().collect();
        assert_eq!(unique.len(), ACTIONS.len());
        assert!(ACTIONS.iter().all(|action| action.split('.').count() == 2));
    }
}
