//! Our own small sealed records (a page of a job log, a variable) in one call.
//!
//! The same format as a file. A record's key may seal many records: each takes its own salt, and `file` in
//! the context must tell the records apart. Must not know what a record says.

use zeroize::Zeroizing;

use crate::format::sealed_length;
use crate::{Entropy, FileKey, OpenError, Opener, SealedContext, Sealer};

/// Seals `plain` whole.
pub fn seal_bytes(
    key: &FileKey,
    context: SealedContext,
    plain: &[u8],
    entropy: &Entropy,
) -> Vec<u8> {
    let length = usize::try_from(sealed_length(plain.len() as u64)).unwrap_or(0);
    let mut sealed = Vec::with_capacity(length);
    let mut sealer = Sealer::new(key, context, entropy);
    sealer.push(plain, &mut sealed);
    sealer.finish(&mut sealed);
    sealed
}

/// Opens what [`seal_bytes`] made. All or nothing.
///
/// # Errors
///
/// Any [`OpenError`] but `Length`, `Digest` and `Wrap`.
pub fn open_bytes(
    key: &FileKey,
    expected: SealedContext,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
    let mut opener = Opener::new(key, expected);
    opener.push(sealed, &mut plain)?;
    opener.finish_unlisted(&mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::os_entropy;

    #[test]
    fn a_page_opens_as_itself_only() {
        let key = FileKey::generate(&os_entropy);
        let page = |number| SealedContext {
            organization: Uuid::from_u128(1),
            project: Uuid::from_u128(2),
            file: Uuid::from_u128(number),
        };
        let first = seal_bytes(&key, page(1), b"line one", &os_entropy);
        let again = seal_bytes(&key, page(1), b"line one", &os_entropy);
        assert_ne!(first, again, "each record has its own salt");
        assert_eq!(
            open_bytes(&key, page(1), &first).unwrap().as_slice(),
            b"line one"
        );
        assert_eq!(
            open_bytes(&key, page(2), &first).err(),
            Some(OpenError::OtherFile)
        );
        assert_eq!(
            open_bytes(&key, page(1), &first[..first.len() - 1]).err(),
            Some(OpenError::Damaged)
        );
    }
}
