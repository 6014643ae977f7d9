//! The decision: one pure function from what an act requires and what the facts are to yes or no.
//!
//! Deny by default. Whatever is not known here is a no. Loading facts is `store`'s business.

use crate::access::{Scope, officers};
use crate::act::{Demand, Requirement};
use crate::break_glass::{GlassFacts, State, Step};
use crate::caller::{Authentication, Caller};
use crate::scope::TokenScopes;
use crate::source::Permit;
use std::fmt;

/// How long a sign-in counts as fresh, seconds.
pub const FRESH_SECONDS: i64 = 15 * 60;

/// What was loaded about the caller and the target, at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// Whether the target exists, in the project that the act names.
    pub exists: bool,
    /// The caller's effective bits at the target ([`crate::access::effective`]).
    pub bits: i64,
    /// Whether the caller's identity may act at all: it exists and is not disabled.
    pub active: bool,
    /// Whether the caller's session signed in within [`FRESH_SECONDS`].
    pub fresh: bool,
    /// About the job, for tickets and content.
    pub job: Option<JobFacts>,
    /// About the file and the request, for breaking glass. None when either is not there.
    pub glass: Option<GlassFacts>,
}

/// What was loaded about a job and a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct JobFacts {
    /// The job is leased, its lease has not run out, and the run is not over.
    pub live: bool,
    /// The job is of the project that the act names.
    pub same_project: bool,
    /// The job's plan names the file.
    pub in_plan: bool,
    /// The run comes from text or a ref that may be given anything protected at all.
    pub trusted: bool,
    /// The file, its project or everything is frozen now.
    pub frozen: bool,
    /// What the file's pipeline permissions say of the run now.
    pub permit: Permit,
    /// A ticket with this digest was issued to this job for this file.
    pub ticket: bool,
}

/// Why not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denied {
    /// The target does not exist, or the caller may not know that it does. One answer for both.
    NotFound,
    /// The caller may see the target but lacks the right.
    Lacks {
        /// Where.
        scope: Scope,
        /// The bit that is missing.
        bit: i64,
    },
    /// Content is for jobs: no person gets it, whatever the role.
    NotForPeople,
    /// The job is over, or its agent's lease has run out.
    JobNotLive,
    /// The job's plan does not name the file.
    NotInPlan,
    /// The run comes from a fork, or from a ref of unknown origin.
    SourceNotTrusted,
    /// The file, its project or everything is frozen.
    Frozen,
    /// The pipeline is not permitted to use the file.
    PipelineNotPermitted,
    /// The pipeline is permitted to use the file, but not for the run's ref.
    RefNotAllowed,
    /// The ticket is not one of this job for this file.
    Ticket,
    /// The way the caller signed in is not good for this.
    WrongAuthentication,
    /// The caller's identity is disabled.
    Disabled,
    /// What was shown as a token is not one that is good now.
    TokenInvalid,
    /// Who signs in did not show who it is.
    SignInRefused,
    /// The token's scopes do not include this.
    ScopeMissing {
        /// What the token would have to be good for.
        needed: TokenScopes,
    },
    /// The session's sign-in is too long ago for this; or the call holds none.
    NotFresh,
    /// The configuration does not name the caller as a break-glass officer.
    OfficerNotNamed,
    /// Who administers the file or its project does not break glass for it.
    OfficerAdministers,
    /// Who asked does not agree with himself.
    SameOfficer,
    /// The request is for the two officers who made it.
    NotOfThisRequest,
    /// The request is not what the caller, or the other officer, saw.
    RequestChanged,
    /// The request is not, or no longer, in the state that this needs.
    RequestOver,
}

