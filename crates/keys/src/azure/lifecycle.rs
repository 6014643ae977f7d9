//! Making, disabling and destroying the keys of a generation, with the credential for it.
//!
//! The signing key is made first and the root key names its version: a generation is there when its root key is. What an
//! interrupted call leaves is a signing key without a root key, which nobody uses.

use std::collections::HashMap;

use azure_security_keyvault_keys::models::{
    CreateKeyParameters, CurveName, Key, KeyAttributes, KeyClientUpdateKeyPropertiesOptions,
    KeyOperation, KeyType, UpdateKeyPropertiesParameters,
};
use coffer_seal::{BoxFuture, GenerationId, KeyError, KeyLifecycle};

use super::Lifecycle;
use super::keys::{self, Name, ROOT, SIGNER, tag};
use crate::asked::{Doing, is_absent};
use crate::checks::slug;

impl Lifecycle {
    async fn create(&self, key: &str, parameters: CreateKeyParameters) -> Result<Key, KeyError> {
        self.connection
            .call(Doing::anything("make keys", "create"), async |client| {
                client
                    .create_key(key, parameters.try_into()?, None)
                    .await?
                    .into_model()
            })
            .await
    }

    async fn set_enabled(
        &self,
        doing: Doing<'_>,
        key: &str,
        version: &str,
        enabled: bool,
    ) -> Result<(), KeyError> {
        self.connection
            .call(doing, async |client| {
                let parameters = UpdateKeyPropertiesParameters {
                    key_attributes: Some(KeyAttributes {
                        enabled: Some(enabled),
                        ..KeyAttributes::default()
                    }),
                    ..UpdateKeyPropertiesParameters::default()
                };
                let options = KeyClientUpdateKeyPropertiesOptions {
                    key_version: Some(version.to_owned()),
                    ..KeyClientUpdateKeyPropertiesOptions::default()
                };
                client
                    .update_key_properties(key, parameters.try_into()?, Some(options))
                    .await?;
                Ok(())
            })
            .await
    }

    /// Both keys of a generation. The root key is the last to be of use and the first not to be.
    async fn switch(&self, generation: &GenerationId, enabled: bool) -> Result<(), KeyError> {
        let name = Name::parse(generation)?;
        let doing = Doing::new(
            if enabled {
                "enable keys"
            } else {
                "disable keys"
            },
            "update",
            generation,
        );
        let known = keys::ask(&self.connection, generation, name).await?;
        let signer = name.signer();
        let root = (name.key, name.version);
        let signer = (signer.as_str(), known.signer_version.as_str());
        let order = if enabled {
            [signer, root]
        } else {
            [root, signer]
        };
        for (key, version) in order {
            self.set_enabled(doing, key, version, enabled).await?;
        }
        Ok(())
    }

    /// Deletes a key, and purges it where the vault and the credential allow: else it goes when its time is over.
    async fn delete(&self, generation: &GenerationId, key: &str) -> Result<(), KeyError> {
        let doing = Doing::new("destroy keys", "delete", generation);
        let deleted = self
            .connection
            .call(doing, async |client| client.delete_key(key, None).await)
            .await;
        gone(deleted.map(drop))?;
        let doing = Doing::new("purge keys", "purge", generation);
        let purged = self
            .connection
            .call(doing, async |client| {
                client.purge_deleted_key(key, None).await
            })
            .await;
        match purged {
            Err(KeyError::Forbidden { .. }) => Ok(()),
            other => gone(other.map(drop)),
        }
    }
}

/// What is not there need not be destroyed.
fn gone(done: Result<(), KeyError>) -> Result<(), KeyError> {
    match done {
        Err(error) if is_absent(&error) => Ok(()),
        other => other,
    }
}

impl KeyLifecycle for Lifecycle {
    fn new_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<GenerationId, KeyError>> {
        Box::pin(async move {
            crate::check_scale_unit(scale_unit)?;
            let roots = keys::list(&self.connection, scale_unit).await?;
            let number = roots.iter().map(|root| root.number).max().unwrap_or(0) + 1;
            let mut random = [0; 8];
            (self.entropy)(&mut random);
            let key = format!(
                "coffer-{}-{:016x}",
                slug(scale_unit),
                u64::from_be_bytes(random)
            );
            let tags = |kind: &str, more: &[(&str, String)]| -> HashMap<String, String> {
                let ours = [
                    (tag::UNIT, scale_unit.to_owned()),
                    (tag::KIND, kind.to_owned()),
                ];
                let all = ours.iter().chain(more);
                all.map(|(name, value)| ((*name).to_owned(), value.clone()))
                    .collect()
            };
            let kind = |hardware, software| if self.hardware { hardware } else { software };
            let signer = CreateKeyParameters {
                kty: Some(kind(KeyType::EcHsm, KeyType::Ec)),
                curve: Some(CurveName::P256),
                key_ops: Some(vec![KeyOperation::Sign, KeyOperation::Verify]),
                tags: Some(tags(SIGNER, &[])),
                ..CreateKeyParameters::default()
            };
            let signer = self.create(&keys::signer_of(&key), signer).await?;
            let more = [
                (tag::NUMBER, number.to_string()),
                (tag::SIGNER, keys::version_of(&signer)?),
            ];
            let root = CreateKeyParameters {
                kty: Some(kind(KeyType::RsaHsm, KeyType::Rsa)),
                key_size: i32::try_from(self.key_size).ok(),
                key_ops: Some(vec![KeyOperation::WrapKey, KeyOperation::UnwrapKey]),
                tags: Some(tags(ROOT, &more)),
                ..CreateKeyParameters::default()
            };
            let root = self.create(&key, root).await?;
            let version = keys::version_of(&root)?;
            Ok(GenerationId(format!("{key}/{version}")))
        })
    }

    fn disable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(self.switch(generation, false))
    }

    fn enable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(self.switch(generation, true))
    }

    fn destroy<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            let name = Name::parse(generation)?;
            let doing = Doing::new("read keys", "get", generation);
            match keys::get(&self.connection, doing, name.key, Some(name.version)).await {
                Ok(key) => {
                    if key.attributes.and_then(|known| known.enabled) != Some(false) {
                        return Err(crate::still_active());
                    }
                }
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
            self.delete(generation, name.key).await?;
            self.delete(generation, &name.signer()).await
        })
    }

    fn gone_for_good<'a>(
        &'a self,
        generation: &'a GenerationId,
    ) -> BoxFuture<'a, Result<Option<i64>, KeyError>> {
        Box::pin(async move {
            let name = Name::parse(generation)?;
            let doing = Doing::new("read deleted keys", "get", generation);
            let deleted = self
                .connection
                .call(doing, async |client| {
                    client.get_deleted_key(name.key, None).await?.into_model()
                })
                .await;
            match deleted {
                Ok(key) => Ok(key.scheduled_purge_date.map(|at| at.unix_timestamp())),
                Err(error) if is_absent(&error) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }
}
