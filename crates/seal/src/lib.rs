//! The sealed-file format, the key hierarchy's cryptography and the trait of key providers.
//!
//! Everything here is a function of its arguments: randomness comes in as [`Entropy`], what a file
//! must be comes in as a [`SealedContext`], and nothing reads a clock, a file or a network. The crate
//! must not know who may open a file, where sealed bytes lie or which key service is in use.
//!
//! ```text
//! root generation      in a KeyProvider, never leaves it
//!   └ ProjectKeySecret wrapped by the root generation; ProjectKey is derived from it
//!       └ FileKey      one per file, wrapped by the project key together with length and SHA-256
//!           └ sealed   header ‖ commitment ‖ AES-256-GCM segments of 64 KiB
//! ```
//!
//! The bytes are described in `docs/sealed-format.md`, precisely enough for a second implementation;
//! `tests/support/independent.rs` is one, and `tests/vectors/` holds the published vectors.
//!
//! Sealing and opening a file:
//!
//! ```
//! use coffer_seal::{
//!     FileKey, Opener, ProjectKey, ProjectKeyContext, ProjectKeySecret, SealedContext, Sealer, os_entropy,
//! };
//! use uuid::Uuid;
//! use zeroize::Zeroizing;
//!
//! let context = SealedContext {
//!     organization: Uuid::from_u128(1),
//!     project: Uuid::from_u128(2),
//!     file: Uuid::from_u128(3),
//! };
//! let secret = ProjectKeySecret::generate(&os_entropy);
//! let (project_key, _commitment) = ProjectKey::create(
//!     &secret,
//!     ProjectKeyContext {
//!         scale_unit: "unit-1".into(),
//!         organization: context.organization,
//!         project: context.project,
//!         version: 1,
//!     },
//! );
//!
//! let file_key = FileKey::generate(&os_entropy);
//! let mut sealed = Vec::new();
//! let mut sealer = Sealer::new(&file_key, context, &os_entropy);
//! sealer.push(b"a certificate", &mut sealed);
//! let summary = sealer.finish(&mut sealed);
//! let wrap = project_key.wrap_file_key(&file_key, &summary, &os_entropy);
//!
//! let (file_key, contents) = project_key.unwrap_file_key(&wrap, &summary.preamble, context)?;
//! let mut plain = Zeroizing::new(Vec::new());
//! let mut opener = Opener::new(&file_key, context);
//! opener.push(&sealed, &mut plain)?;
//! opener.finish(&mut plain, &contents)?;
//! assert_eq!(plain.as_slice(), b"a certificate");
//! # Ok::<(), coffer_seal::OpenError>(())
//! ```

#![forbid(unsafe_code)]

mod aead;
mod derive;
mod digest;
mod entropy;
mod error;
mod file_key;
mod format;
mod opener;
mod project_key;
mod provider;
mod rights;
mod sealer;
mod secret;
mod signing;
mod small;
mod wrapping;

pub use digest::{Contents, Digest};
pub use entropy::{Entropy, os_entropy};
pub use error::{KeyError, OpenError};
pub use file_key::FileKey;
pub use format::{
    COMMITMENT_LEN, HEADER_LEN, PREAMBLE_LEN, SEGMENT, SealedContext, TAG_LEN, sealed_length,
};
pub use opener::Opener;
pub use project_key::{ProjectKey, ProjectKeyContext, ProjectKeySecret};
pub use provider::{
    BoxFuture, GenerationId, KeyLifecycle, KeyNotes, KeyProvider, NOTE_MAX, WrapContext,
};
pub use rights::{CredentialRights, Gone, KeyRight, KeyRights, KeyTrait, May};
pub use sealer::{Sealer, Summary};
pub use secret::{KEY_LEN, Secret, SecretKey, random_key};
pub use signing::SigningKey;
pub use small::{open_bytes, seal_bytes};
pub use wrapping::{MAX_WRAPPED, Unwrappable, WRAP_OVERHEAD, WrappingKey};
