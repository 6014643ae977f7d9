//! Key providers: where root generations live.
//!
//! Every provider implements [`coffer_seal::KeyProvider`] and passes the one suite in `tests/conformance`.
//! A provider wraps and unwraps project-key secrets and nothing else; it must not know files, the
//! database, or when to rotate.
//!
//! | module | root generations live in | a wrap is bound to its context by |
//! | --- | --- | --- |
//! | [`mod@file`] | a text file of this host, outside the data folder | associated data |
//! | `vault` (to come) | Vault or OpenBao Transit | `associated_data` |
//! | `azure` (to come, feature) | Azure Key Vault | a signature over the wrap and its context, since anyone can wrap with a public key |
//! | `aws` (to come, feature) | AWS KMS | encryption context |
//! | `pkcs11` (to come, feature) | a hardware module, one thread per session | associated data of AES-GCM |
//!
//! Whatever a provider binds, [`coffer_seal::ProjectKey::open`] binds again by derivation and commitment.

pub mod file;

pub use coffer_seal::{Entropy, os_entropy};
pub use file::FileProvider;
