//! Wrapping small secrets under a key, with everything that must not change as associated data.
//!
//! The one construction behind every wrap that Coffer makes by itself: of file keys, of its own keys, and of
//! project keys by the file provider. Must not know the hierarchy.

use crate::Entropy;
use crate::aead::{Aes256Gcm, NONCE_LEN};
use crate::derive;
use crate::format::TAG_LEN;
use crate::secret::{KEY_LEN, Secret, SecretKey};

/// Bytes a wrap is longer than its secret: version, nonce, tag.
pub const WRAP_OVERHEAD: usize = 1 + NONCE_LEN + TAG_LEN;

/// Longest secret that is wrapped, in bytes.
pub const MAX_WRAPPED: usize = coffer_arena::SLOT;

const VERSION: u8 = 1;

/// A wrap does not open: another key, label or part, or changed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the wrap is damaged or belongs to something else")]
pub struct Unwrappable;

/// A key that wraps secrets with AES-256-GCM under random nonces.
///
/// The cipher is built for each use: between uses only the key itself exists, in the arena.
///
/// One key may make at most 2³² wraps (NIST SP 800-38D, 8.3); keys that rotate with each deployment stay far
/// below. Wiped when dropped, not printable, not cloneable.
pub struct WrappingKey(SecretKey);

impl WrappingKey {
    /// Uses `key`, which must be random or derived and serve nothing else.
    pub fn new(key: &[u8; KEY_LEN]) -> Self {
        Self(SecretKey::from_bytes(key))
    }

    /// `version ‖ nonce ‖ AES-256-GCM(secret)`, bound to the label and all parts.
    ///
    /// # Panics
    ///
    /// When `secret` is longer than [`MAX_WRAPPED`].
    pub fn wrap(&self, label: &str, parts: &[&[u8]], secret: &[u8], entropy: &Entropy) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        entropy(&mut nonce);
        let mut buffer = Secret::<MAX_WRAPPED>::zeroed();
        let sealed = &mut buffer.as_mut_bytes()[..secret.len()];
        sealed.copy_from_slice(secret);
        let associated = derive::join(label, parts);
        let tag = self.cipher().seal(nonce, &associated, sealed);
        let mut wrap = Vec::with_capacity(WRAP_OVERHEAD + secret.len());
        wrap.push(VERSION);
        wrap.extend_from_slice(&nonce);
        wrap.extend_from_slice(sealed);
        wrap.extend_from_slice(&tag);
        wrap
    }

    /// The secret of exactly `N` bytes in `wrap`.
    ///
    /// # Errors
    ///
    /// [`Unwrappable`] unless the key, the label, every part and every byte are those of the wrapping.
    pub fn unwrap<const N: usize>(
        &self,
        label: &str,
        parts: &[&[u8]],
        wrap: &[u8],
    ) -> Result<Secret<N>, Unwrappable> {
        let (&version, rest) = wrap.split_first().ok_or(Unwrappable)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Unwrappable)?;
        if version != VERSION || sealed.len() != N + TAG_LEN {
            return Err(Unwrappable);
        }
        let mut secret = Secret::zeroed();
        let associated = derive::join(label, parts);
        self.cipher()
            .open_into(*nonce, &associated, sealed, secret.as_mut_bytes())
            .map_err(|_| Unwrappable)?;
        Ok(secret)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(self.0.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os_entropy;

    #[test]
    fn every_bit_of_a_wrap_counts() {
        let key = WrappingKey::new(&[1; 32]);
        let wrap = key.wrap("label", &[b"part"], b"secret", &os_entropy);
        assert_eq!(wrap.len(), 6 + WRAP_OVERHEAD);
        assert_eq!(
            key.unwrap::<6>("label", &[b"part"], &wrap)
                .unwrap()
                .as_bytes(),
            b"secret"
        );
        for bit in 0..wrap.len() * 8 {
            let mut changed = wrap.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(
                key.unwrap::<6>("label", &[b"part"], &changed).is_err(),
                "bit {bit}"
            );
        }
        for end in 0..wrap.len() {
            assert!(
                key.unwrap::<6>("label", &[b"part"], &wrap[..end]).is_err(),
                "cut at {end}"
            );
        }
        assert!(key.unwrap::<5>("label", &[b"part"], &wrap).is_err());
        assert!(key.unwrap::<6>("label", &[b"other"], &wrap).is_err());
        assert!(key.unwrap::<6>("other", &[b"part"], &wrap).is_err());
        assert!(
            WrappingKey::new(&[2; 32])
                .unwrap::<6>("label", &[b"part"], &wrap)
                .is_err()
        );
    }

    #[test]
    fn two_wraps_of_one_secret_differ() {
        let key = WrappingKey::new(&[1; 32]);
        let one = key.wrap("label", &[], b"secret", &os_entropy);
        assert_ne!(one, key.wrap("label", &[], b"secret", &os_entropy));
    }
}
