//! The key of one file and what is derived from it.
//!
//! Must not know how it is wrapped or where it is kept.

use crate::Entropy;
use crate::aead::Aes256Gcm;
use crate::derive;
use crate::format::{self, COMMITMENT_LEN, HEADER_LEN};
use crate::secret::{KEY_LEN, SecretKey, random_key};

/// The random key of one file; also of our own sealed records, such as the pages of one job log.
///
/// Wiped when dropped. It cannot be printed, cloned or read: it leaves only wrapped.
///
/// ```compile_fail
/// let key = coffer_seal::FileKey::generate(&coffer_seal::os_entropy);
/// println!("{key:?}");
/// ```
pub struct FileKey(SecretKey);

impl FileKey {
    /// A new random key.
    pub fn generate(entropy: &Entropy) -> Self {
        Self(random_key(entropy))
    }

    /// A key that was derived from a secret, and serves nothing else.
    pub fn from_secret(key: SecretKey) -> Self {
        Self(key)
    }

    pub(crate) fn from_bytes(bytes: &[u8; KEY_LEN]) -> Self {
        Self(SecretKey::from_bytes(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; KEY_LEN] {
        self.0.as_bytes()
    }

    /// The cipher for the segments of the file with this header, and the commitment to both.
    pub(crate) fn payload(&self, header: &[u8; HEADER_LEN]) -> (Aes256Gcm, [u8; COMMITMENT_LEN]) {
        let derived = derive::hkdf::<{ KEY_LEN + COMMITMENT_LEN }>(
            self.as_bytes(),
            format::salt(header),
            header,
        );
        let (key, rest) = derived
            .as_bytes()
            .split_first_chunk()
            .expect("64 bytes were derived");
        let mut commitment = [0; COMMITMENT_LEN];
        commitment.copy_from_slice(rest);
        (Aes256Gcm::new(key), commitment)
    }
}
