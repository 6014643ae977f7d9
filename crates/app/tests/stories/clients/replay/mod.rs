//! Calls of clients that are not run here, sent byte for byte as their sources send them, in their order.
//!
//! Each story asserts what the client does with the answer: what it parses, what it looks for, what it fails on. The page
//! says *replayed* for them, not a version.

mod browser;
mod dotnet;
mod powershell;
mod python_cli;
mod terraform;

use super::compat::Compat;
use super::text;
use crate::harness::{Person, Server};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);
const LIBRARY: &str = "b7e84409-6553-448a-bbb2-af228e07cbeb";

/// A row of the page: the client was not run.
fn page(story: &str, client: &str) -> Compat {
    Compat::new(story, client, "replayed")
}

/// One client's way to say who is there and what it is.
struct Caller {
    address: String,
    /// Sent with every call, in this order.
    headers: Vec<(String, String)>,
}

impl Caller {
    /// A caller that sends `headers` with every call, and this person's token as the password of `user`.
    fn new(server: &Server, person: &Person, user: &str, headers: &[(&str, &str)]) -> Self {
        let pair = STANDARD.encode(format!("{user}:{}", person.token()));
        let mut all = vec![("Authorization".to_owned(), format!("Basic {pair}"))];
        all.extend(
            headers
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into())),
        );
        Self {
            address: server.address().to_owned(),
            headers: all,
        }
    }

    async fn open(&self) -> Connection {
        let stream = TcpStream::connect(&self.address).await.unwrap();
        Connection {
            stream,
            read: Vec::new(),
        }
    }

    /// The lines of a request's head, and the empty one after them.
    fn head(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> String {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.address);
        let own = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(headers.iter().copied()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head + "\r\n"
    }

    /// A call without a body.
    async fn call(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Reply {
        let mut connection = self.open().await;
        connection.write(self.head(method, target, headers)).await;
        connection.reply(method).await
    }

    /// A call with a body of known length.
    async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let length = body.len().to_string();
        let headers = [&[("Content-Length", length.as_str())], headers].concat();
        let mut connection = self.open().await;
        connection.write(self.head(method, target, &headers)).await;
        connection.write(body).await;
        connection.reply(method).await
    }
}

struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// More bytes; false at the end.
    async fn more(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.read);
        let read = tokio::time::timeout(PATIENCE, read).await;
        read.expect("the server answers").unwrap() > 0
    }

    /// The next head, without the empty line.
    async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let rest = self.read.split_off(end + 4);
                let head = std::mem::replace(&mut self.read, rest);
                return String::from_utf8(head[..end].to_vec()).unwrap();
            }
            assert!(self.more().await, "it ends in a head");
        }
    }

    async fn reply(&mut self, method: &str) -> Reply {
        let head = self.head().await;
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let mut reply = Reply {
            status,
            headers,
            body: Vec::new(),
        };
        let length = reply.header("content-length").parse().unwrap_or(0);
        if method != "HEAD" {
            while self.read.len() < length && self.more().await {}
            reply.body = self.read.drain(..length).collect();
        }
        reply
    }
}

struct Reply {
    status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    #[track_caller]
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body of a success that says it is JSON.
    #[track_caller]
    fn json(&self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "{}: {}",
            self.status,
            self.text()
        );
        let kind = self.header("content-type");
        assert!(kind.starts_with("application/json"), "{kind}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The wrapped list of a success: `count` is a number and says how many there are.
    #[track_caller]
    fn list(&self) -> Vec<Value> {
        let wrapped = self.json();
        let list = wrapped["value"].as_array().unwrap().clone();
        assert_eq!(wrapped["count"], list.len(), "{wrapped}");
        list
    }

    /// An error as every client reads it: JSON, never plain text or empty, with a message and the .NET name of its class.
    #[track_caller]
    fn refused(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(
            self.header("content-type"),
            "application/json; charset=utf-8"
        );
        let envelope: Value = serde_json::from_slice(&self.body).unwrap();
        assert!(
            envelope["message"].as_str().unwrap().len() > 10,
            "{envelope}"
        );
        let (class, assembly) = envelope["typeName"]
            .as_str()
            .unwrap()
            .split_once(", ")
            .unwrap();
        assert!(class.starts_with(assembly), "{envelope}");
        assert!(
            class.ends_with(envelope["typeKey"].as_str().unwrap()),
            "{envelope}"
        );
        assert!(
            envelope["errorCode"].is_i64() && envelope["eventId"].is_i64(),
            "{envelope}"
        );
        envelope
    }
}

/// The one entry for which this member is this text.
#[track_caller]
fn one<'a>(list: &'a [Value], member: &str, value: &str) -> &'a Value {
    let found = list.iter().find(|entry| entry[member] == value);
    found.unwrap_or_else(|| panic!("no {member} {value:?} in {list:?}"))
}
