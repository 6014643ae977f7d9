//! Where secrets of the hierarchy lie: in the arena, for as long as they are used.
//!
//! Bytes are filled in place and read by reference, so that no copy stays on a stack. What a called function leaves
//! on the stack below it is overwritten by [`scrubbed`]. Must not know what the bytes are a key of.

use std::hint::black_box;

pub use coffer_arena::Secret;
use zeroize::Zeroizing;

use crate::Entropy;

/// Length of every key in the hierarchy, in bytes.
pub const KEY_LEN: usize = 32;

/// A key. Wiped when dropped, not printable, not cloneable.
pub type SecretKey = Secret<KEY_LEN>;

/// A new random key.
pub fn random_key(entropy: &Entropy) -> SecretKey {
    let mut key = SecretKey::zeroed();
    scrubbed(|| entropy(key.as_mut_bytes()));
    key
}

/// More than the cipher, the hash and the key derivation take of the stack.
const STACK: usize = 16 << 10;

/// Calls something that works on secrets, and overwrites what it leaves on the stack.
///
/// Only what it was called with and what it returns remain: neither may hold a secret by value.
#[inline(never)]
pub(crate) fn scrubbed<T>(act: impl FnOnce() -> T) -> T {
    let outcome = deeper(act);
    scrub();
    outcome
}

/// A frame of its own: what `act` is compiled into lies below the caller's, where [`scrub`] reaches it.
#[inline(never)]
fn deeper<T>(act: impl FnOnce() -> T) -> T {
    act()
}

#[inline(never)]
fn scrub() {
    black_box(&mut [0_u8; STACK]);
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
