//! Acts: what a caller can ask to do. Each names its audit action, what it is done to, and what it requires.
//!
//! An act carries the ids it is about, so that a permission to do it cannot be used on anything else.

mod access;
mod audit;
mod break_glass;
mod duties;
mod freezes;
mod groups;
mod keys;
mod library;
mod people;
mod pipelines;
mod provider;
#[cfg(test)]
pub(crate) mod sample;
mod sign_in;
mod streams;

pub use access::*;
pub use audit::*;
pub use break_glass::*;
pub use duties::*;
pub use freezes::*;
pub use groups::*;
pub use keys::*;
pub use library::*;
pub use people::*;
pub use pipelines::*;
pub use provider::*;
pub use sign_in::*;
pub use streams::*;

use crate::access::Scope;
use crate::break_glass::Step;
use crate::scope::TokenScopes;
use crate::{FileId, IdentityId, JobId, OrganizationId, ProjectId, RunId};

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
    /// A step of breaking glass: for officers whom the configuration names too, and who administer nothing of the file.
    Officer {
        /// Organization.
        organization: OrganizationId,
        /// The file's project.
        project: ProjectId,
        /// The file.
        file: FileId,
        /// Whether the configuration names the caller.
        listed: bool,
        /// Which step.
        step: Step,
    },
    /// Any person who signed in.
    Person,
    /// The person of this identity, signed in, and nobody else.
    Oneself {
        /// Who.
        identity: IdentityId,
    },
    /// The person of this identity in a browser session, and nobody else.
    OwnSession {
        /// Who.
        identity: IdentityId,
    },
    /// The person of this identity, who showed it just now, to sign in.
    SignIn {
        /// Who.
        identity: IdentityId,
    },
    /// To have shown who one is. Asked only when it failed: the answer is always no, and on record.
    SignInShown,
    /// A token for registering agents.
    AgentRegistration,
    /// A duty of the product itself.
    Duty,
    /// A token that is good now. Asked only where there is none: the answer is always no, and on record.
    Token,
}

/// Everything that [`crate::policy::decide`] wants to know of an act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Demand {
    /// What it requires of the caller and the facts.
    pub requirement: Requirement,
    /// What a personal access token must be good for.
    pub scopes: TokenScopes,
    /// Whether a session must have signed in a short while ago.
    pub fresh: bool,
    /// Whether who calls with a token must show in the call itself who it is.
    pub shown: bool,
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

    /// What a personal access token must be good for to do it.
    const SCOPES: TokenScopes;

    /// Whether a browser session must have signed in a short while ago. Tokens have no sign-in that could be fresh;
    /// for them the scope says it.
    const FRESH: bool;

    /// Whether that is asked of tokens as well: who calls with one shows in the call itself who it is.
    const SHOWN: bool;

    /// What it requires.
    fn requirement(&self) -> Requirement;

    /// All that is decided on.
    fn demand(&self) -> Demand {
        Demand {
            requirement: self.requirement(),
            scopes: Self::SCOPES,
            fresh: Self::FRESH,
            shown: Self::SHOWN,
        }
    }

    /// What it is done to.
    fn subject(&self) -> Subject;
}

/// Declares acts: name, fields, action id, `scope` a personal access token needs, `+ fresh` where a session must have
/// signed in a short while ago, `+ shown` where a token must be shown with a sign-in too, what it needs, what it is about.
macro_rules! acts {
    ($all:ident; $(
        $(#[doc = $doc:literal])*
        $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty),* $(,)? } $action:literal
        scope $scope:ident $(+ $fresh:ident)?
        needs |$r:ident| $requirement:expr, about |$s:ident| $subject:expr;
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct $name { $($(#[$fdoc])* pub $field: $type),* }

        impl super::Act for $name {
            const ACTION: &'static str = $action;
            const SCOPES: TokenScopes = TokenScopes::$scope;
            const FRESH: bool = acts!(@fresh $($fresh)?);
            const SHOWN: bool = acts!(@shown $($fresh)?);

            fn requirement(&self) -> Requirement { let $r = self; $requirement }

            fn subject(&self) -> Subject { let $s = self; $subject }
        }
    )*

        /// The action ids of this module's acts.
        pub(super) const $all: &[&str] = &[$($action),*];

        /// One of each of this module's acts.
        #[cfg(test)]
        pub(super) fn samples() -> Vec<super::sample::Sampled> {
            use super::sample::{Sample as _, sampled};
            vec![$(sampled(stringify!($name), concat!($($doc),*), &$name { $($field: <$type>::sample()),* })),*]
        }
    };
    (@fresh) => { false };
    (@fresh $word:ident) => { true };
    (@shown shown) => { true };
    (@shown $($word:ident)?) => { false };
}
use acts;

/// Every act's action id.
pub fn actions() -> impl Iterator<Item = &'static str> {
    [
        LIBRARY_ACTS,
        FREEZES_ACTS,
        PIPELINES_ACTS,
        PEOPLE_ACTS,
        AUDIT_ACTS,
        ACCESS_ACTS,
        STREAMS_ACTS,
        DUTIES_ACTS,
        SIGN_IN_ACTS,
        PROVIDER_ACTS,
        GROUPS_ACTS,
        KEYS_ACTS,
        BREAK_GLASS_ACTS,
    ]
    .into_iter()
    .flatten()
    .copied()
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

#[cfg(test)]
mod tests {
    use super::actions;
    use std::collections::BTreeSet;

    #[test]
    fn every_act_has_an_action_id_of_its_own() {
        let unique: BTreeSet<_> = actions().collect();
        assert_eq!(unique.len(), actions().count());
        assert!(actions().all(|action| action.split('.').count() == 2));
    }
}
