//! Where the checkout is and what `cargo metadata` says about it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// The checkout that cargo runs this xtask for.
pub(crate) struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Where cargo builds; xtask keeps its own things in `xtask/` below it.
    pub(crate) target: PathBuf,
    /// The answer of `cargo metadata --no-deps`.
    pub(crate) metadata: Value,
}

impl Workspace {
    /// Asks cargo. Works from any folder below the root.
    pub(crate) fn find() -> anyhow::Result<Self> {
        // Asked when it runs: a build that was copied from another checkout must not work on that one.
        let built = env!("CARGO_MANIFEST_DIR").to_owned();
        let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or(built);
        let output = Command::new(cargo())
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .args(["--manifest-path", &format!("{folder}/Cargo.toml")])
            .output()
            .context("cargo could not be started")?;
        ensure!(
            output.status.success(),
            "`cargo metadata` failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let folder = |key: &str| {
            metadata[key]
                .as_str()
                .map(PathBuf::from)
                .with_context(|| format!("`cargo metadata` has no {key}"))
        };
        Ok(Self {
            root: folder("workspace_root")?,
            target: folder("target_directory")?,
            metadata,
        })
    }

    /// The names of the packages that have a library.
    pub(crate) fn libraries(&self) -> Vec<String> {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let is_library = |package: &Value| {
            list(&package["targets"])
                .iter()
                .any(|target| list(&target["kind"]).contains(&Value::from("lib")))
        };
        list(&self.metadata["packages"])
            .iter()
            .filter(|package| is_library(package))
            .filter_map(|package| package["name"].as_str().map(str::to_owned))
            .collect()
    }

    /// A folder for xtask's own files, outside what is tracked.
    pub(crate) fn own(&self, name: &str) -> PathBuf {
        self.target.join("xtask").join(name)
    }
}

/// The cargo that started us, or the one on PATH.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}
