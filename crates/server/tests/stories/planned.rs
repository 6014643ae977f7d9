//! What is planned and what of it runs: pipelines that this server cannot run yet, deployments, and files that are named
//! when the plan is made and not later.

use crate::Cast;
use coffer_testkit::{PROJECT, both, group, random};
use coffer_wire::coffer::AuditEvent;
use coffer_wire::enums::RunState;
use coffer_wire::pipelines::{QueueVariable, RunRequest};
use std::collections::BTreeMap;

/// Two stages, each with a file; the second one in a leg of a job that never runs.
const TWO_STAGES: &str = "stages:
- stage: Build
  jobs:
  - job: Sign
    steps:
    - task: DownloadSecureFile@1
      inputs: {secureFile: ca.pem}
- stage: Ship
  condition: false
  jobs:
  - job: Send
    strategy: {matrix: {one: {a: 1}, two: {a: 2}}}
    steps:
    - task: DownloadSecureFile@1
      condition: false
      inputs: {secureFile: other.pem}
";

both! {
    async fn what_cannot_be_run_yet_is_planned_and_refused_with_its_places(server) {
        let cast = Cast::of(&server).await;
        cast.engineer.upload("other.pem", &random(10)).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let pipeline = cast.developer.pipeline("release", TWO_STAGES).await;

        let preview = pipelines
            .preview(pipeline.id, &RunRequest::default())
            .await
            .unwrap();
        assert!(!preview.runnable);
        let told: Vec<&str> = preview
            .validation_results
            .iter()
            .map(|found| {
                assert_eq!(found.result, "warning");
                found.message.as_str()
            })
            .collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("azure-pipelines.yml:8:3: this server runs pipelines with one stage"));
        assert!(told[1].starts_with("azure-pipelines.yml:12:15: this server does not multiply jobs"));

        let refused = pipelines
            .run(pipeline.id, &RunRequest::default())
            .await
            .unwrap_err();
        assert_eq!(
            (refused.status(), refused.code()),
            (Some(400), Some("pipeline.cannot_run")),
            "{refused}"
        );
        assert_eq!(refused.validation_results().len(), 2);
        assert!(refused.to_string().contains("azure-pipelines.yml:8:3"), "{refused}");
        assert!(
            pipelines.runs(pipeline.id).await.unwrap().is_empty(),
            "nothing was started"
        );
    }

    async fn files_of_all_stages_are_permitted_when_a_pipeline_is_created(server) {
        let cast = Cast::of(&server).await;
        cast.engineer.upload("other.pem", &random(10)).await;
        let pipeline = cast.developer.pipeline("release", TWO_STAGES).await;
        let authorization = pipeline.authorization.expect("it was told");
        let mut waiting: Vec<_> = authorization
            .waiting
            .iter()
            .filter_map(|waiting| waiting.resource.name.as_deref())
            .collect();
        waiting.sort_unstable();
        assert_eq!(waiting, ["ca.pem", "other.pem"], "also what never runs");
    }

    async fn a_deployment_that_runs_once_is_a_job(server) {
        let cast = Cast::of(&server).await;
        let yaml = "jobs:
- deployment: Install
  environment: production
  variables: {level: job}
  strategy:
    runOnce:
      deploy:
        steps:
        - task: DownloadSecureFile@1
          name: ca
          inputs: {secureFile: ca.pem}
        - script: echo $(ca.secureFilePath)
";
        let pipeline = cast.developer.pipeline("deploy", yaml).await;
        cast.engineer.permit(&cast.file, &pipeline, true).await.unwrap();
        let agent = server.agent("hand").await;
        let run = cast.developer.run(&pipeline).await;
        let job = agent.job().await;
        assert_eq!((job.job.run_id, job.job.job_name.as_str()), (run.id, "Install"));
        assert_eq!(job.job.steps.len(), 2);
        assert_eq!(job.download_own(&server).await.body, cast.content);
    }

    async fn a_ticket_is_for_the_file_named_when_the_plan_was_made_whatever_a_variable_becomes(server) {
        let cast = Cast::of(&server).await;
        let other = cast.engineer.upload("other.pem", &random(10)).await;
        let yaml = "variables: {which: ca.pem}
jobs:
- job: Sign
  variables: {which: other.pem}
  steps:
  - task: DownloadSecureFile@1
    inputs: {secureFile: $(which)}
";
        let pipeline = cast.developer.pipeline("turns", yaml).await;
        // The other file is permitted as well: it is not the permission that keeps it back.
        for file in [&cast.file, &other] {
            cast.engineer.permit(file, &pipeline, true).await.unwrap();
        }
        let agent = server.agent("hand").await;
        cast.developer.run(&pipeline).await;
        let job = agent.job().await;
        let names: Vec<&str> = job.job.resources.secure_files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["ca.pem"]);
        assert_eq!(
            job.job.variables["which"].value, "other.pem",
            "the job's own variable is the other name all the same"
        );
        // The job asks for the other file in its own name.
        let path = cast.engineer.file_path(&other.id, "?includeDownloadTicket=true");
        let answer = job.user(&server).get(&path).await;
        assert!(!answer.text().contains("\"ticket\""), "{}", answer.text());
        let ticket = job.file().ticket.clone();
        job.download(&server, &other.id, &ticket).await.refused(400);

        // Nor can whoever starts the run turn it.
        let given = RunRequest {
            variables: BTreeMap::from([(
                "which".to_owned(),
                QueueVariable { value: "other.pem".into(), is_secret: false },
            )]),
            ..RunRequest::default()
        };
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let refused = pipelines.run(pipeline.id, &given).await.unwrap_err();
        assert_eq!(refused.code(), Some("pipeline.invalid"), "{refused}");
    }

    async fn a_variable_that_only_a_stage_sets_names_no_file(server) {
        let cast = Cast::of(&server).await;
        let yaml = "stages:
- stage: S
  variables: {which: ca.pem}
  jobs:
  - job: J
    steps:
    - task: DownloadSecureFile@1
      inputs: {secureFile: $(which)}
";
        let pipeline = cast.developer.pipeline("late", yaml).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let refused = pipelines.run(pipeline.id, &RunRequest::default()).await.unwrap_err();
        assert!(
            refused.to_string().contains("references secure file $(which) which could not be found"),
            "{refused}"
        );
    }

    async fn who_may_not_start_a_run_learns_of_no_file(server) {
        let cast = Cast::of(&server).await;
        let yaml = "parameters: [{name: which, default: ca.pem}]
steps:
- task: DownloadSecureFile@1
  inputs: {secureFile: '${{ parameters.which }}'}
";
        let pipeline = cast.developer.pipeline("asks", yaml).await;
        let reader = server.person("reader", &[group::READERS]).await;
        let pipelines = reader.client.pipelines(PROJECT);
        pipelines.get(pipeline.id).await.unwrap();
        let mut told = Vec::new();
        for name in ["ca.pem", "nothing.pem"] {
            let request = RunRequest {
                template_parameters: BTreeMap::from([("which".to_owned(), name.into())]),
                ..RunRequest::default()
            };
            let refused = pipelines.run(pipeline.id, &request).await.unwrap_err();
            assert_eq!(refused.status(), Some(403), "{refused}");
            assert!(!refused.to_string().contains("pem"), "{refused}");
            told.push(refused.to_string());
        }
        assert_eq!(told[0], told[1]);
        let events = server.administrator().audit().await;
        let denied = |event: &&AuditEvent| event.action == "Pipelines.RunQueued" && event.outcome == "denied";
        assert_eq!(events.iter().filter(denied).count(), 2, "each is on record");
    }

    async fn a_condition_is_decided_by_what_the_run_is_given(server) {
        let cast = Cast::of(&server).await;
        let yaml = "stages:
- stage: S
  condition: and(succeeded(), eq(variables['Build.Reason'], 'manual'))
  variables: {level: $(wanted)}
  jobs:
  - job: J
    condition: and(eq(variables.level, 'HIGH'), ne(format('{0:yyyy}', pipeline.startTime), '1999'), gt(2, variables.count))
    variables: {count: 1}
    steps:
    - bash: echo
      condition: and(succeeded(), eq(variables.level, 'high'))
";
        let pipeline = cast.developer.pipeline("decides", yaml).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let with = |value: &str| RunRequest {
            variables: BTreeMap::from([(
                "wanted".to_owned(),
                QueueVariable { value: value.into(), is_secret: false },
            )]),
            ..RunRequest::default()
        };
        let skipped = pipelines.run(pipeline.id, &with("low")).await.unwrap();
        assert_eq!(skipped.state, RunState::Completed);
        let agent = server.agent("hand").await;
        let run = pipelines.run(pipeline.id, &with("high")).await.unwrap();
        let job = agent.job().await;
        assert_eq!(job.job.run_id, run.id);
        assert_eq!(
            job.job.steps[0].condition, "and(succeeded(), eq(variables.level, 'high'))",
            "a step's condition is the agent's affair"
        );
    }

    async fn a_condition_that_means_nothing_starts_nothing(server) {
        let cast = Cast::of(&server).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let refused = async |name: &str, yaml: &str| {
            let refused = match pipelines.add(name, "azure-pipelines.yml", yaml).await {
                Ok(pipeline) => pipelines.run(pipeline.id, &RunRequest::default()).await.unwrap_err(),
                Err(error) => error,
            };
            assert_eq!(refused.code(), Some("pipeline.invalid"), "{refused}");
            refused.to_string()
        };
        let text = refused("compares", "variables: {a: x}\njobs:\n- job: J\n  condition: lt(1, variables.a)\n  steps: [{bash: echo}]\n").await;
        assert!(
            text.contains("The condition of the job J could not be evaluated: `lt` is unable to convert its right side"),
            "{text}"
        );
        let text = refused("names", "jobs:\n- job: J\n  condition: or(true, parameters.a)\n  steps: [{bash: echo}]\n").await;
        assert!(
            text.contains("azure-pipelines.yml:3:23: there is no value `parameters` in the condition of a job"),
            "{text}"
        );
    }
}
