//! What belongs to the organization: first sign-in, users, tokens, projects, the audit log, who am I.

use crate::transport::Transport;
use crate::{ClientError, Lines};
use coffer_wire::List;
use coffer_wire::coffer::{
    AuditVerification, CreatedToken, FirstSignIn, Organization, OrganizationChange, Project,
    TokenRecord, TokenRequest, User,
};
use coffer_wire::locations::ConnectionData;
use coffer_wire::paths::{coffer as paths, fill, location};
use http::Method;
use std::sync::Arc;

/// The routes of the area `coffer`, and connection data.
pub struct Coffer<'a> {
    pub(crate) transport: &'a Arc<Transport>,
}

/// Which part of the audit log to read, oldest first.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Only entries after this place in the chain.
    pub after: Option<i64>,
    /// At most so many; all when absent.
    pub top: Option<u32>,
    /// Events of one action keep their text, such as `SecureFile.Downloaded`.
    pub action: Option<String>,
    /// Events of one resource keep their text, by its id.
    pub resource: Option<String>,
}

impl Coffer<'_> {
    /// Trades the one-time code of the first start for a token. Needs no token.
    ///
    /// # Errors
    /// As the server refuses; a code works once.
    pub async fn sign_in(&self, body: &FirstSignIn) -> Result<CreatedToken, ClientError> {
        let request = self.transport.anonymous(Method::POST, paths::SIGN_IN, &[]);
        let request = self.transport.with_json(request, body)?;
        let response = self.transport.send(request).await?;
        self.transport.json(response).await
    }

    /// Who the server takes the caller for, and what it is.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn connection_data(&self) -> Result<ConnectionData, ClientError> {
        self.transport.get(location::CONNECTION_DATA, &[]).await
    }

    /// The organization and its switches.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn organization(&self) -> Result<Organization, ClientError> {
        self.transport.get(paths::ORGANIZATION, &[]).await
    }

    /// Changes switches of the organization.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn change_organization(
        &self,
        change: &OrganizationChange,
    ) -> Result<Organization, ClientError> {
        self.transport
            .call(Method::PATCH, paths::ORGANIZATION, &[], change)
            .await
    }

    /// All users the caller may see.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn users(&self) -> Result<Vec<User>, ClientError> {
        let list: List<User> = self.transport.get(paths::USERS, &[]).await?;
        Ok(list.value)
    }

    /// Adds a user.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn add_user(&self, user: &User) -> Result<User, ClientError> {
        self.transport
            .call(Method::POST, paths::USERS, &[], user)
            .await
    }

    /// The caller's tokens, without their values.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, ClientError> {
        let list: List<TokenRecord> = self.transport.get(paths::TOKENS, &[]).await?;
        Ok(list.value)
    }

    /// Makes a token. Its value is shown this once.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn create_token(&self, request: &TokenRequest) -> Result<CreatedToken, ClientError> {
        self.transport
            .call(Method::POST, paths::TOKENS, &[], request)
            .await
    }

    /// Ends a token, by its id.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn revoke_token(&self, id: &str) -> Result<(), ClientError> {
        self.transport.delete(&fill(paths::TOKEN, &[id])).await
    }

    /// The projects the caller may see.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn projects(&self) -> Result<Vec<Project>, ClientError> {
        let list: List<Project> = self.transport.get(paths::PROJECTS, &[]).await?;
        Ok(list.value)
    }

    /// Adds a project.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn add_project(&self, name: &str) -> Result<Project, ClientError> {
        let project = Project {
            id: None,
            name: name.to_owned(),
        };
        self.transport
            .call(Method::POST, paths::PROJECTS, &[], &project)
            .await
    }

    /// The audit log, line by line: each line a [`coffer_wire::coffer::AuditEntry`].
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Lines, ClientError> {
        let after = query.after.map(|n| n.to_string());
        let top = query.top.map(|n| n.to_string());
        let pairs = [
            ("after", after.as_deref()),
            ("top", top.as_deref()),
            ("action", query.action.as_deref()),
            ("resource", query.resource.as_deref()),
        ];
        let response = self
            .transport
            .send_again(|| self.transport.request(Method::GET, paths::AUDIT, &pairs))
            .await?;
        Ok(Lines::new(Arc::clone(self.transport), response))
    }

    /// Lets the server check its own audit log.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn audit_verify(&self) -> Result<AuditVerification, ClientError> {
        self.transport.get(paths::AUDIT_VERIFY, &[]).await
    }
}
