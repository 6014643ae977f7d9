//! The way to the server and to projects; pipelines, their runs, logs and tasks.

use super::{Scene, names};
use crate::harness::PROJECT;
use serde_json::{Value, json};

const DOWNLOAD: &str = "2a6ca863-f2ce-4f4d-8bcb-15e64608ec4b";

pub(super) async fn finds_its_way(mut scene: Scene) {
    let data = scene.ask("", "connect", json!([])).await;
    assert_eq!(data["authenticatedUser"]["providerDisplayName"], "ada");
    assert_eq!(data["deploymentType"], "onPremises");
    scene.compat.works("`connect`");
    let again = scene.ask("Locations", "getConnectionData", json!([])).await;
    assert_eq!(
        again["authenticatedUser"]["id"],
        data["authenticatedUser"]["id"]
    );
    scene.compat.works("`getConnectionData`");
    let areas = scene.ask("Locations", "getResourceAreas", json!([])).await;
    assert_eq!(areas, json!([]));
    let area = "a85b8835-c1a1-4aac-ae97-1c3d0ba72dbd";
    let area = scene
        .ask("Locations", "getResourceArea", json!([area]))
        .await;
    assert_eq!(area, Value::Null);
    scene
        .compat
        .works("`getResourceAreas`: none, and `getResourceArea`: null");

    let new = json!({
        "name": "Zweites Projekt ä", "description": "one more",
        "capabilities": {
            "versioncontrol": {"sourceControlType": "Git"},
            "processTemplate": {"templateTypeId": "adcc42ab-9882-485e-a3ed-7678f01f66bc"},
        },
    });
    let operation = scene.ask("Core", "queueCreateProject", json!([new])).await;
    // `OperationStatus`: 4 is succeeded.
    assert_eq!(operation["status"], 4, "{operation}");
    scene.compat.works("`queueCreateProject`");
    let projects = scene.ask("Core", "getProjects", json!([])).await;
    assert_eq!(names(&projects), [PROJECT, "Zweites Projekt ä"]);
    let page = scene.ask("Core", "getProjects", json!(["all", 1, 1])).await;
    assert_eq!(names(&page), ["Zweites Projekt ä"]);
    scene.compat.works("`getProjects`, all and by page");
    let id = page[0]["id"].clone();
    for key in [json!("zweites projekt Ä"), id.clone()] {
        let project = scene.ask("Core", "getProject", json!([key, true])).await;
        assert_eq!(project["id"], id);
        assert_eq!(
            project["capabilities"]["versioncontrol"]["sourceControlType"],
            "Git"
        );
    }
    scene
        .compat
        .works("`getProject`, by name and id, with capabilities");
    let nobody = scene.ask("Core", "getProject", json!(["Nowhere"])).await;
    assert_eq!(nobody, Value::Null);
    scene
        .compat
        .works("`getProject` of what is not there: null");
    let change = json!({"description": "another text"});
    let operation = scene
        .ask("Core", "updateProject", json!([change, id]))
        .await;
    assert_eq!(operation["status"], 4, "{operation}");
    let project = scene.ask("Core", "getProject", json!([id])).await;
    assert_eq!(project["description"], "another text");
    scene.compat.works("`updateProject`");

    tasks(&mut scene).await;
    let calls = vec![
        (
            "Core",
            "getTeams",
            json!([PROJECT]),
            "there are groups, no teams",
        ),
        ("Core", "queueDeleteProject", json!([id]), "projects stay"),
        (
            "Locations",
            "getServiceDefinitions",
            json!([]),
            "one service has no list of them",
        ),
        (
            "TaskAgent",
            "getVariableGroups",
            json!([PROJECT]),
            "no variable groups",
        ),
        (
            "TaskAgent",
            "getAgentPools",
            json!([]),
            "pools by Coffer's own routes only",
        ),
        (
            "TaskAgent",
            "getAgentQueues",
            json!([PROJECT]),
            "pools by Coffer's own routes only",
        ),
        (
            "TaskAgent",
            "getEnvironments",
            json!([PROJECT]),
            "no environments",
        ),
        (
            "TaskAgent",
            "getYamlSchema",
            json!([]),
            "the YAML has no schema file",
        ),
    ];
    scene.not_yet(calls).await;
}

async fn tasks(scene: &mut Scene) {
    let arguments = json!([null, ["build"]]);
    let all = scene
        .ask("TaskAgent", "getTaskDefinitions", arguments)
        .await;
    assert_eq!(names(&all), ["Bash", "CmdLine", "DownloadSecureFile"]);
    let versions = scene
        .ask("TaskAgent", "getTaskDefinitions", json!([DOWNLOAD]))
        .await;
    assert_eq!(names(&versions), ["DownloadSecureFile"]);
    scene.compat.works("`getTaskDefinitions`");
    let number = |part: &str| versions[0]["version"][part].as_u64().unwrap();
    let version = format!(
        "{}.{}.{}",
        number("major"),
        number("minor"),
        number("patch")
    );
    let arguments = json!([DOWNLOAD, version]);
    let task = scene
        .ask("TaskAgent", "getTaskDefinition", arguments.clone())
        .await;
    assert_eq!(task["inputs"][0]["type"], "secureFile");
    scene.compat.works("`getTaskDefinition`");
    let came = scene.ask("TaskAgent", "getTaskContentZip", arguments).await;
    assert_eq!(came["status"], 404);
    scene
        .compat
        .refused("`getTaskContentZip`: what is built in has no package");
}

