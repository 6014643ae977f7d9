//! Node, and the clients from npm: where they are, which versions, how a script of `e2e/node` is run.

use crate::harness::{command, skip, told};
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

    /// A file of `e2e/node`, as it lies beside the packages.
    pub(crate) fn file(&self, name: &str) -> String {
        self.clients.join(name).to_str().unwrap().to_owned()
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
