//! Whether an anchor that a server gave is its scale unit's own: the signature of a record of kind `anchor`.
//!
//! The bytes that are signed are those of `coffer-model`, which an agent does not know. It decides nothing: who keeps
//! anchors says which is the newer.

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use coffer_wire::agent::Anchor;
use uuid::Uuid;

const RECORD: &[u8] = b"coffer signed record v1";
const PAYLOAD: &[u8] = b"coffer signed record payload v1";
const KEY: &[u8] = b"coffer signing key v1";

/// When the anchor was signed, microseconds since 1970; none unless this key signed it.
pub fn signed_at(anchor: &Anchor, key: &[u8; 32]) -> Option<i64> {
    let parts: Vec<&str> = anchor.text.split('.').collect();
    let [
        "a1",
        number,
        sequence,
        time,
        _hint,
        organization,
        head,
        signature,
    ] = parts[..]
    else {
        return None;
    };
    let count = |text: &str| text.parse::<i64>().ok().filter(|count| *count >= 0);
    let bytes = |text: &str| BASE64.decode(text).ok();
    let organization = Uuid::from_slice(&bytes(organization)?).ok()?;
    let time = count(time)?;
    let mut signed = Vec::with_capacity(400);
    for field in [
        RECORD,
        b"anchor",
        anchor.scale_unit.as_bytes(),
        organization.as_bytes(),
        &count(number)?.to_be_bytes(),
        &[0; 32],
        &time.to_be_bytes(),
        &hashed(&[KEY, key]),
        &count(sequence)?.to_be_bytes(),
        &bytes(head)?,
        &[0; 32],
        &hashed(&[PAYLOAD, b""]),
    ] {
        signed.extend_from_slice(&(field.len() as u64).to_be_bytes());
        signed.extend_from_slice(field);
    }
    UnparsedPublicKey::new(&ED25519, key)
        .verify(&signed, &bytes(signature)?)
        .ok()
        .map(|()| time)
}

/// A hash over fields, each preceded by its length.
fn hashed(fields: &[&[u8]]) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    for field in fields {
        hash.update(&(field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    digest
}
