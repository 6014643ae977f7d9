//! Refusals that people understand: what is missing, on what, and who can give it, for whoever sees the thing; the same
//! words whether or not it exists for whoever does not.

use crate::pats::narrow;
use crate::roles::{id_of, project_id};
use crate::{Cast, newest, reason, yaml};
use coffer_model::library::IdentityKind;
use coffer_model::{IdentityId, descriptor};
use coffer_testkit::{Answer, PROJECT, TestServer, User, both, group, random_guid};
use coffer_wire::ErrorEnvelope;
use serde_json::json;
use uuid::Uuid;

/// The words of a refusal: its message, and its hints.
fn words(answer: &Answer, status: u16) -> (String, Vec<String>) {
    let ErrorEnvelope {
        message,
        custom_properties,
        ..
    } = answer.refused(status);
    (
        message,
        custom_properties
            .map(|custom| custom.hints)
            .unwrap_or_default(),
    )
}

async fn assign(server: &TestServer, resource: &str, scope: &str, whom: &User, role: &str) {
    let path = format!(
        "_apis/securityroles/scopes/distributedtask.{scope}/roleassignments/resources/{resource}"
    );
    let body = json!([{"userId": id_of(whom).await, "roleName": role}]);
    server
        .administrator()
        .call("PUT", &path)
        .json(&body)
        .send()
        .await
        .ok();
}

