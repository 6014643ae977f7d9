//! What the credentials may do, found out by calls that change nothing: with the newest root key, with names that nobody
//! has, and with a request that no vault carries out.
//!
//! A vault looks at rights before it looks for the key: 403 is a missing right, 404 is one that is there. A right that
//! was given on single keys is seen where it is tried on the newest root key, and nowhere else. Must not make, change or
//! delete a key.

use azure_security_keyvault_keys::KeyClient;
use azure_security_keyvault_keys::models::{
    CreateKeyParameters, EncryptionAlgorithm, KeyClientSignOptions, KeyClientWrapKeyOptions,
    KeyOperationParameters, KeyType, SignParameters, SignatureAlgorithm,
    UpdateKeyPropertiesParameters,
};
use coffer_seal::{
    CredentialRights, GenerationId, KeyError, KeyProvider as _, KeyRight, KeyRights, KeyTrait, May,
    ProjectKeySecret, WrapContext,
};

use super::AzureProvider;
use super::connection::Connection;
use super::keys::{self, Name};
use crate::asked::{Doing, both, rights_come_first};

const UNTRIED: &str = "the vault called the trial malformed, perhaps before it looked at rights; \
                       `coffer key test --lifecycle` makes a key and destroys it";
const ONE_KEY: &str =
    "it may not update keys at large, and one key alone cannot be tried without changing it";

/// A name that nobody has, with a version.
struct Absent {
    key: String,
    version: String,
}

/// What the answer to an attempt says of the right to it. What is absent, disabled, damaged or malformed is said to who
/// has the right.
fn may<T>(attempt: Result<T, KeyError>) -> Result<May, KeyError> {
    match attempt {
        Err(KeyError::Forbidden { right, .. }) if right != "sign in" => Ok(May::No),
        Err(error) if error.is_passing() || matches!(error, KeyError::Forbidden { .. }) => {
            Err(error)
        }
        _ => Ok(May::Yes),
    }
}

impl AzureProvider {
    /// What both credentials may do with the keys of a unit.
    pub(super) async fn all_rights(&self, scale_unit: &str) -> Result<KeyRights, KeyError> {
        let mut random = [0; 16];
        (self.entropy)(&mut random);
        let version = format!("{:032x}", u128::from_be_bytes(random));
        let absent = Absent {
            key: format!("coffer-nobody-{}", &version[..16]),
            version,
        };
        let newest = match self.newest_generation(scale_unit).await {
            // That it may not be found is one of the answers.
            Err(KeyError::Forbidden { right, .. }) if right != "sign in" => None,
            other => other?,
        };
        let newest = newest.as_ref();
        let mut rights = KeyRights {
            daily: self.daily_rights(scale_unit, newest, &absent).await?,
            ..KeyRights::default()
        };
        if let Some(lifecycle) = &self.lifecycle {
            let by = Trials {
                by: &lifecycle.connection,
                absent: &absent,
            };
            let mut found = by.lifecycle(scale_unit, newest).await?;
            let refused = (KeyRight::Make, May::No);
            if rights.daily.contains(&refused) || found.contains(&refused) {
                rights_come_first([&mut rights.daily, &mut found]);
            }
            rights.lifecycle = Some(found);
            rights.traits.push(by.purging().await?);
        }
        Ok(rights)
    }

    async fn daily_rights(
        &self,
        scale_unit: &str,
        newest: Option<&GenerationId>,
        absent: &Absent,
    ) -> Result<CredentialRights, KeyError> {
        let by = Trials {
            by: &self.daily,
            absent,
        };
        let mut find = by.read(newest).await?;
        if self.lifecycle.is_none() {
            find = both(find, may(keys::list(by.by, scale_unit).await)?);
        }
        let (wrap, unwrap) = match newest {
            Some(generation) => self.round_trip(scale_unit, generation).await?,
            None => {
                let wrap = both(by.wrap().await?, by.sign().await?);
                (wrap, by.unwrap(None).await?)
            }
        };
        let mut rights = vec![
            (KeyRight::Find, find),
            (KeyRight::Wrap, wrap),
            (KeyRight::Unwrap, unwrap),
        ];
        if self.lifecycle.is_none() {
            let note = match by.update().await? {
                May::Yes => May::Yes,
                _ => May::Unknown(ONE_KEY),
            };
            rights.push((KeyRight::Note, note));
        }
        rights.extend(by.changes().await?);
        Ok(rights)
    }

    /// A secret of nobody's, wrapped and unwrapped.
    async fn round_trip(
        &self,
        scale_unit: &str,
        generation: &GenerationId,
    ) -> Result<(May, May), KeyError> {
        let secret = ProjectKeySecret::generate(self.entropy.as_ref());
        let context = WrapContext {
            scale_unit: scale_unit.to_owned(),
            organization: uuid::Uuid::nil(),
            project: uuid::Uuid::nil(),
            version: 0,
        };
        let wrapped = self.wrap(generation, &secret, &context).await;
        let unwrap = match &wrapped {
            Ok(wrapped) => may(self.unwrap(generation, wrapped, &context).await)?,
            Err(_) => unwraps(&self.daily, Name::parse(generation)?).await?,
        };
        Ok((may(wrapped)?, unwrap))
    }
}

/// Trials by one credential.
struct Trials<'a> {
    by: &'a Connection,
    absent: &'a Absent,
}

