//! A typed HTTP client of the server: for the command line, the agent and the tests.
//!
//! It knows the wire and nothing of the product's rules. Methods are grouped by resource, as the routes are:
//! [`Client::secure_files`], [`Client::pipelines`], [`Client::builds`], [`Client::permissions`], [`Client::coffer`].
//! It never prints, never reads the environment, and keeps the token out of every `Debug` and every error.

pub mod agent;
pub mod anchor;
mod audit;
mod body;
mod break_glass;
mod builds;
mod coffer;
mod error;
mod freezes;
mod graph;
mod keys;
mod lines;
mod options;
mod permissions;
mod pipelines;
mod roles;
mod secure_files;
pub mod signing;
mod streams;
mod transport;

pub use audit::{AuditQuery, ExportFormat};
pub use body::Body;
pub use break_glass::BreakGlass;
pub use builds::Builds;
pub use coffer::Coffer;
pub use error::{ClientError, ErrorKind};
pub use freezes::{Freezes, Frozen};
pub use graph::Graph;
pub use keys::Keys;
pub use lines::Lines;
pub use options::{ClientOptions, DEFAULT_ORGANIZATION, organization_url};
pub use permissions::Permissions;
pub use pipelines::Pipelines;
pub use roles::Roles;
pub use secure_files::{Filter, SecureFiles, Upload};
pub use streams::Streams;

use std::sync::Arc;
use transport::Transport;

/// A client of one organization on one server, acting as the holder of one token.
///
/// Cheap to clone: clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Arc<Transport>,
}

impl Client {
    /// A client as `options` say. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Setup`] when the URL, the token or the CA file cannot be used.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        Ok(Self {
            transport: Arc::new(Transport::new(options)?),
        })
    }

    /// The organization's URL, without a slash at the end.
    pub fn organization_url(&self) -> &str {
        self.transport.base()
    }

    /// The audit streams of the organization.
    pub fn streams(&self) -> Streams<'_> {
        Streams {
            transport: &self.transport,
        }
    }

    /// The secure files of a project, which is given by name or id.
    pub fn secure_files<'a>(&'a self, project: &'a str) -> SecureFiles<'a> {
        SecureFiles {
            transport: &self.transport,
            project,
        }
    }

    /// The pipelines of a project and their runs.
    pub fn pipelines<'a>(&'a self, project: &'a str) -> Pipelines<'a> {
        Pipelines {
            transport: &self.transport,
            project,
        }
    }

    /// The builds of a project: runs with their timelines and logs.
    pub fn builds<'a>(&'a self, project: &'a str) -> Builds<'a> {
        Builds {
            transport: &self.transport,
            project,
        }
    }

    /// Which pipelines may use the protected resources of a project.
    pub fn permissions<'a>(&'a self, project: &'a str) -> Permissions<'a> {
        Permissions {
            transport: &self.transport,
            project,
        }
    }

    /// Breaking glass.
    pub fn break_glass(&self) -> BreakGlass<'_> {
        BreakGlass {
            transport: &self.transport,
        }
    }

    /// Keys.
    pub fn keys(&self) -> Keys<'_> {
        Keys {
            transport: &self.transport,
        }
    }

    /// Freezes, and who can use a file.
    pub fn freezes(&self) -> Freezes<'_> {
        Freezes {
            transport: &self.transport,
        }
    }

    /// People, groups and services.
    pub fn graph(&self) -> Graph<'_> {
        Graph {
            transport: &self.transport,
        }
    }

    /// Roles at the library of a project, which is given by id.
    pub fn library_roles(&self, project: &str) -> Roles<'_> {
        Roles {
            transport: &self.transport,
            scope: "distributedtask.library",
            resource: format!("{project}$0"),
        }
    }

    /// Roles at one secure file; project and file are given by id.
    pub fn file_roles(&self, project: &str, file: &str) -> Roles<'_> {
        Roles {
            transport: &self.transport,
            scope: "distributedtask.securefile",
            resource: format!("{project}${file}"),
        }
    }

    /// What belongs to the organization: users, tokens, projects, audit, who am I.
    pub fn coffer(&self) -> Coffer<'_> {
        Coffer {
            transport: &self.transport,
        }
    }
}

#[cfg(test)]
mod tests;
