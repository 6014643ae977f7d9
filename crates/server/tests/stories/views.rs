//! Several routes, one state: a permission given through any of four routes is read through all of them, and a right set
//! as a role or as an entry is shown by both and enforced.

use crate::Cast;
use crate::roles::{id_of, project_id};
use coffer_testkit::{PROJECT, TestServer, User, both};
use coffer_wire::paths::{self, fill};
use coffer_wire::pipelines::Pipeline;
use coffer_wire::secure_files::SecureFile;
use serde_json::{Value, json};

/// The routes that change pipeline permissions.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Through {
    Item,
    Batch,
    /// `build/authorizedresources`, or `build/definitions/{id}/resources` for one pipeline.
    Older,
}

/// Changes one pipeline's permit, or open access, through one of them.
async fn change(
    through: Through,
    user: &User,
    file: &SecureFile,
    pipeline: Option<&Pipeline>,
    on: bool,
) {
    let mut wanted = match pipeline {
        Some(pipeline) => json!({"pipelines": [{"id": pipeline.id, "authorized": on}]}),
        None => json!({"allPipelines": {"authorized": on}}),
    };
    let older = json!([{"type": "SecureFile", "id": file.id.to_uppercase(), "name": "whatever", "authorized": on}]);
    let (path, body) = match (through, pipeline) {
        (Through::Item, _) => (
            fill(paths::permissions::ITEM, &[PROJECT, "securefile", &file.id]),
            wanted,
        ),
        (Through::Batch, _) => {
            wanted["resource"] = json!({"type": "securefile", "id": file.id});
            (
                fill(paths::permissions::COLLECTION, &[PROJECT]),
                json!([wanted]),
            )
        }
        (Through::Older, Some(pipeline)) => {
            let id = pipeline.id.to_string();
            (
                fill(paths::authorized_resources::OF_DEFINITION, &[PROJECT, &id]),
                older,
            )
        }
        (Through::Older, None) => (fill(paths::authorized_resources::OPEN, &[PROJECT]), older),
    };
    user.call("PATCH", &path).json(&body).send().await.ok();
}

/// What every route says of a file: whether it is open, and whether the pipeline is permitted. They must agree.
async fn read(user: &User, file: &SecureFile, pipeline: &Pipeline) -> (bool, bool) {
    let item = user
        .get(&fill(
            paths::permissions::ITEM,
            &[PROJECT, "securefile", &file.id],
        ))
        .await
        .ok()
        .json();
    let batch = user
        .call("PATCH", &fill(paths::permissions::COLLECTION, &[PROJECT]))
        .json(&json!([{"resource": {"type": "securefile", "id": file.id}}]))
        .send()
        .await
        .ok()
        .json()["value"][0]
        .clone();
    assert_eq!(batch, item, "a batch that changes nothing shows the same");
    let listed = async |path: String| {
        let list = user.get(&path).await.ok().json();
        list["value"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["id"] == json!(file.id) && one["authorized"] == true)
    };
    let open = listed(fill(paths::authorized_resources::OPEN, &[PROJECT])).await;
    let filtered = fill(paths::authorized_resources::OPEN, &[PROJECT])
        + &format!("?type=securefile&id={}", file.id);
    assert_eq!(listed(filtered).await, open);
    let permitted = listed(fill(
        paths::authorized_resources::OF_DEFINITION,
        &[PROJECT, &pipeline.id.to_string()],
    ))
    .await;
    assert_eq!(
        item.get("allPipelines").is_some(),
        open,
        "absent when it is off: {item}"
    );
    let pipelines = item["pipelines"].as_array().unwrap();
    assert_eq!(
        pipelines
            .iter()
            .any(|one| one["id"] == pipeline.id && one["authorized"] == true),
        permitted,
        "{item}"
    );
    assert!(
        pipelines.iter().all(|one| one["authorized"] == true),
        "{item}"
    );
    let found: Value = user
        .get(&format!(
            "Pay%20Desk/_apis/coffer/securefiles/{}/access",
            file.id
        ))
        .await
        .ok()
        .json();
    assert_eq!(
        found["openAccess"].is_object()
            || found["open"].is_object()
            || found["allPipelines"].is_object(),
        open,
        "{found}"
    );
    (open, permitted)
}

