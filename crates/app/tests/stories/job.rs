//! A job in the hands of a story: leased by the agents' protocol, without an agent.

use crate::harness::{PROJECT, Person};
use coffer_client::agent::AgentClient;
use coffer_client::signing::AgentKey;
use coffer_client::{Client, ClientError};
use coffer_wire::agent::{Feed, Finish, Job, JobSecureFile, Lines, Record, Register};
use coffer_wire::pipelines::RunRequest;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A registered agent that does what the story says.
pub(crate) struct Hand {
    pub(crate) client: AgentClient,
    /// Where its jobs are.
    pub(crate) project: &'static str,
}

impl Hand {
    /// Registers with a token that this administrator makes.
    pub(crate) async fn register(by: &Person, name: &str) -> Self {
        let token = by
            .coffer(&["token", "create", name, "--kind", "agent"])
            .await
            .ends(0)
            .out;
        let body = Register {
            name: name.into(),
            pool: String::new(),
            version: "4.260.0".into(),
            coffer_version: "story".into(),
            public_key: String::new(),
            capabilities: Default::default(),
        };
        let key = Arc::new(AgentKey::generate().unwrap());
        let token = Zeroizing::new(token.trim().to_owned());
        let (client, _) = AgentClient::register(&by.url, by.authority.clone(), &token, key, body)
            .await
            .unwrap();
        Self {
            client,
            project: PROJECT,
        }
    }

    /// The job of a new pipeline that downloads these files: it may have them if all pipelines may.
    pub(crate) async fn takes<'a>(
        &self,
        client: &Client,
        name: &str,
        files: impl IntoIterator<Item = &'a str>,
    ) -> Job {
        let pipelines = client.pipelines(self.project);
        let yaml = downloads(files);
        let pipeline = pipelines.add(name, "azure-pipelines.yml", &yaml).await;
        let run = RunRequest::default();
        let queued = pipelines.run(pipeline.unwrap().id, &run).await;
        queued.unwrap();
        self.job().await
    }

    /// The next job.
    pub(crate) async fn job(&self) -> Job {
        self.client
            .lease(30)
            .await
            .unwrap()
            .expect("a job is ready")
    }

    /// A file's content, by the job's token and ticket.
    pub(crate) async fn download(
        &self,
        job: &Job,
        file: &JobSecureFile,
    ) -> Result<Vec<u8>, ClientError> {
        let mut download = self
            .client
            .download_secure_file(self.project, file.id, &file.ticket, token(job))
            .await?;
        let mut content = Vec::new();
        while let Some(piece) = download.chunk().await? {
            content.extend_from_slice(&piece);
        }
        Ok(content)
    }

    /// Writes a line into the log of a step.
    pub(crate) async fn says(&self, job: &Job, line: &str) {
        let record = Record {
            id: job.job_id,
            name: "Story".into(),
            ref_name: None,
            order: 1,
            state: "inProgress".into(),
            result: None,
            start_time: None,
            finish_time: None,
            error_count: 0,
            warning_count: 0,
            issues: Vec::new(),
        };
        let lines = Lines {
            record_id: record.id,
            first_line: 1,
            lines: vec![line.to_owned()],
        };
        let body = Feed {
            lease_token: job.lease_token.clone(),
            records: vec![record],
            lines: vec![lines],
        };
        self.client.feed(job.job_id, &body).await.unwrap();
    }

    pub(crate) async fn finish(&self, job: &Job, result: &str) {
        let body = Finish {
            lease_token: job.lease_token.clone(),
            result: result.into(),
            outputs: Default::default(),
        };
        self.client.finish(job.job_id, &body).await.unwrap();
    }
}

/// The job's token.
pub(crate) fn token(job: &Job) -> &str {
    &job.resources.endpoints[0].parameters["AccessToken"]
}

/// A pipeline that downloads these files.
pub(crate) fn downloads<'a>(files: impl IntoIterator<Item = &'a str>) -> String {
    let mut yaml = "steps:\n".to_owned();
    for file in files {
        yaml.push_str(&format!(
            "- task: DownloadSecureFile@1\n  inputs:\n    secureFile: '{file}'\n"
        ));
    }
    yaml
}