pub(super) async fn follows_pipelines_and_runs(mut scene: Scene) {
    let yaml = "steps:\n- script: echo said by the job\n  displayName: Say it\n";
    let configuration = json!({"type": 1, "path": "a.yml", "yaml": yaml});
    let new = json!({"name": "by script", "configuration": configuration});
    let made = scene
        .ask("Pipelines", "createPipeline", json!([new, PROJECT]))
        .await;
    let id = made["id"].clone();
    scene.compat.works("`createPipeline`, with the YAML in it");
    let one = scene
        .ask("Pipelines", "getPipeline", json!([PROJECT, id]))
        .await;
    assert_eq!((&one["name"], &one["id"]), (&"by script".into(), &id));
    scene.compat.works("`getPipeline`");
    let all = scene
        .ask("Pipelines", "listPipelines", json!([PROJECT]))
        .await;
    assert_eq!(names(&all), ["by script"]);
    scene.compat.works("`listPipelines`");
    let shown = scene
        .ask("Pipelines", "preview", json!([{}, PROJECT, id]))
        .await;
    assert!(
        shown["finalYaml"]
            .as_str()
            .unwrap()
            .contains("said by the job")
    );
    scene.compat.works("`preview`");

    // One run is cancelled while no agent is there, the next is done.
    let run = scene
        .ask("Pipelines", "runPipeline", json!([{}, PROJECT, id]))
        .await;
    scene.compat.works("`runPipeline`");
    let cancelling = json!({"status": 4});
    let arguments = json!([cancelling, PROJECT, run["id"]]);
    let build = scene.ask("Build", "updateBuild", arguments).await;
    // `BuildStatus`: 2 is completed, 4 is cancelling.
    assert!(build["status"] == 4 || build["status"] == 2, "{build}");
    scene.compat.works("`updateBuild`: cancel");
    let run = scene
        .ask("Pipelines", "runPipeline", json!([{}, PROJECT, id]))
        .await;
    let run = run["id"].clone();
    let agent = scene.site.agent(&scene.ada, "builder").await;
    let done = scene.ada.watch(&run.to_string()).await;
    done.ends(0);

    let shown = scene
        .ask("Pipelines", "getRun", json!([PROJECT, id, run]))
        .await;
    // `RunState` and `RunResult`: completed is 4, succeeded is 1.
    assert_eq!((&shown["state"], &shown["result"]), (&4.into(), &1.into()));
    assert!(shown["finishedDate"].is_string());
    scene.compat.works("`getRun`");
    let runs = scene
        .ask("Pipelines", "listRuns", json!([PROJECT, id]))
        .await;
    assert_eq!(runs.as_array().unwrap().len(), 2);
    scene.compat.works("`listRuns`");

    let build = scene.ask("Build", "getBuild", json!([PROJECT, run])).await;
    assert_eq!(
        (&build["id"], &build["status"], &build["result"]),
        (&run, &2.into(), &2.into())
    );
    assert_eq!(build["definition"]["name"], "by script");
    scene.compat.works("`getBuild`");
    let builds = scene
        .ask("Build", "getBuilds", json!([PROJECT, [id]]))
        .await;
    assert_eq!(builds.as_array().unwrap().len(), 2);
    let arguments = json!([PROJECT, [id], null, null, null, null, null, null, 2, 2]);
    let builds = scene.ask("Build", "getBuilds", arguments).await;
    assert_eq!(builds.as_array().unwrap().len(), 1, "those that succeeded");
    scene
        .compat
        .works("`getBuilds`, by definition, status and result");
    let timeline = scene
        .ask("Build", "getBuildTimeline", json!([PROJECT, run]))
        .await;
    let records = timeline["records"].as_array().unwrap();
    let step = records.iter().find(|one| one["name"] == "Say it").unwrap();
    // `TimelineRecordState` and `TaskResult`: completed is 2, succeeded is 0.
    assert_eq!((&step["state"], &step["result"]), (&2.into(), &0.into()));
    scene.compat.works("`getBuildTimeline`");
    let logs = scene
        .ask("Build", "getBuildLogs", json!([PROJECT, run]))
        .await;
    assert!(!logs.as_array().unwrap().is_empty());
    scene.compat.works("`getBuildLogs`");
    let log = step["log"]["id"].clone();
    let lines = scene
        .ask("Build", "getBuildLogLines", json!([PROJECT, run, log]))
        .await;
    let said = |line: &Value| line.as_str().unwrap().ends_with(" said by the job");
    assert!(lines.as_array().unwrap().iter().any(said), "{lines}");
    scene.compat.works("`getBuildLogLines`");
    let text = scene
        .ask("Build", "getBuildLog", json!([PROJECT, run, log]))
        .await;
    assert_eq!(text["status"], 200);
    assert!(text["length"].as_u64() > Some(100), "{text}");
    scene.compat.works("`getBuildLog`, as a stream");
    drop(agent);

    let queued = json!([{"definition": {"id": id}}, PROJECT]);
    let definitions = "pipelines are no build definitions so far";
    let calls = vec![
        ("Build", "queueBuild", queued, "`runPipeline` starts runs"),
        ("Build", "getDefinitions", json!([PROJECT]), definitions),
        ("Build", "getDefinition", json!([PROJECT, id]), definitions),
        (
            "Build",
            "getArtifacts",
            json!([PROJECT, run]),
            "no artifacts",
        ),
        (
            "Pipelines",
            "getArtifact",
            json!([PROJECT, id, run, "drop"]),
            "no artifacts",
        ),
        (
            "Pipelines",
            "listLogs",
            json!([PROJECT, id, run]),
            "`getBuildLogs` lists them",
        ),
        (
            "Pipelines",
            "getLog",
            json!([PROJECT, id, run, 1]),
            "`getBuildLog` reads one",
        ),
    ];
    scene.not_yet(calls).await;
}
