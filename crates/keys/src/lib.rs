//! Key providers: where root generations live.
//!
//! Every provider implements [`coffer_seal::KeyProvider`] and passes the one suite in `tests/conformance`.
//! A provider wraps and unwraps project-key secrets and nothing else; it must not know files, the
//! database, or when to rotate.
//!
//! | module | root generations live in | a wrap is bound to its context by |
//! | --- | --- | --- |
//! | [`mod@file`] | a text file of this host, outside the data folder | associated data |
//! | `vault` (feature) | keys of a Transit engine of Vault or OpenBao | associated data |
//! | `azure` (feature) | Azure Key Vault | a signature over the wrap and its context, since anyone can wrap with a public key |
//! | `aws` (feature) | AWS KMS | encryption context |
//! | `pkcs11` (feature) | a token, such as a hardware module | associated data of AES-GCM |
//!
//! Whatever a provider binds, [`coffer_seal::ProjectKey::open`] binds again by derivation and commitment.

#[cfg(any(feature = "aws", feature = "azure"))]
mod asked;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "azure")]
pub mod azure;
#[cfg(any(feature = "vault", feature = "pkcs11"))]
mod binding;
mod checks;
pub mod file;
#[cfg(any(feature = "vault", feature = "pkcs11"))]
mod names;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;
#[cfg(feature = "vault")]
pub mod vault;

#[cfg(feature = "aws")]
pub use aws::AwsProvider;
#[cfg(feature = "azure")]
pub use azure::AzureProvider;
use checks::{check_note, check_scale_unit, still_active};
pub use coffer_seal::{
    CredentialRights, Entropy, GenerationId, Gone, KeyError, KeyLifecycle, KeyProvider, KeyRight,
    KeyRights, KeyTrait, May, ProjectKeyContext, ProjectKeySecret, os_entropy,
};
pub use file::FileProvider;
