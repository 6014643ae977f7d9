//! Stories about groups: nested ones decide, and the rules that keep them sound.

use crate::{newest, reason};
use coffer_testkit::{PROJECT, TestServer, User, both, group};
use coffer_wire::graph::{GraphSubject, NewGraphGroup};
use serde_json::json;

/// The descriptor of a project's scope.
async fn scope(user: &User, project: &str) -> String {
    let graph = user.client.graph();
    let found = graph.project(project).await.unwrap();
    graph.descriptor(&found.id).await.unwrap()
}

/// A new group in the first project.
async fn create(user: &User, name: &str) -> GraphSubject {
    let new = NewGraphGroup {
        display_name: Some(name.into()),
        ..NewGraphGroup::default()
    };
    let scope = scope(user, PROJECT).await;
    user.client
        .graph()
        .create_group(Some(&scope), &new)
        .await
        .unwrap()
}

/// A subject by its principal name.
async fn named(server: &TestServer, name: &str) -> GraphSubject {
    let graph = server.administrator().client.graph();
    let groups = graph.groups(None).await.unwrap();
    let users = graph.users().await.unwrap();
    let mut all = groups.into_iter().chain(users);
    all.find(|one| one.principal_name == name).unwrap()
}

fn of_project(group: &str) -> String {
    format!("[{PROJECT}]\\{group}")
}

fn membership(member: &GraphSubject, group: &GraphSubject) -> String {
    format!(
        "_apis/graph/memberships/{}/{}",
        member.descriptor, group.descriptor
    )
}

