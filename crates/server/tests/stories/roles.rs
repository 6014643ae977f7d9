//! Roles of the Library: who may see, use, create and administer, as people assign it, and the rules that nobody breaks.

use crate::{Cast, newest, reason};
use coffer_testkit::{PROJECT, TestServer, User, both, group, random_guid};
use coffer_wire::coffer::Project;
use serde_json::{Value, json};

const LIBRARY: &str = "distributedtask.library";
const FILE: &str = "distributedtask.securefile";

/// The id of the first project.
pub(crate) async fn project_id(server: &TestServer) -> String {
    let projects: Vec<Project> = server
        .administrator()
        .client
        .coffer()
        .projects()
        .await
        .unwrap();
    let found = projects.into_iter().find(|project| project.name == PROJECT);
    found.unwrap().id.unwrap().to_string()
}

/// The id of somebody.
pub(crate) async fn id_of(user: &User) -> String {
    let data = user.client.coffer().connection_data().await.unwrap();
    data.authenticated_user.id
}

/// The path of the assignments at a place.
fn path(scope: &str, resource: &str) -> String {
    format!("_apis/securityroles/scopes/{scope}/roleassignments/resources/{resource}")
}

/// `who role access` of each row that somebody sees.
async fn rows(user: &User, path: &str) -> Vec<String> {
    let list = user.get(path).await.ok().json();
    let rows = list["value"].as_array().unwrap();
    assert_eq!(list["count"], rows.len());
    rows.iter()
        .map(|row| {
            format!(
                "{} {} {}",
                row["identity"]["displayName"].as_str().unwrap(),
                row["role"]["name"].as_str().unwrap(),
                row["access"].as_str().unwrap()
            )
        })
        .collect()
}

