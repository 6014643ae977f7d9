//! Freezes as rows that the gate reads, sources of runs, and stages that waited too long.

use super::home::Home;
use super::world::World;
use crate::{Refusal, Stop};
use coffer_model::act::{
    FreezeEverything, FreezeFile, FreezeProject, IssueTicket, SkipStage, UnfreezeProject, ViewFile,
};
use coffer_model::library::FreezeTarget;
use coffer_model::policy::Denied;
use coffer_model::source::{Origin, RunSource};
use coffer_model::{FileId, JobId, RunId, Timestamp};

async fn freeze(world: &World, target: FreezeTarget) -> Result<(), Stop> {
    let (admin, project, organization) = (world.admin.clone(), world.project, world.organization);
    unit!(world.store, (admin), |tx| {
        match target {
            FreezeTarget::File(file) => {
                let grant = tx.authorize(&admin, FreezeFile { project, file }).await?;
                tx.freeze_file(grant, "why not").await
            }
            FreezeTarget::Project(project) => {
                let grant = tx.authorize(&admin, FreezeProject { project }).await?;
                tx.freeze_project(grant, "why not").await
            }
            FreezeTarget::Everything => {
                let grant = tx
                    .authorize(&admin, FreezeEverything { organization })
                    .await?;
                tx.freeze_everything(grant, "why not").await
            }
        }
    })
    .await
}

async fn ticket(
    world: &World,
    caller: &coffer_model::Caller,
    run: RunId,
    job: JobId,
    file: FileId,
) -> Option<Denied> {
    let (caller, project) = (caller.clone(), world.project);
    let asked = unit!(world.store, (caller), |tx| {
        let act = IssueTicket {
            project,
            file,
            run,
            job,
        };
        tx.authorize(&caller, act).await.map(drop)
    })
    .await;
    match asked {
        Ok(()) => None,
        Err(Stop::Denied { reason, .. }) => Some(reason),
        Err(other) => panic!("{other:?}"),
    }
}

async fn skip(world: &World, run: RunId, since: Timestamp) -> Result<(), Stop> {
    let duty = world.duty();
    unit!(world.store, (duty), |tx| {
        let grant = tx.authorize(&duty, SkipStage { run, stage: 1 }).await?;
        tx.stage_skip(grant, since, "[]").await
    })
    .await
}

