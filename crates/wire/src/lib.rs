//! What goes over the wire: request and response shapes, paths, the error envelope and the agent protocol.
//!
//! Shapes follow the Azure DevOps REST API where a route is one of its own, so that unmodified clients read them.
//! This crate knows nothing of the product's rules, of databases or of HTTP libraries: it is serde and text only,
//! and is free to stay as ugly as the wire is. `server` converts from the model in one place.

pub mod access;
pub mod agent;
pub mod audit;
pub mod break_glass;
pub mod builds;
pub mod coffer;
pub mod common;
pub mod enums;
pub mod envelope;
pub mod graph;
pub mod keys;
pub mod locations;
pub mod log_line;
pub mod paths;
pub mod permissions;
pub mod pipelines;
pub mod secure_files;
pub mod security;
pub mod signature;
pub mod streams;
pub mod tasks;

pub use common::{Date, Dictionary, IdentityRef, List};
pub use envelope::ErrorEnvelope;
