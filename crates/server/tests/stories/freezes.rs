//! Freezing a file, a project, everything: content stops at once, jobs lose their tokens, runs wait, and who may see it
//! reads why.

use crate::{Cast, newest, reason};
use coffer_testkit::{Frozen, PROJECT, both, group};
use coffer_wire::pipelines::Run;

fn why(run: &Run) -> Vec<&str> {
    run.waiting_for
        .iter()
        .map(|waiting| waiting.why.as_str())
        .collect()
}

both! {
    async fn a_frozen_file_is_given_to_nobody_until_it_is_unfrozen(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (first, job) = cast.job(&agent).await;
        assert_eq!(job.download_own(&server).await.status, 200);

        let what = Frozen::File(PROJECT, &cast.file.id);
        let refused = cast.developer.client.freezes().freeze(what, "mischief").await.unwrap_err();
        assert_eq!(refused.status(), Some(403));
        let freezes = cast.engineer.client.freezes();
        assert_eq!(freezes.freeze(what, " \n ").await.unwrap_err().status(), Some(400), "a reason is needed");
        let held = freezes.freeze(what, "the key may have leaked").await.unwrap();
        assert_eq!((held.len(), held[0].what.as_str(), held[0].frozen_by.unique_name.as_str()), (1, "file", "rel"));
        assert_eq!(freezes.freeze(what, "again").await.unwrap_err().status(), Some(409));

        let dead = job.download_own(&server).await;
        cast.assert_no_content(&dead);
        dead.refused(401);
        assert!(!agent.renew(&job).await.unwrap(), "the job goes on, without what it was given");
        agent.finish(&job, "failed").await.unwrap();
        assert_eq!(cast.developer.run_now(&first).await.result.as_deref(), Some("failed"));

        let run = cast.developer.run(&cast.pipeline).await;
        assert_eq!(why(&run), ["frozen"]);
        let message = &run.waiting_for[0].message;
        assert!(message.contains("frozen by rel since") && message.ends_with("the key may have leaked"), "{message}");
        assert!(agent.lease().await.is_none());
        cast.engineer.permit(&cast.file, &cast.pipeline, true).await.unwrap();
        assert!(agent.lease().await.is_none(), "a permit lifts no freeze");

        assert_eq!(cast.developer.client.freezes().unfreeze(what).await.unwrap_err().status(), Some(403));
        freezes.unfreeze(what).await.unwrap();
        assert_eq!(freezes.unfreeze(what).await.unwrap_err().status(), Some(404));
        let job = agent.job().await;
        assert_eq!(job.job.run_id, run.id, "the run that waited goes on");
        assert_eq!(job.download_own(&server).await.body, cast.content);

        let events = server.administrator().audit().await;
        let frozen: Vec<_> = events.iter().filter(|event| event.action == "SecureFile.Frozen").collect();
        assert_eq!(reason(frozen[0]), "role_missing");
        assert_eq!((frozen[1].actor.name.as_str(), frozen[1].details["why"].as_str()), ("rel", "the key may have leaked"));
        assert_eq!(newest(&events, "SecureFile.Unfrozen").actor.name, "rel");
    }

    async fn a_freeze_of_another_node_stops_a_live_job(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        // A row alone: this node has heard nothing of it, and the job's token lives.
        server.database().sql(
            "insert into content_freeze (target_kind, target_id, reason, frozen_by, frozen_at)
             select 'everything', o.id, 'elsewhere', i.id, 0 from organization o, identity i where i.unique_name = 'rel'",
        ).await;
        let answer = job.download_own(&server).await;
        cast.assert_no_content(&answer);
        assert_eq!(answer.code(403), "secure_file.frozen");
        assert!(!answer.text().contains("elsewhere"), "a job is not told why");
        let events = server.administrator().audit().await;
        assert_eq!(reason(newest(&events, "SecureFile.Downloaded")), "frozen");
        let user = job.user(&server);
        let path = user.file_path(&cast.file.id, "?includeDownloadTicket=true");
        let asked = user.get(&path).await.ok().json();
        assert!(asked.get("ticket").is_none_or(serde_json::Value::is_null));
        server.database().sql("delete from content_freeze").await;
        assert_eq!(job.download_own(&server).await.status, 200);
    }

    async fn a_project_and_everything_are_frozen_by_those_who_administer_them(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let manager = server.person("manny", &[group::PROJECT_ADMINISTRATORS]).await;
        let of = |what| (what, "incident 7");
        for (what, reason) in [of(Frozen::Project(PROJECT)), of(Frozen::Everything)] {
            let (_, job) = cast.job(&agent).await;
            let refused = cast.developer.client.freezes().freeze(what, reason).await.unwrap_err();
            assert_eq!(refused.status(), Some(403), "{what:?}");
            let officer = match what {
                Frozen::Everything => {
                    let refused = manager.client.freezes().freeze(what, reason).await.unwrap_err();
                    assert_eq!(refused.status(), Some(403));
                    server.administrator()
                }
                _ => &manager,
            };
            officer.client.freezes().freeze(what, reason).await.unwrap();
            job.download_own(&server).await.refused(401);
            agent.finish(&job, "failed").await.unwrap();

            // A file that comes later is frozen as well; uploads go on.
            let name = server.unique("late");
            let late = cast.engineer.upload(&name, b"late").await;
            let held = cast.developer.client.freezes().list(Frozen::File(PROJECT, &late.id)).await.unwrap();
            assert_eq!(held[0].reason, reason);
            let run = cast.developer.run(&cast.pipeline).await;
            assert_eq!(why(&run), ["frozen"]);
            let held = cast.developer.client.freezes().list(Frozen::Project(PROJECT)).await.unwrap();
            assert_eq!(held.len(), 1);
            officer.client.freezes().unfreeze(what).await.unwrap();
            let job = agent.job().await;
            assert_eq!(job.job.run_id, run.id);
            agent.finish(&job, "succeeded").await.unwrap();
        }
    }

    async fn a_job_that_was_not_taken_yet_waits_again(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let run = cast.developer.run(&cast.pipeline).await;
        let what = Frozen::File(PROJECT, &cast.file.id);
        cast.engineer.client.freezes().freeze(what, "a look first").await.unwrap();
        assert!(agent.lease().await.is_none());
        assert_eq!(why(&cast.developer.run_now(&run).await), ["frozen"]);
        cast.engineer.client.freezes().unfreeze(what).await.unwrap();
        assert_eq!(agent.job().await.job.run_id, run.id);
    }

    async fn who_may_not_see_a_file_reads_nothing_of_its_freeze(server) {
        let cast = Cast::permitted(&server).await;
        let what = Frozen::File(PROJECT, &cast.file.id);
        cast.engineer.client.freezes().freeze(what, "hush").await.unwrap();
        let stranger = server.person("sid", &[]).await;
        for what in [what, Frozen::Project(PROJECT)] {
            assert_eq!(stranger.client.freezes().list(what).await.unwrap_err().status(), Some(404));
            assert_eq!(stranger.client.freezes().freeze(what, "x").await.unwrap_err().status(), Some(404));
            assert_eq!(stranger.client.freezes().unfreeze(what).await.unwrap_err().status(), Some(404));
        }
        assert!(stranger.client.freezes().list(Frozen::Everything).await.unwrap().is_empty());
    }
}
