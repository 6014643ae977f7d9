//! Breaking glass.

use crate::ClientError;
use crate::transport::Transport;
use coffer_wire::List;
use coffer_wire::break_glass::{
    BreakGlassExport, BreakGlassRequest, BreakGlassStep, BreakGlassWish,
};
use coffer_wire::paths::{break_glass as paths, fill};
use http::Method;

/// Requests to break glass.
pub struct BreakGlass<'a> {
    pub(crate) transport: &'a Transport,
}

impl BreakGlass<'_> {
    /// All requests, newest first.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn list(&self) -> Result<Vec<BreakGlassRequest>, ClientError> {
        let list: List<BreakGlassRequest> = self.transport.get(paths::COLLECTION, &[]).await?;
        Ok(list.value)
    }

    /// Asks, as the first officer.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn request(&self, wish: &BreakGlassWish) -> Result<BreakGlassRequest, ClientError> {
        self.transport
            .call(Method::POST, paths::COLLECTION, &[], wish)
            .await
    }

    /// Agrees, as the second officer.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn approve(
        &self,
        request: &str,
        step: &BreakGlassStep,
    ) -> Result<BreakGlassRequest, ClientError> {
        let path = fill(paths::APPROVE, &[request]);
        self.transport.call(Method::POST, &path, &[], step).await
    }

    /// Takes a request back.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn withdraw(&self, request: &str) -> Result<(), ClientError> {
        let path = fill(paths::ITEM, &[request]);
        self.transport.delete(&path).await
    }

    /// The content, encrypted to whom the request names. Once.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn export(
        &self,
        request: &str,
        step: &BreakGlassStep,
    ) -> Result<BreakGlassExport, ClientError> {
        let path = fill(paths::EXPORT, &[request]);
        self.transport.call(Method::POST, &path, &[], step).await
    }
}
