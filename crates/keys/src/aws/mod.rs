//! Root generations in AWS KMS, by the official SDK.
//!
//! A generation is a new symmetric key, tagged with its scale unit and a number; an alias of the unit leads to the newest.
//! The whole context of a project key is the encryption context, which the service authenticates and writes into its own
//! log: names and numbers, nothing secret. A decryption names the key, so that nobody chooses another by the ciphertext.
//!
//! The SDK writes whole answers, and with them secrets, to its log when `LOG_SENSITIVE_BODIES` is in the environment:
//! nothing that it logs in a call is heard ([`connection`]). Must not know the database or when to rotate.

mod connection;
mod errors;
mod keys;
mod lifecycle;
mod notes;
mod rights;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_kms::primitives::Blob;
use coffer_seal::{
    BoxFuture, Entropy, GenerationId, KeyError, KeyLifecycle, KeyNotes, KeyProvider, KeyRights,
    ProjectKeySecret, WrapContext,
};
use zeroize::Zeroizing;

use crate::asked::Doing;
use connection::Connection;

/// What the operator configured. Secrets are where the SDK finds them; this holds none.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The region; without one, what the SDK finds.
    pub region: Option<String>,
    /// The service's address, where it is not AWS's own.
    pub endpoint: Option<String>,
    /// Who encrypts and decrypts.
    pub daily: Credential,
    /// Who makes and destroys keys. Without one, root generations are prepared by others.
    pub lifecycle: Option<Credential>,
    /// A shared credentials file in place of the SDK's own.
    pub credentials_file: Option<PathBuf>,
    /// How long one call may take in all, sign-in included.
    pub patience: Duration,
}

/// Whose rights a call uses.
#[derive(Clone, Debug)]
pub enum Credential {
    /// What the SDK finds: environment, profile, web identity, container, instance.
    Chain,
    /// A profile of the shared files.
    Profile(String),
    /// A role that [`Credential::Chain`] may take on.
    Role(String),
}

/// Root generations in KMS. See the module for what it promises.
pub struct AwsProvider {
    daily: Connection,
    lifecycle: Option<Lifecycle>,
    /// Scale units of keys, by id: a key's never changes.
    units: Mutex<HashMap<String, String>>,
    /// Ids of keys that carry notes, by scale unit.
    notes: Mutex<HashMap<String, String>>,
    entropy: Arc<Entropy>,
}

/// What only the other credential may do.
struct Lifecycle {
    connection: Connection,
    /// One generation at a time is made, so that nobody takes another's for one left behind.
    making: tokio::sync::Mutex<()>,
}

impl fmt::Debug for AwsProvider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AwsProvider")
            .field("lifecycle", &self.lifecycle.is_some())
            .finish_non_exhaustive()
    }
}

/// Reads the SDK's configuration. Nothing is asked of KMS yet.
///
/// # Errors
///
/// [`KeyError::Refused`] when there is no region.
pub async fn connect(settings: &Settings, entropy: Arc<Entropy>) -> Result<AwsProvider, KeyError> {
    let lifecycle = match &settings.lifecycle {
        None => None,
        Some(credential) => Some(Lifecycle {
            connection: Connection::new(settings, credential, "lifecycle").await?,
            making: tokio::sync::Mutex::new(()),
        }),
    };
    Ok(AwsProvider {
        daily: Connection::new(settings, &settings.daily, "daily").await?,
        lifecycle,
        units: Mutex::new(HashMap::new()),
        notes: Mutex::new(HashMap::new()),
        entropy,
    })
}

impl AwsProvider {
    /// Whose credential keeps notes: the stronger, where there is one.
    fn asking(&self) -> &Connection {
        self.lifecycle
            .as_ref()
            .map_or(&self.daily, |lifecycle| &lifecycle.connection)
    }

    /// Refuses a generation of another scale unit, or a key that is none of ours.
    async fn check_unit(
        &self,
        generation: &GenerationId,
        context: &WrapContext,
    ) -> Result<(), KeyError> {
        keys::check_id(generation)?;
        let lock = || self.units.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&generation.0).cloned();
        let unit = match known {
            Some(unit) => unit,
            None => {
                let doing = Doing::new("read tags", "kms:ListResourceTags", generation);
                let tags = keys::tags(&self.daily, doing, &generation.0).await?;
                let unit = keys::root_unit(&tags).ok_or_else(|| KeyError::UnknownGeneration {
                    generation: generation.0.clone(),
                })?;
                lock().insert(generation.0.clone(), unit.clone());
                unit
            }
        };
        if unit == context.scale_unit {
            Ok(())
        } else {
            Err(KeyError::OtherScaleUnit {
                generation: generation.0.clone(),
            })
        }
    }
}

/// What the service authenticates beside the secret, and shows in its log.
fn encryption_context(generation: &GenerationId, context: &WrapContext) -> HashMap<String, String> {
    [
        ("coffer:purpose", "root-wrap/aws/v1".to_owned()),
        ("coffer:generation", generation.0.clone()),
        ("coffer:scale-unit", context.scale_unit.clone()),
        ("coffer:organization", context.organization.to_string()),
        ("coffer:project", context.project.to_string()),
        ("coffer:version", context.version.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

impl KeyProvider for AwsProvider {
    fn name(&self) -> &'static str {
        "aws"
    }

    fn newest_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<Option<GenerationId>, KeyError>> {
        Box::pin(keys::newest(self.asking(), scale_unit))
    }

    fn wrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        secret: &'a ProjectKeySecret,
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<Vec<u8>, KeyError>> {
        Box::pin(async move {
            self.check_unit(generation, context).await?;
            let call = self
                .daily
                .kms
                .encrypt()
                .key_id(&generation.0)
                .plaintext(Blob::new(secret.as_bytes().as_slice()))
                .set_encryption_context(Some(encryption_context(generation, context)))
                .send();
            let doing = Doing::new("wrap", "kms:Encrypt", generation);
            let answer = self.daily.call(doing, call).await?;
            let wrapped = answer.ciphertext_blob.ok_or_else(errors::strange)?;
            Ok(wrapped.into_inner())
        })
    }

    fn unwrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        wrapped: &'a [u8],
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<ProjectKeySecret, KeyError>> {
        Box::pin(async move {
            self.check_unit(generation, context).await?;
            if wrapped.is_empty() {
                return Err(KeyError::Damaged);
            }
            let call = self
                .daily
                .kms
                .decrypt()
                .key_id(&generation.0)
                .ciphertext_blob(Blob::new(wrapped))
                .set_encryption_context(Some(encryption_context(generation, context)))
                .send();
            let doing = Doing::new("unwrap", "kms:Decrypt", generation);
            let answer = self.daily.call(doing, call).await?;
            let plain = answer.plaintext.ok_or_else(errors::strange)?;
            let plain = Zeroizing::new(plain.into_inner());
            let secret = plain.as_slice().try_into();
            let secret = secret.map_err(|_| KeyError::Damaged)?;
            Ok(ProjectKeySecret::from_bytes(secret))
        })
    }

    fn lifecycle(&self) -> Option<&dyn KeyLifecycle> {
        self.lifecycle
            .as_ref()
            .map(|lifecycle| lifecycle as &dyn KeyLifecycle)
    }

    fn notes(&self) -> Option<&dyn KeyNotes> {
        Some(self)
    }

    fn rights<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<Option<KeyRights>, KeyError>> {
        Box::pin(async move { self.all_rights(scale_unit).await.map(Some) })
    }
}
