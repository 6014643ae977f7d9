//! Root generations in Azure Key Vault, by the official SDK.
//!
//! A generation is a newly named RSA key, and beside it an elliptic-curve key that signs. The vault wraps a secret with
//! RSA-OAEP-256, which anybody can do who knows the public key, and therefore also signs the wrap with its whole context
//! ([`envelope`]). Before anything is unwrapped, that signature is verified here against the public key that the vault
//! itself told over TLS. What stands in the database is never trusted for this.
//!
//! What a key is for stands in its tags, so that the newest generation is found again by a list, whoever made it. Must
//! not know the database or when to rotate.

mod connection;
mod envelope;
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

use azure_security_keyvault_keys::models::{
    EncryptionAlgorithm, KeyClientSignOptions, KeyClientWrapKeyOptions, KeyOperationParameters,
    SignParameters, SignatureAlgorithm,
};
use coffer_seal::{
    BoxFuture, Entropy, GenerationId, KeyError, KeyLifecycle, KeyNotes, KeyProvider, KeyRights,
    ProjectKeySecret, WrapContext,
};
use zeroize::Zeroizing;

use crate::asked::Doing;
use connection::Connection;
use envelope::Envelope;
use keys::{Known, Name};

/// What the operator configured. Secrets are in files; this holds none.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The vault's address, such as `https://NAME.vault.azure.net`.
    pub vault: String,
    /// Who wraps and unwraps: key permissions get, list, wrapKey, unwrapKey, sign.
    pub daily: Credential,
    /// Who makes and destroys keys: get, list, create, update, delete, and purge where that is wanted. Without one,
    /// root generations are prepared by others.
    pub lifecycle: Option<Credential>,
    /// Where to sign in, for clouds other than the public one.
    pub authority: Option<String>,
    /// More certificate authorities to trust, PEM.
    pub ca_file: Option<PathBuf>,
    /// Bits of a new RSA key: 2048, 3072 or 4096.
    pub key_size: u32,
    /// New keys are made in a hardware module (needs a vault of the tier Premium, or a managed HSM).
    pub hardware: bool,
    /// How long one call may take in all, sign-in included.
    pub patience: Duration,
}

/// How to sign in.
#[derive(Clone, Debug)]
pub enum Credential {
    /// The identity of the machine.
    ManagedIdentity {
        /// Which, when the machine has several.
        client_id: Option<String>,
    },
    /// A token that the cluster writes into a file. What is absent is in `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and
    /// `AZURE_FEDERATED_TOKEN_FILE`, where the workload identity's webhook puts it.
    WorkloadIdentity {
        /// The tenant.
        tenant: Option<String>,
        /// The application.
        client_id: Option<String>,
        /// The token's file, read again every ten minutes.
        token_file: Option<PathBuf>,
    },
    /// An application's secret.
    ClientSecret {
        /// The tenant.
        tenant: String,
        /// The application.
        client_id: String,
        /// The file that holds the secret; read at start.
        secret_file: PathBuf,
    },
}

/// Root generations in a vault. See the module for what it promises.
pub struct AzureProvider {
    daily: Connection,
    lifecycle: Option<Lifecycle>,
    known: Mutex<HashMap<String, Arc<Known>>>,
    entropy: Arc<Entropy>,
}

/// What only the other credential may do.
struct Lifecycle {
    connection: Connection,
    entropy: Arc<Entropy>,
    key_size: u32,
    hardware: bool,
}

impl fmt::Debug for AzureProvider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AzureProvider")
            .field("vault", &self.daily.vault)
            .field("lifecycle", &self.lifecycle.is_some())
            .finish_non_exhaustive()
    }
}

/// Prepares the connection. Nothing is asked yet: the first call signs in.
///
/// # Errors
///
/// [`KeyError::Refused`] or [`KeyError::Unavailable`] when an address, a file or a size cannot be used.
pub fn connect(settings: &Settings, entropy: Arc<Entropy>) -> Result<AzureProvider, KeyError> {
    let http = connection::http_client(settings.ca_file.as_deref())?;
    connect_over(settings, entropy, &http)
}

/// As [`connect`], over an HTTP client that was made elsewhere.
///
/// # Errors
///
/// As [`connect`].
pub fn connect_over(
    settings: &Settings,
    entropy: Arc<Entropy>,
    http: &reqwest::Client,
) -> Result<AzureProvider, KeyError> {
    if !matches!(settings.key_size, 2048 | 3072 | 4096) {
        return Err(KeyError::refused(
            "an RSA key of Azure Key Vault has 2048, 3072 or 4096 bits; correct the configured key size",
        ));
    }
    let lifecycle = match &settings.lifecycle {
        None => None,
        Some(credential) => Some(Lifecycle {
            connection: Connection::new(settings, credential, "lifecycle", http)?,
            entropy: entropy.clone(),
            key_size: settings.key_size,
            hardware: settings.hardware,
        }),
    };
    Ok(AzureProvider {
        daily: Connection::new(settings, &settings.daily, "daily", http)?,
        lifecycle,
        known: Mutex::new(HashMap::new()),
        entropy,
    })
}

