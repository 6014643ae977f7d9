//! Making, disabling and destroying the keys of a generation, with the credential for it.
//!
//! The signing key is made first and the root key names its version: a generation is there when its root key is. What an
//! interrupted call leaves is a signing key without a root key, which nobody uses.

use std::collections::HashMap;
use std::time::Duration;

use azure_security_keyvault_keys::models::{
    CreateKeyParameters, CurveName, Key, KeyAttributes, KeyClientUpdateKeyPropertiesOptions,
    KeyOperation, KeyType, UpdateKeyPropertiesParameters,
};
use coffer_seal::{BoxFuture, GenerationId, Gone, KeyError, KeyLifecycle};

use super::Lifecycle;
use super::keys::{self, Name, ROOT, SIGNER, tag};
use crate::asked::{Doing, is_absent};
use crate::checks::slug;

/// How long the vault may take over a deletion, looked at in between: milliseconds.
const PAUSES: [u64; 6] = [250, 250, 500, 1000, 2000, 4000];

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

    /// Deletes a key. Says whether there was one.
    async fn delete(&self, generation: &GenerationId, key: &str) -> Result<bool, KeyError> {
        let doing = Doing::new("destroy keys", "delete", generation);
        let deleted = self
            .connection
            .call(doing, async |client| client.delete_key(key, None).await)
            .await;
        match deleted {
            Err(error) if is_absent(&error) => Ok(false),
            other => other.map(|_| true),
        }
    }

    /// Purges a deleted key where the vault and the credential allow: else it goes when its time is over. A deletion that
    /// was only begun takes the vault a moment, and before it is over there is nothing to purge.
    async fn purge(&self, generation: &GenerationId, key: &str, new: bool) -> Result<(), KeyError> {
        let pauses = if new { PAUSES.as_slice() } else { &[] };
        for pause in pauses {
            if self.deleted(generation, key).await?.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(*pause)).await;
        }
        let doing = Doing::new("purge keys", "purge", generation);
        let purged = self
            .connection
            .call(doing, async |client| {
                client.purge_deleted_key(key, None).await
            })
            .await;
        match purged {
            Err(KeyError::Forbidden { .. }) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            other => other.map(drop),
        }
    }

    /// When a deleted key goes for good, if the vault keeps it.
    async fn deleted(
        &self,
        generation: &GenerationId,
        key: &str,
    ) -> Result<Option<Option<i64>>, KeyError> {
        let doing = Doing::new("read deleted keys", "get", generation);
        let deleted = self
            .connection
            .call(doing, async |client| {
                client.get_deleted_key(key, None).await?.into_model()
            })
            .await;
        match deleted {
            Ok(key) => Ok(Some(key.scheduled_purge_date.map(|at| at.unix_timestamp()))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
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
            // Both are deleted before either is purged: what cannot be purged now leaves no key that is of use.
            let signer = name.signer();
            let new = self.delete(generation, name.key).await?;
            let new_signer = self.delete(generation, &signer).await?;
            self.purge(generation, name.key, new).await?;
            self.purge(generation, &signer, new_signer).await
        })
    }

    fn gone<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<Gone, KeyError>> {
        Box::pin(async move {
            let name = Name::parse(generation)?;
            if let Some(until) = self.deleted(generation, name.key).await? {
                // Without a date nobody says that it ends.
                return Ok(until.map_or(Gone::There, Gone::Until));
            }
            let doing = Doing::new("read keys", "get", generation);
            match keys::get(&self.connection, doing, name.key, Some(name.version)).await {
                Ok(_) => Ok(Gone::There),
                Err(error) if is_absent(&error) => Ok(Gone::ForGood),
                Err(error) => Err(error),
            }
        })
    }
}
