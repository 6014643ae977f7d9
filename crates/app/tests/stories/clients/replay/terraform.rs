//! The Terraform provider, on the Go SDK: how it starts, authorizes, gives roles and rights, reads projects, and keeps
//! secure files.
//!
//! Facts are of the public sources of `terraform-provider-azuredevops` and `azure-devops-go-api`: the SDK writes the base
//! URL in lower case, escapes path segments but leaves `$`, and reads an error only from a body.

use super::{Caller, LIBRARY, one, page, text};
use crate::harness::{PROJECT, Person, Server, Site};
use serde_json::{Value, json};

const JSON: (&str, &str) = ("Content-Type", "application/json;charset=utf-8");

/// What is the same in every call of the SDK.
fn terraform(server: &Server, person: &Person) -> Caller {
    Caller::new(
        server,
        person,
        "_",
        &[
            (
                "User-Agent",
                "go/go1.23.4 (linux amd64) azure-devops-go-api/0.0.0 terraform-provider-azuredevops/1.9.0",
            ),
            ("X-Tfs-Fedauthredirect", "Suppress"),
            ("X-Tfs-Session", "0f6b1b8c-3a1c-4a71-9d7c-3f0a3f7e9a11"),
            ("Accept-Encoding", "gzip"),
        ],
    )
}

/// The SDK's `Accept`.
fn accept(version: &str) -> String {
    format!("application/json;api-version={version}")
}

/// `GET` through the SDK, which writes the base URL in lower case.
async fn get(client: &Caller, path: &str, version: &str) -> super::Reply {
    let target = format!("/defaultcollection/{path}");
    client
        .call("GET", &target, &[("Accept", &accept(version))])
        .await
}

async fn project(client: &Caller) -> String {
    let read = get(
        client,
        "_apis/projects/Main?includeCapabilities=true&includeHistory=false",
        "7.1",
    )
    .await;
    text(&read.json()["id"]).to_owned()
}

#[tokio::test]
async fn terraform_starts_and_reads_a_project() {
    let story = "replay::terraform_starts_and_reads_a_project";
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let client = terraform(&server, &ada);
    let compat = page(story, "terraform-provider-azuredevops");

    // The provider makes all of its clients when it is configured: this pair for each area.
    let locations = client
        .call(
            "OPTIONS",
            "/defaultcollection/_apis",
            &[("Accept", "application/json")],
        )
        .await;
    assert_eq!(locations.status, 200);
    let rows = locations.list();
    for row in &rows {
        let id = text(&row["id"]);
        assert_eq!(
            uuid::Uuid::parse_str(id).unwrap().to_string(),
            id,
            "lower case"
        );
        for version in ["minVersion", "maxVersion", "releasedVersion"] {
            text(&row[version]).parse::<f32>().unwrap();
        }
        assert!(row["resourceVersion"].is_i64(), "{row}");
    }
    assert_eq!(
        one(&rows, "id", "e81700f7-3be2-46de-8624-2eb35882fcaa")["routeTemplate"],
        "_apis/{resource}/{areaId}"
    );
    let areas = get(&client, "_apis/ResourceAreas", "5.1-preview.1").await;
    assert_eq!(
        areas.json(),
        json!({"count": 0, "value": []}),
        "a list without one area is an error"
    );
    compat.works("configuration: `OPTIONS _apis` and `ResourceAreas`, for each of its clients");

    let read = get(
        &client,
        "_apis/projects/Main?includeCapabilities=true&includeHistory=false",
        "7.1",
    )
    .await
    .json();
    assert_eq!(
        uuid::Uuid::parse_str(text(&read["id"]))
            .unwrap()
            .to_string(),
        text(&read["id"])
    );
    let capabilities = &read["capabilities"];
    assert_eq!(capabilities["versioncontrol"]["sourceControlType"], "Git");
    let process = text(&capabilities["processTemplate"]["templateTypeId"]);
    assert!(uuid::Uuid::parse_str(process).is_ok(), "{process}");
    assert_eq!(
        (&read["visibility"], &read["state"]),
        (&json!("private"), &json!("wellFormed"))
    );
    // It asks for the name of the process that the capabilities name.
    let row = one(&rows, "id", "93878975-88c5-4e6a-8abb-7ddd77a8a7d8");
    assert_eq!(
        row["routeTemplate"],
        "_apis/process/{resource}/{*processId}"
    );
    let named = get(
        &client,
        &format!("_apis/process/processes/{process}"),
        "7.1",
    )
    .await
    .json();
    assert_eq!(
        (&named["id"], &named["name"]),
        (&json!(process), &json!("Basic"))
    );
    let all = get(&client, "_apis/process/processes", "7.1").await.list();
    assert_eq!(one(&all, "name", "Basic")["id"], process);
    compat
        .works("data source `azuredevops_project`, with capabilities and the name of its process");
    let gone = get(
        &client,
        "_apis/projects/Nowhere?includeCapabilities=true&includeHistory=false",
        "7.1",
    )
    .await;
    assert!(text(&gone.refused(404)["message"]).starts_with("TF200016:"));
    compat.refused("data source `azuredevops_project`, what is not there: 404 with a body, which the SDK needs to see that it is gone");

    // What a later version serves has no row, so the SDK says that it is not registered, and a route that answers so.
    assert!(
        rows.iter()
            .all(|row| row["id"] != "86c8381e-5aee-4cde-8ae4-25c0c7f5eaea")
    );
    let check = json!({"type": {"id": "8c6f20a7-a545-4486-9777-f762fafe0d4d"}, "resource": {"type": "securefile", "id": "x"}, "settings": {}});
    let target = "/defaultcollection/Main/_apis/pipelines/checks/Configurations";
    let posted = client
        .send(
            "POST",
            target,
            &[("Accept", &accept("7.1-preview.1")), JSON],
            &check.to_string(),
        )
        .await;
    assert_eq!(
        posted.refused(404)["typeKey"],
        "VssResourceNotFoundException"
    );
    compat.not_yet("resources `azuredevops_check_…`", "checks are not served");
}

