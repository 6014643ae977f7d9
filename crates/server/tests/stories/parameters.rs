//! Parameters at the start of a run, and previews of what would run.

use crate::Cast;
use coffer_testkit::{PROJECT, both, group, random};
use coffer_wire::pipelines::RunRequest;
use serde_json::{Value, json};

/// Which file is downloaded is a parameter; so is what is built.
const YAML: &str = "parameters:
- name: signing
  values: [ca.pem, other.pem]
- name: targets
  type: object
  default: []
steps:
- task: DownloadSecureFile@1
  inputs:
    secureFile: ${{ parameters.signing }}
- ${{ each target in parameters.targets }}:
  - script: echo ${{ target }}
";

fn with(parameters: &[(&str, Value)]) -> RunRequest {
    RunRequest {
        template_parameters: parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        ..RunRequest::default()
    }
}

both! {
    async fn parameters_decide_what_runs_and_which_file_is_asked_for(server) {
        let cast = Cast::of(&server).await;
        let other = cast.engineer.upload("other.pem", &random(10)).await;
        let pipeline = cast.developer.pipeline("chosen", YAML).await;
        let request = with(&[
            ("signing", json!("other.pem")),
            ("targets", json!("[ios, android]")),
        ]);

        let pipelines = cast.developer.client.pipelines(PROJECT);
        let preview = pipelines.preview(pipeline.id, &request).await.unwrap();
        assert_eq!(
            preview.final_yaml,
            "steps:\n- task: DownloadSecureFile@1\n  inputs:\n    secureFile: other.pem\n- script: echo ios\n- script: echo android\n"
        );
        assert!(preview.runnable);

        let run = pipelines.run(pipeline.id, &request).await.unwrap();
        let waits: Vec<String> = run
            .waiting_for
            .iter()
            .filter_map(|waiting| waiting.resource.name.clone())
            .collect();
        assert_eq!(waits, ["other.pem"], "and not the other file that the parameter allows");
        cast.engineer.permit(&other, &pipeline, true).await.unwrap();
        let agent = server.agent("hand").await;
        let job = agent.job().await;
        let files: Vec<&str> = job
            .job
            .resources
            .secure_files
            .iter()
            .map(|file| file.name.as_str())
            .collect();
        assert_eq!(files, ["other.pem"]);
    }

    async fn a_parameter_that_is_missing_or_not_allowed_starts_nothing(server) {
        let cast = Cast::of(&server).await;
        let pipeline = cast.developer.pipeline("chosen", YAML).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        for (request, told) in [
            (with(&[]), "A value for the 'signing' parameter must be provided."),
            (
                with(&[("signing", json!("root.pem"))]),
                "The 'signing' parameter value 'root.pem' is not a valid value",
            ),
            (
                with(&[("signing", json!("ca.pem")), ("sing", json!("x"))]),
                "Unexpected parameter 'sing'",
            ),
        ] {
            let refused = pipelines.run(pipeline.id, &request).await.unwrap_err();
            assert_eq!(refused.status(), Some(400), "{refused}");
            assert!(refused.to_string().contains(told), "{refused}");
        }
        let runs = pipelines.runs(pipeline.id).await.unwrap();
        assert_eq!(runs.len(), 0);
    }

    async fn another_text_is_previewed_by_those_who_could_store_it_and_never_started(server) {
        let cast = Cast::of(&server).await;
        let request = RunRequest {
            yaml_override: Some("steps:\n- script: echo ${{ 1 }}\n".to_owned()),
            ..RunRequest::default()
        };
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let shown = pipelines.preview(cast.pipeline.id, &request).await.unwrap();
        assert_eq!(shown.final_yaml, "steps:\n- script: echo 1\n");

        let refused = pipelines.run(cast.pipeline.id, &request).await.unwrap_err();
        assert!(refused.to_string().contains("'yamlOverride' is for previews alone"), "{refused}");

        // Whoever may not edit it gets the same answer whatever the text names.
        let reader = server.person("reader", &[group::READERS]).await;
        let mut answers = Vec::new();
        for file in ["ca.pem", "nothing.pem"] {
            let text = format!(
                "steps:\n- task: DownloadSecureFile@1\n  inputs: {{secureFile: {file}}}\n"
            );
            let request = RunRequest {
                yaml_override: Some(text),
                ..RunRequest::default()
            };
            let asked = reader.client.pipelines(PROJECT);
            let refused = asked.preview(cast.pipeline.id, &request).await.unwrap_err();
            answers.push((refused.status(), refused.to_string()));
        }
        assert_eq!(answers[0].0, Some(403), "{answers:?}");
        assert_eq!(answers[0], answers[1]);
    }
}