impl AzureProvider {
    /// A generation's signing key and scale unit, asked of the vault once. Both belong to the versions named in the
    /// generation's id, which never change.
    async fn known(&self, generation: &GenerationId) -> Result<Arc<Known>, KeyError> {
        let name = Name::parse(generation)?;
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&generation.0) {
            return Ok(Arc::clone(known));
        }
        let known = Arc::new(keys::ask(&self.daily, generation, name).await?);
        lock().insert(generation.0.clone(), Arc::clone(&known));
        Ok(known)
    }

    /// The same, for a context: two scale units never share keys.
    async fn serving(
        &self,
        generation: &GenerationId,
        context: &WrapContext,
    ) -> Result<Arc<Known>, KeyError> {
        let known = self.known(generation).await?;
        if known.scale_unit != context.scale_unit {
            return Err(KeyError::OtherScaleUnit {
                generation: generation.0.clone(),
            });
        }
        Ok(known)
    }

    /// The vault's own wrap, without the signature.
    async fn wrap_key(
        &self,
        generation: &GenerationId,
        secret: &ProjectKeySecret,
    ) -> Result<Vec<u8>, KeyError> {
        let name = Name::parse(generation)?;
        let doing = Doing::new("wrap", "wrapKey", generation);
        let answer = self
            .daily
            .call(doing, async |client| {
                let parameters = KeyOperationParameters {
                    algorithm: Some(EncryptionAlgorithm::RsaOaep256),
                    value: Some(secret.as_bytes().to_vec()),
                    ..KeyOperationParameters::default()
                };
                let options = KeyClientWrapKeyOptions {
                    key_version: Some(name.version.to_owned()),
                    ..KeyClientWrapKeyOptions::default()
                };
                client
                    .wrap_key(name.key, parameters.try_into()?, Some(options))
                    .await?
                    .into_model()
            })
            .await?;
        answer.result.ok_or_else(errors::strange)
    }

    async fn sign(
        &self,
        generation: &GenerationId,
        known: &Known,
        digest: Vec<u8>,
    ) -> Result<Vec<u8>, KeyError> {
        let name = Name::parse(generation)?;
        let signer = name.signer();
        let doing = Doing::new("sign", "sign", generation);
        let answer = self
            .daily
            .call(doing, async |client| {
                let parameters = SignParameters {
                    algorithm: Some(SignatureAlgorithm::Es256),
                    value: Some(digest.clone()),
                };
                let options = KeyClientSignOptions {
                    key_version: Some(known.signer_version.clone()),
                    ..KeyClientSignOptions::default()
                };
                client
                    .sign(&signer, parameters.try_into()?, Some(options))
                    .await?
                    .into_model()
            })
            .await?;
        answer.result.ok_or_else(errors::strange)
    }
}

impl KeyProvider for AzureProvider {
    fn name(&self) -> &'static str {
        "azure"
    }

    fn newest_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<Option<GenerationId>, KeyError>> {
        Box::pin(async move {
            let roots = keys::list(self.asking(), scale_unit).await?;
            let newest = roots
                .into_iter()
                .filter(|root| root.enabled)
                .max_by(|one, other| one.age().cmp(&other.age()));
            match newest {
                None => Ok(None),
                Some(root) => Ok(Some(keys::id_of(self.asking(), &root.key).await?)),
            }
        })
    }

    fn wrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        secret: &'a ProjectKeySecret,
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<Vec<u8>, KeyError>> {
        Box::pin(async move {
            let known = self.serving(generation, context).await?;
            let wrap = self.wrap_key(generation, secret).await?;
            let digest = envelope::digest(generation, context, &wrap);
            let signature = self.sign(generation, &known, digest).await?;
            let envelope = Envelope { wrap, signature };
            // A signature that we would not take later is worth nothing now.
            envelope.verify(generation, context, &known.signer)?;
            envelope.to_bytes()
        })
    }

    fn unwrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        wrapped: &'a [u8],
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<ProjectKeySecret, KeyError>> {
        Box::pin(async move {
            let known = self.serving(generation, context).await?;
            let envelope = Envelope::parse(wrapped)?;
            envelope.verify(generation, context, &known.signer)?;
            let name = Name::parse(generation)?;
            let doing = Doing::new("unwrap", "unwrapKey", generation);
            let answer = self
                .daily
                .call(doing, async |client| {
                    let parameters = KeyOperationParameters {
                        algorithm: Some(EncryptionAlgorithm::RsaOaep256),
                        value: Some(envelope.wrap.clone()),
                        ..KeyOperationParameters::default()
                    };
                    client
                        .unwrap_key(name.key, name.version, parameters.try_into()?, None)
                        .await?
                        .into_model()
                })
                .await?;
            let plain = Zeroizing::new(answer.result.ok_or_else(errors::strange)?);
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

impl AzureProvider {
    /// Whose credential lists keys and keeps notes: the stronger, where there is one.
    fn asking(&self) -> &Connection {
        self.lifecycle
            .as_ref()
            .map_or(&self.daily, |lifecycle| &lifecycle.connection)
    }
}
