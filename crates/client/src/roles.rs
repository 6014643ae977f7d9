//! Roles of the Library, at the library and at one secure file.

use crate::ClientError;
use crate::transport::Transport;
use coffer_wire::List;
use coffer_wire::paths::{fill, roles as paths};
use coffer_wire::security::{RoleAssignment, RoleRequest};
use http::Method;

/// Roles at one place: the library of a project, or one file of it.
pub struct Roles<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) scope: &'static str,
    pub(crate) resource: String,
}

impl Roles<'_> {
    fn path(&self) -> String {
        fill(paths::ASSIGNMENTS, &[self.scope, &self.resource])
    }

    /// Who has which role.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn list(&self) -> Result<Vec<RoleAssignment>, ClientError> {
        let list: List<RoleAssignment> = self.transport.get(&self.path(), &[]).await?;
        Ok(list.value)
    }

    /// Gives roles, all or none; answers those that were given.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn assign(&self, wanted: &[RoleRequest]) -> Result<Vec<RoleAssignment>, ClientError> {
        let list: List<RoleAssignment> = self
            .transport
            .call(Method::PUT, &self.path(), &[], &wanted)
            .await?;
        Ok(list.value)
    }

    /// Takes the role of one identity away.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn remove(&self, identity: &str) -> Result<(), ClientError> {
        let path = fill(paths::ASSIGNMENT, &[self.scope, &self.resource, identity]);
        self.transport.delete(&path).await
    }

    /// Switches inheritance on or off.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn inherit(&self, inherits: bool) -> Result<(), ClientError> {
        let switch = if inherits { "true" } else { "false" };
        let query = [("inheritPermissions", Some(switch))];
        let request = self.transport.request(Method::PATCH, &self.path(), &query);
        self.transport.send(request).await?;
        Ok(())
    }
}
