//! A client that a program of `e2e/` drives: a call as a line of JSON in, what the client made of it as a line out.
//!
//! The program names its package and version first. A call is the client's own method with its own arguments, so a
//! story says what a script of a team says. This file knows no client and no route.

use super::node::Node;
use crate::harness::{Person, Site, command, skip, told};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Longer than any call takes that ends at all.
const PATIENCE: Duration = Duration::from_secs(90);
/// How many this process has started: each has a home of its own.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// Where a program is that drives a client.
pub(crate) enum Program {
    /// Python, and the folder of one client with the driver beside it.
    Python(String, PathBuf),
    /// It is one.
    Rust(String),
    /// Node, the driver in the folder of the clients, and one of the packages there.
    Node(Node, &'static str),
}

impl Program {
    /// A Python client by the variable of its folder. Without it the story `clients::…` is skipped.
    pub(crate) fn python(story: &str, variable: &str) -> Option<Self> {
        let (Some(python), Some(folder)) = (told("COFFER_TEST_PYTHON"), told(variable)) else {
            let reason = format!("COFFER_TEST_PYTHON or {variable} is not set");
            skip(&format!("clients::{story}"), &reason);
            return None;
        };
        Some(Self::Python(python, folder.into()))
    }

    /// The Rust client. Without it the story `clients::…` is skipped.
    pub(crate) fn rust(story: &str) -> Option<Self> {
        let Some(program) = told("COFFER_TEST_RUST_CLIENT") else {
            let reason = "COFFER_TEST_RUST_CLIENT is not set";
            skip(&format!("clients::{story}"), reason);
            return None;
        };
        Some(Self::Rust(program))
    }

    /// A package from npm, by the name that `e2e/node/package.json` gives it. Without it the story `clients::…` is
    /// skipped.
    pub(crate) fn node(story: &str, package: &'static str) -> Option<Self> {
        Some(Self::Node(Node::find(story)?, package))
    }

    /// Starts the client for somebody with this token, at a home of its own: one client keeps there for hours what a
    /// server said.
    pub(crate) async fn start(&self, site: &Site, person: &Person, token: &str) -> Driven {
        let home = site.folder(&format!(
            "home-client-{}",
            STARTED.fetch_add(1, Ordering::Relaxed)
        ));
        let mut start = match self {
            Self::Python(python, folder) => {
                let mut start = command(python, &home);
                // Nothing but the client and what came with Python.
                start.arg("-s").arg(folder.join("driver.py"));
                start
            }
            Self::Rust(program) => command(program, &home),
            Self::Node(node, package) => {
                let mut start = node.script("driver.mjs", &home);
                start.env("COFFER_CLIENT", package);
                start
            }
        };
        start
            .current_dir(&home)
            .env("COFFER_URL", &person.url)
            .env("COFFER_TOKEN", token);
        Driven::start(start).await
    }

    /// The same, with the token that the person signed in with.
    pub(crate) async fn of(&self, site: &Site, person: &Person) -> Driven {
        self.start(site, person, &person.token()).await
    }
}

/// A client that waits for calls.
pub(crate) struct Driven {
    _child: Child,
    calls: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// The name that its registry knows it by.
    pub(crate) package: String,
    /// What is installed.
    pub(crate) version: String,
}

impl Driven {
    async fn start(mut start: Command) -> Self {
        start.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = start.spawn().unwrap();
        let calls = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut driven = Self {
            _child: child,
            calls,
            answers,
            package: String::new(),
            version: String::new(),
        };
        let hello = driven.line().await;
        hello["package"]
            .as_str()
            .unwrap()
            .clone_into(&mut driven.package);
        hello["version"]
            .as_str()
            .unwrap()
            .clone_into(&mut driven.version);
        driven
    }

    async fn line(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.answers.next_line()).await;
        let line = line.expect("the client answers").unwrap();
        serde_json::from_str(&line.expect("the client goes on")).unwrap()
    }

    /// What came of a call.
    pub(crate) async fn call(&mut self, client: &str, method: &str, arguments: Value) -> Came {
        let call = json!({"client": client, "method": method, "arguments": arguments});
        let line = format!("{call}\n");
        self.calls.write_all(line.as_bytes()).await.unwrap();
        Came {
            call: format!("`{client}.{method}`"),
            answer: self.line().await,
        }
    }
}

/// What came of a call: what the client returned, or what it raised.
pub(crate) struct Came {
    /// The client's method, for the page.
    pub(crate) call: String,
    answer: Value,
}

impl Came {
    /// What the client returned.
    #[track_caller]
    pub(crate) fn result(&self) -> &Value {
        assert_eq!(self.answer["ok"], true, "{}: {}", self.call, self.answer);
        &self.answer["result"]
    }

    /// What the client raised, in its words.
    #[track_caller]
    pub(crate) fn raised(&self) -> &str {
        assert_eq!(self.answer["ok"], false, "{}: {}", self.call, self.answer);
        self.answer["message"].as_str().unwrap()
    }

    /// The error's key, as far as the client looks at it.
    #[track_caller]
    pub(crate) fn key(&self) -> &str {
        self.raised();
        self.answer["key"].as_str().unwrap_or_default()
    }
}
