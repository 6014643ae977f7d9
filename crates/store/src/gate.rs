//! The gate. Acting: load the facts, decide, record, and hand out a grant. Looking: the same without a record.
//!
//! A [`Grant`] is the only key to the functions that change, use or reveal. Its constructor is private to this
//! module; it names the act with its ids, belongs to one unit of work, and is used up.

use crate::access;
use crate::break_glass;
use crate::error::{Stop, StoreError};
use crate::permissions::{PermitFacts, frozen_count, permit_columns};
use crate::sql::{Conn, args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::access::{Scope, effective, library, officers, project};
use coffer_model::act::{Act, Requirement, Subject};
use coffer_model::audit::Event;
use coffer_model::policy::{Denied, FRESH_SECONDS, Facts, JobFacts, decide};
use coffer_model::source::RunSource;
use coffer_model::{Authentication, Caller, EventId, FileId, JobId, ProjectId, Timestamp};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use uuid::Uuid;

/// Permission to do one act, in one unit of work, once.
#[derive(Debug)]
pub struct Grant<A> {
    act: A,
    unit: u64,
    caller: Uuid,
    event: EventId,
    /// Where among the unit's records this one is.
    place: usize,
}

impl<A> Grant<A> {
    /// The act that is permitted.
    pub fn act(&self) -> &A {
        &self.act
    }

    /// The audit event that records it.
    pub fn event(&self) -> EventId {
        self.event
    }

    /// The act, for a step that the grant's own use follows in the same unit.
    pub(crate) fn held(&self, tx: &Tx) -> Result<&A, StoreError> {
        if self.unit == tx.unit {
            Ok(&self.act)
        } else {
            Err(StoreError::ForeignGrant)
        }
    }

    /// Uses the grant up: the act, and who does it.
    pub(crate) fn redeem(self, tx: &Tx) -> Result<(A, Uuid), StoreError> {
        if self.unit == tx.unit {
            tx.current.store(self.place, Ordering::Relaxed);
            Ok((self.act, self.caller))
        } else {
            Err(StoreError::ForeignGrant)
        }
    }
}

/// Proof that a caller may look at what an act names. Made by [`ReadTx::look`] only.
#[derive(Debug)]
pub struct Seen<A>(pub(crate) A);

statements! {
    IDENTITY_ACTIVE = "select count(*) as n from identity where id = $1 and disabled_at is null";
    PROJECT_EXISTS = "select count(*) as n from project where id = $1";
    FILE_EXISTS = "select count(*) as n from secure_file where id = $1 and project_id = $2";
    PIPELINE_EXISTS = "select count(*) as n from pipeline where id = $1 and project_id = $2";
    JOB_FACTS = concat!("select j.state, j.lease_until, j.agent_id, r.project_id, r.state as run_state,
            (select count(*) from job_file where job_id = j.id and file_id = $2 and deferred = 0) as in_plan,
            (select count(*) from ticket where hash = $3 and job_id = j.id and file_id = $2) as tickets,
            r.source, r.source_ref, ", permit_columns!("'securefile'", "$4"), ", ", frozen_count!("$2", "r.project_id"), " as frozen
        from job j join run r on r.id = j.run_id where j.id = $1");
}

#[derive(sqlx::FromRow)]
struct JobFactsRow {
    state: String,
    lease_until: Option<i64>,
    agent_id: Option<Uuid>,
    project_id: Uuid,
    run_state: String,
    in_plan: i64,
    tickets: i64,
    source: String,
    source_ref: Option<String>,
    #[sqlx(flatten)]
    permits: PermitFacts,
    frozen: i64,
}

impl Tx {
    /// Asks the gate. The answer is recorded in the audit log with this unit of work, whichever it is.
    ///
    /// # Errors
    /// [`Stop::Denied`] is a committed outcome: return it from the unit. The record is written at the end of the unit,
    /// with what the unit changed; if it cannot be written, the unit is undone and answers [`Stop::Failed`].
    pub async fn authorize<A: Act>(&mut self, caller: &Caller, act: A) -> Result<Grant<A>, Stop> {
        self.authorize_with(caller, act, &[]).await
    }

    /// As [`Tx::authorize`], with details for the record. Never content, tokens, tickets or keys.
    pub async fn authorize_with<A: Act>(
        &mut self,
        caller: &Caller,
        act: A,
        details: &[(&str, String)],
    ) -> Result<Grant<A>, Stop> {
        let demand = act.demand();
        let facts = facts(&mut self.conn, self.now, caller, &demand.requirement).await?;
        let id = EventId::random(self.entropy());
        let mut event = event(id, self.now, caller, A::ACTION, act.subject(), details);
        match decide(caller, &demand, &facts) {
            Ok(()) => {
                event.outcome = "allowed".into();
                let place = self.allowed(event);
                Ok(Grant {
                    act,
                    unit: self.unit,
                    caller: caller.identity.0,
                    event: id,
                    place,
                })
            }
            Err(reason) => {
                event.outcome = "denied".into();
                event.details.insert("reason".into(), reason.code().into());
                Err(Stop::Denied {
                    reason,
                    event: Some(Box::new(event)),
                })
            }
        }
    }
}

impl Tx {
    /// Puts on record that a caller could not do something whatever the rights: its token is too narrow, or it is no
    /// caller for that. For what is asked before the thing is there. Yes is no grant, and writes nothing.
    pub async fn refuse_ahead<A: Act>(&mut self, caller: &Caller, act: &A) -> Result<(), Stop> {
        let loaded = facts(&mut self.conn, self.now, caller, &Requirement::Person).await?;
        let all = Facts {
            exists: true,
            bits: i64::MAX,
            ..loaded
        };
        let Err(reason) = decide(caller, &act.demand(), &all) else {
            return Ok(());
        };
        let id = EventId::random(self.entropy());
        let mut event = event(id, self.now, caller, A::ACTION, act.subject(), &[]);
        event.outcome = "denied".into();
        event.details.insert("reason".into(), reason.code().into());
        Err(Stop::Denied {
            reason,
            event: Some(Box::new(event)),
        })
    }

    /// Whether the caller may do something. Writes nothing, and grants nothing: whoever goes on asks the gate.
    pub async fn may<A: Act>(&mut self, caller: &Caller, act: &A) -> Result<bool, StoreError> {
        let demand = act.demand();
        let facts = facts(&mut self.conn, self.now, caller, &demand.requirement).await?;
        Ok(decide(caller, &demand, &facts).is_ok())
    }

    /// Records an act that follows from one that this unit was granted. It is not asked for by itself: whoever may do
    /// the first does this by it. The record names the other.
    pub(crate) async fn follow<A: Act>(
        &mut self,
        because: EventId,
        caller: &Caller,
        act: &A,
        details: &[(&str, String)],
    ) -> Result<(), StoreError> {
        let id = EventId::random(self.entropy());
        let mut event = event(id, self.now, caller, A::ACTION, act.subject(), details);
        event.outcome = "allowed".into();
        event.details.insert("follows".into(), because.to_string());
        self.audit_insert(&event).await
    }
}

/// Whether a caller could ever do something, with every right there is: for lists that SQL filters by rights alone.
pub(crate) fn could(caller: &Caller, act: &impl Act) -> bool {
    let all = Facts {
        exists: true,
        bits: i64::MAX,
        active: true,
        fresh: true,
        ..Facts::default()
    };
    decide(caller, &act.demand(), &all).is_ok()
}

impl ReadTx {
    /// Asks whether the caller may look. Writes nothing.
    pub async fn look<A: Act>(&mut self, caller: &Caller, act: A) -> Result<Seen<A>, Stop> {
        let demand = act.demand();
        let facts = facts(&mut self.conn, self.now, caller, &demand.requirement).await?;
        match decide(caller, &demand, &facts) {
            Ok(()) => Ok(Seen(act)),
            Err(reason) => Err(Stop::Denied {
                reason,
                event: None,
            }),
        }
    }

    /// Whether the caller may do something, for pages and messages. Writes nothing.
    pub async fn may<A: Act>(&mut self, caller: &Caller, act: &A) -> Result<bool, StoreError> {
        let demand = act.demand();
        let facts = facts(&mut self.conn, self.now, caller, &demand.requirement).await?;
        Ok(decide(caller, &demand, &facts).is_ok())
    }
}

fn event(
    id: EventId,
    now: Timestamp,
    caller: &Caller,
    action: &str,
    subject: Subject,
    details: &[(&str, String)],
) -> Event {
    let mut details: BTreeMap<_, _> = details
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    if let Some(activity) = caller.request.activity {
        details.insert("activity".into(), activity.to_string());
    }
    if let Some(agent) = &caller.request.agent {
        details.insert("userAgent".into(), agent.clone());
    }
    let (mut run, mut job) = (subject.run, subject.job);
    match &caller.authentication {
        Authentication::Job {
            credential,
            job: own,
            run: its,
            ..
        } => {
            run = run.or(Some(*its));
            job = job.or(Some(*own));
            details.insert("credential".into(), credential.to_string());
        }
        Authentication::Token { credential, .. }
        | Authentication::Shown { credential, .. }
        | Authentication::AgentRegistration { credential } => {
            details.insert("credential".into(), credential.to_string());
        }
        Authentication::Session { session, .. } => {
            details.insert("session".into(), session.to_string());
        }
        Authentication::Agent { agent } => {
            details.insert("agent".into(), agent.to_string());
        }
        Authentication::Anonymous | Authentication::SignIn { .. } => {}
        Authentication::System { duty } => {
            details.insert("duty".into(), (*duty).to_owned());
        }
    }
    Event {
        id: id.0,
        time: now.0,
        action: action.to_owned(),
        outcome: String::new(),
        actor: caller.identity.0,
        actor_name: caller.name.clone(),
        authentication: caller.authentication.word().to_owned(),
        address: caller
            .address
            .map_or_else(String::new, |address| address.to_string()),
        project: subject.project.map(|project| project.0),
        resource_type: subject.kind.to_owned(),
        resource_id: subject.id,
        run: run.map(|run| run.0),
        job: job.map(|job| job.0),
        details,
    }
}

/// Loads what [`decide`] needs to know, and nothing else.
pub(crate) async fn facts(
    conn: &mut Conn,
    now: Timestamp,
    caller: &Caller,
    requirement: &Requirement,
) -> Result<Facts, StoreError> {
    let mut facts = Facts {
        active: active(conn, caller).await?,
        fresh: match caller.authentication {
            Authentication::Shown { .. } => true,
            Authentication::Session { signed_in, .. } => {
                now < signed_in.plus_seconds(FRESH_SECONDS)
            }
            _ => false,
        },
        ..Facts::default()
    };
    match requirement {
        Requirement::Right { scope, .. } => {
            facts.exists = exists(conn, caller, scope).await?;
            facts.bits = bits(conn, caller, scope).await?;
        }
        Requirement::Ticket { job, file } => {
            let (job, project) = job_facts(conn, now, caller, *job, *file, &[0; 32], None).await?;
            facts.job = job;
            facts.exists = match project {
                Some(project) => file_exists(conn, project, *file).await?,
                None => false,
            };
        }
        Requirement::Content {
            project,
            file,
            ticket,
        } => {
            let scope = Scope::File(*project, *file);
            facts.exists = exists(conn, caller, &scope).await?;
            match caller.authentication.job() {
                Some(job) => {
                    facts.job = job_facts(conn, now, caller, job, *file, ticket, Some(*project))
                        .await?
                        .0;
                }
                None => facts.bits = bits(conn, caller, &scope).await?,
            }
        }
        Requirement::Officer {
            organization,
            project,
            file,
            step,
            ..
        } => {
            facts.exists = *organization == caller.organization;
            facts.bits = bits(conn, caller, &Scope::Officers(*organization)).await?;
            // Who is no officer is told nothing, not even by how much was looked at.
            let an_officer = facts.bits & officers::BREAK_GLASS != 0;
            if an_officer && file_exists(conn, *project, *file).await? {
                let of_project = bits(conn, caller, &Scope::Project(*project)).await?;
                let of_file = bits(conn, caller, &Scope::File(*project, *file)).await?;
                let administers =
                    of_project & project::WRITE != 0 || of_file & library::ADMINISTER != 0;
                let place = (*project, *file);
                facts.glass =
                    break_glass::facts(conn, now, place, step.request(), administers).await?;
            }
        }
        Requirement::Person
        | Requirement::Oneself { .. }
        | Requirement::OwnSession { .. }
        | Requirement::SignIn { .. }
        | Requirement::SignInShown
        | Requirement::AgentRegistration
        | Requirement::Duty
        | Requirement::Token => {
            facts.exists = true;
        }
    }
    Ok(facts)
}

async fn count(
    conn: &mut Conn,
    s: &crate::sql::Statement,
    args: Vec<crate::sql::Value>,
) -> Result<bool, StoreError> {
    Ok(conn.one::<(i64,)>(s, args).await?.0 > 0)
}

async fn active(conn: &mut Conn, caller: &Caller) -> Result<bool, StoreError> {
    count(conn, &IDENTITY_ACTIVE, args![caller.identity.0]).await
}

async fn file_exists(
    conn: &mut Conn,
    project: ProjectId,
    file: FileId,
) -> Result<bool, StoreError> {
    count(conn, &FILE_EXISTS, args![file.0, project.0]).await
}

async fn exists(conn: &mut Conn, caller: &Caller, scope: &Scope) -> Result<bool, StoreError> {
    match scope {
        Scope::Library(project) | Scope::Pipelines(project) | Scope::Project(project) => {
            count(conn, &PROJECT_EXISTS, args![project.0]).await
        }
        Scope::File(project, file) => file_exists(conn, *project, *file).await,
        Scope::Pipeline(project, pipeline) => {
            count(conn, &PIPELINE_EXISTS, args![pipeline.0, project.0]).await
        }
        Scope::Organization(organization)
        | Scope::AuditLog(organization)
        | Scope::AgentPools(organization)
        | Scope::Officers(organization) => Ok(*organization == caller.organization),
    }
}

/// The caller's effective rights at a place.
pub(crate) async fn bits(
    conn: &mut Conn,
    caller: &Caller,
    scope: &Scope,
) -> Result<i64, StoreError> {
    let (entries, inherits) = access::entries(conn, caller.identity, &scope.place()).await?;
    Ok(effective(&entries, inherits))
}

async fn job_facts(
    conn: &mut Conn,
    now: Timestamp,
    caller: &Caller,
    job: JobId,
    file: FileId,
    ticket: &[u8; 32],
    project: Option<ProjectId>,
) -> Result<(Option<JobFacts>, Option<ProjectId>), StoreError> {
    let row: Option<JobFactsRow> = conn
        .maybe(
            &JOB_FACTS,
            args![job.0, file.0, &ticket[..], file.to_string()],
        )
        .await?;
    Ok(row.map_or((None, None), |row| {
        // An agent asks for the jobs it holds; for it, no other job is there.
        if let Authentication::Agent { agent } = caller.authentication
            && row.agent_id != Some(agent.0)
        {
            return (None, None);
        }
        let source = RunSource::from_parts(&row.source, None, row.source_ref, None);
        let facts = JobFacts {
            live: row.state == "leased"
                && row.run_state != "completed"
                && row.lease_until.is_some_and(|until| until > now.0),
            same_project: project.is_none_or(|project| project.0 == row.project_id),
            in_plan: row.in_plan > 0,
            trusted: source.trusted(),
            frozen: row.frozen > 0,
            permit: row.permits.of(&source),
            ticket: row.tickets > 0,
        };
        (Some(facts), Some(ProjectId(row.project_id)))
    }))
}

/// What a denied look says to a caller who is told nothing more.
pub(crate) fn not_found() -> Stop {
    Stop::Denied {
        reason: Denied::NotFound,
        event: None,
    }
}
