//! `azure-devops` for Python: pipelines, runs and builds.

use super::{VARIABLE, one, text};
use crate::clients::compat::Compat;
use crate::clients::driven::Program;
use crate::harness::{PROJECT, Site, eventually};
use serde_json::{Value, json};

#[tokio::test]
async fn azure_devops_for_python_runs_a_pipeline_and_reads_the_build() {
    let story = "azure_devops::runs::azure_devops_for_python_runs_a_pipeline_and_reads_the_build";
    let Some(program) = Program::python(story, VARIABLE) else {
        return;
    };
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let pipeline = ada
        .pipeline("build", "steps:\n- script: echo signed by python\n")
        .await;
    let mut client = program.of(&site, &ada).await;
    let compat = Compat::new(story, &client.package, &client.version);
    let _agent = site.agent(&ada, "hands").await;

    let came = client
        .call(
            "pipelines",
            "list_pipelines",
            json!({"project": PROJECT, "top": 5, "order_by": "name asc"}),
        )
        .await;
    assert_eq!(one(came.result(), "name", "build")["id"], pipeline);
    compat.works(&came.call);
    let of = json!({"project": PROJECT, "pipeline_id": pipeline});
    let came = client.call("pipelines", "get_pipeline", of.clone()).await;
    assert_eq!(
        (
            &came.result()["folder"],
            &came.result()["configuration"]["type"]
        ),
        (&json!("\\"), &json!("yaml"))
    );
    compat.works(&came.call);
    let mut start = of.clone();
    start["run_parameters"] = json!({"$model": "RunPipelineParameters", "preview_run": true});
    let came = client.call("pipelines", "preview", start.clone()).await;
    assert!(text(&came.result()["final_yaml"]).contains("echo signed by python"));
    compat.works(&came.call);
    start["run_parameters"] = json!({"$model": "RunPipelineParameters"});
    let came = client.call("pipelines", "run_pipeline", start).await;
    let run = came.result()["id"].as_i64().unwrap();
    assert_eq!(came.result()["pipeline"]["name"], "build");
    compat.works(&came.call);
    let mut this = of.clone();
    this["run_id"] = run.into();
    let ended = eventually("the run ends", async || {
        let mut look = program.of(&site, &ada).await;
        let came = look.call("pipelines", "get_run", this.clone()).await;
        (came.result()["state"] == "completed").then(|| came.result().clone())
    })
    .await;
    assert_eq!(ended["result"], "succeeded");
    compat.works("`pipelines.get_run`, until it has completed");
    let came = client.call("pipelines", "list_runs", of.clone()).await;
    assert_eq!(came.result()[0]["id"], run);
    compat.works(&came.call);

    let build = json!({"project": PROJECT, "build_id": run});
    let came = client.call("build", "get_build", build.clone()).await;
    assert_eq!(
        (&came.result()["status"], &came.result()["result"]),
        (&json!("completed"), &json!("succeeded"))
    );
    assert_eq!(came.result()["definition"]["project"]["name"], PROJECT);
    assert_eq!(came.result()["definition"]["queue_status"], "enabled");
    compat.works(&came.call);
    let came = client.call("build", "get_builds", json!({"project": PROJECT, "definitions": [pipeline], "status_filter": "completed", "top": 1})).await;
    assert_eq!(came.result()[0]["id"], run);
    compat.works(&came.call);
    let came = client
        .call("build", "get_build_timeline", build.clone())
        .await;
    let records = came.result()["records"].as_array().unwrap();
    assert!(
        records
            .iter()
            .any(|record| record["type"] == "Task" && record["result"] == "succeeded")
    );
    compat.works(&came.call);
    let came = client.call("build", "get_build_logs", build.clone()).await;
    let logs = came.result().as_array().unwrap();
    let log = logs
        .iter()
        .map(|log| log["id"].as_i64().unwrap())
        .max()
        .unwrap();
    compat.works(&came.call);
    let mut lines = build.clone();
    lines["log_id"] = log.into();
    let came = client
        .call("build", "get_build_log_lines", lines.clone())
        .await;
    assert!(
        came.result()
            .as_array()
            .unwrap()
            .iter()
            .all(Value::is_string),
        "{}",
        came.result()
    );
    compat.works(&came.call);
    let came = client.call("build", "get_build_log", lines).await;
    assert!(
        came.result()["length"].as_i64().unwrap() > 0,
        "{}",
        came.result()
    );
    compat.works(&came.call);

    // A run that nobody works on can be stopped. The pipeline wants what this agent has not.
    let stuck = ada
        .pipeline("stuck", "pool:\n  demands: moon\nsteps:\n- script: echo\n")
        .await;
    let came = client.call("pipelines", "run_pipeline", json!({"project": PROJECT, "pipeline_id": stuck, "run_parameters": {"$model": "RunPipelineParameters"}})).await;
    let cancel = json!({"project": PROJECT, "build_id": came.result()["id"], "build": {"$model": "Build", "status": "cancelling"}});
    let came = client.call("build", "update_build", cancel).await;
    assert_eq!(came.result()["result"], "canceled", "{}", came.result());
    compat.works("`build.update_build`, to cancel");
    let queue = json!({"project": PROJECT, "build": {"$model": "Build", "definition": {"$model": "DefinitionReference", "id": pipeline}}});
    let came = client.call("build", "queue_build", queue).await;
    assert!(came.raised().len() > 20, "{}", came.raised());
    compat.not_yet(&came.call, "runs are started by pipelines.run_pipeline");
    let came = client
        .call("build", "get_definitions", json!({"project": PROJECT}))
        .await;
    assert_eq!(came.key(), "VssResourceNotFoundException");
    compat.not_yet(
        &came.call,
        "pipelines are listed by pipelines.list_pipelines",
    );
}
