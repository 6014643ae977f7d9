//! A stream's secret, sealed under a key of its own below the organization's key.
//!
//! Streams belong to the organization, so no project's key would do: it may go with its project. The secret is opened
//! only to send, and is never shown again.

use crate::Service;
use crate::error::{Error, Result};
use crate::keys::AUDIT_STREAM;
use coffer_model::{ProjectId, StreamId};
use coffer_seal::{FileKey, open_bytes, seal_bytes};
use coffer_store::{KeyScope, NewSecret, SealedSecret};
use zeroize::Zeroizing;

/// Seals a secret under the organization's key.
pub(super) async fn seal(service: &Service, stream: StreamId, plain: &str) -> Result<NewSecret> {
    let (keys, entropy) = (service.keys(), service.entropy());
    let (project_key, parent) = keys.active(KeyScope::ORGANIZATION).await?;
    let key = FileKey::generate(entropy);
    let place = keys.context(ProjectId(stream.0), stream.0);
    Ok(NewSecret {
        project_key,
        wrapped: parent.wrap_own_key(AUDIT_STREAM, stream.0, &key, entropy),
        sealed: seal_bytes(&key, place, plain.as_bytes(), entropy),
    })
}

/// Opens a secret.
pub(super) async fn open(
    service: &Service,
    stream: StreamId,
    secret: &SealedSecret,
) -> Result<Zeroizing<String>> {
    let keys = service.keys();
    let key = keys
        .open_own_key(&secret.key, AUDIT_STREAM, stream.0)
        .await?;
    let place = keys.context(ProjectId(stream.0), stream.0);
    let plain = match open_bytes(&key, place, &secret.sealed) {
        Ok(plain) => plain,
        Err(error) => {
            let what = "secret of an audit stream";
            return Err(keys.does_not_open(what, None, stream, error).await);
        }
    };
    let text = std::str::from_utf8(&plain).map_err(Error::internal)?;
    Ok(Zeroizing::new(text.to_owned()))
}