impl Denied {
    /// A stable code, for the audit log and for clients.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Lacks { .. } => "role_missing",
            Self::NotForPeople => "content_is_for_jobs",
            Self::JobNotLive => "job_not_live",
            Self::NotInPlan => "not_in_plan",
            Self::SourceNotTrusted => "source_not_trusted",
            Self::Frozen => "frozen",
            Self::PipelineNotPermitted => "pipeline_not_permitted",
            Self::RefNotAllowed => "ref_not_allowed",
            Self::Ticket => "ticket_invalid",
            Self::WrongAuthentication => "wrong_authentication",
            Self::Disabled => "identity_disabled",
            Self::TokenInvalid => "token_invalid",
            Self::SignInRefused => "sign_in_refused",
            Self::ScopeMissing { .. } => "scope_missing",
            Self::NotFresh => "sign_in_not_fresh",
            Self::OfficerNotNamed => "officer_not_named",
            Self::OfficerAdministers => "officer_administers",
            Self::SameOfficer => "same_officer",
            Self::NotOfThisRequest => "not_of_this_request",
            Self::RequestChanged => "request_changed",
            Self::RequestOver => "request_over",
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ScopeMissing { needed } => {
                return write!(
                    f,
                    "The scopes of this token do not include this. It takes a token with the scope {}.",
                    needed.words()
                );
            }
            Self::NotFound => "It does not exist, or you may not see it.",
            Self::Lacks { .. } => "Your roles do not include this. Ask an administrator of the project.",
            Self::NotForPeople => {
                "The content of a secure file is given to tasks of authorized pipeline jobs only, never to a person."
            }
            Self::JobNotLive => "The job has ended, or its agent lost the lease. Its tickets are worth nothing now.",
            Self::NotInPlan => "The plan of this job does not name this secure file.",
            Self::SourceNotTrusted => {
                "Runs of forks, and of refs whose origin is not known, are given no secure file, whatever the permissions."
            }
            Self::Frozen => {
                "The secure file is frozen: its content is given to nobody. Who froze it, or an administrator, can lift that."
            }
            Self::RefNotAllowed => {
                "The pipeline is permitted to use this secure file, but not for the ref of this run. Somebody with the \
                 User role on the file can permit it for more refs."
            }
            Self::PipelineNotPermitted => {
                "The pipeline is not permitted to use this secure file. Somebody with the User role on it can permit it."
            }
            Self::Ticket => "The download ticket is not valid for this secure file and this job.",
            Self::WrongAuthentication => "This call needs another kind of token.",
            Self::Disabled => "This identity is disabled.",
            Self::TokenInvalid => "The token is not valid: it is unknown, expired or revoked.",
            Self::SignInRefused => "Name, password or code is not right.",
            Self::NotFresh => "You signed in too long ago for this. Sign in again, then repeat it.",
            Self::OfficerNotNamed => {
                "The server's configuration does not name you as a break-glass officer (break_glass.officers)."
            }
            Self::OfficerAdministers => {
                "You administer this secure file or its project. Break-glass officers do not: two others must do it."
            }
            Self::SameOfficer => "You asked for this yourself. Another officer must agree with it.",
            Self::NotOfThisRequest => "Only the officer who asked, and the one who agreed, can have the content.",
            Self::RequestChanged => {
                "The request is not the one that was agreed to. Look at it anew; if nobody can say why it differs, the \
                 database was tampered with."
            }
            Self::RequestOver => {
                "The request is not in the state that this needs: it was not approved yet, or it was exported, withdrawn, or its \
                 time is over. A new one can be made."
            }
        })
    }
}

/// Whether `caller` may do what demands `demand`, given the facts.
///
/// Scope and freshness are asked last: who may not even see the thing hears only that.
pub fn decide(caller: &Caller, demand: &Demand, facts: &Facts) -> Result<(), Denied> {
    if !facts.active
        && !matches!(
            caller.authentication,
            Authentication::System { .. } | Authentication::Anonymous
        )
    {
        return Err(Denied::Disabled);
    }
    required(caller, &demand.requirement, facts)?;
    in_scope(caller, demand.scopes)?;
    match &caller.authentication {
        Authentication::Session { .. } if demand.fresh && !facts.fresh => Err(Denied::NotFresh),
        Authentication::Token { .. } if demand.shown => Err(Denied::NotFresh),
        // What asks for a fresh sign-in is a person's decision. What a pipeline runs makes none, whatever rights
        // somebody gave the build service: its author would weaken what protects the resource.
        Authentication::Job { .. } if demand.fresh => Err(Denied::WrongAuthentication),
        _ => Ok(()),
    }
}

/// Whether what the caller showed is good for this at all. Only personal access tokens are narrowed. Asked by itself where
/// a list is filtered and no act is decided on.
pub fn in_scope(caller: &Caller, needed: TokenScopes) -> Result<(), Denied> {
    match &caller.authentication {
        Authentication::Token { scopes, .. } | Authentication::Shown { scopes, .. }
            if !scopes.cover(needed) =>
        {
            Err(Denied::ScopeMissing { needed })
        }
        _ => Ok(()),
    }
}

