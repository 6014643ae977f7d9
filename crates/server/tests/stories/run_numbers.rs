//! Numbers of runs, by the format that `name:` gives.

use crate::Cast;
use coffer_testkit::{PROJECT, both};
use coffer_wire::pipelines::{QueueVariable, RunRequest};
use std::collections::{BTreeMap, BTreeSet};

fn with(name: &str, value: &str) -> RunRequest {
    RunRequest {
        variables: BTreeMap::from([(
            name.to_owned(),
            QueueVariable {
                value: value.into(),
                is_secret: false,
            },
        )]),
        ..RunRequest::default()
    }
}

both! {
    async fn a_run_is_numbered_by_date_variables_and_how_many_there_were(server) {
        let cast = Cast::of(&server).await;
        let yaml = "name: $(TeamProject)-$(Build.DefinitionName)-$(version)-$(Date:yyyyMMdd)$(Rev:.rr)
variables: {version: 2.$(minor)}
steps: [{bash: echo}]
";
        let pipeline = cast.developer.pipeline("numbered", yaml).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let name = async |minor: &str| pipelines.run(pipeline.id, &with("minor", minor)).await.unwrap().name;
        let first = name("0").await;
        let (before, revision) = first.rsplit_once('.').unwrap();
        assert_eq!(revision, "01", "{first}");
        let date = before.strip_prefix(&format!("{PROJECT}-numbered-2.0-")).unwrap();
        assert!(date.len() == 8 && date.starts_with("20") && date.bytes().all(|b| b.is_ascii_digit()), "{first}");
        // A preview and a start that is refused count nothing.
        pipelines.preview(pipeline.id, &with("minor", "0")).await.unwrap();
        let refused = pipelines.run(pipeline.id, &with("minor", "a/b")).await.unwrap_err();
        assert_eq!(refused.code(), Some("pipeline.invalid"), "{refused}");
        assert!(
            refused.to_string().contains("The number of the run could not be made: a run number may not hold `/`"),
            "{refused}"
        );
        assert!(name("0").await.ends_with(".02"));
        assert!(name("1").await.ends_with(".01"), "another number, counted on its own");
        let other = cast.developer.pipeline("other", &yaml.replace("$(Build.DefinitionName)", "numbered")).await;
        let run = pipelines.run(other.id, &with("minor", "0")).await.unwrap();
        assert!(run.name.ends_with(".01"), "each pipeline counts on its own: {}", run.name);
    }

    async fn runs_that_start_at_once_get_different_numbers(server) {
        let cast = Cast::of(&server).await;
        let pipeline = cast.developer.pipeline("at-once", "name: v$(Rev:r)\nsteps: [{bash: echo}]\n").await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let starts = (0..8).map(async |_| {
            pipelines.run(pipeline.id, &RunRequest::default()).await.unwrap().name
        });
        let names: BTreeSet<String> = futures_util::future::join_all(starts).await.into_iter().collect();
        let wanted: BTreeSet<String> = (1..=8).map(|number| format!("v{number}")).collect();
        assert_eq!(names, wanted);
    }

    async fn the_number_is_the_id_or_holds_it_and_the_job_knows_it(server) {
        let cast = Cast::of(&server).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let plain = cast.developer.pipeline("plain", "steps: [{bash: echo}]\n").await;
        let run = pipelines.run(plain.id, &RunRequest::default()).await.unwrap();
        assert_eq!(run.name, run.id.to_string());
        cast.developer.client.builds(PROJECT).cancel(run.id).await.unwrap();
        let agent = server.agent("hand").await;
        let numbered = cast.developer.pipeline("with-id", "name: $(Build.BuildId)_$(nothing)\nsteps: [{bash: echo}]\n").await;
        let run = pipelines.run(numbered.id, &RunRequest::default()).await.unwrap();
        assert_eq!(run.name, format!("{}_$(nothing)", run.id), "what is no variable stays");
        let job = agent.job().await;
        assert_eq!(job.job.variables["Build.BuildNumber"].value, run.name);
    }

    async fn a_format_that_no_number_can_have_is_an_error_of_the_file(server) {
        let cast = Cast::of(&server).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let pipeline = pipelines.add("wrong", "azure-pipelines.yml", "name: a/$(Rev:r)\nsteps: [{bash: echo}]\n").await.unwrap();
        let refused = pipelines.run(pipeline.id, &RunRequest::default()).await.unwrap_err();
        assert!(
            refused.to_string().contains("azure-pipelines.yml:1:8: a run number may not hold `/`"),
            "{refused}"
        );
    }
}
