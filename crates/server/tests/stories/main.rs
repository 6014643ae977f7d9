//! Stories over HTTP: the real server on a real socket, people and agents to act as, each story on both engines.

#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on is a failed story"
)]

mod account_pages;
mod agent;
mod anchor;
mod attacks;
mod audit;
mod auth;
mod bootstrap;
mod break_glass;
mod by_variable;
mod canary;
mod changes;
mod conventions;
mod errors;
mod explained;
mod expressions;
mod file_page;
mod freezes;
mod graph;
mod groups;
mod health;
mod horizon;
mod hostile;
mod job;
mod keys;
mod library;
mod library_page;
mod limits;
mod lists;
mod lockout;
mod nginx;
mod officer;
mod openid;
mod openid_refused;
mod organization;
mod outage;
mod pages_of_lists;
mod parameters;
mod pats;
mod people;
mod permits;
mod planned;
mod proxies;
mod queries;
mod reference;
mod roles;
mod roles_page;
mod rotation;
mod run_numbers;
mod run_pages;
mod runs;
mod second_factor;
mod sessions;
mod stored_files;
mod streams;
mod tasks;
mod tickets;
mod tls;
mod views;
mod witnesses;

use coffer_testkit::{Answer, LeasedJob, TestAgent, TestServer, User, certificate};
use coffer_wire::coffer::AuditEvent;
use coffer_wire::pipelines::{Pipeline, Run};
use coffer_wire::secure_files::SecureFile;

/// A pipeline that asks for files.
fn yaml(files: &[&str]) -> String {
    let mut yaml = String::from("steps:\n");
    for (number, file) in files.iter().enumerate() {
        yaml.push_str(&format!(
            "- task: DownloadSecureFile@1\n  name: file{number}\n  displayName: Download {number}\n  inputs:\n    secureFile: '{file}'\n"
        ));
    }
    yaml.push_str("- script: echo done\n  displayName: Say it\n");
    yaml
}

/// Two people, a certificate, and a pipeline that asks for it.
struct Cast {
    developer: User,
    engineer: User,
    content: Vec<u8>,
    file: SecureFile,
    pipeline: Pipeline,
}

impl Cast {
    async fn of(server: &TestServer) -> Self {
        let (developer, engineer) = (server.developer().await, server.release_engineer().await);
        let content = certificate("Stage CA");
        let file = engineer.upload("ca.pem", &content).await;
        let pipeline = developer.pipeline("build", &yaml(&["ca.pem"])).await;
        Self {
            developer,
            engineer,
            content,
            file,
            pipeline,
        }
    }

    /// The same, with the pipeline permitted.
    async fn permitted(server: &TestServer) -> Self {
        let cast = Self::of(server).await;
        let permitted = cast.engineer.permit(&cast.file, &cast.pipeline, true).await;
        permitted.unwrap();
        cast
    }

    /// A run of the pipeline, and its job in the hands of an agent.
    async fn job(&self, agent: &TestAgent) -> (Run, LeasedJob) {
        let run = self.developer.run(&self.pipeline).await;
        let job = agent.job().await;
        assert_eq!(job.job.run_id, run.id);
        (run, job)
    }

    /// An answer refuses, in the envelope, and holds none of the content.
    #[track_caller]
    fn assert_no_content(&self, answer: &Answer) {
        for piece in self.content.chunks(24) {
            let found = answer.body.windows(piece.len()).any(|part| part == piece);
            assert!(!found, "{answer}: content in {}", answer.text());
        }
    }
}

/// SHA-256, hex.
fn sha256(bytes: &[u8]) -> String {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The newest event of an action.
#[track_caller]
fn newest<'a>(events: &'a [AuditEvent], action: &str) -> &'a AuditEvent {
    let found = events.iter().rev().find(|event| event.action == action);
    found.unwrap_or_else(|| {
        let actions: Vec<_> = events.iter().map(|event| &event.action).collect();
        panic!("no {action} in {actions:?}")
    })
}

/// The reason of a denial; empty when it is none.
fn reason(event: &AuditEvent) -> &str {
    if event.outcome != "denied" {
        return "";
    }
    event.details.get("reason").map_or("", String::as_str)
}
