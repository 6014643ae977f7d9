//! `azure-devops` for Python: pipeline permissions, the new calls and the older ones.

use super::VARIABLE;
use crate::clients::compat::Compat;
use crate::clients::driven::Program;
use crate::harness::{PROJECT, Site};
use crate::job::downloads;
use serde_json::{Value, json};

#[tokio::test]
async fn azure_devops_for_python_permits_pipelines() {
    let story = "azure_devops::permissions::azure_devops_for_python_permits_pipelines";
    let Some(program) = Program::python(story, VARIABLE) else {
        return;
    };
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let file = ada.file("ca.pem", "a certificate").await;
    let dev = site
        .person(&ada, &server, "dev", &["Main/Contributors"])
        .await;
    let pipeline = dev.pipeline("build", &downloads(["ca.pem"])).await;
    let mut client = program.of(&site, &ada).await;
    let compat = Compat::new(story, &client.package, &client.version);

    let of_file = json!({"project": PROJECT, "resource_type": "securefile", "resource_id": file});
    let came = client
        .call(
            "pipeline_permissions",
            "get_pipeline_permissions_for_resource",
            of_file.clone(),
        )
        .await;
    assert_eq!(came.result()["pipelines"], json!([]));
    assert_eq!(
        came.result()["all_pipelines"],
        Value::Null,
        "closed is absent"
    );
    compat.works(&came.call);

    let mut change = of_file.clone();
    change["resource_authorization"] = json!({
        "$model": "ResourcePipelinePermissions",
        "pipelines": [{"$model": "PipelinePermission", "id": pipeline, "authorized": true}],
    });
    let came = client
        .call(
            "pipeline_permissions",
            "update_pipeline_permisions_for_resource",
            change.clone(),
        )
        .await;
    assert_eq!(came.result()["pipelines"][0]["id"], pipeline);
    assert_eq!(
        came.result()["pipelines"][0]["authorized_by"]["display_name"],
        "ada"
    );
    let read = client
        .call(
            "pipeline_permissions",
            "get_pipeline_permissions_for_resource",
            of_file.clone(),
        )
        .await;
    assert_eq!(read.result(), came.result(), "a write is there at once");
    compat.works(&came.call);

    let batch = json!({"project": PROJECT, "resource_authorizations": [{
        "$model": "ResourcePipelinePermissions",
        "resource": {"$model": "Resource", "type": "securefile", "id": file},
        "pipelines": [{"$model": "PipelinePermission", "id": pipeline, "authorized": false}],
        "all_pipelines": {"$model": "Permission", "authorized": true},
    }]});
    let came = client
        .call(
            "pipeline_permissions",
            "update_pipeline_permisions_for_resources",
            batch,
        )
        .await;
    assert_eq!(came.result()[0]["pipelines"], json!([]));
    assert_eq!(came.result()[0]["all_pipelines"]["authorized"], true);
    compat.works(&came.call);

    // The older calls see and change the same.
    let resource = |authorized: bool| json!([{"$model": "DefinitionResourceReference", "type": "securefile", "id": file, "authorized": authorized}]);
    let came = client
        .call(
            "build",
            "get_project_resources",
            json!({"project": PROJECT, "type": "securefile", "id": file}),
        )
        .await;
    assert_eq!(
        came.result(),
        &json!([{"authorized": true, "id": file, "name": "ca.pem", "type": "securefile"}])
    );
    compat.works(&came.call);
    let came = client
        .call(
            "build",
            "authorize_project_resources",
            json!({"project": PROJECT, "resources": resource(false)}),
        )
        .await;
    assert_eq!(
        came.result(),
        &json!([]),
        "after the last one is removed the list is empty"
    );
    compat.works(&came.call);
    let arguments =
        json!({"project": PROJECT, "definition_id": pipeline, "resources": resource(true)});
    let came = client
        .call("build", "authorize_definition_resources", arguments)
        .await;
    assert_eq!(came.result()[0]["id"], file.as_str());
    compat.works(&came.call);
    let came = client
        .call(
            "build",
            "get_definition_resources",
            json!({"project": PROJECT, "definition_id": pipeline}),
        )
        .await;
    assert_eq!(came.result()[0]["authorized"], true);
    compat.works(&came.call);
    let read = client
        .call(
            "pipeline_permissions",
            "get_pipeline_permissions_for_resource",
            of_file.clone(),
        )
        .await;
    assert_eq!(read.result()["pipelines"][0]["id"], pipeline);
    assert_eq!(read.result()["all_pipelines"], Value::Null);

    let mut developer = program.of(&site, &dev).await;
    let came = developer
        .call(
            "pipeline_permissions",
            "update_pipeline_permisions_for_resource",
            change,
        )
        .await;
    assert!(came.raised().len() > 20, "{}", came.raised());
    compat.refused(
        "`pipeline_permissions.update_pipeline_permisions_for_resource`, without the role User",
    );
    let other = json!({"project": PROJECT, "resource_type": "variablegroup", "resource_id": "1"});
    let came = client
        .call(
            "pipeline_permissions",
            "get_pipeline_permissions_for_resource",
            other,
        )
        .await;
    assert!(
        came.raised().contains("Supported: securefile"),
        "{}",
        came.raised()
    );
    compat.not_yet(
        "`pipeline_permissions`, of a variable group",
        "secure files are the only protected resource",
    );
    let checks = json!({"project": PROJECT, "resource_type": "securefile", "resource_id": file});
    let came = client
        .call(
            "pipelines_checks",
            "get_check_configurations_on_resource",
            checks,
        )
        .await;
    assert_eq!(came.key(), "VssResourceNotFoundException");
    compat.not_yet(&came.call, "checks are not served");
}
