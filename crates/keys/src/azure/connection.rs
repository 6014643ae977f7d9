//! A signed-in client of the vault, with bounded time and no retries of its own: who calls knows better when to try again.
//!
//! Must not know what keys are for.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use azure_security_keyvault_keys::{KeyClient, KeyClientOptions};
use coffer_seal::KeyError;
use zeroize::Zeroizing;

use super::errors;
use super::{Credential, Settings};
use crate::asked::Doing;

const CONNECT_TIME: Duration = Duration::from_secs(5);

/// A client of the vault that acts as one credential.
pub(super) struct Connection {
    client: KeyClient,
    pub(super) vault: String,
    /// How messages call the credential.
    credential: &'static str,
    patience: Duration,
}

/// The usual HTTP client: TLS by rustls, no redirects, the system's certificate authorities and those of the file.
pub(super) fn http_client(ca_file: Option<&Path>) -> Result<reqwest::Client, KeyError> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIME)
        .redirect(reqwest::redirect::Policy::none());
    if let Some(path) = ca_file {
        let pem = read(path, "the certificate authorities")?;
        let more = reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| {
            KeyError::refused(format!(
                "{} holds no certificate in PEM form; name a file with certificate authorities",
                path.display()
            ))
        })?;
        builder = builder.tls_certs_merge(more);
    }
    builder
        .build()
        .map_err(|error| KeyError::unavailable("TLS cannot be set up", error))
}

fn read(path: &Path, what: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    std::fs::read(path).map(Zeroizing::new).map_err(|error| {
        let hint = format!("{what} cannot be read from {}", path.display());
        KeyError::unavailable(hint, error)
    })
}

impl Connection {
    pub(super) fn new(
        settings: &Settings,
        credential: &Credential,
        name: &'static str,
        http: &reqwest::Client,
    ) -> Result<Self, KeyError> {
        if !settings.vault.starts_with("https://") {
            return Err(KeyError::refused(
                "the vault's address begins with https://; correct the configuration",
            ));
        }
        let options = || ClientOptions {
            retry: RetryOptions::none(),
            transport: Some(Transport::new(Arc::new(http.clone()))),
            cloud: settings.authority.as_ref().map(|host| {
                let mut custom = CustomConfiguration::default();
                custom.authority_host.clone_from(host);
                Arc::new(CloudConfiguration::from(custom))
            }),
            ..ClientOptions::default()
        };
        let unusable = |error: azure_core::Error| {
            KeyError::refused(format!(
                "the {name} credential or the vault's address cannot be used: {error}; correct the configuration"
            ))
        };
        let token = sign_in(credential, options())?.map_err(unusable)?;
        let client = KeyClientOptions {
            client_options: options(),
            ..KeyClientOptions::default()
        };
        Ok(Self {
            client: KeyClient::new(&settings.vault, token, Some(client)).map_err(unusable)?,
            vault: settings.vault.clone(),
            credential: name,
            patience: settings.patience,
        })
    }

    /// One call, or several that belong together, in bounded time.
    pub(super) async fn call<T>(
        &self,
        doing: Doing<'_>,
        act: impl AsyncFnOnce(&KeyClient) -> azure_core::Result<T>,
    ) -> Result<T, KeyError> {
        // The SDK's futures are large, and these are held by many callers.
        let act = Box::pin(act(&self.client));
        match tokio::time::timeout(self.patience, act).await {
            Ok(done) => {
                done.map_err(|error| errors::told(&error, doing, self.credential, &self.vault))
            }
            Err(late) => Err(KeyError::unavailable(
                format!(
                    "{} did not answer within {} s",
                    self.vault,
                    self.patience.as_secs()
                ),
                late,
            )),
        }
    }
}

type SignIn = azure_core::Result<Arc<dyn TokenCredential>>;

fn sign_in(credential: &Credential, options: ClientOptions) -> Result<SignIn, KeyError> {
    Ok(match credential {
        Credential::ManagedIdentity { client_id } => {
            ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                client_options: options,
            }))
            .map(|made| made as Arc<dyn TokenCredential>)
        }
        Credential::WorkloadIdentity {
            tenant,
            client_id,
            token_file,
        } => WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
            credential_options: ClientAssertionCredentialOptions {
                client_options: options,
            },
            client_id: client_id.clone(),
            tenant_id: tenant.clone(),
            token_file_path: token_file.clone(),
        }))
        .map(|made| made as Arc<dyn TokenCredential>),
        Credential::ClientSecret {
            tenant,
            client_id,
            secret_file,
        } => {
            let text = read(secret_file, "the client's secret")?;
            let text = std::str::from_utf8(&text)
                .map_err(|_| KeyError::refused("the client's secret is not text"))?;
            ClientSecretCredential::new(
                tenant,
                client_id.clone(),
                Secret::new(text.trim().to_owned()),
                Some(ClientSecretCredentialOptions {
                    client_options: options,
                }),
            )
            .map(|made| made as Arc<dyn TokenCredential>)
        }
    })
}
