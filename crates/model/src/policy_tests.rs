//! The decision, case by case.

use super::*;
use crate::access::{Scope, library};
use crate::{
    AgentId, CredentialId, FileId, IdentityId, JobId, OrganizationId, PipelineId, ProjectId, RunId,
    Timestamp, TokenScopes,
};
use uuid::Uuid;

fn caller(authentication: Authentication) -> Caller {
    Caller {
        organization: OrganizationId(Uuid::nil()),
        identity: IdentityId(Uuid::nil()),
        name: "somebody".into(),
        authentication,
        address: None,
        request: crate::Request::default(),
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
        shown: false,
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
        glass: None,
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
        glass: None,
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
            scope: Scope::Library(ProjectId(Uuid::nil())),
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
        shown: false,
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
    let refused = Denied::ScopeMissing {
        needed: TokenScopes::SECURE_FILES_READ,
    };
    assert_eq!(asked(TokenScopes::BUILD, 1), Err(refused));
    assert!(refused.to_string().contains("vso.securefiles_read"));
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
        shown: false,
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
        shown: false,
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

mod glass {
    use super::*;
    use crate::access::officers;
    use crate::act::{
        Act as _, ApproveBreakGlass, ExportBreakGlass, RequestBreakGlass, WithdrawBreakGlass,
    };
    use crate::break_glass::{GlassFacts, State};

    const DIGEST: [u8; 32] = [7; 32];

    fn id(number: u128) -> IdentityId {
        IdentityId(Uuid::from_u128(number))
    }

    /// An officer who shows in the call who it is.
    fn officer(number: u128) -> Caller {
        Caller {
            identity: id(number),
            ..caller(Authentication::Shown {
                credential: CredentialId(Uuid::nil()),
                scopes: TokenScopes::FULL,
                method: "token and password",
            })
        }
    }

    fn facts(state: State, change: impl Fn(&mut GlassFacts)) -> Facts {
        let mut glass = GlassFacts {
            administers: false,
            frozen: false,
            state,
            by: id(1),
            approved_by: (state == State::Approved).then(|| id(2)),
            digest: DIGEST,
            approved: (state == State::Approved).then_some(DIGEST),
        };
        change(&mut glass);
        Facts {
            bits: officers::LOOK | officers::BREAK_GLASS,
            fresh: true,
            glass: Some(glass),
            ..good()
        }
    }

    fn demands(listed: bool) -> [Demand; 4] {
        let (organization, request) = (OrganizationId(Uuid::nil()), Uuid::nil());
        let (project, file) = (ProjectId(Uuid::nil()), FileId(Uuid::nil()));
        [
            RequestBreakGlass {
                organization,
                project,
                file,
                listed,
            }
            .demand(),
            ApproveBreakGlass {
                organization,
                project,
                file,
                listed,
                request,
                digest: DIGEST,
            }
            .demand(),
            ExportBreakGlass {
                organization,
                project,
                file,
                listed,
                request,
                digest: DIGEST,
            }
            .demand(),
            WithdrawBreakGlass {
                organization,
                project,
                file,
                listed,
                request,
            }
            .demand(),
        ]
    }

    fn all(caller: &Caller, listed: bool, facts: &Facts) -> [Result<(), Denied>; 4] {
        demands(listed).map(|demand| super::super::decide(caller, &demand, facts))
    }

    #[test]
    fn two_officers_go_through_the_steps_and_nobody_goes_alone() {
        let none = |_: &mut GlassFacts| {};
        let over = Err(Denied::RequestOver);
        let same = Err(Denied::SameOfficer);
        let asked = facts(State::Requested, none);
        assert_eq!(all(&officer(1), true, &asked), [Ok(()), same, over, Ok(())]);
        assert_eq!(
            all(&officer(2), true, &asked),
            [Ok(()), Ok(()), over, Ok(())]
        );
        let agreed = facts(State::Approved, none);
        for number in [1, 2] {
            assert_eq!(
                all(&officer(number), true, &agreed),
                [Ok(()), over, Ok(()), Ok(())]
            );
        }
        assert_eq!(
            all(&officer(3), true, &agreed)[2],
            Err(Denied::NotOfThisRequest)
        );
        // Rows that say that one did both, or that nobody agreed.
        for alone in [Some(id(1)), None] {
            let facts = facts(State::Approved, |glass| glass.approved_by = alone);
            assert_eq!(all(&officer(1), true, &facts)[2], same);
        }
        for state in [State::Exported, State::Withdrawn, State::Expired] {
            let facts = facts(state, none);
            assert_eq!(all(&officer(2), true, &facts)[1..], [over, over, over]);
        }
    }

    #[test]
    fn what_was_seen_is_what_is_agreed_to_and_had() {
        let changed = Err(Denied::RequestChanged);
        let stored = facts(State::Requested, |glass| glass.digest = [8; 32]);
        assert_eq!(all(&officer(2), true, &stored)[1], changed);
        let stored = facts(State::Approved, |glass| glass.digest = [8; 32]);
        assert_eq!(all(&officer(1), true, &stored)[2], changed);
        for approved in [Some([8; 32]), None] {
            let facts = facts(State::Approved, |glass| glass.approved = approved);
            assert_eq!(all(&officer(1), true, &facts)[2], changed);
        }
    }

    #[test]
    fn who_is_no_officer_or_administers_it_or_is_not_named_does_not() {
        for state in [State::Requested, State::Approved] {
            let good = facts(state, |_| {});
            assert_eq!(
                all(&officer(2), false, &good),
                [Err(Denied::OfficerNotNamed); 4]
            );
            let looks = Facts {
                bits: officers::LOOK,
                ..good.clone()
            };
            let lacks = Denied::Lacks {
                scope: Scope::Officers(OrganizationId(Uuid::nil())),
                bit: officers::BREAK_GLASS,
            };
            assert_eq!(all(&officer(2), true, &looks), [Err(lacks); 4]);
            let nobody = Facts {
                bits: 0,
                ..good.clone()
            };
            assert_eq!(all(&officer(2), true, &nobody), [Err(Denied::NotFound); 4]);
            let absent = Facts {
                glass: None,
                ..good.clone()
            };
            assert_eq!(all(&officer(2), true, &absent), [Err(Denied::NotFound); 4]);
            assert_eq!(
                all(&job(), true, &good),
                [Err(Denied::WrongAuthentication); 4]
            );
            let administers = facts(state, |glass| glass.administers = true);
            assert_eq!(
                all(&officer(2), true, &administers),
                [Err(Denied::OfficerAdministers); 4]
            );
        }
        let frozen = facts(State::Approved, |glass| glass.frozen = true);
        assert_eq!(all(&officer(1), true, &frozen)[0], Err(Denied::Frozen));
        assert_eq!(all(&officer(1), true, &frozen)[2], Err(Denied::Frozen));
    }

    #[test]
    fn a_token_alone_is_no_sign_in_and_a_narrow_one_none_either() {
        let facts = facts(State::Requested, |_| {});
        let token = Caller {
            identity: id(2),
            ..person()
        };
        let stale = Err(Denied::NotFresh);
        assert_eq!(
            all(&token, true, &facts),
            [stale, stale, Err(Denied::RequestOver), Ok(())]
        );
        let mut narrow = officer(2);
        narrow.authentication = Authentication::Shown {
            credential: CredentialId(Uuid::nil()),
            scopes: TokenScopes::SECURE_FILES_MANAGE,
            method: "token and password",
        };
        let missing = Err(Denied::ScopeMissing {
            needed: TokenScopes::FULL,
        });
        assert_eq!(all(&narrow, true, &facts)[1], missing);
        let browser = Caller {
            identity: id(2),
            ..session()
        };
        let old = Facts {
            fresh: false,
            ..facts.clone()
        };
        assert_eq!(all(&browser, true, &old)[1], stale);
        assert_eq!(all(&browser, true, &facts)[1], Ok(()));
    }
}
