//! Stories about people: added, renamed, shut out, let in again; and what a stranger learns of them.

use crate::{Cast, newest, reason};
use coffer_testkit::{both, group};
use serde_json::json;

both! {
    async fn who_is_shut_out_is_out_at_once_and_for_good(server) {
        let (ada, dev) = (server.administrator(), server.developer().await);
        let users = ada.client.coffer().users().await.unwrap();
        let id = users.iter().find(|user| user.unique_name == "dev").unwrap().id.unwrap();
        let path = format!("_apis/coffer/users/{id}");
        let set = |disabled: bool| ada.call("PATCH", &path).json(&json!({ "disabled": disabled })).send();
        let shut = set(true).await.ok().json();
        assert_eq!(shut["disabled"], true);
        dev.get("_apis/coffer/projects").await.refused(401);
        let again = server.person_token("dev").await;
        again.unwrap_err();

        let events = ada.audit().await;
        let disabled = newest(&events, "Identity.Disabled");
        assert_eq!(disabled.details["identity"], id.to_string());
        let revoked = newest(&events, "Token.PatRevokedForOther");
        assert_eq!(revoked.details["follows"], disabled.id.to_string());
        assert_eq!(revoked.details["owner"], id.to_string());
        assert_eq!(revoked.details["kind"], "pat");

        // Let in again, the old token stays dead; a new one is good.
        assert!(set(false).await.ok().json().get("disabled").is_none());
        dev.get("_apis/coffer/projects").await.refused(401);
        let token = server.person_token("dev").await.unwrap();
        server.holder(&token).get("_apis/coffer/projects").await.ok();
        newest(&ada.audit().await, "Identity.Enabled");
    }

    async fn a_running_job_is_the_build_services_and_goes_on(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("builder").await;
        let (_, job) = cast.job(&agent).await;
        let ada = server.administrator();
        let users = ada.client.coffer().users().await.unwrap();
        let id = users.iter().find(|user| user.unique_name == "dev").unwrap().id.unwrap();
        let path = format!("_apis/coffer/users/{id}");
        ada.call("PATCH", &path).json(&json!({ "disabled": true })).send().await.ok();
        job.user(&server).get("Pay%20Desk/_apis/distributedtask/securefiles").await.ok();
    }

    async fn people_have_one_name_each_in_any_spelling(server) {
        let ada = server.administrator();
        let add = |name: &str| ada.call("POST", "_apis/coffer/users").json(&json!({ "uniqueName": name })).send();
        add("Jörg").await.ok();
        for same in ["jörg", "JÖRG", "ｊörg"] {
            assert_eq!(add(same).await.code(409), "identity.name_taken", "{same}");
        }
        // A name that could be taken for an id, or for a group, is none.
        for bad in ["", " a", "a/b", "[Pay Desk]\\Readers", "3f0a1c7e-5f5b-4c8e-9f1e-2f6d7a8b9c0d", "e\u{301}", "a\u{200b}b"] {
            assert_eq!(add(bad).await.code(400), "argument.invalid", "{bad}");
        }
        let no_group = json!({ "uniqueName": "new", "groups": [{ "name": "Nobodies" }] });
        let answer = ada.call("POST", "_apis/coffer/users").json(&no_group).send().await;
        assert_eq!(answer.code(400), "argument.invalid");
        // Nothing of it stays: neither the person nor the record of one.
        assert_eq!(ada.client.coffer().users().await.unwrap().len(), 2);
    }

    async fn a_person_gets_another_name_to_be_seen_by(server) {
        let (ada, dev) = (server.administrator(), server.developer().await);
        let users = ada.client.coffer().users().await.unwrap();
        let id = users.iter().find(|user| user.unique_name == "dev").unwrap().id.unwrap();
        let path = format!("_apis/coffer/users/{id}");
        let renamed = ada.call("PATCH", &path).json(&json!({ "displayName": "Grace Hopper" })).send().await.ok().json();
        assert_eq!((renamed["uniqueName"].as_str(), renamed["displayName"].as_str()), (Some("dev"), Some("Grace Hopper")));
        assert_eq!(newest(&ada.audit().await, "Identity.Changed").details["display_name"], "Grace Hopper");
        for body in [json!({ "displayName": "x" }), json!({ "disabled": true })] {
            dev.call("PATCH", &path).json(&body).send().await.refused(403);
        }
        assert_eq!(reason(newest(&ada.audit().await, "Identity.Disabled")), "role_missing");
        let nobody = format!("_apis/coffer/users/{}", coffer_testkit::random_guid());
        let answer = ada.call("PATCH", &nobody).json(&json!({ "disabled": true })).send().await;
        assert_eq!(answer.code(404), "identity.not_found");
        assert_eq!(ada.call("PATCH", &path).json(&json!({})).send().await.code(400), "argument.invalid");
    }

    async fn who_may_not_see_the_organization_learns_of_nobody(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("builder").await;
        let (_, job) = cast.job(&agent).await;
        let job = job.user(&server);
        let known = server.administrator().client.graph().users().await.unwrap();
        let (one, other) = (&known[0], coffer_testkit::random_guid());
        let absent = coffer_model::descriptor::subject(
            coffer_model::library::IdentityKind::User,
            coffer_model::IdentityId(other),
        );
        for (there, not) in [
            (format!("_apis/graph/users/{}", one.descriptor), format!("_apis/graph/users/{absent}")),
            (format!("_apis/graph/storagekeys/{}", one.descriptor), format!("_apis/graph/storagekeys/{absent}")),
            (format!("_apis/graph/membershipstates/{}", one.descriptor), format!("_apis/graph/membershipstates/{absent}")),
            (format!("_apis/identities/{}", one.origin_id), format!("_apis/identities/{other}")),
            (format!("_apis/graph/descriptors/{}", one.origin_id), format!("_apis/graph/descriptors/{other}")),
            (format!("_apis/identities?identityIds={}", one.origin_id), format!("_apis/identities?identityIds={other}")),
        ] {
            let (there, not) = (job.get(&there).await, job.get(&not).await);
            assert_eq!(there.code(404), not.code(404), "{there}");
            assert_eq!(there.json()["message"], not.json()["message"], "{there}");
        }
        for list in ["_apis/graph/users", "_apis/graph/groups", "_apis/coffer/users", "_apis/identities?searchFilter=General&filterValue=dev"] {
            job.get(list).await.refused(404);
        }
    }

    async fn another_projects_groups_and_services_are_not_there(server) {
        let ada = server.administrator();
        ada.client.coffer().add_project("Elsewhere").await.unwrap();
        let dev = server.person("dev", &[group::CONTRIBUTORS]).await;
        let groups = dev.client.graph().groups(None).await.unwrap();
        assert!(groups.iter().any(|group| group.principal_name == "[Pay Desk]\\Contributors"));
        assert!(!groups.iter().any(|group| group.principal_name.starts_with("[Elsewhere]")));
        let all = ada.client.graph().groups(None).await.unwrap();
        let foreign = all.iter().find(|group| group.principal_name == "[Elsewhere]\\Contributors").unwrap();
        dev.get(&format!("_apis/graph/groups/{}", foreign.descriptor)).await.refused(404);
        let found = dev.get(&format!("_apis/identities?subjectDescriptors={}", foreign.descriptor)).await.ok().json();
        assert_eq!(found["value"], json!([null]));
        // Who is in the foreign project's groups is not told with the people either.
        let users = dev.client.coffer().users().await.unwrap();
        let groups = users.iter().flat_map(|user| &user.groups);
        assert!(groups.clone().count() > 0 && groups.into_iter().all(|group| group.project.as_deref() != Some("Elsewhere")));
    }
}
