//! Access control lists over the wire: what they show is what is enforced, and the rules of roles hold here too.

use crate::roles::{group_id, id_of, project_id};
use crate::{Cast, newest};
use coffer_model::IdentityId;
use coffer_model::descriptor;
use coffer_model::library::IdentityKind;
use coffer_testkit::{TestServer, User, both, group, random_guid};
use serde_json::{Value, json};
use uuid::Uuid;

const LIBRARY: &str = "b7e84409-6553-448a-bbb2-af228e07cbeb";
const BUILD: &str = "33344d9c-fc72-4d6f-aba5-fa317101a7e9";
const COLLECTION: &str = "3e65f728-f8bc-4ecd-8764-7e378b19bfa7";
const AUDIT_LOG: &str = "a6cc6381-a1ca-4b36-b3c1-4e65211e82b6";
const OFFICERS: &str = "0d6f3c52-5b0a-4c39-9a5e-6f1b7c1d2e90";

fn identity(kind: IdentityKind, id: &str) -> String {
    descriptor::identity(kind, IdentityId(Uuid::parse_str(id).unwrap()), "")
}

/// The one list of a token.
async fn list(user: &User, namespace: &str, token: &str, extended: bool) -> Value {
    let path = format!(
        "_apis/accesscontrollists/{namespace}?token={token}&includeExtendedInfo={extended}"
    );
    let answer = user.get(&path).await.ok().json();
    assert_eq!(answer["count"], 1, "{answer}");
    answer["value"][0].clone()
}

/// The entry of an identity, whose descriptor ends with a name after the id, or is a group's.
fn entry<'a>(list: &'a Value, descriptor: &str) -> &'a Value {
    let entries = list["acesDictionary"].as_object().unwrap();
    let found = entries.iter().find(|(key, _)| key.starts_with(descriptor));
    found
        .unwrap_or_else(|| panic!("{descriptor} is not in {list}"))
        .1
}

async fn put(
    user: &User,
    namespace: &str,
    token: &str,
    merge: bool,
    who: &str,
    allow: i64,
    deny: i64,
) -> coffer_testkit::Answer {
    let body = json!({"token": token, "merge": merge, "accessControlEntries": [
        {"descriptor": who, "allow": allow, "deny": deny, "extendedInfo": {}},
    ]});
    user.call("POST", &format!("_apis/accesscontrolentries/{namespace}"))
        .json(&body)
        .send()
        .await
}

async fn may(user: &User, namespace: &str, token: &str, bits: i64) -> bool {
    let answer = user
        .get(&format!(
            "_apis/permissions/{namespace}/{bits}?tokens={token}"
        ))
        .await
        .ok()
        .json();
    assert_eq!(answer["count"], 1);
    answer["value"][0].as_bool().unwrap()
}

/// A person of a group of the organization.
async fn officer(server: &TestServer, name: &str, group: &str) -> User {
    server.person(name, &[group]).await
}

