//! The OpenAPI document: every route below the organization, described by hand here, and its shapes by the types of the
//! wire. A route that is not here fails a test; `docs/openapi.json` is the whole, checked in and compared.
//!
//! One file per group of routes. It must not know how a handler works: what it says is checked against the server by
//! the walk, which asks every route as everybody.

mod agents;
mod audit;
mod break_glass;
mod connection;
mod directory;
mod document;
mod errors;
mod examples;
mod keys;
mod operation;
mod people;
mod permissions;
mod pipelines;
mod places;
mod schemas;
mod secure_files;
mod security;
mod tasks;
#[cfg(test)]
mod tests;

pub(crate) use document::document;

use operation::Group;

/// Everything, in the order of the reference.
fn groups() -> Vec<Group> {
    vec![
        secure_files::group(),
        secure_files::access(),
        permissions::group(),
        security::roles(),
        security::lists(),
        pipelines::group(),
        pipelines::builds(),
        tasks::group(),
        directory::projects(),
        directory::group(),
        people::group(),
        people::sign_in(),
        audit::group(),
        audit::streams(),
        break_glass::group(),
        keys::group(),
        agents::group(),
        connection::group(),
    ]
}