impl Trials<'_> {
    async fn lifecycle(
        &self,
        scale_unit: &str,
        newest: Option<&GenerationId>,
    ) -> Result<CredentialRights, KeyError> {
        let listed = keys::list(self.by, scale_unit).await;
        let mut rights = vec![
            (KeyRight::Find, both(may(listed)?, self.read(newest).await?)),
            (KeyRight::Unwrap, self.unwrap(newest).await?),
        ];
        rights.extend(self.changes().await?);
        Ok(rights)
    }

    /// What changes keys, tried where there is nothing to change.
    async fn changes(&self) -> Result<CredentialRights, KeyError> {
        Ok(vec![
            (KeyRight::Make, self.make().await?),
            (KeyRight::Disable, self.update().await?),
            (KeyRight::Destroy, self.absent("delete", delete).await?),
            (KeyRight::Export, self.absent("backup", backup).await?),
            (KeyRight::Recover, self.absent("recover", recover).await?),
        ])
    }

    /// With a key that is not there.
    async fn absent(
        &self,
        permission: &'static str,
        act: impl AsyncFnOnce(&KeyClient, &str) -> azure_core::Result<()>,
    ) -> Result<May, KeyError> {
        let doing = Doing::anything("try a right", permission);
        may(self
            .by
            .call(doing, async |client| act(client, &self.absent.key).await)
            .await)
    }

    async fn read(&self, newest: Option<&GenerationId>) -> Result<May, KeyError> {
        let doing = Doing::anything("try a right", "get");
        let (key, version) = match newest.map(Name::parse).transpose()? {
            Some(name) => (name.key, Some(name.version)),
            None => (self.absent.key.as_str(), None),
        };
        may(keys::get(self.by, doing, key, version).await)
    }

    async fn wrap(&self) -> Result<May, KeyError> {
        let version = &self.absent.version;
        self.absent("wrapKey", async |client, key| {
            let options = KeyClientWrapKeyOptions {
                key_version: Some(version.clone()),
                ..KeyClientWrapKeyOptions::default()
            };
            let parameters = operation().try_into()?;
            client
                .wrap_key(key, parameters, Some(options))
                .await
                .map(drop)
        })
        .await
    }

    async fn sign(&self) -> Result<May, KeyError> {
        let version = &self.absent.version;
        self.absent("sign", async |client, key| {
            let options = KeyClientSignOptions {
                key_version: Some(version.clone()),
                ..KeyClientSignOptions::default()
            };
            let parameters = SignParameters {
                algorithm: Some(SignatureAlgorithm::Es256),
                value: Some(vec![0; 32]),
            };
            client
                .sign(key, parameters.try_into()?, Some(options))
                .await
                .map(drop)
        })
        .await
    }

    async fn unwrap(&self, newest: Option<&GenerationId>) -> Result<May, KeyError> {
        let nobody = Name {
            key: &self.absent.key,
            version: &self.absent.version,
        };
        let name = newest.map(Name::parse).transpose()?;
        unwraps(self.by, name.unwrap_or(nobody)).await
    }

    async fn update(&self) -> Result<May, KeyError> {
        self.absent("update", async |client, key| {
            let parameters = UpdateKeyPropertiesParameters::default();
            client
                .update_key_properties(key, parameters.try_into()?, None)
                .await
                .map(drop)
        })
        .await
    }

    /// Asks for a key of a type that there is not. Refused for the lack of the right, or as malformed.
    async fn make(&self) -> Result<May, KeyError> {
        let made = self.absent("create", async |client, key| {
            let parameters = CreateKeyParameters {
                kty: Some(KeyType::UnknownValue("none".into())),
                ..CreateKeyParameters::default()
            };
            client
                .create_key(key, parameters.try_into()?, None)
                .await
                .map(drop)
        });
        Ok(match made.await? {
            May::Yes => May::Unknown(UNTRIED),
            other => other,
        })
    }

    /// Whether what is destroyed can go at once, which is the operator's choice.
    async fn purging(&self) -> Result<KeyTrait, KeyError> {
        let said = match self.absent("purge", purge).await? {
            May::Yes => "destroyed keys are purged at once",
            _ => {
                "destroyed keys wait for the vault's retention: the credential may not purge, or the vault is \
                 protected from it"
            }
        };
        Ok(KeyTrait {
            what: "destruction",
            good: true,
            said: said.into(),
        })
    }
}

/// With bytes that nobody wrapped.
async fn unwraps(by: &Connection, name: Name<'_>) -> Result<May, KeyError> {
    let doing = Doing::anything("try a right", "unwrapKey");
    may(by
        .call(doing, async |client| {
            client
                .unwrap_key(name.key, name.version, operation().try_into()?, None)
                .await
                .map(drop)
        })
        .await)
}

fn operation() -> KeyOperationParameters {
    KeyOperationParameters {
        algorithm: Some(EncryptionAlgorithm::RsaOaep256),
        value: Some(vec![0; 32]),
        ..KeyOperationParameters::default()
    }
}

async fn delete(client: &KeyClient, key: &str) -> azure_core::Result<()> {
    client.delete_key(key, None).await.map(drop)
}

async fn backup(client: &KeyClient, key: &str) -> azure_core::Result<()> {
    client.backup_key(key, None).await.map(drop)
}

async fn recover(client: &KeyClient, key: &str) -> azure_core::Result<()> {
    client.recover_deleted_key(key, None).await.map(drop)
}

async fn purge(client: &KeyClient, key: &str) -> azure_core::Result<()> {
    client.purge_deleted_key(key, None).await.map(drop)
}
