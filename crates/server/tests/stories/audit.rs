//! The audit log: every step leaves its row, the chain holds, and whoever changes it is found out.

use crate::{Cast, newest, reason};
use coffer_testkit::{Engine, PROJECT, both, eventually, random_guid};
use coffer_wire::coffer::AuditEvent;
use coffer_wire::secure_files::SecureFileUpdate;

/// What of an event may differ between two that must look alike: its own identity and the subject's.
fn shape(event: &AuditEvent) -> String {
    let mut event = event.clone();
    event.id = uuid::Uuid::nil();
    event.time = 0;
    event.resource_id = None;
    event.details.remove("activity");
    format!("{event:?}")
}

both! {
    async fn every_step_leaves_its_row_and_the_chain_holds(mut server) {
        let cast = Cast::of(&server).await;
        let files = cast.engineer.client.secure_files(PROJECT);
        let change = SecureFileUpdate {
            name: Some("ca2.pem".into()),
            ..SecureFileUpdate::default()
        };
        let agent = server.agent("hand").await;
        let run = cast.developer.run(&cast.pipeline).await;
        cast.developer
            .permit(&cast.file, &cast.pipeline, true)
            .await
            .unwrap_err();
        cast.engineer
            .permit(&cast.file, &cast.pipeline, true)
            .await
            .unwrap();
        let job = agent.job().await;
        job.download_own(&server).await.ok();
        agent.finish(&job, "succeeded").await.unwrap();
        let second = cast.developer.run(&cast.pipeline).await;
        cast.developer
            .client
            .builds(PROJECT)
            .cancel(second.id)
            .await
            .unwrap();
        cast.engineer
            .permit(&cast.file, &cast.pipeline, false)
            .await
            .unwrap();
        files.update(&cast.file.id, &change).await.unwrap();
        files.delete(&cast.file.id).await.unwrap();
        let token = cast
            .developer
            .client
            .coffer()
            .tokens()
            .await
            .unwrap()
            .remove(0);
        cast.developer
            .client
            .coffer()
            .revoke_token(&token.id.to_string())
            .await
            .unwrap();

        let administrator = server.administrator();
        let events = administrator.audit().await;
        let told: Vec<_> = events
            .iter()
            .map(|event| {
                format!(
                    "{} {} {} {}",
                    event.actor.name, event.actor.authentication, event.action, event.outcome
                )
            })
            .collect();
        for (who, how, action, outcome) in [
            ("Coffer", "system", "Organization.Created", "allowed"),
            (
                "Coffer",
                "system",
                "Organization.FirstAdministratorCreated",
                "allowed",
            ),
            (
                "ada.admin",
                "token",
                "Group.UpdateGroupMembership",
                "allowed",
            ),
            ("ada.admin", "token", "Token.PatCreatedForOther", "allowed"),
            ("ada.admin", "token", "Token.AgentTokenCreated", "allowed"),
            ("rel", "token", "SecureFile.Created", "allowed"),
            ("dev", "token", "Pipelines.PipelineCreated", "allowed"),
            ("dev", "token", "Pipelines.RunQueued", "allowed"),
            ("dev", "token", "Pipelines.RunCanceled", "allowed"),
            ("rel", "token", "SecureFile.Deleted", "allowed"),
            ("dev", "token", "Token.PatRevoked", "allowed"),
        ] {
            let wanted = format!("{who} {how} {action} {outcome}");
            assert!(told.contains(&wanted), "{wanted} is not in {told:#?}");
        }
        assert!(
            events
                .iter()
                .all(|event| event.time > 1_700_000_000_000_000 && !event.action.is_empty())
        );
        let queued = newest(&events, "Pipelines.RunQueued");
        assert_eq!(queued.actor.address.as_deref(), Some("127.0.0.1"));
        let created = newest(&events, "SecureFile.Created");
        assert_eq!(created.details["name"], "ca.pem");
        assert_eq!(created.details["sealedSha256"].len(), 64);
        assert_ne!(
            created.details["sealedSha256"],
            crate::sha256(&cast.content),
            "never a digest of the content"
        );
        let used = newest(&events, "SecureFile.Downloaded");
        assert_eq!(
            (used.actor.authentication.as_str(), used.run, used.job),
            ("job", Some(run.id), Some(job.job.job_id))
        );
        let tickets: Vec<_> = events
            .iter()
            .filter(|event| event.actor.authentication == "agent")
            .collect();
        assert!(!tickets.is_empty(), "an agent's ticket is on record");

        let filtered = administrator
            .get("_apis/coffer/audit?action=SecureFile.Created")
            .await
            .ok();
        assert_eq!(filtered.text().lines().count(), 1, "{}", filtered.text());
        let paged = administrator
            .get("_apis/coffer/audit?after=3&top=2")
            .await
            .ok();
        assert_eq!(paged.text().lines().count(), 2);

        let found = administrator.client.coffer().audit_verify().await.unwrap();
        assert!(found.intact, "{:?}", found.problems);
        assert!(found.linked >= events.len() as i64);
        server.restart().await;
        let found = server
            .administrator()
            .client
            .coffer()
            .audit_verify()
            .await
            .unwrap();
        assert!(found.intact, "{:?}", found.problems);

        // Only administrators read it.
        let answer = cast.engineer.get("_apis/coffer/audit").await;
        answer.refused(403);
        cast.engineer
            .get("_apis/coffer/audit/verify")
            .await
            .refused(403);
    }

    async fn whoever_changes_the_log_is_found_out(server) {
        let cast = Cast::of(&server).await;
        let administrator = server.administrator();
        administrator.audit_settled().await;
        let verify = async || administrator.client.coffer().audit_verify().await.unwrap();
        assert!(verify().await.intact);
        drop(cast);
        let changes = [
            (
                "update audit_event set actor_name = 'eve' where sequence = 3",
                "update audit_event set actor_name = (select actor_name from audit_event e where e.sequence = 2) where sequence = 3",
            ),
            (
                "update audit_event set outcome = 'denied' where sequence = 4",
                "update audit_event set outcome = 'allowed' where sequence = 4",
            ),
            (
                "update audit_event set time = time + 1 where sequence = 5",
                "update audit_event set time = time - 1 where sequence = 5",
            ),
        ];
        for (change, back) in changes {
            let before = administrator
                .get("_apis/coffer/audit?after=2&top=3")
                .await
                .ok()
                .text();
            server.database().sql(change).await;
            let found = verify().await;
            assert!(!found.intact && !found.problems.is_empty(), "{change}");
            server.database().sql(back).await;
            let after = administrator
                .get("_apis/coffer/audit?after=2&top=3")
                .await
                .ok()
                .text();
            if before == after {
                assert!(verify().await.intact, "{back}");
            }
        }
        // A row taken out of the middle, with its link.
        server
            .database()
            .sql("delete from audit_event where sequence = 6")
            .await;
        server
            .database()
            .sql("delete from audit_link where sequence = 6")
            .await;
        let found = verify().await;
        assert!(!found.intact);
        assert!(
            found.problems.iter().any(|problem| problem.contains('6')),
            "{:?}",
            found.problems
        );
    }

    async fn a_file_that_is_not_there_and_one_that_must_not_be_seen_are_alike(server) {
        let cast = Cast::of(&server).await;
        let other = server
            .administrator()
            .client
            .coffer()
            .add_project("Other")
            .await
            .unwrap();
        let stranger = server.person("stranger", &[]).await;
        let (there, absent) = (cast.file.id.clone(), random_guid().to_string());
        let other_id = other.id.unwrap().to_string();
        let mut asked = 0;
        for (who, project) in [
            (&cast.developer, other_id.as_str()),
            (&stranger, "Pay%20Desk"),
            (server.administrator(), "Other"),
        ] {
            for (method, query, body) in [
                ("GET", "", None),
                ("GET", "?includeDownloadTicket=true", None),
                ("GET", "?ticket=x&download=true", None),
                ("PATCH", "", Some("{\"name\":\"x\"}")),
                ("DELETE", "", None),
            ] {
                let ask = async |id: &str| {
                    let path = format!("{project}/_apis/distributedtask/securefiles/{id}{query}");
                    let call = who.call(method, &path);
                    match body {
                        Some(body) => call.body("application/json", body).send().await,
                        None => call.send().await,
                    }
                };
                let before = server.administrator().audit().await.len();
                let first = ask(&there).await;
                let middle = server.administrator().audit().await;
                let second = ask(&absent).await;
                let end = server.administrator().audit().await;
                assert_eq!(
                    first.refused(404).message,
                    second.refused(404).message,
                    "{first}"
                );
                assert_eq!(
                    (&first.text().replace(&there, "ID"), first.headers.len()),
                    (&second.text().replace(&absent, "ID"), second.headers.len())
                );
                let of = |events: &[AuditEvent], from: usize| -> Vec<String> {
                    let own = events[from..].iter().filter(|event| {
                        event.actor.name == who.name && event.action != "AuditLog.AccessLog"
                    });
                    own.map(shape).collect()
                };
                assert_eq!(of(&middle, before), of(&end, middle.len()), "{first}");
                asked += 1;
            }
        }
        assert_eq!(asked, 15);
    }

    async fn denials_are_on_record_even_though_nothing_changed(server) {
        let cast = Cast::of(&server).await;
        let files = cast.developer.client.secure_files(PROJECT);
        files.delete(&cast.file.id).await.unwrap_err();
        let events = server.administrator().audit().await;
        let denied = newest(&events, "SecureFile.Deleted");
        assert_eq!(
            (denied.actor.name.as_str(), reason(denied)),
            ("dev", "role_missing")
        );
        assert_eq!(denied.resource_id.as_deref(), Some(cast.file.id.as_str()));
        // Rows are linked soon, by themselves.
        eventually("the row is linked", || async {
            let waiting = server
                .database()
                .number("select count(*) from audit_event where sequence is null")
                .await;
            waiting == 0
        })
        .await;
        assert!(Engine::both().contains(&server.engine()));
    }
}
