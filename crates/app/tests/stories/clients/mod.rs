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
