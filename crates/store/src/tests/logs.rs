//! Job logs: pages without gaps, by the lease's holder only.

use super::home::Home;
use super::world::{World, lease_hash};
use crate::{RecordWrite, SealedPage, Stop};
use coffer_model::act::ViewRun;
use coffer_model::{JobId, RecordId, RunId};

struct Step {
    job: JobId,
    run: RunId,
    record: RecordId,
}

fn record(id: RecordId) -> RecordWrite {
    RecordWrite {
        id,
        parent: None,
        kind: "Task",
        name: "script".into(),
        ref_name: None,
        ordinal: 1,
        state: "inProgress".into(),
        result: None,
        started_at: None,
        finished_at: None,
        errors: 0,
        warnings: 0,
        issues: "[]".into(),
    }
}

fn page(step: &Step, first_line: i64, lines: i64) -> SealedPage {
    let page = uuid::Uuid::from_u128(u128::try_from(first_line).unwrap());
    SealedPage {
        page,
        record: step.record,
        first_line,
        lines,
        sealed: vec![7; 10],
    }
}

async fn append(
    world: &World,
    agent: &crate::AgentRow,
    job: JobId,
    page: SealedPage,
) -> Result<(), Stop> {
    let agent = agent.id;
    unit!(world.store, (page), |tx| {
        let lease = tx.lease(agent, job, &lease_hash(agent)).await?;
        tx.log_append(&lease, &page).await
    })
    .await
}

both! {
    async fn pages_continue_each_other_and_only_their_own_job_writes_them(home) {
        let world = World::new(&home).await;
        let pipeline = world.pipeline("ci").await;
        let (run, _) = world.queue(pipeline, 2, &[]).await;
        let (agent, _) = world.agent("one").await;
        let key = world.key;
        let mut steps = Vec::new();
        for job in world.ready().await {
            assert!(world.claim(&job, &agent).await);
            let step = Step { job: job.id, run, record: RecordId::random(&*world.store.entropy()) };
            let (id, job, node) = (agent.id, step.job, record(step.record));
            unit!(world.store, (node), |tx| {
                let lease = tx.lease(id, job, &lease_hash(id)).await?;
                tx.job_log_key_insert(&lease, key, &[9; 48]).await?;
                tx.step_record_put(&lease, &node).await?;
                assert_eq!(tx.log_key(&lease).await?.wrapped, [9; 48]);
                Ok(())
            })
            .await
            .unwrap();
            steps.push(step);
        }
        let [one, two] = [&steps[0], &steps[1]];
        append(&world, &agent, one.job, page(one, 1, 10)).await.unwrap();
        append(&world, &agent, one.job, page(one, 11, 5)).await.unwrap();
        for (what, wrong) in [("a gap", page(one, 17, 1)), ("again", page(one, 11, 5)), ("overlapping", page(one, 15, 3))] {
            assert!(append(&world, &agent, one.job, wrong).await.is_err(), "{what}");
        }
        assert!(append(&world, &agent, one.job, page(two, 1, 1)).await.is_err(), "another job's step");
        append(&world, &agent, two.job, page(two, 1, 1)).await.unwrap();
        append(&world, &agent, one.job, page(one, 16, 1)).await.unwrap();

        let mut read = world.store.read().await.unwrap();
        let pipeline = read.run_pipeline(world.project, one.run).await.unwrap().unwrap();
        let seen = read.look(&world.admin, ViewRun { project: world.project, pipeline }).await.unwrap();
        let row = read.run(&seen, one.run).await.unwrap().unwrap();
        let timeline = read.timeline(&seen, &row).await.unwrap();
        let of = |step: &Step| timeline.iter().find(|record| record.id == step.record).unwrap();
        assert_eq!((of(one).log_lines, of(two).log_lines), (16, 1));
        let (log, other) = (of(one).log.unwrap(), of(two).log.unwrap());
        assert_ne!(log, other);
        let lines = |from| {
            let (world, row) = (&world, &row);
            async move {
                let mut read = world.store.read().await.unwrap();
                let seen = read.look(&world.admin, ViewRun { project: world.project, pipeline }).await.unwrap();
                let pages = read.log_pages(&seen, row, log, from, 100).await.unwrap();
                pages.into_iter().map(|page| (page.first_line, page.lines)).collect::<Vec<_>>()
            }
        };
        assert_eq!(lines(1).await, [(1, 10), (11, 5), (16, 1)]);
        assert_eq!(lines(10).await, [(1, 10), (11, 5), (16, 1)]);
        assert_eq!(lines(11).await, [(11, 5), (16, 1)]);
        assert_eq!(lines(16).await, [(16, 1)]);
        assert_eq!(lines(17).await, []);
        assert!(read.log_key(&seen, one.job).await.unwrap().is_some());

        // A step of another job cannot be rewritten, and neither can the job's own record become a step.
        let (id, job, theirs) = (agent.id, one.job, RecordWrite { name: "forged".into(), ..record(two.record) });
        unit!(world.store, (theirs), |tx| {
            let lease = tx.lease(id, job, &lease_hash(id)).await?;
            tx.step_record_put(&lease, &theirs).await
        })
        .await
        .unwrap();
        let timeline = read.timeline(&seen, &row).await.unwrap();
        assert!(timeline.iter().all(|record| record.name != "forged"));
        world.store.advance_clock(61);
        assert!(append(&world, &agent, one.job, page(one, 17, 1)).await.is_err(), "the lease is over");
    }
}
