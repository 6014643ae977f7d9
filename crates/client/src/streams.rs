//! Audit streams: where the log is sent.

use crate::ClientError;
use crate::transport::Transport;
use coffer_wire::List;
use coffer_wire::paths::{coffer as paths, fill};
use coffer_wire::streams::{
    AuditStream, AuditStreamChange, AuditStreamTrial, CreatedAuditStream, NewAuditStream,
};
use http::Method;
use std::sync::Arc;

/// The routes of audit streams.
pub struct Streams<'a> {
    pub(crate) transport: &'a Arc<Transport>,
}

impl Streams<'_> {
    /// All streams and how far they are.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn list(&self) -> Result<Vec<AuditStream>, ClientError> {
        let list: List<AuditStream> = self.transport.get(paths::AUDIT_STREAMS, &[]).await?;
        Ok(list.value)
    }

    /// One stream.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn get(&self, id: &str) -> Result<AuditStream, ClientError> {
        let path = fill(paths::AUDIT_STREAM, &[id]);
        self.transport.get(&path, &[]).await
    }

    /// Makes a stream.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn create(&self, new: &NewAuditStream) -> Result<CreatedAuditStream, ClientError> {
        self.transport
            .call(Method::POST, paths::AUDIT_STREAMS, &[], new)
            .await
    }

    /// Changes a stream, lets it wait, or lets it go on.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn change(
        &self,
        id: &str,
        change: &AuditStreamChange,
    ) -> Result<AuditStream, ClientError> {
        let path = fill(paths::AUDIT_STREAM, &[id]);
        self.transport.call(Method::PATCH, &path, &[], change).await
    }

    /// Removes a stream.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn delete(&self, id: &str) -> Result<(), ClientError> {
        self.transport
            .delete(&fill(paths::AUDIT_STREAM, &[id]))
            .await
    }

    /// Sends something made up to the target.
    ///
    /// # Errors
    /// As the server refuses. A target that does not accept is an answer.
    pub async fn test(&self, id: &str) -> Result<AuditStreamTrial, ClientError> {
        let path = fill(paths::AUDIT_STREAM_TEST, &[id]);
        let nothing = serde_json::json!({});
        self.transport
            .call(Method::POST, &path, &[], &nothing)
            .await
    }
}
