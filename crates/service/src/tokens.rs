//! Tokens and tickets: how they are made, and how a presented one is recognised before any look-up.
//!
//! A token is its prefix, random letters and digits, and a checksum of both: 52 characters in all, so that secret
//! scanners find them and `azure-devops-node-api` sends them by Basic. Only SHA-256 is ever stored.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coffer_model::Entropy;
use coffer_store::CredentialKind;
use zeroize::Zeroizing;

const LENGTH: usize = 52;
/// Characters of a [`secret`].
pub(crate) const SECRET_LENGTH: usize = 43;
const CHECKSUM: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn prefix(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Pat => "cof_pat_",
        CredentialKind::Agent => "cof_agent_",
        CredentialKind::Job => "cof_job_",
    }
}

/// A new token of a kind.
pub(crate) fn mint(kind: CredentialKind, entropy: &Entropy) -> Zeroizing<String> {
    let mut token = Zeroizing::new(String::with_capacity(LENGTH));
    token.push_str(prefix(kind));
    let mut random = Zeroizing::new([0_u8; 64]);
    while token.len() < LENGTH - CHECKSUM {
        entropy(&mut *random);
        // 248 = 4 × 62: anything above would favour the first digits.
        for byte in random.iter().filter(|byte| **byte < 248) {
            if token.len() == LENGTH - CHECKSUM {
                break;
            }
            token.push(char::from(DIGITS[usize::from(byte % 62)]));
        }
    }
    let sum = checksum(token.as_bytes());
    token.push_str(&sum);
    token
}

/// The kind of a presented token, if it has the shape and checksum of one of ours.
pub(crate) fn recognise(token: &str) -> Option<CredentialKind> {
    if token.len() != LENGTH || !token.is_ascii() {
        return None;
    }
    let kind = [
        CredentialKind::Pat,
        CredentialKind::Agent,
        CredentialKind::Job,
    ]
    .into_iter()
    .find(|kind| token.starts_with(prefix(*kind)))?;
    let (body, sum) = token.split_at(LENGTH - CHECKSUM);
    (checksum(body.as_bytes()) == sum).then_some(kind)
}

/// SHA-256 of a token or ticket: what is stored and looked up.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    out
}

/// A secret of 256 bits as text without characters that need encoding: tickets, lease tokens, one-time codes.
pub(crate) fn secret(entropy: &Entropy) -> Zeroizing<String> {
    let mut random = Zeroizing::new([0_u8; 32]);
    entropy(&mut *random);
    Zeroizing::new(URL_SAFE_NO_PAD.encode(*random))
}

/// CRC-32 (IEEE) in base 62. Finds typing mistakes and false alarms; protects nothing.
fn checksum(bytes: &[u8]) -> String {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
        }
    }
    let mut rest = !crc as usize;
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[rest % 62];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_seal::os_entropy;

    #[test]
    fn a_token_is_recognised_and_an_altered_one_is_not() {
        for kind in [
            CredentialKind::Pat,
            CredentialKind::Agent,
            CredentialKind::Job,
        ] {
            let token = mint(kind, &os_entropy);
            assert_eq!(token.len(), 52);
            assert_eq!(recognise(&token), Some(kind));
            let altered: String = token
                .chars()
                .enumerate()
                .map(|(i, c)| {
                    if i == 20 {
                        if c == 'x' { 'y' } else { 'x' }
                    } else {
                        c
                    }
                })
                .collect();
            assert_eq!(recognise(&altered), None);
        }
        assert_eq!(recognise(""), None);
        assert_eq!(recognise(&"ä".repeat(26)), None);
    }

    #[test]
    fn the_checksum_is_the_usual_crc32() {
        // The published check value of CRC-32/IEEE over the nine digits is 0xCBF43926.
        let value = checksum(b"123456789").bytes().fold(0_u64, |value, digit| {
            value * 62 + DIGITS.iter().position(|known| *known == digit).unwrap() as u64
        });
        assert_eq!(value, 0xCBF4_3926);
    }
}