both! {
    async fn each_freeze_that_holds_a_file_refuses_its_ticket(home) {
        let world = World::new(&home).await;
        let (file, pipeline) = (world.upload("cert.p12").await, world.pipeline("ci").await);
        world.permit(file, pipeline).await.unwrap();
        let (run, _) = world.queue(pipeline, 1, &[file]).await;
        let (agent, caller) = world.agent("one").await;
        let job = world.ready().await.remove(0);
        assert!(world.claim(&job, &agent).await);
        assert_eq!(ticket(&world, &caller, run, job.id, file).await, None);
        for target in [FreezeTarget::File(file), FreezeTarget::Project(world.project), FreezeTarget::Everything] {
            freeze(&world, target).await.unwrap();
            assert!(matches!(freeze(&world, target).await, Err(Stop::Refused(Refusal::Frozen))));
            assert_eq!(ticket(&world, &caller, run, job.id, file).await, Some(Denied::Frozen), "{target:?}");
            home.sql("delete from content_freeze").await;
            assert_eq!(ticket(&world, &caller, run, job.id, file).await, None);
        }
        freeze(&world, FreezeTarget::Project(world.other)).await.unwrap();
        let another = world.upload("another.p12").await;
        freeze(&world, FreezeTarget::File(another)).await.unwrap();
        assert_eq!(ticket(&world, &caller, run, job.id, file).await, None, "others' freezes are not this file's");
        world.delete(another).await.unwrap();
        assert_eq!(home.number("select count(*) from content_freeze where target_kind = 'file'").await, 0);
    }

    async fn a_freeze_says_so_in_the_row_of_the_projects_key(home) {
        let world = World::new(&home).await;
        let frozen = async |project: coffer_model::ProjectId| {
            let mut read = world.store.read().await.unwrap();
            read.project_key_active(project).await.unwrap().unwrap().frozen
        };
        assert!(!frozen(world.project).await);
        freeze(&world, FreezeTarget::Project(world.project)).await.unwrap();
        assert!(frozen(world.project).await && !frozen(world.other).await);
        let (admin, project) = (world.admin.clone(), world.project);
        unit!(world.store, (admin), |tx| {
            let grant = tx.authorize(&admin, UnfreezeProject { project }).await?;
            tx.unfreeze_project(grant).await
        })
        .await
        .unwrap();
        assert!(!frozen(world.project).await);
        freeze(&world, FreezeTarget::Everything).await.unwrap();
        assert!(frozen(world.project).await && frozen(world.other).await);
        let file = world.upload("cert.p12").await;
        let mut read = world.store.read().await.unwrap();
        let seen = read.look(&world.admin, ViewFile { project, file }).await.unwrap();
        assert_eq!(read.freezes_of_file(&seen).await.unwrap().len(), 1);
    }

    async fn a_run_keeps_where_it_comes_from(home) {
        let world = World::new(&home).await;
        let (file, pipeline) = (world.upload("cert.p12").await, world.pipeline("ci").await);
        world.permit(file, pipeline).await.unwrap();
        let source = RunSource::Ref {
            origin: Origin::Fork,
            repository: "app".into(),
            name: "refs/heads/main".into(),
            commit: "c0ffee".into(),
        };
        world.store.pretend_source(Some(source.clone()));
        let (run, runs) = world.queue(pipeline, 1, &[file]).await;
        assert!(runs, "it waits for nothing, since it is given nothing");
        let job = world.ready().await.remove(0);
        assert_eq!(job.source, source);
        let (agent, caller) = world.agent("one").await;
        assert!(world.claim(&job, &agent).await);
        assert_eq!(ticket(&world, &caller, run, job.id, file).await, Some(Denied::SourceNotTrusted));
        home.sql("update run set source = 'trust me'").await;
        assert_eq!(ticket(&world, &caller, run, job.id, file).await, Some(Denied::SourceNotTrusted));
        home.sql("update run set source = 'repository'").await;
        assert_eq!(ticket(&world, &caller, run, job.id, file).await, None);
    }

    async fn a_stage_is_skipped_once_it_waited_long_enough_and_not_before(home) {
        let world = World::new(&home).await;
        let (file, pipeline) = (world.upload("cert.p12").await, world.pipeline("ci").await);
        let (run, runs) = world.queue(pipeline, 2, &[file]).await;
        assert!(!runs);
        let now = || async { world.store.read().await.unwrap().now() };
        let ago = |now: Timestamp| Timestamp(now.plus_seconds(-100).0);
        let overdue = async |since| world.store.read().await.unwrap().stages_overdue(since).await.unwrap();
        assert_eq!(overdue(ago(now().await)).await, []);
        assert!(matches!(skip(&world, run, ago(now().await)).await, Err(Stop::Refused(Refusal::State))));
        world.store.advance_clock(101);
        let (second, _) = world.queue(pipeline, 1, &[file]).await;
        let since = ago(now().await);
        assert_eq!(overdue(since).await, [(run, 1)], "the other one has only begun to wait");
        skip(&world, run, since).await.unwrap();
        assert_eq!(home.number("select count(*) from run where state = 'completed' and result = 'canceled'").await, 1);
        assert_eq!(home.number("select count(*) from job where result = 'skipped'").await, 2);
        assert!(matches!(skip(&world, run, since).await, Err(Stop::Refused(Refusal::State))), "once");
        world.permit(file, pipeline).await.unwrap();
        assert_eq!(world.ready().await.len(), 1);
        assert!(matches!(skip(&world, second, now().await).await, Err(Stop::Refused(Refusal::State))), "it runs");
    }
}