/// The id of a group that has a role in the library.
pub(crate) async fn group_id(user: &User, project: &str, name: &str) -> String {
    let list = user
        .get(&path(LIBRARY, &format!("{project}$0")))
        .await
        .ok()
        .json();
    let rows = list["value"].as_array().unwrap();
    let found = rows
        .iter()
        .find(|row| row["identity"]["displayName"] == name);
    found.unwrap()["identity"]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn set(user: &User, path: &str, who: &str, role: &str) -> coffer_testkit::Answer {
    let body = json!([{"userId": who, "roleName": role}]);
    user.call("PUT", path).json(&body).send().await
}

both! {
    async fn a_role_at_a_file_lets_somebody_use_it_and_its_end_stops_that(server) {
        let cast = Cast::of(&server).await;
        let project = project_id(&server).await;
        let (library, file) = (
            path(LIBRARY, &format!("{project}$0")),
            path(FILE, &format!("{project}%24{}", cast.file.id)),
        );
        let default = rows(&cast.engineer, &library).await;
        for row in [
            "Project Administrators Administrator assigned",
            "Build Administrators Administrator assigned",
            "Release Administrators Administrator assigned",
            "Contributors Creator assigned",
            "Project Valid Users Reader assigned",
            "Pay Desk Build Service Reader assigned",
        ] {
            assert!(default.iter().any(|found| found == row), "{row}: {default:?}");
        }
        let at_file = rows(&cast.engineer, &file).await;
        for row in [
            "rel Administrator assigned",
            "Release Administrators Administrator inherited",
            "Contributors Creator inherited",
            "Project Valid Users Reader inherited",
        ] {
            assert!(at_file.iter().any(|found| found == row), "{row}: {at_file:?}");
        }
        // Readers see the list, and change nothing.
        assert_eq!(rows(&cast.developer, &file).await, at_file);
        let developer = id_of(&cast.developer).await;
        assert_eq!(set(&cast.developer, &file, &developer, "User").await.code(403), "access.denied");
        cast.developer.permit(&cast.file, &cast.pipeline, true).await.unwrap_err();

        let answer = set(&cast.engineer, &file, &developer.to_uppercase(), "uSER").await.ok().json();
        assert_eq!(answer["count"], 1);
        let row = &answer["value"][0];
        assert_eq!(row["identity"]["id"], developer);
        assert_eq!((&row["role"]["name"], &row["role"]["allowPermissions"]), (&json!("User"), &json!(17)));
        assert_eq!(row["role"]["identifier"], "distributedtask.securefile.User");
        assert_eq!((&row["access"], &row["accessDisplayName"]), (&json!("assigned"), &json!("Assigned")));
        cast.developer.permit(&cast.file, &cast.pipeline, true).await.unwrap();

        let removed = cast.engineer.call("DELETE", &format!("{file}/{developer}")).send().await;
        assert_eq!(removed.status, 204, "{}", removed.text());
        cast.developer.permit(&cast.file, &cast.pipeline, false).await.unwrap_err();

        let events = server.administrator().audit().await;
        let given = newest(&events, "Security.ModifyPermission");
        assert_eq!((given.actor.name.as_str(), given.outcome.as_str()), ("rel", "allowed"));
        assert_eq!(given.resource_id.as_deref(), Some(cast.file.id.as_str()));
        for (name, value) in [
            ("namespace", "b7e84409-6553-448a-bbb2-af228e07cbeb"),
            ("identity", developer.as_str()),
            ("allow", "17"),
            ("deny", "0"),
            ("role", "User"),
        ] {
            assert_eq!(given.details[name], value, "{name}");
        }
        assert_eq!(given.details["token"], format!("Library/{project}/SecureFile/{}", cast.file.id));
        let taken = newest(&events, "Security.RemovePermission");
        assert_eq!(taken.details["removed"], "true");
        assert_eq!(taken.details["identity"], developer);
        let denied = events.iter().find(|event| reason(event) == "role_missing" && event.action == "Security.ModifyPermission");
        assert!(denied.is_some(), "the developer's try is on record");
    }

    async fn who_has_a_role_at_one_file_sees_that_file_and_no_other(server) {
        let cast = Cast::of(&server).await;
        cast.engineer.upload("other.pem", b"other").await;
        let guest = server.person("guest", &[]).await;
        guest.get(&guest.files_path("")).await.refused(404);
        let file = path(FILE, &format!("{}${}", project_id(&server).await, cast.file.id));
        let id = id_of(&guest).await;
        set(&cast.engineer, &file, &id, "Reader").await.ok();
        assert_eq!(guest.file_names().await, ["ca.pem"]);
        let pipelines = format!("{}/_apis/pipelines", PROJECT.replace(' ', "%20"));
        guest.get(&pipelines).await.refused(404);
        cast.engineer.call("DELETE", &format!("{file}/{id}")).send().await.ok();
        guest.get(&guest.files_path("")).await.refused(404);
    }

    async fn the_roles_there_are_and_the_scopes_there_are(server) {
        let user = server.administrator();
        let names = async |scope: &str| -> Vec<(String, i64)> {
            let path = format!("_apis/securityroles/scopes/{scope}/roledefinitions?api-version=7.1-preview.1");
            let list = user.get(&path).await.ok().json();
            list["value"].as_array().unwrap().iter().map(|role| {
                (role["name"].as_str().unwrap().to_owned(), role["allowPermissions"].as_i64().unwrap())
            }).collect()
        };
        let owned = |roles: &[(&str, i64)]| -> Vec<(String, i64)> {
            roles.iter().map(|(name, bits)| ((*name).to_owned(), *bits)).collect()
        };
        assert_eq!(names(LIBRARY).await, owned(&[("Reader", 1), ("User", 17), ("Creator", 4), ("Administrator", 23)]));
        assert_eq!(names(FILE).await, owned(&[("Reader", 1), ("User", 17), ("Administrator", 19)]));
        let other = user.get("_apis/securityroles/scopes/distributedtask.variablegroup/roledefinitions").await;
        let refused = other.refused(404);
        assert!(refused.message.contains("SecurityRoleScope distributedtask.variablegroup does not exist"), "{}", refused.message);
        // Clients find the routes by these rows.
        let rows = user.call("OPTIONS", "_apis/securityroles").send().await.ok().json();
        let resources: Vec<&Value> = rows["value"].as_array().unwrap().iter().map(|row| &row["resourceName"]).collect();
        assert_eq!(resources, ["roledefinitions", "roleassignments"]);
    }

    async fn the_creators_role_is_fixed_and_creator_is_no_role_of_a_file(server) {
        let cast = Cast::of(&server).await;
        let (project, administrator) = (project_id(&server).await, server.administrator());
        let file = path(FILE, &format!("{project}${}", cast.file.id));
        let creator = id_of(&cast.engineer).await;
        for role in ["Reader", "User", "Administrator"] {
            assert_eq!(set(administrator, &file, &creator, role).await.code(409), "role.creator_fixed");
        }
        let removed = administrator.call("DELETE", &format!("{file}/{creator}")).send().await;
        assert_eq!(removed.code(409), "role.creator_fixed");
        let removed = administrator.call("PATCH", &file).json(&json!([creator])).send().await;
        assert_eq!(removed.code(409), "role.creator_fixed");
        let developer = id_of(&cast.developer).await;
        assert_eq!(set(administrator, &file, &developer, "Creator").await.code(400), "role.unknown");
        assert_eq!(set(administrator, &file, &developer, "Owner").await.code(400), "role.unknown");
        let absent = random_guid().to_string();
        assert_eq!(set(administrator, &file, &absent, "User").await.code(404), "identity.not_found");
        assert_eq!(set(administrator, &file, "ann", "User").await.code(400), "argument.invalid");
        let one = administrator.call("PUT", &format!("{file}/{developer}")).json(&json!({"roleName": "Reader"})).send().await.ok();
        assert_eq!(one.json()["role"]["name"], "Reader");
    }

    async fn an_inherited_role_is_raised_at_a_file_and_lowered_only_after_the_switch(server) {
        let cast = Cast::of(&server).await;
        let project = project_id(&server).await;
        let (library, file) = (
            path(LIBRARY, &format!("{project}$0")),
            path(FILE, &format!("{project}${}", cast.file.id)),
        );
        let engineer = &cast.engineer;
        let (readers, managers) = (
            group_id(engineer, &project, "Project Valid Users").await,
            group_id(engineer, &project, "Build Administrators").await,
        );
        let developer = id_of(&cast.developer).await;
        let inherited = engineer.call("DELETE", &format!("{file}/{readers}")).send().await;
        let refused = inherited.refused(409);
        assert!(refused.message.contains("inherit"), "{}", refused.message);
        assert!(refused.custom_properties.unwrap().hints[0].contains("coffer role inherit off"));
        assert_eq!(set(engineer, &file, &managers, "Reader").await.code(409), "role.inherited");
        set(engineer, &file, &readers, "User").await.ok();
        set(engineer, &file, &developer, "Reader").await.ok();
        assert_eq!(cast.developer.get(&cast.developer.files_path("?actionFilter=use")).await.json()["count"], 1);

        // Off: only what stands at the file counts. The PATCH has no body, as clients send it.
        let switch = async |on: bool| {
            let path = format!("{file}?inheritPermissions={on}");
            let accept = engineer.call("PATCH", &path).header("Accept", ";api-version=7.1-preview.1");
            let answer = accept.send().await;
            assert_eq!(answer.status, 204, "{}", answer.text());
        };
        switch(false).await;
        let mut alone = rows(engineer, &file).await;
        alone.sort();
        assert_eq!(alone, ["Project Valid Users User assigned", "dev Reader assigned", "rel Administrator assigned"]);
        let removed = engineer.call("DELETE", &format!("{file}/{readers}")).send().await;
        assert_eq!(removed.status, 204);
        let build = server.person("bob", &[group::BUILD_ADMINISTRATORS]).await;
        build.get(&build.file_path(&cast.file.id, "")).await.refused(404);
        build.get(&file).await.refused(404);
        set(engineer, &file, &managers, "Reader").await.ok();
        build.get(&build.file_path(&cast.file.id, "")).await.ok();

        // On again: the library's roles, and what stands here of those who have none there.
        switch(true).await;
        let back = rows(engineer, &file).await;
        for row in ["Build Administrators Administrator inherited", "Project Valid Users Reader inherited", "dev Reader assigned", "rel Administrator assigned"] {
            assert!(back.iter().any(|found| found == row), "{row}: {back:?}");
        }
        let nothing_above = engineer.call("PATCH", &format!("{library}?inheritPermissions=false")).send().await;
        assert_eq!(nothing_above.code(409), "role.nothing_inherited");
        let events = server.administrator().audit().await;
        let switched = newest(&events, "Security.ModifyAccessControlLists");
        assert_eq!(switched.details["inherits"], "true");
        let dropped = newest(&events, "Security.RemovePermission");
        assert_eq!((dropped.details["identity"].as_str(), dropped.details["removed"].as_str()), (managers.as_str(), "true"));
        let found = server.administrator().client.coffer().audit_verify().await.unwrap();
        assert!(found.intact, "{:?}", found.problems);
    }

    async fn the_last_administrator_cannot_lock_everybody_out(server) {
        let project = project_id(&server).await;
        let library = path(LIBRARY, &format!("{project}$0"));
        let administrator = server.administrator();
        let [release, build, all] = ["Release Administrators", "Build Administrators", "Project Administrators"];
        let mut ids = Vec::new();
        for name in [release, build, all] {
            ids.push(group_id(administrator, &project, name).await);
        }
        // Nobody is in the first two groups: they administer nothing.
        for id in &ids[..2] {
            administrator.call("DELETE", &format!("{library}/{id}")).send().await.ok();
        }
        let last = administrator.call("DELETE", &format!("{library}/{}", ids[2])).send().await;
        let refused = last.refused(409);
        assert_eq!(refused.custom_properties.unwrap().code, "role.last_administrator");
        assert_eq!(set(administrator, &library, &ids[2], "User").await.code(409), "role.last_administrator");
        // A group without members does not count.
        set(administrator, &library, &ids[1], "Administrator").await.ok();
        assert_eq!(set(administrator, &library, &ids[2], "User").await.code(409), "role.last_administrator");
        // Somebody who can act does. Afterwards the one who did it is out, and nobody else is.
        let ann = server.person("ann", &[group::READERS]).await;
        set(administrator, &library, &id_of(&ann).await, "Administrator").await.ok();
        set(administrator, &library, &ids[2], "User").await.ok();
        assert_eq!(set(administrator, &library, &ids[2], "Administrator").await.code(403), "access.denied");
        let own = ann.call("DELETE", &format!("{library}/{}", id_of(&ann).await)).send().await;
        assert_eq!(own.code(409), "role.last_administrator");
        set(&ann, &library, &ids[2], "Administrator").await.ok();
    }

    async fn several_roles_are_set_together_or_not_at_all(server) {
        let cast = Cast::of(&server).await;
        let project = project_id(&server).await;
        let file = path(FILE, &format!("{project}${}", cast.file.id));
        let before = rows(&cast.engineer, &file).await;
        let body = json!([
            {"uniqueName": "dev", "roleName": "User"},
            {"userId": id_of(&cast.engineer).await, "roleName": "Reader"},
        ]);
        let refused = cast.engineer.call("PUT", &file).json(&body).send().await;
        assert_eq!(refused.code(409), "role.creator_fixed");
        assert_eq!(rows(&cast.engineer, &file).await, before);
        let body = json!([
            {"uniqueName": "DEV", "roleName": "User"},
            {"uniqueName": "[Pay Desk]\\Contributors", "roleName": "Reader"},
        ]);
        let set = cast.engineer.call("PUT", &file).json(&body).send().await.ok().json();
        assert_eq!(set["count"], 2);
        let ids: Vec<_> = set["value"].as_array().unwrap().iter().map(|row| row["identity"]["id"].clone()).collect();
        let removed = cast.engineer.call("PATCH", &file).json(&Value::from(ids)).send().await;
        assert_eq!(removed.status, 204, "{}", removed.text());
        assert_eq!(rows(&cast.engineer, &file).await, before);
        assert_eq!(cast.engineer.call("PUT", &file).json(&json!([{"roleName": "User"}])).send().await.code(400), "argument.invalid");
        cast.engineer.call("PATCH", &file).json(&json!({})).send().await.refused(400);
    }

    async fn who_may_not_see_a_file_learns_nothing_of_its_roles(server) {
        let cast = Cast::of(&server).await;
        let project = project_id(&server).await;
        let stranger = server.person("stranger", &[]).await;
        let paths = [
            path(LIBRARY, &format!("{project}$0")),
            path(FILE, &format!("{project}${}", cast.file.id)),
        ];
        let absent = [
            path(LIBRARY, &format!("{}$0", random_guid())),
            path(FILE, &format!("{}${}", random_guid(), random_guid())),
        ];
        let who = random_guid().to_string();
        for (path, absent) in paths.iter().zip(&absent) {
            let text = |answer: coffer_testkit::Answer| answer.refused(404).message;
            assert_eq!(text(stranger.get(path).await), text(stranger.get(absent).await));
            assert_eq!(text(set(&stranger, path, &who, "User").await), text(set(&stranger, absent, &who, "User").await));
            let switch = "?inheritPermissions=false";
            let patched = stranger.call("PATCH", &format!("{path}{switch}")).send().await;
            assert_eq!(text(patched), text(stranger.call("PATCH", &format!("{absent}{switch}")).send().await));
        }
        // In the project, and not at the file: as if it were not there.
        let file = &paths[1];
        cast.engineer.call("PATCH", &format!("{file}?inheritPermissions=false")).send().await.ok();
        let hidden = cast.developer.get(file).await.refused(404);
        let none = path(FILE, &format!("{project}${}", random_guid()));
        let missing = cast.developer.get(&none).await.refused(404);
        assert_eq!(hidden.message, missing.message);
        assert_eq!(hidden.type_key, missing.type_key);
        let dev = id_of(&cast.developer).await;
        let refused = set(&cast.developer, file, &dev, "Administrator").await.refused(404);
        assert_eq!(refused.message, set(&cast.developer, &none, &dev, "Administrator").await.refused(404).message);
    }

    async fn a_job_hands_out_no_roles_whatever_its_build_service_may(server) {
        let cast = Cast::permitted(&server).await;
        let project = project_id(&server).await;
        let file = path(FILE, &format!("{project}${}", cast.file.id));
        let service = group_id(&cast.engineer, &project, "Pay Desk Build Service").await;
        set(&cast.engineer, &file, &service, "Administrator").await.ok();
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        let token = job.user(&server);
        token.get(&token.file_path(&cast.file.id, "")).await.ok();
        let dev = id_of(&cast.developer).await;
        let refused = set(&token, &file, &dev, "Administrator").await;
        assert_eq!(refused.code(403), "access.denied");
        let refused = token.call("PATCH", &format!("{file}?inheritPermissions=false")).send().await;
        assert_eq!(refused.code(403), "access.denied");
        token.permit(&cast.file, &cast.pipeline, true).await.unwrap_err();
        let events = server.administrator().audit().await;
        assert_eq!(reason(newest(&events, "Security.ModifyPermission")), "wrong_authentication");
    }
}
