//! AWS KMS as tests have it: a real moto, and before it a front of ours that does what moto leaves out.
//!
//! moto 5.2.5 does not look at the state of keys, knows no trials, no rights, has no quota and never fails. The front does
//! the first two as the service does ([`refusals`]), and the others when a story says so. Everything else is moto's.
//! Knows nothing of what Coffer keeps in KMS.

mod refusals;

use crate::engine::{skip, told};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State as Extract;
use axum::response::{IntoResponse as _, Response};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What stands before the name of an operation of KMS.
const TARGET: &str = "TrentService.";
const MOST: usize = 64 * 1024;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KmsFault {
    /// `ThrottlingException`.
    Throttled,
    /// 500, `KMSInternalException`.
    Broken,
    /// An error of this name, with 400.
    Named(&'static str),
    /// It never answers.
    Hangs,
    /// The connection ends before anything was done.
    CutBefore,
    /// It is done, and the connection ends before the answer is there.
    CutAfter,
    /// 200, and what comes is not JSON.
    Babbles,
}

struct Planned {
    operation: String,
    times: usize,
    fault: KmsFault,
}

#[derive(Default)]
struct State {
    faults: Vec<Planned>,
    asked: Vec<String>,
    /// What the client with this access key may not do.
    forbidden: Vec<(String, String)>,
}

struct Shared {
    state: Mutex<State>,
    /// Where moto listens.
    moto: Mutex<String>,
    http: reqwest::Client,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// A running KMS. It ends when it is dropped.
pub struct AwsKms {
    shared: Arc<Shared>,
    moto: Mutex<Option<Child>>,
    address: SocketAddr,
    serving: Mutex<JoinHandle<()>>,
    folder: TempDir,
}

impl Drop for AwsKms {
    fn drop(&mut self) {
        self.kill();
    }
}

impl AwsKms {
    /// Access keys of the profiles `default` and `lifecycle` in [`AwsKms::credentials_file`], and their secret.
    pub const ACCESS_KEYS: (&str, &str) = ("AKIADAILY00000000001", "AKIALIFECYCLE0000002");
    /// The secret of both.
    pub const SECRET: &str = "secret/access/key/of/a/test/0123456789abc";
    /// Where it is.
    pub const REGION: &str = "eu-central-1";

    /// Whether there is a moto; else the skip is written down.
    pub fn is_there(test: &str) -> bool {
        let variables = ["COFFER_TEST_PYTHON", "COFFER_TEST_PYTHON_MOTO"];
        let absent = variables.iter().find(|name| told(name).is_none());
        if let Some(name) = absent {
            skip(test, &format!("{name} is not set"));
        }
        absent.is_none()
    }

    /// Starts one, on ports of the system's choosing.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            moto: Mutex::default(),
            http: reqwest::Client::builder().build().unwrap(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let kms = Self {
            moto: Mutex::default(),
            address: listener.local_addr().unwrap(),
            serving: Mutex::new(serve(listener, &shared)),
            shared,
            folder: tempfile::tempdir().unwrap(),
        };
        kms.run();
        kms
    }

    /// Starts moto, with the keys that it had.
    #[expect(
        clippy::disallowed_methods,
        reason = "the service is a program of its own"
    )]
    fn run(&self) {
        let python = told("COFFER_TEST_PYTHON").expect("a story asks before");
        let packages = told("COFFER_TEST_PYTHON_MOTO").expect("a story asks before");
        let mut moto = Command::new(python)
            .args(["-c", include_str!("aws_kms/kms.py")])
            .arg(self.folder.path().join("keys"))
            .env("PYTHONPATH", packages)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It says where it listens, and later every call; somebody has to read that.
        let mut lines = BufReader::new(moto.stderr.take().unwrap()).lines();
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("Running on ")?.1.trim().to_owned()))
            .expect("moto says where it listens");
        std::thread::spawn(move || lines.for_each(drop));
        *lock(&self.shared.moto) = url;
        *lock(&self.moto) = Some(moto);
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address, for `endpoint`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A shared credentials file with the profiles `default` and `lifecycle`.
    pub fn credentials_file(&self) -> PathBuf {
        let path = self.folder.path().join("credentials");
        let profile = |name: &str, key: &str| {
            let secret = Self::SECRET;
            format!("[{name}]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
        };
        let (daily, lifecycle) = Self::ACCESS_KEYS;
        let text = profile("default", daily) + &profile("lifecycle", lifecycle);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The next calls of an operation fail, such as `Decrypt`.
    pub fn fault(&self, operation: &str, fault: KmsFault, times: usize) {
        self.shared.state().faults.push(Planned {
            operation: operation.into(),
            times,
            fault,
        });
    }

    /// Takes the right to an operation from the client with this access key.
    pub fn forbid(&self, access_key: &str, operation: &str) {
        let mut state = self.shared.state();
        state.forbidden.push((access_key.into(), operation.into()));
    }

    /// Gives back what [`AwsKms::forbid`] took.
    pub fn allow(&self, access_key: &str, operation: &str) {
        let mut state = self.shared.state();
        let taken = (access_key.to_owned(), operation.to_owned());
        state.forbidden.retain(|one| *one != taken);
    }

    /// How many keys there are, of whatever kind and state.
    pub async fn made(&self) -> usize {
        let mut headers = HeaderMap::new();
        let target = format!("{TARGET}ListKeys");
        headers.insert("x-amz-target", target.parse().unwrap());
        let credential = format!(
            "AWS4-HMAC-SHA256 Credential={}/20200101/{}/kms/aws4_request",
            Self::ACCESS_KEYS.1,
            Self::REGION
        );
        headers.insert(AUTHORIZATION, credential.parse().unwrap());
        let (status, answer) = ask(&self.shared, "/", &headers, "{}".into()).await;
        assert!(status.is_success(), "{status}");
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        answer["Keys"].as_array().unwrap().len()
    }

    /// How often an operation was asked for.
    pub fn asked(&self, operation: &str) -> usize {
        let state = self.shared.state();
        let same = state.asked.iter().filter(|asked| *asked == operation);
        same.count()
    }

    /// Kills moto in the middle of whatever it does, and the front.
    pub fn kill(&self) {
        self.stop();
        if let Some(mut moto) = lock(&self.moto).take() {
            // It may have ended by itself; either way it is gone afterwards.
            let _ended = moto.kill();
            let _status = moto.wait();
        }
    }

    /// Nobody answers any more. moto lives on.
    pub fn stop(&self) {
        lock(&self.serving).abort();
    }

    /// Answers again where it did before [`AwsKms::stop`] or [`AwsKms::kill`], with the keys that it had.
    pub async fn start_again(&self) {
        if lock(&self.moto).is_none() {
            self.run();
        }
        let listener = TcpListener::bind(self.address).await.unwrap();
        *lock(&self.serving) = serve(listener, &self.shared);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(listener: TcpListener, shared: &Arc<Shared>) -> JoinHandle<()> {
    let router = Router::new()
        .fallback(answer)
        .with_state(Arc::clone(shared));
    tokio::spawn(crate::azure_vault::accept(listener, None, router))
}

async fn answer(Extract(shared): Extract<Arc<Shared>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MOST).await else {
        return error("ValidationException", "the body is too long");
    };
    let operation = operation(&parts.headers, &body);
    let client = access_key(&parts.headers);
    let fault = {
        let mut state = shared.state();
        state.asked.push(operation.clone());
        let forbidden = state.forbidden.iter();
        let mut forbidden = forbidden.map(|(key, name)| (key.as_str(), name.as_str()));
        if forbidden.any(|one| one == (client.as_str(), operation.as_str())) {
            let text = format!("User {client} is not authorized to perform: kms:{operation}");
            return error("AccessDeniedException", &text);
        }
        let mut planned = state.faults.iter_mut();
        let planned = planned.find(|one| one.times > 0 && one.operation == operation);
        planned.map(|planned| {
            planned.times -= 1;
            planned.fault
        })
    };
    match fault {
        Some(KmsFault::Throttled) => return error("ThrottlingException", "Rate exceeded"),
        Some(KmsFault::Named(name)) => return error(name, "so it was told"),
        Some(KmsFault::Broken) => {
            let answer = error("KMSInternalException", "an internal error");
            return (StatusCode::INTERNAL_SERVER_ERROR, answer.into_body()).into_response();
        }
        Some(KmsFault::Hangs) => std::future::pending().await,
        Some(KmsFault::CutBefore) => return crate::azure_vault::cut(),
        Some(KmsFault::Babbles) => return (StatusCode::OK, "<html>").into_response(),
        Some(KmsFault::CutAfter) | None => {}
    }
    if let Some(refused) = refusals::refused(&shared, &operation, &parts.headers, &body).await {
        return refused;
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let (status, bytes) = ask(&shared, path, &parts.headers, body).await;
    if fault == Some(KmsFault::CutAfter) {
        return crate::azure_vault::cut();
    }
    let content = parts
        .headers
        .get(CONTENT_TYPE)
        .cloned()
        .unwrap_or(http::HeaderValue::from_static("text/xml"));
    (status, [(CONTENT_TYPE, content)], bytes).into_response()
}

/// Moto's own answer.
async fn ask(shared: &Shared, path: &str, headers: &HeaderMap, body: Bytes) -> (StatusCode, Bytes) {
    let mut headers = headers.clone();
    // Where it came to is not where moto is; the service that is meant stands in the signature.
    headers.remove(HOST);
    headers.remove(http::header::CONTENT_LENGTH);
    let url = format!("{}{path}", lock(&shared.moto));
    let sent = shared.http.post(url).headers(headers).body(body).send();
    match sent.await {
        Ok(answer) => {
            let status = answer.status();
            (status, answer.bytes().await.unwrap_or_default())
        }
        Err(_) => (StatusCode::BAD_GATEWAY, Bytes::new()),
    }
}

/// The operation of KMS in a header, that of STS in a form.
fn operation(headers: &HeaderMap, body: &[u8]) -> String {
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok());
    match target.and_then(|target| target.strip_prefix(TARGET)) {
        Some(name) => name.to_owned(),
        None => crate::provider::fields(&String::from_utf8_lossy(body))
            .remove("Action")
            .unwrap_or_default(),
    }
}

fn access_key(headers: &HeaderMap) -> String {
    let value = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let credential = value.and_then(|value| value.split_once("Credential="));
    let key = credential.and_then(|(_, rest)| rest.split('/').next());
    key.unwrap_or_default().to_owned()
}

fn error(name: &str, message: &str) -> Response {
    let body = json!({"__type": name, "message": message}).to_string();
    let headers = [(CONTENT_TYPE, "application/x-amz-json-1.1")];
    (StatusCode::BAD_REQUEST, headers, body).into_response()
}
