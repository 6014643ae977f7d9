//! The list of vectors that must not open.

use coffer_seal::{FileKey, HEADER_LEN, PREAMBLE_LEN, SEGMENT, TAG_LEN, WRAP_OVERHEAD};
use uuid::Uuid;

use crate::make::{self, Made};
use crate::support::{BadSealed, BadWrap, Context, GoodVector, Piece, pattern, scripted};

const SEALED_SEGMENT: u64 = (SEGMENT + TAG_LEN) as u64;
const START: u64 = PREAMBLE_LEN as u64;

/// Every kind of damage to sealed bytes.
pub(crate) fn sealed(made: &[Made]) -> Vec<BadSealed> {
    let find = |name: &str| {
        made.iter()
            .find(|made| made.vector.name == name)
            .expect("a vector of this name")
    };
    let mut list = Vec::new();
    truncated(&mut list, &find("three-segments").vector);
    truncated_short(&mut list, &find("empty").vector);
    truncated_short(&mut list, &find("one-byte").vector);
    moved(
        &mut list,
        find("three-segments"),
        find("other-three-segments"),
    );
    grafted(&mut list, find("odd"));
    continued(
        &mut list,
        find("segment"),
        find("segment-and-one"),
        find("empty"),
    );
    flipped(&mut list, find("short"));
    foreign(&mut list, find("short"), find("one-byte"));
    list
}

/// Every part of a wrap, changed.
pub(crate) fn wraps(made: &[Made]) -> Vec<BadWrap> {
    let find = |name: &str| {
        &made
            .iter()
            .find(|made| made.vector.name == name)
            .expect("a vector of this name")
            .vector
    };
    let (short, other) = (find("short"), find("one-byte"));
    let wrap = |name: &str| BadWrap {
        name: format!("wrap: {name}"),
        of: short.name.clone(),
        bytes: None,
        flip_each_bit: None,
        scale_unit: None,
        version: None,
        project_secret: None,
        preamble: None,
        expected: None,
    };
    let length = short.wrap.bytes.len();
    let preamble = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = hex::decode(&short.preamble).expect("hexadecimal");
        change(&mut bytes);
        Some(hex::encode(bytes))
    };
    // Made with the own-key construction: the same secret, yet not a wrap of a file key.
    let own = make::project_key(&short.wrap.project_secret, "unit-1", short.context, 3)
        .0
        .wrap_own_key(
            "coffer/file-key-wrap/v1",
            short.context.file,
            &FileKey::generate(
                scripted(hex::decode(&short.file_key).expect("hexadecimal")).as_ref(),
            ),
            scripted(vec![0; 12]).as_ref(),
        );
    vec![
        BadWrap {
            scale_unit: Some("unit-2".into()),
            ..wrap("another scale unit")
        },
        BadWrap {
            version: Some(2),
            ..wrap("another version of the project key")
        },
        BadWrap {
            project_secret: Some(hex::encode(pattern("other-secret", 32))),
            ..wrap("another project key")
        },
        BadWrap {
            preamble: preamble(&|bytes| bytes[HEADER_LEN - 1] ^= 1),
            ..wrap("another salt in the header")
        },
        BadWrap {
            preamble: preamble(&|bytes| bytes[HEADER_LEN] ^= 1),
            ..wrap("another commitment")
        },
        BadWrap {
            preamble: preamble(&|bytes| bytes[0] ^= 1),
            ..wrap("another magic")
        },
        BadWrap {
            preamble: preamble(&|bytes| bytes[8] = 2),
            ..wrap("another format version")
        },
        BadWrap {
            preamble: preamble(&|bytes| bytes[9] = 2),
            ..wrap("another suite")
        },
        BadWrap {
            preamble: preamble(&|bytes| bytes.truncate(PREAMBLE_LEN - 1)),
            ..wrap("preamble cut short")
        },
        BadWrap {
            preamble: preamble(&|bytes| bytes.push(0)),
            ..wrap("preamble continued")
        },
        BadWrap {
            preamble: Some(other.preamble.clone()),
            ..wrap("the preamble of another file")
        },
        BadWrap {
            preamble: Some(other.preamble.clone()),
            expected: Some(other.context),
            ..wrap("the wrap of one file put beside another")
        },
        BadWrap {
            expected: Some(Context {
                file: other.context.file,
                ..short.context
            }),
            ..wrap("another file expected")
        },
        BadWrap {
            bytes: Some(other.wrap.bytes.clone()),
            ..wrap("the wrap of another file")
        },
        BadWrap {
            bytes: Some(String::new()),
            ..wrap("empty")
        },
        BadWrap {
            bytes: Some(short.wrap.bytes[..length - 2].into()),
            ..wrap("cut by one byte")
        },
        BadWrap {
            bytes: Some(short.wrap.bytes[..2 * WRAP_OVERHEAD].into()),
            ..wrap("cut to nothing wrapped")
        },
        BadWrap {
            bytes: Some(format!("{}00", short.wrap.bytes)),
            ..wrap("continued by one byte")
        },
        BadWrap {
            bytes: Some(hex::encode(own)),
            ..wrap("a wrap of an own key")
        },
        BadWrap {
            flip_each_bit: Some([0, length / 2 * 8]),
            ..wrap("each bit flipped")
        },
    ]
}

