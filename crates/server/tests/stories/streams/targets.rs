//! Targets of streams on this machine, that do what a story asks of them. They know no event.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What a target does with a call instead of accepting it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mood {
    /// Answers this status.
    Status(u16),
    /// Answers 429 and asks for some time.
    Wait(u32),
    /// Reads everything, and hangs up.
    HangUp,
    /// Reads a few bytes, and resets the connection.
    Reset,
    /// Answers half a status line.
    Half,
    /// Answers with a redirect to this port.
    Elsewhere(u16),
}

/// A call that was accepted.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

#[derive(Default)]
struct State {
    moods: VecDeque<Mood>,
    accepted: Vec<Heard>,
    refused: usize,
    /// Answers to acknowledgement questions, first to last; then always yes.
    acknowledged: VecDeque<bool>,
}

/// A target that can be killed and started again at its port.
pub(super) struct Target {
    pub(super) port: u16,
    state: Arc<Mutex<State>>,
    serve: fn(TcpStream, Arc<Mutex<State>>) -> JoinHandle<()>,
    task: Option<JoinHandle<()>>,
}

impl Target {
    /// An HTTP server.
    pub(super) async fn http() -> Self {
        Self::start(|stream, state| tokio::spawn(http(stream, state))).await
    }

    /// A syslog server that reads until the other side ends.
    pub(super) async fn syslog() -> Self {
        Self::start(|stream, state| tokio::spawn(syslog(stream, state))).await
    }

    async fn start(serve: fn(TcpStream, Arc<Mutex<State>>) -> JoinHandle<()>) -> Self {
        let mut target = Self {
            port: 0,
            state: Arc::default(),
            serve,
            task: None,
        };
        target.begin().await;
        target
    }

    /// Listens, again at the same port.
    pub(super) async fn begin(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.port = listener.local_addr().unwrap().port();
        let (state, serve) = (self.state.clone(), self.serve);
        self.task = Some(tokio::spawn(async move {
            let mut calls = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let call = serve(stream, state.clone());
                // Ends with the listener.
                calls.spawn(async move {
                    let _guard = Abort(call.abort_handle());
                    let _ = call.await;
                });
            }
        }));
    }

    /// Dies with every connection it has.
    pub(super) async fn kill(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
    }

    pub(super) fn will(&self, moods: &[Mood]) {
        self.state.lock().unwrap().moods.extend(moods);
    }

    pub(super) fn acknowledges(&self, answers: &[bool]) {
        self.state.lock().unwrap().acknowledged.extend(answers);
    }

    pub(super) fn accepted(&self) -> Vec<Heard> {
        self.state.lock().unwrap().accepted.clone()
    }

    pub(super) fn refused(&self) -> usize {
        self.state.lock().unwrap().refused
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

struct Abort(tokio::task::AbortHandle);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn mood(state: &Mutex<State>) -> Option<Mood> {
    let mut state = state.lock().unwrap();
    let mood = state.moods.pop_front();
    state.refused += usize::from(mood.is_some());
    mood
}

async fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}

/// Calls on one connection, one after the other.
async fn http(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    loop {
        let Some(heard) = request(&mut stream).await else {
            return;
        };
        let plain = |status: u16, more: &str, body: &str| {
            format!(
                "HTTP/1.1 {status} Whatever\r\n{more}content-length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        if heard.path.ends_with("/ack") {
            let yes = state.lock().unwrap().acknowledged.pop_front() != Some(false);
            let answer = plain(200, "", &format!(r#"{{"acks":{{"7":{yes}}}}}"#));
            stream.write_all(answer.as_bytes()).await.unwrap();
            continue;
        }
        let answer = match mood(&state) {
            None => {
                state.lock().unwrap().accepted.push(heard);
                plain(200, "", r#"{"text":"Success","code":0,"ackId":7}"#)
            }
            Some(Mood::Status(status)) => plain(status, "", "no"),
            Some(Mood::Wait(seconds)) => plain(429, &format!("retry-after: {seconds}\r\n"), ""),
            Some(Mood::Elsewhere(port)) => {
                plain(307, &format!("location: http://127.0.0.1:{port}/\r\n"), "")
            }
            Some(Mood::HangUp) => return,
            Some(Mood::Reset) => return reset(stream).await,
            Some(Mood::Half) => {
                let _ = stream.write_all(b"HTTP/1.1 20").await;
                return;
            }
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn request(stream: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length")?.parse().ok()?;
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[end..].to_vec()).unwrap();
    Some(Heard {
        path,
        headers,
        body,
    })
}

async fn syslog(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    match mood(&state) {
        None => {}
        Some(Mood::HangUp) => return,
        Some(_) => {
            let _ = stream.read_u8().await;
            return reset(stream).await;
        }
    }
    take(stream, &state).await;
}

/// Reads until the other side ends, and ends.
async fn take(mut stream: impl AsyncRead + Unpin, state: &Mutex<State>) {
    let mut body = String::new();
    if stream.read_to_string(&mut body).await.is_ok() {
        let heard = Heard {
            body,
            ..Heard::default()
        };
        state.lock().unwrap().accepted.push(heard);
    }
}
