//! `$[ ]` in variables: evaluated when a run starts, the same for as long as it lives, and refused before anything is written.

use crate::Cast;
use coffer_testkit::{PROJECT, TestServer, User, both};
use coffer_wire::pipelines::{Pipeline, QueueVariable, RunRequest};
use std::collections::{BTreeMap, BTreeSet};

const COUNTS: &str = "variables:
  major: 1
  minor: $[ counter(variables['major'], 100) ]
  again: $[ counter('1', 5) ]
jobs:
- job: Build
  variables:
    other: $[ counter('other') ]
    version: v$(major).$(minor)
    shown: $[ upper(variables.version) ]
  steps:
  - script: echo $(version)
";

fn with(name: &str, value: &str) -> RunRequest {
    let variable = QueueVariable {
        value: value.into(),
        is_secret: false,
    };
    RunRequest {
        variables: BTreeMap::from([(name.to_owned(), variable)]),
        ..RunRequest::default()
    }
}

/// Starts a run, and answers some variables of its job.
async fn variables(
    server: &TestServer,
    user: &User,
    pipeline: &Pipeline,
    names: &[&str],
) -> Vec<String> {
    let agent = server.agent("hand").await;
    let run = user.run(pipeline).await;
    let job = agent.job().await;
    assert_eq!(job.job.run_id, run.id);
    let values = names
        .iter()
        .map(|name| job.job.variables[*name].value.clone())
        .collect();
    agent.finish(&job, "succeeded").await.unwrap();
    values
}

/// What a start that fails says.
async fn refused(user: &User, pipeline: &Pipeline, request: &RunRequest) -> String {
    let pipelines = user.client.pipelines(PROJECT);
    let before = pipelines.runs(pipeline.id).await.unwrap().len();
    let refused = pipelines.run(pipeline.id, request).await.unwrap_err();
    assert_eq!(
        (refused.status(), refused.code()),
        (Some(400), Some("pipeline.invalid")),
        "{refused}"
    );
    assert_eq!(
        pipelines.runs(pipeline.id).await.unwrap().len(),
        before,
        "nothing was started"
    );
    refused.to_string()
}

