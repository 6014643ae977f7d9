//! Freezes, and who can use a file.

use crate::ClientError;
use crate::transport::Transport;
use coffer_wire::List;
use coffer_wire::access::{FileAccess, Freeze, FreezeRequest};
use coffer_wire::paths::{access as paths, fill};
use http::Method;

/// What a freeze is of.
#[derive(Debug, Clone, Copy)]
pub enum Frozen<'a> {
    /// Everything.
    Everything,
    /// A project, by name or id.
    Project(&'a str),
    /// A file of a project, by id.
    File(&'a str, &'a str),
}

impl Frozen<'_> {
    fn path(self) -> String {
        match self {
            Self::Everything => paths::FREEZE.to_owned(),
            Self::Project(project) => fill(paths::PROJECT_FREEZE, &[project]),
            Self::File(project, file) => fill(paths::FILE_FREEZE, &[project, file]),
        }
    }
}

/// Freezes.
pub struct Freezes<'a> {
    pub(crate) transport: &'a Transport,
}

impl Freezes<'_> {
    /// The freezes that hold something.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn list(&self, what: Frozen<'_>) -> Result<Vec<Freeze>, ClientError> {
        let list: List<Freeze> = self.transport.get(&what.path(), &[]).await?;
        Ok(list.value)
    }

    /// Freezes; answers the freezes that hold it then.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn freeze(&self, what: Frozen<'_>, reason: &str) -> Result<Vec<Freeze>, ClientError> {
        let body = FreezeRequest {
            reason: reason.to_owned(),
        };
        let list: List<Freeze> = self
            .transport
            .call(Method::PUT, &what.path(), &[], &body)
            .await?;
        Ok(list.value)
    }

    /// Lifts one freeze.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn unfreeze(&self, what: Frozen<'_>) -> Result<(), ClientError> {
        self.transport.delete(&what.path()).await
    }

    /// Who can use a file, and why.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn access(&self, project: &str, file: &str) -> Result<FileAccess, ClientError> {
        let path = fill(paths::FILE_ACCESS, &[project, file]);
        self.transport.get(&path, &[]).await
    }
}
