//! Template files beside a stored pipeline: stored whole with each revision, read back, planned from, on record, and
//! refused with a clear word before anything is stored.

use crate::{Cast, newest, run_pages};
use coffer_testkit::{From, PROJECT, TestServer, both, group, random};
use coffer_wire::enums::ConfigurationType;
use coffer_wire::pipelines::{Configuration, Pipeline, PipelineFile, PipelineRequest, RunRequest};
use serde_json::json;
use std::collections::BTreeMap;

const AT: &str = "Pay%20Desk/_apis/pipelines";
/// In a folder, so that paths of templates lead from there.
const ROOT: &str = "parameters:
- name: environment
  default: test
steps:
- template: ../templates/sign.yml
  parameters: {file: ca.pem}
- ${{ if eq(parameters.environment, 'production') }}:
  - template: /templates/publish.yml
";
const SIGN: &str = "parameters:
- name: file
steps:
- task: DownloadSecureFile@1
  inputs:
    secureFile: ${{ parameters.file }}
- template: more/say.yml
";

fn files(files: &[(&str, &str)]) -> Vec<PipelineFile> {
    files
        .iter()
        .map(|(path, content)| PipelineFile {
            path: (*path).to_owned(),
            content: (*content).to_owned(),
        })
        .collect()
}

fn request(name: &str, yaml: &str, files: Vec<PipelineFile>) -> PipelineRequest {
    PipelineRequest {
        name: name.to_owned(),
        folder: None,
        configuration: Configuration {
            kind: ConfigurationType::Yaml,
            path: "ci/azure-pipelines.yml".to_owned(),
            yaml: Some(yaml.to_owned()),
            files,
            repository: None,
        },
    }
}

fn whole() -> Vec<PipelineFile> {
    files(&[
        ("templates/sign.yml", SIGN),
        ("templates/publish.yml", "steps:\n- script: ./publish.sh\n"),
        (
            "templates/more/say.yml",
            "steps:\r\n- script: echo signed\r\n",
        ),
    ])
}

fn given(pairs: &[(&str, &str)]) -> RunRequest {
    RunRequest {
        template_parameters: pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect(),
        ..RunRequest::default()
    }
}

async fn stored(cast: &Cast, request: &PipelineRequest) -> Pipeline {
    cast.developer
        .client
        .pipelines(PROJECT)
        .create(request)
        .await
        .unwrap()
}

/// What no event explains, or explains otherwise.
async fn unexplained(server: &TestServer) -> Vec<(String, String)> {
    let found = server
        .administrator()
        .client
        .coffer()
        .audit_reconcile()
        .await
        .unwrap();
    found
        .findings
        .into_iter()
        .map(|found| (found.what, found.kind))
        .collect()
}