#[tokio::test]
async fn terraform_authorizes_resources() {
    let story = "replay::terraform_authorizes_resources";
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let client = terraform(&server, &ada);
    let compat = page(story, "terraform-provider-azuredevops");
    let project = project(&client).await;
    let file = ada.file("ca.pem", "a certificate").await;
    let pipeline = ada.pipeline("build", "steps:\n- script: echo\n").await;

    let permissions = |kind: &str, id: &str| {
        format!("/defaultcollection/{project}/_apis/pipelines/pipelinePermissions/{kind}/{id}")
    };
    let version = accept("7.1-preview.1");
    let patch = async |target: String, body: Value| {
        client
            .send(
                "PATCH",
                &target,
                &[("Accept", &version), JSON],
                &body.to_string(),
            )
            .await
    };
    let on = json!({"pipelines": [{"authorized": true, "id": pipeline}]});
    let refused = patch(permissions("variablegroup", "7"), on.clone()).await;
    assert!((400..500).contains(&refused.status));
    assert!(
        text(&refused.refused(refused.status)["message"]).contains("not supported yet"),
        "{}",
        refused.text()
    );
    compat.not_yet("`azuredevops_pipeline_authorization` of a variable group, endpoint, queue, environment or repository", "secure files are the only protected resource");

    // The same for a secure file, as soon as the provider lets one through.
    let set = patch(permissions("securefile", &file), on).await.json();
    assert_eq!(
        text(&set["resource"]["id"]),
        file,
        "the id of the resource in the state"
    );
    let target = permissions("securefile", &file);
    let polled = client
        .call("GET", &target, &[("Accept", &version)])
        .await
        .json();
    assert_eq!(
        polled["pipelines"][0]["id"], pipeline,
        "the write is there at once"
    );
    let off = json!({"pipelines": [{"authorized": false, "id": pipeline}]});
    patch(permissions("securefile", &file), off).await.json();
    let polled = client
        .call("GET", &target, &[("Accept", &version)])
        .await
        .json();
    assert_eq!(
        polled["pipelines"],
        json!([]),
        "never absent: the provider takes its length"
    );
    assert!(
        polled.get("allPipelines").is_none(),
        "absent and no pipeline: gone from the state"
    );
    compat.works("`azuredevops_pipeline_authorization` of a secure file: change, poll, take back");

    let resources = format!("/defaultcollection/{project}/_apis/build/authorizedresources");
    let body = json!([{"authorized": true, "id": "7", "name": "vars", "type": "variablegroup"}]);
    let refused = patch(resources.clone(), body).await;
    assert!(
        text(&refused.refused(refused.status)["message"]).contains("not supported yet"),
        "{}",
        refused.text()
    );
    compat.not_yet(
        "`azuredevops_resource_authorization`",
        "secure files are the only protected resource",
    );
    let body = json!([{"authorized": true, "id": file, "name": "ca.pem", "type": "securefile"}]);
    let set = patch(resources.clone(), body).await.list();
    assert_eq!(one(&set, "id", &file)["authorized"], true);
    let target = format!("{resources}?id={file}&type=securefile");
    let read = client
        .call("GET", &target, &[("Accept", &version)])
        .await
        .list();
    assert_eq!(read.len(), 1);
    assert_eq!(
        (&read[0]["id"], &read[0]["authorized"]),
        (&json!(file), &json!(true))
    );
}