both! {
    async fn namespaces_say_what_there_is(server) {
        let user = server.administrator();
        let all = user.get("_apis/securitynamespaces?localOnly=true").await.ok().json();
        assert_eq!(all["count"], 7);
        let one = user.get(&format!("_apis/securitynamespaces/{}", LIBRARY.to_uppercase())).await.ok().json();
        assert_eq!(one["count"], 1);
        let library = &one["value"][0];
        assert_eq!((&library["name"], &library["separatorValue"]), (&json!("Library"), &json!("/")));
        assert_eq!((&library["readPermission"], &library["writePermission"]), (&json!(1), &json!(2)));
        assert_eq!((&library["elementLength"], &library["structureValue"]), (&json!(-1), &json!(1)));
        assert_eq!((&library["useTokenTranslator"], &library["extensionType"]), (&json!(true), &Value::Null));
        let actions: Vec<_> = library["actions"].as_array().unwrap().iter().map(|action| (action["bit"].as_i64().unwrap(), action["name"].as_str().unwrap())).collect();
        assert_eq!(actions, [(1, "View"), (2, "Administer"), (4, "Create"), (8, "ViewSecrets"), (16, "Use"), (32, "Owner")]);
        assert_eq!(user.get(&format!("_apis/securitynamespaces/{}", random_guid())).await.code(404), "access.namespace_unknown");
        assert_eq!(user.get("_apis/accesscontrollists/x?token=y").await.code(404), "access.namespace_unknown");
        server.nobody().get("_apis/securitynamespaces").await.refused(401);
        let rows = user.call("OPTIONS", "_apis/security").send().await.ok().json();
        assert_eq!(rows["count"], 5, "{rows}");
    }

    async fn a_list_is_read_changed_and_enforced_as_infrastructure_tools_do_it(server) {
        let cast = Cast::of(&server).await;
        let project = project_id(&server).await;
        let token = format!("Library/{project}/SecureFile/{}", cast.file.id);
        let engineer = &cast.engineer;
        let (owner, dev) = (
            identity(IdentityKind::User, &id_of(engineer).await),
            identity(IdentityKind::User, &id_of(&cast.developer).await),
        );
        let before = list(engineer, LIBRARY, &token, false).await;
        assert_eq!((&before["token"], &before["inheritPermissions"]), (&json!(token), &json!(true)));
        assert_eq!(before["acesDictionary"].as_object().unwrap().len(), 1);
        assert_eq!(entry(&before, &owner)["allow"], 1 | 2 | 16 | 32);

        let set = put(engineer, LIBRARY, &token, true, &dev, 17, 0).await.ok().json();
        assert_eq!((set["count"].clone(), set["value"][0]["allow"].clone()), (json!(1), json!(17)));
        cast.developer.permit(&cast.file, &cast.pipeline, true).await.unwrap();
        // Added to what is there; the newer wins.
        put(engineer, LIBRARY, &token, true, &dev, 2, 16).await.ok();
        let now = list(engineer, LIBRARY, &token, true).await;
        let row = entry(&now, &dev);
        assert_eq!((&row["allow"], &row["deny"]), (&json!(3), &json!(16)));
        assert_eq!(row["extendedInfo"]["effectiveAllow"], 3);
        assert_eq!(row["extendedInfo"]["effectiveDeny"], 16);
        let readers = identity(IdentityKind::Group, &group_id(engineer, &project, "Project Valid Users").await);
        let row = entry(&now, &readers);
        assert_eq!((&row["allow"], &row["extendedInfo"]["inheritedAllow"]), (&json!(0), &json!(1)));
        cast.developer.permit(&cast.file, &cast.pipeline, false).await.unwrap_err();
        assert!(may(&cast.developer, LIBRARY, &token, 3).await);
        assert!(!may(&cast.developer, LIBRARY, &token, 16).await);
        // A pattern that is no role is not called one.
        let roles = engineer.get(&format!("_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{project}${}", cast.file.id)).await.ok().json();
        let role = roles["value"].as_array().unwrap().iter().find(|row| row["identity"]["uniqueName"] == "dev").unwrap()["role"].clone();
        assert_eq!((&role["name"], &role["allowPermissions"], &role["denyPermissions"]), (&json!("Reader"), &json!(3), &json!(16)));
        assert_eq!(role["displayName"], "Reader (custom rights)");

        // Bit by bit away again, then the rest.
        let left = engineer.call("DELETE", &format!("_apis/permissions/{LIBRARY}/18?token={token}&descriptor={dev}")).send().await.ok().json();
        assert_eq!((&left["allow"], &left["deny"]), (&json!(1), &json!(0)));
        let gone = engineer.call("DELETE", &format!("_apis/accesscontrolentries/{LIBRARY}?token={token}&descriptors={dev}")).send().await.ok();
        assert_eq!(gone.text(), "true");
        assert_eq!(list(engineer, LIBRARY, &token, false).await, before);
        let only = engineer.get(&format!("_apis/accesscontrollists/{LIBRARY}?token={token}&descriptors={dev}")).await.ok().json();
        assert_eq!((only["count"].clone(), only["value"][0]["acesDictionary"].as_object().unwrap().len()), (json!(1), 0));
        let below = engineer.get(&format!("_apis/accesscontrollists/{LIBRARY}?token=Library/{project}&recurse=true")).await.ok().json();
        assert_eq!(below["count"], 2);
        let all = engineer.get(&format!("_apis/accesscontrollists/{LIBRARY}")).await.ok().json();
        assert_eq!(all["count"], 2);
        let events = server.administrator().audit().await;
        let cleared = newest(&events, "Security.ModifyPermission");
        assert_eq!((cleared.details["allow"].as_str(), cleared.details["deny"].as_str()), ("1", "0"));
    }

    async fn the_rules_of_roles_hold_for_lists_too(server) {
        let cast = Cast::of(&server).await;
        let project = project_id(&server).await;
        let (file, library) = (format!("Library/{project}/SecureFile/{}", cast.file.id), format!("Library/{project}"));
        let administrator = server.administrator();
        let owner = identity(IdentityKind::User, &id_of(&cast.engineer).await);
        let dev = identity(IdentityKind::User, &id_of(&cast.developer).await);
        for (allow, deny) in [(1, 0), (0, 0), (19, 0), (51, 4)] {
            assert_eq!(put(administrator, LIBRARY, &file, false, &owner, allow, deny).await.code(409), "role.creator_fixed");
        }
        assert_eq!(put(administrator, LIBRARY, &file, true, &owner, 0, 1).await.code(409), "role.creator_fixed");
        let path = format!("_apis/accesscontrolentries/{LIBRARY}?token={file}&descriptors={owner}");
        assert_eq!(administrator.call("DELETE", &path).send().await.code(409), "role.creator_fixed");
        assert_eq!(put(administrator, LIBRARY, &file, false, &dev, 51, 0).await.code(409), "role.owner_mark");
        let managers = identity(IdentityKind::Group, &group_id(administrator, &project, "Project Administrators").await);
        assert_eq!(put(administrator, LIBRARY, &file, false, &managers, 19, 16).await.code(400), "access.bits_unknown");
        assert_eq!(put(administrator, LIBRARY, &file, false, &managers, 0, 16).await.code(409), "role.inherited");
        assert_eq!(put(administrator, LIBRARY, &library, false, &dev, 64, 0).await.code(400), "access.bits_unknown");
        // A deny for a group that everybody is in would shut everybody out.
        let everybody = identity(IdentityKind::Group, &group_id(administrator, &project, "Project Valid Users").await);
        assert_eq!(put(administrator, LIBRARY, &library, false, &everybody, 1, 2).await.code(409), "role.last_administrator");
        // At one file: its creator is among everybody.
        let deny = put(administrator, LIBRARY, &file, true, &everybody, 1, 2).await;
        assert_eq!(deny.code(409), "role.last_administrator");

        // A whole list at once: the creator's entry must be in it, as it is.
        let lists = async |value: Value| administrator.call("POST", &format!("_apis/accesscontrollists/{LIBRARY}")).json(&json!({"value": value})).send().await;
        let without = lists(json!([{"token": file, "inheritPermissions": false, "acesDictionary": {&dev: {"descriptor": dev, "allow": 1, "deny": 0}}}])).await;
        assert_eq!(without.code(409), "role.creator_fixed");
        let with = lists(json!([{"token": file, "inheritPermissions": false, "acesDictionary": {
            &dev: {"descriptor": dev, "allow": 17, "deny": 0},
            &owner: {"descriptor": owner, "allow": 51, "deny": 0},
        }}])).await;
        assert_eq!(with.status, 204, "{}", with.text());
        assert!(!may(administrator, LIBRARY, &file, 1).await, "inheritance is off");
        let now = list(&cast.engineer, LIBRARY, &file, false).await;
        assert_eq!((&now["inheritPermissions"], now["acesDictionary"].as_object().unwrap().len()), (&json!(false), 2));
        let reset = cast.engineer.call("DELETE", &format!("_apis/accesscontrollists/{LIBRARY}?tokens={file}")).send().await.ok();
        assert_eq!(reset.text(), "true");
        let now = list(&cast.engineer, LIBRARY, &file, false).await;
        assert_eq!((&now["inheritPermissions"], now["acesDictionary"].as_object().unwrap().len()), (&json!(true), 1));
        assert!(may(administrator, LIBRARY, &file, 19).await);
        let reset = administrator.call("DELETE", &format!("_apis/accesscontrollists/{LIBRARY}?tokens={library}")).send().await;
        assert_eq!(reset.code(409), "role.last_administrator");
    }

    async fn rights_on_one_pipeline_are_denied_and_given(server) {
        let cast = Cast::of(&server).await;
        let project = project_id(&server).await;
        let token = format!("{project}/{}", cast.pipeline.id);
        let administrator = server.administrator();
        let dev = identity(IdentityKind::User, &id_of(&cast.developer).await);
        // Release administrators hold no right to administer pipelines.
        assert_eq!(put(&cast.engineer, BUILD, &token, true, &dev, 0, 128).await.code(403), "access.denied");
        assert!(may(&cast.developer, BUILD, &token, 128).await);
        put(administrator, BUILD, &token, true, &dev, 0, 128).await.ok();
        assert!(!may(&cast.developer, BUILD, &token, 128).await);
        let runs = format!("Pay%20Desk/_apis/pipelines/{}/runs", cast.pipeline.id);
        let refused = cast.developer.call("POST", &runs).json(&json!({})).send().await;
        assert_eq!(refused.code(403), "access.denied");
        let gone = administrator.call("DELETE", &format!("_apis/accesscontrolentries/{BUILD}?token={token}&descriptors={dev}")).send().await;
        assert_eq!(gone.ok().text(), "true");
        cast.developer.run(&cast.pipeline).await;
        // Release administrators queue nothing by default: one of them may here.
        let rel = identity(IdentityKind::User, &id_of(&cast.engineer).await);
        cast.engineer.call("POST", &runs).json(&json!({})).send().await.refused(403);
        put(administrator, BUILD, &token, false, &rel, 128, 0).await.ok();
        let run = cast.engineer.run(&cast.pipeline).await;
        // What is hidden is hidden everywhere, and the rest of the project is not.
        let other = cast.developer.pipeline("other", &crate::yaml(&[])).await;
        let kept = cast.developer.run(&other).await;
        let count = async |path: &str| cast.developer.get(&format!("Pay%20Desk/_apis/{path}")).await.ok().json()["count"].clone();
        assert_eq!((count("pipelines").await, count("build/builds").await), (json!(2), json!(3)));
        put(administrator, BUILD, &token, false, &dev, 0, 1 | 1024).await.ok();
        assert_eq!((count("pipelines").await, count("build/builds").await), (json!(1), json!(1)));
        let get = async |path: String| cast.developer.get(&format!("Pay%20Desk/_apis/{path}")).await;
        for path in [
            format!("pipelines/{}", cast.pipeline.id),
            format!("pipelines/{}/runs", cast.pipeline.id),
            format!("pipelines/{}/runs/{}", cast.pipeline.id, run.id),
            format!("build/builds/{}", run.id),
            format!("build/builds/{}/timeline", run.id),
            format!("build/builds/{}/logs", run.id),
        ] {
            get(path).await.refused(404);
        }
        get(format!("build/builds/{}", kept.id)).await.ok();
        let absent = get("build/builds/987654321".into()).await.refused(404);
        assert_eq!(get(format!("build/builds/{}", run.id)).await.refused(404).message, absent.message);
        // Nobody shuts everybody out of a pipeline either.
        let all = identity(IdentityKind::Group, &group_id(administrator, &project, "Project Valid Users").await);
        assert_eq!(put(administrator, BUILD, &project, true, &all, 0, 1).await.code(409), "role.last_administrator");
    }

    async fn officers_have_their_right_and_no_other(server) {
        let cast = Cast::of(&server).await;
        let reader = officer(&server, "aud", group::AUDIT_READERS).await;
        let operator = officer(&server, "key", group::KEY_OPERATORS).await;
        let breaker = officer(&server, "glass", group::BREAK_GLASS_OFFICERS).await;
        reader.get("_apis/coffer/audit?top=1").await.ok();
        assert_eq!(operator.get("_apis/coffer/audit?top=1").await.code(403), "access.denied");
        reader.get(&reader.file_path(&cast.file.id, "")).await.refused(404);
        reader.get("Pay%20Desk/_apis/pipelines").await.refused(404);
        assert!(may(&reader, AUDIT_LOG, "AllPermissions", 1).await);
        assert!(!may(&reader, OFFICERS, "Officers", 1).await);
        for (who, bits) in [(&operator, [true, true, false]), (&breaker, [true, false, true]), (server.administrator(), [true, true, false])] {
            for (bit, wanted) in [1, 2, 4].into_iter().zip(bits) {
                assert_eq!(may(who, OFFICERS, "Officers", bit).await, wanted, "{} {bit}", who.name);
            }
        }
        let project = project_id(&server).await;
        let batch = json!({"alwaysAllowAdministrators": false, "evaluations": [
            {"securityNamespaceId": AUDIT_LOG, "token": "AllPermissions", "permissions": 1},
            {"securityNamespaceId": COLLECTION, "token": "NAMESPACE:", "permissions": 2},
            {"securityNamespaceId": LIBRARY, "token": format!("Library/{project}"), "permissions": 1},
            {"securityNamespaceId": LIBRARY, "token": "Library/nothing", "permissions": 1},
        ]});
        let answer = reader.call("POST", "_apis/security/permissionevaluationbatch").json(&batch).send().await.ok().json();
        let values: Vec<_> = answer["evaluations"].as_array().unwrap().iter().map(|one| one["value"].as_bool().unwrap()).collect();
        assert_eq!(values, [true, false, false, false]);
        // Rights of the organization are handed out by its administrators, and only to what is the organization's.
        let admin = server.administrator();
        let dev = identity(IdentityKind::User, &id_of(&cast.developer).await);
        assert_eq!(put(&reader, AUDIT_LOG, "AllPermissions", true, &dev, 1, 0).await.code(403), "access.denied");
        put(admin, AUDIT_LOG, "AllPermissions", true, &dev, 1, 0).await.ok();
        cast.developer.get("_apis/coffer/audit?top=1").await.ok();
        let team = identity(IdentityKind::Group, &group_id(admin, &project, "Contributors").await);
        assert_eq!(put(admin, AUDIT_LOG, "AllPermissions", true, &team, 1, 0).await.code(404), "identity.not_found");
    }

    async fn an_unknown_token_and_a_foreign_one_get_one_answer(server) {
        let cast = Cast::of(&server).await;
        let project = project_id(&server).await;
        let stranger = server.person("stranger", &[]).await;
        let dev = identity(IdentityKind::User, &id_of(&cast.developer).await);
        let (foreign, absent) = (format!("Library/{project}/SecureFile/{}", cast.file.id), format!("Library/{}/SecureFile/{}", random_guid(), random_guid()));
        let answers = async |token: &str| {
            let path = |what: &str| format!("_apis/{what}/{LIBRARY}?token={token}");
            [
                stranger.get(&path("accesscontrollists")).await.refused(404).message,
                put(&stranger, LIBRARY, token, true, &dev, 1, 0).await.refused(404).message,
                stranger.call("DELETE", &format!("{}&descriptors={dev}", path("accesscontrolentries"))).send().await.refused(404).message,
                stranger.call("DELETE", &format!("_apis/accesscontrollists/{LIBRARY}?tokens={token}")).send().await.refused(404).message,
                may(&stranger, LIBRARY, token, 1).await.to_string(),
            ]
        };
        assert_eq!(answers(&foreign).await, answers(&absent).await);
        let admin = server.administrator();
        for token in ["", "Library", "Library/x", "nonsense"] {
            assert_eq!(put(admin, LIBRARY, token, true, &dev, 1, 0).await.code(404), "access.token_unknown", "{token}");
        }
        assert_eq!(put(admin, LIBRARY, &absent, true, &dev, 1, 0).await.refused(404).message, stranger.get(&format!("_apis/accesscontrollists/{LIBRARY}?token={absent}")).await.refused(404).message);
        assert_eq!(put(admin, LIBRARY, &format!("Library/{project}"), true, "ann", 1, 0).await.code(400), "argument.invalid");
        assert_eq!(stranger.get(&format!("_apis/accesscontrollists/{LIBRARY}")).await.ok().json()["count"], 0);
    }
}

