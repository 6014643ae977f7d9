//! SHA-256 of a plaintext, as a value that does not print itself, and what a wrap says about a file.
//!
//! A digest of a plaintext lets anyone test a guess at it, so it is confidential. Must not know who may see it.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

use crate::derive;
use crate::secret::scrubbed;

/// SHA-256 of a plaintext. `Debug` shows nothing of it; [`Digest::to_hex`] is a decision to show it.
#[derive(Clone)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `plain`.
    pub fn of(plain: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(plain);
        Self(hasher.finish())
    }

    /// Takes over a digest computed elsewhere.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both are the same, in constant time.
    pub fn ct_eq(&self, other: &Self) -> bool {
        derive::equal(&self.0, &other.0)
    }

    /// Sixty-four lower-case hexadecimal digits.
    pub fn to_hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(64);
        for byte in self.0 {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        text
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Digest(..)")
    }
}

/// What the wrap of a file key says about the plaintext; authenticated, unlike anything beside the sealed bytes.
#[derive(Clone, Debug)]
pub struct Contents {
    /// Length of the plaintext in bytes.
    pub length: u64,
    /// SHA-256 of the plaintext.
    pub sha256: Digest,
}

/// A running SHA-256.
pub(crate) struct Sha256(Context);

impl Sha256 {
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        scrubbed(|| self.0.update(data));
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        scrubbed(|| bytes.copy_from_slice(self.0.finish().as_ref()));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_only_when_asked() {
        // FIPS 180-2, appendix B.1.
        let digest = Digest::of(b"abc");
        assert_eq!(
            digest.to_hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(format!("{digest:?}"), "Digest(..)");
        assert!(digest.ct_eq(&Digest::from_bytes(*digest.as_bytes())));
        assert!(!digest.ct_eq(&Digest::of(b"abd")));
    }
}