both! {
    async fn a_pipeline_runs_with_the_files_it_was_stored_with(server) {
        let cast = Cast::of(&server).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let pipeline = stored(&cast, &request("folder", ROOT, whole())).await;
        let waits = pipeline.authorization.as_ref().unwrap().waiting.len();
        assert_eq!(waits, 1, "the file that a template names counts");

        let preview = pipelines.preview(pipeline.id, &given(&[("environment", "production")])).await.unwrap();
        assert_eq!(
            preview.final_yaml,
            "steps:\n- task: DownloadSecureFile@1\n  inputs:\n    secureFile: ca.pem\n- script: echo signed\n- script: ./publish.sh\n"
        );
        cast.engineer.permit(&cast.file, &pipeline, true).await.unwrap();
        let agent = server.agent("hand").await;
        let run = cast.developer.run(&pipeline).await;
        let job = agent.job().await;
        assert_eq!((job.job.run_id, job.job.steps.len()), (run.id, 2));
        assert_eq!(job.download_own(&server).await.body, cast.content);
    }

    async fn files_are_read_back_with_the_pipeline_and_not_in_lists(server) {
        let cast = Cast::of(&server).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let pipeline = stored(&cast, &request("folder", ROOT, whole())).await;
        let mut sent = whole();
        sent.sort_by(|a, b| a.path.cmp(&b.path));
        assert_eq!(pipeline.configuration.unwrap().files, sent);
        let read = pipelines.get(pipeline.id).await.unwrap().configuration.unwrap();
        assert_eq!((read.files, read.yaml.as_deref()), (sent, Some(ROOT)));
        let list = cast.developer.get(AT).await.ok().text();
        assert!(list.contains("folder") && !list.contains("sign.yml"), "{list}");
        // One that is a single text says nothing of files.
        let alone = format!("{AT}/{}", cast.pipeline.id);
        let alone = cast.developer.get(&alone).await.ok().json();
        assert_eq!(alone["configuration"].get("files"), None, "{alone}");
    }

    async fn a_revision_is_whole_and_a_run_keeps_the_one_it_was_planned_with(server) {
        let cast = Cast::of(&server).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let pipeline = stored(&cast, &request("folder", ROOT, whole())).await;
        let run = cast.developer.run(&pipeline).await;
        let mut changed = whole();
        changed[2].content = "steps:\n- script: echo changed\n".to_owned();
        let second = pipelines.replace(pipeline.id, &request("folder", ROOT, changed)).await.unwrap();
        assert_eq!(second.revision, 2);
        let preview = pipelines.preview(pipeline.id, &RunRequest::default()).await.unwrap();
        assert!(preview.final_yaml.ends_with("- script: echo changed\n"), "{}", preview.final_yaml);

        cast.engineer.permit(&cast.file, &pipeline, true).await.unwrap();
        let job = server.agent("hand").await.job().await;
        assert_eq!(job.job.run_id, run.id);
        let inputs = format!("{:?}", job.job.steps[1].inputs);
        assert!(inputs.contains("echo signed"), "{inputs}");

        // What is not sent again is gone.
        let third = pipelines.update(pipeline.id, "folder", "ci/azure-pipelines.yml", ROOT).await.unwrap();
        assert!(third.configuration.unwrap().files.is_empty());
        let refused = pipelines.preview(pipeline.id, &RunRequest::default()).await.unwrap_err();
        let told = &refused.validation_results()[0];
        assert!(
            told.message.starts_with("ci/azure-pipelines.yml:5:13: File templates/sign.yml not found"),
            "{}", told.message
        );
        let command = format!("coffer pipeline update {} FILE", pipeline.id);
        assert!(told.message.contains(&command), "{}", told.message);
        assert_eq!(told.code.as_deref(), Some("file-not-found"));
    }

    async fn paths_count_case_stay_inside_and_lead_to_no_other_repository(server) {
        let cast = Cast::of(&server).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let beside = |text: &str| request(&server.unique("pipeline"), text, files(&[("templates/say.yml", "steps:\n- script: a\n")]));
        for (yaml, message) in [
            ("steps:\n- template: ../Templates/say.yml\n", "`templates/say.yml` is stored with the pipeline: case counts"),
            ("steps:\n- template: ../../say.yml\n", "is invalid"),
            ("steps:\n- template: say.yml\n", "File ci/say.yml not found"),
            (
                "resources: {repositories: [{repository: tools, type: git, name: t}]}\nsteps:\n- template: templates/say.yml@tools\n",
                "files of other repositories are not read yet",
            ),
        ] {
            let pipeline = stored(&cast, &beside(yaml)).await;
            let refused = pipelines.run(pipeline.id, &RunRequest::default()).await.unwrap_err();
            assert_eq!(refused.code(), Some("pipeline.invalid"), "{refused}");
            assert!(refused.validation_results()[0].message.contains(message), "{refused}");
        }
        // Its own file is one of the folder, too: here it would never end.
        let pipeline = stored(&cast, &beside("steps:\n- template: azure-pipelines.yml\n")).await;
        let refused = pipelines.run(pipeline.id, &RunRequest::default()).await.unwrap_err();
        assert!(refused.to_string().contains("20 levels deep"), "{refused}");
    }

    async fn another_text_is_previewed_with_the_stored_files(server) {
        let cast = Cast::of(&server).await;
        let pipeline = stored(&cast, &request("folder", ROOT, whole())).await;
        let other = RunRequest {
            yaml_override: Some("steps:\n- template: /templates/publish.yml\n".to_owned()),
            ..RunRequest::default()
        };
        let shown = cast.developer.client.pipelines(PROJECT).preview(pipeline.id, &other).await.unwrap();
        assert_eq!(shown.final_yaml, "steps:\n- script: ./publish.sh\n");
    }

    async fn what_is_unfit_is_refused_with_a_word_and_nothing_is_stored(server) {
        let cast = Cast::of(&server).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let kept = stored(&cast, &request("kept", ROOT, whole())).await;
        let megabyte = "#".repeat(1 << 20);
        let named: Vec<String> = (0..101).map(|n| format!("t/{n}.yml")).collect();
        let many = |count: usize, text: &str| -> Vec<PipelineFile> {
            named.iter().take(count).map(|path| PipelineFile { path: path.clone(), content: text.to_owned() }).collect()
        };
        for (files, word) in [
            (files(&[("../secret.yml", "a")]), "'..'"),
            (files(&[("/etc/passwd", "a")]), "begins with '/'"),
            (files(&[("a\\b.yml", "a")]), "divided by '/'"),
            (files(&[("a\u{1b}[2J.yml", "a")]), "control character"),
            (files(&[("a.yml", "a"), ("a.yml", "b")]), "two files called 'a.yml'"),
            (files(&[("ci/azure-pipelines.yml", "a")]), "the pipeline's own"),
            (files(&[("large.yml", &format!("{megabyte}#"))]), "'large.yml' has 1048577"),
            (many(101, "a"), "these are 101"),
            (many(10, &megabyte), "10485760 bytes together"),
        ] {
            let new = request("new", ROOT, files.clone());
            for refused in [
                pipelines.create(&new).await.unwrap_err(),
                pipelines.replace(kept.id, &new).await.unwrap_err(),
            ] {
                assert_eq!((refused.status(), refused.code()), (Some(400), Some("pipeline.files")), "{refused}");
                assert!(refused.to_string().contains(word), "{word}: {refused}");
                assert!(!refused.to_string().contains('\u{1b}'));
            }
        }
        assert!(pipelines.find("new").await.unwrap().is_none());
        assert_eq!(pipelines.get(kept.id).await.unwrap().revision, 1);
        assert_eq!(server.database().number("select count(*) from pipeline_file").await, 3);
        // As much as there may be is stored.
        let full = stored(&cast, &request("full", "steps: []", many(9, &megabyte))).await;
        assert_eq!(full.configuration.unwrap().files.len(), 9);
        let texts = |body: serde_json::Value| cast.developer.call("POST", AT).json(&body).send();
        for files in [json!([["a.yml", "x"]]), json!("a.yml"), json!([{"path": "a.yml"}]), json!({"a.yml": "x"})] {
            let body = json!({"name": "x", "configuration": {"type": "yaml", "yaml": "steps: []", "files": files}});
            texts(body).await.refused(400);
        }
    }

    async fn who_does_not_see_a_pipeline_sees_none_of_its_files(server) {
        let cast = Cast::of(&server).await;
        let pipeline = stored(&cast, &request("folder", ROOT, whole())).await;
        let path = format!("{AT}/{}", pipeline.id);
        let reader = server.person("reader", &[group::READERS]).await;
        let seen = reader.get(&path).await.ok().text();
        assert!(seen.contains("templates/sign.yml"), "who sees the YAML sees what it uses: {seen}");
        let body = request("folder", ROOT, Vec::new());
        reader.call("PUT", &path).json(&serde_json::to_value(&body).unwrap()).send().await.refused(403);
        let stranger = server.person("stranger", &[]).await;
        let answer = stranger.get(&path).await.refused(404);
        assert!(!format!("{answer:?}").contains("sign.yml"));
    }

    async fn files_are_on_record_and_a_change_behind_our_back_is_found(server) {
        let cast = Cast::of(&server).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let pipeline = stored(&cast, &request("folder", ROOT, whole())).await;
        let events = server.administrator().audit().await;
        let made = newest(&events, "Pipelines.PipelineCreated").details.clone();
        assert_eq!(made["files"], "3");
        let mut all: BTreeMap<String, String> = whole().into_iter().map(|file| (file.path, file.content)).collect();
        all.insert("ci/azure-pipelines.yml".into(), ROOT.into());
        let lines: String = all.iter().map(|(path, text)| format!("{}  {path}\n", crate::sha256(text.as_bytes()))).collect();
        assert_eq!(made["filesSha256"], crate::sha256(lines.as_bytes()), "as sha256sum says it");

        let mut changed = whole();
        changed[1].content.push('#');
        pipelines.replace(pipeline.id, &request("folder", ROOT, changed)).await.unwrap();
        let events = server.administrator().audit().await;
        let modified = newest(&events, "Pipelines.PipelineModified").details.clone();
        assert_eq!(modified["files"], "3");
        assert_ne!(modified["filesSha256"], made["filesSha256"], "the root is as it was");
        assert_eq!(unexplained(&server).await, []);

        let one = format!("where pipeline_id = {} and revision = 2 and path = 'templates/publish.yml'", pipeline.id);
        let revision = format!("where pipeline_id = {} and revision = 2", pipeline.id);
        for (planted, undone) in [
            (
                format!("update pipeline_file set content = replace(content, 'publish', 'destroy') {one}"),
                format!("update pipeline_file set content = replace(content, 'destroy', 'publish') {one}"),
            ),
            (
                format!("update pipeline_file set path = 'templates/Publish.yml' {one}"),
                format!("update pipeline_file set path = 'templates/publish.yml' {}", one.replace("publish", "Publish")),
            ),
            (
                format!("insert into pipeline_file (pipeline_id, revision, path, content) values ({}, 2, 'x.yml', '')", pipeline.id),
                "delete from pipeline_file where path = 'x.yml'".to_owned(),
            ),
            (
                format!("insert into pipeline_file (pipeline_id, revision, path, content) values ({}, 1, 'x.yml', '')", cast.pipeline.id),
                "delete from pipeline_file where path = 'x.yml'".to_owned(),
            ),
            (
                format!("update pipeline_revision set path = 'templates/a.yml' {revision}"),
                format!("update pipeline_revision set path = 'ci/azure-pipelines.yml' {revision}"),
            ),
        ] {
            server.database().sql(&planted).await;
            let found = unexplained(&server).await;
            assert_eq!(found, [("different".to_owned(), "pipeline".to_owned())], "{planted}");
            server.database().sql(&undone).await;
            assert_eq!(unexplained(&server).await, [], "{undone}");
        }
        server.database().sql(&format!("delete from pipeline_file {revision}")).await;
        assert_eq!(unexplained(&server).await.len(), 1, "all of them gone");
    }

    async fn a_new_pipeline_that_only_waits_for_values_is_permitted_what_it_names(server) {
        let cast = Cast::of(&server).await;
        let yaml = "parameters:
- name: environment
- name: key
steps:
- task: DownloadSecureFile@1
  inputs: {secureFile: own.pem}
- task: DownloadSecureFile@1
  inputs: {secureFile: '${{ parameters.key }}.pem'}
- ${{ if eq(parameters.environment, 'production') }}:
  - task: DownloadSecureFile@1
    inputs: {secureFile: .pem}
";
        for name in ["own.pem", ".pem"] {
            cast.developer.upload(name, &random(10)).await;
        }
        let pipeline = cast.developer.pipeline("takes", yaml).await;
        let told = pipeline.authorization.expect("it is no broken pipeline");
        let permitted: Vec<_> = told.permitted.iter().filter_map(|file| file.name.as_deref()).collect();
        assert_eq!(permitted, ["own.pem"], "what depends on a value is not guessed");
        assert_eq!(told.waiting.len(), 0);
        let refused = cast.developer.client.pipelines(PROJECT).preview(pipeline.id, &RunRequest::default()).await.unwrap_err();
        let required: Vec<_> = refused.validation_results().iter().map(|told| told.required_parameter()).collect();
        assert_eq!(required, [Some("environment"), Some("key")]);
        let (_, mut browser) = run_pages::somebody(&server, "pat", &[group::CONTRIBUTORS]).await;
        let url = format!("/DefaultCollection/Pay%20Desk/_build?definitionId={}", pipeline.id);
        let page = browser.go(From::SameSite, &browser.here(&url)).await.ok().text();
        assert!(page.contains("--parameter environment=… --parameter key=…"), "{page}");
        assert!(!page.contains("Run pipeline"), "{page}");
        assert!(!page.contains("cannot run as it is"), "{page}");
    }
}
