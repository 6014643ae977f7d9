//! The published vectors: what opens, what must not, and for which reason.

#![expect(clippy::unwrap_used, reason = "a test")]

mod support;

#[path = "support/independent.rs"]
mod independent;
#[path = "support/make.rs"]
mod make;

use std::collections::HashMap;
use std::fs;

use coffer_seal::{
    Contents, Digest, FileKey, OpenError, Opener, PREAMBLE_LEN, SealedContext, sealed_length,
};
use support::{Bad, Good, GoodVector, Piece, scripted};
use zeroize::Zeroizing;

fn good() -> Good {
    serde_json::from_str(&fs::read_to_string(support::path("good.json")).unwrap()).unwrap()
}

fn bad() -> Bad {
    serde_json::from_str(&fs::read_to_string(support::path("bad.json")).unwrap()).unwrap()
}

fn key(hexadecimal: &str) -> FileKey {
    FileKey::generate(scripted(hex::decode(hexadecimal).unwrap()).as_ref())
}

fn contents(length: u64, sha256: &str) -> Contents {
    Contents {
        length,
        sha256: Digest::from_bytes(hex::decode(sha256).unwrap().try_into().unwrap()),
    }
}

fn sealed(vector: &GoodVector) -> Vec<u8> {
    make::seal(
        &vector.file_key,
        &vector.salt,
        vector.context,
        &make::plaintext(vector),
    )
    .0
}

fn open(
    key: &FileKey,
    expected: SealedContext,
    sealed: &[u8],
    piece: usize,
    contents: &Contents,
) -> (Result<(), OpenError>, Zeroizing<Vec<u8>>) {
    let mut plain = Zeroizing::new(Vec::new());
    let mut opener = Opener::new(key, expected);
    let pushed = sealed
        .chunks(piece)
        .try_for_each(|bytes| opener.push(bytes, &mut plain));
    (
        pushed.and_then(|()| opener.finish(&mut plain, contents)),
        plain,
    )
}

#[test]
fn good_vectors_open_and_seal_to_the_same_bytes() {
    for vector in good().vectors {
        let name = &vector.name;
        let plain = make::plaintext(&vector);
        let bytes = sealed(&vector);
        assert_eq!(
            hex::encode(Digest::of(&bytes).as_bytes()),
            vector.sealed_sha256,
            "{name}"
        );
        assert_eq!(bytes.len() as u64, vector.sealed_length, "{name}");
        assert_eq!(sealed_length(vector.length), vector.sealed_length, "{name}");
        assert_eq!(
            hex::encode(&bytes[..PREAMBLE_LEN]),
            vector.preamble,
            "{name}"
        );
        if let Some(published) = &vector.sealed {
            assert_eq!(&hex::encode(&bytes), published, "{name}");
        }

        let wrap = &vector.wrap;
        let (project_key, commitment) = make::project_key(
            &wrap.project_secret,
            &wrap.scale_unit,
            vector.context,
            wrap.version,
        );
        assert_eq!(hex::encode(commitment), wrap.project_commitment, "{name}");
        let (key, contents) = project_key
            .unwrap_file_key(
                &hex::decode(&wrap.bytes).unwrap(),
                &bytes[..PREAMBLE_LEN],
                vector.context.into(),
            )
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            (contents.length, contents.sha256.to_hex()),
            (vector.length, vector.sha256.clone()),
            "{name}"
        );
        let (outcome, opened) = open(&key, vector.context.into(), &bytes, 100_000, &contents);
        assert_eq!(outcome, Ok(()), "{name}");
        assert!(opened.as_slice() == plain, "{name}");
    }
}

/// The files are published and kept for ever. A change of the format is a new version with new files.
#[test]
fn published_vectors_are_what_this_build_makes() {
    for vector in good().vectors {
        let made = make::good(
            &vector.name,
            usize::try_from(vector.length).unwrap(),
            vector.sealed.is_some(),
        );
        assert_eq!(
            serde_json::to_value(&made.vector).unwrap(),
            serde_json::to_value(&vector).unwrap(),
            "{}",
            vector.name
        );
        assert_eq!(made.sealed.len() as u64, vector.sealed_length);
    }
}

#[test]
fn vectors_reach_every_border() {
    let lengths: Vec<_> = good().vectors.iter().map(|vector| vector.length).collect();
    for length in [0, 1, 65_535, 65_536, 65_537, 131_072, 10_485_760] {
        assert!(lengths.contains(&length), "{length}");
    }
    assert!(
        good()
            .vectors
            .iter()
            .any(|vector| vector.sealed.is_some() && vector.length == 0)
    );
    assert!(bad().sealed.len() > 50 && bad().wraps.len() >= 20);
}

