//! An agent that a test leads by the hand: it leases when told to, and says what it is told to.

use crate::call::{Answer, Call, method};
use crate::server::TestServer;
use crate::user::User;
use coffer_client::ClientError;
use coffer_client::agent::AgentClient;
use coffer_client::signing::{AgentKey, SignedHeaders, nonce};
use coffer_wire::agent::{Anchor, Feed, Finish, Job, JobSecureFile, Register, Renew, Testimony};
use coffer_wire::paths::{self, fill};
use coffer_wire::signature::Parameters;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zeroize::Zeroizing;

/// A registered agent.
pub struct TestAgent {
    /// Its connection.
    pub client: AgentClient,
    key: Arc<AgentKey>,
    nobody: User,
}

impl TestAgent {
    pub(crate) async fn register(
        server: &TestServer,
        name: &str,
        token: &Zeroizing<String>,
        url: &str,
        ca_file: Option<PathBuf>,
    ) -> Self {
        let key = Arc::new(AgentKey::generate().unwrap());
        let body = Register {
            name: name.into(),
            pool: String::new(),
            version: coffer_agent::COMPATIBILITY_VERSION.into(),
            coffer_version: "test".into(),
            public_key: String::new(),
            capabilities: Default::default(),
        };
        let (client, _) = AgentClient::register(url, ca_file, token, key.clone(), body)
            .await
            .unwrap();
        Self {
            client,
            key,
            nobody: server.nobody(),
        }
    }

    /// A job, if one is ready now.
    pub async fn lease(&self) -> Option<LeasedJob> {
        let job = self.client.lease(0).await.unwrap()?;
        Some(LeasedJob { job })
    }

    /// The job that is ready now.
    pub async fn job(&self) -> LeasedJob {
        self.lease().await.expect("a job is ready")
    }

    /// Keeps the lease alive. Answers whether the job is to be cancelled.
    pub async fn renew(&self, job: &LeasedJob) -> Result<bool, ClientError> {
        let body = Renew {
            lease_token: job.job.lease_token.clone(),
        };
        Ok(self.client.renew(job.job.job_id, &body).await?.cancel)
    }

    /// Reports records and lines.
    pub async fn feed(&self, job: &LeasedJob, mut feed: Feed) -> Result<bool, ClientError> {
        feed.lease_token.clone_from(&job.job.lease_token);
        Ok(self.client.feed(job.job.job_id, &feed).await?.cancel)
    }

    /// Ends a job.
    pub async fn finish(&self, job: &LeasedJob, result: &str) -> Result<(), ClientError> {
        let body = Finish {
            lease_token: job.job.lease_token.clone(),
            result: result.into(),
            outputs: Default::default(),
        };
        self.client.finish(job.job.job_id, &body).await
    }

    /// Says which anchor it remembers: of a scale unit, a text. Answers with the unit and text that it is given.
    pub async fn testify(
        &self,
        remembered: Option<(&str, &str)>,
    ) -> Result<Option<(String, String)>, ClientError> {
        let remembered = remembered.map(|(unit, text)| Anchor {
            scale_unit: unit.into(),
            text: text.into(),
        });
        let given = self.client.witness(&Testimony { remembered }).await?;
        Ok(given.remember.map(|given| (given.scale_unit, given.text)))
    }

    /// The path of its lease route, relative to the organization.
    pub fn lease_path(&self) -> String {
        fill(paths::agent::LEASE, &[&self.client.agent_id().to_string()])
    }

    /// Signs a message as it likes: `path` relative to the organization, `created` in seconds.
    pub fn sign(&self, name: &str, path: &str, body: &[u8], created: i64) -> SignedHeaders {
        let parameters = Parameters {
            created,
            nonce: nonce().unwrap(),
            key_id: self.client.agent_id().to_string(),
        };
        let path = format!("/DefaultCollection/{path}");
        self.key
            .sign(method(name).as_str(), &path, body, &parameters)
    }

    /// A request with these signature headers.
    pub fn signed(&self, name: &str, path: &str, body: &[u8], headers: &SignedHeaders) -> Call {
        self.nobody
            .call(name, path)
            .body("application/json", body.to_vec())
            .header("Content-Digest", &headers.content_digest)
            .header("Signature-Input", &headers.signature_input)
            .header("Signature", &headers.signature)
    }
}

/// The real agent, in this process, until it is stopped.
pub struct RunningAgent {
    work: PathBuf,
    stop: CancellationToken,
    running: JoinHandle<Result<(), coffer_agent::AgentError>>,
}

impl RunningAgent {
    pub(crate) fn start(options: coffer_agent::AgentOptions) -> Self {
        let (work, stop) = (options.work.clone(), CancellationToken::new());
        let running = tokio::spawn(coffer_agent::run(options, stop.clone()));
        Self {
            work,
            stop,
            running,
        }
    }

    /// The text of the anchor that it remembers.
    pub fn anchor(&self) -> Option<String> {
        let text = std::fs::read(self.work.join(".anchor.json")).ok()?;
        let memory: serde_json::Value = serde_json::from_slice(&text).ok()?;
        Some(memory["remembered"]["text"].as_str()?.to_owned())
    }

    /// Stops it, and waits for its end.
    pub async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }
}

/// A job in the hands of a test.
pub struct LeasedJob {
    /// The job message.
    pub job: Job,
}

impl LeasedJob {
    /// The job's token.
    pub fn token(&self) -> &str {
        &self.job.resources.endpoints[0].parameters["AccessToken"]
    }

    /// The one file of the job.
    pub fn file(&self) -> &JobSecureFile {
        assert_eq!(self.job.resources.secure_files.len(), 1);
        &self.job.resources.secure_files[0]
    }

    /// Somebody with the job's token.
    pub fn user(&self, server: &TestServer) -> User {
        server.holder(self.token())
    }

    /// Asks for a file's content with a ticket, as tasks do.
    pub async fn download(&self, server: &TestServer, file: &str, ticket: &str) -> Answer {
        let user = self.user(server);
        let path = user.file_path(file, &format!("?ticket={ticket}&download=true"));
        user.get(&path).await
    }

    /// Asks for its own file with its own ticket.
    pub async fn download_own(&self, server: &TestServer) -> Answer {
        let file = self.file();
        self.download(server, &file.id.to_string(), &file.ticket)
            .await
    }

    /// The id of the step with this name for people.
    pub fn step(&self, display_name: &str) -> Uuid {
        self.job
            .steps
            .iter()
            .find(|step| step.display_name == display_name)
            .unwrap()
            .id
    }
}
