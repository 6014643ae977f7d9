//! The vector files: their shape, and the deterministic bytes they are made from. Shared by the example that
//! writes them and the tests that read them.

use std::path::PathBuf;

use coffer_seal::{Digest, Entropy, SealedContext};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `tests/vectors/NAME`.
pub(crate) fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", name]
        .iter()
        .collect()
}

/// Vectors that open.
#[derive(Serialize, Deserialize)]
pub(crate) struct Good {
    /// What the file is, for its reader.
    pub(crate) about: String,
    /// Each a sealed file with its wrap.
    pub(crate) vectors: Vec<GoodVector>,
}

/// One file that opens. All bytes are hexadecimal.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct GoodVector {
    /// Unique name, by which bad vectors refer to it.
    pub(crate) name: String,
    /// Organization, project and file.
    pub(crate) context: Context,
    /// 32 bytes.
    pub(crate) file_key: String,
    /// 32 bytes.
    pub(crate) salt: String,
    /// Length of the plaintext; its bytes are [`pattern`] of the name.
    pub(crate) length: u64,
    /// SHA-256 of the plaintext.
    pub(crate) sha256: String,
    /// Header and commitment.
    pub(crate) preamble: String,
    /// Length of the sealed file.
    pub(crate) sealed_length: u64,
    /// SHA-256 of the sealed file.
    pub(crate) sealed_sha256: String,
    /// The whole sealed file, when it is short.
    pub(crate) sealed: Option<String>,
    /// The wrap of the file key.
    pub(crate) wrap: Wrap,
}

/// The three GUIDs of a file.
#[derive(Serialize, Deserialize, Clone, Copy)]
pub(crate) struct Context {
    /// The organization's id.
    pub(crate) organization: Uuid,
    /// The project's id.
    pub(crate) project: Uuid,
    /// The file's id.
    pub(crate) file: Uuid,
}

impl From<Context> for SealedContext {
    fn from(context: Context) -> Self {
        Self {
            organization: context.organization,
            project: context.project,
            file: context.file,
        }
    }
}

/// A wrapped file key and the project key above it.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct Wrap {
    /// 32 bytes: what a provider wraps.
    pub(crate) project_secret: String,
    /// Name of the scale unit.
    pub(crate) scale_unit: String,
    /// Version of the project key.
    pub(crate) version: u64,
    /// 32 bytes: the project key's commitment.
    pub(crate) project_commitment: String,
    /// 12 bytes.
    pub(crate) nonce: String,
    /// The wrap.
    pub(crate) bytes: String,
}

/// Vectors that must not open.
#[derive(Serialize, Deserialize)]
pub(crate) struct Bad {
    /// What the file is, for its reader.
    pub(crate) about: String,
    /// Sealed files.
    pub(crate) sealed: Vec<BadSealed>,
    /// Wraps of file keys.
    pub(crate) wraps: Vec<BadWrap>,
}

/// A sealed file that must not open under the key and wrap of the good vector `of`.
#[derive(Serialize, Deserialize)]
pub(crate) struct BadSealed {
    /// What is wrong.
    pub(crate) name: String,
    /// The good vector whose key, context, length and digest the opener is given.
    pub(crate) of: String,
    /// The bytes, joined from these pieces.
    pub(crate) pieces: Vec<Piece>,
    /// Bits to flip, each in a copy of its own: bit 0 is the lowest of the first byte. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flip_each_bit: Option<[usize; 2]>,
    /// Context given to the opener instead of the vector's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expected: Option<Context>,
    /// File key given to the opener instead of the vector's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file_key: Option<String>,
    /// Contents given to the opener instead of the vector's: length and SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) contents: Option<(u64, String)>,
    /// The reason an opener may give. A class, not a text: see the test for the names.
    pub(crate) reason: String,
}

/// Some bytes.
#[derive(Serialize, Deserialize, Clone)]
#[serde(untagged)]
pub(crate) enum Piece {
    /// Bytes `from..to` of the sealed form of a good vector.
    Of {
        /// The good vector's name.
        sealed: String,
        /// First byte.
        from: u64,
        /// Byte after the last.
        to: u64,
    },
    /// These bytes.
    Bytes {
        /// Hexadecimal.
        hex: String,
    },
}

/// A wrap that must not open. Absent parts are those of the good vector `of`.
#[derive(Serialize, Deserialize)]
pub(crate) struct BadWrap {
    /// What is wrong.
    pub(crate) name: String,
    /// The good vector.
    pub(crate) of: String,
    /// Another wrap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<String>,
    /// Bits of the wrap to flip, each in a copy of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flip_each_bit: Option<[usize; 2]>,
    /// Another scale unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scale_unit: Option<String>,
    /// Another version of the project key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u64>,
    /// Another secret of the project key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) project_secret: Option<String>,
    /// Another preamble.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) preamble: Option<String>,
    /// Another context that the caller expects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expected: Option<Context>,
}

/// `length` bytes that anyone can make again: SHA-256(seed ‖ 0) ‖ SHA-256(seed ‖ 1) ‖ …, cut.
///
/// The seed is text, the counter eight big-endian bytes.
pub(crate) fn pattern(seed: &str, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 32);
    let mut input = [seed.as_bytes(), &[0; 8]].concat();
    for counter in 0_u64.. {
        if bytes.len() >= length {
            break;
        }
        input[seed.len()..].copy_from_slice(&counter.to_be_bytes());
        bytes.extend_from_slice(Digest::of(&input).as_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Randomness that gives `bytes`, once.
pub(crate) fn scripted(bytes: Vec<u8>) -> Box<Entropy> {
    let left = std::sync::Mutex::new(bytes);
    Box::new(move |buffer: &mut [u8]| {
        let mut left = left
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        assert!(
            left.len() >= buffer.len(),
            "the script ends before what is asked"
        );
        buffer.copy_from_slice(&left[..buffer.len()]);
        left.drain(..buffer.len());
    })
}
