//! Stories about the compatible identities, graph and projects: descriptors both ways, pages, look-ups, operations.

use crate::newest;
use coffer_testkit::{PROJECT, both, group, random_guid};
use serde_json::json;

both! {
    async fn descriptors_lead_to_ids_and_back(server) {
        let dev = server.developer().await;
        let graph = dev.client.graph();
        let project = graph.project(PROJECT).await.unwrap();
        let scope = dev.get(&format!("_apis/graph/descriptors/{}", project.id)).await.ok().json();
        let scope = scope["value"].as_str().unwrap();
        assert!(scope.starts_with("scp."));
        let back = dev.get(&format!("_apis/graph/storagekeys/{scope}")).await.ok().json();
        assert_eq!(back["value"], project.id.as_str());

        // What an infrastructure tool does: scope, groups, storage key, and that id goes into a role.
        let groups = graph.groups(Some(scope)).await.unwrap();
        assert!(groups.iter().all(|group| group.principal_name.starts_with("[Pay Desk]\\")));
        let found = groups.iter().find(|group| group.display_name == "Contributors").unwrap();
        assert_eq!(found.domain, format!("vstfs:///Classification/TeamProject/{}", project.id));
        assert_eq!((found.subject_kind.as_str(), found.origin.as_str()), ("group", "vsts"));
        assert!(found.descriptor.starts_with("vssgp."));
        let key = dev.get(&format!("_apis/graph/storagekeys/{}", found.descriptor)).await.ok().json();
        assert_eq!(key["value"], found.origin_id.as_str());
        let identity = dev.get(&format!("_apis/identities?subjectDescriptors={}", found.descriptor)).await.ok().json();
        let identity = &identity["value"][0];
        assert_eq!((&identity["id"], &identity["isContainer"]), (&key["value"], &json!(true)));
        let descriptor = identity["descriptor"].as_str().unwrap();
        assert!(descriptor.starts_with("Microsoft.TeamFoundation.Identity;S-1-9-"));
        let again = dev.get(&format!("_apis/identities?descriptors={descriptor}")).await.ok().json();
        assert_eq!(again["value"][0]["subjectDescriptor"], found.descriptor.as_str());

        // The caller's own are the same everywhere.
        let me = dev.client.coffer().connection_data().await.unwrap().authenticated_user;
        let users = graph.users().await.unwrap();
        let own = users.iter().find(|user| user.descriptor == me.subject_descriptor).unwrap();
        assert_eq!((own.origin_id.as_str(), own.principal_name.as_str()), (me.id.as_str(), "dev"));
        let identity = dev.get(&format!("_apis/identities/{}?queryMembership=Direct", me.id)).await.ok().json();
        assert_eq!(identity["descriptor"], me.descriptor.as_str());
        assert!(identity["memberOf"].as_array().unwrap().iter().any(|group| group == descriptor));
    }

    async fn lists_come_in_pages(server) {
        let ada = server.administrator();
        for name in ["b", "a", "d", "c"] {
            server.person(name, &[group::CONTRIBUTORS]).await;
        }
        let (mut seen, mut token) = (Vec::new(), String::new());
        for _ in 0..10 {
            let page = ada.get(&format!("_apis/graph/users?$top=2&continuationToken={token}")).await.ok();
            let names = page.json()["value"].as_array().unwrap().clone();
            assert!(names.len() <= 2);
            seen.extend(names.iter().map(|user| user["principalName"].as_str().unwrap().to_owned()));
            token = page.header("x-ms-continuationtoken").to_owned();
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, ["a", "ada.admin", "b", "c", "d"]);
        let refused = ada.get("_apis/graph/users?continuationToken=***").await;
        assert_eq!(refused.code(400), "argument.invalid");
        // Services are asked for by their kind.
        let services = ada.get("_apis/graph/users?subjectTypes=svc").await.ok().json();
        assert_eq!(services["value"][0]["displayName"], "Pay Desk Build Service");
        assert!(services["value"][0]["descriptor"].as_str().unwrap().starts_with("svc."));
    }

    async fn subjects_are_looked_up_and_searched(server) {
        let ada = server.administrator();
        server.person("grace", &[]).await;
        let users = ada.client.graph().users().await.unwrap();
        let grace = users.iter().find(|user| user.principal_name == "grace").unwrap();
        let keys = json!({"lookupKeys": [{"descriptor": grace.descriptor}, {"descriptor": "msa.bm90aGluZw"}, {"descriptor": "x"}]});
        let found = ada.call("POST", "_apis/graph/subjectlookup").json(&keys).send().await.ok().json();
        assert_eq!(found["count"], 1);
        assert_eq!(found["value"][&grace.descriptor]["displayName"], "grace");
        let query = |body: serde_json::Value| ada.call("POST", "_apis/graph/subjectquery").json(&body).send();
        let names = |answer: coffer_testkit::Answer| -> Vec<String> {
            let found = answer.ok().json();
            found["value"].as_array().unwrap().iter().map(|one| one["displayName"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(query(json!({"query": "GRA", "subjectKind": ["User"]})).await), ["grace"]);
        assert_eq!(names(query(json!({"query": "contrib", "subjectKind": ["Group"]})).await), ["Contributors"]);
        assert_eq!(names(query(json!({"query": "gra", "subjectKind": ["Group"]})).await), Vec::<String>::new());
        assert_eq!(names(query(json!({"query": ""})).await), Vec::<String>::new());
        // Order of asking is kept, with null for what is not there.
        let ids = format!("{},{},{}", random_guid(), grace.origin_id, users[0].origin_id);
        let found = ada.get(&format!("_apis/identities?identityIds={ids}")).await.ok().json();
        assert!(found["value"][0].is_null());
        assert_eq!(found["value"][1]["id"], grace.origin_id.as_str());
        let found = ada.get("_apis/identities?searchFilter=General&filterValue=Grace").await.ok().json();
        assert_eq!((found["count"].as_i64(), &found["value"][0]["id"]), (Some(1), &json!(grace.origin_id)));
        assert_eq!(ada.get("_apis/identities").await.code(400), "argument.invalid");

        let state = async |who: &str| ada.get(&format!("_apis/graph/membershipstates/{who}")).await.ok().json();
        assert_eq!(state(&grace.descriptor).await["active"], true);
        let path = format!("_apis/graph/users/{}", grace.descriptor);
        assert_eq!(ada.call("DELETE", &path).send().await.status, 204);
        assert_eq!(state(&grace.descriptor).await["active"], false);
        let added = ada.call("POST", "_apis/graph/users").json(&json!({"principalName": "alan", "displayName": "Alan"})).send().await;
        assert_eq!((added.status, added.json()["principalName"].as_str()), (201, Some("alan")));
    }

    async fn clients_find_the_routes(server) {
        let ada = server.administrator();
        for (area, id) in [
            ("Graph", "ebbe6af8-0b91-4c13-8cf1-777c14858188"),
            ("graph", "e34b6394-6b30-4435-94a9-409a5eef3e31"),
            ("ims", "28010c54-d0c0-4c89-a5b0-1c9e188b9fb7"),
            ("core", "603fe2ac-9723-48b9-88ad-09305aa6c6e1"),
            ("operations", "9a1b74b4-2ca8-4a9f-8470-c2f2e6fdc949"),
        ] {
            let rows = ada.call("OPTIONS", &format!("_apis/{area}")).send().await.ok().json();
            let rows = rows["value"].as_array().unwrap().clone();
            assert!(rows.iter().any(|row| row["id"] == id), "{area}");
        }
    }

    async fn a_project_is_created_renamed_and_described(server) {
        let ada = server.administrator();
        let body = json!({"name": "Mobile", "description": "Apps", "visibility": "private",
            "capabilities": {"versioncontrol": {"sourceControlType": "Git"}, "processTemplate": {"templateTypeId": random_guid()}}});
        let made = ada.call("POST", "_apis/projects").json(&body).send().await;
        assert_eq!((made.status, made.json()["status"].as_str()), (202, Some("succeeded")));
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let operation = ada.get(&format!("_apis/operations/{id}")).await.ok().json();
        assert_eq!(operation["status"], "succeeded");
        ada.get(&format!("_apis/operations/{}", random_guid())).await.refused(404);

        let shown = ada.get("_apis/projects/mobile?includeCapabilities=true").await.ok().json();
        assert_eq!((&shown["id"], &shown["description"], &shown["visibility"]), (&json!(id), &json!("Apps"), &json!("private")));
        assert_eq!(shown["capabilities"]["versioncontrol"]["gitEnabled"], "True");
        assert!(shown["defaultTeam"]["id"].is_string());
        let list = ada.get("_apis/projects?$top=1").await.ok();
        assert_eq!((list.json()["count"].as_i64(), list.header("x-ms-continuationtoken")), (Some(1), "1"));
        let next = ada.get("_apis/projects?$top=1&continuationToken=1").await.ok();
        assert_eq!((next.json()["value"][0]["name"].as_str(), next.header("x-ms-continuationtoken")), (Some("Pay Desk"), ""));
        assert_eq!(ada.get("_apis/projects?stateFilter=deleted").await.ok().json()["count"], 0);

        let patch = |body: serde_json::Value| ada.call("PATCH", &format!("_apis/projects/{id}")).json(&body).send();
        assert_eq!(patch(json!({"name": "Mobile apps"})).await.status, 202);
        ada.get("_apis/projects/Mobile").await.refused(404);
        let renamed = ada.get(&format!("_apis/projects/{id}")).await.ok().json();
        assert_eq!((&renamed["name"], renamed["revision"].as_i64()), (&json!("Mobile apps"), Some(3)));
        let groups = ada.client.graph().groups(None).await.unwrap();
        assert!(groups.iter().any(|group| group.principal_name == "[Mobile apps]\\Contributors"));
        assert!(!groups.iter().any(|group| group.principal_name.starts_with("[Mobile]\\")));
        assert_eq!(newest(&ada.audit().await, "Project.RenameCompleted").details["name"], "Mobile apps");

        assert_eq!(patch(json!({"name": "PAY desk"})).await.code(409), "project.name_taken");
        assert_eq!(patch(json!({"name": "a/b"})).await.code(400), "argument.invalid");
        assert_eq!(patch(json!({"visibility": "public"})).await.code(400), "not_supported");
        for name in ["Organization", "ORGANIZATION", "_x", "a#b", "3f0a1c7e-5f5b-4c8e-9f1e-2f6d7a8b9c0d"] {
            let answer = ada.call("POST", "_apis/projects").json(&json!({"name": name})).send().await;
            assert_eq!(answer.code(400), "argument.invalid", "{name}");
        }
        let answer = ada.call("DELETE", &format!("_apis/projects/{id}")).send().await;
        assert_eq!(answer.code(400), "not_supported");
    }

    async fn who_creates_a_project_administers_it_and_a_contributor_does_not(server) {
        let (ada, dev) = (server.administrator(), server.developer().await);
        let open = json!({"projectCreators": "everybody"});
        ada.call("PATCH", "_apis/coffer/organization").json(&open).send().await.ok();
        let own = dev.client.coffer().add_project("Own").await.unwrap().id.unwrap();
        let rename = |id: &str| dev.call("PATCH", &format!("_apis/projects/{id}")).json(&json!({"name": "Mine"})).send();
        assert_eq!(rename(&own.to_string()).await.status, 202);
        let shared = dev.client.graph().project(PROJECT).await.unwrap();
        rename(&shared.id).await.refused(403);
        dev.call("PATCH", &format!("_apis/projects/{}", shared.id)).json(&json!({"description": "x"})).send().await.refused(403);
        ada.client.coffer().add_project("Hidden").await.unwrap();
        let absent = dev.call("PATCH", "_apis/projects/Nowhere").json(&json!({"name": "x"})).send().await;
        let hidden = dev.call("PATCH", "_apis/projects/Hidden").json(&json!({"name": "x"})).send().await;
        assert_eq!(hidden.code(404), absent.code(404));
    }
}
