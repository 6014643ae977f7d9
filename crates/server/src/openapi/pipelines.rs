//! Pipelines, runs, builds.

use super::examples::{AGENT, FILE, LATER, PROJECT, TIMELINE, WHEN, ann, resource, url};
use super::operation::{Content, Group, Parameter, get, patch, post, put, wrapped};
use coffer_wire::builds::{Build, LogReference, Timeline};
use coffer_wire::paths::{builds as build_at, pipelines as at};
use coffer_wire::pipelines::{Pipeline, PipelineRequest, Preview, Run, RunRequest};
use serde_json::{Value, json};

const YAML: &str = "steps:\n- task: DownloadSecureFile@1\n  name: cert\n  inputs:\n    secureFile: signing.p12\n- script: ./sign.sh $(cert.secureFilePath)\n";
const TEXT: &str = "steps:\n- task: DownloadSecureFile@1\n  name: cert\n  inputs:\n    secureFile: signing.p12\n- template: templates/build.yml\n";
const TEMPLATE: &str = "steps:\n- script: ./sign.sh $(cert.secureFilePath)\n";
const SEES: &str = "Whoever may see the project's runs, and jobs of the project.";
const EDITS: &str = "Who may edit pipelines of the project: its Contributors, Build Administrators and Project Administrators. A job never.";
const QUEUES: &str = "Who may queue builds of the project: its Contributors, Build Administrators and Project Administrators. A job never.";
const STATE: &str = "The answer tells what the run waits for, in `waitingFor`, and who may permit it as far as the caller may see that.";

fn pipeline_url() -> String {
    url(&format!("{PROJECT}/_apis/pipelines/12"))
}

fn pipeline_page() -> String {
    url(&format!("{PROJECT}/_build?definitionId=12"))
}

fn run_page() -> String {
    url(&format!("{PROJECT}/_build/results?buildId=41"))
}

fn brief() -> Value {
    json!({
        "_links": { "self": { "href": pipeline_url() }, "web": { "href": pipeline_page() } },
        "url": pipeline_url(),
        "id": 12,
        "revision": 3,
        "name": "release",
        "folder": "\\",
    })
}

fn files() -> Value {
    json!([{ "path": "templates/build.yml", "content": TEMPLATE }])
}

fn whole() -> Value {
    let mut pipeline = brief();
    pipeline["configuration"] = json!({
        "type": "yaml",
        "path": "azure-pipelines.yml",
        "yaml": TEXT,
        "files": files(),
        "repository": { "type": "unknown" },
    });
    pipeline
}

fn created() -> Value {
    let mut pipeline = whole();
    pipeline["revision"] = json!(1);
    pipeline["authorization"] = json!({ "permitted": [resource()], "waiting": [] });
    pipeline
}

fn text() -> Value {
    json!({ "name": "release", "configuration": { "type": "yaml", "path": "azure-pipelines.yml", "yaml": TEXT, "files": files() } })
}

fn run() -> Value {
    let own = url(&format!("{PROJECT}/_apis/pipelines/12/runs/41"));
    json!({
        "_links": {
            "self": { "href": own },
            "web": { "href": run_page() },
            "pipeline": { "href": pipeline_url() },
            "pipeline.web": { "href": pipeline_page() },
            "build": { "href": url(&format!("{PROJECT}/_apis/build/builds/41")) },
        },
        "pipeline": { "url": pipeline_url(), "id": 12, "revision": 3, "name": "release", "folder": "\\" },
        "state": "inProgress",
        "createdDate": WHEN,
        "url": own,
        "id": 41,
        "name": "20260302.1",
        "waitingFor": [{
            "resource": { "type": "securefile", "id": FILE, "name": "signing.p12" },
            "stage": "__default",
            "message": "The pipeline 'release' is not permitted to use the secure file 'signing.p12'.",
            "youMayPermit": false,
            "whoMayPermit": ["Ann Example"],
            "why": "notPermitted",
        }],
    })
}

fn run_schema() -> Content {
    Content::json::<RunRequest>(
        json!({ "variables": { "configuration": { "value": "Release", "isSecret": false } } }),
    )
}

