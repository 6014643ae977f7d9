//! The fixed parts of a sealed file: header, lengths, segment nonces. See `docs/sealed-format.md`.
//!
//! Must not know keys; nothing here is secret.

use uuid::Uuid;

use crate::OpenError;
use crate::aead::NONCE_LEN;

/// Plaintext bytes in a full segment.
pub const SEGMENT: usize = 65_536;
/// Bytes a segment's tag adds.
pub const TAG_LEN: usize = 16;
/// Bytes of the header: magic, version, suite, three GUIDs, salt.
pub const HEADER_LEN: usize = 8 + 1 + 1 + 3 * 16 + SALT_LEN;
/// Bytes of the commitment to the file key, which follows the header.
pub const COMMITMENT_LEN: usize = 32;
/// Bytes before the first segment: header and commitment.
pub const PREAMBLE_LEN: usize = HEADER_LEN + COMMITMENT_LEN;

pub(crate) const SALT_LEN: usize = 32;
pub(crate) const SEALED_SEGMENT: usize = SEGMENT + TAG_LEN;

/// A byte that is not text, then the product's name, then a line end: mangled transfers show at once.
const MAGIC: &[u8; 8] = b"\x89COFFER\n";
const VERSION: u8 = 1;
const SUITE: u8 = 1;
const VERSION_AT: usize = 8;
const SUITE_AT: usize = 9;
const CONTEXT_AT: usize = 10;
const SALT_AT: usize = CONTEXT_AT + 48;

/// What a sealed file is: bound into its keys, and demanded by whoever opens it.
///
/// When opening, take it from the decision that allowed the access, never from the stored header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SealedContext {
    /// The organization's id.
    pub organization: Uuid,
    /// The project's id.
    pub project: Uuid,
    /// The file's id: new for every content, because content is never replaced.
    pub file: Uuid,
}

/// Length in bytes of the sealed form of a plaintext of `plain` bytes (saturating at `u64::MAX`).
pub fn sealed_length(plain: u64) -> u64 {
    let segments = plain.div_ceil(SEGMENT as u64).max(1);
    plain
        .saturating_add(segments.saturating_mul(TAG_LEN as u64))
        .saturating_add(PREAMBLE_LEN as u64)
}

pub(crate) fn header(context: SealedContext, salt: &[u8; SALT_LEN]) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..VERSION_AT].copy_from_slice(MAGIC);
    header[VERSION_AT] = VERSION;
    header[SUITE_AT] = SUITE;
    header[CONTEXT_AT..SALT_AT].copy_from_slice(&encode(context));
    header[SALT_AT..].copy_from_slice(salt);
    header
}

/// Splits a preamble into header and commitment, once it is one we know and belongs to `expected`.
pub(crate) fn check_preamble(
    preamble: &[u8],
    expected: SealedContext,
) -> Result<(&[u8; HEADER_LEN], &[u8; COMMITMENT_LEN]), OpenError> {
    let (header, rest) = preamble
        .split_first_chunk::<HEADER_LEN>()
        .ok_or(OpenError::Truncated)?;
    let commitment: &[u8; COMMITMENT_LEN] = rest.try_into().map_err(|_| OpenError::Truncated)?;
    if header[..VERSION_AT] != MAGIC[..] {
        return Err(OpenError::NotSealed);
    }
    if header[VERSION_AT] != VERSION {
        return Err(OpenError::UnknownVersion(header[VERSION_AT]));
    }
    if header[SUITE_AT] != SUITE {
        return Err(OpenError::UnknownSuite(header[SUITE_AT]));
    }
    if header[CONTEXT_AT..SALT_AT] != encode(expected)[..] {
        return Err(OpenError::OtherFile);
    }
    Ok((header, commitment))
}

/// What a header says it is: a claim, for checks on our own writing only.
pub(crate) fn context(header: &[u8; HEADER_LEN]) -> SealedContext {
    let guid = |at: usize| {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&header[at..at + 16]);
        Uuid::from_bytes(bytes)
    };
    SealedContext {
        organization: guid(CONTEXT_AT),
        project: guid(CONTEXT_AT + 16),
        file: guid(CONTEXT_AT + 32),
    }
}

pub(crate) fn salt(header: &[u8; HEADER_LEN]) -> &[u8] {
    &header[SALT_AT..]
}

/// Eleven bytes of big-endian counter, then 1 for the last segment and 0 for all others.
pub(crate) fn segment_nonce(counter: u64, last: bool) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    nonce[3..11].copy_from_slice(&counter.to_be_bytes());
    nonce[11] = u8::from(last);
    nonce
}

fn encode(context: SealedContext) -> [u8; 48] {
    let mut bytes = [0; 48];
    bytes[..16].copy_from_slice(context.organization.as_bytes());
    bytes[16..32].copy_from_slice(context.project.as_bytes());
    bytes[32..].copy_from_slice(context.file.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_step_at_segment_borders() {
        let overhead = |plain: u64| sealed_length(plain) - plain - PREAMBLE_LEN as u64;
        assert_eq!([0, 1, 65_535, 65_536].map(overhead), [16; 4]);
        assert_eq!([65_537, 131_072].map(overhead), [32; 2]);
        assert_eq!(overhead(131_073), 48);
        assert_eq!(overhead(10_485_760), 160 * 16);
        assert_eq!(sealed_length(u64::MAX), u64::MAX);
    }

    #[test]
    fn nonces_are_counter_then_flag() {
        assert_eq!(segment_nonce(0, false), [0; 12]);
        assert_eq!(
            segment_nonce(0x0102, true),
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1]
        );
    }
}