#[tokio::test]
async fn terraform_gives_roles_to_a_group() {
    let story = "replay::terraform_gives_roles_to_a_group";
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let client = terraform(&server, &ada);
    let compat = page(story, "terraform-provider-azuredevops");
    let project = project(&client).await;

    // `data azuredevops_group`: the project's scope, its groups page by page, the group by name, its storage key.
    let scope = get(
        &client,
        &format!("_apis/Graph/Descriptors/{project}"),
        "7.1-preview.1",
    )
    .await
    .json();
    let scope = text(&scope["value"]).to_owned();
    let groups = get(
        &client,
        &format!("_apis/Graph/Groups?scopeDescriptor={scope}"),
        "7.1-preview.1",
    )
    .await;
    assert_eq!(
        groups.header("x-ms-continuationtoken"),
        "",
        "no further page"
    );
    let groups = groups.list();
    let group = one(&groups, "displayName", "Contributors");
    for member in [
        "descriptor",
        "origin",
        "originId",
        "principalName",
        "domain",
        "subjectKind",
        "url",
    ] {
        assert!(group[member].is_string(), "{member} of {group}");
    }
    let key = get(
        &client,
        &format!("_apis/Graph/StorageKeys/{}", text(&group["descriptor"])),
        "7.1-preview.1",
    )
    .await
    .json();
    let identity = text(&key["value"]).to_owned();
    assert_eq!(
        uuid::Uuid::parse_str(&identity).unwrap().to_string(),
        identity
    );
    compat.works("data source `azuredevops_group`: scope, groups, storage key");

    let target = format!(
        "/defaultcollection/_apis/securityroles/scopes/distributedtask.library/roleassignments/resources/{project}$0"
    );
    let body = json!([{"userId": identity, "roleName": "Reader"}]).to_string();
    // The provider gives an empty media type here.
    let empty = [("Accept", ";api-version=7.1-preview.1"), JSON];
    let set = client.send("PUT", &target, &empty, &body).await.list();
    assert!(!set.is_empty(), "an empty list means: no such identity");
    let accept = accept("7.1-preview.1");
    let polled = client
        .call("GET", &target, &[("Accept", &accept)])
        .await
        .list();
    let row = polled
        .iter()
        .find(|row| row["identity"]["id"] == identity.as_str())
        .unwrap();
    assert_eq!(
        (&row["role"]["name"], &row["access"]),
        (&json!("Reader"), &json!("assigned"))
    );
    assert!(row["role"]["allowPermissions"].is_i64() && row["role"]["denyPermissions"].is_i64());
    compat.works(
        "`azuredevops_securityrole_assignment`: set with an empty media type in `Accept`, poll",
    );
    let removed = client
        .send("PATCH", &target, &empty, &json!([identity]).to_string())
        .await;
    assert!((200..300).contains(&removed.status), "{}", removed.text());
    let polled = client
        .call("GET", &target, &[("Accept", &accept)])
        .await
        .list();
    assert!(
        polled
            .iter()
            .all(|row| row["identity"]["id"] != identity.as_str())
    );
    compat.works("`azuredevops_securityrole_assignment`: destroy");
    let nobody = json!([{"userId": "11111111-1111-1111-1111-111111111111", "roleName": "Reader"}])
        .to_string();
    let refused = client.send("PUT", &target, &empty, &nobody).await;
    refused.refused(refused.status);
    compat.refused("`azuredevops_securityrole_assignment` of nobody");
}

