//! Who may: pipelines by both of the client's calls, people by roles; and content, which is for jobs.

use super::Scene;
use crate::harness::{Chance, PROJECT, sha256};
use crate::job::{Hand, downloads, token};
use serde_json::{Value, json};

const FILES: &str = "distributedtask.securefile";
const LIBRARY: &str = "distributedtask.library";

/// The id of the project.
async fn project(scene: &mut Scene) -> String {
    let project = scene.ask("Core", "getProject", json!([PROJECT])).await;
    project["id"].as_str().unwrap().to_owned()
}

/// Who has which role, of those that were given at this place itself.
fn assigned(list: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut all = Vec::new();
    for one in list.as_array().unwrap() {
        // `assigned` is 1 for the client.
        if one["access"] == 1 || one["access"] == "assigned" {
            all.push((
                text(&one["identity"]["uniqueName"]),
                text(&one["role"]["name"]),
            ));
        }
    }
    all.sort();
    all
}

pub(super) async fn permits_and_gives_roles(mut scene: Scene) {
    let file = scene.upload("signing.p12", b"a key, or so").await;
    let pipeline = scene
        .ada
        .pipeline("release", "steps:\n- script: echo\n")
        .await;
    let wanted =
        |authorized: bool| json!([{"type": "securefile", "id": file, "authorized": authorized}]);
    let shown =
        json!([{"type": "securefile", "id": file, "name": "signing.p12", "authorized": true}]);

    for (change, read, of) in [
        (
            "authorizeProjectResources",
            "getProjectResources",
            json!([PROJECT]),
        ),
        (
            "authorizeDefinitionResources",
            "getDefinitionResources",
            json!([PROJECT, pipeline]),
        ),
    ] {
        let with = |first: Value| {
            let mut arguments = vec![first];
            arguments.extend(of.as_array().unwrap().iter().cloned());
            Value::from(arguments)
        };
        let answer = scene.ask("Build", change, with(wanted(true))).await;
        assert_eq!(answer, shown, "{change}");
        assert_eq!(scene.ask("Build", read, of.clone()).await, shown, "{read}");
        let answer = scene.ask("Build", change, with(wanted(false))).await;
        assert_eq!(answer, json!([]), "{change}");
        assert_eq!(
            scene.ask("Build", read, of.clone()).await,
            json!([]),
            "{read}"
        );
        scene.compat.works(&format!("`{change}`, and back"));
        scene.compat.works(&format!("`{read}`"));
    }
    let arguments = json!([wanted(true), PROJECT, pipeline]);
    scene
        .ask("Build", "authorizeDefinitionResources", arguments)
        .await;
    let listed = ["permission", "list", "signing.p12"];
    scene.ada.coffer(&listed).await.ends(0).shows("release");
    let arguments = json!([PROJECT, "securefile", file]);
    let open = scene.ask("Build", "getProjectResources", arguments).await;
    assert_eq!(
        open,
        json!([]),
        "one pipeline's permit opens the file to no other"
    );

    roles(&mut scene, &file).await;
}

