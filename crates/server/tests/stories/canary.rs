//! Secrets are nowhere but where they belong: not in the data folder, the log, or an error's text.

use crate::{sha256, yaml};
use coffer_testkit::{PROJECT, Setup, TestServer, both, random};
use coffer_wire::agent::{Feed, Lines};

async fn assert_nowhere(server: &TestServer, needles: &[(&str, &[u8])], when: &str) {
    for (what, needle) in needles {
        let found = server.grep_everything(needle).await;
        assert!(found.is_empty(), "{what}, {when}: {found:?}");
    }
}

/// Whatever a library would say if it were asked for everything.
fn loud() -> Setup {
    Setup {
        loud: true,
        ..Setup::default()
    }
}

/// The same over TLS.
fn loud_tls() -> Setup {
    Setup {
        tls: true,
        ..loud()
    }
}

both! {
    async fn content_stands_nowhere_before_during_and_after_a_run(mut server, loud_tls()) {
        let (developer, engineer) = (server.developer().await, server.release_engineer().await);
        let canary = random(32);
        let small = [b"-----BEGIN-----\n".as_slice(), &canary, b"\n-----END-----"].concat();
        let mut large = random(200_000);
        large[65_520..65_552].copy_from_slice(&canary);
        let digests = [sha256(&small), sha256(&large)];
        let needles: [(&str, &[u8]); 3] = [
            ("the canary", &canary),
            ("a digest of content", digests[0].as_bytes()),
            ("a digest of content", digests[1].as_bytes()),
        ];
        assert_nowhere(&server, &needles[..1], "before").await;
        engineer.upload("small.p12", &small).await;
        let large_file = engineer.upload("large.p12", &large).await;
        for (what, needle) in &needles[1..] {
            assert_eq!(
                server.grep_stored_and_logged(needle).await,
                Vec::<String>::new(),
                "{what}"
            );
        }

        // Every kind of refusal, with the canary in what is refused.
        let hex = sha256(&canary);
        engineer.try_upload("SMALL.p12", &small).await.unwrap_err();
        let path = engineer.files_path("?name=new.p12");
        let huge = [canary.clone(), vec![7; 10_485_760], canary.clone()].concat();
        engineer
            .call("POST", &path)
            .body("application/octet-stream", huge)
            .send()
            .await
            .refused(413);
        engineer
            .call("POST", &path)
            .body("multipart/form-data", small.clone())
            .send()
            .await
            .refused(415);
        server
            .nobody()
            .call("POST", &path)
            .body("application/octet-stream", small.clone())
            .send()
            .await
            .refused(401);
        let reader = server.person("reader", &[]).await;
        let refused = reader
            .call("POST", &path)
            .body("application/octet-stream", small.clone())
            .send()
            .await;
        assert!(refused.status >= 400);
        let item = engineer.file_path(&large_file.id, "");
        engineer
            .call("PATCH", &item)
            .body("application/json", small.clone())
            .send()
            .await
            .refused(400);
        engineer
            .call("PATCH", &item)
            .body("application/json", format!("{{\"name\":{{\"{hex}\":1}}}}"))
            .send()
            .await
            .refused(400);
        engineer
            .call("PUT", &item)
            .body("application/octet-stream", small.clone())
            .send()
            .await
            .refused(405);
        assert_nowhere(&server, &needles[..1], "after refusals").await;

        let pipeline = developer
            .pipeline("build", &yaml(&["small.p12", "large.p12"]))
            .await;
        let run = developer.run(&pipeline).await;
        for waiting in &run.waiting_for {
            let file = engineer
                .client
                .secure_files(PROJECT)
                .get(&waiting.resource.id)
                .await
                .unwrap();
            engineer.permit(&file, &pipeline, true).await.unwrap();
        }
        let agent = server.agent("hand").await;
        let job = agent.job().await;
        for file in &job.job.resources.secure_files {
            // Not through a `Call`: this answer holds the content, rightly.
            let mut download = agent
                .client
                .download_secure_file(PROJECT, file.id, &file.ticket, job.token())
                .await
                .unwrap();
            let mut content = Vec::new();
            while let Some(piece) = download.chunk().await.unwrap() {
                content.extend_from_slice(&piece);
            }
            assert_eq!(sha256(&content), file.sha256);
            assert!(content == small || content == large);
        }
        assert_nowhere(&server, &needles[..1], "during the run").await;
        agent.finish(&job, "succeeded").await.unwrap();
        server.restart().await;
        assert_nowhere(&server, &needles[..1], "after the run and a restart").await;
        for (what, needle) in &needles[1..] {
            assert_eq!(
                server.grep_stored_and_logged(needle).await,
                Vec::<String>::new(),
                "{what}"
            );
        }
        engineer
            .client
            .secure_files(PROJECT)
            .delete(&large_file.id)
            .await
            .unwrap();
        assert_nowhere(&server, &needles[..1], "after the file was deleted").await;

        // The search finds what is there, and the log was listened to.
        assert!(!server.grep_everything(b"small.p12").await.is_empty());
        assert!(server.logged("coffer::access"));
        // So were libraries; rustls is built without a log.
        for library in ["hyper", "sqlx"] {
            assert!(server.logged(library), "{library} says everything");
        }
    }

    async fn tickets_and_tokens_are_stored_and_logged_nowhere(mut server, loud()) {
        let cast = crate::Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (run, job) = cast.job(&agent).await;
        let line = "a line of the log that stands in no page as it is";
        let feed = Feed {
            lines: vec![Lines {
                record_id: job.step("Say it"),
                first_line: 1,
                lines: vec![line.into()],
            }],
            ..Feed::default()
        };
        let mut with_record = feed.clone();
        with_record.records.push(coffer_wire::agent::Record {
            id: job.step("Say it"),
            name: "Say it".into(),
            ref_name: None,
            order: 2,
            state: "inProgress".into(),
            result: None,
            start_time: Some(1),
            finish_time: None,
            error_count: 0,
            warning_count: 0,
            issues: Vec::new(),
        });
        agent.feed(&job, with_record).await.unwrap();
        assert!(cast.developer.log(&run).await.contains(line));
        job.download_own(&server).await.ok();
        let wrong = format!("{}x", job.file().ticket);
        job.download(&server, &cast.file.id, &wrong)
            .await
            .refused(400);
        server
            .holder(&format!("{}x", job.token()))
            .get("_apis/connectionData")
            .await
            .refused(401);
        agent.finish(&job, "succeeded").await.unwrap();
        job.download_own(&server).await.refused(401);
        server.restart().await;

        let code = server.first_code().to_owned();
        let secrets = [
            ("the ticket", job.file().ticket.as_str()),
            ("the job's token", job.token()),
            ("the lease's token", &job.job.lease_token),
            ("a person's token", cast.engineer.token()),
            (
                "the first administrator's token",
                server.administrator().token(),
            ),
            ("the one-time code", &code),
            ("a line of a log", line),
        ];
        for (what, secret) in secrets {
            let found = server.grep_stored_and_logged(secret.as_bytes()).await;
            assert!(found.is_empty(), "{what}: {found:?}");
        }
        // No refusal repeats them either.
        for secret in [job.file().ticket.as_str(), job.token()] {
            let found = server.grep_everything(secret.as_bytes()).await;
            assert!(found.is_empty(), "{found:?}");
        }
    }
}