pub(super) fn group() -> Group {
    Group {
        name: "Pipelines",
        about: "Pipelines and their runs. A pipeline is a name and YAML, which is stored with it, a revision for each change. \
                A run's id is also its build id.",
        operations: vec![
            get(at::COLLECTION, "listPipelines", "Lists the pipelines of a project")
                .who(SEES)
                .query([Parameter::number("$top", "At most this many.")])
                .gives_list::<Pipeline>("The pipelines, without their configuration.", json!([brief()])),
            post(at::COLLECTION, "createPipeline", "Creates a pipeline")
                .about("Takes the YAML as `configuration.yaml`, and the templates beside it as `configuration.files`. The files that it names and that its creator may let pipelines use are permitted \
                        at once; `authorization` says which, and what runs will wait for.")
                .who(EDITS)
                .takes::<PipelineRequest>(text())
                .gives::<Pipeline>("The new pipeline.", created())
                .refuses(["pipeline.name_taken", "pipeline.files", "not_supported"]),
            get(at::ITEM, "getPipeline", "Reads a pipeline")
                .who(SEES)
                .gives::<Pipeline>("The pipeline with its configuration.", whole()),
            put(at::ITEM, "updatePipeline", "Gives a pipeline a new revision")
                .about("Coffer's own. A revision is whole: without `files` it has none. Nothing is permitted by it: what the new text names besides, runs wait for.")
                .who(EDITS)
                .takes::<PipelineRequest>(text())
                .gives::<Pipeline>("The pipeline as it is now.", whole())
                .refuses(["pipeline.name_taken", "pipeline.files", "not_supported"]),
            get(at::RUNS, "listRuns", "Lists the runs of a pipeline")
                .about("Newest first, at most 1000.")
                .who(SEES)
                .query([Parameter::number("$top", "At most this many.")])
                .gives_list::<Run>("The runs.", json!([run()])),
            post(at::RUNS, "startRun", "Starts a run")
                .about("`{}` is a run with everything as the pipeline says. A ref in `resources.repositories.self.refName` is a claim: on record, and nothing else. \
                        With `previewRun` nothing starts, and the answer is the YAML that would run. \
                        `templateParameters` are the pipeline's `parameters`; lists and mappings may also come as YAML text. \
                        `yamlOverride` is for previews alone, and takes the right to edit the pipeline. `stagesToSkip` is not served yet and refused, so that no other run starts than was asked for.")
                .who(QUEUES)
                .takes_content(run_schema())
                .or_nothing()
                .gives::<Run>(STATE, run())
                .answers(200, "", Content::json::<Preview>(json!({ "finalYaml": YAML, "runnable": true })))
                .refuses(["pipeline.invalid", "pipeline.cannot_run", "not_supported"]),
            get(at::RUN, "getRun", "Reads a run")
                .about(STATE)
                .who(SEES)
                .gives::<Run>("The run.", run()),
            post(at::PREVIEW, "previewRun", "Shows what would run")
                .about("Plans the pipeline with templates and parameters put in, and starts nothing. `yamlOverride` is planned instead of the stored text, with the stored templates, and takes the right to edit the pipeline. What this server cannot run yet is in `validationResults`, and `runnable` is then false.")
                .who(QUEUES)
                .takes_content(run_schema())
                .or_nothing()
                .gives::<Preview>("The pipeline as one YAML text.", json!({ "finalYaml": YAML, "runnable": true }))
                .refuses(["pipeline.invalid", "not_supported"]),
        ],
    }
}

fn build() -> Value {
    let own = url(&format!("{PROJECT}/_apis/build/builds/41"));
    json!({
        "_links": {
            "self": { "href": own },
            "web": { "href": run_page() },
            "timeline": { "href": format!("{own}/timeline") },
        },
        "id": 41,
        "buildNumber": "20260302.1",
        "status": "completed",
        "result": "succeeded",
        "queueTime": WHEN,
        "startTime": WHEN,
        "finishTime": LATER,
        "url": own,
        "definition": {
            "id": 12,
            "name": "release",
            "path": "\\",
            "revision": 3,
            "type": "build",
            "url": pipeline_url(),
            "queueStatus": "enabled",
            "project": { "id": PROJECT, "name": "Pay Desk", "state": "wellFormed", "visibility": "private" },
        },
        "project": { "id": PROJECT, "name": "Pay Desk", "state": "wellFormed", "visibility": "private" },
        "priority": "normal",
        "reason": "manual",
        "requestedBy": ann(),
        "requestedFor": ann(),
    })
}