both! {
    async fn a_job_has_the_values_of_its_expressions(server) {
        let cast = Cast::of(&server).await;
        let yaml = "variables:
  isManual: $[ eq(variables['Build.Reason'], 'Manual') ]
  day: $[ format('{0:yyyy}', pipeline.startTime) ]
  name: outer
stages:
- stage: S
  condition: eq(variables.isManual, true)
  variables: {place: \"$[ format('{0} of {1}', variables['System.StageName'], variables['System.TeamProject']) ]\"}
  jobs:
  - job: J
    condition: and(succeeded(), eq(variables.place, 'S of PAY DESK'), eq(variables.who, 'J'))
    variables:
      who: $[ variables['System.JobName'] ]
      tag: $[ format('run-{0}', variables['Build.BuildId']) ]
      name: $[ format('{0} and inner', variables.name) ]
      text: <$(name)>
      none: $[ dependencies.A.outputs['s.v'] ]
    steps:
    - script: echo $(text)
";
        let pipeline = cast.developer.pipeline("evaluates", yaml).await;
        let found = variables(
            &server,
            &cast.developer,
            &pipeline,
            &["isManual", "place", "who", "tag", "name", "text", "none"],
        )
        .await;
        assert_eq!(
            found,
            [
                "True",
                &format!("S of {PROJECT}"),
                "J",
                "run-$(Build.BuildId)",
                "outer and inner",
                "<$(name)>",
                ""
            ],
            "what nobody knew when the run started is left to the agent"
        );
    }

    async fn a_counter_goes_up_with_each_run_and_each_pipeline_has_its_own(server) {
        let cast = Cast::of(&server).await;
        let first = cast.developer.pipeline("first", COUNTS).await;
        let second = cast.developer.pipeline("second", COUNTS).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let names = ["minor", "again", "other", "shown", "version"];
        let run = async |pipeline: &Pipeline| variables(&server, &cast.developer, pipeline, &names).await;
        assert_eq!(run(&first).await, ["100", "100", "0", "V1.100", "v$(major).$(minor)"]);
        assert_eq!(run(&first).await, ["101", "101", "1", "V1.101", "v$(major).$(minor)"]);
        // Whoever looks takes no number.
        for _ in 0..3 {
            let preview = pipelines.preview(first.id, &RunRequest::default()).await.unwrap();
            assert!(preview.runnable, "{preview:?}");
        }
        assert_eq!(run(&second).await[..3], ["100", "100", "0"]);
        assert_eq!(run(&first).await[..3], ["102", "102", "2"]);
    }

    async fn a_run_is_numbered_by_its_counter(server) {
        let cast = Cast::of(&server).await;
        let yaml = "name: $(major).$(minor)$(Rev:-r)
variables: {major: 1, minor: \"$[ counter(variables.major, 100) ]\"}
steps: [{script: echo}]
";
        let pipeline = cast.developer.pipeline("numbers", yaml).await;
        let mut numbers = Vec::new();
        for _ in 0..2 {
            numbers.push(cast.developer.run(&pipeline).await.name);
        }
        assert_eq!(numbers, ["1.100-1", "1.101-1"]);
    }

    async fn a_start_that_is_refused_takes_no_number(server) {
        let cast = Cast::of(&server).await;
        let yaml = "variables:
  n: $[ counter('x', 1) ]
  after: $[ counter(format('{0}-{1}', variables.n, variables.given), variables.seed) ]
steps:
- script: echo
";
        let pipeline = cast.developer.pipeline("fails", yaml).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        // The first counter is drawn before it shows that the second one cannot be.
        for _ in 0..3 {
            let told = refused(&cast.developer, &pipeline, &with("seed", "many")).await;
            assert!(
                told.contains("azure-pipelines.yml:3:10: The variable after of the run could not be evaluated: the seed of `counter` is a whole number"),
                "{told}"
            );
        }
        // Somebody who may not start it takes none either.
        let stranger = server.person("stranger", &[]).await;
        stranger.client.pipelines(PROJECT).run(pipeline.id, &RunRequest::default()).await.unwrap_err();
        let agent = server.agent("hand").await;
        pipelines.run(pipeline.id, &with("seed", "7")).await.unwrap();
        let job = agent.job().await;
        let values = ["n", "after"].map(|name| job.job.variables[name].value.clone());
        assert_eq!(values, ["1", "7"]);
    }

    async fn what_cannot_be_evaluated_is_told_with_its_place_and_starts_nothing(server) {
        let cast = Cast::of(&server).await;
        for (name, value, wanted) in [
            ("order", "gt(1, variables.x)", "The variable n of the job J could not be evaluated: `gt` is unable to convert"),
            ("kind", "split('a', ',')", "The variable n of the job J is no text, but of the kind Array"),
            ("prefix", "counter(split('a', ','))", "the prefix of `counter` is a text"),
            ("line", "counter(variables.x)", "the prefix of `counter` is one line"),
        ] {
            let yaml = format!("jobs:\n- job: J\n  variables:\n    n: \"$[ {value} ]\"\n  steps: [{{script: echo}}]\n");
            let pipeline = cast.developer.pipeline(name, &yaml).await;
            let told = refused(&cast.developer, &pipeline, &with("x", "a\nb")).await;
            assert!(told.contains(wanted), "{name}: {told}");
            assert!(told.contains("azure-pipelines.yml:4:8: "), "{name}: {told}");
        }
        // What names nothing is told when the text is read.
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let yaml = "variables: {n: '$[ nonsense() ]'}\nsteps: [{script: echo}]\n";
        let told = match pipelines.add("unknown", "azure-pipelines.yml", yaml).await {
            Ok(pipeline) => pipelines.run(pipeline.id, &RunRequest::default()).await.unwrap_err(),
            Err(error) => error,
        };
        assert!(told.to_string().contains("azure-pipelines.yml:1:20: there is no function `nonsense`"), "{told}");
    }

    async fn runs_that_start_at_once_have_different_numbers(server) {
        let cast = Cast::of(&server).await;
        let yaml = "variables: {n: \"$[ counter('x', 1) ]\"}\nsteps: [{script: echo}]\n";
        let pipeline = cast.developer.pipeline("crowd", yaml).await;
        let request = RunRequest::default();
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let starts = (0..8).map(|_| pipelines.run(pipeline.id, &request));
        for run in futures_util::future::join_all(starts).await {
            run.unwrap();
        }
        let agent = server.agent("hand").await;
        let mut numbers = BTreeSet::new();
        for _ in 0..8 {
            let job = agent.job().await;
            numbers.insert(job.job.variables["n"].value.parse::<i64>().unwrap());
            agent.finish(&job, "succeeded").await.unwrap();
        }
        assert_eq!(numbers, (1..=8).collect());
    }

    async fn a_value_is_what_it_was_when_the_run_started(mut server) {
        let cast = Cast::of(&server).await;
        let yaml = "variables:
  n: $[ counter('x', 1) ]
  at: $[ format('{0:yyyyMMddHHmmssfff}', pipeline.startTime) ]
  named: $[ variables['Build.DefinitionName'] ]
steps:
- task: DownloadSecureFile@1
  inputs: {secureFile: ca.pem}
";
        let pipeline = cast.developer.pipeline("waits", yaml).await;
        let run = cast.developer.run(&pipeline).await;
        assert_eq!(run.waiting_for.len(), 1, "it waits for a permission");
        server.restart().await;
        let developer = server.holder(cast.developer.token());
        developer.run(&pipeline).await;
        let engineer = server.holder(cast.engineer.token());
        engineer.permit(&cast.file, &pipeline, true).await.unwrap();
        let agent = server.agent("hand").await;
        // By run: both wait for the same permission, and either may be first.
        let mut seen = BTreeMap::new();
        for _ in 0..2 {
            let job = agent.job().await;
            let values = ["n", "at", "named"].map(|name| job.job.variables[name].value.clone());
            seen.insert(job.job.run_id, values);
            agent.finish(&job, "succeeded").await.unwrap();
        }
        let seen: Vec<_> = seen.into_values().collect();
        let numbers: Vec<&str> = seen.iter().map(|values| values[0].as_str()).collect();
        assert_eq!(numbers, ["1", "2"], "the number outlives the server");
        assert_ne!(seen[0][1], seen[1][1], "each has its own moment");
        assert_eq!(seen[0][2], "waits");
    }

    async fn an_expression_names_a_secure_file_only_where_a_variable_may(server) {
        let cast = Cast::of(&server).await;
        let yaml = "variables: {which: \"$[ lower('CA.pem') ]\"}
steps:
- task: DownloadSecureFile@1
  inputs: {secureFile: $(which)}
";
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let pipeline = cast.developer.pipeline("names", yaml).await;
        cast.engineer.permit(&cast.file, &pipeline, true).await.unwrap();
        let told = pipelines.run(pipeline.id, &RunRequest::default()).await.unwrap_err().to_string();
        assert!(told.contains("references secure file $(which) which could not be found"), "{told}");
        assert!(told.contains("--by-variable"), "{told}");
        let permissions = cast.engineer.client.permissions(PROJECT);
        permissions.permit_by_variable("securefile", &cast.file.id, pipeline.id, None).await.unwrap();
        let agent = server.agent("hand").await;
        cast.developer.run(&pipeline).await;
        let job = agent.job().await;
        assert_eq!(job.file().name, "ca.pem");
        assert_eq!(job.download_own(&server).await.body, cast.content);
    }

    async fn a_job_that_is_skipped_keeps_nothing(server) {
        let cast = Cast::of(&server).await;
        let yaml = "jobs:
- job: J
  condition: eq(variables.n, 2)
  variables: {n: \"$[ counter('x', 1) ]\"}
  steps: [{script: echo}]
";
        let pipeline = cast.developer.pipeline("second", yaml).await;
        let agent = server.agent("hand").await;
        cast.developer.run(&pipeline).await;
        assert!(agent.lease().await.is_none(), "the first run is skipped by its number");
        cast.developer.run(&pipeline).await;
        assert_eq!(agent.job().await.job.variables["n"].value, "2");
    }
}
