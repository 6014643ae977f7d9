//! The main job, led by the hand: a pipeline asks, waits, is permitted, gets the file, and nothing is good afterwards.

use crate::{Cast, newest, reason, sha256};
use coffer_testkit::{PROJECT, both};
use coffer_wire::agent::{Feed, Lines, Record};

both! {
    async fn a_run_waits_for_permission_gets_its_file_and_leaves_nothing_that_works(server) {
        let cast = Cast::of(&server).await;
        let agent = server.agent("hand").await;

        let run = cast.developer.run(&cast.pipeline).await;
        assert_eq!(run.state, "inProgress");
        assert_eq!(run.waiting_for.len(), 1);
        let waiting = &run.waiting_for[0];
        assert_eq!(waiting.resource.id, cast.file.id);
        assert_eq!(waiting.resource.name.as_deref(), Some("ca.pem"));
        assert!(!waiting.you_may_permit);
        assert!(!waiting.who_may_permit.is_empty());
        assert!(
            agent.lease().await.is_none(),
            "nothing starts before somebody permits"
        );

        let refused = cast
            .developer
            .permit(&cast.file, &cast.pipeline, true)
            .await
            .unwrap_err();
        assert_eq!(refused.status(), Some(403), "{refused}");
        assert_eq!(cast.developer.run_now(&run).await.waiting_for.len(), 1);
        assert!(agent.lease().await.is_none());

        assert!(cast.engineer.run_now(&run).await.waiting_for[0].you_may_permit);
        cast.engineer
            .permit(&cast.file, &cast.pipeline, true)
            .await
            .unwrap();
        assert!(
            cast.developer.run_now(&run).await.waiting_for.is_empty(),
            "the same run goes on"
        );

        let leased = agent.job().await;
        assert_eq!(leased.job.run_id, run.id);
        assert!(agent.lease().await.is_none(), "a job is handed out once");
        let file = leased.file();
        assert_eq!(
            (file.id.to_string(), file.name.as_str()),
            (cast.file.id.clone(), "ca.pem")
        );
        assert_eq!(
            (file.length, file.sha256.as_str()),
            (cast.content.len() as u64, sha256(&cast.content).as_str())
        );
        assert!(file.ticket.len() >= 43, "256 bits");

        for _ in 0..3 {
            let answer = leased.download_own(&server).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(answer.body == cast.content && answer.whole);
            assert_eq!(answer.header("content-type"), "application/octet-stream");
            assert_eq!(
                answer.header("content-length"),
                cast.content.len().to_string()
            );
            assert_eq!(answer.header("content-encoding"), "");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert!(answer.header("cache-control").contains("no-store"));
            assert!(
                answer
                    .header("content-disposition")
                    .starts_with("attachment")
            );
        }
        let greedy = leased
            .user(&server)
            .call(
                "GET",
                &cast
                    .engineer
                    .file_path(&cast.file.id, &format!("?ticket={}", file.ticket)),
            )
            .header("Accept-Encoding", "gzip, br")
            .header("Range", "bytes=0-3")
            .send()
            .await;
        assert_eq!(
            (greedy.status, greedy.header("content-encoding")),
            (200, "")
        );
        assert!(greedy.body == cast.content, "all or nothing");

        let step = leased.step("Say it");
        let feed = Feed {
            lease_token: String::new(),
            records: vec![Record {
                id: step,
                name: "Say it".into(),
                ref_name: None,
                order: 2,
                state: "completed".into(),
                result: Some("succeeded".into()),
                start_time: Some(1),
                finish_time: Some(2),
                error_count: 0,
                warning_count: 0,
                issues: Vec::new(),
            }],
            lines: vec![Lines {
                record_id: step,
                first_line: 1,
                lines: vec!["one".into(), "two ä".into(), "three".into()],
            }],
        };
        assert!(!agent.feed(&leased, feed.clone()).await.unwrap());
        agent.feed(&leased, feed.clone()).await.unwrap();
        let mut more = feed.clone();
        more.lines[0].first_line = 3;
        more.lines[0].lines = vec!["three".into(), "four".into()];
        agent.feed(&leased, more).await.unwrap();
        let mut gap = feed;
        gap.lines[0].first_line = 9;
        assert_eq!(
            agent.feed(&leased, gap).await.unwrap_err().status(),
            Some(400)
        );

        let builds = cast.developer.client.builds(PROJECT);
        let logs = builds.logs(run.id).await.unwrap();
        let log = logs.iter().find(|log| log.line_count == 4).unwrap();
        assert_eq!(
            builds.log(run.id, log.id, 1).await.unwrap(),
            ["one", "two ä", "three", "four"]
        );
        assert_eq!(
            builds.log(run.id, log.id, 3).await.unwrap(),
            ["three", "four"]
        );
        let path = format!(
            "{}/_apis/build/builds/{}/logs/{}",
            PROJECT.replace(' ', "%20"),
            run.id,
            log.id
        );
        let some = cast
            .developer
            .call("GET", &format!("{path}?startLine=2&endLine=3"))
            .header("Accept", "application/json")
            .send()
            .await
            .ok();
        assert_eq!(
            some.json()["value"],
            serde_json::json!(["two ä", "three"]),
            "{}",
            some.text()
        );

        agent.finish(&leased, "succeeded").await.unwrap();
        agent.finish(&leased, "succeeded").await.unwrap();
        let ended = cast.developer.run_now(&run).await;
        assert_eq!(
            (ended.state.as_str(), ended.result.as_deref()),
            ("completed", Some("succeeded"))
        );

        let dead = leased.download_own(&server).await;
        cast.assert_no_content(&dead);
        dead.refused(401);
        let file_path = cast.engineer.file_path(&cast.file.id, "");
        leased.user(&server).get(&file_path).await.refused(401);
        assert_eq!(agent.renew(&leased).await.unwrap_err().status(), Some(409));

        let second = cast.developer.run(&cast.pipeline).await;
        assert!(second.waiting_for.is_empty(), "the grant is remembered");
        let leased = agent.job().await;
        assert_eq!(leased.job.run_id, second.id);
        assert_eq!(leased.download_own(&server).await.status, 200);
        agent.finish(&leased, "succeeded").await.unwrap();

        let events = server.administrator().audit().await;
        let uses: Vec<_> = events
            .iter()
            .filter(|event| event.action == "SecureFile.Downloaded")
            .collect();
        assert_eq!(uses.len(), 5, "each use is on record");
        assert!(
            uses.iter().all(|event| event.outcome == "allowed"
                && event.run.is_some()
                && event.job.is_some())
        );
        let permitted: Vec<_> = events
            .iter()
            .filter(|event| event.details.contains_key("pipeline"))
            .collect();
        assert_eq!(reason(permitted[0]), "role_missing");
        assert_eq!(
            (
                permitted[0].actor.name.as_str(),
                permitted[1].actor.name.as_str()
            ),
            ("dev", "rel")
        );
        assert_eq!(newest(&events, "Pipelines.RunQueued").actor.name, "dev");
        let dead: Vec<_> = events
            .iter()
            .filter(|event| event.action == "Token.Refused")
            .collect();
        assert_eq!(
            (reason(dead[0]), dead[0].resource_id.as_deref()),
            ("token_invalid", Some("job"))
        );
        assert!(dead.len() <= 2, "the attempts of a minute are one row");
    }
}
