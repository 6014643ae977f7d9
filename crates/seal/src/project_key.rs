//! Project keys: from the secret a provider wraps to the key that wraps file keys.
//!
//! Must not know providers, versions' life cycles or the database.

use uuid::Uuid;

use crate::derive;
use crate::digest::{Contents, Digest};
use crate::format::{self, COMMITMENT_LEN, HEADER_LEN, SealedContext};
use crate::secret::{KEY_LEN, Secret, SecretKey, random_key};
use crate::wrapping::WrappingKey;
use crate::{Entropy, FileKey, KeyError, OpenError, Summary};

const DERIVE_LABEL: &str = "coffer/project-key/v1";
const FILE_LABEL: &str = "coffer/file-key-wrap/v1";
const OWN_LABEL: &str = "coffer/own-key-wrap/v1";

/// file key ‖ length ‖ SHA-256
const FILE_WRAP_PLAIN: usize = KEY_LEN + 8 + 32;

/// What a project key belongs to. Part of the derivation: another context gives another key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProjectKeyContext {
    /// Name of the scale unit.
    pub scale_unit: String,
    /// The organization's id.
    pub organization: Uuid,
    /// The project's id.
    pub project: Uuid,
    /// The key version, counted up by each rotation.
    pub version: u64,
}

/// The 32 random bytes a provider wraps and unwraps. Nothing is sealed under them directly.
///
/// Wiped when dropped, not printable, not cloneable.
pub struct ProjectKeySecret(SecretKey);

impl ProjectKeySecret {
    /// A new random secret.
    pub fn generate(entropy: &Entropy) -> Self {
        Self(random_key(entropy))
    }

    /// What a provider unwrapped.
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Self {
        Self(SecretKey::from_bytes(bytes))
    }

    /// The bytes, for a provider to wrap and for nobody else.
    pub fn as_bytes(&self) -> &[u8; KEY_LEN] {
        self.0.as_bytes()
    }
}

/// The key of one project in one deployment: wraps file keys and our own keys.
///
/// Wiped when dropped, not printable, not cloneable.
pub struct ProjectKey {
    context: ProjectKeyContext,
    files: WrappingKey,
    own: WrappingKey,
}

impl ProjectKey {
    /// Derives a new project key, and the commitment to store beside the wrapped secret.
    pub fn create(
        secret: &ProjectKeySecret,
        context: ProjectKeyContext,
    ) -> (Self, [u8; COMMITMENT_LEN]) {
        let derived = derive::hkdf::<{ 2 * KEY_LEN + COMMITMENT_LEN }>(
            secret.as_bytes(),
            &[],
            &derive::join(
                DERIVE_LABEL,
                &[
                    context.scale_unit.as_bytes(),
                    context.organization.as_bytes(),
                    context.project.as_bytes(),
                    &context.version.to_be_bytes(),
                ],
            ),
        );
        let (files, rest) = derived
            .as_bytes()
            .split_first_chunk()
            .expect("96 bytes were derived");
        let (own, rest) = rest.split_first_chunk().expect("64 bytes are left");
        let mut commitment = [0; COMMITMENT_LEN];
        commitment.copy_from_slice(rest);
        (
            Self {
                context,
                files: WrappingKey::new(files),
                own: WrappingKey::new(own),
            },
            commitment,
        )
    }

    /// Derives a stored project key, compared with its commitment in constant time.
    ///
    /// # Errors
    ///
    /// [`KeyError::Commitment`] when secret or context are not those of the creation. Then nothing may be sealed.
    pub fn open(
        secret: &ProjectKeySecret,
        context: ProjectKeyContext,
        commitment: &[u8; COMMITMENT_LEN],
    ) -> Result<Self, KeyError> {
        let (key, derived) = Self::create(secret, context);
        if derive::equal(&derived, commitment) {
            Ok(key)
        } else {
            Err(KeyError::Commitment)
        }
    }

    /// What this key belongs to.
    pub fn context(&self) -> &ProjectKeyContext {
        &self.context
    }

    /// Wraps the key of a file that has just been sealed, with the length and digest of its plaintext.
    ///
    /// # Panics
    ///
    /// When `summary` is of another project or was sealed under another key: the file would never open again.
    pub fn wrap_file_key(&self, key: &FileKey, summary: &Summary, entropy: &Entropy) -> Vec<u8> {
        let (header, commitment) = summary
            .preamble
            .split_first_chunk::<HEADER_LEN>()
            .expect("a preamble has a header");
        assert!(
            derive::equal(&key.payload(header).1, commitment),
            "the summary belongs to another file key; wrapping it would lose the file"
        );
        let context = format::context(header);
        assert!(
            self.covers(context),
            "the file was sealed for another project than this key's"
        );
        self.wrap_contents(key, &summary.contents(), &summary.preamble, entropy)
    }

