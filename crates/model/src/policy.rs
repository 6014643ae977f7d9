//! The decision: one pure function from what an act requires and what the facts are to yes or no.
//!
//! Deny by default. Whatever is not known here is a no. Loading facts is `store`'s business.

use crate::act::{Demand, Requirement};
use crate::caller::{Authentication, Caller};
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
    ScopeMissing,
    /// The session's sign-in is too long ago for this.
    NotFresh,
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
            Self::ScopeMissing => "scope_missing",
            Self::NotFresh => "sign_in_not_fresh",
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
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
            Self::ScopeMissing => "The scopes of this token do not include this. Make a token with the scope that it needs.",
            Self::NotFresh => "You signed in too long ago for this. Sign in again, then repeat it.",
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
    match &caller.authentication {
        Authentication::Token { scopes, .. } if !scopes.cover(demand.scopes) => {
            Err(Denied::ScopeMissing)
        }
        Authentication::Session { .. } if demand.fresh && !facts.fresh => Err(Denied::NotFresh),
        // What asks for a fresh sign-in is a person's decision. What a pipeline runs makes none, whatever rights
        // somebody gave the build service: its author would weaken what protects the resource.
        Authentication::Job { .. } if demand.fresh => Err(Denied::WrongAuthentication),
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
        Requirement::Right { bit, view, .. } => right(caller, *bit, *view, facts),
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

fn right(caller: &Caller, bit: i64, view: i64, facts: &Facts) -> Result<(), Denied> {
    if !caller.authentication.has_rights() {
        return Err(Denied::WrongAuthentication);
    }
    if !facts.exists || facts.bits & view != view {
        return Err(Denied::NotFound);
    }
    if facts.bits & bit == bit {
        Ok(())
    } else {
        Err(Denied::Lacks { bit })
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
mod tests {
    use super::*;
    use crate::access::{Scope, library};
    use crate::{
        AgentId, CredentialId, FileId, IdentityId, JobId, OrganizationId, PipelineId, ProjectId,
        RunId, Timestamp, TokenScopes,
    };
    use uuid::Uuid;

    fn caller(authentication: Authentication) -> Caller {
        Caller {
            organization: OrganizationId(Uuid::nil()),
            identity: IdentityId(Uuid::nil()),
            name: "somebody".into(),
            authentication,
            address: None,
        }
    }

    fn person() -> Caller {
        caller(Authentication::Token {
            credential: CredentialId(Uuid::nil()),
            scopes: TokenScopes::FULL,
        })
    }

    fn session() -> Caller {
        caller(Authentication::Session {
            session: CredentialId(Uuid::nil()),
            signed_in: Timestamp(0),
        })
    }

    fn decide(caller: &Caller, requirement: &Requirement, facts: &Facts) -> Result<(), Denied> {
        let demand = Demand {
            requirement: requirement.clone(),
            scopes: TokenScopes::NONE,
            fresh: false,
        };
        super::decide(caller, &demand, facts)
    }

    fn job() -> Caller {
        caller(Authentication::Job {
            credential: CredentialId(Uuid::nil()),
            job: JobId(Uuid::nil()),
            run: RunId(1),
            pipeline: PipelineId(1),
            project: ProjectId(Uuid::nil()),
        })
    }

    fn read() -> Requirement {
        Requirement::Content {
            project: ProjectId(Uuid::nil()),
            file: FileId(Uuid::nil()),
            ticket: [0; 32],
        }
    }

    fn good() -> Facts {
        let job = JobFacts {
            live: true,
            same_project: true,
            in_plan: true,
            trusted: true,
            frozen: false,
            permit: Permit::Given,
            ticket: true,
        };
        Facts {
            exists: true,
            bits: 0,
            active: true,
            fresh: false,
            job: Some(job),
        }
    }

    #[test]
    fn a_job_with_everything_reads_and_each_missing_fact_refuses() {
        assert_eq!(decide(&job(), &read(), &good()), Ok(()));
        let without = |change: fn(&mut Facts)| {
            let mut facts = good();
            change(&mut facts);
            decide(&job(), &read(), &facts)
        };
        assert_eq!(without(|f| f.exists = false), Err(Denied::NotFound));
        assert_eq!(without(|f| f.active = false), Err(Denied::Disabled));
        assert_eq!(without(|f| f.job = None), Err(Denied::JobNotLive));
        assert_eq!(
            without(|f| {
                f.job.as_mut().unwrap().live = false;
            }),
            Err(Denied::JobNotLive)
        );
        assert_eq!(
            without(|f| {
                f.job.as_mut().unwrap().same_project = false;
            }),
            Err(Denied::NotFound)
        );
        assert_eq!(
            without(|f| {
                f.job.as_mut().unwrap().in_plan = false;
            }),
            Err(Denied::NotInPlan)
        );
        assert_eq!(
            without(|f| {
                f.job.as_mut().unwrap().permit = Permit::None;
            }),
            Err(Denied::PipelineNotPermitted)
        );
        assert_eq!(
            without(|f| {
                f.job.as_mut().unwrap().permit = Permit::OtherRef;
            }),
            Err(Denied::RefNotAllowed)
        );
        assert_eq!(
            without(|f| {
                f.job.as_mut().unwrap().trusted = false;
            }),
            Err(Denied::SourceNotTrusted)
        );
        assert_eq!(
            without(|f| {
                f.job.as_mut().unwrap().frozen = true;
            }),
            Err(Denied::Frozen)
        );
        assert_eq!(
            without(|f| {
                f.job.as_mut().unwrap().ticket = false;
            }),
            Err(Denied::Ticket)
        );
    }

    #[test]
    fn a_job_asks_for_its_own_tickets_only_and_nobody_else_asks() {
        let ticket_of = |job| Requirement::Ticket {
            job,
            file: FileId(Uuid::nil()),
        };
        let own = ticket_of(JobId(Uuid::nil()));
        assert_eq!(decide(&job(), &own, &good()), Ok(()));
        let other = ticket_of(JobId(Uuid::from_u128(7)));
        let refused = Err(Denied::WrongAuthentication);
        assert_eq!(decide(&job(), &other, &good()), refused);
        assert_eq!(decide(&person(), &own, &good()), refused);
        let mut over = good();
        over.job.as_mut().unwrap().live = false;
        assert_eq!(decide(&job(), &own, &over), Err(Denied::JobNotLive));
    }

    #[test]
    fn no_person_reads_whatever_the_bits() {
        let mut facts = good();
        facts.bits = i64::MAX;
        assert_eq!(
            decide(&person(), &read(), &facts),
            Err(Denied::NotForPeople)
        );
        facts.bits = 0;
        assert_eq!(decide(&person(), &read(), &facts), Err(Denied::NotFound));
        let agent = caller(Authentication::Agent {
            agent: AgentId(Uuid::nil()),
        });
        assert_eq!(decide(&agent, &read(), &facts), Err(Denied::NotFound));
    }

    #[test]
    fn what_cannot_be_seen_and_what_is_not_there_get_one_answer() {
        let manage = Requirement::Right {
            scope: Scope::Library(ProjectId(Uuid::nil())),
            bit: library::ADMINISTER,
            view: library::VIEW,
        };
        let facts = |exists, bits| Facts {
            exists,
            bits,
            active: true,
            fresh: false,
            job: None,
        };
        assert_eq!(
            decide(&person(), &manage, &facts(false, 19)),
            Err(Denied::NotFound)
        );
        assert_eq!(
            decide(&person(), &manage, &facts(true, 0)),
            Err(Denied::NotFound)
        );
        assert_eq!(
            decide(&person(), &manage, &facts(true, library::ADMINISTER)),
            Err(Denied::NotFound)
        );
        assert_eq!(
            decide(&person(), &manage, &facts(true, library::VIEW)),
            Err(Denied::Lacks {
                bit: library::ADMINISTER
            })
        );
        assert_eq!(decide(&person(), &manage, &facts(true, 3)), Ok(()));
    }

    #[test]
    fn what_is_ones_own_is_nobody_elses() {
        let of = |identity| Requirement::Oneself {
            identity: IdentityId(Uuid::from_u128(identity)),
        };
        assert_eq!(decide(&person(), &of(0), &good()), Ok(()));
        assert_eq!(decide(&session(), &of(0), &good()), Ok(()));
        assert_eq!(decide(&person(), &of(1), &good()), Err(Denied::NotFound));
        assert_eq!(
            decide(&job(), &of(0), &good()),
            Err(Denied::WrongAuthentication)
        );
    }

    #[test]
    fn duties_are_the_products_own() {
        assert_eq!(
            decide(&person(), &Requirement::Duty, &good()),
            Err(Denied::WrongAuthentication)
        );
        let system = caller(Authentication::System { duty: "test" });
        assert_eq!(
            decide(&system, &Requirement::Duty, &Facts::default()),
            Ok(())
        );
        assert_eq!(decide(&system, &read(), &good()), Err(Denied::NotFound));
    }

    #[test]
    fn a_token_needs_the_scope_and_the_owner_the_right() {
        let view = Demand {
            requirement: Requirement::Right {
                scope: Scope::Library(ProjectId(Uuid::nil())),
                bit: library::VIEW,
                view: library::VIEW,
            },
            scopes: TokenScopes::SECURE_FILES_READ,
            fresh: false,
        };
        let token = |scopes| {
            caller(Authentication::Token {
                credential: CredentialId(Uuid::nil()),
                scopes,
            })
        };
        let facts = |bits| Facts { bits, ..good() };
        let asked = |scopes, bits| super::decide(&token(scopes), &view, &facts(bits));
        assert_eq!(asked(TokenScopes::SECURE_FILES_MANAGE, 1), Ok(()));
        assert_eq!(asked(TokenScopes::BUILD, 1), Err(Denied::ScopeMissing));
        assert_eq!(asked(TokenScopes::FULL, 0), Err(Denied::NotFound));
        assert_eq!(asked(TokenScopes::BUILD, 0), Err(Denied::NotFound));
    }

    fn own_session(identity: u128) -> Requirement {
        Requirement::OwnSession {
            identity: IdentityId(Uuid::from_u128(identity)),
        }
    }

    #[test]
    fn only_who_showed_just_now_who_it_is_signs_in_and_does_nothing_else() {
        let shown = caller(Authentication::SignIn { method: "password" });
        let sign_in = Requirement::SignIn {
            identity: IdentityId(Uuid::nil()),
        };
        let other = Requirement::SignIn {
            identity: IdentityId(Uuid::from_u128(7)),
        };
        assert_eq!(decide(&shown, &other, &good()), Err(Denied::SignInRefused));
        assert_eq!(decide(&shown, &sign_in, &good()), Ok(()));
        let disabled = Facts {
            active: false,
            ..good()
        };
        assert_eq!(decide(&shown, &sign_in, &disabled), Err(Denied::Disabled));
        for other in [
            person(),
            session(),
            job(),
            caller(Authentication::Anonymous),
        ] {
            let refused = Err(Denied::SignInRefused);
            assert_eq!(decide(&other, &sign_in, &good()), refused);
        }
        let everything = Facts {
            bits: i64::MAX,
            ..good()
        };
        for requirement in [Requirement::Person, own_session(0), Requirement::Duty] {
            assert!(decide(&shown, &requirement, &everything).is_err());
        }
        let right = Requirement::Right {
            scope: Scope::Library(ProjectId(Uuid::nil())),
            bit: library::VIEW,
            view: library::VIEW,
        };
        assert!(decide(&shown, &right, &everything).is_err());
        assert!(decide(&shown, &read(), &everything).is_err());
    }

    #[test]
    fn what_only_a_browser_does_no_token_does() {
        assert_eq!(decide(&session(), &own_session(0), &good()), Ok(()));
        assert_eq!(
            decide(&person(), &own_session(0), &good()),
            Err(Denied::WrongAuthentication)
        );
        assert_eq!(
            decide(&session(), &own_session(7), &good()),
            Err(Denied::NotFound)
        );
    }

    #[test]
    fn a_job_decides_nothing_that_asks_for_a_fresh_sign_in() {
        let change = |fresh| Demand {
            requirement: Requirement::Right {
                scope: Scope::Library(ProjectId(Uuid::nil())),
                bit: library::ADMINISTER,
                view: library::VIEW,
            },
            scopes: TokenScopes::FULL,
            fresh,
        };
        let facts = |bits| Facts { bits, ..good() };
        let asked = |fresh, bits| super::decide(&job(), &change(fresh), &facts(bits));
        assert_eq!(asked(false, 3), Ok(()));
        assert_eq!(asked(true, 3), Err(Denied::WrongAuthentication));
        assert_eq!(asked(true, 0), Err(Denied::NotFound));
    }

    #[test]
    fn a_session_must_be_fresh_where_the_act_says_so() {
        let permit = |fresh| Demand {
            requirement: Requirement::Person,
            scopes: TokenScopes::FULL,
            fresh,
        };
        let facts = |fresh| Facts { fresh, ..good() };
        let asked = |act, now| super::decide(&session(), &permit(act), &facts(now));
        assert_eq!(asked(true, false), Err(Denied::NotFresh));
        assert_eq!(asked(true, true), Ok(()));
        assert_eq!(asked(false, false), Ok(()));
        assert_eq!(
            super::decide(&person(), &permit(true), &facts(false)),
            Ok(())
        );
    }
}
