//! Jobs: each is leased once, by one agent, for a while; and starts only when its pipeline is permitted.

use super::home::Home;
use super::world::{World, lease_hash};
use crate::{AgentRow, JobRow, Lease, Missing, Refusal, RunRow, StageRow, Stop, Why};
use coffer_model::act::{AbandonJob, CancelRun, IssueTicket, ViewRun};
use coffer_model::library::Resource;
use coffer_model::run::{Outcome, RunState};
use coffer_model::{JobId, RunId};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Barrier;

async fn run_of(world: &World, run: RunId) -> (RunRow, Vec<StageRow>) {
    let mut read = world.store.read().await.unwrap();
    let pipeline = read
        .run_pipeline(world.project, run)
        .await
        .unwrap()
        .unwrap();
    let act = ViewRun {
        project: world.project,
        pipeline,
    };
    let seen = read.look(&world.admin, act).await.unwrap();
    let row = read.run(&seen, run).await.unwrap().unwrap();
    let stages = read.stages(&row).await.unwrap();
    (row, stages)
}

async fn finish(world: &World, job: JobId, agent: &AgentRow, result: Outcome) -> Result<(), Stop> {
    let agent = agent.id;
    unit!(world.store, (), |tx| {
        let lease = tx.lease(agent, job, &lease_hash(agent)).await?;
        tx.job_finish(lease, result, &[]).await
    })
    .await
}

async fn renew(world: &World, job: JobId, agent: &AgentRow, seconds: i64) -> Result<bool, Stop> {
    let agent = agent.id;
    unit!(world.store, (), |tx| {
        let lease: Lease = tx.lease(agent, job, &lease_hash(agent)).await?;
        tx.lease_renew(&lease, tx.now().plus_seconds(seconds))
            .await?;
        Ok(lease.cancel_requested())
    })
    .await
}

/// A unit in which the job is claimed, found to lack a permission, and given back.
async fn claim_and_give_back(world: &World, job: &JobRow, agent: &AgentRow) -> Result<(), Stop> {
    let (job, agent) = (job.clone(), agent.clone());
    unit!(world.store, (job, agent), |tx| {
        let until = tx.now().plus_seconds(60);
        let lease = tx
            .job_claim(&job, agent.id, &agent.name, &lease_hash(agent.id), until)
            .await?
            .unwrap();
        tx.job_wait_again(lease, &job).await
    })
    .await
}

fn lost<T: std::fmt::Debug>(result: Result<T, Stop>) -> bool {
    matches!(result, Err(Stop::Refused(Refusal::LeaseLost)))
}