both! {
    async fn nested_groups_decide_who_sees_a_file(server) {
        let (ada, engineer) = (server.administrator(), server.release_engineer().await);
        engineer.upload("ca.pem", b"content").await;
        let (pia, graph) = (server.person("pia", &[]).await, ada.client.graph());
        let files = "Pay%20Desk/_apis/distributedtask/securefiles";
        pia.get(files).await.refused(404);

        let (crew, sub) = (create(ada, "Crew").await, create(ada, "Night shift").await);
        let person = named(&server, "pia").await;
        graph.join(&person.descriptor, &sub.descriptor).await.unwrap();
        // In any group of the project: a valid user of it, who reads.
        assert_eq!(pia.file_names().await, ["ca.pem"]);
        pia.try_upload("own.pem", b"x").await.unwrap_err();

        graph.join(&sub.descriptor, &crew.descriptor).await.unwrap();
        let contributors = named(&server, &of_project("Contributors")).await;
        graph.join(&crew.descriptor, &contributors.descriptor).await.unwrap();
        pia.upload("own.pem", b"x").await;

        // What broke in the middle is broken for all below.
        graph.leave(&sub.descriptor, &crew.descriptor).await.unwrap();
        pia.try_upload("more.pem", b"x").await.unwrap_err();
        graph.leave(&person.descriptor, &sub.descriptor).await.unwrap();
        let own: Vec<_> = server.administrator().file_names().await;
        assert_eq!(own.len(), 2);
        // Out of every group, only what is hers for good is left: the file that she created.
        assert_eq!(pia.file_names().await, ["own.pem"]);

        let events = ada.audit().await;
        let left = newest(&events, "Group.UpdateGroupMembership");
        assert_eq!(left.details["change"], "removed");
        assert_eq!(left.details["group"], sub.origin_id);
        assert_eq!(left.details["member"], person.origin_id);
        // The new group is among the valid users, which is on record with what brought it.
        let made = events.iter().find(|event| event.action == "Group.CreateGroups").unwrap();
        let follows = events.iter().find(|event| event.details.get("follows") == Some(&made.id.to_string())).unwrap();
        assert_eq!(follows.details["member"], crew.origin_id);
    }

    async fn a_group_is_never_in_itself(server) {
        let ada = server.administrator();
        let (a, b, c) = (create(ada, "A").await, create(ada, "B").await, create(ada, "C").await);
        let graph = ada.client.graph();
        graph.join(&a.descriptor, &b.descriptor).await.unwrap();
        graph.join(&b.descriptor, &c.descriptor).await.unwrap();
        for (member, group) in [(&c, &a), (&b, &a), (&a, &a)] {
            let answer = ada.call("PUT", &membership(member, group)).send().await;
            assert_eq!(answer.code(409), "group.circle");
        }
        // Twice in is in once, and the other way round is no circle.
        graph.join(&a.descriptor, &b.descriptor).await.unwrap();
        graph.join(&a.descriptor, &c.descriptor).await.unwrap();
        ada.call("HEAD", &membership(&a, &c)).send().await.ok();
        assert_eq!(ada.call("HEAD", &membership(&c, &a)).send().await.status, 404);
    }

    async fn default_groups_stay_and_valid_users_follow(server) {
        let ada = server.administrator();
        let person = named(&server, "ada.admin").await;
        for name in [of_project("Readers"), of_project("Project Valid Users"), "[Organization]\\Project Collection Administrators".into()] {
            let group = named(&server, &name).await;
            let path = format!("_apis/graph/groups/{}", group.descriptor);
            assert_eq!(ada.call("DELETE", &path).send().await.code(409), "group.default");
            let rename = json!([{"op": "replace", "path": "/displayName", "value": "Other"}]);
            let call = ada.call("PATCH", &path).body("application/json-patch+json", rename.to_string());
            assert_eq!(call.send().await.code(409), "group.default");
        }
        let follow = [of_project("Project Valid Users"), "[Organization]\\Project Collection Valid Users".into()];
        for name in follow {
            let group = named(&server, &name).await;
            for method in ["PUT", "DELETE"] {
                let answer = ada.call(method, &membership(&person, &group)).send().await;
                assert_eq!(answer.code(409), "group.fixed", "{method} {name}");
            }
        }
        // The organization's administrators administer every project, so that none is without one.
        let all = named(&server, "[Organization]\\Project Collection Administrators").await;
        let here = named(&server, &of_project("Project Administrators")).await;
        assert_eq!(ada.call("DELETE", &membership(&all, &here)).send().await.code(409), "group.fixed");
    }

    async fn a_group_is_renamed_described_and_deleted(server) {
        let ada = server.administrator();
        let crew = create(ada, "Crew").await;
        create(ada, "Other").await;
        let path = format!("_apis/graph/groups/{}", crew.descriptor);
        let patch = |value: serde_json::Value| ada.call("PATCH", &path).body("application/json-patch+json", value.to_string()).send();
        let step = |path: &str, value: &str| json!([{"op": "replace", "path": path, "value": value}]);
        let renamed = patch(step("/displayName", "Shippers")).await.ok().json();
        assert_eq!(renamed["principalName"], of_project("Shippers"));
        assert_eq!(renamed["descriptor"], crew.descriptor.as_str());
        let described = patch(step("/description", "Those who ship")).await.ok().json();
        assert_eq!(described["description"], "Those who ship");
        assert_eq!(patch(step("/displayName", "oTHER")).await.code(409), "identity.name_taken");
        assert_eq!(patch(step("/originId", "x")).await.code(400), "argument.invalid");
        for bad in ["", "a/b", "a\\b", "[a]", " a"] {
            assert_eq!(patch(step("/displayName", bad)).await.code(400), "argument.invalid", "{bad}");
        }
        assert_eq!(ada.call("DELETE", &path).send().await.status, 204);
        assert_eq!(ada.get(&path).await.code(404), "identity.not_found");
        // The name is free again.
        create(ada, "shippers").await;
    }

    async fn the_last_administrator_stays(server) {
        let ada = server.administrator();
        let all = named(&server, "[Organization]\\Project Collection Administrators").await;
        let person = named(&server, "ada.admin").await;
        let last = "organization.last_administrator";
        let disable = format!("_apis/coffer/users/{}", person.origin_id);
        assert_eq!(ada.call("DELETE", &membership(&person, &all)).send().await.code(409), last);
        let call = ada.call("PATCH", &disable).json(&json!({"disabled": true}));
        assert_eq!(call.send().await.code(409), last);

        // Somebody who is one through a group counts; somebody who is shut out does not.
        let new = NewGraphGroup { display_name: Some("Bosses".into()), ..NewGraphGroup::default() };
        let graph = ada.client.graph();
        let bosses = graph.create_group(None, &new).await.unwrap();
        let second = server.person("grace", &[]).await;
        let grace = named(&server, "grace").await;
        graph.join(&grace.descriptor, &bosses.descriptor).await.unwrap();
        graph.join(&bosses.descriptor, &all.descriptor).await.unwrap();
        let shut = format!("_apis/coffer/users/{}", grace.origin_id);
        ada.call("PATCH", &shut).json(&json!({"disabled": true})).send().await.ok();
        assert_eq!(ada.call("DELETE", &membership(&person, &all)).send().await.code(409), last);
        ada.call("PATCH", &shut).json(&json!({"disabled": false})).send().await.ok();
        second.get("_apis/graph/users").await.refused(401);

        let token = server.person_token("grace").await.unwrap();
        ada.call("DELETE", &membership(&person, &all)).send().await.ok();
        // Now the group is what makes the last one.
        let path = format!("_apis/graph/groups/{}", bosses.descriptor);
        ada.call("DELETE", &path).send().await.refused(403);
        let second = server.holder(&token);
        assert_eq!(second.call("DELETE", &path).send().await.code(409), last);
        assert_eq!(second.call("DELETE", &membership(&bosses, &all)).send().await.code(409), last);
    }

    async fn who_does_not_administer_changes_no_group(server) {
        let (ada, dev) = (server.administrator(), server.developer().await);
        let manager = server.person("manager", &[group::PROJECT_ADMINISTRATORS]).await;
        ada.client.coffer().add_project("Elsewhere").await.unwrap();
        let crew = create(&manager, "Crew").await;
        let person = named(&server, "dev").await;
        let path = format!("_apis/graph/groups/{}", crew.descriptor);
        dev.call("DELETE", &path).send().await.refused(403);
        dev.call("PUT", &membership(&person, &crew)).send().await.refused(403);
        let events = ada.audit().await;
        assert_eq!(reason(newest(&events, "Group.UpdateGroupMembership")), "role_missing");
        assert_eq!(reason(newest(&events, "Group.DeleteGroups")), "role_missing");
        // Another project's group and one that is not there: one answer, and one kind of record.
        let foreign = named(&server, "[Elsewhere]\\Contributors").await;
        let mut absent = foreign.clone();
        absent.descriptor = coffer_model::descriptor::subject(
            coffer_model::library::IdentityKind::Group,
            coffer_model::IdentityId(coffer_testkit::random_guid()),
        );
        let mut seen = Vec::new();
        for group in [&foreign, &absent] {
            let answer = manager.call("PUT", &membership(&person, group)).send().await;
            assert_eq!(answer.code(404), "identity.not_found");
            let events = ada.audit().await;
            let event = newest(&events, "Group.UpdateGroupMembership");
            seen.push((answer.json()["message"].clone(), reason(event).to_owned(), event.project));
            assert_eq!(manager.get(&format!("_apis/graph/groups/{}", group.descriptor)).await.code(404), "identity.not_found");
            // Nor is it somebody to put into one's own group.
            assert_eq!(manager.call("PUT", &membership(group, &crew)).send().await.code(404), "identity.not_found");
        }
        assert_eq!(seen[0], seen[1]);
        // The organization's groups are for its administrators.
        let all = named(&server, "[Organization]\\Project Collection Administrators").await;
        manager.call("PUT", &membership(&person, &all)).send().await.refused(403);
        // A group of a project is in groups of that project only.
        let outside = ada.call("PUT", &membership(&crew, &all)).send().await;
        assert_eq!(outside.code(409), "group.other_project");
    }
}
