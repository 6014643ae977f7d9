//! A client of KMS that acts as one credential, with bounded time and without retries of its own: who calls knows better
//! when to try again.
//!
//! Must not know what keys are for.

use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::SharedCredentialsProvider;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use coffer_seal::KeyError;
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use super::errors;
use super::{Credential, Settings};
use crate::asked::Doing;

const CONNECT_TIME: Duration = Duration::from_secs(5);

/// A client, and how messages call its credential.
pub(super) struct Connection {
    pub(super) kms: Client,
    credential: &'static str,
    patience: Duration,
}

impl Connection {
    pub(super) async fn new(
        settings: &Settings,
        credential: &Credential,
        name: &'static str,
    ) -> Result<Self, KeyError> {
        let config = configuration(settings, credential)
            .with_subscriber(NoSubscriber::default())
            .await;
        if config.region().is_none() {
            return Err(KeyError::refused(
                "no AWS region is configured; set the region of the keys, or AWS_REGION",
            ));
        }
        Ok(Self {
            kms: Client::new(&config),
            credential: name,
            patience: settings.patience,
        })
    }

    /// One call in bounded time. What the SDK logs meanwhile is not heard: an environment variable makes it write secrets.
    pub(super) async fn call<T, E>(
        &self,
        doing: Doing<'_>,
        call: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<T, KeyError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        // The SDK's futures are large, and these are held by many callers.
        let call = Box::pin(call).with_subscriber(NoSubscriber::default());
        match tokio::time::timeout(self.patience, call).await {
            Ok(done) => done.map_err(|error| errors::told(&error, doing, self.credential)),
            Err(late) => Err(KeyError::unavailable(
                format!(
                    "AWS KMS did not answer within {} s",
                    self.patience.as_secs()
                ),
                late,
            )),
        }
    }
}

async fn configuration(settings: &Settings, credential: &Credential) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIME)
                .operation_timeout(settings.patience)
                .build(),
        );
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    let files = settings.credentials_file.as_ref().map(|path| {
        EnvConfigFiles::builder()
            .with_file(EnvConfigFileKind::Credentials, path)
            .build()
    });
    let profile = match credential {
        Credential::Profile(name) => Some(name.clone()),
        Credential::Chain | Credential::Role(_) => None,
    };
    if files.is_some() || profile.is_some() {
        let mut from = ProfileFileCredentialsProvider::builder();
        if let Some(files) = files {
            from = from.profile_files(files);
        }
        from = from.profile_name(profile.unwrap_or_else(|| "default".to_owned()));
        loader = loader.credentials_provider(from.build());
    }
    let config = loader.load().await;
    let Credential::Role(role) = credential else {
        return config;
    };
    let taken_on = AssumeRoleProvider::builder(role)
        .session_name("coffer")
        .configure(&config)
        .build()
        .await;
    config
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(taken_on))
        .build()
}
