//! What belongs to the organization: first sign-in, users, tokens, projects, the audit log, who am I.

use crate::ClientError;
use crate::transport::Transport;
use coffer_wire::List;
use coffer_wire::agent::RegisteredAgent;
use coffer_wire::coffer::{
    CreatedToken, FirstSignIn, Invitation, NewPassword, Organization, OrganizationChange,
    PasswordCode, PasswordSignIn, Project, TokenRecord, TokenRequest, User, UserChange,
};
use coffer_wire::locations::ConnectionData;
use coffer_wire::paths::{agent, coffer as paths, fill, location};
use http::Method;
use std::sync::Arc;

/// The routes of the area `coffer`, and connection data.
pub struct Coffer<'a> {
    pub(crate) transport: &'a Arc<Transport>,
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

    /// Trades name and password (and code) for a token. Needs no token.
    ///
    /// # Errors
    /// As the server refuses: one answer for whatever is wrong.
    pub async fn sign_in_by_password(
        &self,
        body: &PasswordSignIn,
    ) -> Result<CreatedToken, ClientError> {
        let request = self
            .transport
            .anonymous(Method::POST, paths::SIGN_IN_PASSWORD, &[]);
        let request = self.transport.with_json(request, body)?;
        let response = self.transport.send(request).await?;
        self.transport.json(response).await
    }

    /// Sets a password with a one-time code. Needs no token.
    ///
    /// # Errors
    /// As the server refuses; a code works once.
    pub async fn set_password(&self, body: &NewPassword) -> Result<(), ClientError> {
        let request = self
            .transport
            .anonymous(Method::POST, paths::NEW_PASSWORD, &[]);
        let request = self.transport.with_json(request, body)?;
        self.transport.send(request).await.map(drop)
    }

    /// Makes the one-time code by which somebody sets a password.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn invite(&self, user: &str) -> Result<PasswordCode, ClientError> {
        let body = Invitation {
            user: user.to_owned(),
        };
        self.transport
            .call(Method::POST, paths::INVITATIONS, &[], &body)
            .await
    }

    /// Ends every browser session of somebody.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn sign_out(&self, user: &str) -> Result<(), ClientError> {
        let body = Invitation {
            user: user.to_owned(),
        };
        let request = self.transport.request(Method::POST, paths::SIGN_OUTS, &[]);
        let request = self.transport.with_json(request, &body)?;
        self.transport.send(request).await.map(drop)
    }

    /// Removes somebody's second factor.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn reset_second_factor(&self, user: &str) -> Result<(), ClientError> {
        let body = Invitation {
            user: user.to_owned(),
        };
        let request = self
            .transport
            .request(Method::POST, paths::SECOND_FACTOR_RESETS, &[]);
        let request = self.transport.with_json(request, &body)?;
        self.transport.send(request).await.map(drop)
    }

    /// Everybody's tokens, without their values.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn all_tokens(&self) -> Result<Vec<TokenRecord>, ClientError> {
        let all = [("all", Some("true"))];
        let list: List<TokenRecord> = self.transport.get(paths::TOKENS, &all).await?;
        Ok(list.value)
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

    /// Changes a user: the name to be seen by, or whether the user is shut out.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn change_user(&self, id: &str, change: &UserChange) -> Result<User, ClientError> {
        let path = fill(paths::USER, &[id]);
        self.transport.call(Method::PATCH, &path, &[], change).await
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

    /// The agents there are.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn agents(&self) -> Result<Vec<RegisteredAgent>, ClientError> {
        let list: List<RegisteredAgent> = self.transport.get(agent::AGENTS, &[]).await?;
        Ok(list.value)
    }

    /// Removes an agent, by its id. A job that it runs is lost.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn remove_agent(&self, id: &str) -> Result<(), ClientError> {
        self.transport.delete(&fill(agent::AGENT, &[id])).await
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
}
