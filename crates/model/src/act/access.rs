//! Acts on access control: roles, entries, inheritance, and the looks that go with them. It must not know how facts
//! are loaded.
//!
//! Who may read a list and who may change it follows from the namespace: its read bit and its write bit at the token.

use super::{Requirement, Subject, acts, right};
use crate::access::{Scope, officers};
use crate::scope::TokenScopes;
use crate::{IdentityId, OrganizationId};

fn reads(scope: &Scope) -> Requirement {
    let description = scope.description();
    right(*scope, description.read, description.read)
}

fn writes(scope: &Scope) -> Requirement {
    let description = scope.description();
    right(*scope, description.write, description.read)
}

fn on(scope: &Scope) -> Subject {
    let (kind, id) = scope.named();
    super::about(scope.project(), kind, id)
}

acts! {
    ACCESS_ACTS;

    /// See who has which role or right at a place.
    ViewAccess { /// The place.
        scope: Scope } "Security.AccessViewed" scope SECURITY_MANAGE
        needs |a| reads(&a.scope),
        about |a| on(&a.scope);

    /// Ask whether one has rights at a place oneself.
    CheckAccess { /// The place.
        scope: Scope, /// The rights.
        bits: i64 } "Security.AccessChecked" scope NONE
        needs |a| right(a.scope, a.bits, a.bits),
        about |a| on(&a.scope);

    /// Give an identity a role, or allow and deny rights bit by bit, instead of what it had at the place.
    ChangePermission { /// The place.
        scope: Scope, /// Whose.
        identity: IdentityId } "Security.ModifyPermission" scope SECURITY_MANAGE + fresh
        needs |a| writes(&a.scope),
        about |a| on(&a.scope);

    /// Take an identity's role or rights at a place away.
    RemovePermission { /// The place.
        scope: Scope, /// Whose.
        identity: IdentityId } "Security.RemovePermission" scope SECURITY_MANAGE + fresh
        needs |a| writes(&a.scope),
        about |a| on(&a.scope);

    /// Switch inheritance on or off at a place.
    ChangeInheritance { /// The place.
        scope: Scope } "Security.ModifyAccessControlLists" scope SECURITY_MANAGE + fresh
        needs |a| writes(&a.scope),
        about |a| on(&a.scope);

    /// Make a group or a right that an organization of an older version lacks.
    CompleteRights { /// Organization.
        organization: OrganizationId, /// Who gets it.
        identity: IdentityId } "Security.DefaultsCompleted" scope NONE
        needs |_a| Requirement::Duty,
        about |a| super::about(None, "identity", a.identity);

    /// See keys, rotations and break-glass requests.
    ViewKeys { /// Organization.
        organization: OrganizationId } "Key.Viewed" scope FULL
        needs |a| right(Scope::Officers(a.organization), officers::LOOK, officers::LOOK),
        about |a| on(&Scope::Officers(a.organization));

    /// Read the numbers by which keys and breaking glass are watched. They name nobody and no key.
    ReadMetrics { /// Organization.
        organization: OrganizationId } "Key.MetricsRead" scope METRICS
        needs |a| right(Scope::Officers(a.organization), officers::LOOK, officers::LOOK),
        about |a| on(&Scope::Officers(a.organization));
}
