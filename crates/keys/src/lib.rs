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
//! | `azure` (to come, feature) | Azure Key Vault | a signature over the wrap and its context, since anyone can wrap with a public key |
//! | `aws` (to come, feature) | AWS KMS | encryption context |
//! | `pkcs11` (feature) | a token, such as a hardware module | associated data of AES-GCM |
//!
//! Whatever a provider binds, [`coffer_seal::ProjectKey::open`] binds again by derivation and commitment.

#[cfg(any(feature = "vault", feature = "pkcs11"))]
mod binding;
pub mod file;
#[cfg(any(feature = "vault", feature = "pkcs11"))]
mod names;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;
#[cfg(feature = "vault")]
pub mod vault;

pub use coffer_seal::{Entropy, KeyProvider, os_entropy};
pub use file::FileProvider;