fn log() -> Value {
    json!({
        "id": 1,
        "type": "Container",
        "url": url(&format!("{PROJECT}/_apis/build/builds/41/logs/1")),
        "lineCount": 2,
    })
}

fn timeline() -> Value {
    json!({
        "id": TIMELINE,
        "changeId": 7,
        "records": [{
            "id": AGENT,
            "parentId": null,
            "type": "Task",
            "name": "DownloadSecureFile",
            "refName": "cert",
            "state": "completed",
            "result": "succeeded",
            "startTime": WHEN,
            "finishTime": LATER,
            "order": 1,
            "errorCount": 0,
            "warningCount": 0,
            "issues": [],
            "log": log(),
            "workerName": "builder-1",
        }],
    })
}

const LINES: [&str; 2] = [
    "2026-03-02T09:30:01.0000000Z Downloading signing.p12",
    "2026-03-02T09:30:02.0000000Z Done",
];

pub(super) fn builds() -> Group {
    Group {
        name: "Builds and logs",
        about: "Runs as the older API shows them, with their timelines and logs. Secrets are masked before a log gets here.",
        operations: vec![
            get(build_at::COLLECTION, "listBuilds", "Lists the builds of a project")
                .about("Newest first, at most 1000.")
                .who(SEES)
                .query([
                    Parameter::text("definitions", "Only builds of these pipelines: ids with commas.").example("12"),
                    Parameter::text("statusFilter", "Only these statuses, with commas, in any case; `all` narrows nothing."),
                    Parameter::text("resultFilter", "Only these results, with commas, in any case."),
                    Parameter::text("queryOrder", "A word that ends in `Ascending`, such as `queueTimeAscending`, turns the order round."),
                    Parameter::number("$top", "At most this many."),
                ])
                .gives_list::<Build>("The builds.", json!([build()])),
            get(build_at::ITEM, "getBuild", "Reads a build")
                .who(SEES)
                .gives::<Build>("The build.", build()),
            patch(build_at::ITEM, "updateBuild", "Cancels a build")
                .about("`{\"status\":\"cancelling\"}` asks the run to stop; its jobs may still clean up. Nothing else can be changed.")
                .who("Who may stop builds of the project: its Contributors, Build Administrators and Project Administrators. A job never.")
                .takes_content(Content::said(
                    json!({
                        "type": "object",
                        "properties": { "status": { "type": "string", "enum": ["cancelling"], "description": "Read in any case." } },
                        "required": ["status"],
                    }),
                    json!({ "status": "cancelling" }),
                ))
                .gives::<Build>("The build as it is now.", build())
                .refuses(["run.state", "not_supported"]),
            get(build_at::TIMELINE, "getTimeline", "Reads what happened in a build")
                .about("A flat list of records with parents: stages, checkpoints, jobs and steps.")
                .who(SEES)
                .gives::<Timeline>("The timeline.", timeline()),
            get(build_at::TIMELINE_ITEM, "getTimelineById", "Reads a build's timeline by its id")
                .who(SEES)
                .gives::<Timeline>("The timeline.", timeline())
                .refuses(["timeline.not_found"]),
            get(build_at::LOGS, "listLogs", "Lists the logs of a build")
                .who(SEES)
                .gives_list::<LogReference>("The logs.", json!([log()])),
            get(build_at::LOG, "getLog", "Reads a log")
                .about("Plain text, or a list of lines for clients whose `Accept` names `application/json` first.")
                .who(SEES)
                .query([
                    Parameter::number("startLine", "The first line, counted from 1."),
                    Parameter::number("endLine", "The last line."),
                ])
                .answers(200, "The lines, masked.", Content::text("text/plain", &(LINES.join("\n") + "\n")))
                .answers(200, "", Content::json::<coffer_wire::List<String>>(wrapped(json!(LINES))))
                .refuses(["log.not_found"]),
        ],
    }
}
