//! Acts of signing in: sessions, passwords, the second factor. It must not know how secrets are compared.

use super::{Requirement, Subject, about, acts, right};
use crate::access::{Scope, collection};
use crate::scope::TokenScopes;
use crate::{CredentialId, IdentityId, OrganizationId};

acts! {
    SIGN_IN_ACTS;

    /// Begin a browser session: who it is was shown just now.
    StartSession { /// Who.
        identity: IdentityId, /// The session.
        session: CredentialId } "Session.Started" scope NONE
        needs |a| Requirement::SignIn { identity: a.identity },
        about |a| about(None, "identity", a.identity);

    /// Make a token for oneself by signing in: who it is was shown just now.
    CreateTokenAtSignIn { /// Who.
        identity: IdentityId } "Token.PatCreatedAtSignIn" scope NONE
        needs |a| Requirement::SignIn { identity: a.identity },
        about |a| about(None, "identity", a.identity);

    /// Fail to show who one is. The answer is always no, and on record.
    FailSignIn { /// Whose name was given; nil for a name that nobody has.
        identity: IdentityId } "Session.Refused" scope NONE
        needs |_a| Requirement::SignInShown,
        about |a| about(None, "identity", a.identity);

    /// End one of one's own browser sessions.
    EndOwnSession { /// Whose.
        identity: IdentityId, /// The session.
        session: CredentialId } "Session.Ended" scope NONE
        needs |a| Requirement::OwnSession { identity: a.identity },
        about |a| about(None, "session", a.session);

    /// End every browser session of somebody.
    EndSessionsOf { /// Organization.
        organization: OrganizationId, /// Whose.
        identity: IdentityId } "Session.EndedForOther" scope GRAPH_MANAGE
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "identity", a.identity);

    /// Make the one-time code by which somebody sets a password.
    InvitePerson { /// Organization.
        organization: OrganizationId, /// Who.
        identity: IdentityId } "Password.CodeCreated" scope GRAPH_MANAGE + fresh
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "identity", a.identity);

    /// Set one's password with a one-time code.
    SetPasswordByCode { /// Whose.
        identity: IdentityId } "Password.SetByCode" scope NONE
        needs |a| Requirement::SignIn { identity: a.identity },
        about |a| about(None, "identity", a.identity);

    /// Change one's password, knowing the one before.
    ChangeOwnPassword { /// Whose.
        identity: IdentityId } "Password.Changed" scope NONE
        needs |a| Requirement::OwnSession { identity: a.identity },
        about |a| about(None, "identity", a.identity);

    /// Begin to set up one's second factor, or confirm it with its first code.
    EnrolSecondFactor { /// Whose.
        identity: IdentityId } "SecondFactor.Enrolled" scope NONE + fresh
        needs |a| Requirement::OwnSession { identity: a.identity },
        about |a| about(None, "identity", a.identity);

    /// Remove one's second factor.
    RemoveOwnSecondFactor { /// Whose.
        identity: IdentityId } "SecondFactor.Removed" scope NONE + fresh
        needs |a| Requirement::OwnSession { identity: a.identity },
        about |a| about(None, "identity", a.identity);

    /// Remove somebody's second factor, whose device is lost.
    ResetSecondFactor { /// Organization.
        organization: OrganizationId, /// Whose.
        identity: IdentityId } "SecondFactor.Reset" scope GRAPH_MANAGE + fresh
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "identity", a.identity);

    /// See everybody's tokens, without their values.
    ViewTokens { /// Organization.
        organization: OrganizationId } "Token.Listed" scope TOKENS
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "organization", a.organization);

    /// Stop taking sign-ins for a while: too many failed.
    LockSignIn { /// Whose; nil for a name that nobody has.
        identity: IdentityId } "Session.LockedOut" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "identity", a.identity);

    /// Put on record how often somebody's tokens were used in a minute.
    CountTokenUses { /// Whose.
        identity: IdentityId } "Token.Used" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "identity", a.identity);

    /// Keep the same password under newer parameters.
    RehashPassword { /// Whose.
        identity: IdentityId } "Password.Rehashed" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "identity", a.identity);

    /// Forget tokens, sessions and codes that ended long ago.
    SweepEnded { /// Organization.
        organization: OrganizationId } "Token.EndedRemoved" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "organization", a.organization);
}