fn required(caller: &Caller, requirement: &Requirement, facts: &Facts) -> Result<(), Denied> {
    let is = |good: bool| {
        if good {
            Ok(())
        } else {
            Err(Denied::WrongAuthentication)
        }
    };
    match requirement {
        Requirement::Right { scope, bit, view } => right(caller, *scope, *bit, *view, facts),
        Requirement::Ticket { job, .. } => {
            is(match caller.authentication {
                Authentication::Agent { .. } => true,
                Authentication::Job { job: own, .. } => own == *job,
                _ => false,
            })?;
            let job = facts.job.ok_or(Denied::NotFound)?;
            live(facts, job)
        }
        Requirement::Content { .. } => content(caller, facts),
        Requirement::Officer {
            organization,
            listed,
            step,
            ..
        } => officer(caller, Scope::Officers(*organization), *listed, step, facts),
        Requirement::Person => is(matches!(
            caller.authentication,
            Authentication::Token { .. } | Authentication::Session { .. }
        )),
        Requirement::Oneself { identity } => {
            is(matches!(
                caller.authentication,
                Authentication::Token { .. } | Authentication::Session { .. }
            ))?;
            if caller.identity == *identity {
                Ok(())
            } else {
                Err(Denied::NotFound)
            }
        }
        Requirement::OwnSession { identity } => {
            is(matches!(
                caller.authentication,
                Authentication::Session { .. }
            ))?;
            if caller.identity == *identity {
                Ok(())
            } else {
                Err(Denied::NotFound)
            }
        }
        Requirement::SignIn { identity } => match caller.authentication {
            Authentication::SignIn { .. } if caller.identity == *identity => Ok(()),
            _ => Err(Denied::SignInRefused),
        },
        Requirement::AgentRegistration => is(matches!(
            caller.authentication,
            Authentication::AgentRegistration { .. }
        )),
        Requirement::Duty => is(matches!(
            caller.authentication,
            Authentication::System { .. }
        )),
        Requirement::Token => Err(Denied::TokenInvalid),
        Requirement::SignInShown => Err(Denied::SignInRefused),
    }
}

fn right(caller: &Caller, scope: Scope, bit: i64, view: i64, facts: &Facts) -> Result<(), Denied> {
    if !caller.authentication.has_rights() {
        return Err(Denied::WrongAuthentication);
    }
    if !facts.exists || facts.bits & view != view {
        return Err(Denied::NotFound);
    }
    if facts.bits & bit == bit {
        Ok(())
    } else {
        Err(Denied::Lacks { scope, bit })
    }
}

/// Who is no officer hears nothing of files and requests. `facts.bits` are those at the place of officers.
fn officer(
    caller: &Caller,
    scope: Scope,
    listed: bool,
    step: &Step,
    facts: &Facts,
) -> Result<(), Denied> {
    if matches!(caller.authentication, Authentication::Job { .. }) {
        return Err(Denied::WrongAuthentication);
    }
    right(caller, scope, officers::BREAK_GLASS, officers::LOOK, facts)?;
    if !listed {
        return Err(Denied::OfficerNotNamed);
    }
    let glass = facts.glass.ok_or(Denied::NotFound)?;
    if glass.administers {
        return Err(Denied::OfficerAdministers);
    }
    let must = |holds: bool, otherwise: Denied| if holds { Ok(()) } else { Err(otherwise) };
    match step {
        Step::Request => must(!glass.frozen, Denied::Frozen),
        Step::Approve { digest, .. } => {
            must(glass.state == State::Requested, Denied::RequestOver)?;
            must(glass.by != caller.identity, Denied::SameOfficer)?;
            must(glass.digest == *digest, Denied::RequestChanged)
        }
        Step::Export { digest, .. } => {
            must(glass.state == State::Approved, Denied::RequestOver)?;
            let two = [Some(glass.by), glass.approved_by];
            must(
                two.contains(&Some(caller.identity)),
                Denied::NotOfThisRequest,
            )?;
            must(two[1].is_some() && two[0] != two[1], Denied::SameOfficer)?;
            let agreed = glass.digest == *digest && glass.approved == Some(*digest);
            must(agreed, Denied::RequestChanged)?;
            must(!glass.frozen, Denied::Frozen)
        }
        Step::Withdraw { .. } => {
            let open = matches!(glass.state, State::Requested | State::Approved);
            must(open, Denied::RequestOver)
        }
    }
}

fn content(caller: &Caller, facts: &Facts) -> Result<(), Denied> {
    let Authentication::Job { .. } = caller.authentication else {
        // A person who may not see the file learns nothing; one who may is told why this will never work.
        let visible = facts.exists && facts.bits & crate::access::library::VIEW != 0;
        return Err(if visible {
            Denied::NotForPeople
        } else {
            Denied::NotFound
        });
    };
    let job = facts.job.ok_or(Denied::JobNotLive)?;
    if !job.ticket {
        return Err(Denied::Ticket);
    }
    live(facts, job)
}

fn live(facts: &Facts, job: JobFacts) -> Result<(), Denied> {
    if !job.same_project || !facts.exists {
        return Err(Denied::NotFound);
    }
    if !job.live {
        return Err(Denied::JobNotLive);
    }
    if !job.in_plan {
        return Err(Denied::NotInPlan);
    }
    if !job.trusted {
        return Err(Denied::SourceNotTrusted);
    }
    if job.frozen {
        return Err(Denied::Frozen);
    }
    match job.permit {
        Permit::Given => Ok(()),
        Permit::None => Err(Denied::PipelineNotPermitted),
        Permit::OtherRef => Err(Denied::RefNotAllowed),
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