both! {
    async fn eight_agents_take_forty_jobs_and_each_job_is_taken_once(home) {
        let world = World::new(&home).await;
        let pipeline = world.pipeline("ci").await;
        for _ in 0..4 {
            world.queue(pipeline, 10, &[]).await;
        }
        let start = Arc::new(Barrier::new(8));
        let mut agents = tokio::task::JoinSet::new();
        for n in 0..8 {
            let (agent, _) = world.agent(&format!("agent {n}")).await;
            let (world, start) = (world.clone(), start.clone());
            agents.spawn(async move {
                start.wait().await;
                let mut taken = Vec::new();
                loop {
                    let ready = world.ready().await;
                    if ready.is_empty() {
                        return taken;
                    }
                    // All go for the oldest ones, as agents do.
                    for job in ready.iter().take(3) {
                        if world.claim(job, &agent).await {
                            taken.push(job.id);
                        }
                    }
                }
            });
        }
        let taken: Vec<JobId> = agents.join_all().await.into_iter().flatten().collect();
        assert_eq!(taken.len(), 40, "none was taken twice");
        assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 40, "none was left");
        assert_eq!(home.number("select count(*) from job where state = 'leased' and attempt = 1").await, 40);
    }

    async fn a_lease_lives_as_long_as_it_is_renewed(home) {
        let world = World::new(&home).await;
        let pipeline = world.pipeline("ci").await;
        let (run, _) = world.queue(pipeline, 1, &[]).await;
        let (agent, _) = world.agent("one").await;
        let (other, _) = world.agent("two").await;
        let job = world.ready().await.remove(0);
        assert!(world.claim(&job, &agent).await);
        assert!(lost(renew(&world, job.id, &other, 60).await), "it is not the other agent's");
        for _ in 0..5 {
            world.store.advance_clock(50);
            renew(&world, job.id, &agent, 60).await.unwrap();
        }
        assert_eq!(world.store.read().await.unwrap().jobs_expired().await.unwrap(), []);
        world.store.advance_clock(61);
        assert!(lost(renew(&world, job.id, &agent, 60).await), "too late");
        assert!(lost(finish(&world, job.id, &agent, Outcome::Succeeded).await));
        assert_eq!(world.store.read().await.unwrap().jobs_expired().await.unwrap(), [(job.id, run)]);
        let duty = world.duty();
        let abandon = || {
            unit!(world.store, (duty), |tx| {
                let grant = tx.authorize(&duty, AbandonJob { run, job: job.id }).await?;
                tx.job_abandon(grant).await
            })
        };
        abandon().await.unwrap();
        assert!(matches!(abandon().await, Err(Stop::Refused(Refusal::State))), "once");
        let (row, stages) = run_of(&world, run).await;
        assert_eq!((row.state, row.result), (RunState::Completed, Some(Outcome::Abandoned)));
        assert_eq!(stages[0].state, "completed");
    }

    async fn a_job_that_was_renewed_meanwhile_is_not_abandoned(home) {
        let world = World::new(&home).await;
        let pipeline = world.pipeline("ci").await;
        let (run, _) = world.queue(pipeline, 1, &[]).await;
        let (agent, _) = world.agent("one").await;
        let job = world.ready().await.remove(0);
        assert!(world.claim(&job, &agent).await);
        renew(&world, job.id, &agent, 600).await.unwrap();
        world.store.advance_clock(61);
        let (duty, id) = (world.duty(), job.id);
        let abandoned = unit!(world.store, (duty), |tx| {
            let grant = tx.authorize(&duty, AbandonJob { run, job: id }).await?;
            tx.job_abandon(grant).await
        })
        .await;
        assert!(matches!(abandoned, Err(Stop::Refused(Refusal::State))));
        renew(&world, job.id, &agent, 60).await.unwrap();
    }

    async fn a_job_ends_once_and_takes_its_tickets_and_token_with_it(home) {
        let world = World::new(&home).await;
        let (file, pipeline) = (world.upload("cert.p12").await, world.pipeline("ci").await);
        world.permit(file, pipeline).await.unwrap();
        let (run, _) = world.queue(pipeline, 2, &[file]).await;
        let (agent, holding) = world.agent("one").await;
        let (jobs, project) = (world.ready().await, world.project);
        for (n, job) in (1_u8..).zip(&jobs) {
            let (id, name, row) = (agent.id, agent.name.clone(), job.clone());
            unit!(world.store, (holding, name, row), |tx| {
                let until = tx.now().plus_seconds(60);
                let lease = tx.job_claim(&row, id, &name, &lease_hash(id), until).await?.unwrap();
                let token = crate::NewCredential {
                scopes: "app_token".into(),
                    id: coffer_model::CredentialId::random(tx.entropy()),
                    kind: crate::CredentialKind::Job,
                    hash: [n; 32],
                    label: String::new(),
                    expires_at: until,
                };
                let service = tx.build_service(project).await?;
                tx.job_credential_insert(&lease, &token, service).await?;
                let act = IssueTicket { project, file, run, job: row.id };
                let grant = tx.authorize(&holding, act).await?;
                tx.ticket_insert(grant, &[n; 32]).await.map(drop)
            })
            .await
            .unwrap();
        }
        let tokens = "select (select count(*) from ticket) * 10 + (select count(*) from credential where kind = 'job')";
        assert_eq!(home.number(tokens).await, 22);
        finish(&world, jobs[0].id, &agent, Outcome::Succeeded).await.unwrap();
        assert_eq!(home.number(tokens).await, 11);
        let mut read = world.store.read().await.unwrap();
        assert!(read.credential(&[1; 32]).await.unwrap().is_none());
        assert!(read.job_behind(jobs[0].id).await.unwrap().is_none());
        assert_eq!(read.credential(&[2; 32]).await.unwrap().and_then(|found| found.job), Some(jobs[1].id));
        assert_eq!(read.job_behind(jobs[1].id).await.unwrap().map(|behind| behind.run), Some(run));
        // An agent that did not hear the answer asks again, and is told what stands.
        assert!(lost(finish(&world, jobs[0].id, &agent, Outcome::Failed).await));
        let (id, job) = (agent.id, jobs[0].id);
        let ended = unit!(world.store, (), |tx| Ok(tx.finished_by(id, job, &lease_hash(id)).await?)).await.unwrap();
        assert_eq!(ended, Some(Outcome::Succeeded));
        let never = unit!(world.store, (), |tx| Ok(tx.finished_by(id, job, &[0; 32]).await?)).await.unwrap();
        assert_eq!(never, None);
        assert_eq!(run_of(&world, run).await.0.state, RunState::InProgress, "one job is still out");
        finish(&world, jobs[1].id, &agent, Outcome::Failed).await.unwrap();
        let (row, _) = run_of(&world, run).await;
        assert_eq!((row.state, row.result), (RunState::Completed, Some(Outcome::Failed)));
        assert_eq!(home.number(tokens).await, 0);
    }

    async fn cancelling_ends_what_nobody_has_and_tells_the_agent_of_the_rest(home) {
        let world = World::new(&home).await;
        let pipeline = world.pipeline("ci").await;
        let (run, _) = world.queue(pipeline, 2, &[]).await;
        let (agent, _) = world.agent("one").await;
        let job = world.ready().await.remove(0);
        assert!(world.claim(&job, &agent).await);
        assert!(!renew(&world, job.id, &agent, 60).await.unwrap());
        let (admin, project) = (world.admin.clone(), world.project);
        let cancel = || {
            unit!(world.store, (admin), |tx| {
                let grant = tx.authorize(&admin, CancelRun { project, pipeline, run }).await?;
                tx.run_cancel(grant).await
            })
        };
        cancel().await.unwrap();
        assert!(matches!(cancel().await, Err(Stop::Refused(Refusal::State))));
        assert_eq!(world.ready().await.len(), 0);
        assert_eq!(run_of(&world, run).await.0.state, RunState::Canceling);
        assert!(renew(&world, job.id, &agent, 60).await.unwrap(), "the agent hears of it");
        finish(&world, job.id, &agent, Outcome::Canceled).await.unwrap();
        let (row, _) = run_of(&world, run).await;
        assert_eq!((row.state, row.result), (RunState::Completed, Some(Outcome::Canceled)));
        assert!(matches!(cancel().await, Err(Stop::Refused(Refusal::State))));
    }

    async fn a_stage_waits_until_its_pipeline_is_permitted(home) {
        let world = World::new(&home).await;
        let (one, two) = (world.upload("one.p12").await, world.upload("two.p12").await);
        let (pipeline, unrelated) = (world.pipeline("ci").await, world.pipeline("unrelated").await);
        let (run, runs) = world.queue(pipeline, 2, &[one, two]).await;
        assert!(!runs);
        assert_eq!(world.ready().await.len(), 0);
        let missing = |stages: &[StageRow]| -> Vec<(Resource, Option<String>)> {
            stages[0].missing.iter().map(|missing| (missing.resource.clone(), missing.name.clone())).collect()
        };
        let (_, stages) = run_of(&world, run).await;
        let names: BTreeSet<_> = missing(&stages).into_iter().filter_map(|(_, name)| name).collect();
        assert_eq!(names, BTreeSet::from(["one.p12".to_owned(), "two.p12".to_owned()]));
        world.permit(one, unrelated).await.unwrap();
        world.permit(two, unrelated).await.unwrap();
        assert_eq!(world.ready().await.len(), 0, "another pipeline's permission is not this one's");
        world.permit(one, pipeline).await.unwrap();
        assert_eq!(world.ready().await.len(), 0, "one of two is not enough");
        let (_, stages) = run_of(&world, run).await;
        assert_eq!(missing(&stages), [(Resource::SecureFile(two), Some("two.p12".to_owned()))]);
        world.permit(two, pipeline).await.unwrap();
        assert_eq!(world.ready().await.len(), 2);
        assert_eq!(run_of(&world, run).await.1[0].state, "running");
    }

    async fn a_permission_that_goes_before_the_lease_puts_the_stage_back(home) {
        let world = World::new(&home).await;
        let (file, pipeline) = (world.upload("cert.p12").await, world.pipeline("ci").await);
        world.permit(file, pipeline).await.unwrap();
        let (run, runs) = world.queue(pipeline, 2, &[file]).await;
        assert!(runs);
        world.revoke(file, pipeline).await.unwrap();
        let (agent, _) = world.agent("one").await;
        for job in world.ready().await {
            claim_and_give_back(&world, &job, &agent).await.unwrap();
        }
        assert_eq!(world.ready().await.len(), 0);
        let (_, stages) = run_of(&world, run).await;
        assert_eq!((stages[0].state.as_str(), stages[0].missing.len()), ("waiting", 1));
        world.permit(file, pipeline).await.unwrap();
        let ready = world.ready().await;
        assert_eq!(ready.len(), 2, "permitting starts it again");
        for job in &ready {
            assert!(world.claim(job, &agent).await);
            finish(&world, job.id, &agent, Outcome::Succeeded).await.unwrap();
        }
        let (row, _) = run_of(&world, run).await;
        assert_eq!((row.state, row.result), (RunState::Completed, Some(Outcome::Succeeded)));
    }

    async fn a_deleted_file_is_never_permitted_again(home) {
        let world = World::new(&home).await;
        let (file, pipeline) = (world.upload("cert.p12").await, world.pipeline("ci").await);
        world.permit(file, pipeline).await.unwrap();
        world.delete(file).await.unwrap();
        let (run, runs) = world.queue(pipeline, 1, &[file]).await;
        assert!(!runs, "a plan that names it waits");
        world.upload("cert.p12").await;
        let (_, stages) = run_of(&world, run).await;
        let missing = Missing { resource: Resource::SecureFile(file), name: None, why: Why::Deleted };
        assert_eq!(stages[0].missing, [missing], "the new file of that name is another");
    }
}