const USE: i64 = 16;
const LIBRARY: &str = "b7e84409-6553-448a-bbb2-af228e07cbeb";

/// One person's rights at a file, through one view or another.
struct Rights<'a> {
    server: &'a TestServer,
    cast: &'a Cast,
    token: String,
    resource: String,
    whom: String,
}

impl Rights<'_> {
    fn descriptor(&self) -> String {
        format!(
            "Microsoft.IdentityModel.Claims.ClaimsIdentity;{}",
            self.whom
        )
    }

    async fn set_role(&self, role: &str) {
        let path = format!(
            "_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{}",
            self.resource
        );
        let body = json!([{"userId": self.whom, "roleName": role}]);
        self.cast
            .engineer
            .call("PUT", &path)
            .json(&body)
            .send()
            .await
            .ok();
    }

    async fn remove_role(&self) {
        let path = format!(
            "_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{}/{}",
            self.resource, self.whom
        );
        self.cast.engineer.call("DELETE", &path).send().await.ok();
    }

    async fn set_entry(&self, allow: i64, deny: i64) {
        let body = json!({"token": self.token, "merge": false, "accessControlEntries": [
            {"descriptor": self.descriptor(), "allow": allow, "deny": deny},
        ]});
        self.cast
            .engineer
            .call("POST", &format!("_apis/accesscontrolentries/{LIBRARY}"))
            .json(&body)
            .send()
            .await
            .ok();
    }

    /// The role that is shown, and the entry.
    async fn shown(&self) -> (String, i64, i64) {
        let path = format!(
            "_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{}",
            self.resource
        );
        let rows = self.cast.engineer.get(&path).await.ok().json();
        let row = rows["value"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["identity"]["id"] == json!(self.whom))
            .cloned();
        let role = row.map_or(String::new(), |row| {
            row["role"]["displayName"].as_str().unwrap().to_owned()
        });
        let path = format!("_apis/accesscontrollists/{LIBRARY}?token={}", self.token);
        let list = self.cast.engineer.get(&path).await.ok().json();
        let entries = list["value"][0]["acesDictionary"].as_object().unwrap();
        let entry = entries.values().find(|entry| {
            entry["descriptor"]
                .as_str()
                .unwrap()
                .starts_with(&self.descriptor())
        });
        let bits = |name: &str| entry.map_or(0, |entry| entry[name].as_i64().unwrap());
        (role, bits("allow"), bits("deny"))
    }

    /// What is enforced: what a look, a permit and a change come to, and what evaluation says.
    async fn enforced(&self) -> (u16, u16, u16) {
        let developer = &self.cast.developer;
        let path = developer.file_path(&self.cast.file.id, "");
        let look = developer.get(&path).await.status;
        let permit = fill(
            paths::permissions::ITEM,
            &[PROJECT, "securefile", &self.cast.file.id],
        );
        let body = json!({"pipelines": [{"id": self.cast.pipeline.id, "authorized": true}]});
        let permit = developer
            .call("PATCH", &permit)
            .json(&body)
            .send()
            .await
            .status;
        let change = developer
            .call("PATCH", &path)
            .json(&json!({"properties": {}}))
            .send()
            .await
            .status;
        let path = format!("_apis/permissions/{LIBRARY}/{USE}?tokens={}", self.token);
        let evaluated = developer.get(&path).await.ok().json()["value"][0] == json!(true);
        assert_eq!(evaluated, permit == 200);
        let listed = developer
            .get(&developer.files_path("?actionFilter=use"))
            .await
            .ok()
            .json();
        assert_eq!(listed["count"] == 1, permit == 200, "{listed}");
        assert!(
            self.server
                .administrator()
                .get(&developer.file_path(&self.cast.file.id, ""))
                .await
                .status
                == 200
        );
        (look, permit, change)
    }
}

