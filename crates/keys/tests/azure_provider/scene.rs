//! A vault, a provider and one wrapped secret, as the tests begin.

use std::sync::Arc;
use std::time::Duration;

use coffer_keys::azure::{self, AzureProvider, Credential, Settings};
use coffer_seal::{
    Entropy, GenerationId, KeyError, KeyLifecycle, KeyProvider as _, ProjectKeyContext,
    ProjectKeySecret, os_entropy,
};
use coffer_testkit::azure_vault::{AzureVault, DAILY, LIFECYCLE, TENANT};

pub(crate) fn entropy() -> Arc<Entropy> {
    Arc::new(os_entropy)
}

pub(crate) fn context() -> ProjectKeyContext {
    crate::conformance::context(1)
}

pub(crate) fn with_secret(vault: &AzureVault, (client, secret): (&str, &str)) -> Credential {
    Credential::ClientSecret {
        tenant: TENANT.into(),
        client_id: client.into(),
        secret_file: vault.file(client, &format!("{secret}\n")),
    }
}

pub(crate) fn settings(vault: &AzureVault) -> Settings {
    Settings {
        vault: vault.url(),
        daily: with_secret(vault, DAILY),
        lifecycle: Some(with_secret(vault, LIFECYCLE)),
        authority: Some(vault.sign_in()),
        ca_file: None,
        key_size: 2048,
        hardware: false,
        patience: Duration::from_secs(30),
    }
}

pub(crate) fn connect(vault: &AzureVault, settings: &Settings) -> AzureProvider {
    azure::connect_over(settings, entropy(), &vault.client()).unwrap()
}

pub(crate) fn lifecycle(provider: &AzureProvider) -> &dyn KeyLifecycle {
    use coffer_seal::KeyProvider as _;
    provider.lifecycle().unwrap()
}

/// A vault, a provider, a generation of `unit-1`, and a secret wrapped under it.
pub(crate) struct Scene {
    pub(crate) vault: AzureVault,
    pub(crate) provider: AzureProvider,
    pub(crate) generation: GenerationId,
    pub(crate) secret: ProjectKeySecret,
    pub(crate) wrapped: Vec<u8>,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let vault = AzureVault::start().await;
        let mut settings = settings(&vault);
        change(&mut settings);
        let provider = connect(&vault, &settings);
        let generation = lifecycle(&provider).new_generation("unit-1").await.unwrap();
        let secret = ProjectKeySecret::generate(&os_entropy);
        let wrapped = provider.wrap(&generation, &secret, &context()).await;
        Self {
            vault,
            provider,
            generation,
            secret,
            wrapped: wrapped.unwrap(),
        }
    }

    pub(crate) fn key(&self) -> &str {
        self.generation.0.split_once('/').unwrap().0
    }

    pub(crate) async fn unwrap(&self, wrapped: &[u8]) -> Result<ProjectKeySecret, KeyError> {
        let place = context();
        let opened = self.provider.unwrap(&self.generation, wrapped, &place);
        opened.await
    }

    pub(crate) async fn unwraps(&self) -> bool {
        let opened = self.unwrap(&self.wrapped).await;
        opened.is_ok_and(|opened| opened.as_bytes() == self.secret.as_bytes())
    }

    pub(crate) async fn failure(&self) -> KeyError {
        let opened = self.unwrap(&self.wrapped).await;
        opened.err().expect("it unwrapped")
    }

    pub(crate) async fn wrap_failure(&self) -> KeyError {
        let place = context();
        let wrapped = self.provider.wrap(&self.generation, &self.secret, &place);
        wrapped.await.expect_err("it wrapped")
    }
}
