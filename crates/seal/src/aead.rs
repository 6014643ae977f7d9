//! AES-256-GCM: the one file that names the AEAD back end (see `docs/adr/0002-aead-back-end.md`).
//!
//! Must not know what is sealed; nonces, associated data and buffers are the caller's.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::secret::{KEY_LEN, scrubbed};

/// Length of a nonce in bytes.
pub(crate) const NONCE_LEN: usize = 12;

/// The tag did not verify: another key, nonce or associated data, or changed bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Forged;

/// An expanded AES-256-GCM key. The back end wipes it when dropped.
pub(crate) struct Aes256Gcm(LessSafeKey);

impl Aes256Gcm {
    pub(crate) fn new(key: &[u8; KEY_LEN]) -> Self {
        let key = scrubbed(|| UnboundKey::new(&AES_256_GCM, key));
        Self(LessSafeKey::new(key.expect("an AES-256 key is 32 bytes")))
    }

    /// Encrypts `data` in place and returns the tag. A nonce is used once per key: the caller's duty.
    pub(crate) fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        associated: &[u8],
        data: &mut [u8],
    ) -> [u8; crate::TAG_LEN] {
        let tag = scrubbed(|| {
            self.0.seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated),
                data,
            )
        })
        .expect("GCM seals any message below 64 GiB");
        let mut bytes = [0; crate::TAG_LEN];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    /// Verifies and decrypts `data` (ciphertext, then tag) in place and returns the plaintext.
    ///
    /// After an error the content of `data` is unspecified: the caller wipes it and shows it to nobody.
    pub(crate) fn open<'data>(
        &self,
        nonce: [u8; NONCE_LEN],
        associated: &[u8],
        data: &'data mut [u8],
    ) -> Result<&'data [u8], Forged> {
        scrubbed(|| {
            self.0.open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated),
                data,
            )
        })
        .map(|plain| &*plain)
        .map_err(|_| Forged)
    }

    /// Verifies and decrypts `sealed` (ciphertext, then tag) into `plain`, which is as long as the ciphertext.
    ///
    /// After an error the content of `plain` is unspecified: the caller shows it to nobody.
    pub(crate) fn open_into(
        &self,
        nonce: [u8; NONCE_LEN],
        associated: &[u8],
        sealed: &[u8],
        plain: &mut [u8],
    ) -> Result<(), Forged> {
        let (ciphertext, tag) = sealed.split_at_checked(plain.len()).ok_or(Forged)?;
        scrubbed(|| {
            self.0.open_separate_gather(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated),
                ciphertext,
                tag,
                plain,
            )
        })
        .map_err(|_| Forged)
    }
}
