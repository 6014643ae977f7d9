//! A server that speaks just enough of the agent protocol, checks every signature, and remembers everything it is told.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use coffer_wire::agent::{Feed, Finish, Job, Record, Register};
use coffer_wire::signature::{Parameters, content_digest, parse_signature};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;
use uuid::Uuid;

/// What the server was told, and how it is to behave.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) jobs: VecDeque<Job>,
    pub(crate) agents: HashMap<Uuid, String>,
    pub(crate) registered: Vec<String>,
    pub(crate) records: BTreeMap<Uuid, Record>,
    pub(crate) lines: BTreeMap<Uuid, Vec<String>>,
    pub(crate) finished: Vec<Finish>,
    pub(crate) downloads: Vec<String>,
    pub(crate) cancel: bool,
    /// How often the agent was told to cancel.
    pub(crate) cancels_told: usize,
    /// How often a job was asked for.
    pub(crate) leases: usize,
    /// Renewals and feeds are refused: the lease went to somebody else.
    pub(crate) lease_lost: bool,
    /// Answers to downloads before the content comes.
    pub(crate) refuse: VecDeque<StatusCode>,
    pub(crate) content: Vec<u8>,
    /// Feeds that are taken, and whose answers are lost.
    pub(crate) lose_answers: usize,
    /// Everything that ever arrived, for the search for secrets.
    pub(crate) heard: String,
    nonces: HashSet<String>,
    pub(crate) refused: Vec<String>,
}

/// The server.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    told: Arc<Mutex<Told>>,
    changed: Arc<Notify>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/Acme", listener.local_addr().unwrap());
        let server = Self {
            url,
            told: Arc::default(),
            changed: Arc::default(),
        };
        let router = Router::new()
            .route("/Acme/_apis/coffer/agents", post(register))
            .route("/Acme/_apis/coffer/agents/{agent}/lease", post(lease))
            .route(
                "/Acme/_apis/coffer/agents/{agent}/jobs/{job}/{act}",
                post(about_job),
            )
            .route(
                "/Acme/{project}/_apis/distributedtask/securefiles/{file}",
                get(download),
            )
            .with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        server
    }

    pub(crate) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }

    pub(crate) fn queue(&self, job: Job) {
        self.told().jobs.push_back(job);
        self.changed.notify_waiters();
    }

    /// Changes how the server behaves.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told());
        self.changed.notify_waiters();
    }

    /// Waits until what was told satisfies a question.
    pub(crate) async fn until<T>(&self, what: &str, question: impl Fn(&Told) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(answer) = question(&self.told()) {
                    return answer;
                }
                changed.await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(60), waiting).await {
            Ok(answer) => answer,
            Err(_) => panic!("waited in vain until {what}; log:\n{}", self.told().log()),
        }
    }

    pub(crate) async fn until_line(&self, text: &str) {
        self.until(text, |told| told.log().contains(text).then_some(()))
            .await;
    }

    /// Of three answers two went to the same loop of the agent's, which acts on one before it asks for the next.
    pub(crate) async fn until_cancel_was_read(&self) {
        self.until("the agent knows of the cancel", |told| {
            (told.cancels_told >= 3).then_some(())
        })
        .await;
    }

    pub(crate) async fn until_finished(&self) -> String {
        self.until("the job is finished", |told| {
            told.finished.first().map(|finish| finish.result.clone())
        })
        .await
    }
}

impl Told {
    /// All logs, in the order of the records, without time stamps.
    pub(crate) fn log(&self) -> String {
        let mut records: Vec<_> = self.records.values().collect();
        records.sort_by_key(|record| record.order);
        let mut out = String::new();
        for record in records {
            for line in self.lines.get(&record.id).into_iter().flatten() {
                out.push_str(line.get(29..).unwrap_or_default());
                out.push('\n');
            }
        }
        out
    }

    /// `name: result` of each record, in order.
    pub(crate) fn results(&self) -> Vec<String> {
        let mut records: Vec<_> = self.records.values().collect();
        records.sort_by_key(|record| record.order);
        records
            .into_iter()
            .map(|record| {
                format!(
                    "{}: {}",
                    record.name,
                    record.result.as_deref().unwrap_or(&record.state)
                )
            })
            .collect()
    }

    fn signed(
        &mut self,
        headers: &HeaderMap,
        path: &str,
        body: &[u8],
    ) -> Result<Uuid, &'static str> {
        let header = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .ok_or("a header is missing")
        };
        let parameters =
            Parameters::parse(header("signature-input")?).map_err(|_| "not our profile")?;
        let agent = Uuid::try_parse(&parameters.key_id).map_err(|_| "no agent id")?;
        let key = self.agents.get(&agent).ok_or("unknown agent")?;
        let key = URL_SAFE_NO_PAD.decode(key).map_err(|_| "no key")?;
        let expected = content_digest(&STANDARD.encode(digest::digest(&digest::SHA256, body)));
        if header("content-digest")? != expected {
            return Err("another body");
        }
        let base = parameters.base("POST", path, &expected);
        let signature = parse_signature(header("signature")?).map_err(|_| "no signature")?;
        let signature = STANDARD.decode(signature).map_err(|_| "no signature")?;
        UnparsedPublicKey::new(&ED25519, key)
            .verify(base.as_bytes(), &signature)
            .map_err(|_| "wrong signature")?;
        if !self.nonces.insert(parameters.nonce) {
            return Err("a nonce was used twice");
        }
        Ok(agent)
    }
}