#[tokio::test]
async fn terraform_sets_rights_of_the_library() {
    let story = "replay::terraform_sets_rights_of_the_library";
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let client = terraform(&server, &ada);
    let compat = page(story, "terraform-provider-azuredevops");
    let project = project(&client).await;
    let groups = get(&client, "_apis/Graph/Groups", "7.1-preview.1")
        .await
        .list();
    let principal =
        text(&one(&groups, "principalName", "[Main]\\Readers")["descriptor"]).to_owned();

    let read = get(
        &client,
        &format!("_apis/Identities?subjectDescriptors={principal}"),
        "7.1",
    )
    .await
    .list();
    assert_eq!(read.len(), 1, "as many as were asked for");
    assert_eq!(
        text(&read[0]["subjectDescriptor"]),
        principal,
        "the provider finds it by this"
    );
    let descriptor = text(&read[0]["descriptor"]).to_owned();
    let namespace = get(
        &client,
        &format!("_apis/SecurityNamespaces/{LIBRARY}"),
        "7.1",
    )
    .await
    .list();
    let actions = namespace[0]["actions"].as_array().unwrap();
    let bit = |name: &str| one(actions, "name", name)["bit"].as_i64().unwrap();
    let wanted = bit("View") | bit("Use");

    let escaped = descriptor.replace(';', "%3B");
    let token = format!("Library/{project}");
    let lists = format!(
        "_apis/AccessControlLists/{LIBRARY}?descriptors={escaped}&includeExtendedInfo=true&token={}",
        token.replace('/', "%2F")
    );
    let before = get(&client, &lists, "7.1").await.list();
    assert_eq!(before.len(), 1, "none or two are errors of the provider");
    let entries = before[0]["acesDictionary"].as_object().unwrap();
    assert!(
        entries.keys().all(|key| *key == descriptor),
        "an entry that was not asked for is an error of the provider"
    );
    let target = format!("/defaultcollection/_apis/AccessControlEntries/{LIBRARY}");
    let version = accept("7.1");
    let set = async |allow: i64| {
        let entry =
            json!({"allow": allow, "deny": 0, "descriptor": descriptor, "extendedInfo": {}});
        let body =
            json!({"token": token, "merge": false, "accessControlEntries": [entry]}).to_string();
        client
            .send("POST", &target, &[("Accept", &version), JSON], &body)
            .await
            .list()
    };
    assert_eq!(set(wanted).await[0]["allow"], wanted);
    let polled = get(&client, &lists, "7.1").await.list();
    let entry = &polled[0]["acesDictionary"][&descriptor];
    assert_eq!(
        (&entry["allow"], &entry["deny"]),
        (&json!(wanted), &json!(0)),
        "at once"
    );
    compat.works(
        "`azuredevops_library_permissions`: identity, namespace, exactly one list, entry, poll",
    );
    set(0).await;
    let polled = get(&client, &lists, "7.1").await.list();
    assert_eq!(
        (polled.len(), &polled[0]["acesDictionary"]),
        (1, &json!({})),
        "still one list, and nothing in it"
    );
    compat.works("`azuredevops_library_permissions`: destroy, which leaves one empty list");
}

#[tokio::test]
async fn terraform_keeps_a_secure_file() {
    let story = "replay::terraform_keeps_a_secure_file";
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let client = terraform(&server, &ada);
    let compat = page(story, "terraform-provider-azuredevops");
    let project = project(&client).await;

    // The resource writes the URL itself, in its own case, and sends no version but the query's. `Accept` is empty.
    let url = |id: &str, name: &str| {
        format!(
            "/DefaultCollection/{project}/_apis/distributedtask/securefiles{id}?api-version=6.0-preview.1{name}"
        )
    };
    let bytes = [
        ("Accept", ""),
        ("Content-Type", "application/octet-stream;charset=utf-8"),
    ];
    let made = client
        .send("POST", &url("", "&name=signing.p12"), &bytes, "content")
        .await
        .json();
    let id = format!("/{}", text(&made["id"]));
    let properties =
        json!({"file_hash_sha1": "040f06fd774092478d450774f5ba30c5da78acc8", "team": "mobile"});
    let body = json!({"id": id[1..], "name": "signing.p12", "properties": properties}).to_string();
    let patched = client
        .send("PATCH", &url(&id, ""), &[("Accept", ""), JSON], &body)
        .await;
    assert_eq!(patched.status, 200, "{}", patched.text());
    let resources = format!("/defaultcollection/{project}/_apis/build/authorizedresources");
    let version = accept("7.1-preview.1");
    for (authorized, expected) in [(false, 0), (true, 1)] {
        let body = json!([{"authorized": authorized, "id": id[1..], "name": "signing.p12", "type": "securefile"}]).to_string();
        let set = client
            .send("PATCH", &resources, &[("Accept", &version), JSON], &body)
            .await
            .list();
        assert_eq!(set.len(), expected, "closing what is closed is no error");
    }
    let plain = [("Accept", "application/json")];
    let read = client.call("GET", &url(&id, ""), &plain).await.json();
    assert_eq!(
        (&read["name"], &read["properties"]),
        (&json!("signing.p12"), &properties),
        "as it was written: no drift"
    );
    let target = format!("{resources}?id={}&type=securefile", &id[1..]);
    let read = client
        .call("GET", &target, &[("Accept", &version)])
        .await
        .list();
    assert_eq!(text(&read[0]["id"]), &id[1..], "compared letter by letter");
    compat.works("`azuredevops_secure_file`: upload, properties, `allow_access`, read");
    let listed = client.call("GET", &url("", ""), &plain).await.list();
    assert_eq!(text(&one(&listed, "name", "signing.p12")["id"]), &id[1..]);
    compat.works("data source `azuredevops_secure_file`: by name from the list");
    let deleted = client.call("DELETE", &url(&id, ""), &plain).await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    let gone = client.call("GET", &url(&id, ""), &plain).await.refused(404);
    assert_eq!(gone["typeKey"], "SecureFileNotFoundException");
    compat.works("`azuredevops_secure_file`: destroy");
    assert_eq!(PROJECT, "Main", "as the paths above say");
}
