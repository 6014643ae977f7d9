//! The rules that no compiler checks: which crate may depend on which, and what files look like.
//!
//! Every message says what to do. The rules are data and pure functions, so that each is shown
//! to catch its breach on a made-up input.

mod edges;
mod files;

use std::fmt;
use std::process::Command;

use anyhow::Context as _;

use crate::process::quietly;
use crate::workspace::Workspace;

/// One place that breaks one rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    /// A file with line, or a package.
    at: String,
    /// What is wrong and what to do.
    message: String,
}

impl Breach {
    fn new(at: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            at: at.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.at, self.message)
    }
}

/// Checks the whole checkout.
///
/// # Errors
/// When git or a file cannot be read: a rule that was not checked is not one that holds.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Vec<Breach>> {
    let mut breaches = edges::check(&edges::packages(&workspace.metadata)?);
    let here = files::Here::of(&workspace.root);
    for path in tracked(workspace)? {
        let file = workspace.root.join(&path);
        if !file.is_file() {
            continue; // deleted, but not yet in the index
        }
        let bytes = std::fs::read(&file).with_context(|| format!("{path} could not be read"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            breaches.extend(files::check(&path, &text, &here));
        }
    }
    Ok(breaches)
}

/// Every file that is in git or would be added by `git add --all`.
fn tracked(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let list = quietly(
        Command::new("git")
            .current_dir(&workspace.root)
            .args(["-c", "core.quotePath=false", "ls-files", "-z"])
            .args(["--cached", "--others", "--exclude-standard"]),
    )
    .context("the rules about files need the list that git keeps")?;
    let mut paths: Vec<String> = list
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}