fn bad(name: &str, of: &GoodVector, pieces: Vec<Piece>, reason: &str) -> BadSealed {
    BadSealed {
        name: format!("{}: {name}", of.name),
        of: of.name.clone(),
        pieces,
        flip_each_bit: None,
        expected: None,
        file_key: None,
        contents: None,
        reason: reason.into(),
    }
}

fn part(of: &GoodVector, from: u64, to: u64) -> Piece {
    Piece::Of {
        sealed: of.name.clone(),
        from,
        to,
    }
}

fn bytes(bytes: &[u8]) -> Piece {
    Piece::Bytes {
        hex: hex::encode(bytes),
    }
}

fn segment(of: &GoodVector, index: u64) -> Piece {
    let from = START + index * SEALED_SEGMENT;
    part(of, from, (from + SEALED_SEGMENT).min(of.sealed_length))
}

fn whole(of: &GoodVector) -> Piece {
    part(of, 0, of.sealed_length)
}

fn truncated(list: &mut Vec<BadSealed>, of: &GoodVector) {
    let cuts = [
        (START + 1, "one byte into the first segment", "truncated"),
        (START + 100, "within the first segment", "damaged"),
        (
            START + SEALED_SEGMENT - 1,
            "one byte before the end of the first segment",
            "damaged",
        ),
        (START + SEALED_SEGMENT, "after the first segment", "damaged"),
        (
            START + SEALED_SEGMENT + 1,
            "one byte into the second segment",
            "truncated",
        ),
        (
            START + SEALED_SEGMENT + 15,
            "within what could be a tag",
            "truncated",
        ),
        (
            START + SEALED_SEGMENT + 16,
            "after what could be a tag",
            "empty-last",
        ),
        (
            START + SEALED_SEGMENT + 17,
            "one byte after what could be a tag",
            "damaged",
        ),
        (
            START + 2 * SEALED_SEGMENT,
            "after the second segment",
            "damaged",
        ),
        (
            of.sealed_length - TAG_LEN as u64,
            "before the last tag",
            "damaged",
        ),
        (of.sealed_length - 1, "one byte before the end", "damaged"),
    ];
    for (cut, name, reason) in cuts {
        list.push(bad(
            &format!("cut {name}"),
            of,
            vec![part(of, 0, cut)],
            reason,
        ));
    }
}

fn truncated_short(list: &mut Vec<BadSealed>, of: &GoodVector) {
    let cuts = [
        0,
        1,
        8,
        HEADER_LEN as u64 - 1,
        HEADER_LEN as u64,
        START - 1,
        START,
        START + 1,
        START + 15,
    ];
    for cut in cuts {
        list.push(bad(
            &format!("cut at {cut}"),
            of,
            vec![part(of, 0, cut)],
            "truncated",
        ));
    }
}

fn moved(list: &mut Vec<BadSealed>, made: &Made, other: &Made) {
    let of = &made.vector;
    let pieces = |order: &[u64]| {
        let mut pieces = vec![part(of, 0, START)];
        pieces.extend(order.iter().map(|&index| segment(of, index)));
        pieces
    };
    for (name, order) in [
        ("first two segments exchanged", &[1, 0, 2][..]),
        ("last two segments exchanged", &[0, 2, 1]),
        ("first segment twice", &[0, 0, 1, 2]),
        ("last segment twice", &[0, 1, 2, 2]),
        ("first segment missing", &[1, 2]),
        ("middle segment missing", &[0, 2]),
        ("last segment alone", &[2]),
        ("last segment missing", &[0, 1]),
    ] {
        list.push(bad(name, of, pieces(order), "damaged"));
    }

    let mut middle = pieces(&[0]);
    middle.extend([segment(&other.vector, 1), segment(of, 2)]);
    list.push(bad("middle segment of another file", of, middle, "damaged"));
}

/// A second file under the same key and id: what a writer that reused a key would make. Its salt keeps it apart.
fn grafted(list: &mut Vec<BadSealed>, made: &Made) {
    let of = &made.vector;
    let salt = hex::encode(pattern("grafted/salt", 32));
    let length = usize::try_from(of.length).expect("vectors are small");
    let (twin, ..) = make::seal(&of.file_key, &salt, of.context, &pattern("grafted", length));
    let last = START + (of.sealed_length - START) / SEALED_SEGMENT * SEALED_SEGMENT;
    let end = bytes(&twin[usize::try_from(last).expect("vectors are small")..]);
    let pieces = vec![part(of, 0, last), end];
    list.push(bad(
        "last segment of another file under the same key",
        of,
        pieces,
        "damaged",
    ));
    let pieces = vec![
        bytes(&twin[..PREAMBLE_LEN]),
        part(of, START, of.sealed_length),
    ];
    list.push(bad(
        "preamble of another file under the same key",
        of,
        pieces,
        "damaged",
    ));
}

