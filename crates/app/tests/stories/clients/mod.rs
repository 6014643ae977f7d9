//! Clients that others wrote, unmodified and of exactly the versions of the lock files, against the real server.
//!
//! Each story writes down what it saw a client do ([`compat`]); the test command makes `docs/compatibility.md` of it.
//! The scripts in `e2e/` print, a story asserts.

mod azure_devops;
mod compat;
mod curl;
mod driven;
mod node;
mod node_api;
mod replay;
mod rust_api;
mod tasks;
mod tfx;
mod vsts;
mod way;

use serde_json::Value;

/// A member that must be text.
#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