both! {
    async fn whoever_sees_a_file_is_told_what_is_missing_and_who_can_give_it(server) {
        let cast = Cast::of(&server).await;
        let (dev, id) = (&cast.developer, cast.file.id.as_str());
        let (message, hints) = words(&dev.call("DELETE", &dev.file_path(id, "")).send().await, 403);
        assert_eq!(
            message,
            "You may not do this. It takes the role Administrator on the secure file 'ca.pem', and yours is Reader. \
             Who can give it to you: rel, Project Administrators, Release Administrators."
        );
        assert_eq!(hints, ["they type: coffer role assign Administrator dev --file ca.pem"]);
        let (renamed, _) = words(&dev.call("PATCH", &dev.file_path(id, "")).json(&json!({"name": "x"})).send().await, 403);
        assert_eq!(renamed, message);

        let permissions = format!("Pay%20Desk/_apis/pipelines/pipelinepermissions/securefile/{id}");
        let permit = json!({"pipelines": [{"id": cast.pipeline.id, "authorized": true}]});
        let (message, hints) = words(&dev.call("PATCH", &permissions).json(&permit).send().await, 403);
        assert!(message.contains("the role User on the secure file 'ca.pem', and yours is Reader"), "{message}");
        assert!(message.contains("rel, Project Administrators"), "{message}");
        assert!(hints[0].ends_with("assign User dev --file ca.pem"), "{hints:?}");
        let roles = format!("_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{}${id}", project_id(&server).await);
        let body = json!([{"userId": id_of(dev).await, "roleName": "Administrator"}]);
        let (message, _) = words(&dev.call("PUT", &roles).json(&body).send().await, 403);
        assert!(message.contains("the role Administrator on the secure file 'ca.pem'"), "{message}");

        let reader = server.person("reader", &[group::READERS]).await;
        let upload = reader.call("POST", &reader.files_path("?name=x.pem")).body("application/octet-stream", "x").send().await;
        let (message, hints) = words(&upload, 403);
        assert!(message.contains("the role Creator on the library of the project 'Pay Desk', and yours is Reader"), "{message}");
        assert_eq!(hints, ["they type: coffer role assign Creator reader"]);
        let runs = format!("Pay%20Desk/_apis/pipelines/{}/runs", cast.pipeline.id);
        let (message, _) = words(&reader.call("POST", &runs).json(&json!({})).send().await, 403);
        assert!(message.contains("the right 'Queue builds' on the pipeline 'build'"), "{message}");
        assert!(message.contains("Project Administrators"), "{message}");
    }

    async fn who_is_no_help_is_not_named(server) {
        let cast = Cast::of(&server).await;
        let project = project_id(&server).await;
        let (file, ann, bob) = (format!("{project}${}", cast.file.id), server.person("ann", &[group::READERS]).await, server.person("bob", &[group::READERS]).await);
        for whom in [&ann, &bob] {
            assign(&server, &file, "securefile", whom, "Administrator").await;
        }
        let refused = async || {
            let dev = &cast.developer;
            words(&dev.call("DELETE", &dev.file_path(&cast.file.id, "")).send().await, 403).0
        };
        assert!(refused().await.contains("ann, bob, rel, "), "{}", refused().await);
        // One is shut out, one is denied it through a group.
        let users = format!("_apis/coffer/users/{}", id_of(&ann).await);
        server.administrator().call("PATCH", &users).json(&json!({"disabled": true})).send().await.ok();
        let token = format!("Library/{project}/SecureFile/{}", cast.file.id);
        let graph = server.administrator().client.graph();
        let scope = graph.descriptor(&project).await.unwrap();
        let groups = graph.groups(Some(&scope)).await.unwrap();
        let readers = groups.into_iter().find(|one| one.display_name == group::READERS).unwrap().origin_id;
        let readers = descriptor::identity(IdentityKind::Group, IdentityId(Uuid::parse_str(&readers).unwrap()), "");
        let body = json!({"token": token, "merge": false, "accessControlEntries": [
            {"descriptor": readers, "allow": 1, "deny": 2},
        ]});
        server.administrator().call("POST", "_apis/accesscontrolentries/b7e84409-6553-448a-bbb2-af228e07cbeb").json(&body).send().await.ok();
        let message = refused().await;
        assert!(message.contains("you: rel, ") && !message.contains("ann") && !message.contains("bob"), "{message}");
        // Groups of the library are no help at a file that does not inherit, and a long list has an end.
        let off = format!("_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{file}?inheritPermissions=false");
        assign(&server, &file, "securefile", &cast.developer, "Reader").await;
        cast.engineer.call("PATCH", &off).send().await.ok();
        assert!(refused().await.ends_with("Who can give it to you: rel."), "{}", refused().await);
        for n in 0..12 {
            let helper = server.person(&format!("h{n:02}"), &[group::CONTRIBUTORS]).await;
            let path = format!("_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{file}");
            let body = json!([{"userId": id_of(&helper).await, "roleName": "Administrator"}]);
            cast.engineer.call("PUT", &path).json(&body).send().await.ok();
        }
        let message = refused().await;
        assert_eq!(message.matches(", h").count() + message.matches(": h").count(), 10, "{message}");
    }

    async fn a_token_that_is_too_narrow_to_see_is_told_no_names(server) {
        let cast = Cast::of(&server).await;
        let path = format!("Pay%20Desk/_apis/pipelines/pipelinepermissions/securefile/{}", cast.file.id);
        let body = json!({"allPipelines": {"authorized": true}});
        let blind = narrow(&server, &cast.developer, "vso.pipelineresources_manage").await;
        let (message, hints) = words(&blind.call("PATCH", &path).json(&body).send().await, 403);
        assert!(message.contains("the role Administrator on the secure file. Ask an administrator"), "{message}");
        assert!(!message.contains("ca.pem") && !message.contains("rel") && hints.is_empty(), "{message} {hints:?}");
        let seeing = narrow(&server, &cast.developer, "vso.pipelineresources_manage vso.securefiles_read").await;
        let (message, _) = words(&seeing.call("PATCH", &path).json(&body).send().await, 403);
        assert!(message.contains("'ca.pem'") && message.contains("rel"), "{message}");
    }

    async fn who_does_not_see_it_is_told_the_same_of_what_is_there_and_what_is_not(server) {
        let cast = Cast::of(&server).await;
        let hidden = cast.engineer.upload("hidden.pem", b"x").await;
        let path = format!("_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{}${}?inheritPermissions=false", project_id(&server).await, hidden.id);
        cast.engineer.call("PATCH", &path).send().await.ok();
        let dev = &cast.developer;
        let absent = random_guid().to_string();
        for (method, body) in [("GET", None), ("DELETE", None), ("PATCH", Some(json!({"name": "x"})))] {
            let mut told = Vec::new();
            for id in [&hidden.id, &absent] {
                let call = dev.call(method, &dev.file_path(id, ""));
                let call = match &body {
                    Some(body) => call.json(body),
                    None => call,
                };
                told.push(words(&call.send().await, 404));
            }
            assert_eq!(told[0], told[1], "{method}");
            assert!(!told[0].0.contains("rel") && told[0].1.is_empty(), "{method}");
        }
    }

    async fn a_job_is_told_where_its_pipeline_is_permitted(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        cast.engineer.permit(&cast.file, &cast.pipeline, false).await.unwrap();
        let refused = job.download_own(&server).await;
        cast.assert_no_content(&refused);
        let (message, _) = words(&refused, 403);
        assert_eq!(
            message,
            "The pipeline 'build' is not permitted to use the secure file 'ca.pem'. Somebody with the role User on the file \
             can permit it: coffer permission permit ca.pem build"
        );
        let events = server.administrator().audit().await;
        assert_eq!(reason(newest(&events, "SecureFile.Downloaded")), "pipeline_not_permitted");
        // What a job may not decide it is not told how to get either.
        let path = format!("Pay%20Desk/_apis/pipelines/pipelinepermissions/securefile/{}", cast.file.id);
        let user = job.user(&server);
        let (message, hints) = words(&user.call("PATCH", &path).json(&json!({"allPipelines": {"authorized": true}})).send().await, 403);
        assert!(!message.contains("rel") && hints.is_empty(), "{message} {hints:?}");
    }

    async fn a_run_that_waits_says_what_for_to_whoever_may_know(server) {
        let cast = Cast::of(&server).await;
        let run = cast.developer.run(&cast.pipeline).await;
        let wanted = &run.waiting_for[0];
        assert_eq!(wanted.message, "This pipeline needs permission to use the secure file 'ca.pem' before the run can continue.");
        assert_eq!(wanted.who_may_permit[0], "rel");
        let issue = async |user: &User| {
            let timeline = user.client.builds(PROJECT).timeline(run.id).await.unwrap();
            let record = timeline.records.into_iter().find(|record| record.kind == "Checkpoint.Authorization").unwrap();
            (record.issues[0].kind, record.issues[0].message.clone())
        };
        let (kind, message) = issue(&cast.developer).await;
        assert_eq!(kind, "warning");
        assert!(message.contains("'ca.pem' before the run can continue. Who can permit it: rel, "), "{message}");
        // Who sees the run and not the file.
        let path = format!("_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{}${}?inheritPermissions=false", project_id(&server).await, cast.file.id);
        cast.engineer.call("PATCH", &path).send().await.ok();
        let (_, message) = issue(&cast.developer).await;
        assert!(message.starts_with("This pipeline needs permission to use a secure file before"), "{message}");
        assert!(!message.contains("ca.pem") && !message.contains("rel"), "{message}");
    }

    async fn a_pipeline_that_is_not_valid_says_where_in_the_message_too(server) {
        let cast = Cast::of(&server).await;
        let pipeline = cast.developer.pipeline("wrong", &yaml(&["gone.pem", "gone2.pem", "gone3.pem", "gone4.pem"])).await;
        let path = format!("Pay%20Desk/_apis/pipelines/{}/runs", pipeline.id);
        let refused = cast.developer.call("POST", &path).json(&json!({})).send().await;
        assert_eq!(refused.code(400), "pipeline.invalid");
        let message = refused.refused(400).message;
        for piece in ["azure-pipelines.yml:", "gone.pem", "does not exist or has not been authorized for use", "upload the file", "There are 1 more problems"] {
            assert!(message.contains(piece), "{piece}: {message}");
        }
        assert!(!message.contains("gone4.pem"), "{message}");
    }
}
