//! Thirty-two secret bytes that are wiped when dropped.
//!
//! They lie on the heap, so that moving the owner copies a pointer and leaves no second copy on a stack.
//! Must not know what the bytes are a key of.

use zeroize::{Zeroize, Zeroizing};

use crate::Entropy;

/// Length of every key in the hierarchy, in bytes.
pub(crate) const KEY_LEN: usize = 32;

/// Thirty-two secret bytes. Deliberately without `Debug`, `Clone` and `PartialEq`.
pub(crate) struct Secret32(Box<[u8; KEY_LEN]>);

impl Secret32 {
    pub(crate) fn generate(entropy: &Entropy) -> Self {
        let mut secret = Self(Box::new([0; KEY_LEN]));
        entropy(secret.0.as_mut_slice());
        secret
    }

    pub(crate) fn from_bytes(bytes: &[u8; KEY_LEN]) -> Self {
        let mut secret = Self(Box::new([0; KEY_LEN]));
        secret.0.copy_from_slice(bytes);
        secret
    }

    pub(crate) fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl Drop for Secret32 {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Appends `data` to `out`, wiping the old allocation when `out` has to grow.
///
/// `Vec` itself frees the old allocation with its content in it.
pub(crate) fn extend_wiping(out: &mut Zeroizing<Vec<u8>>, data: &[u8]) {
    let needed = out.len() + data.len();
    if needed > out.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(out.capacity() * 2)));
        larger.extend_from_slice(out);
        *out = larger; // the old one is wiped as it drops
    }
    out.extend_from_slice(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_keeps_the_content() {
        let mut out = Zeroizing::new(Vec::with_capacity(4));
        extend_wiping(&mut out, b"abc");
        let before = out.as_ptr();
        extend_wiping(&mut out, b"d");
        assert_eq!(out.as_ptr(), before, "there was room");
        extend_wiping(&mut out, b"efghijkl");
        assert_eq!(out.as_slice(), b"abcdefghijkl");
        extend_wiping(&mut out, b"");
        assert_eq!(out.len(), 12);
    }
}
