//! The key providers that the configuration names, connected.
//!
//! What can be told without asking a key service is found here; whether a provider really has the key that the data is
//! sealed under, the service finds out when it opens.

use crate::config::{self, FileSettings, ProviderSettings};
use crate::error::{CommandError, Exit, Result};
use coffer_keys::file::{Created, KeyFileError, Passphrase, Settings};
use coffer_keys::{Entropy, FileProvider, KeyProvider};
use coffer_service::{KeyOptions, Providers};
use std::io::{IsTerminal as _, stdin};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The providers, and the root key file if it was made now.
pub(crate) struct Connected {
    pub(crate) options: KeyOptions,
    pub(crate) new_file: Option<PathBuf>,
}

/// A provider that holds a root key which opens something of the data.
pub(crate) struct Needed {
    pub(crate) provider: String,
    /// New keys are wrapped by it. Else a rotation away from it has not ended.
    pub(crate) active: bool,
}

/// Connects them all. `needed` are those that the data needs.
pub(crate) async fn connect(
    keys: &config::Keys,
    needed: &[Needed],
    entropy: &Arc<Entropy>,
) -> Result<Connected> {
    for needed in needed {
        configured(keys, needed)?;
    }
    let word = keys.provider.kind().word();
    let holds_the_data = needed.iter().any(|needed| needed.provider == word);
    let (active, new_file) = open(&keys.provider, !holds_the_data, entropy).await?;
    let mut providers = Providers::new(active);
    for other in &keys.also {
        let (other, _) = open(other, false, entropy).await?;
        providers = providers.also(other).map_err(|error| {
            CommandError::new(Exit::Invalid, "the key providers cannot be used").because(&error)
        })?;
    }
    let options = KeyOptions {
        providers,
        cache: Duration::from_secs(60 * u64::from(keys.cache_minutes)),
        horizon_days: keys.horizon_days,
        rotation_rate: keys.rotation_rate,
        clock: coffer_service::monotonic(),
    };
    Ok(Connected { options, new_file })
}

/// Whether a provider that the data needs is among those named.
fn configured(keys: &config::Keys, needed: &Needed) -> Result {
    let mut named = std::iter::once(&keys.provider).chain(&keys.also);
    let provider = &needed.provider;
    if named.any(|settings| settings.kind().word() == provider) {
        return Ok(());
    }
    Err(match needed.active {
        true => CommandError::new(
            Exit::Invalid,
            format!(
                "the data is sealed under a root key of the provider `{provider}`, which is not configured"
            ),
        )
        .hint("set keys.provider to it, or name it in keys.also to move to another provider"),
        false => CommandError::new(
            Exit::Invalid,
            format!(
                "some of the data is still sealed under a root key of the provider `{provider}`, which is not configured any more"
            ),
        )
        .hint(format!(
            "name `{provider}` in keys.also again until the rotation away from it has ended: the audit log then has \
             Key.RotationFinished, and `coffer doctor` names no root key of it"
        )),
    })
}

/// One of them, and its file if it is one that was made now: only where `may_make` says so.
pub(crate) async fn open(
    settings: &ProviderSettings,
    may_make: bool,
    entropy: &Arc<Entropy>,
) -> Result<(Arc<dyn KeyProvider>, Option<PathBuf>)> {
    #[cfg(any(
        feature = "key-vault",
        feature = "key-pkcs11",
        feature = "key-azure",
        feature = "key-aws"
    ))]
    let unusable = |error| {
        let word = settings.kind().word();
        CommandError::new(Exit::Invalid, format!("`[keys.{word}]` cannot be used")).because(&error)
    };
    match settings {
        ProviderSettings::File(file) => {
            let (provider, created) = open_file(file, may_make, entropy)?;
            let new_file = (created == Created::New).then(|| file.path.clone());
            Ok((Arc::new(provider), new_file))
        }
        #[cfg(feature = "key-vault")]
        ProviderSettings::Vault(vault) => {
            let provider = coffer_keys::vault::connect(vault, entropy.clone()).map_err(unusable)?;
            Ok((Arc::new(provider), None))
        }
        #[cfg(feature = "key-pkcs11")]
        ProviderSettings::Pkcs11(token) => {
            let provider =
                coffer_keys::pkcs11::connect(token, entropy.clone()).map_err(unusable)?;
            Ok((Arc::new(provider), None))
        }
        #[cfg(feature = "key-azure")]
        ProviderSettings::Azure(vault) => {
            let provider = coffer_keys::azure::connect(vault, entropy.clone()).map_err(unusable)?;
            Ok((Arc::new(provider), None))
        }
        #[cfg(feature = "key-aws")]
        ProviderSettings::Aws(kms) => {
            // The SDK's future is large, and would lie in that of every command that opens the keys.
            let provider = Box::pin(coffer_keys::aws::connect(kms, entropy.clone())).await;
            Ok((Arc::new(provider.map_err(unusable)?), None))
        }
    }
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
    let mut settings = key_file(file);
    let mut opened = coffer_keys::file::connect(&settings, entropy.clone());
    if matches!(opened, Err(KeyFileError::NoPassphrase { .. })) && stdin().is_terminal() {
        settings.passphrase = Some(typed("Passphrase of the root key file")?);
        opened = coffer_keys::file::connect(&settings, entropy.clone());
    }
    opened.map_err(|error| {
        CommandError::new(Exit::Invalid, "the root key file cannot be used")
            .because(&error)
            .hint(format!(
                "it is {}; keys.key_file names another",
                file.path.display()
            ))
    })
}

/// The root key file as its provider wants it.
pub(crate) fn key_file(file: &FileSettings) -> Settings {
    Settings {
        path: file.path.clone(),
        passphrase: file.passphrase.clone().map(Passphrase::File),
    }
}

/// A passphrase from whoever sits at the terminal.
pub(crate) fn typed(what: &str) -> Result<Passphrase> {
    let text = rpassword::prompt_password(format!("{what}: ")).map_err(|error| {
        CommandError::new(Exit::Usage, "no passphrase was typed").because(&error)
    })?;
    Ok(Passphrase::Typed(text.into()))
}
