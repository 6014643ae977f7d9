//! What every key provider must do, as one suite over the trait. Each provider's test file runs all of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use coffer_seal::{
    GenerationId, Gone, KeyError, KeyLifecycle, KeyNotes, KeyProvider, KeyRight, May, NOTE_MAX,
    ProjectKey, ProjectKeyContext, ProjectKeySecret, os_entropy,
};
use uuid::Uuid;

/// Runs the whole suite. `provider` must be able to make and destroy generations.
pub(crate) async fn suite(provider: Arc<dyn KeyProvider>) {
    let provider = provider.as_ref();
    wraps_and_unwraps(provider).await;
    generations_are_apart(provider).await;
    a_wrap_opens_in_its_own_place_only(provider).await;
    damage_is_noticed(provider).await;
    a_replayed_wrap_is_caught_by_the_commitment(provider).await;
    a_disabled_generation_refuses(provider).await;
    a_destroyed_generation_is_gone(provider).await;
    a_disabled_generation_is_enabled_again(provider).await;
    the_newest_generation_is_found(provider).await;
    many_calls_at_once_are_all_served(provider).await;
    what_works_is_not_said_to_lack_a_right(provider).await;
    if let Some(notes) = provider.notes() {
        the_last_note_is_kept(notes).await;
    }
}

fn lifecycle(provider: &dyn KeyProvider) -> &dyn KeyLifecycle {
    provider
        .lifecycle()
        .expect("the suite needs a lifecycle credential")
}

/// A place of `unit-1`.
pub(crate) fn context(version: u64) -> ProjectKeyContext {
    ProjectKeyContext {
        scale_unit: "unit-1".into(),
        organization: Uuid::from_u128(1),
        project: Uuid::from_u128(2),
        version,
    }
}

/// Places that are not that of `context(1)`, in its unit.
pub(crate) fn elsewhere() -> [ProjectKeyContext; 4] {
    [
        ProjectKeyContext {
            project: Uuid::from_u128(3),
            ..context(1)
        },
        ProjectKeyContext {
            organization: Uuid::from_u128(3),
            ..context(1)
        },
        ProjectKeyContext {
            version: 2,
            ..context(1)
        },
        ProjectKeyContext {
            organization: Uuid::from_u128(2),
            project: Uuid::from_u128(1),
            ..context(1)
        },
    ]
}

async fn generation(provider: &dyn KeyProvider) -> GenerationId {
    lifecycle(provider).new_generation("unit-1").await.unwrap()
}

async fn unwraps_to(
    provider: &dyn KeyProvider,
    generation: &GenerationId,
    wrapped: &[u8],
    context: &ProjectKeyContext,
    secret: &ProjectKeySecret,
) -> bool {
    provider
        .unwrap(generation, wrapped, context)
        .await
        .is_ok_and(|opened| opened.as_bytes() == secret.as_bytes())
}

async fn wraps_and_unwraps(provider: &dyn KeyProvider) {
    let generation = generation(provider).await;
    let secret = ProjectKeySecret::generate(&os_entropy);
    let wrapped = provider
        .wrap(&generation, &secret, &context(1))
        .await
        .unwrap();
    assert!(
        !wrapped
            .windows(8)
            .any(|window| window == &secret.as_bytes()[..8]),
        "the secret shows in its wrap"
    );
    for _ in 0..2 {
        assert!(
            unwraps_to(provider, &generation, &wrapped, &context(1), &secret).await,
            "unwrapping can be repeated"
        );
    }
    let (_, commitment) = ProjectKey::create(&secret, context(1));
    let opened = provider
        .unwrap(&generation, &wrapped, &context(1))
        .await
        .ok()
        .unwrap();
    assert!(ProjectKey::open(&opened, context(1), &commitment).is_ok());
}

async fn generations_are_apart(provider: &dyn KeyProvider) {
    let (old, new) = (generation(provider).await, generation(provider).await);
    assert_ne!(old, new);
    let secret = ProjectKeySecret::generate(&os_entropy);
    let wrapped = provider.wrap(&old, &secret, &context(1)).await.unwrap();
    assert!(
        unwraps_to(provider, &old, &wrapped, &context(1), &secret).await,
        "the older generation keeps working"
    );
    assert!(
        provider.unwrap(&new, &wrapped, &context(1)).await.is_err(),
        "opened under another generation"
    );

    let foreign = lifecycle(provider).new_generation("unit-2").await.unwrap();
    let refused = provider.wrap(&foreign, &secret, &context(1)).await;
    assert!(
        refused.is_err(),
        "wrapped under another scale unit's generation"
    );
    let there = ProjectKeyContext {
        scale_unit: "unit-2".into(),
        ..context(1)
    };
    let wrapped = provider.wrap(&foreign, &secret, &there).await.unwrap();
    assert!(
        provider
            .unwrap(&foreign, &wrapped, &context(1))
            .await
            .is_err(),
        "two scale units shared a key"
    );
    assert!(
        provider.unwrap(&old, &wrapped, &there).await.is_err(),
        "two scale units shared a key"
    );
}

