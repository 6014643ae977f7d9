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

    async fn whoever_is_not_the_job_gets_no_ticket_and_no_content(server) {
        let cast = Cast::permitted(&server).await;
        let engineer = &cast.engineer;
        let second = engineer.upload("second.pem", &random(100)).await;
        engineer.upload("unplanned.pem", &random(100)).await;
        let agent = server.agent("hand").await;
        // A job of two files; one of another run; and one that is over.
        let pipeline = cast.developer.pipeline("two", &yaml(&["ca.pem", "second.pem"])).await;
        for file in [&cast.file, &second] {
            engineer.permit(file, &pipeline, true).await.unwrap();
        }
        cast.developer.run(&pipeline).await;
        let job = agent.job().await;
        let ticket = |file: &str| {
            let files = &job.job.resources.secure_files;
            files.iter().find(|one| one.id.to_string() == file).unwrap().ticket.clone()
        };
        let (real, of_second) = (ticket(&cast.file.id), ticket(&second.id));
        let (_, other) = cast.job(&agent).await;
        let (_, ended) = cast.job(&agent).await;
        let (ended_user, ended_ticket) = (ended.user(&server), ended.file().ticket.clone());
        agent.finish(&ended, "succeeded").await.unwrap();

        let user = server.person("user", &[group::READERS]).await;
        let roles = format!(
            "_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{}${}",
            crate::roles::project_id(&server).await,
            cast.file.id
        );
        let body = serde_json::json!([{"userId": crate::roles::id_of(&user).await, "roleName": "User"}]);
        engineer.call("PUT", &roles).json(&body).send().await.ok();
        let person = async |name: &str, groups: &[&str]| server.person(name, groups).await;
        let token = async |scope: &str| crate::pats::narrow(&server, engineer, scope).await;
        let (hand, none, jobs, wrong) = ("content_is_for_jobs", "not_found", "ticket_invalid", "token_invalid");
        // Who, with which ticket, the status, and the reason on record.
        let table = [
            ("a reader", person("reader", &[group::READERS]).await, &real, 403, hand),
            ("a user", user, &real, 403, hand),
            ("a creator", person("creator", &[group::CONTRIBUTORS]).await, &real, 403, hand),
            ("an administrator of the library", person("keeper", &[group::RELEASE_ADMINISTRATORS]).await, &real, 403, hand),
            ("an administrator of builds", person("builds", &[group::BUILD_ADMINISTRATORS]).await, &real, 403, hand),
            ("an administrator of the project", person("manager", &[group::PROJECT_ADMINISTRATORS]).await, &real, 403, hand),
            ("an administrator of the organization", server.holder(server.administrator().token()), &real, 403, hand),
            ("the owner", server.holder(engineer.token()), &real, 403, hand),
            ("an officer", person("officer", &[group::BREAK_GLASS_OFFICERS]).await, &real, 404, none),
            ("a stranger", person("stranger", &[]).await, &real, 404, none),
            ("a token to read files", token("vso.securefiles_read").await, &real, 403, hand),
            ("a token to manage files", token("vso.securefiles_manage").await, &real, 403, hand),
            ("a token for everything", token("app_token").await, &real, 403, hand),
            ("a token for pipelines", token("vso.build_execute vso.pipelineresources_manage").await, &real, 403, hand),
            ("a registration token", server.holder(&server.agent_token().await), &real, 404, none),
            ("nobody", server.nobody(), &real, 401, ""),
            ("a job of another run", other.user(&server), &real, 400, jobs),
            ("a job that is over", ended_user, &ended_ticket, 401, wrong),
            ("the job, with the ticket of another file", job.user(&server), &of_second, 400, jobs),
            ("the job, with another job's ticket", job.user(&server), &other.file().ticket, 400, jobs),
            ("the job, with the ticket of one that is over", job.user(&server), &ended_ticket, 400, jobs),
        ];
        for (who, asking, ticket, status, why) in &table {
            let before = server.administrator().audit().await.len();
            let answer = asking.get(&asking.file_path(&cast.file.id, &format!("?ticket={ticket}&download=true"))).await;
            cast.assert_no_content(&answer);
            answer.refused(*status);
            assert!(!answer.text().contains(ticket.as_str()), "{who}");
            let events = server.administrator().audit().await;
            let denied: Vec<_> = events[before..].iter().filter(|event| event.outcome == "denied").collect();
            if !why.is_empty() {
                assert_eq!(denied.len(), 1, "{who}: {denied:?}");
                assert_eq!(reason(denied[0]), *why, "{who}");
                let action = if *status == 401 { "Token.Refused" } else { "SecureFile.Downloaded" };
                assert_eq!(denied[0].action, action, "{who}");
            }
            if who.starts_with("the job") || who.starts_with("a job of") {
                continue;
            }
            // Nor does asking for a ticket get one, in any form; and who may see the file is not even refused.
            for path in [
                asking.file_path(&cast.file.id, "?includeDownloadTicket=true"),
                asking.files_path("?includeDownloadTickets=True"),
                asking.files_path("?secureFileNames=ca.pem&includeDownloadTickets=true"),
            ] {
                let asked = asking.get(&path).await;
                assert!(!asked.text().contains("\"ticket\""), "{who}: {}", asked.text());
                assert_eq!(asked.status == 200, *why == hand && !who.contains("pipelines"), "{who}: {asked}");
            }
        }

        // The job itself: a ticket for each file of its plan and for no other, however it lists them, and each works.
        let live = job.user(&server);
        let listed = live.get(&live.files_path("?includeDownloadTickets=true")).await.ok().json();
        let mut with = Vec::new();
        for file in listed["value"].as_array().unwrap() {
            if let Some(ticket) = file["ticket"].as_str() {
                with.push(file["name"].as_str().unwrap().to_owned());
                let answer = job.download(&server, file["id"].as_str().unwrap(), ticket).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
            }
        }
        assert_eq!((listed["count"].clone(), with), (serde_json::json!(3), vec!["ca.pem".to_owned(), "second.pem".to_owned()]));
        assert!(!live.get(&live.files_path("")).await.ok().text().contains("\"ticket\""), "not asked for, not given");
        let events = server.administrator().audit().await;
        let asked: Vec<_> = events.iter().filter(|event| event.action == "SecureFile.TicketIssued").map(|event| event.outcome.as_str()).collect();
        assert!(!asked.contains(&"denied"), "of what is not in its plan nothing is asked");
        // One that it may not have now comes without, is on record, and does not keep the others.
        engineer.permit(&second, &pipeline, false).await.unwrap();
        let listed = live.get(&live.files_path("?includeDownloadTickets=true")).await.ok().json();
        let with: Vec<_> = listed["value"].as_array().unwrap().iter().filter(|file| file.get("ticket").is_some()).collect();
        assert_eq!((with.len(), &with[0]["name"]), (1, &serde_json::json!("ca.pem")));
        let events = server.administrator().audit().await;
        let refused = newest(&events, "SecureFile.TicketIssued");
        assert_eq!((reason(refused), refused.resource_id.as_deref()), ("pipeline_not_permitted", Some(second.id.as_str())));
    }
}