both! {
    async fn a_removed_agent_gets_no_more_work_and_its_job_is_lost(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (run, job) = cast.job(&agent).await;
        let admin = server.administrator();
        let agents = admin.client.coffer().agents().await.unwrap();
        assert_eq!(agents.len(), 1);
        assert_eq!((agents[0].name.as_str(), agents[0].pool.as_str()), ("hand", "Default"));
        let id = agents[0].id.to_string();
        cast.developer.get("_apis/coffer/pools/agents").await.refused(404);
        let path = |id: &str| format!("_apis/coffer/pools/agents/{id}");
        cast.developer.call("DELETE", &path(&id)).send().await.refused(404);
        // Who may see agents, and no more.
        let dev = identity(IdentityKind::User, &id_of(&cast.developer).await);
        put(admin, "101eae8c-1709-47f9-b228-0e476c35b3ba", "AgentPools", true, &dev, 1, 0).await.ok();
        assert_eq!(cast.developer.get("_apis/coffer/pools/agents").await.ok().json()["count"], 1);
        assert_eq!(cast.developer.call("DELETE", &path(&id)).send().await.code(403), "access.denied");
        assert_eq!(admin.call("DELETE", &path(&random_guid().to_string())).send().await.code(404), "agent.not_found");

        admin.client.coffer().remove_agent(&id).await.unwrap();
        job.download_own(&server).await.refused(401);
        agent.renew(&job).await.unwrap_err();
        agent.finish(&job, "succeeded").await.unwrap_err();
        assert!(admin.client.coffer().agents().await.unwrap().is_empty());
        coffer_testkit::eventually("the lost job ends its run", || async {
            cast.developer.run_now(&run).await.state == "completed"
        })
        .await;
        let events = admin.audit().await;
        let removed = newest(&events, "Library.AgentDeleted");
        assert_eq!((removed.outcome.as_str(), removed.resource_id.as_deref()), ("allowed", Some(id.as_str())));
        // A new one of the name is another agent.
        let again = server.agent("hand").await;
        assert_ne!(again.client.agent_id().to_string(), id);
    }
}
