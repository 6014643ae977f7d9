//! Acts on groups and on who is in them. It must not know how facts are loaded.
//!
//! A group belongs to a project or to the organization, and whoever administers that administers the group. The bits
//! of seeing and administering are the same in both namespaces.

use super::{Requirement, Subject, about, acts, right};
use crate::access::{Scope, collection, project};
use crate::scope::TokenScopes;
use crate::{IdentityId, OrganizationId, ProjectId};

fn administer(organization: OrganizationId, home: Option<ProjectId>) -> Requirement {
    match home {
        Some(home) => right(Scope::Project(home), project::WRITE, project::READ),
        None => right(
            Scope::Organization(organization),
            collection::WRITE,
            collection::READ,
        ),
    }
}

acts! {
    GROUPS_ACTS;

    /// Create a group.
    CreateGroup { /// Organization.
        organization: OrganizationId, /// Its project; none for a group of the organization.
        project: Option<ProjectId>, /// The new group.
        group: IdentityId } "Group.CreateGroups" scope GRAPH_MANAGE + fresh
        needs |a| administer(a.organization, a.project),
        about |a| about(None, "group", a.group);

    /// Rename a group, or change its description.
    ChangeGroup { /// Organization.
        organization: OrganizationId, /// Its project; none for a group of the organization.
        project: Option<ProjectId>, /// The group.
        group: IdentityId } "Group.UpdateGroups" scope GRAPH_MANAGE
        needs |a| administer(a.organization, a.project),
        about |a| about(None, "group", a.group);

    /// Delete a group. Its memberships and rights go with it.
    DeleteGroup { /// Organization.
        organization: OrganizationId, /// Its project; none for a group of the organization.
        project: Option<ProjectId>, /// The group.
        group: IdentityId } "Group.DeleteGroups" scope GRAPH_MANAGE + fresh
        needs |a| administer(a.organization, a.project),
        about |a| about(None, "group", a.group);

    /// Put somebody into a group, or take somebody out.
    ChangeMembership { /// Organization.
        organization: OrganizationId, /// The group's project; none for a group of the organization.
        project: Option<ProjectId>, /// The group.
        group: IdentityId, /// A person, a group or a service.
        member: IdentityId, /// Whether in, or out.
        joins: bool } "Group.UpdateGroupMembership" scope GRAPH_MANAGE + fresh
        needs |a| administer(a.organization, a.project),
        about |a| about(None, "group", a.group);
}

impl ChangeMembership {
    /// What the record says, so that the change can be made again from it.
    pub fn details(&self) -> Vec<(&'static str, String)> {
        vec![
            ("group", self.group.to_string()),
            ("member", self.member.to_string()),
            (
                "change",
                if self.joins { "added" } else { "removed" }.to_owned(),
            ),
        ]
    }
}
