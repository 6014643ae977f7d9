//! Acts on people, their groups and tokens, and on projects. It must not know how facts are loaded.

use super::{Requirement, Subject, about, acts, right};
use crate::access::{Scope, agent_pools, collection, project};
use crate::scope::TokenScopes;
use crate::{IdentityId, OrganizationId, ProjectId};

acts! {
    PEOPLE_ACTS;

    /// See the people and projects of the organization.
    ViewOrganization { /// Organization.
        organization: OrganizationId } "Organization.Viewed" scope GRAPH
        needs |a| right(Scope::Organization(a.organization), collection::READ, collection::READ),
        about |a| about(None, "organization", a.organization);

    /// Add a person.
    AddPerson { /// Organization.
        organization: OrganizationId, /// The new person.
        person: IdentityId } "Identity.Added" scope GRAPH_MANAGE + fresh
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "identity", a.person);

    /// Change the name that people see of a person.
    ChangePerson { /// Organization.
        organization: OrganizationId, /// The person.
        person: IdentityId } "Identity.Changed" scope GRAPH_MANAGE
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "identity", a.person);

    /// Shut a person out: tokens and sessions end at once. Asks no fresh sign-in, because it must be quick.
    DisablePerson { /// Organization.
        organization: OrganizationId, /// The person.
        person: IdentityId } "Identity.Disabled" scope GRAPH_MANAGE
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "identity", a.person);

    /// Let a person in again.
    EnablePerson { /// Organization.
        organization: OrganizationId, /// The person.
        person: IdentityId } "Identity.Enabled" scope GRAPH_MANAGE + fresh
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "identity", a.person);

    /// Change a switch of the organization.
    ChangeOrganizationSettings { /// Organization.
        organization: OrganizationId } "Pipelines.OrganizationSettings" scope SECURITY_MANAGE + fresh
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "organization", a.organization);

    /// Create a project.
    CreateProject { /// Organization.
        organization: OrganizationId, /// The new project.
        project: ProjectId } "Project.CreateCompleted" scope PROJECT_MANAGE
        needs |a| right(Scope::Organization(a.organization), collection::CREATE_PROJECTS, collection::READ),
        about |a| about(Some(a.project), "project", a.project);

    /// Rename a project.
    RenameProject { /// The project.
        project: ProjectId } "Project.RenameCompleted" scope PROJECT_MANAGE
        needs |a| right(Scope::Project(a.project), project::RENAME, project::READ),
        about |a| about(Some(a.project), "project", a.project);

    /// Describe a project.
    DescribeProject { /// The project.
        project: ProjectId } "Project.Changed" scope PROJECT_MANAGE
        needs |a| right(Scope::Project(a.project), project::WRITE, project::READ),
        about |a| about(Some(a.project), "project", a.project);

    /// Make a token for oneself.
    CreateOwnToken { /// Whose.
        identity: IdentityId } "Token.PatCreated" scope TOKENS + fresh
        needs |a| Requirement::Oneself { identity: a.identity },
        about |a| about(None, "identity", a.identity);

    /// Make a token for somebody else.
    CreateTokenFor { /// Organization.
        organization: OrganizationId, /// Whose.
        identity: IdentityId } "Token.PatCreatedForOther" scope TOKENS + fresh
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "identity", a.identity);

    /// Make a token that registers agents.
    CreateAgentToken { /// Organization.
        organization: OrganizationId } "Token.AgentTokenCreated" scope AGENT_POOLS_MANAGE + fresh
        needs |a| right(Scope::AgentPools(a.organization), agent_pools::MANAGE, 0),
        about |a| about(None, "organization", a.organization);

    /// See one's own tokens, without their values.
    ViewOwnTokens { /// Whose.
        identity: IdentityId } "Token.OwnPatsViewed" scope TOKENS
        needs |a| Requirement::Oneself { identity: a.identity },
        about |a| about(None, "identity", a.identity);

    /// Revoke one of one's own tokens.
    RevokeOwnToken { /// Whose.
        identity: IdentityId, /// The token's id as text.
        token: String } "Token.PatRevoked" scope TOKENS
        needs |a| Requirement::Oneself { identity: a.identity },
        about |a| about(None, "token", &a.token);

    /// Revoke somebody else's token.
    RevokeTokenOf { /// Organization.
        organization: OrganizationId, /// The token's id as text.
        token: String } "Token.PatRevokedForOther" scope TOKENS
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "token", &a.token);

    /// Show a token that is unknown, expired or revoked, or whose job is over.
    ShowToken { /// Its kind.
        kind: &'static str } "Token.Refused" scope NONE
        needs |_a| Requirement::Token,
        about |a| about(None, "token", a.kind);
}