#[test]
fn bad_sealed_files_do_not_open() {
    let good: HashMap<_, _> = good()
        .vectors
        .into_iter()
        .map(|vector| (vector.name.clone(), vector))
        .collect();
    let mut whole: HashMap<String, Vec<u8>> = HashMap::new();
    for vector in bad().sealed {
        let of = &good[&vector.of];
        let mut bytes = Vec::new();
        for piece in &vector.pieces {
            match piece {
                Piece::Bytes { hex } => bytes.extend(hex::decode(hex).unwrap()),
                Piece::Of {
                    sealed: name,
                    from,
                    to,
                } => {
                    let all = whole
                        .entry(name.clone())
                        .or_insert_with(|| sealed(&good[name]));
                    bytes.extend_from_slice(
                        &all[usize::try_from(*from).unwrap()..usize::try_from(*to).unwrap()],
                    );
                }
            }
        }
        let key = key(vector.file_key.as_ref().unwrap_or(&of.file_key));
        let expected: SealedContext = vector.expected.unwrap_or(of.context).into();
        let (length, sha256) = vector
            .contents
            .clone()
            .unwrap_or((of.length, of.sha256.clone()));
        let contents = contents(length, &sha256);
        let plain = make::plaintext(of);
        let key_bytes = hex::decode(vector.file_key.as_ref().unwrap_or(&of.file_key)).unwrap();
        let check = |bytes: &[u8], what: &str| {
            for piece in [bytes.len().max(1), 4096] {
                let (outcome, released) = open(&key, expected, bytes, piece, &contents);
                let error = outcome.expect_err(what);
                assert_eq!(reason(error), vector.reason, "{what}: {error}");
                assert!(
                    plain.starts_with(&released),
                    "{what}: released what was never sealed"
                );
                // An opener that released everything and only then complained would be too late.
                assert!(
                    released.len() < plain.len().max(1),
                    "{what}: released the whole file"
                );
            }
        };
        let check = |bytes: &[u8], what: &str| {
            check(bytes, what);
            if !matches!(vector.reason.as_str(), "length" | "digest") {
                let opened = independent::open(&key_bytes, expected, bytes);
                assert!(
                    opened.is_none(),
                    "{what}: the second implementation opens it"
                );
            }
        };
        match vector.flip_each_bit {
            None => check(&bytes, &vector.name),
            Some([from, to]) => {
                for bit in from..to {
                    bytes[bit / 8] ^= 1 << (bit % 8);
                    check(&bytes, &format!("{}, bit {bit}", vector.name));
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
            }
        }
    }
}

#[test]
fn bad_wraps_do_not_open() {
    let good: HashMap<_, _> = good()
        .vectors
        .into_iter()
        .map(|vector| (vector.name.clone(), vector))
        .collect();
    for bad in bad().wraps {
        let of = &good[&bad.of];
        let wrap = &of.wrap;
        let expected = bad.expected.unwrap_or(of.context);
        let key = make::project_key(
            bad.project_secret.as_ref().unwrap_or(&wrap.project_secret),
            bad.scale_unit.as_ref().unwrap_or(&wrap.scale_unit),
            of.context,
            bad.version.unwrap_or(wrap.version),
        )
        .0;
        let preamble = hex::decode(bad.preamble.as_ref().unwrap_or(&of.preamble)).unwrap();
        let mut bytes = hex::decode(bad.bytes.as_ref().unwrap_or(&wrap.bytes)).unwrap();
        let opens = |bytes: &[u8]| {
            key.unwrap_file_key(bytes, &preamble, expected.into())
                .is_ok()
        };
        match bad.flip_each_bit {
            None => assert!(!opens(&bytes), "{}", bad.name),
            Some([from, to]) => {
                assert!(opens(&bytes), "{}: the unchanged wrap opens", bad.name);
                for bit in from..to {
                    bytes[bit / 8] ^= 1 << (bit % 8);
                    assert!(!opens(&bytes), "{}, bit {bit}", bad.name);
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
            }
        }
    }
}

fn reason(error: OpenError) -> &'static str {
    match error {
        OpenError::NotSealed => "not-sealed",
        OpenError::UnknownVersion(_) => "unknown-version",
        OpenError::UnknownSuite(_) => "unknown-suite",
        OpenError::OtherFile => "other-file",
        OpenError::WrongKey => "wrong-key",
        OpenError::Damaged => "damaged",
        OpenError::Truncated => "truncated",
        OpenError::EmptyLastSegment => "empty-last",
        OpenError::Length => "length",
        OpenError::Digest => "digest",
        _ => "other",
    }
}
