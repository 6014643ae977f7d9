//! Opening a sealed stream in constant memory, releasing only what has been verified.
//!
//! Must not know who asked: what the file must be comes in as the expected context.

use zeroize::{Zeroize, Zeroizing};

use crate::aead::Aes256Gcm;
use crate::derive;
use crate::digest::{Contents, Digest, Sha256};
use crate::format::{self, PREAMBLE_LEN, SEALED_SEGMENT, SealedContext, TAG_LEN};
use crate::secret::extend_wiping;
use crate::{FileKey, OpenError};

/// Opens one sealed stream: push the sealed bytes in pieces of any size, then finish.
///
/// `push` appends plaintext to `out` segment by segment, each after its tag verified; the caller may hand
/// it on and empty `out` between calls. The last segment is held back until [`Opener::finish`] has found
/// the length and the digest right, so a receiver that needs the whole file never has it before that.
/// After an error every further call gives the same error.
pub struct Opener {
    expected: SealedContext,
    /// Kept until the preamble was checked.
    key: FileKey,
    cipher: Option<Aes256Gcm>,
    /// Sealed bytes that wait: the preamble at first, later at most one sealed segment.
    waiting: Zeroizing<Vec<u8>>,
    counter: u64,
    length: u64,
    hash: Sha256,
    failed: Option<OpenError>,
}

impl Opener {
    /// Starts to open a file that must have been sealed under `key` for `expected`.
    pub fn new(key: &FileKey, expected: SealedContext) -> Self {
        Self {
            expected,
            key: FileKey::from_bytes(key.as_bytes()),
            cipher: None,
            waiting: Zeroizing::new(Vec::with_capacity(SEALED_SEGMENT)),
            counter: 0,
            length: 0,
            hash: Sha256::new(),
            failed: None,
        }
    }

    /// Takes the next sealed bytes and appends to `out` what they let us verify.
    ///
    /// # Errors
    ///
    /// Any [`OpenError`] but `Length` and `Digest`. What earlier calls released is genuine but not the whole
    /// file: the receiver must be told that it failed.
    pub fn push(&mut self, sealed: &[u8], out: &mut Zeroizing<Vec<u8>>) -> Result<(), OpenError> {
        self.guard(|this| this.take(sealed, out))
    }

    /// Opens the last segment, compares the whole with `contents`, and only then releases that segment.
    ///
    /// # Errors
    ///
    /// `Truncated`, `Damaged` or `EmptyLastSegment` when the stream does not end properly, `Length` or
    /// `Digest` when the plaintext is not what the wrap of the file key says.
    pub fn finish(
        mut self,
        out: &mut Zeroizing<Vec<u8>>,
        contents: &Contents,
    ) -> Result<(), OpenError> {
        self.guard(|this| this.end(Some(contents), out))
    }

    /// Like [`Opener::finish`] for our own small records, whose length and digest no wrap names.
    pub(crate) fn finish_unlisted(mut self, out: &mut Zeroizing<Vec<u8>>) -> Result<(), OpenError> {
        self.guard(|this| this.end(None, out))
    }

    fn guard(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let outcome = act(self);
        if let Err(error) = outcome {
            self.failed = Some(error);
            self.waiting.zeroize(); // a failed decryption may have left plaintext
        }
        outcome
    }

    fn take(&mut self, mut sealed: &[u8], out: &mut Zeroizing<Vec<u8>>) -> Result<(), OpenError> {
        while !sealed.is_empty() {
            if self.waiting.len() == self.wanted() {
                if self.cipher.is_none() {
                    self.begin()?;
                } else {
                    self.open_segment(false)?;
                    self.release(out);
                }
            }
            let (taken, rest) =
                sealed.split_at(sealed.len().min(self.wanted() - self.waiting.len()));
            self.waiting.extend_from_slice(taken);
            sealed = rest;
        }
        if self.cipher.is_none() && self.waiting.len() == PREAMBLE_LEN {
            self.begin()?; // a wrong preamble is told at once
        }
        Ok(())
    }

    fn end(
        &mut self,
        contents: Option<&Contents>,
        out: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), OpenError> {
        if self.cipher.is_none() || self.waiting.len() < TAG_LEN {
            return Err(OpenError::Truncated);
        }
        if self.waiting.len() == TAG_LEN && self.counter > 0 {
            return Err(OpenError::EmptyLastSegment);
        }
        self.open_segment(true)?;
        if let Some(contents) = contents {
            if self.length != contents.length {
                return Err(OpenError::Length);
            }
            let hash = std::mem::replace(&mut self.hash, Sha256::new());
            if !Digest::from_bytes(hash.finish()).ct_eq(&contents.sha256) {
                return Err(OpenError::Digest);
            }
        }
        self.release(out);
        Ok(())
    }

    fn wanted(&self) -> usize {
        if self.cipher.is_none() {
            PREAMBLE_LEN
        } else {
            SEALED_SEGMENT
        }
    }

    /// Checks the preamble, the commitment before anything is decrypted.
    fn begin(&mut self) -> Result<(), OpenError> {
        let (header, commitment) = format::check_preamble(&self.waiting, self.expected)?;
        let (cipher, derived) = self.key.payload(header);
        if !derive::equal(&derived, commitment) {
            return Err(OpenError::WrongKey);
        }
        self.cipher = Some(cipher);
        self.waiting.clear();
        Ok(())
    }