async fn roles(scene: &mut Scene, file: &str) {
    let bea = scene
        .site
        .person(&scene.ada, &scene.server, "bea", &[])
        .await;
    let mut hers = scene.program.of(&scene.site, &bea).await;
    let me = hers.call("", "connect", json!([])).await;
    let who = me.result()["authenticatedUser"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let at = format!("{}${file}", project(scene).await);

    for (scope, expected) in [
        (FILES, &["Administrator", "Reader", "User"][..]),
        (LIBRARY, &["Administrator", "Creator", "Reader", "User"]),
    ] {
        let roles = scene
            .ask("SecurityRoles", "getRoleDefinitions", json!([scope]))
            .await;
        assert_eq!(super::names(&roles), expected);
    }
    scene.compat.works("`getRoleDefinitions`");
    let owner = ("ada".to_owned(), "Administrator".to_owned());
    let list = scene
        .ask("SecurityRoles", "getRoleAssignments", json!([FILES, at]))
        .await;
    assert_eq!(assigned(&list), std::slice::from_ref(&owner));
    scene.compat.works("`getRoleAssignments`");

    let hidden = hers
        .call("TaskAgent", "getSecureFile", json!([PROJECT, file]))
        .await;
    assert_eq!(hidden.result(), &Value::Null);
    let wanted = json!([{"userId": who, "roleName": "Reader"}]);
    let arguments = json!([wanted, FILES, at]);
    let set = scene
        .ask("SecurityRoles", "setRoleAssignments", arguments)
        .await;
    assert_eq!(set[0]["role"]["name"], "Reader");
    let seen = hers
        .call("TaskAgent", "getSecureFile", json!([PROJECT, file]))
        .await;
    assert_eq!(seen.result()["name"], "signing.p12");
    scene.compat.works("`setRoleAssignments`");
    let wanted = json!({"userId": who, "roleName": "Administrator"});
    let arguments = json!([wanted, FILES, at, who]);
    let set = scene
        .ask("SecurityRoles", "setRoleAssignment", arguments)
        .await;
    assert_eq!(set["role"]["name"], "Administrator");
    let list = scene
        .ask("SecurityRoles", "getRoleAssignments", json!([FILES, at]))
        .await;
    assert_eq!(
        assigned(&list),
        [owner.clone(), ("bea".into(), "Administrator".into())]
    );
    scene.compat.works("`setRoleAssignment`");

    for (method, arguments) in [
        ("removeRoleAssignments", json!([[who], FILES, at])),
        ("removeRoleAssignment", json!([FILES, at, who])),
    ] {
        let again = json!([[{"userId": who, "roleName": "User"}], FILES, at]);
        scene
            .ask("SecurityRoles", "setRoleAssignments", again)
            .await;
        scene.ask("SecurityRoles", method, arguments).await;
        let list = scene
            .ask("SecurityRoles", "getRoleAssignments", json!([FILES, at]))
            .await;
        assert_eq!(assigned(&list), std::slice::from_ref(&owner), "{method}");
        let hidden = hers
            .call("TaskAgent", "getSecureFile", json!([PROJECT, file]))
            .await;
        assert_eq!(hidden.result(), &Value::Null);
        scene.compat.works(&format!("`{method}`"));
    }
    let arguments = json!([[{"userId": who, "roleName": "Owner"}], FILES, at]);
    let came = scene
        .call("SecurityRoles", "setRoleAssignments", arguments)
        .await;
    assert_eq!(came.raised(), "There is no such role.");
    scene
        .compat
        .refused("`setRoleAssignments`, a role that does not exist");
}

pub(super) async fn content_is_for_jobs(mut scene: Scene) {
    let content = Chance::new(3).bytes(100_000);
    let file = scene.upload("signing.p12", &content).await;
    let open = ["permission", "open", "signing.p12"];
    scene.ada.coffer(&open).await.ends(0);
    scene
        .ada
        .pipeline("release", &downloads(["signing.p12"]))
        .await;
    scene.ada.queue("release").await;
    let hand = Hand::register(&scene.ada, "hand").await;
    let job = hand.job().await;
    let given = &job.resources.secure_files[0];

    // The job: by the ticket that it was given, and by one that it asks for.
    let mut jobs = scene
        .program
        .start(&scene.site, &scene.ada, token(&job))
        .await;
    let asked = jobs
        .call("TaskAgent", "getSecureFile", json!([PROJECT, file, true]))
        .await;
    let asked = asked.result()["ticket"].as_str().unwrap().to_owned();
    let listed = jobs
        .call("TaskAgent", "getSecureFiles", json!([PROJECT, null, true]))
        .await;
    assert!(listed.result()[0]["ticket"].is_string());
    scene
        .compat
        .works("`getSecureFile` and `getSecureFiles` with tickets, as a job");
    for ticket in [&given.ticket, &asked] {
        for attached in [true, false] {
            let arguments = json!([PROJECT, file, ticket, attached]);
            let came = jobs
                .call("TaskAgent", "downloadSecureFile", arguments)
                .await;
            let came = came.result();
            assert_eq!(
                (&came["status"], &came["length"]),
                (&200.into(), &content.len().into())
            );
            assert_eq!(came["sha256"], sha256(&content));
            assert_eq!(came["headers"]["content-type"], "application/octet-stream");
        }
    }
    scene
        .compat
        .works("`downloadSecureFile` as a job, with its ticket");

    // People of each role in the library, and the one who administers everything, with a ticket that is good.
    let library = format!("{}$0", project(&mut scene).await);
    for role in ["Reader", "User", "Creator", "Administrator", "all"] {
        let mut theirs = if role == "all" {
            scene.program.of(&scene.site, &scene.ada).await
        } else {
            let name = role.to_lowercase();
            let person = scene
                .site
                .person(&scene.ada, &scene.server, &name, &[])
                .await;
            let wanted = json!([{"uniqueName": name, "roleName": role}]);
            let arguments = json!([wanted, LIBRARY, library]);
            scene
                .ask("SecurityRoles", "setRoleAssignments", arguments)
                .await;
            scene.program.of(&scene.site, &person).await
        };
        let arguments = json!([PROJECT, file, true]);
        let shown = theirs.call("TaskAgent", "getSecureFile", arguments).await;
        assert_eq!(shown.result().get("ticket"), None, "{role}");
        let arguments = json!([PROJECT, file, given.ticket, true]);
        let came = theirs
            .call("TaskAgent", "downloadSecureFile", arguments)
            .await;
        let came = came.result();
        let status = came["status"].as_i64().unwrap();
        assert!(status == 403 || status == 404, "{role}: {came}");
        assert_ne!(came["sha256"], sha256(&content), "{role}");
        // Without a ticket the route answers with what is known of the file.
        let arguments = json!([PROJECT, file, "", true]);
        let came = theirs
            .call("TaskAgent", "downloadSecureFile", arguments)
            .await;
        assert_ne!(came.result()["sha256"], sha256(&content), "{role}");
    }
    scene.compat.refused(
        "`downloadSecureFile` as a person: Reader, User, Creator, Administrator, administrator of all",
    );
    let denied = [
        "audit",
        "list",
        "--action",
        "SecureFile.Downloaded",
        "--outcome",
        "denied",
    ];
    let listed = scene
        .ada
        .coffer(&[&denied[..], &["-o", "json"]].concat())
        .await;
    let listed = listed.ends(0).json();
    let who = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["event"]["actor"]["name"]);
    let mut who: Vec<_> = who.filter_map(Value::as_str).collect();
    who.sort_unstable();
    assert_eq!(who, ["ada", "administrator", "creator", "reader", "user"]);
}