    /// The key and the contents of the file with this preamble, which must be `expected`.
    ///
    /// # Errors
    ///
    /// [`OpenError::Wrap`] unless this very key wrapped this very preamble; [`OpenError::OtherFile`] when the
    /// preamble or this key is of something else than `expected`; others for an unknown preamble.
    pub fn unwrap_file_key(
        &self,
        wrap: &[u8],
        preamble: &[u8],
        expected: SealedContext,
    ) -> Result<(FileKey, Contents), OpenError> {
        let (header, commitment) = format::check_preamble(preamble, expected)?;
        if !self.covers(expected) {
            return Err(OpenError::OtherFile);
        }
        let plain: Secret<FILE_WRAP_PLAIN> = self
            .files
            .unwrap(
                FILE_LABEL,
                &self.file_parts(&self.context.version.to_be_bytes(), header, commitment),
                wrap,
            )
            .map_err(|_| OpenError::Wrap)?;
        let (key, rest) = plain
            .as_bytes()
            .split_first_chunk()
            .expect("the key comes first");
        let (length, rest) = rest.split_first_chunk().expect("the length comes second");
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(rest);
        let contents = Contents {
            length: u64::from_be_bytes(*length),
            sha256: Digest::from_bytes(sha256),
        };
        Ok((FileKey::from_bytes(key), contents))
    }

    /// Moves a wrapped file key to another version of the same project's key, or to another scale unit.
    ///
    /// # Errors
    ///
    /// As [`ProjectKey::unwrap_file_key`]; [`OpenError::OtherFile`] when `to` is of another project.
    pub fn rewrap_file_key(
        &self,
        wrap: &[u8],
        preamble: &[u8],
        expected: SealedContext,
        to: &Self,
        entropy: &Entropy,
    ) -> Result<Vec<u8>, OpenError> {
        let (key, contents) = self.unwrap_file_key(wrap, preamble, expected)?;
        if !to.covers(expected) {
            return Err(OpenError::OtherFile);
        }
        Ok(to.wrap_contents(&key, &contents, preamble, entropy))
    }

    /// Wraps a key of our own (job log, variable, …). `label` says what for, `owner` whose.
    pub fn wrap_own_key(
        &self,
        label: &str,
        owner: Uuid,
        key: &FileKey,
        entropy: &Entropy,
    ) -> Vec<u8> {
        let version = self.context.version.to_be_bytes();
        self.own.wrap(
            OWN_LABEL,
            &self.own_parts(&version, label, &owner),
            key.as_bytes(),
            entropy,
        )
    }

    /// The key that [`ProjectKey::wrap_own_key`] wrapped for the same label and owner.
    ///
    /// # Errors
    ///
    /// [`OpenError::Wrap`] unless this very key wrapped it for `label` and `owner`.
    pub fn unwrap_own_key(
        &self,
        label: &str,
        owner: Uuid,
        wrap: &[u8],
    ) -> Result<FileKey, OpenError> {
        let version = self.context.version.to_be_bytes();
        let key = self
            .own
            .unwrap(OWN_LABEL, &self.own_parts(&version, label, &owner), wrap)
            .map_err(|_| OpenError::Wrap)?;
        Ok(FileKey::from_bytes(key.as_bytes()))
    }

    /// Moves a wrapped key of our own to another version of the same project's key, or to another scale unit.
    ///
    /// # Errors
    ///
    /// As [`ProjectKey::unwrap_own_key`]; [`OpenError::OtherFile`] when `to` is of another project.
    pub fn rewrap_own_key(
        &self,
        label: &str,
        owner: Uuid,
        wrap: &[u8],
        to: &Self,
        entropy: &Entropy,
    ) -> Result<Vec<u8>, OpenError> {
        let key = self.unwrap_own_key(label, owner, wrap)?;
        let same = self.context.organization == to.context.organization
            && self.context.project == to.context.project;
        if same {
            Ok(to.wrap_own_key(label, owner, &key, entropy))
        } else {
            Err(OpenError::OtherFile)
        }
    }

    fn wrap_contents(
        &self,
        key: &FileKey,
        contents: &Contents,
        preamble: &[u8],
        entropy: &Entropy,
    ) -> Vec<u8> {
        let mut secret = Secret::<FILE_WRAP_PLAIN>::zeroed();
        let plain = secret.as_mut_bytes();
        plain[..KEY_LEN].copy_from_slice(key.as_bytes());
        plain[KEY_LEN..KEY_LEN + 8].copy_from_slice(&contents.length.to_be_bytes());
        plain[KEY_LEN + 8..].copy_from_slice(contents.sha256.as_bytes());
        let (header, commitment) = preamble.split_at(HEADER_LEN);
        let version = self.context.version.to_be_bytes();
        self.files.wrap(
            FILE_LABEL,
            &self.file_parts(&version, header, commitment),
            plain,
            entropy,
        )
    }

    fn covers(&self, context: SealedContext) -> bool {
        self.context.organization == context.organization && self.context.project == context.project
    }

    fn file_parts<'a>(
        &'a self,
        version: &'a [u8; 8],
        header: &'a [u8],
        commitment: &'a [u8],
    ) -> [&'a [u8]; 4] {
        [
            self.context.scale_unit.as_bytes(),
            version,
            header,
            commitment,
        ]
    }

    fn own_parts<'a>(
        &'a self,
        version: &'a [u8; 8],
        label: &'a str,
        owner: &'a Uuid,
    ) -> [&'a [u8]; 6] {
        [
            self.context.scale_unit.as_bytes(),
            version,
            self.context.organization.as_bytes(),
            self.context.project.as_bytes(),
            label.as_bytes(),
            owner.as_bytes(),
        ]
    }
}