    /// Verifies and decrypts the waiting segment in place.
    fn open_segment(&mut self, last: bool) -> Result<(), OpenError> {
        let cipher = self.cipher.as_ref().ok_or(OpenError::Truncated)?;
        let plain = cipher
            .open(
                format::segment_nonce(self.counter, last),
                &[],
                &mut self.waiting,
            )
            .map_err(|_| OpenError::Damaged)?;
        self.hash.update(plain);
        self.length += plain.len() as u64;
        self.counter += 1;
        let length = plain.len();
        self.waiting.truncate(length);
        Ok(())
    }

    fn release(&mut self, out: &mut Zeroizing<Vec<u8>>) {
        extend_wiping(out, &self.waiting);
        self.waiting.as_mut_slice().zeroize();
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{Sealer, os_entropy};

    const CONTEXT: SealedContext = SealedContext {
        organization: Uuid::nil(),
        project: Uuid::nil(),
        file: Uuid::from_u128(1),
    };

    #[test]
    fn a_long_stream_takes_the_memory_of_one_segment() {
        let key = FileKey::generate(&os_entropy);
        let mut sealer = Sealer::new(&key, CONTEXT, &os_entropy);
        let mut sealed = Vec::new();
        sealer.push(&vec![7; 3_000_000], &mut sealed);
        let contents = sealer.finish(&mut sealed).contents();

        let mut opener = Opener::new(&key, CONTEXT);
        let at_start = (opener.waiting.as_ptr(), opener.waiting.capacity());
        let mut out = Zeroizing::new(Vec::new());
        let mut total = 0;
        for piece in sealed.chunks(10_000) {
            opener.push(piece, &mut out).unwrap();
            assert!(out.len() <= SEALED_SEGMENT);
            total += out.len();
            out.clear();
        }
        assert_eq!(
            (opener.waiting.as_ptr(), opener.waiting.capacity()),
            at_start,
            "the buffer never moved or grew"
        );
        opener.finish(&mut out, &contents).unwrap();
        assert_eq!(total + out.len(), 3_000_000);
        assert!(
            out.capacity() <= 4 * SEALED_SEGMENT,
            "what the receiver holds is bounded too"
        );
    }

    #[test]
    fn after_an_error_nothing_opens_any_more() {
        let key = FileKey::generate(&os_entropy);
        let mut sealer = Sealer::new(&key, CONTEXT, &os_entropy);
        let mut sealed = Vec::new();
        sealer.push(&vec![7; 200_000], &mut sealed);
        let contents = sealer.finish(&mut sealed).contents();
        sealed[PREAMBLE_LEN + SEALED_SEGMENT + 5] ^= 1; // in the second segment

        let mut opener = Opener::new(&key, CONTEXT);
        let mut out = Zeroizing::new(Vec::new());
        assert_eq!(opener.push(&sealed, &mut out), Err(OpenError::Damaged));
        assert_eq!(out.len(), crate::SEGMENT, "the first segment was genuine");
        assert!(opener.waiting.is_empty());
        assert_eq!(opener.push(&[], &mut out), Err(OpenError::Damaged));
        assert_eq!(opener.finish(&mut out, &contents), Err(OpenError::Damaged));
        assert_eq!(out.len(), crate::SEGMENT);
    }

    #[test]
    fn a_wrong_preamble_is_told_before_any_segment_is_read() {
        let key = FileKey::generate(&os_entropy);
        let mut sealed = Vec::new();
        Sealer::new(&key, CONTEXT, &os_entropy).finish(&mut sealed);
        let mut out = Zeroizing::new(Vec::new());
        let mut opener = Opener::new(&FileKey::generate(&os_entropy), CONTEXT);
        assert_eq!(
            opener.push(&sealed[..PREAMBLE_LEN], &mut out),
            Err(OpenError::WrongKey)
        );
        let other = SealedContext {
            file: Uuid::from_u128(2),
            ..CONTEXT
        };
        assert_eq!(
            Opener::new(&key, other).push(&sealed[..PREAMBLE_LEN], &mut out),
            Err(OpenError::OtherFile)
        );
    }

    #[test]
    fn the_last_segment_stays_until_length_and_digest_are_right() {
        let key = FileKey::generate(&os_entropy);
        let mut sealer = Sealer::new(&key, CONTEXT, &os_entropy);
        let mut sealed = Vec::new();
        sealer.push(b"short", &mut sealed);
        let right = sealer.finish(&mut sealed).contents();
        let try_with = |contents: &Contents| {
            let mut out = Zeroizing::new(Vec::new());
            let mut opener = Opener::new(&key, CONTEXT);
            opener.push(&sealed, &mut out).unwrap();
            (opener.finish(&mut out, contents), out.len())
        };
        assert_eq!(try_with(&right), (Ok(()), 5));
        assert_eq!(
            try_with(&Contents {
                length: 6,
                ..right.clone()
            }),
            (Err(OpenError::Length), 0)
        );
        assert_eq!(
            try_with(&Contents {
                sha256: Digest::of(b"other"),
                ..right
            }),
            (Err(OpenError::Digest), 0)
        );
    }
}
