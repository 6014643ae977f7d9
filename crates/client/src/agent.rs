//! What an agent says to the server: register, lease, renew, feed, finish, and the download of a job's secure files.
//!
//! Everything but `register` is signed with the agent's key; a download carries the job's token and ticket instead.
//! It decides nothing about retries: the caller knows what a lost answer means.

use crate::signing::{AgentKey, nonce};
use crate::transport::Transport;
use crate::{ClientError, ClientOptions};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use coffer_wire::agent::{
    Feed, Finish, Job, LeaseRequest, Register, Registered, Renew, Renewed, Testimony, Witnessed,
};
use coffer_wire::paths;
use coffer_wire::signature::Parameters;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use reqwest::Response;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;
use zeroize::Zeroizing;

/// What the download of a secure file accepts; the original's clients send the same.
const ACCEPT_CONTENT: &str = "application/octet-stream;api-version=7.2-preview.1";

/// An agent's connection to its server. Cheap to clone.
#[derive(Clone)]
pub struct AgentClient {
    transport: Arc<Transport>,
    key: Arc<AgentKey>,
    agent_id: Uuid,
}

impl fmt::Debug for AgentClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentClient")
            .field("transport", &self.transport)
            .field("agent_id", &self.agent_id)
            .finish_non_exhaustive()
    }
}

/// The content of a secure file on its way.
pub struct Download {
    transport: Arc<Transport>,
    response: Response,
}

impl AgentClient {
    /// Registers an agent with a `cof_agent_` token and answers with its connection and what the server said.
    ///
    /// # Errors
    /// [`ClientError`]: 401 for a token the server does not take.
    pub async fn register(
        url: &str,
        ca_file: Option<PathBuf>,
        token: &Zeroizing<String>,
        key: Arc<AgentKey>,
        mut body: Register,
    ) -> Result<(Self, Registered), ClientError> {
        let transport = Transport::new(ClientOptions {
            organization_url: url.to_owned(),
            token: Some(token.clone()),
            ca_file: ca_file.clone(),
            user_agent: user_agent(),
        })?;
        body.public_key = key.public_key();
        let registered: Registered = transport
            .call(Method::POST, paths::agent::REGISTER, &[], &body)
            .await?;
        let client = Self::new(url, ca_file, key, registered.agent_id)?;
        Ok((client, registered))
    }

    /// The connection of an agent that is registered already. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Setup`] when the URL or the CA file cannot be used.
    pub fn new(
        url: &str,
        ca_file: Option<PathBuf>,
        key: Arc<AgentKey>,
        agent_id: Uuid,
    ) -> Result<Self, ClientError> {
        let transport = Transport::new(ClientOptions {
            organization_url: url.to_owned(),
            token: None,
            ca_file,
            user_agent: user_agent(),
        })?;
        Ok(Self {
            transport: Arc::new(transport),
            key,
            agent_id,
        })
    }

    /// The agent's id.
    pub fn agent_id(&self) -> Uuid {
        self.agent_id
    }

    /// The organization's URL, without a slash at the end.
    pub fn organization_url(&self) -> &str {
        self.transport.base()
    }

    /// Waits for a job, at most `wait_seconds`.
    ///
    /// # Errors
    /// [`ClientError`]: 401, 403 or 404 when the server does not know the agent or its key any more.
    pub async fn lease(&self, wait_seconds: u32) -> Result<Option<Job>, ClientError> {
        let path = paths::fill(paths::agent::LEASE, &[&self.id()]);
        let response = self.post(&path, &LeaseRequest { wait_seconds }).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        self.transport.json(response).await.map(Some)
    }

    /// Says which anchor it remembers, and hears which to remember.
    ///
    /// # Errors
    /// [`ClientError`]: 503 when the server does not hold what the agent remembers, or knows of such a thing already.
    pub async fn witness(&self, body: &Testimony) -> Result<Witnessed, ClientError> {
        let path = paths::fill(paths::agent::WITNESS, &[&self.id()]);
        let response = self.post(&path, body).await?;
        self.transport.json(response).await
    }

    /// Keeps a lease alive, and learns whether the job is to be cancelled.
    ///
    /// # Errors
    /// [`ClientError`]: 403, 404, 409 or 410 when the lease is not ours any more.
    pub async fn renew(&self, job: Uuid, body: &Renew) -> Result<Renewed, ClientError> {
        self.about_job(paths::agent::RENEW, job, body).await
    }

