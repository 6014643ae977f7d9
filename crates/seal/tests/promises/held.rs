//! Arbitrary bytes, opened as a sealed file: what opens is what was sealed, cutting makes no difference, and a wrap never
//! opens by chance.
//!
//! The first two bytes choose the size of the pieces and how a genuine file is damaged with what follows, so
//! that the fuzzer gets behind the commitment without having to find a key.

use std::sync::OnceLock;

use coffer_seal::{
    Contents, FileKey, Opener, PREAMBLE_LEN, ProjectKey, ProjectKeyContext, ProjectKeySecret,
    SEGMENT, SealedContext, Sealer,
};
use uuid::Uuid;
use zeroize::Zeroizing;

const CONTEXT: SealedContext = SealedContext {
    organization: Uuid::from_u128(0x6f72_6761_6e69_7a61_7469_6f6e_0000_0001),
    project: Uuid::from_u128(0x7072_6f6a_6563_7400_0000_0000_0000_0002),
    file: Uuid::from_u128(3),
};

struct Genuine {
    key: FileKey,
    project: ProjectKey,
    plain: Vec<u8>,
    sealed: Vec<u8>,
    contents: Contents,
}

fn genuine() -> &'static Genuine {
    static GENUINE: OnceLock<Genuine> = OnceLock::new();
    GENUINE.get_or_init(|| {
        let fixed = |buffer: &mut [u8]| buffer.fill(7);
        let key = FileKey::generate(&fixed);
        let (project, _) = ProjectKey::create(
            &ProjectKeySecret::generate(&fixed),
            ProjectKeyContext {
                scale_unit: "unit-1".into(),
                organization: CONTEXT.organization,
                project: CONTEXT.project,
                version: 1,
            },
        );
        let plain: Vec<u8> = (0..SEGMENT + 100)
            .map(|index| (index % 251) as u8)
            .collect();
        let mut sealed = Vec::new();
        let mut sealer = Sealer::new(&key, CONTEXT, &fixed);
        sealer.push(&plain, &mut sealed);
        let contents = sealer.finish(&mut sealed).contents();
        Genuine {
            key,
            project,
            plain,
            sealed,
            contents,
        }
    })
}

fn opened(sealed: &[u8], piece: usize) -> Option<Zeroizing<Vec<u8>>> {
    let genuine = genuine();
    let mut plain = Zeroizing::new(Vec::new());
    let mut opener = Opener::new(&genuine.key, CONTEXT);
    for bytes in sealed.chunks(piece) {
        if opener.push(bytes, &mut plain).is_err() {
            assert!(
                genuine.plain.starts_with(&plain),
                "released what was never sealed"
            );
            return None;
        }
    }
    opener.finish(&mut plain, &genuine.contents).ok()?;
    Some(plain)
}

pub(crate) fn open(data: &[u8]) {
    let genuine = genuine();
    let [cut, how, rest @ ..] = data else { return };
    let piece = 1 + usize::from(*cut) * 300;
    let at = rest.len() * 257 % genuine.sealed.len();
    let sealed = match how % 4 {
        0 => rest.to_vec(),
        // Genuine beginning, then what the fuzzer says.
        1 => [&genuine.sealed[..PREAMBLE_LEN], rest].concat(),
        2 => [&genuine.sealed[..at], rest].concat(),
        // Genuine, changed in some places.
        _ => {
            let mut sealed = genuine.sealed.clone();
            for (index, change) in rest.iter().enumerate().take(sealed.len() - at) {
                sealed[at + index] ^= change;
            }
            sealed
        }
    };
    let once = opened(&sealed, piece);
    assert_eq!(
        once.is_some(),
        sealed == genuine.sealed,
        "only what was sealed opens"
    );
    if let Some(plain) = &once {
        assert!(
            plain.as_slice() == genuine.plain,
            "opened as something else"
        );
    }
    assert_eq!(
        once.is_some(),
        opened(&sealed, sealed.len().max(1)).is_some(),
        "the pieces make a difference"
    );

    let preamble = &genuine.sealed[..PREAMBLE_LEN];
    assert!(
        genuine
            .project
            .unwrap_file_key(rest, preamble, CONTEXT)
            .is_err(),
        "a wrap out of nothing"
    );
    let _ = genuine.project.unwrap_file_key(&[], rest, CONTEXT);
}
