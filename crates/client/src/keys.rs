//! Keys: root generations, rotations, and a new key for one file.

use crate::ClientError;
use crate::transport::Transport;
use coffer_wire::List;
use coffer_wire::keys::{KeyGeneration, KeyRotation, RotateKeys, SignInAgain};
use coffer_wire::paths::{fill, keys as paths};
use http::Method;

/// Keys.
pub struct Keys<'a> {
    pub(crate) transport: &'a Transport,
}

impl Keys<'_> {
    /// Root generations, newest first.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn generations(&self) -> Result<Vec<KeyGeneration>, ClientError> {
        let list: List<KeyGeneration> = self.transport.get(paths::GENERATIONS, &[]).await?;
        Ok(list.value)
    }

    /// The newest rotations, newest first.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn rotations(&self) -> Result<Vec<KeyRotation>, ClientError> {
        let list: List<KeyRotation> = self.transport.get(paths::ROTATIONS, &[]).await?;
        Ok(list.value)
    }

    /// One rotation.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn rotation(&self, number: i64) -> Result<KeyRotation, ClientError> {
        let path = fill(paths::ROTATION, &[&number.to_string()]);
        self.transport.get(&path, &[]).await
    }

    /// Begins to rotate all keys.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn rotate(&self, reason: &str) -> Result<KeyRotation, ClientError> {
        let body = RotateKeys {
            reason: reason.to_owned(),
        };
        self.transport
            .call(Method::POST, paths::ROTATIONS, &[], &body)
            .await
    }

    /// Seals a file's content again with a new key.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn re_encrypt(
        &self,
        project: &str,
        file: &str,
        again: &SignInAgain,
    ) -> Result<(), ClientError> {
        let path = fill(paths::RE_ENCRYPT, &[project, file]);
        let request = self.transport.request(Method::POST, &path, &[]);
        let request = self.transport.with_json(request, again)?;
        self.transport.send(request).await?;
        Ok(())
    }

    /// The numbers by which keys and breaking glass are watched, as Prometheus reads them.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn metrics(&self) -> Result<String, ClientError> {
        let request = || self.transport.request(Method::GET, paths::METRICS, &[]);
        let response = self.transport.send_again(request).await?;
        let bytes = self.transport.bytes(response).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