    /// Hands over records and lines.
    ///
    /// # Errors
    /// As [`AgentClient::renew`]. May be sent again.
    pub async fn feed(&self, job: Uuid, body: &Feed) -> Result<Renewed, ClientError> {
        self.about_job(paths::agent::FEED, job, body).await
    }

    /// Ends a job.
    ///
    /// # Errors
    /// As [`AgentClient::renew`]. May be sent again.
    pub async fn finish(&self, job: Uuid, body: &Finish) -> Result<(), ClientError> {
        let path = paths::fill(paths::agent::FINISH, &[&self.id(), &job.to_string()]);
        self.post(&path, body).await.map(|_| ())
    }

    /// Asks for the content of a secure file, with the ticket and the token of a job. Redirects are not followed, so
    /// neither reaches another host.
    ///
    /// # Errors
    /// [`ClientError`]: anything but 200.
    pub async fn download_secure_file(
        &self,
        project: &str,
        file: Uuid,
        ticket: &str,
        job_token: &str,
    ) -> Result<Download, ClientError> {
        let path = paths::fill(paths::secure_files::ITEM, &[project, &file.to_string()]);
        let pair = Zeroizing::new(format!("PAT:{job_token}"));
        let basic = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        let mut basic = HeaderValue::from_str(&basic)
            .map_err(|_| ClientError::setup("the job's token cannot be sent in a header"))?;
        basic.set_sensitive(true);
        let query = [("ticket", Some(ticket)), ("download", Some("false"))];
        let request = self
            .transport
            .anonymous(Method::GET, &path, &query)
            .header(ACCEPT, ACCEPT_CONTENT)
            .header(AUTHORIZATION, basic);
        let response = self.transport.send(request).await?;
        if response.status() != StatusCode::OK {
            return Err(ClientError::Unexpected {
                status: response.status().as_u16(),
                what: "no content came".into(),
            });
        }
        Ok(Download {
            transport: Arc::clone(&self.transport),
            response,
        })
    }

    async fn about_job(
        &self,
        template: &str,
        job: Uuid,
        body: &impl Serialize,
    ) -> Result<Renewed, ClientError> {
        let path = paths::fill(template, &[&self.id(), &job.to_string()]);
        let response = self.post(&path, body).await?;
        self.transport.json(response).await
    }

    /// A signed POST. Each sending is signed anew, since a nonce is good for one.
    async fn post(&self, path: &str, body: &impl Serialize) -> Result<Response, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::Setup {
            message: "the request's body could not be written as JSON".into(),
            source: Some(Box::new(error)),
        })?;
        let nonce = nonce().map_err(|error| ClientError::Setup {
            message: "the request could not be signed".into(),
            source: Some(Box::new(error)),
        })?;
        let parameters = Parameters {
            created: now(),
            nonce,
            key_id: self.id(),
        };
        let routed = routed_path(self.transport.base(), path);
        let signed = self.key.sign("POST", &routed, &body, &parameters);
        let request = self
            .transport
            .anonymous(Method::POST, path, &[])
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header("Content-Digest", signed.content_digest)
            .header("Signature-Input", signed.signature_input)
            .header("Signature", signed.signature)
            .body(body);
        self.transport.send(request).await
    }

    fn id(&self) -> String {
        self.agent_id.to_string()
    }
}

impl Download {
    /// Bytes announced by the server, if it announced them.
    pub fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] when the connection broke.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        self.response
            .chunk()
            .await
            .map_err(|error| self.transport.lost(error))
    }
}

fn user_agent() -> String {
    concat!("coffer-agent/", env!("CARGO_PKG_VERSION")).to_owned()
}

/// The path below any public prefix: the organization is the last segment of its URL.
fn routed_path(base: &str, path: &str) -> String {
    let organization = base.rsplit('/').next().unwrap_or_default();
    format!("/{organization}/{path}")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a signature says when it was made; this is the agent's side of the wire"
)]
fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_path_is_the_one_the_server_routes() {
        for base in ["http://h:1/Acme", "https://h/tools/Acme"] {
            assert_eq!(routed_path(base, "_apis/x/%20"), "/Acme/_apis/x/%20");
        }
    }
}
