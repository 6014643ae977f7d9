//! A stream's secret under keys of its own: root generation, stream key, secret key, sealed bytes.
//!
//! Streams belong to the organization, so no project's key would do: it may go with its project. The secret is opened
//! only to send, and is never shown again.

use crate::Service;
use crate::error::{Error, Result};
use coffer_model::{ProjectId, StreamId};
use coffer_seal::{
    FileKey, GenerationId, ProjectKey, ProjectKeyContext, ProjectKeySecret, open_bytes, seal_bytes,
};
use coffer_store::SealedSecret;
use zeroize::Zeroizing;

/// The label of these keys among our own wrapped keys.
const AUDIT_STREAM: &str = "audit stream";

fn context(service: &Service, stream: StreamId) -> ProjectKeyContext {
    ProjectKeyContext {
        scale_unit: service.store().scale_unit().to_owned(),
        organization: service.organization().id.0,
        project: stream.0,
        version: 1,
    }
}

/// Seals a secret.
pub(super) async fn seal(service: &Service, stream: StreamId, plain: &str) -> Result<SealedSecret> {
    let (keys, entropy) = (service.keys(), service.entropy());
    let generation = keys.generation().await?;
    let context = context(service, stream);
    let secret = ProjectKeySecret::generate(entropy);
    let (parent, commitment) = ProjectKey::create(&secret, context.clone());
    let wrapped = keys
        .provider()
        .wrap(&GenerationId(generation.clone()), &secret, &context)
        .await?;
    let key = FileKey::generate(entropy);
    let place = keys.context(ProjectId(stream.0), stream.0);
    Ok(SealedSecret {
        generation,
        wrapped,
        commitment,
        wrapped_key: parent.wrap_own_key(AUDIT_STREAM, stream.0, &key, entropy),
        sealed: seal_bytes(&key, place, plain.as_bytes(), entropy),
    })
}

/// Opens a secret. One call of the key provider.
pub(super) async fn open(
    service: &Service,
    stream: StreamId,
    sealed: &SealedSecret,
) -> Result<Zeroizing<String>> {
    let keys = service.keys();
    let context = context(service, stream);
    let generation = GenerationId(sealed.generation.clone());
    let secret = keys
        .provider()
        .unwrap(&generation, &sealed.wrapped, &context)
        .await?;
    let parent = ProjectKey::open(&secret, context, &sealed.commitment)?;
    let key = parent.unwrap_own_key(AUDIT_STREAM, stream.0, &sealed.wrapped_key)?;
    let place = keys.context(ProjectId(stream.0), stream.0);
    let plain = open_bytes(&key, place, &sealed.sealed)?;
    let text = std::str::from_utf8(&plain).map_err(Error::internal)?;
    Ok(Zeroizing::new(text.to_owned()))
}
