//! A wrap that carries the vault's signature: over the wrap, the generation and the whole context.
//!
//! Version byte 1, the length of the wrap in two bytes, the wrap, 64 bytes of signature (ES256: `r` and `s`). What is
//! signed is SHA-256 of the label and each part, all with their lengths before them, so that no two places have the same
//! text. Must not know how to ask a vault.

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use coffer_seal::{GenerationId, KeyError, WrapContext};

const VERSION: u8 = 1;
const LABEL: &str = "coffer/root-wrap/azure/v1";
const SIGNATURE_LEN: usize = 64;

/// A public key on P-256 as its point: 4, x, y.
pub(super) type Point = [u8; 65];

/// A wrap and its signature.
pub(super) struct Envelope {
    pub(super) wrap: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

impl Envelope {
    /// Reads one, exactly.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, KeyError> {
        let (&[version, high, low], rest) = bytes.split_first_chunk().ok_or(KeyError::Damaged)?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if version != VERSION || length == 0 || rest.len() != length + SIGNATURE_LEN {
            return Err(KeyError::Damaged);
        }
        let (wrap, signature) = rest.split_at(length);
        Ok(Self {
            wrap: wrap.to_vec(),
            signature: signature.to_vec(),
        })
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, KeyError> {
        let length = u16::try_from(self.wrap.len()).map_err(|_| super::errors::strange())?;
        let mut bytes = vec![VERSION];
        bytes.extend(length.to_be_bytes());
        bytes.extend(&self.wrap);
        bytes.extend(&self.signature);
        Ok(bytes)
    }

    /// Whether the vault signed this wrap for this generation and context.
    pub(super) fn verify(
        &self,
        generation: &GenerationId,
        context: &WrapContext,
        signer: &Point,
    ) -> Result<(), KeyError> {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, signer)
            .verify(&signed(generation, context, &self.wrap), &self.signature)
            .map_err(|_| KeyError::Damaged)
    }
}

/// What the vault is asked to sign: it takes a digest.
pub(super) fn digest(generation: &GenerationId, context: &WrapContext, wrap: &[u8]) -> Vec<u8> {
    let mut digest = Context::new(&SHA256);
    digest.update(&signed(generation, context, wrap));
    digest.finish().as_ref().to_vec()
}

fn signed(generation: &GenerationId, context: &WrapContext, wrap: &[u8]) -> Vec<u8> {
    let version = context.version.to_be_bytes();
    let parts: [&[u8]; 7] = [
        LABEL.as_bytes(),
        generation.0.as_bytes(),
        context.scale_unit.as_bytes(),
        context.organization.as_bytes(),
        context.project.as_bytes(),
        &version,
        wrap,
    ];
    let mut text = Vec::new();
    for part in parts {
        text.extend((part.len() as u64).to_be_bytes());
        text.extend(part);
    }
    text
}
