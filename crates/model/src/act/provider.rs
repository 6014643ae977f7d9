//! What a sign-in at a provider of the organization brings with it. It must not know how a provider is asked.

use super::{Requirement, Subject, about, acts};
use crate::IdentityId;
use crate::scope::TokenScopes;

acts! {
    PROVIDER_ACTS;

    /// Bind a person to the subject that a provider knows the person by.
    BindToProvider { /// Who.
        identity: IdentityId } "Identity.BoundToProvider" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "identity", a.identity);

    /// Add a person for whom a provider vouches.
    AddPersonOfProvider { /// Who.
        identity: IdentityId } "Identity.AddedByProvider" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "identity", a.identity);

    /// Put a person into a group, because the provider names the group.
    JoinGroupByProvider { /// The group.
        group: IdentityId, /// Who.
        member: IdentityId } "Group.MemberAddedByProvider" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "group", a.group);

    /// Take a person out of a group, because the provider does not name it any more.
    LeaveGroupByProvider { /// The group.
        group: IdentityId, /// Who.
        member: IdentityId } "Group.MemberRemovedByProvider" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "group", a.group);
}
