//! The signing key of a scale unit: Ed25519, derived from a secret that a provider wraps like a project key's.
//!
//! Must not know what is signed.

use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use uuid::{Uuid, uuid};

use crate::derive;
use crate::secret::{KEY_LEN, SecretKey, scrubbed};
use crate::{KeyError, ProjectKeyContext, ProjectKeySecret};

const LABEL: &str = "coffer/signing-key/v1";

/// Stands where a project key's context has its project: no project has this id.
const NOT_A_PROJECT: Uuid = uuid!("5d3d2c0e-7a54-4b8e-9a59-30d0b8f9c6a1");

/// Signs for a scale unit. Wiped when dropped, not printable, not cloneable.
pub struct SigningKey {
    seed: SecretKey,
    public: [u8; 32],
}

impl SigningKey {
    /// What the wrap of a signing key's secret is bound to.
    pub fn context(scale_unit: &str, organization: Uuid, version: u64) -> ProjectKeyContext {
        ProjectKeyContext {
            scale_unit: scale_unit.to_owned(),
            organization,
            project: NOT_A_PROJECT,
            version,
        }
    }

    /// Derives the key from its secret. Another context gives another key.
    ///
    /// # Errors
    /// [`KeyError::Commitment`] when no key can be made, which does not happen.
    pub fn derive(
        secret: &ProjectKeySecret,
        context: &ProjectKeyContext,
    ) -> Result<Self, KeyError> {
        let seed = derive::hkdf::<KEY_LEN>(
            secret.as_bytes(),
            &[],
            &derive::join(
                LABEL,
                &[
                    context.scale_unit.as_bytes(),
                    context.organization.as_bytes(),
                    context.project.as_bytes(),
                    &context.version.to_be_bytes(),
                ],
            ),
        );
        let mut public = [0; 32];
        scrubbed(|| {
            let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_bytes())?;
            public.copy_from_slice(pair.public_key().as_ref());
            Ok(())
        })
        .map_err(|_: KeyRejected| KeyError::Commitment)?;
        Ok(Self { seed, public })
    }

    /// The same, compared with the public key that was stored when it was made.
    ///
    /// # Errors
    /// [`KeyError::Commitment`] when secret, context or public key are not those of the creation. Then nothing may be
    /// signed.
    pub fn open(
        secret: &ProjectKeySecret,
        context: &ProjectKeyContext,
        public: &[u8; 32],
    ) -> Result<Self, KeyError> {
        let key = Self::derive(secret, context)?;
        if derive::equal(&key.public, public) {
            Ok(key)
        } else {
            Err(KeyError::Commitment)
        }
    }

    /// The public key.
    pub fn public_key(&self) -> &[u8; 32] {
        &self.public
    }

    /// The signature of these bytes.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        scrubbed(|| {
            // Built for each signature: between them only the seed exists, in the arena.
            let pair = Ed25519KeyPair::from_seed_unchecked(self.seed.as_bytes())
                .expect("this seed made a key before");
            pair.sign(bytes).as_ref().to_vec()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    #[test]
    fn secret_and_context_give_the_key_and_nothing_else_does() {
        let secret = ProjectKeySecret::generate(&crate::os_entropy);
        let context = SigningKey::context("unit-a", Uuid::nil(), 1);
        let key = SigningKey::derive(&secret, &context).unwrap();
        let public = *key.public_key();
        let signature = key.sign(b"text");
        UnparsedPublicKey::new(&ED25519, public)
            .verify(b"text", &signature)
            .unwrap();
        assert!(SigningKey::open(&secret, &context, &public).is_ok());
        for other in [
            SigningKey::context("unit-b", Uuid::nil(), 1),
            SigningKey::context("unit-a", Uuid::from_u128(1), 1),
            SigningKey::context("unit-a", Uuid::nil(), 2),
        ] {
            assert!(SigningKey::open(&secret, &other, &public).is_err());
        }
        let another = ProjectKeySecret::generate(&crate::os_entropy);
        assert!(SigningKey::open(&another, &context, &public).is_err());
    }
}
