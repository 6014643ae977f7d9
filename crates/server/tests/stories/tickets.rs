//! Tickets that must not work, and people who ask for content in every way there is.

use crate::{Cast, newest, reason, yaml};
use coffer_testkit::{PROJECT, Setup, TestServer, both, group, random};
use coffer_wire::coffer::AuditEvent;

/// The newest attempt at content, as the audit log has it.
async fn newest_attempt(server: &TestServer) -> AuditEvent {
    let events = server.administrator().audit().await;
    newest(&events, "SecureFile.Downloaded").clone()
}

both! {
    async fn a_ticket_is_good_for_its_job_and_its_file_alone(server) {
        let cast = Cast::permitted(&server).await;
        let other = cast.engineer.upload("other.bin", &random(100)).await;
        let agent = server.agent("hand").await;
        let (_, first) = cast.job(&agent).await;
        let (_, second) = cast.job(&agent).await;
        let (id, ticket) = (cast.file.id.as_str(), first.file().ticket.as_str());
        assert_ne!(ticket, second.file().ticket);

        let mut altered = ticket.to_owned().into_bytes();
        altered[7] = if altered[7] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        let long = "A".repeat(5000);
        let attempts = [
            ("of another job", second.download(&server, id, ticket).await),
            ("altered", first.download(&server, id, &altered).await),
            ("cut", first.download(&server, id, &ticket[..20]).await),
            ("empty", first.download(&server, id, "").await),
            ("far too long", first.download(&server, id, &long).await),
            (
                "of another file",
                first.download(&server, &other.id, ticket).await,
            ),
            (
                "twice",
                first
                    .download(&server, id, &format!("{ticket}{ticket}"))
                    .await,
            ),
        ];
        for (what, answer) in &attempts {
            cast.assert_no_content(answer);
            assert_eq!(answer.code(400), "ticket.invalid", "{what}");
            assert!(!answer.text().contains(ticket), "{what}");
        }
        let events = server.administrator().audit().await;
        let denied: Vec<_> = events
            .iter()
            .filter(|event| event.action == "SecureFile.Downloaded" && event.outcome == "denied")
            .collect();
        assert_eq!(denied.len(), attempts.len(), "each attempt is on record");
        assert!(
            denied
                .iter()
                .all(|event| reason(event) == "ticket_invalid" && event.job.is_some())
        );
        assert_eq!(
            denied[0].job,
            Some(second.job.job_id),
            "whoever tried is named, not whose ticket it was"
        );

        let without = first
            .user(&server)
            .get(&cast.engineer.file_path(id, "?download=true"))
            .await;
        cast.assert_no_content(&without);
        assert_eq!(
            first.download_own(&server).await.body,
            cast.content,
            "and the good one still works"
        );
    }

    async fn a_person_with_a_real_ticket_gets_nothing(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        let path = cast
            .engineer
            .file_path(&cast.file.id, &format!("?ticket={}", job.file().ticket));
        for person in [&cast.engineer, &cast.developer, server.administrator()] {
            let answer = person.get(&path).await;
            cast.assert_no_content(&answer);
            assert_eq!(answer.code(403), "content.for_jobs", "{}", person.name);
            let attempt = newest_attempt(&server).await;
            assert_eq!(
                (reason(&attempt), &attempt.actor.name),
                ("content_is_for_jobs", &person.name)
            );
        }
        let stranger = server.person("stranger", &[]).await;
        let answer = stranger.get(&path).await;
        cast.assert_no_content(&answer);
        answer.refused(404);
        server.nobody().get(&path).await.refused(401);
    }

    async fn a_ticket_ends_with_the_lease(mut server, Setup { duties: false, ..Setup::default() }) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        assert_eq!(job.download_own(&server).await.status, 200);
        server.advance_clock(20);
        agent.renew(&job).await.unwrap();
        server.advance_clock(20);
        assert_eq!(
            job.download_own(&server).await.status,
            200,
            "a renewed lease lives on"
        );
        server.advance_clock(11);
        let late = job.download_own(&server).await;
        cast.assert_no_content(&late);
        // The job's token lives with the lease too, so nobody is signed in.
        assert_eq!(late.code(401), "token.invalid");
        agent.finish(&job, "succeeded").await.unwrap_err();
        let events = server.administrator().audit().await;
        let refused = newest(&events, "Token.Refused");
        assert_eq!(
            (reason(refused), refused.resource_id.as_deref()),
            ("token_invalid", Some("job"))
        );
        assert_eq!(
            (
                refused.actor.authentication.as_str(),
                refused.actor.address.as_deref()
            ),
            ("anonymous", Some("127.0.0.1"))
        );
    }

    async fn a_permission_taken_back_counts_at_once(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        assert_eq!(job.download_own(&server).await.status, 200);
        cast.engineer
            .permit(&cast.file, &cast.pipeline, false)
            .await
            .unwrap();
        let refused = job.download_own(&server).await;
        cast.assert_no_content(&refused);
        assert_eq!(refused.code(403), "access.denied");
        assert_eq!(
            reason(&newest_attempt(&server).await),
            "pipeline_not_permitted"
        );
        cast.engineer
            .permit(&cast.file, &cast.pipeline, true)
            .await
            .unwrap();
        assert_eq!(job.download_own(&server).await.status, 200);
    }

    async fn a_deleted_file_is_gone_for_its_tickets_too(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        let files = cast.engineer.client.secure_files(PROJECT);
        files.delete(&cast.file.id).await.unwrap();
        let gone = job.download_own(&server).await;
        cast.assert_no_content(&gone);
        assert!(gone.status == 404 || gone.status == 400, "{gone}");
        gone.refused(gone.status);
        let attempt = newest_attempt(&server).await;
        assert_eq!(attempt.outcome, "denied");
        assert_eq!(attempt.resource_id.as_deref(), Some(cast.file.id.as_str()));
        // A new file of the same name is another file.
        cast.engineer.upload("ca.pem", b"another").await;
        let still = job.download_own(&server).await;
        assert!(still.status >= 400, "{still}");
    }

    async fn a_job_that_asks_gets_a_ticket_for_its_own_file_only(server) {
        let cast = Cast::permitted(&server).await;
        let other = cast.engineer.upload("other.bin", &random(100)).await;
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        let user = job.user(&server);
        let own = user
            .get(
                &cast
                    .engineer
                    .file_path(&cast.file.id, "?includeDownloadTicket=true"),
            )
            .await
            .ok()
            .json();
        let ticket = own["ticket"].as_str().expect("a live job gets one");
        assert_eq!(
            job.download(&server, &cast.file.id, ticket).await.body,
            cast.content
        );
        let foreign = user
            .get(
                &cast
                    .engineer
                    .file_path(&other.id, "?includeDownloadTicket=true"),
            )
            .await;
        assert!(
            foreign.status == 404 || foreign.json().get("ticket").is_none(),
            "{}",
            foreign.text()
        );
    }

    async fn a_person_with_every_role_gets_no_ticket_and_no_content(server) {
        let everything = server
            .person(
                "omni",
                &[
                    group::COLLECTION_ADMINISTRATORS,
                    group::PROJECT_ADMINISTRATORS,
                    group::BUILD_ADMINISTRATORS,
                    group::RELEASE_ADMINISTRATORS,
                    group::CONTRIBUTORS,
                ],
            )
            .await;
        let content = random(300);
        // The creator of the file too; and its pipeline is permitted, and runs.
        let file = everything.upload("mine.p12", &content).await;
        let pipeline = everything.pipeline("mine", &yaml(&["mine.p12"])).await;
        everything.permit(&file, &pipeline, true).await.unwrap();
        everything.run(&pipeline).await;
        let job = server.agent("hand").await.job().await;
        let cast = Cast {
            developer: server.nobody(),
            engineer: server.nobody(),
            content: content.clone(),
            file: file.clone(),
            pipeline,
        };

        let ticket = &job.file().ticket;
        let queries = [
            String::new(),
            "?includeDownloadTicket=true".into(),
            "?includeDownloadTickets=true".into(),
            "?includeDownloadTicket=true&includeDownloadTickets=true&actionFilter=manage".into(),
            "?download=true".into(),
            "?download=true&includeDownloadTicket=true".into(),
            format!("?ticket={ticket}"),
            format!("?ticket={ticket}&download=true"),
            format!("?ticket={ticket}&download=false&api-version=5.0-preview.1"),
            "?ticket=".into(),
            "?ticket=true&download=true".into(),
            "?$format=octetStream".into(),
        ];
        let accepts = [
            "application/octet-stream",
            "application/json",
            "application/zip",
            "*/*",
            "text/html",
        ];
        let mut asked = 0;
        for query in &queries {
            let paths = [
                everything.file_path(&file.id, query),
                everything.files_path(query),
            ];
            for path in &paths {
                for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
                    // What changes the file, or answers for it, is another story.
                    if (method == "DELETE" || method == "POST")
                        && path.contains(&file.id) == (method == "DELETE")
                    {
                        continue;
                    }
                    for accept in accepts {
                        if method != "GET" && accept != accepts[0] {
                            continue;
                        }
                        let answer = everything
                            .call(method, path)
                            .header("Accept", accept)
                            .header("Range", "bytes=0-63")
                            .send()
                            .await;
                        cast.assert_no_content(&answer);
                        assert!(
                            !answer.text().contains("\"ticket\""),
                            "{answer}: {}",
                            answer.text()
                        );
                        assert!(!answer.text().contains(ticket.as_str()), "{answer}");
                        assert_ne!(answer.status, 206, "{answer}");
                        assert!(answer.status < 500, "{answer}");
                        assert_ne!(
                            answer.header("content-type"),
                            "application/octet-stream",
                            "{answer}"
                        );
                        asked += 1;
                    }
                }
            }
        }
        assert!(asked > 150, "{asked}");
        let names = everything.files_path("?secureFileNames=mine.p12&includeDownloadTickets=true");
        let listed = everything.get(&names).await.ok().json();
        assert_eq!(listed["count"], 1);
        assert!(
            listed["value"][0].get("ticket").is_none(),
            "absent, not null"
        );
        // The same bytes are there for the job all the while.
        assert_eq!(job.download_own(&server).await.body, content);
    }
}
