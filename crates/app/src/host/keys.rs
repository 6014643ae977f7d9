//! The key providers that the configuration names, connected.
//!
//! What can be told without asking a key service is found here; whether a provider really has the key that the data is
//! sealed under, the service finds out when it opens.

use crate::config::{self, FileSettings, ProviderKind, ProviderSettings};
use crate::error::{CommandError, Exit, Result};
use coffer_keys::file::Created;
use coffer_keys::{Entropy, FileProvider};
use coffer_service::{KeyOptions, Providers};
use coffer_store::RootGeneration;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The providers, and the root key file if it was made now.
pub(crate) struct Connected {
    pub(crate) options: KeyOptions,
    pub(crate) new_file: Option<PathBuf>,
}

/// Connects them all. `needed` is the root generation that the data is sealed under, if any is.
pub(crate) async fn connect(
    keys: &config::Keys,
    needed: Option<&RootGeneration>,
    entropy: &Arc<Entropy>,
) -> Result<Connected> {
    if let Some(needed) = needed {
        configured(keys, needed)?;
    }
    let (mut providers, new_file) = match &keys.provider {
        ProviderSettings::File(file) => {
            let holds_the_data =
                needed.is_some_and(|needed| needed.provider == ProviderKind::File.word());
            let (provider, created) = open_file(file, !holds_the_data, entropy)?;
            let new_file = (created == Created::New).then(|| file.path.clone());
            (Providers::new(Arc::new(provider)), new_file)
        }
    };
    for other in &keys.also {
        let other = match other {
            ProviderSettings::File(file) => Arc::new(open_file(file, false, entropy)?.0),
        };
        providers = providers.also(other).map_err(|error| {
            CommandError::new(Exit::Invalid, "the key providers cannot be used").because(&error)
        })?;
    }
    let options = KeyOptions {
        providers,
        cache: Duration::from_secs(60 * u64::from(keys.cache_minutes)),
        horizon_days: keys.horizon_days,
        rotation_rate: keys.rotation_rate,
    };
    Ok(Connected { options, new_file })
}

/// Whether the provider that holds the data's key is among those named.
fn configured(keys: &config::Keys, needed: &RootGeneration) -> Result {
    let mut named = std::iter::once(&keys.provider).chain(&keys.also);
    if named.any(|settings| settings.kind().word() == needed.provider) {
        return Ok(());
    }
    Err(CommandError::new(
        Exit::Invalid,
        format!(
            "the data is sealed under a root key of the provider `{}`, which is not configured",
            needed.provider
        ),
    )
    .hint("set keys.provider to it, or name it in keys.also to move to another provider"))
}

/// The root key file; a new one only where nothing is sealed yet.
fn open_file(
    file: &FileSettings,
    may_make: bool,
    entropy: &Arc<Entropy>,
) -> Result<(FileProvider, Created)> {
    if !may_make && file.path.symlink_metadata().is_err() {
        // A new key would let the server start, and open nothing that it holds.
        return Err(CommandError::new(
            Exit::Invalid,
            "the root key file is missing, and the data is sealed under it",
        )
        .hint(format!("it is {}", file.path.display()))
        .hint("restore it from your backup, or name the right one with --key-file"));
    }
    FileProvider::open_or_create(&file.path, entropy.clone()).map_err(|error| {
        CommandError::new(Exit::Invalid, "the root key file cannot be used")
            .because(&error)
            .hint(format!(
                "it is {}; keys.key_file names another",
                file.path.display()
            ))
    })
}
