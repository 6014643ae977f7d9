//! Sealing and opening as a whole: any size, any pieces, and what must not compile.

use coffer_seal::{
    FileKey, KeyError, OpenError, Opener, ProjectKey, ProjectKeyContext, ProjectKeySecret,
    SealedContext, Sealer, Summary, WrappingKey, os_entropy, sealed_length,
};
use proptest::prelude::*;
use uuid::Uuid;
use zeroize::Zeroizing;

const CONTEXT: SealedContext = SealedContext {
    organization: Uuid::from_u128(1),
    project: Uuid::from_u128(2),
    file: Uuid::from_u128(3),
};

/// Does not compile unless `$type` has none of the traits: with one of them, two candidates fit the call.
macro_rules! has_none_of {
    ($type:ty: $($implemented:path),+) => {
        const _: fn() = || {
            trait Ambiguous<Marker> { fn call() {} }
            impl<T: ?Sized> Ambiguous<()> for T {}
            $({
                struct Marker;
                impl<T: ?Sized + $implemented> Ambiguous<Marker> for T {}
            })+
            let _ = <$type as Ambiguous<_>>::call;
        };
    };
}

has_none_of!(FileKey: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, serde::Serialize);
has_none_of!(ProjectKeySecret: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, serde::Serialize);
has_none_of!(ProjectKey: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, serde::Serialize);
has_none_of!(WrappingKey: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, serde::Serialize);
has_none_of!(Sealer: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, serde::Serialize);
has_none_of!(Opener: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, serde::Serialize);
has_none_of!(coffer_seal::Digest: std::fmt::Display, PartialEq, serde::Serialize);

fn project_context(version: u64) -> ProjectKeyContext {
    ProjectKeyContext {
        scale_unit: "unit-1".into(),
        organization: CONTEXT.organization,
        project: CONTEXT.project,
        version,
    }
}

fn project_key(version: u64) -> ProjectKey {
    ProjectKey::create(
        &ProjectKeySecret::generate(&os_entropy),
        project_context(version),
    )
    .0
}

fn seal(plain: &[u8], pieces: &[usize]) -> (FileKey, Vec<u8>, Summary) {
    let key = FileKey::generate(&os_entropy);
    let mut sealer = Sealer::new(&key, CONTEXT, &os_entropy);
    let mut sealed = Vec::new();
    let mut rest = plain;
    for &piece in pieces {
        let (now, later) = rest.split_at(piece.min(rest.len()));
        sealer.push(now, &mut sealed);
        rest = later;
    }
    sealer.push(rest, &mut sealed);
    assert_eq!(&sealed[..sealer.preamble().len()], sealer.preamble());
    let summary = sealer.finish(&mut sealed);
    (key, sealed, summary)
}

fn open(
    key: &FileKey,
    sealed: &[u8],
    pieces: &[usize],
    summary: &Summary,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let mut opener = Opener::new(key, CONTEXT);
    let mut plain = Zeroizing::new(Vec::new());
    let mut rest = sealed;
    for &piece in pieces {
        let (now, later) = rest.split_at(piece.min(rest.len()));
        opener.push(now, &mut plain)?;
        rest = later;
    }
    opener.push(rest, &mut plain)?;
    opener.finish(&mut plain, &summary.contents())?;
    Ok(plain)
}

#[test]
fn sizes_around_every_border_come_back() {
    for size in [0, 1, 65_535, 65_536, 65_537, 131_072, 10_485_760] {
        let plain: Vec<u8> = (0..size)
            .map(|index: u32| index.to_le_bytes()[index as usize % 4])
            .collect();
        let (key, sealed, summary) = seal(&plain, &[]);
        assert_eq!(
            sealed.len() as u64,
            sealed_length(u64::from(size)),
            "{size}"
        );
        assert_eq!(summary.sealed_length, sealed.len() as u64, "{size}");
        assert_eq!(summary.length, u64::from(size));
        assert!(
            open(&key, &sealed, &[], &summary).unwrap().as_slice() == plain,
            "{size}"
        );
    }
}

