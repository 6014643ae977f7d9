//! Somebody to act as: through the typed client, or with any request.

use crate::PROJECT;
use crate::call::{Answer, Answers, Call, method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coffer_client::{Body, Client, ClientError, ClientOptions, Filter, Upload};
use coffer_wire::coffer::AuditEvent;
use coffer_wire::paths::{self, fill};
use coffer_wire::pipelines::{Pipeline, Run, RunRequest};
use coffer_wire::secure_files::SecureFile;
use reqwest::redirect;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Names of groups.
pub mod group {
    /// Of the organization.
    pub const COLLECTION_ADMINISTRATORS: &str = "Project Collection Administrators";
    /// Of the organization.
    pub const AUDIT_READERS: &str = "Audit Readers";
    /// Of the organization.
    pub const KEY_OPERATORS: &str = "Key Operators";
    /// Of the organization.
    pub const BREAK_GLASS_OFFICERS: &str = "Break-Glass Officers";
    /// All groups of the organization.
    pub const OF_THE_ORGANIZATION: [&str; 4] = [
        COLLECTION_ADMINISTRATORS,
        AUDIT_READERS,
        KEY_OPERATORS,
        BREAK_GLASS_OFFICERS,
    ];
    /// Of a project.
    pub const PROJECT_ADMINISTRATORS: &str = "Project Administrators";
    /// Of a project.
    pub const BUILD_ADMINISTRATORS: &str = "Build Administrators";
    /// Of a project.
    pub const RELEASE_ADMINISTRATORS: &str = "Release Administrators";
    /// Of a project.
    pub const CONTRIBUTORS: &str = "Contributors";
    /// Of a project.
    pub const READERS: &str = "Readers";
}

/// A plain HTTP client: follows nothing, decodes nothing.
pub(crate) fn plain(ca_file: Option<&Path>) -> reqwest::Client {
    let mut client = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy();
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).unwrap();
        client = client.tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem).unwrap());
    }
    client.build().unwrap()
}

/// Somebody with a token, or nobody.
#[derive(Clone)]
pub struct User {
    /// The sign-in name.
    pub name: String,
    /// The typed client.
    pub client: Client,
    token: Option<Zeroizing<String>>,
    url: String,
    http: reqwest::Client,
    answers: Answers,
}

impl User {
    pub(crate) fn new(
        name: &str,
        url: String,
        token: Option<Zeroizing<String>>,
        answers: Answers,
        ca_file: Option<PathBuf>,
    ) -> Self {
        let http = plain(ca_file.as_deref());
        let client = Client::new(ClientOptions {
            organization_url: url.clone(),
            token: token.clone(),
            ca_file,
            ..ClientOptions::default()
        })
        .unwrap();
        Self {
            name: name.into(),
            client,
            token,
            url,
            http,
            answers,
        }
    }

    /// The same, by another way to the server.
    pub fn at(&self, url: &str, ca_file: &Path) -> Self {
        let (url, ca_file) = (url.to_owned(), Some(ca_file.to_owned()));
        let (token, answers) = (self.token.clone(), self.answers.clone());
        Self::new(&self.name, url, token, answers, ca_file)
    }

    /// The token; empty for nobody.
    pub fn token(&self) -> &str {
        self.token.as_ref().map_or("", |token| token.as_str())
    }

    /// The value of `Authorization` that clients send.
    pub fn basic(&self) -> String {
        format!(
            "Basic {}",
            STANDARD.encode(format!("anything:{}", self.token()))
        )
    }

    /// A request, signed in. `path` is relative to the organization.
    pub fn call(&self, name: &str, path: &str) -> Call {
        let call = self.unsigned(name, path);
        match self.token {
            Some(_) => call.header("Authorization", &self.basic()),
            None => call,
        }
    }

    /// A request without the token.
    pub fn unsigned(&self, name: &str, path: &str) -> Call {
        Call {
            request: self
                .http
                .request(method(name), format!("{}/{path}", self.url)),
            what: format!("{name} {path} by {}", self.name),
            answers: self.answers.clone(),
        }
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path).send().await
    }

    /// The path of the first project's secure files, with a query.
    pub fn files_path(&self, query: &str) -> String {
        fill(paths::secure_files::COLLECTION, &[PROJECT]) + query
    }

    /// The path of one of them, with a query.
    pub fn file_path(&self, id: &str, query: &str) -> String {
        fill(paths::secure_files::ITEM, &[PROJECT, id]) + query
    }

    /// Uploads a file, without a declared length.
    pub async fn try_upload(&self, name: &str, content: &[u8]) -> Result<SecureFile, ClientError> {
        let body = Body::from_bytes(content.to_vec());
        self.client
            .secure_files(PROJECT)
            .upload(Upload::named(name), body)
            .await
    }

    /// Uploads a file.
    pub async fn upload(&self, name: &str, content: &[u8]) -> SecureFile {
        self.try_upload(name, content).await.unwrap()
    }

    /// Names of the files that they see.
    pub async fn file_names(&self) -> Vec<String> {
        let files = self.client.secure_files(PROJECT);
        let list = files.list(&Filter::default()).await.unwrap();
        list.into_iter().map(|file| file.name).collect()
    }

    /// Adds a pipeline.
    pub async fn pipeline(&self, name: &str, yaml: &str) -> Pipeline {
        self.client
            .pipelines(PROJECT)
            .add(name, "azure-pipelines.yml", yaml)
            .await
            .unwrap()
    }

    /// Queues a run.
    pub async fn run(&self, pipeline: &Pipeline) -> Run {
        self.client
            .pipelines(PROJECT)
            .run(pipeline.id, &RunRequest::default())
            .await
            .unwrap()
    }

    /// A run as it is now.
    pub async fn run_now(&self, run: &Run) -> Run {
        self.client
            .pipelines(PROJECT)
            .get_run(run.pipeline.id, run.id)
            .await
            .unwrap()
    }

    /// Lets a pipeline use a file, or no more.
    pub async fn permit(
        &self,
        file: &SecureFile,
        pipeline: &Pipeline,
        permitted: bool,
    ) -> Result<(), ClientError> {
        self.client
            .permissions(PROJECT)
            .set_pipeline("securefile", &file.id, pipeline.id, permitted)
            .await
            .map(drop)
    }

    /// Every line of every log of a run, in the order of the logs.
    pub async fn log(&self, run: &Run) -> String {
        let builds = self.client.builds(PROJECT);
        let mut text = String::new();
        for log in builds.logs(run.id).await.unwrap() {
            for line in builds.log(run.id, log.id, 1).await.unwrap() {
                text.push_str(&line);
                text.push('\n');
            }
        }
        text
    }

    /// Every audit event so far, oldest first. Events that are not linked yet are waited for.
    pub async fn audit(&self) -> Vec<AuditEvent> {
        self.audit_settled().await;
        let answer = self.get("_apis/coffer/audit").await.ok();
        answer
            .text()
            .lines()
            .filter_map(|line| {
                let entry: coffer_wire::coffer::AuditEntry = serde_json::from_str(line).unwrap();
                entry.event
            })
            .collect()
    }

    /// Waits until everything written so far is linked.
    pub async fn audit_settled(&self) {
        crate::eventually("the audit rows are linked", || async {
            // Each look is on record itself: one row may be younger than the linker.
            self.client.coffer().audit_verify().await.unwrap().unlinked <= 1
        })
        .await;
    }
}