fn refusal(status: StatusCode, message: &str) -> Response {
    let body = serde_json::json!({
        "$id": "1", "innerException": null, "message": message, "typeName": "T, A", "typeKey": "T",
        "errorCode": 0, "eventId": 3000,
    });
    (
        status,
        [("content-type", "application/json")],
        body.to_string(),
    )
        .into_response()
}

fn json(body: &impl serde::Serialize) -> Response {
    (
        [("content-type", "application/json")],
        serde_json::to_string(body).unwrap(),
    )
        .into_response()
}

async fn register(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    let token = format!("Basic {}", STANDARD.encode("PAT:cof_agent_sample"));
    if headers["authorization"] != token.as_str() {
        return refusal(StatusCode::UNAUTHORIZED, "The token is not known.");
    }
    let register: Register = serde_json::from_slice(&body).unwrap();
    let agent_id = Uuid::from_u128(0xA6E27);
    let mut told = server.told();
    told.agents.insert(agent_id, register.public_key);
    told.registered
        .push(format!("{} {}", register.name, register.version));
    json(&coffer_wire::agent::Registered {
        agent_id,
        lease_seconds: 30,
        renew_seconds: 1,
        unit_key: None,
    })
}

async fn lease(
    State(server): State<Server>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let signed = server.told().signed(&headers, uri.path(), &body);
    if let Err(why) = signed {
        server.told().refused.push(why.into());
        return refusal(StatusCode::UNAUTHORIZED, why);
    }
    server.set(|told| told.leases += 1);
    let waiting = async {
        loop {
            let changed = server.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(job) = server.told().jobs.pop_front() {
                return job;
            }
            changed.await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(5), waiting).await {
        Ok(job) => json(&job),
        Err(_) => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn about_job(
    State(server): State<Server>,
    Path((_, _, act)): Path<(String, Uuid, String)>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut told = server.told();
    if let Err(why) = told.signed(&headers, uri.path(), &body) {
        told.refused.push(why.into());
        return refusal(StatusCode::UNAUTHORIZED, why);
    }
    if told.lease_lost {
        return refusal(StatusCode::CONFLICT, "The lease is not yours any more.");
    }
    let mut lose = false;
    match act.as_str() {
        "renew" => {}
        "feed" => {
            let feed: Feed = serde_json::from_slice(&body).unwrap();
            assert_eq!(feed.lease_token, "lease-token-of-the-job");
            // The token itself has to be sent; everything else that is sent is searched for secrets.
            told.heard
                .push_str(&String::from_utf8_lossy(&body).replace("lease-token-of-the-job", ""));
            for record in feed.records {
                told.records.insert(record.id, record);
            }
            for lines in feed.lines {
                let known = told.lines.entry(lines.record_id).or_default();
                let skip = known.len() + 1 - usize::try_from(lines.first_line).unwrap();
                known.extend(lines.lines.into_iter().skip(skip));
            }
            lose = told.lose_answers > 0;
            told.lose_answers = told.lose_answers.saturating_sub(1);
        }
        "finish" => {
            told.heard
                .push_str(&String::from_utf8_lossy(&body).replace("lease-token-of-the-job", ""));
            told.finished.push(serde_json::from_slice(&body).unwrap());
        }
        other => panic!("{other}"),
    }
    let cancel = told.cancel;
    told.cancels_told += usize::from(cancel && !lose);
    drop(told);
    server.changed.notify_waiters();
    if lose {
        return refusal(StatusCode::BAD_GATEWAY, "A proxy lost the answer.");
    }
    json(&coffer_wire::agent::Renewed { cancel })
}

async fn download(
    State(server): State<Server>,
    Path((project, file)): Path<(String, Uuid)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let mut told = server.told();
    told.downloads.push(format!(
        "{project} {file} {} {}",
        query["download"],
        headers["accept"].to_str().unwrap()
    ));
    let token = format!("Basic {}", STANDARD.encode("PAT:token-of-the-job"));
    if headers["authorization"] != token.as_str() || query["ticket"] != "ticket&of/the=file" {
        return refusal(StatusCode::FORBIDDEN, "The ticket is not valid.");
    }
    if let Some(status) = told.refuse.pop_front() {
        return refusal(status, "Come back later, ticket&of/the=file.");
    }
    (
        [("content-type", "application/octet-stream")],
        told.content.clone(),
    )
        .into_response()
}
