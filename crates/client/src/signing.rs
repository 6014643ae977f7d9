//! An agent's Ed25519 key, and the headers that sign a request with it ([`coffer_wire::signature`]).
//!
//! Knows no route and no clock: time and nonce are arguments.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use coffer_wire::signature::{Parameters, content_digest, signature_header};
use std::io;
use std::path::Path;
use zeroize::Zeroizing;

/// A PKCS#8 document of an Ed25519 key is far shorter.
const MAX_KEY_FILE: u64 = 4096;

/// An agent's key pair. Neither `Debug` nor `Clone`: it is shared by reference.
pub struct AgentKey {
    pair: Ed25519KeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The machine's random generator failed.
    #[error("no key could be made; the machine's random generator failed")]
    Random,
    /// The bytes are no PKCS#8 document of an Ed25519 key.
    #[error(
        "the key file does not hold an Ed25519 key in PKCS#8; remove it and register the agent again"
    )]
    Unreadable,
    /// Others can read the file, so the key may be known to them.
    #[error("the key file can be read by others; remove it and register the agent again")]
    Exposed,
    /// The file cannot be read or written.
    #[error("the key file cannot be read or written")]
    File(#[source] io::Error),
}

/// The three headers of a signed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeaders {
    /// `Content-Digest`.
    pub content_digest: String,
    /// `Signature-Input`.
    pub signature_input: String,
    /// `Signature`.
    pub signature: String,
}

impl AgentKey {
    /// A new key.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn generate() -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Random)?;
        let document = pair.to_pkcs8().map_err(|_| KeyError::Random)?;
        let pkcs8 = Zeroizing::new(document.as_ref().to_vec());
        Ok(Self { pair, pkcs8 })
    }

    /// The key of a PKCS#8 document.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`].
    pub fn from_pkcs8(bytes: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(&bytes).map_err(|_| KeyError::Unreadable)?;
        Ok(Self { pair, pkcs8: bytes })
    }

    /// Reads a key that [`AgentKey::store`] wrote. A file that others may read is refused.
    ///
    /// # Errors
    /// [`KeyError`]; a file that does not exist is [`KeyError::File`] with [`io::ErrorKind::NotFound`].
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        use std::io::Read as _;
        let file = std::fs::File::open(path).map_err(KeyError::File)?;
        let about = file.metadata().map_err(KeyError::File)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            if about.permissions().mode() & 0o077 != 0 {
                return Err(KeyError::Exposed);
            }
        }
        if about.len() > MAX_KEY_FILE {
            return Err(KeyError::Unreadable);
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_KEY_FILE as usize));
        file.take(MAX_KEY_FILE)
            .read_to_end(&mut bytes)
            .map_err(KeyError::File)?;
        Self::from_pkcs8(bytes)
    }

    /// Writes the key to a new file, mode 0600. A file that is there already is not touched and is an error.
    ///
    /// # Errors
    /// [`KeyError::File`].
    pub fn store(&self, path: &Path) -> Result<(), KeyError> {
        use std::io::Write as _;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut file = options.open(path).map_err(KeyError::File)?;
        file.write_all(&self.pkcs8)
            .and_then(|()| file.sync_all())
            .map_err(KeyError::File)
    }

    /// The public key as the wire carries it: 32 bytes, base64url without padding.
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref())
    }

    /// Signs a request. `path` is the path as the server routes it; `parameters` are never used twice.
    pub fn sign(
        &self,
        method: &str,
        path: &str,
        body: &[u8],
        parameters: &Parameters,
    ) -> SignedHeaders {
        let content_digest =
            content_digest(&STANDARD.encode(digest::digest(&digest::SHA256, body).as_ref()));
        let base = parameters.base(method, path, &content_digest);
        let signature = self.pair.sign(base.as_bytes());
        SignedHeaders {
            content_digest,
            signature_input: parameters.header(),
            signature: signature_header(&STANDARD.encode(signature.as_ref())),
        }
    }
}

/// A nonce for one signature: base64url of 16 random bytes.
///
/// # Errors
/// [`KeyError::Random`].
pub fn nonce() -> Result<String, KeyError> {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).map_err(|_| KeyError::Random)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    fn parameters() -> Parameters {
        Parameters {
            created: 1_763_000_000,
            nonce: nonce().unwrap(),
            key_id: "0d9f2f4e-6f3d-4a55-9a5d-2a53d0a6a1f1".into(),
        }
    }

    fn holds(key: &AgentKey, headers: &SignedHeaders, method: &str, path: &str) -> bool {
        let parameters = Parameters::parse(&headers.signature_input).unwrap();
        let base = parameters.base(method, path, &headers.content_digest);
        let signature = STANDARD
            .decode(coffer_wire::signature::parse_signature(&headers.signature).unwrap())
            .unwrap();
        let public = URL_SAFE_NO_PAD.decode(key.public_key()).unwrap();
        UnparsedPublicKey::new(&ED25519, public)
            .verify(base.as_bytes(), &signature)
            .is_ok()
    }

    #[test]
    fn a_signature_holds_for_its_request_only() {
        let key = AgentKey::generate().unwrap();
        let headers = key.sign("POST", "/Acme/_apis/x", b"{}", &parameters());
        assert!(holds(&key, &headers, "POST", "/Acme/_apis/x"));
        assert!(!holds(&key, &headers, "GET", "/Acme/_apis/x"));
        assert!(!holds(&key, &headers, "POST", "/Acme/_apis/y"));
        let other_body = key.sign("POST", "/Acme/_apis/x", b"{ }", &parameters());
        assert_ne!(headers.content_digest, other_body.content_digest);
        let other_key = AgentKey::generate().unwrap();
        assert!(!holds(&other_key, &headers, "POST", "/Acme/_apis/x"));
    }

    #[test]
    fn a_stored_key_is_the_same_key_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let key = AgentKey::generate().unwrap();
        key.store(&path).unwrap();
        assert_eq!(
            AgentKey::load(&path).unwrap().public_key(),
            key.public_key()
        );
        assert!(matches!(key.store(&path), Err(KeyError::File(_))));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
            assert!(matches!(AgentKey::load(&path), Err(KeyError::Exposed)));
        }
    }

    #[test]
    fn other_bytes_are_no_key() {
        assert!(AgentKey::from_pkcs8(Zeroizing::new(b"not a key".to_vec())).is_err());
    }
}
