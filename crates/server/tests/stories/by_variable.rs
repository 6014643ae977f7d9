//! Files that a variable names when a job is handed out: among those that the pipeline may name so, and no others.

use crate::Cast;
use coffer_testkit::{Frozen, PROJECT, TestServer, User, both, random};
use coffer_wire::enums::RunResult;
use coffer_wire::pipelines::{Pipeline, QueueVariable, Run, RunRequest};
use coffer_wire::secure_files::SecureFile;
use std::collections::BTreeMap;

const YAML: &str = "steps:
- task: DownloadSecureFile@1
  name: cert
  inputs: {secureFile: $(which)}
";

/// Two files that the pipeline may name by a variable, and one that it is permitted without that.
struct Listed {
    cast: Cast,
    other: SecureFile,
    plain: SecureFile,
    pipeline: Pipeline,
}

async fn by_variable(user: &User, file: &SecureFile, pipeline: &Pipeline) {
    let permissions = user.client.permissions(PROJECT);
    let state = permissions
        .permit_by_variable("securefile", &file.id, pipeline.id, None)
        .await
        .unwrap();
    assert!(state.pipelines.iter().any(|one| one.by_variable));
}

impl Listed {
    async fn of(server: &TestServer) -> Self {
        let cast = Cast::of(server).await;
        let other = cast.engineer.upload("other.pem", &random(10)).await;
        let plain = cast.engineer.upload("plain.pem", &random(10)).await;
        let pipeline = cast.developer.pipeline("chooses", YAML).await;
        for file in [&cast.file, &other] {
            by_variable(&cast.engineer, file, &pipeline).await;
        }
        cast.engineer.permit(&plain, &pipeline, true).await.unwrap();
        Self {
            cast,
            other,
            plain,
            pipeline,
        }
    }

    async fn start(&self, which: &str) -> Run {
        let request = RunRequest {
            variables: BTreeMap::from([(
                "which".to_owned(),
                QueueVariable {
                    value: which.into(),
                    is_secret: false,
                },
            )]),
            ..RunRequest::default()
        };
        let pipelines = self.cast.developer.client.pipelines(PROJECT);
        pipelines.run(self.pipeline.id, &request).await.unwrap()
    }

    /// Starts a run that fails before its job begins, and answers what its people read.
    async fn fails(&self, server: &TestServer, which: &str) -> String {
        let run = self.start(which).await;
        let agent = server.agent("hand").await;
        assert!(
            agent.lease().await.is_none(),
            "the job is over before it began"
        );
        let run = self.cast.developer.run_now(&run).await;
        assert_eq!(run.result, Some(RunResult::Failed));
        self.told(&run).await
    }

    /// The issues of a run.
    async fn told(&self, run: &Run) -> String {
        let builds = self.cast.developer.client.builds(PROJECT);
        let timeline = builds.timeline(run.id).await.unwrap();
        let issues = timeline.records.iter().flat_map(|record| &record.issues);
        issues
            .map(|issue| issue.message.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }
}

both! {
    async fn a_variable_names_one_of_the_listed_files_and_the_job_gets_that_one_alone(server) {
        let listed = Listed::of(&server).await;
        let run = listed.start("CA.pem").await;
        let agent = server.agent("hand").await;
        let job = agent.job().await;
        assert_eq!(job.job.run_id, run.id);
        let given = &job.job.resources.secure_files;
        assert_eq!(given.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["ca.pem"]);
        assert_eq!(
            job.job.steps[0].inputs.iter().find(|(name, _)| name.as_str() == "secureFile").map(|(_, value)| value.clone()),
            Some(listed.cast.file.id.clone()),
            "the agent is told the id"
        );
        assert_eq!(job.download_own(&server).await.body, listed.cast.content);
        // Neither the other listed file nor the one that is only permitted.
        for file in [&listed.other, &listed.plain] {
            let path = listed.cast.engineer.file_path(&file.id, "?includeDownloadTicket=true");
            let answer = job.user(&server).get(&path).await;
            assert!(!answer.text().contains("\"ticket\""), "{}", answer.text());
        }
    }

    async fn what_is_not_listed_fails_the_job_with_a_reason(server) {
        let listed = Listed::of(&server).await;
        let told = listed.fails(&server, "plain.pem").await;
        assert!(told.contains("names the secure file plain.pem, which variables of this pipeline may not name"), "{told}");
        let told = listed.fails(&server, "").await;
        assert!(told.contains("names no secure file"), "{told}");
    }

    async fn a_file_that_leaves_the_list_after_the_start_is_not_given(server) {
        let listed = Listed::of(&server).await;
        let run = listed.start("ca.pem").await;
        // Still permitted, and no more by a variable.
        listed.cast.engineer.permit(&listed.cast.file, &listed.pipeline, true).await.unwrap();
        let agent = server.agent("hand").await;
        assert!(agent.lease().await.is_none());
        let run = listed.cast.developer.run_now(&run).await;
        let told = listed.told(&run).await;
        assert!(told.contains("might name when the run was started, and may not any more"), "{told}");
    }

    async fn a_run_waits_for_every_listed_file_whichever_the_variable_names(server) {
        let listed = Listed::of(&server).await;
        let freezes = listed.cast.engineer.client.freezes();
        let what = Frozen::File(PROJECT, &listed.other.id);
        freezes.freeze(what, "looked into").await.unwrap();
        let run = listed.start("ca.pem").await;
        let agent = server.agent("hand").await;
        assert!(agent.lease().await.is_none());
        let waits = listed.cast.developer.run_now(&run).await;
        assert_eq!(waits.waiting_for.len(), 1, "{waits:?}");
        assert_eq!(waits.waiting_for[0].resource.id, listed.other.id);
        freezes.unfreeze(what).await.unwrap();
        let job = agent.job().await;
        assert_eq!(job.file().name, "ca.pem");
    }

    async fn without_a_list_a_variable_that_is_known_later_is_refused_at_the_start(server) {
        let cast = Cast::of(&server).await;
        let pipeline = cast.developer.pipeline("chooses", YAML).await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let refused = pipelines.run(pipeline.id, &RunRequest::default()).await.unwrap_err();
        assert_eq!(refused.code(), Some("pipeline.invalid"));
        assert!(refused.to_string().contains("--by-variable"), "{refused}");
        // Who may not permit the file may not list it either.
        let permissions = cast.developer.client.permissions(PROJECT);
        let denied = permissions
            .permit_by_variable("securefile", &cast.file.id, pipeline.id, None)
            .await
            .unwrap_err();
        assert_eq!(denied.status(), Some(403), "{denied}");
    }
}
