//! Pipelines and runs that do not go well: wrong YAML, unknown files, cancelled and abandoned runs.

use crate::{Cast, newest, yaml};
use coffer_testkit::{PROJECT, Setup, both, eventually, group};
use coffer_wire::agent::Feed;
use coffer_wire::pipelines::RunRequest;

both! {
    async fn wrong_yaml_is_refused_with_every_place(server) {
        let developer = server.developer().await;
        let pipelines = developer.client.pipelines(PROJECT);
        let wrong = "steps:\n- script: echo\n  conditoin: always()\n- task: DownloadSecureFile@1\n  inputs:\n    secureFil: a\n";
        let error = match pipelines.add("wrong", "ci/build.yml", wrong).await {
            Err(error) => error,
            Ok(pipeline) => pipelines
                .run(pipeline.id, &RunRequest::default())
                .await
                .unwrap_err(),
        };
        assert_eq!(
            (error.status(), error.code()),
            (Some(400), Some("pipeline.invalid")),
            "{error}"
        );
        let problems: Vec<_> = error
            .validation_results()
            .iter()
            .map(|problem| problem.message.as_str())
            .collect();
        assert!(
            problems
                .iter()
                .any(|problem| problem.contains("ci/build.yml:3:3:")
                    || problem.contains("build.yml:3:3:")),
            "{problems:?}"
        );
        let rooted = "- script: echo\n";
        let error = match pipelines.add("rooted", "ci/build.yml", rooted).await {
            Err(error) => error,
            Ok(pipeline) => pipelines
                .run(pipeline.id, &RunRequest::default())
                .await
                .unwrap_err(),
        };
        let text = format!("{error} {:?}", error.validation_results());
        assert!(text.contains("steps:"), "{text}");
        assert_eq!(error.status(), Some(400));
    }

    async fn an_unknown_file_is_refused_in_the_known_words(server) {
        let cast = Cast::of(&server).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let pipeline = match pipelines
            .add("unknown", "azure-pipelines.yml", &yaml(&["nothing.pem"]))
            .await
        {
            Ok(pipeline) => pipeline,
            Err(error) => panic!("{error}"),
        };
        let error = pipelines
            .run(pipeline.id, &RunRequest::default())
            .await
            .unwrap_err();
        assert_eq!(
            (error.status(), error.code()),
            (Some(400), Some("pipeline.invalid")),
            "{error}"
        );
        let text = error.to_string();
        assert!(
            text.contains("references secure file nothing.pem which could not be found"),
            "{text}"
        );
        assert!(
            text.contains("does not exist or has not been authorized for use"),
            "{text}"
        );
        assert!(
            error.validation_results()[0]
                .message
                .starts_with("azure-pipelines.yml:6:"),
            "{:?}",
            error.validation_results()
        );
        assert!(
            pipelines.runs(pipeline.id).await.unwrap().is_empty(),
            "nothing was started"
        );
        // By id, and in another case, it is the same file.
        for reference in [cast.file.id.as_str(), "CA.pem"] {
            let name = server.unique("by");
            let pipeline = cast.developer.pipeline(&name, &yaml(&[reference])).await;
            let run = cast.developer.run(&pipeline).await;
            assert_eq!(run.waiting_for[0].resource.id, cast.file.id, "{reference}");
        }
    }

    async fn a_waiting_run_can_be_cancelled(server) {
        let cast = Cast::of(&server).await;
        let agent = server.agent("hand").await;
        let run = cast.developer.run(&cast.pipeline).await;
        let builds = cast.developer.client.builds(PROJECT);
        let reader = server.person("reader", &[group::READERS]).await;
        assert_eq!(
            reader
                .client
                .builds(PROJECT)
                .cancel(run.id)
                .await
                .unwrap_err()
                .status(),
            Some(403)
        );
        builds.cancel(run.id).await.unwrap();
        let ended = cast.developer.run_now(&run).await;
        assert_eq!(
            (ended.state.as_str(), ended.result.as_deref()),
            ("completed", Some("canceled"))
        );
        assert!(ended.waiting_for.is_empty());
        cast.engineer
            .permit(&cast.file, &cast.pipeline, true)
            .await
            .unwrap();
        assert!(
            agent.lease().await.is_none(),
            "what was cancelled does not start later"
        );
        let again = builds.cancel(run.id).await;
        assert!(again.is_ok() || again.unwrap_err().status() == Some(409));
    }

    async fn a_running_job_is_told_to_stop(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (run, job) = cast.job(&agent).await;
        assert!(!agent.renew(&job).await.unwrap());
        let builds = cast.developer.client.builds(PROJECT);
        assert_eq!(builds.cancel(run.id).await.unwrap().status, "cancelling");
        assert!(agent.renew(&job).await.unwrap());
        assert!(agent.feed(&job, Feed::default()).await.unwrap());
        assert_eq!(cast.developer.run_now(&run).await.state, "canceling");
        agent.finish(&job, "canceled").await.unwrap();
        let ended = cast.developer.run_now(&run).await;
        assert_eq!(
            (ended.state.as_str(), ended.result.as_deref()),
            ("completed", Some("canceled"))
        );
        cast.assert_no_content(&job.download_own(&server).await);
    }

    async fn a_job_whose_agent_is_lost_is_abandoned(mut server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (run, job) = cast.job(&agent).await;
        server.advance_clock(31);
        eventually("the run ends", || async {
            cast.developer.run_now(&run).await.state == "completed"
        })
        .await;
        assert_eq!(
            cast.developer.run_now(&run).await.result.as_deref(),
            Some("failed")
        );
        for end in [
            agent.renew(&job).await.map(drop),
            agent.feed(&job, Feed::default()).await.map(drop),
            agent.finish(&job, "succeeded").await,
        ] {
            assert_eq!(
                end.unwrap_err().status(),
                Some(409),
                "the lost agent is told so"
            );
        }
        let timeline = cast
            .developer
            .client
            .builds(PROJECT)
            .timeline(run.id)
            .await
            .unwrap();
        let record = timeline
            .records
            .iter()
            .find(|record| record.kind == "Job")
            .unwrap();
        assert_eq!(record.result.as_deref(), Some("abandoned"), "{record:?}");
        let late = job.download_own(&server).await;
        cast.assert_no_content(&late);
        late.refused(late.status);
        let events = server.administrator().audit().await;
        let ended = newest(&events, "Pipelines.JobAbandoned");
        assert_eq!(
            (ended.run, ended.job, ended.actor.authentication.as_str()),
            (Some(run.id), Some(job.job.job_id), "system")
        );
    }

    async fn a_restart_loses_no_run_and_no_lease(mut server, Setup { lease_seconds: 60, ..Setup::default() }) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        let waiting = cast.developer.run(&cast.pipeline).await;
        server.restart().await;
        assert!(!agent.renew(&job).await.unwrap());
        assert_eq!(job.download_own(&server).await.body, cast.content);
        agent.finish(&job, "succeeded").await.unwrap();
        let next = agent.job().await;
        assert_eq!(next.job.run_id, waiting.id);
    }

    async fn a_permission_taken_back_before_the_lease_makes_the_run_wait_again(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let run = cast.developer.run(&cast.pipeline).await;
        assert!(run.waiting_for.is_empty());
        cast.engineer
            .permit(&cast.file, &cast.pipeline, false)
            .await
            .unwrap();
        assert!(agent.lease().await.is_none());
        assert_eq!(cast.developer.run_now(&run).await.waiting_for.len(), 1);
        cast.engineer
            .permit(&cast.file, &cast.pipeline, true)
            .await
            .unwrap();
        assert_eq!(agent.job().await.job.run_id, run.id);
    }

    async fn open_access_lets_every_pipeline_in_until_it_is_restricted(server) {
        let cast = Cast::of(&server).await;
        let permissions = cast.engineer.client.permissions(PROJECT);
        let refused = cast
            .developer
            .client
            .permissions(PROJECT)
            .set_all_pipelines("securefile", &cast.file.id, true)
            .await;
        assert_eq!(refused.unwrap_err().status(), Some(403));
        let open = permissions
            .set_all_pipelines("securefile", &cast.file.id, true)
            .await
            .unwrap();
        assert!(open.all_pipelines.is_some_and(|all| all.authorized));
        assert!(
            cast.developer
                .run(&cast.pipeline)
                .await
                .waiting_for
                .is_empty()
        );
        let restricted = permissions
            .set_all_pipelines("securefile", &cast.file.id, false)
            .await
            .unwrap();
        assert!(restricted.all_pipelines.is_none());
        assert_eq!(
            cast.developer.run(&cast.pipeline).await.waiting_for.len(),
            1
        );
    }
}
