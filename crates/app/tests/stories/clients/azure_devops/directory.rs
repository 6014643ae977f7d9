//! `azure-devops` for Python: who and what there is.

use super::{VARIABLE, one, text};
use crate::clients::compat::Compat;
use crate::clients::driven::Program;
use crate::harness::{PROJECT, Site};
use serde_json::{Value, json};

const NOBODY: &str = "11111111-1111-1111-1111-111111111111";

#[tokio::test]
async fn azure_devops_for_python_finds_people_and_projects() {
    let story = "azure_devops::directory::azure_devops_for_python_finds_people_and_projects";
    let Some(program) = Program::python(story, VARIABLE) else {
        return;
    };
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    site.person(&ada, &server, "dev", &[]).await;
    let mut client = program.of(&site, &ada).await;
    let compat = Compat::new(story, &client.package, &client.version);

    let came = client
        .call(
            "location",
            "get_connection_data",
            json!({"connect_options": "includeServices"}),
        )
        .await;
    let me = text(&came.result()["authenticated_user"]["id"]).to_owned();
    assert_eq!(
        came.result()["authenticated_user"]["provider_display_name"],
        "ada"
    );
    assert_eq!(came.result()["deployment_type"], "onPremises");
    compat.works(&came.call);
    let came = client
        .call("location", "get_resource_areas", json!({}))
        .await;
    assert_eq!(
        came.result(),
        &json!([]),
        "or the client takes the token elsewhere"
    );
    compat.works(
        "`location.get_resource_areas`: none, so every client stays with the URL it was given",
    );
    let mut nobody = program.start(&site, &ada, "cof_pat_wrong").await;
    let came = nobody
        .call("location", "get_connection_data", json!({}))
        .await;
    assert!(came.raised().contains("TF400813"), "{}", came.raised());
    compat.refused("`location.get_connection_data`, with a wrong token");

    let project = json!({"$model": "TeamProject", "name": "Größe und Maß", "description": "d", "visibility": "private", "capabilities": {
        "versioncontrol": {"sourceControlType": "Git"}, "processTemplate": {"templateTypeId": "6b724908-ef14-45cf-84f8-768b5384da45"},
    }});
    let came = client
        .call(
            "core",
            "queue_create_project",
            json!({"project_to_create": project}),
        )
        .await;
    let operation = text(&came.result()["id"]).to_owned();
    compat.works(&came.call);
    let came = client
        .call(
            "operations",
            "get_operation",
            json!({"operation_id": operation}),
        )
        .await;
    assert_eq!(came.result()["status"], "succeeded");
    compat.works(&came.call);
    let mut pages = Vec::new();
    for token in [Value::Null, json!(1), json!(2)] {
        let came = client
            .call(
                "core",
                "get_projects",
                json!({"state_filter": "wellFormed", "top": 1, "continuation_token": token}),
            )
            .await;
        let page = came.result().as_array().unwrap().iter();
        pages.extend(page.map(|project| text(&project["name"]).to_owned()));
    }
    assert_eq!(pages, ["Größe und Maß", PROJECT], "page by page, each once");
    compat.works("`core.get_projects`, page by page");
    let came = client
        .call(
            "core",
            "get_project",
            json!({"project_id": "größe und maß", "include_capabilities": true}),
        )
        .await;
    let id = text(&came.result()["id"]).to_owned();
    assert_eq!(
        came.result()["capabilities"]["versioncontrol"]["gitEnabled"],
        "True"
    );
    assert!(came.result()["capabilities"]["processTemplate"]["templateTypeId"].is_string());
    compat.works("`core.get_project`, by a name with spaces and umlauts");
    let came = client.call("core", "update_project", json!({"project_id": id, "project_update": {"$model": "TeamProject", "description": "Signing"}})).await;
    assert_eq!(came.result()["status"], "succeeded");
    let read = client
        .call("core", "get_project", json!({"project_id": id}))
        .await;
    assert_eq!(read.result()["description"], "Signing");
    compat.works(&came.call);
    let came = client
        .call("core", "get_project", json!({"project_id": "Nowhere"}))
        .await;
    assert!(came.raised().starts_with("TF200016:"), "{}", came.raised());
    assert_eq!(came.key(), "ProjectDoesNotExistWithNameException");
    compat.refused("`core.get_project`, what is not there");
    let came = client
        .call("core", "queue_delete_project", json!({"project_id": id}))
        .await;
    assert!(
        came.raised().contains("cannot be deleted yet"),
        "{}",
        came.raised()
    );
    compat.not_yet(&came.call, "projects cannot be deleted");

    let came = client
        .call("graph", "get_descriptor", json!({"storage_key": id}))
        .await;
    let scope = text(&came.result()["value"]).to_owned();
    assert!(scope.starts_with("scp."), "{scope}");
    compat.works(&came.call);
    let came = client
        .call("graph", "list_groups", json!({"scope_descriptor": scope}))
        .await;
    let group = one(
        &came.result()["graph_groups"],
        "display_name",
        "Contributors",
    )
    .clone();
    assert_eq!(group["principal_name"], "[Größe und Maß]\\Contributors");
    let descriptor = text(&group["descriptor"]);
    compat.works(&came.call);
    let came = client
        .call(
            "graph",
            "get_storage_key",
            json!({"subject_descriptor": descriptor}),
        )
        .await;
    assert_eq!(came.result()["value"], group["origin_id"]);
    compat.works(&came.call);
    let came = client.call("graph", "list_users", json!({})).await;
    let users = &came.result()["graph_users"];
    let dev = text(&one(users, "principal_name", "dev")["descriptor"]).to_owned();
    compat.works(&came.call);
    let pair = json!({"subject_descriptor": dev, "container_descriptor": descriptor});
    let came = client
        .call("graph", "check_membership_existence", pair.clone())
        .await;
    assert!(came.raised().contains("404"), "{}", came.raised());
    let came = client.call("graph", "add_membership", pair.clone()).await;
    assert_eq!(
        came.result(),
        &json!({"container_descriptor": descriptor, "member_descriptor": dev})
    );
    compat.works(&came.call);
    let came = client
        .call("graph", "check_membership_existence", pair.clone())
        .await;
    assert_eq!(came.result(), &Value::Null);
    compat.works(&came.call);
    let came = client
        .call(
            "graph",
            "list_memberships",
            json!({"subject_descriptor": dev, "direction": "up"}),
        )
        .await;
    one(came.result(), "container_descriptor", descriptor);
    compat.works(&came.call);
    let came = client
        .call("graph", "remove_membership", pair.clone())
        .await;
    assert_eq!(came.result(), &Value::Null);
    let gone = client.call("graph", "get_membership", pair).await;
    assert!(gone.raised().len() > 20, "{}", gone.raised());
    compat.works(&came.call);
    let lookup = json!({"subject_lookup": {"$model": "GraphSubjectLookup", "lookup_keys": [{"$model": "GraphSubjectLookupKey", "descriptor": dev}]}});
    let came = client.call("graph", "lookup_subjects", lookup).await;
    assert_eq!(came.result()[&dev]["display_name"], "dev");
    compat.works(&came.call);
    let query = json!({"subject_query": {"$model": "GraphSubjectQuery", "query": "Contrib", "subject_kind": ["Group"], "scope_descriptor": scope}});
    let came = client.call("graph", "query_subjects", query).await;
    one(came.result(), "descriptor", descriptor);
    compat.works(&came.call);
    let came = client
        .call(
            "identity",
            "read_identities",
            json!({"subject_descriptors": format!("{descriptor},{dev}")}),
        )
        .await;
    let read = came.result();
    assert_eq!(
        (&read[0]["is_container"], &read[1]["provider_display_name"]),
        (&json!(true), &json!("dev")),
        "in the order asked"
    );
    compat.works("`identity.read_identities`, by subject_descriptors");
    let came = client
        .call("identity", "read_identity", json!({"identity_id": me}))
        .await;
    assert_eq!(came.result()["id"], me.as_str());
    compat.works(&came.call);
    let came = client
        .call("identity", "read_identity", json!({"identity_id": NOBODY}))
        .await;
    assert_eq!(came.key(), "IdentityNotFoundException");
    compat.refused("`identity.read_identity`, who is not there");
    let came = client.call("core", "get_processes", json!({})).await;
    assert_eq!(came.result()[0]["name"], "Basic");
    compat.works(&came.call);
    for (area, method, arguments, reason) in [
        (
            "core",
            "get_teams",
            json!({"project_id": PROJECT}),
            "there are no teams",
        ),
        (
            "graph",
            "list_service_principals",
            json!({}),
            "services are users",
        ),
        (
            "task_agent",
            "get_task_groups",
            json!({"project": PROJECT}),
            "task groups are not served",
        ),
    ] {
        let came = client.call(area, method, arguments).await;
        assert_eq!(came.key(), "VssResourceNotFoundException");
        compat.not_yet(&came.call, reason);
    }
}