both! {
    async fn a_permission_given_through_any_route_is_read_through_all(server) {
        let cast = Cast::of(&server).await;
        let (user, file, pipeline) = (&cast.engineer, &cast.file, &cast.pipeline);
        let all = [Through::Item, Through::Batch, Through::Older];
        assert_eq!(read(user, file, pipeline).await, (false, false));
        for give in all {
            for take in all {
                change(give, user, file, Some(pipeline), true).await;
                assert_eq!(read(user, file, pipeline).await, (false, true), "{give:?}");
                change(give, user, file, None, true).await;
                assert_eq!(read(user, file, pipeline).await, (true, true), "{give:?}");
                change(take, user, file, Some(pipeline), false).await;
                assert_eq!(read(user, file, pipeline).await, (true, false), "{give:?} {take:?}");
                change(take, user, file, None, false).await;
                assert_eq!(read(user, file, pipeline).await, (false, false), "{give:?} {take:?}");
            }
        }
        // What is read is what counts for a run, whichever route gave it.
        for give in all {
            let run = cast.developer.run(pipeline).await;
            assert_eq!(run.waiting_for.len(), 1);
            change(give, user, file, Some(pipeline), true).await;
            assert!(cast.developer.run_now(&run).await.waiting_for.is_empty(), "{give:?}");
            change(give, user, file, Some(pipeline), false).await;
        }
        let many = vec![json!({"resource": {"type": "securefile", "id": file.id}}); 1001];
        let path = fill(paths::permissions::COLLECTION, &[PROJECT]);
        let refused = user.call("PATCH", &path).json(&Value::from(many)).send().await.refused(400);
        assert!(refused.message.contains("At most 1000"), "{}", refused.message);
    }

    async fn a_right_set_in_one_view_is_shown_by_the_other_and_enforced(server) {
        let cast = Cast::of(&server).await;
        let project = project_id(&server).await;
        let rights = Rights {
            server: &server,
            cast: &cast,
            token: format!("Library/{project}/SecureFile/{}", cast.file.id),
            resource: format!("{project}${}", cast.file.id),
            whom: id_of(&cast.developer).await,
        };
        let role = |name: &str, allow, deny| (name.to_owned(), allow, deny);
        assert_eq!(rights.enforced().await, (200, 403, 403), "a reader of the library");
        for (name, allow, outcome) in [
            ("Reader", 1, (200, 403, 403)),
            ("User", 17, (200, 200, 403)),
            ("Administrator", 19, (200, 200, 200)),
        ] {
            rights.set_role(name).await;
            assert_eq!(rights.shown().await, role(name, allow, 0));
            assert_eq!(rights.enforced().await, outcome, "{name} as a role");
            rights.remove_role().await;
            assert_eq!(rights.shown().await, role("", 0, 0));
            rights.set_entry(allow, 0).await;
            assert_eq!(rights.shown().await, role(name, allow, 0));
            assert_eq!(rights.enforced().await, outcome, "{name} as an entry");
        }
        // A deny has no role of its own: it is shown as what is left, and wins over what comes through groups.
        for (allow, deny, name, outcome) in [
            (19, 16, "Reader (custom rights)", (200, 403, 200)),
            (17, 2, "User (custom rights)", (200, 200, 403)),
            (0, 1, "", (404, 404, 404)),
        ] {
            let (allow, deny) = (allow & !deny, deny);
            rights.set_entry(allow, deny).await;
            let shown = rights.shown().await;
            assert_eq!((shown.1, shown.2), (allow, deny));
            assert!(name.is_empty() || shown.0 == name, "{shown:?}");
            assert_eq!(rights.enforced().await, outcome, "{allow} {deny}");
        }
        rights.remove_role().await;
        assert_eq!(rights.enforced().await, (200, 403, 403), "what was denied goes with the role");
    }
}
