//! Key providers in the configuration: which there are, which this build has, and which are used.
//!
//! A provider is a file beside this one with the keys of its section `[keys.<word>]`, which go into the table in
//! [`super::keys`], and with what they mean; and an arm in [`settings`] and in `crate::host`. The keys of the credential
//! that may change root keys stand in `[keys.<word>.lifecycle]`; without them there is no such credential. Sections are
//! known to every build. Nothing here asks a provider.

#[cfg(feature = "key-aws")]
mod aws;
#[cfg(feature = "key-azure")]
mod azure;
mod file;
#[cfg(feature = "key-pkcs11")]
mod pkcs11;
#[cfg(feature = "key-vault")]
mod vault;

pub(crate) use file::FileSettings;

use super::Problem;
use super::build::problem;
use super::keys;
use super::layers::Settings;

/// What `keys.provider` and `keys.also` may say.
pub(crate) const WORDS: &[&str] = &["file", "vault", "azure", "aws", "pkcs11"];

/// A kind of key provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProviderKind {
    /// A file on this machine.
    File,
    /// Vault or OpenBao, the secrets engine Transit.
    Vault,
    /// Azure Key Vault.
    Azure,
    /// AWS KMS.
    Aws,
    /// A hardware security module, by PKCS#11.
    Pkcs11,
}

impl ProviderKind {
    /// All, in the order of [`WORDS`].
    pub(crate) const ALL: [Self; 5] = [
        Self::File,
        Self::Vault,
        Self::Azure,
        Self::Aws,
        Self::Pkcs11,
    ];

    /// As configuration and database call it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Vault => "vault",
            Self::Azure => "azure",
            Self::Aws => "aws",
            Self::Pkcs11 => "pkcs11",
        }
    }

    /// The feature that a build needs for it; none for what is always there.
    pub(crate) fn feature(self) -> Option<&'static str> {
        match self {
            Self::File => None,
            Self::Vault => Some("key-vault"),
            Self::Azure => Some("key-azure"),
            Self::Aws => Some("key-aws"),
            Self::Pkcs11 => Some("key-pkcs11"),
        }
    }

    /// Whether this build has it.
    pub(crate) fn compiled(self) -> bool {
        match self {
            Self::File => true,
            Self::Vault => cfg!(feature = "key-vault"),
            Self::Azure => cfg!(feature = "key-azure"),
            Self::Aws => cfg!(feature = "key-aws"),
            Self::Pkcs11 => cfg!(feature = "key-pkcs11"),
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// A provider that is used, with its settings.
#[derive(Debug, Clone)]
pub(crate) enum ProviderSettings {
    /// A file on this machine.
    File(FileSettings),
    /// Vault or OpenBao.
    #[cfg(feature = "key-vault")]
    Vault(Box<coffer_keys::vault::Settings>),
    /// A token by PKCS#11.
    #[cfg(feature = "key-pkcs11")]
    Pkcs11(Box<coffer_keys::pkcs11::Settings>),
    /// Azure Key Vault.
    #[cfg(feature = "key-azure")]
    Azure(Box<coffer_keys::azure::Settings>),
    /// AWS KMS.
    #[cfg(feature = "key-aws")]
    Aws(Box<coffer_keys::aws::Settings>),
}

impl ProviderSettings {
    /// Which kind it is.
    pub(crate) fn kind(&self) -> ProviderKind {
        match self {
            Self::File(_) => ProviderKind::File,
            #[cfg(feature = "key-vault")]
            Self::Vault(_) => ProviderKind::Vault,
            #[cfg(feature = "key-pkcs11")]
            Self::Pkcs11(_) => ProviderKind::Pkcs11,
            #[cfg(feature = "key-azure")]
            Self::Azure(_) => ProviderKind::Azure,
            #[cfg(feature = "key-aws")]
            Self::Aws(_) => ProviderKind::Aws,
        }
    }

    /// Which credential may change root keys: `own`, `same` as the daily one, or `none`.
    pub(crate) fn lifecycle(&self) -> &'static str {
        match self {
            Self::File(_) => "same",
            #[cfg(feature = "key-vault")]
            Self::Vault(vault) if vault.lifecycle.is_some() => "own",
            #[cfg(feature = "key-pkcs11")]
            Self::Pkcs11(token) if token.lifecycle => "same",
            #[cfg(feature = "key-azure")]
            Self::Azure(azure) if azure.lifecycle.is_some() => "own",
            #[cfg(feature = "key-aws")]
            Self::Aws(aws) if aws.lifecycle.is_some() => "own",
            #[cfg(any(
                feature = "key-vault",
                feature = "key-pkcs11",
                feature = "key-azure",
                feature = "key-aws"
            ))]
            _ => "none",
        }
    }

    /// The root key file, if it is one.
    pub(crate) fn file(&self) -> Option<&FileSettings> {
        match self {
            Self::File(file) => Some(file),
            #[cfg(any(
                feature = "key-vault",
                feature = "key-pkcs11",
                feature = "key-azure",
                feature = "key-aws"
            ))]
            _ => None,
        }
    }
}

/// The provider that makes new root keys, and those that hold older ones.
pub(super) fn used(
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Option<(ProviderSettings, Vec<ProviderSettings>)> {
    let also = settings.get("keys.also");
    let first = ProviderKind::of(&settings.get("keys.provider").text)?;
    let others: Vec<ProviderKind> = keys::words(&also.text)
        .filter_map(ProviderKind::of)
        .collect();
    if others.contains(&first) {
        problems.push(problem(
            also,
            format!(
                "`keys.also` names `{}`, which is `keys.provider` already",
                first.word()
            ),
            "leave it out; two providers of one kind cannot be used at once, so move by way of another kind",
        ));
    }
    let active = of_kind(first, "keys.provider", settings, problems);
    let others: Option<Vec<ProviderSettings>> = others
        .into_iter()
        .map(|kind| of_kind(kind, "keys.also", settings, problems))
        .collect();
    Some((active?, others?))
}

fn of_kind(
    kind: ProviderKind,
    named_by: &str,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Option<ProviderSettings> {
    if !kind.compiled() {
        let feature = kind.feature().unwrap_or("full");
        problems.push(problem(
            settings.get(named_by),
            format!(
                "`{named_by}` names `{}`, which is not compiled into this build",
                kind.word()
            ),
            &format!(
                "use a build with the feature `{feature}` (cargo build --release --features {feature})"
            ),
        ));
        return None;
    }
    Some(match kind {
        ProviderKind::File => ProviderSettings::File(file::settings(settings, problems)?),
        #[cfg(feature = "key-vault")]
        ProviderKind::Vault => {
            ProviderSettings::Vault(Box::new(vault::settings(settings, problems)?))
        }
        #[cfg(feature = "key-pkcs11")]
        ProviderKind::Pkcs11 => {
            ProviderSettings::Pkcs11(Box::new(pkcs11::settings(settings, problems)?))
        }
        #[cfg(feature = "key-azure")]
        ProviderKind::Azure => {
            ProviderSettings::Azure(Box::new(azure::settings(settings, problems)?))
        }
        #[cfg(feature = "key-aws")]
        ProviderKind::Aws => ProviderSettings::Aws(Box::new(aws::settings(settings, problems)?)),
        // Told above.
        #[cfg(not(all(
            feature = "key-vault",
            feature = "key-pkcs11",
            feature = "key-azure",
            feature = "key-aws"
        )))]
        _ => return None,
    })
}