/// Swapped rows: whoever writes to the database puts one project's wrap where another's was. The provider may
/// notice; if it cannot, the derived key must not match the commitment of the place.
async fn a_wrap_opens_in_its_own_place_only(provider: &dyn KeyProvider) {
    let generation = generation(provider).await;
    let secret = ProjectKeySecret::generate(&os_entropy);
    let wrapped = provider
        .wrap(&generation, &secret, &context(1))
        .await
        .unwrap();
    let (_, commitment) = ProjectKey::create(&secret, context(1));
    for place in elsewhere() {
        match provider.unwrap(&generation, &wrapped, &place).await {
            Err(error) => assert!(
                matches!(error, KeyError::Damaged | KeyError::Refused { .. }),
                "{error:?}"
            ),
            Ok(opened) => assert!(matches!(
                ProjectKey::open(&opened, place, &commitment),
                Err(KeyError::Commitment)
            )),
        }
    }
}

async fn damage_is_noticed(provider: &dyn KeyProvider) {
    let generation = generation(provider).await;
    let secret = ProjectKeySecret::generate(&os_entropy);
    let wrapped = provider
        .wrap(&generation, &secret, &context(1))
        .await
        .unwrap();
    for end in 0..wrapped.len() {
        assert!(
            provider
                .unwrap(&generation, &wrapped[..end], &context(1))
                .await
                .is_err(),
            "cut at {end}"
        );
    }
    for index in 0..wrapped.len() {
        let mut changed = wrapped.clone();
        changed[index] ^= 0x20;
        assert!(
            !unwraps_to(provider, &generation, &changed, &context(1), &secret).await,
            "byte {index} does not count"
        );
    }
    let longer = [wrapped.as_slice(), b"\0"].concat();
    assert!(
        provider
            .unwrap(&generation, &longer, &context(1))
            .await
            .is_err(),
        "continued"
    );
}

/// A genuine wrap of the same place from an earlier time: only the commitment in the row can tell.
async fn a_replayed_wrap_is_caught_by_the_commitment(provider: &dyn KeyProvider) {
    let generation = generation(provider).await;
    let (before, now) = (
        ProjectKeySecret::generate(&os_entropy),
        ProjectKeySecret::generate(&os_entropy),
    );
    let replayed = provider
        .wrap(&generation, &before, &context(1))
        .await
        .unwrap();
    let (_, commitment) = ProjectKey::create(&now, context(1));
    if let Ok(opened) = provider.unwrap(&generation, &replayed, &context(1)).await {
        assert!(matches!(
            ProjectKey::open(&opened, context(1), &commitment),
            Err(KeyError::Commitment)
        ));
    }
}

async fn a_disabled_generation_refuses(provider: &dyn KeyProvider) {
    let (generation, other) = (generation(provider).await, generation(provider).await);
    let secret = ProjectKeySecret::generate(&os_entropy);
    let wrapped = provider
        .wrap(&generation, &secret, &context(1))
        .await
        .unwrap();
    for _ in 0..2 {
        lifecycle(provider).disable(&generation).await.unwrap(); // may be repeated
    }
    let refused = provider.unwrap(&generation, &wrapped, &context(1)).await;
    assert!(matches!(
        refused,
        Err(KeyError::Disabled { .. } | KeyError::Refused { .. })
    ));
    let refused = provider.wrap(&generation, &secret, &context(1)).await;
    assert!(matches!(
        refused,
        Err(KeyError::Disabled { .. } | KeyError::Refused { .. })
    ));
    assert!(
        provider.wrap(&other, &secret, &context(1)).await.is_ok(),
        "other generations are not touched"
    );
}

