//! HKDF-SHA-512, constant-time comparison and the unambiguous encoding of several values as one.
//!
//! Must not know which keys are derived.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Salt};

use crate::secret::{Secret, scrubbed};

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-SHA-512 (RFC 5869) with `N` bytes of output.
pub(crate) fn hkdf<const N: usize>(secret: &[u8], salt: &[u8], info: &[u8]) -> Secret<N> {
    let mut output = Secret::zeroed();
    scrubbed(|| {
        Salt::new(HKDF_SHA512, salt)
            .extract(secret)
            .expand(&[info], Length(N))
            .and_then(|okm| okm.fill(output.as_mut_bytes()))
    })
    .expect("HKDF-SHA-512 gives up to 16,320 bytes");
    output
}

/// Whether two secrets are equal, in time that depends on their length alone.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    verify_slices_are_equal(a, b).is_ok()
}

/// The label and each part, every one preceded by its length as a 64-bit big-endian number.
///
/// Two different lists never give the same bytes, so values cannot slide from one field into the next.
pub(crate) fn join(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let size = 8 + label.len() + parts.iter().map(|part| 8 + part.len()).sum::<usize>();
    let mut joined = Vec::with_capacity(size);
    for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
        joined.extend_from_slice(&(part.len() as u64).to_be_bytes());
        joined.extend_from_slice(part);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_slide_into_each_other() {
        assert_ne!(join("l", &[b"ab", b"c"]), join("l", &[b"a", b"bc"]));
        assert_ne!(join("la", &[b"b"]), join("l", &[b"ab"]));
        assert_ne!(join("l", &[b""]), join("l", &[]));
        assert_eq!(
            join("l", &[b"ab"]),
            b"\0\0\0\0\0\0\0\x01l\0\0\0\0\0\0\0\x02ab"
        );
    }

    #[test]
    fn lengths_differ_means_not_equal() {
        assert!(equal(b"abc", b"abc"));
        assert!(!equal(b"abc", b"abd"));
        assert!(!equal(b"abc", b"ab"));
    }
}
