//! What the product is about: ids, secure files, roles, permissions, runs, audit events, and the one decision.
//!
//! Pure: no async, no I/O, no clock, no randomness, no JSON. Whoever needs a fact loads it and passes it in.
//! [`policy::decide`] is the only place that says yes or no.

pub mod access;
#[cfg(test)]
mod access_table;
pub mod act;
pub mod anchor;
pub mod audit;
#[cfg(test)]
mod audit_events;
pub mod break_glass;
pub mod caller;
pub mod change;
pub mod descriptor;
pub mod explain;
pub mod ids;
pub mod library;
pub mod name;
pub mod organization;
pub mod policy;
pub mod purge;
pub mod record;
pub mod refs;
pub mod replay;
pub mod rotation;
#[cfg(test)]
mod rotation_model;
pub mod run;
pub mod scope;
pub mod source;
pub mod statement;
pub mod trail;
pub mod tree;

pub use caller::{Authentication, Caller, Request};
pub use ids::*;
pub use scope::TokenScopes;