async fn a_destroyed_generation_is_gone(provider: &dyn KeyProvider) {
    let (generation, other) = (generation(provider).await, generation(provider).await);
    let secret = ProjectKeySecret::generate(&os_entropy);
    let wrapped = provider
        .wrap(&generation, &secret, &context(1))
        .await
        .unwrap();
    let refused = lifecycle(provider).destroy(&generation).await;
    assert!(
        matches!(refused, Err(KeyError::Refused { .. })),
        "an active generation was destroyed"
    );
    assert!(
        unwraps_to(provider, &generation, &wrapped, &context(1), &secret).await,
        "refusing changed nothing"
    );
    lifecycle(provider).disable(&generation).await.unwrap();
    assert_eq!(
        lifecycle(provider).gone(&generation).await.unwrap(),
        Gone::There
    );
    for _ in 0..2 {
        lifecycle(provider).destroy(&generation).await.unwrap(); // may be repeated
    }
    match lifecycle(provider).gone(&generation).await.unwrap() {
        Gone::ForGood => {}
        Gone::Until(at) => assert!(at > 1_700_000_000, "it says until when"),
        Gone::There => panic!("what was destroyed is there"),
    }
    assert!(
        provider
            .unwrap(&generation, &wrapped, &context(1))
            .await
            .is_err()
    );
    assert!(
        provider
            .wrap(&generation, &secret, &context(1))
            .await
            .is_err()
    );
    assert!(
        lifecycle(provider).disable(&generation).await.is_err(),
        "what is gone cannot be disabled"
    );
    assert!(
        provider.wrap(&other, &secret, &context(1)).await.is_ok(),
        "other generations are not touched"
    );
    let unknown = GenerationId("never made".into());
    assert!(matches!(
        provider.unwrap(&unknown, &wrapped, &context(1)).await,
        Err(KeyError::UnknownGeneration { .. })
    ));
}

async fn a_disabled_generation_is_enabled_again(provider: &dyn KeyProvider) {
    let generation = generation(provider).await;
    let secret = ProjectKeySecret::generate(&os_entropy);
    let wrapped = provider
        .wrap(&generation, &secret, &context(1))
        .await
        .unwrap();
    lifecycle(provider).disable(&generation).await.unwrap();
    for _ in 0..2 {
        lifecycle(provider).enable(&generation).await.unwrap(); // may be repeated
    }
    assert!(unwraps_to(provider, &generation, &wrapped, &context(1), &secret).await);
}

async fn the_newest_generation_is_found(provider: &dyn KeyProvider) {
    let unit = "unit-newest";
    let newest = async || provider.newest_generation(unit).await.unwrap();
    assert_eq!(
        newest().await,
        None,
        "another unit's generation was offered"
    );
    let mut made = Vec::new();
    for _ in 0..3 {
        let id = lifecycle(provider).new_generation(unit).await.unwrap();
        assert_eq!(newest().await, Some(id.clone()));
        made.push(id);
    }
    lifecycle(provider).disable(&made[2]).await.unwrap();
    assert_eq!(
        newest().await,
        Some(made[1].clone()),
        "a disabled generation was offered"
    );
    let (secret, there) = (
        ProjectKeySecret::generate(&os_entropy),
        ProjectKeyContext {
            scale_unit: unit.into(),
            ..context(1)
        },
    );
    provider.wrap(&made[1], &secret, &there).await.unwrap();
}

async fn the_last_note_is_kept(notes: &dyn KeyNotes) {
    let read = async |unit| notes.note(unit).await.unwrap();
    assert_eq!(read("unit-without").await, None);
    let longest = "n".repeat(NOTE_MAX);
    for text in ["first +/=:.-_ note", longest.as_str(), "last"] {
        notes.put_note("unit-1", text).await.unwrap();
        assert_eq!(read("unit-1").await.as_deref(), Some(text));
    }
    notes.put_note("unit-2", "apart").await.unwrap();
    assert_eq!(read("unit-1").await.as_deref(), Some("last"));
    let longer = "n".repeat(NOTE_MAX + 1);
    for bad in [longer.as_str(), "two\nlines", "\u{e9}"] {
        assert!(
            notes.put_note("unit-1", bad).await.is_err(),
            "{bad:?} was taken"
        );
    }
    assert_eq!(read("unit-1").await.as_deref(), Some("last"));
}

async fn many_calls_at_once_are_all_served(provider: &dyn KeyProvider) {
    let one = async || {
        let generation = generation(provider).await;
        let secret = ProjectKeySecret::generate(&os_entropy);
        let wrapped = provider
            .wrap(&generation, &secret, &context(7))
            .await
            .unwrap();
        assert!(unwraps_to(provider, &generation, &wrapped, &context(7), &secret).await);
        generation
    };
    let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
    assert_eq!(BTreeSet::from([a, b, c, d]).len(), 4);
}

/// The suite above has used all of it.
async fn what_works_is_not_said_to_lack_a_right(provider: &dyn KeyProvider) {
    let before = provider.newest_generation("unit-1").await.unwrap();
    let rights = provider.rights("unit-1").await.unwrap();
    let rights = rights.expect("every provider says what it can");
    let needed = |credential: &[(KeyRight, May)], needed: &[KeyRight]| {
        for (right, may) in credential {
            let missing = needed.contains(right) && *may == May::No;
            assert!(!missing, "{right:?} is there: {credential:?}");
        }
    };
    needed(&rights.daily, &KeyRight::DAILY);
    needed(
        rights.lifecycle.as_deref().unwrap_or(&rights.daily),
        &KeyRight::LIFECYCLE,
    );
    let after = provider.newest_generation("unit-1").await.unwrap();
    assert_eq!(before, after, "asking changed something");
}
