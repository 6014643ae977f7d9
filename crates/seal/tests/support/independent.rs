//! A second implementation of opening, written from `docs/sealed-format.md` with other libraries.
//!
//! It shares no code with the crate: RustCrypto's AES-GCM, HKDF and SHA-2, and offsets as numbers.

use std::fs;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use hkdf::Hkdf;
use sha2::{Digest as _, Sha256, Sha512};

use coffer_seal::SealedContext;

use crate::make;
use crate::support::{self, Good, GoodVector};

fn hkdf_sha512(secret: &[u8], salt: &[u8], info: &[u8], length: usize) -> Vec<u8> {
    let mut output = vec![0; length];
    Hkdf::<Sha512>::new(Some(salt), secret)
        .expand(info, &mut output)
        .unwrap();
    output
}

fn decrypt(key: &[u8], nonce: [u8; 12], aad: &[u8], msg: &[u8]) -> Option<Vec<u8>> {
    Aes256Gcm::new_from_slice(key)
        .unwrap()
        .decrypt(&nonce.into(), Payload { msg, aad })
        .ok()
}

fn length_prefixed(parts: &[&[u8]]) -> Vec<u8> {
    parts
        .iter()
        .flat_map(|part| [&(part.len() as u64).to_be_bytes()[..], part].concat())
        .collect()
}

/// Section "Opening" of the document.
pub(crate) fn open(file_key: &[u8], expected: SealedContext, sealed: &[u8]) -> Option<Vec<u8>> {
    let (header, rest) = sealed.split_at_checked(90)?;
    let (commitment, mut segments) = rest.split_at_checked(32)?;
    if header[0..8] != [0x89, 0x43, 0x4f, 0x46, 0x46, 0x45, 0x52, 0x0a] || header[8..10] != [1, 1] {
        return None;
    }
    let guids = [expected.organization, expected.project, expected.file];
    if guids
        .iter()
        .zip(header[10..58].chunks(16))
        .any(|(guid, bytes)| guid.as_bytes() != bytes)
    {
        return None;
    }
    let derived = hkdf_sha512(file_key, &header[58..90], header, 64);
    if &derived[32..] != commitment {
        return None;
    }
    let mut plain = Vec::new();
    for counter in 0_u64.. {
        let last = segments.len() <= 65_552;
        let (segment, rest) = segments.split_at(segments.len().min(65_552));
        if segment.len() < 16 || (segment.len() == 16 && counter > 0) {
            return None;
        }
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&counter.to_be_bytes());
        nonce[11] = u8::from(last);
        plain.extend(decrypt(&derived[..32], nonce, &[], segment)?);
        segments = rest;
        if last {
            break;
        }
    }
    Some(plain)
}

/// Section "The wrap of the file key" of the document: file key, length, SHA-256.
fn unwrap(vector: &GoodVector, preamble: &[u8]) -> Option<Vec<u8>> {
    let wrap = &vector.wrap;
    let secret = hex::decode(&wrap.project_secret).unwrap();
    let version = wrap.version.to_be_bytes();
    let (organization, project) = (vector.context.organization, vector.context.project);
    let info = length_prefixed(&[
        b"coffer/project-key/v1",
        wrap.scale_unit.as_bytes(),
        organization.as_bytes(),
        project.as_bytes(),
        &version,
    ]);
    let derived = hkdf_sha512(&secret, &[], &info, 96);
    assert_eq!(hex::encode(&derived[64..]), wrap.project_commitment);
    let aad = length_prefixed(&[
        b"coffer/file-key-wrap/v1",
        wrap.scale_unit.as_bytes(),
        &version,
        &preamble[..90],
        &preamble[90..122],
    ]);
    let bytes = hex::decode(&wrap.bytes).unwrap();
    assert_eq!((bytes.len(), bytes[0]), (101, 1));
    decrypt(
        &derived[..32],
        bytes[1..13].try_into().unwrap(),
        &aad,
        &bytes[13..],
    )
}

#[test]
fn another_implementation_opens_our_files() {
    let good: Good =
        serde_json::from_str(&fs::read_to_string(support::path("good.json")).unwrap()).unwrap();
    let mut opened = 0;
    for vector in good
        .vectors
        .iter()
        .filter(|vector| vector.length <= 200_003)
    {
        let plain = make::plaintext(vector);
        let (sealed, ..) = make::seal(&vector.file_key, &vector.salt, vector.context, &plain);
        let wrapped = unwrap(vector, &sealed[..122]).unwrap();
        assert_eq!(hex::encode(&wrapped[..32]), vector.file_key);
        assert_eq!(wrapped[32..40], (plain.len() as u64).to_be_bytes());
        assert_eq!(wrapped[40..], Sha256::digest(&plain)[..]);
        let open = |sealed: &[u8]| open(&wrapped[..32], vector.context.into(), sealed);
        assert!(open(&sealed).unwrap() == plain, "{}", vector.name);
        assert!(
            open(&sealed[..sealed.len() - 1]).is_none(),
            "{}",
            vector.name
        );
        opened += 1;
    }
    assert!(opened >= 9);
}
