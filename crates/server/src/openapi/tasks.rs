//! Tasks that pipelines can use.

use super::examples::TASK;
use super::operation::{Content, Group, Parameter, get, wrapped};
use coffer_wire::List;
use coffer_wire::paths::tasks as at;
use coffer_wire::tasks::TaskDefinition;
use schemars::JsonSchema;
use serde_json::{Value, json};

/// The versions of a task, or the one that was asked for.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "it is there for its schema")]
enum Versions {
    All(List<TaskDefinition>),
    One(Box<TaskDefinition>),
}

const ANYBODY: &str = "Every person who belongs to the organization, and jobs.";

fn task() -> Value {
    json!({
        "id": TASK,
        "name": "DownloadSecureFile",
        "friendlyName": "Download secure file",
        "description": "Downloads a secure file to the agent machine.",
        "author": "Coffer (built in)",
        "definitionType": "task",
        "version": { "major": 1, "minor": 0, "patch": 0, "isTest": false },
        "visibility": ["Build"],
        "runsOn": ["Agent"],
        "minimumAgentVersion": "2.182.1",
        "demands": [],
        "instanceNameFormat": "Download secure file",
        "inputs": [{ "name": "secureFile", "label": "Secure File", "type": "secureFile", "defaultValue": "", "required": true }],
        "outputVariables": [{ "name": "secureFilePath" }],
        "contentsUploaded": false,
        "serverOwned": true,
    })
}

pub(super) fn group() -> Group {
    Group {
        name: "Tasks",
        about: "The tasks that are built into the agent, with their inputs. There are no packages, so there is nothing to upload or download.",
        operations: vec![
            get(at::COLLECTION, "listTasks", "Lists the tasks that pipelines can use")
                .who(ANYBODY)
                .query([Parameter::text("visibility", "Only tasks that may be used there, several with commas; `build` leaves out what is no task in YAML.").example("build")])
                .gives_list::<TaskDefinition>("The tasks.", json!([task()])),
            get(at::ITEM, "listTaskVersions", "Lists the versions of a task")
                .about("`versionString` is how `azure-devops-node-api` names the version that it wants.")
                .who(ANYBODY)
                .query([Parameter::text("versionString", "That version alone, and not as a list.")])
                .answers(200, "The versions, or the one.", Content::json::<Versions>(wrapped(json!([task()]))))
                .refuses(["task.no_package"]),
            get(at::VERSION, "getTask", "Reads a version of a task")
                .about("Who asks for its package, with `Accept: application/zip`, hears that there is none.")
                .who(ANYBODY)
                .gives::<TaskDefinition>("The version.", task())
                .refuses(["task.no_package"]),
        ],
    }
}
