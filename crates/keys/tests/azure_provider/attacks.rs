//! What somebody can try who writes to the database and knows public keys.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use coffer_seal::{
    GenerationId, KeyError, KeyProvider as _, ProjectKeyContext, ProjectKeySecret, os_entropy,
};

use crate::scene::{Scene, context, lifecycle};

/// A wrap with a signature, as they are stored.
fn envelope(wrap: &[u8], signature: &[u8]) -> Vec<u8> {
    let length = u16::try_from(wrap.len()).unwrap().to_be_bytes();
    [&[1], &length[..], wrap, signature].concat()
}

/// Whoever knows the public key can wrap. A writer to the database who does so plants a project key that he knows, unless
/// only what the vault signed is unwrapped.
#[tokio::test(flavor = "multi_thread")]
async fn a_planted_project_key_is_not_unwrapped() {
    let scene = Scene::new().await;
    let known = ProjectKeySecret::generate(&os_entropy);
    let planted = scene.vault.encrypt_for(scene.key(), known.as_bytes());
    let length = planted.len();
    let (genuine, signature) = scene.wrapped[3..].split_at(length);
    let own = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let random = aws_lc_rs::rand::SystemRandom::new();
    let own_signature = own.sign(&random, &planted).unwrap();
    let attempts = [
        planted.clone(),
        envelope(&planted, &[0; 64]),
        envelope(&planted, signature),
        envelope(&planted, own_signature.as_ref()),
        envelope(&planted, &[]),
        envelope(genuine, own_signature.as_ref()),
    ];
    for (number, attempt) in attempts.iter().enumerate() {
        let refused = scene.unwrap(attempt).await;
        assert!(
            matches!(refused, Err(KeyError::Damaged)),
            "attempt {number}: {:?}",
            refused.err()
        );
    }
    assert_eq!(
        scene.vault.asked("unwrapKey"),
        0,
        "the vault was asked to unwrap what nobody signed"
    );
    assert!(scene.unwraps().await, "what was signed unwraps");
}

/// A genuine wrap in another place, or under another generation of the same unit, is refused before the vault hears.
#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_good_for_its_own_place_only() {
    let scene = Scene::new().await;
    let other = lifecycle(&scene.provider)
        .new_generation("unit-1")
        .await
        .unwrap();
    let elsewhere = crate::conformance::elsewhere().map(|place| (&scene.generation, place));
    for (generation, place) in elsewhere.into_iter().chain([(&other, context())]) {
        let refused = scene
            .provider
            .unwrap(generation, &scene.wrapped, &place)
            .await;
        assert!(matches!(refused, Err(KeyError::Damaged)), "{place:?}");
    }
    let there = ProjectKeyContext {
        scale_unit: "unit-2".into(),
        ..context()
    };
    let refused = scene
        .provider
        .unwrap(&scene.generation, &scene.wrapped, &there)
        .await;
    assert!(matches!(refused, Err(KeyError::OtherScaleUnit { .. })));
    assert_eq!(scene.vault.asked("unwrapKey"), 0);
}

/// The id of a generation comes from the database and goes into addresses.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_no_name_is_asked_of_nobody() {
    let scene = Scene::new().await;
    let before = scene.vault.asked("get");
    let key = scene.key();
    for bad in [
        "",
        "/",
        key,
        &format!("{key}/"),
        &format!("{key}/../deletedkeys"),
        &format!("{key}/1?x=y"),
        "../secrets/a",
        "a b/c",
    ] {
        let id = GenerationId(bad.to_owned());
        let refused = scene.provider.unwrap(&id, &scene.wrapped, &context()).await;
        assert!(
            matches!(refused, Err(KeyError::UnknownGeneration { .. })),
            "{bad:?}"
        );
    }
    assert_eq!(scene.vault.asked("get"), before);
    // The note's key and the signing key are ours, and no generations.
    let signer = GenerationId(format!("{key}-sign/{}", "0".repeat(32)));
    let refused = scene
        .provider
        .unwrap(&signer, &scene.wrapped, &context())
        .await;
    assert!(matches!(refused, Err(KeyError::UnknownGeneration { .. })));
}
