//! Node, and the clients from npm: where they are, which versions, how a script of `e2e/node` is run.

use crate::harness::{Done, PROJECT, Person, command, skip, told};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Node, and the folder of the clients.
pub(crate) struct Node {
    program: String,
    clients: PathBuf,
}

impl Node {
    /// Without them the story `clients::…` is skipped.
    pub(crate) fn find(story: &str) -> Option<Self> {
        let (node, clients) = (told("COFFER_TEST_NODE"), told("COFFER_TEST_NODE_MODULES"));
        let (Some(program), Some(clients)) = (node, clients) else {
            let reason = "COFFER_TEST_NODE or COFFER_TEST_NODE_MODULES is not set";
            skip(&format!("clients::{story}"), reason);
            return None;
        };
        let clients = clients.into();
        Some(Self { program, clients })
    }

    /// The installed version of a package, by the name that `e2e/node/package.json` gives it.
    pub(crate) fn version(&self, package: &str) -> String {
        let path = self.package(package).join("package.json");
        let text = std::fs::read_to_string(path).unwrap();
        let manifest: Value = serde_json::from_str(&text).unwrap();
        manifest["version"].as_str().unwrap().to_owned()
    }

    /// The folder of an installed package.
    pub(crate) fn package(&self, package: &str) -> PathBuf {
        self.clients.join("node_modules").join(package)
    }

    /// A script of the folder of the clients, or any other by its whole path.
    pub(crate) fn script(&self, name: impl AsRef<Path>, home: &Path) -> tokio::process::Command {
        let mut node = command(&self.program, home);
        node.arg(self.clients.join(name)).current_dir(home);
        node
    }
}

/// A script of `e2e/node` that drives one client for one person.
pub(crate) struct Driver<'a> {
    pub(crate) node: &'a Node,
    pub(crate) script: &'static str,
    /// The package, by the name that `e2e/node/package.json` gives it.
    pub(crate) package: &'static str,
}

impl Driver<'_> {
    /// One operation with a token, and the object that it printed.
    pub(crate) async fn with_token(&self, person: &Person, token: &str, words: &[&str]) -> Value {
        let mut node = self.node.script(self.script, &person.home);
        node.args(words)
            .env("COFFER_CLIENT", self.package)
            .env("COFFER_URL", &person.url)
            .env("COFFER_TOKEN", token)
            .env("COFFER_PROJECT", PROJECT);
        Done::of(node).await.ends(0).json()
    }

    /// One operation, and the object that it printed.
    pub(crate) async fn answer(&self, person: &Person, words: &[&str]) -> Value {
        self.with_token(person, &person.token(), words).await
    }

    /// The result of an operation that must succeed.
    #[track_caller]
    pub(crate) fn result<'a>(
        &'a self,
        person: &'a Person,
        words: &'a [&'a str],
    ) -> impl Future<Output = Value> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let answer = self.answer(person, words).await;
            assert_eq!(answer["ok"], true, "{caller}: {words:?}: {answer}");
            answer["result"].clone()
        }
    }
}