#[test]
fn nothing_pushed_is_the_empty_file() {
    let key = FileKey::generate(&os_entropy);
    let mut sealed = Vec::new();
    let summary = Sealer::new(&key, CONTEXT, &os_entropy).finish(&mut sealed);
    assert_eq!(sealed.len() as u64, sealed_length(0));
    assert_eq!(
        summary.sha256.to_hex(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert!(open(&key, &sealed, &[], &summary).unwrap().is_empty());
}

#[test]
fn one_plaintext_never_seals_twice_to_the_same_bytes() {
    let (key, first, _) = seal(b"the same", &[]);
    let mut second = Vec::new();
    let mut sealer = Sealer::new(&key, CONTEXT, &os_entropy);
    sealer.push(b"the same", &mut second);
    sealer.finish(&mut second);
    let start = coffer_seal::PREAMBLE_LEN;
    assert_ne!(
        first[start..],
        second[start..],
        "even under one key, the salt tells them apart"
    );
}

#[test]
fn a_project_key_is_the_one_of_its_record() {
    let secret = ProjectKeySecret::generate(&os_entropy);
    let (_, commitment) = ProjectKey::create(&secret, project_context(1));
    assert!(ProjectKey::open(&secret, project_context(1), &commitment).is_ok());
    let others = [
        project_context(2),
        ProjectKeyContext {
            scale_unit: "unit-2".into(),
            ..project_context(1)
        },
        ProjectKeyContext {
            organization: Uuid::from_u128(9),
            ..project_context(1)
        },
        ProjectKeyContext {
            project: Uuid::from_u128(9),
            ..project_context(1)
        },
    ];
    for other in others {
        assert!(matches!(
            ProjectKey::open(&secret, other, &commitment),
            Err(KeyError::Commitment)
        ));
    }
    let foreign = ProjectKeySecret::generate(&os_entropy);
    assert!(matches!(
        ProjectKey::open(&foreign, project_context(1), &commitment),
        Err(KeyError::Commitment)
    ));
}

#[test]
fn rotation_moves_the_wrap_and_leaves_the_file() {
    let (key, sealed, summary) = seal(b"content", &[]);
    let (old, new) = (project_key(1), project_key(2));
    let wrap = old.wrap_file_key(&key, &summary, &os_entropy);
    let rewrapped = old
        .rewrap_file_key(&wrap, &summary.preamble, CONTEXT, &new, &os_entropy)
        .unwrap();
    assert!(
        old.unwrap_file_key(&rewrapped, &summary.preamble, CONTEXT)
            .is_err()
    );
    assert!(
        new.unwrap_file_key(&wrap, &summary.preamble, CONTEXT)
            .is_err()
    );
    let (key, contents) = new
        .unwrap_file_key(&rewrapped, &summary.preamble, CONTEXT)
        .unwrap();
    assert!(contents.sha256.ct_eq(&summary.sha256) && contents.length == 7);
    assert_eq!(
        open(&key, &sealed, &[], &summary).unwrap().as_slice(),
        b"content"
    );

    let elsewhere = ProjectKeyContext {
        project: Uuid::from_u128(9),
        ..project_context(1)
    };
    let (elsewhere, _) = ProjectKey::create(&ProjectKeySecret::generate(&os_entropy), elsewhere);
    let refused = old.rewrap_file_key(&wrap, &summary.preamble, CONTEXT, &elsewhere, &os_entropy);
    assert_eq!(refused, Err(OpenError::OtherFile));
    assert_eq!(
        elsewhere
            .unwrap_file_key(&wrap, &summary.preamble, CONTEXT)
            .err(),
        Some(OpenError::OtherFile)
    );
}

#[test]
fn own_keys_belong_to_a_label_and_an_owner() {
    let (project, owner) = (project_key(1), Uuid::from_u128(7));
    let key = FileKey::generate(&os_entropy);
    let sealed = coffer_seal::seal_bytes(&key, CONTEXT, b"page", &os_entropy);
    let wrap = project.wrap_own_key("job-log", owner, &key, &os_entropy);
    let opened = project.unwrap_own_key("job-log", owner, &wrap).unwrap();
    assert_eq!(
        coffer_seal::open_bytes(&opened, CONTEXT, &sealed)
            .unwrap()
            .as_slice(),
        b"page"
    );
    assert_eq!(
        project.unwrap_own_key("job-lo", owner, &wrap).err(),
        Some(OpenError::Wrap)
    );
    assert_eq!(
        project
            .unwrap_own_key("job-log", Uuid::from_u128(8), &wrap)
            .err(),
        Some(OpenError::Wrap)
    );
    assert_eq!(
        project_key(1).unwrap_own_key("job-log", owner, &wrap).err(),
        Some(OpenError::Wrap)
    );

    let next = project_key(2);
    let moved = project
        .rewrap_own_key("job-log", owner, &wrap, &next, &os_entropy)
        .unwrap();
    assert!(next.unwrap_own_key("job-log", owner, &moved).is_ok());
    assert!(project.unwrap_own_key("job-log", owner, &moved).is_err());
}

#[test]
#[should_panic(expected = "another file key")]
fn a_file_is_not_wrapped_with_the_key_of_another() {
    let (_, _, summary) = seal(b"content", &[]);
    project_key(1).wrap_file_key(&FileKey::generate(&os_entropy), &summary, &os_entropy);
}

#[test]
#[should_panic(expected = "another project")]
fn a_file_is_not_wrapped_under_the_key_of_another_project() {
    let (key, _, summary) = seal(b"content", &[]);
    let other = ProjectKeyContext {
        project: Uuid::from_u128(9),
        ..project_context(1)
    };
    let (other, _) = ProjectKey::create(&ProjectKeySecret::generate(&os_entropy), other);
    other.wrap_file_key(&key, &summary, &os_entropy);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_make_no_difference(
        length in prop_oneof![0_usize..200, 65_500_usize..65_600, 131_000_usize..131_100, 0_usize..200_000],
        into in proptest::collection::vec(0_usize..70_000, 0..12),
        out_of in proptest::collection::vec(0_usize..70_000, 0..12),
    ) {
        let plain: Vec<u8> = (0..length).map(|index| (index * 31 % 251) as u8).collect();
        let (key, sealed, summary) = seal(&plain, &into);
        prop_assert_eq!(sealed.len() as u64, sealed_length(length as u64));
        prop_assert!(coffer_seal::Digest::from_bytes(summary.sealed_sha256).ct_eq(&coffer_seal::Digest::of(&sealed)));
        prop_assert!(open(&key, &sealed, &out_of, &summary).unwrap().as_slice() == plain);
    }

    #[test]
    fn a_changed_byte_or_a_cut_never_opens(
        length in 0_usize..140_000,
        place in any::<proptest::sample::Index>(),
        change in 1_u8..,
        pieces in proptest::collection::vec(0_usize..70_000, 0..4),
    ) {
        let plain = vec![0x5a; length];
        let (key, mut sealed, summary) = seal(&plain, &[]);
        let place = place.index(sealed.len());
        prop_assert!(open(&key, &sealed[..place], &pieces, &summary).is_err());
        sealed[place] ^= change;
        prop_assert!(open(&key, &sealed, &pieces, &summary).is_err());
    }
}
