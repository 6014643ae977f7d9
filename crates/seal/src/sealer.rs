//! Sealing a stream in constant memory.
//!
//! Must not know where the sealed bytes go, nor how the file key is wrapped.

use zeroize::Zeroizing;

use crate::aead::Aes256Gcm;
use crate::digest::{Contents, Digest, Sha256};
use crate::format::{
    self, HEADER_LEN, PREAMBLE_LEN, SALT_LEN, SEALED_SEGMENT, SEGMENT, SealedContext,
};
use crate::{Entropy, FileKey};

/// Seals one stream: push the plaintext in pieces of any size, then finish.
///
/// `push` and `finish` append to `out`, beginning with the preamble, so that all that was appended, in
/// order, is the whole sealed file. The caller may empty `out` between calls: no more than one segment is
/// held back, and `out` grows by at most the preamble, the pushed bytes and one segment per call, plus tags.
///
/// Nothing sealed is to be kept before [`Sealer::finish`]: without its last segment it does not open.
pub struct Sealer {
    cipher: Aes256Gcm,
    preamble: [u8; PREAMBLE_LEN],
    begun: bool,
    /// The segment being filled: sealed only when more follows, because the last one is marked.
    segment: Zeroizing<Vec<u8>>,
    counter: u64,
    length: u64,
    sealed_length: u64,
    plain_hash: Sha256,
    sealed_hash: Sha256,
}

/// What is known once a file is sealed.
///
/// The plaintext's length and digest belong in the wrap ([`crate::ProjectKey::wrap_file_key`]) and nowhere else.
pub struct Summary {
    /// Length of the plaintext in bytes.
    pub length: u64,
    /// SHA-256 of the plaintext: confidential.
    pub sha256: Digest,
    /// Header and commitment: the first bytes of the sealed file.
    pub preamble: [u8; PREAMBLE_LEN],
    /// Length of the sealed file in bytes, preamble included.
    pub sealed_length: u64,
    /// SHA-256 of the whole sealed file: public, what audit and approvals name.
    pub sealed_sha256: [u8; 32],
}

impl Summary {
    /// Length and digest as the opener wants them.
    pub fn contents(&self) -> Contents {
        Contents {
            length: self.length,
            sha256: self.sha256.clone(),
        }
    }
}

impl Sealer {
    /// Starts a sealed file. `entropy` gives its 32-byte salt.
    ///
    /// Each file takes a new [`FileKey`]. The salt makes a second use of the same key harmless, not intended.
    pub fn new(key: &FileKey, context: SealedContext, entropy: &Entropy) -> Self {
        let mut salt = [0; SALT_LEN];
        entropy(&mut salt);
        let header = format::header(context, &salt);
        let (cipher, commitment) = key.payload(&header);
        let mut preamble = [0; PREAMBLE_LEN];
        preamble[..HEADER_LEN].copy_from_slice(&header);
        preamble[HEADER_LEN..].copy_from_slice(&commitment);
        Self {
            cipher,
            preamble,
            begun: false,
            segment: Zeroizing::new(Vec::with_capacity(SEALED_SEGMENT)),
            counter: 0,
            length: 0,
            sealed_length: 0,
            plain_hash: Sha256::new(),
            sealed_hash: Sha256::new(),
        }
    }

    /// Header and commitment, with which the sealed bytes begin. [`Sealer::push`] writes them by itself.
    pub fn preamble(&self) -> &[u8; PREAMBLE_LEN] {
        &self.preamble
    }

    /// Takes the next plaintext and appends to `out` the segments that are complete and not the last.
    pub fn push(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        self.begin(out);
        self.plain_hash.update(plain);
        self.length += plain.len() as u64;
        while !plain.is_empty() {
            if self.segment.len() == SEGMENT {
                self.emit(false, out);
            }
            let (taken, rest) = plain.split_at(plain.len().min(SEGMENT - self.segment.len()));
            self.segment.extend_from_slice(taken);
            plain = rest;
        }
    }

    /// Appends the last segment to `out` and says what was sealed.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Summary {
        self.begin(out);
        self.emit(true, out);
        Summary {
            length: self.length,
            sha256: Digest::from_bytes(self.plain_hash.finish()),
            preamble: self.preamble,
            sealed_length: self.sealed_length,
            sealed_sha256: self.sealed_hash.finish(),
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            let preamble = self.preamble;
            self.append(&preamble, out);
        }
    }

    /// Seals the collected segment in place, so that no plaintext is left in it, and empties it.
    fn emit(&mut self, last: bool, out: &mut Vec<u8>) {
        let tag = self.cipher.seal(
            format::segment_nonce(self.counter, last),
            &[],
            &mut self.segment,
        );
        self.counter += 1;
        let mut segment = std::mem::take(&mut self.segment);
        segment.extend_from_slice(&tag); // within the capacity
        self.append(&segment, out);
        segment.clear();
        self.segment = segment;
    }

    fn append(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.sealed_hash.update(bytes);
        self.sealed_length += bytes.len() as u64;
        out.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{os_entropy, sealed_length};

    #[test]
    fn a_long_stream_takes_the_memory_of_one_segment() {
        let context = SealedContext {
            organization: Uuid::nil(),
            project: Uuid::nil(),
            file: Uuid::nil(),
        };
        let mut sealer = Sealer::new(&FileKey::generate(&os_entropy), context, &os_entropy);
        let at_start = (sealer.segment.as_ptr(), sealer.segment.capacity());
        let mut out = Vec::new();
        let mut total = 0;
        let mut largest = 0;
        for _ in 0..640 {
            sealer.push(&[7; 16_384], &mut out);
            largest = largest.max(out.len());
            total += out.len() as u64;
            out.clear();
        }
        assert_eq!(
            (sealer.segment.as_ptr(), sealer.segment.capacity()),
            at_start,
            "the segment never moved or grew"
        );
        let summary = sealer.finish(&mut out);
        total += out.len() as u64;
        assert!(largest <= PREAMBLE_LEN + SEALED_SEGMENT);
        assert_eq!(
            (summary.length, summary.sealed_length, total),
            (10_485_760, sealed_length(10_485_760), total)
        );
        assert_eq!(total, sealed_length(10_485_760));
    }
}