fn continued(list: &mut Vec<BadSealed>, full: &Made, longer: &Made, empty: &Made) {
    for of in [&full.vector, &longer.vector] {
        for added in [1, 16] {
            let pieces = vec![whole(of), bytes(&vec![0; added])];
            list.push(bad(
                &format!("{added} bytes appended"),
                of,
                pieces,
                "damaged",
            ));
        }
        list.push(bad(
            "a segment appended",
            of,
            vec![whole(of), segment(&full.vector, 0)],
            "damaged",
        ));
    }
    let of = &empty.vector;
    list.push(bad(
        "one byte appended",
        of,
        vec![whole(of), bytes(&[0])],
        "damaged",
    ));
    list.push(bad(
        "itself appended",
        of,
        vec![whole(of), whole(of)],
        "damaged",
    ));

    // Who holds the key can seal an empty last segment after a full one; still no correct writer does.
    let of = &longer.vector;
    let tag = empty_last_tag(of);
    let pieces = vec![part(of, 0, START), segment(of, 0), bytes(&tag)];
    let mut vector = bad(
        "genuine empty last segment after a full one",
        of,
        pieces,
        "empty-last",
    );
    let plain = &make::plaintext(of)[..SEGMENT];
    vector.contents = Some((SEGMENT as u64, coffer_seal::Digest::of(plain).to_hex()));
    list.push(vector);
}

/// The tag of an empty segment 1, marked last, by the second implementation's primitives.
fn empty_last_tag(of: &GoodVector) -> Vec<u8> {
    use aes_gcm::aead::{Aead as _, KeyInit as _};

    let preamble = hex::decode(&of.preamble).expect("hexadecimal");
    let header = &preamble[..HEADER_LEN];
    let mut derived = [0; 64];
    hkdf::Hkdf::<sha2::Sha512>::new(
        Some(&hex::decode(&of.salt).expect("hexadecimal")),
        &hex::decode(&of.file_key).expect("hexadecimal"),
    )
    .expand(header, &mut derived)
    .expect("64 bytes");
    let cipher = aes_gcm::Aes256Gcm::new_from_slice(&derived[..32]).expect("32 bytes");
    let nonce: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
    cipher
        .encrypt(&nonce.into(), &[][..])
        .expect("an empty message")
}

fn flipped(list: &mut Vec<BadSealed>, made: &Made) {
    let of = &made.vector;
    for (name, from, to, reason) in [
        ("magic", 0, 8, "not-sealed"),
        ("version", 8, 9, "unknown-version"),
        ("suite", 9, 10, "unknown-suite"),
        ("organization", 10, 26, "other-file"),
        ("project", 26, 42, "other-file"),
        ("file", 42, 58, "other-file"),
        ("salt", 58, HEADER_LEN, "wrong-key"),
        ("commitment", HEADER_LEN, PREAMBLE_LEN, "wrong-key"),
        (
            "segment and tag",
            PREAMBLE_LEN,
            made.sealed.len(),
            "damaged",
        ),
    ] {
        let mut vector = bad(
            &format!("each bit of {name} flipped"),
            of,
            vec![whole(of)],
            reason,
        );
        vector.flip_each_bit = Some([from * 8, to * 8]);
        list.push(vector);
    }
}

fn foreign(list: &mut Vec<BadSealed>, made: &Made, other: &Made) {
    let of = &made.vector;
    let contexts = [
        (
            "organization",
            Context {
                organization: Uuid::from_u128(9),
                ..of.context
            },
        ),
        (
            "project",
            Context {
                project: Uuid::from_u128(9),
                ..of.context
            },
        ),
        (
            "file",
            Context {
                file: other.vector.context.file,
                ..of.context
            },
        ),
        (
            "organization and project exchanged",
            Context {
                organization: of.context.project,
                project: of.context.organization,
                ..of.context
            },
        ),
    ];
    for (name, context) in contexts {
        let mut vector = bad(
            &format!("expected context: another {name}"),
            of,
            vec![whole(of)],
            "other-file",
        );
        vector.expected = Some(context);
        list.push(vector);
    }
    let mut vector = bad("key of another file", of, vec![whole(of)], "wrong-key");
    vector.file_key = Some(other.vector.file_key.clone());
    list.push(vector);
    list.push(bad(
        "another file in its place",
        of,
        vec![whole(&other.vector)],
        "other-file",
    ));
    let mut vector = bad("another length in the wrap", of, vec![whole(of)], "length");
    vector.contents = Some((of.length + 1, of.sha256.clone()));
    list.push(vector);
    let mut vector = bad("another digest in the wrap", of, vec![whole(of)], "digest");
    vector.contents = Some((of.length, other.vector.sha256.clone()));
    list.push(vector);
}
