//! Azure Key Vault, driven by the official SDK against our own double: the common suite, what a storage writer can try,
//! and every way in which the service fails.

#![expect(clippy::unwrap_used, reason = "a test")]

mod attacks;
#[path = "../conformance/mod.rs"]
mod conformance;
mod rights;
mod scene;
mod sign_in;

use std::sync::Arc;
use std::time::Duration;

use coffer_seal::{Gone, KeyError, KeyProvider as _};
use coffer_testkit::azure_vault::{AzureVault, DAILY, LIFECYCLE, VaultFault};

use scene::{Scene, connect, context, lifecycle, settings};

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let vault = AzureVault::start().await;
    let provider = connect(&vault, &settings(&vault));
    conformance::suite(Arc::new(provider)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_told_apart_and_none_is_repeated_by_the_sdk() {
    let scene = Scene::with(|settings| settings.patience = Duration::from_secs(2)).await;
    let vault = &scene.vault;
    let mut asked = vault.asked("unwrapKey");
    let mut next = async |fault| {
        vault.fault("unwrapKey", fault, 1);
        let error = scene.failure().await;
        asked += 1;
        assert_eq!(vault.asked("unwrapKey"), asked, "{fault:?} was tried again");
        error
    };
    let throttled = |error: &KeyError, seconds| matches!(error, KeyError::Throttled { retry_after } if retry_after.as_secs() == seconds);
    let error = next(VaultFault::Throttled(7)).await;
    assert!(throttled(&error, 7), "{error:?}");
    let error = next(VaultFault::Busy(Some(3))).await;
    assert!(throttled(&error, 3), "{error:?}");
    for fault in [
        VaultFault::Busy(None),
        VaultFault::Broken,
        VaultFault::CutBefore,
        VaultFault::CutAfter,
        VaultFault::Babbles,
        VaultFault::Hangs,
    ] {
        let error = next(fault).await;
        assert!(
            matches!(error, KeyError::Unavailable { .. }),
            "{fault:?}: {error:?}"
        );
        assert!(error.is_passing());
    }
    assert!(scene.unwraps().await, "all is well again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_is_named() {
    let scene = Scene::new().await;
    let forbidden = |error: KeyError, permission: &str| {
        let text = error.to_string();
        assert!(matches!(error, KeyError::Forbidden { .. }), "{text}");
        assert!(text.contains(permission), "{text}");
        assert!(text.contains(&scene.vault.url()), "{text}");
    };
    scene
        .vault
        .grant(DAILY.0, &["get", "list", "unwrapKey", "sign"]);
    forbidden(scene.wrap_failure().await, "`wrapKey`");
    scene
        .vault
        .grant(DAILY.0, &["get", "list", "unwrapKey", "wrapKey"]);
    forbidden(scene.wrap_failure().await, "`sign`");
    scene
        .vault
        .grant(DAILY.0, &["get", "list", "wrapKey", "sign"]);
    forbidden(scene.failure().await, "`unwrapKey`");

    let lifecycle = lifecycle(&scene.provider);
    scene.vault.grant(LIFECYCLE.0, &["get", "list"]);
    forbidden(
        lifecycle.new_generation("unit-1").await.unwrap_err(),
        "`create`",
    );
    forbidden(
        lifecycle.disable(&scene.generation).await.unwrap_err(),
        "`update`",
    );
    scene.vault.grant(LIFECYCLE.0, &["get", "update"]);
    forbidden(
        lifecycle.new_generation("unit-1").await.unwrap_err(),
        "`list`",
    );
    lifecycle.disable(&scene.generation).await.unwrap();
    forbidden(
        lifecycle.destroy(&scene.generation).await.unwrap_err(),
        "`delete`",
    );
}

/// Daily work does without any right to change keys; then nothing makes generations here.
#[tokio::test(flavor = "multi_thread")]
async fn daily_work_needs_no_lifecycle_credential() {
    let scene = Scene::new().await;
    let mut settings = settings(&scene.vault);
    settings.lifecycle = None;
    let daily = connect(&scene.vault, &settings);
    assert!(daily.lifecycle().is_none());
    let newest = daily.newest_generation("unit-1").await.unwrap();
    assert_eq!(newest.as_ref(), Some(&scene.generation));
    let opened = daily
        .unwrap(&scene.generation, &scene.wrapped, &context())
        .await;
    assert!(opened.is_ok_and(|opened| opened.as_bytes() == scene.secret.as_bytes()));
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_and_expired_keys_refuse() {
    let scene = Scene::new().await;
    lifecycle(&scene.provider)
        .disable(&scene.generation)
        .await
        .unwrap();
    assert!(matches!(scene.failure().await, KeyError::Disabled { .. }));
    assert!(matches!(
        scene.wrap_failure().await,
        KeyError::Disabled { .. }
    ));
    lifecycle(&scene.provider)
        .enable(&scene.generation)
        .await
        .unwrap();
    assert!(scene.unwraps().await);

    scene.vault.expire(scene.key(), 1);
    let error = scene.wrap_failure().await;
    assert!(matches!(error, KeyError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("exp"), "{error}");
    assert!(scene.unwraps().await, "an expired key still unwraps");
}

/// The answer to the last step is lost: the generation is there, and is found instead of another being made.
#[tokio::test(flavor = "multi_thread")]
async fn a_generation_whose_answer_was_lost_is_found_again() {
    let scene = Scene::new().await;
    scene.vault.fault_later("create", 1, VaultFault::CutAfter);
    let lost = lifecycle(&scene.provider).new_generation("unit-1").await;
    assert!(matches!(lost, Err(KeyError::Unavailable { .. })));
    let newest = scene
        .provider
        .newest_generation("unit-1")
        .await
        .unwrap()
        .unwrap();
    assert_ne!(newest, scene.generation, "the one whose answer was lost");
    let wrapped = scene
        .provider
        .wrap(&newest, &scene.secret, &context())
        .await
        .unwrap();
    assert!(
        scene
            .provider
            .unwrap(&newest, &wrapped, &context())
            .await
            .is_ok()
    );

    // Interrupted before: a signing key alone is no generation.
    scene.vault.fault("create", VaultFault::CutAfter, 1);
    assert!(
        lifecycle(&scene.provider)
            .new_generation("unit-1")
            .await
            .is_err()
    );
    let still = scene.provider.newest_generation("unit-1").await.unwrap();
    assert_eq!(still, Some(newest));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_vault_keeps_what_was_destroyed_and_says_until_when() {
    let scene = Scene::new().await;
    let lifecycle = lifecycle(&scene.provider);
    scene.vault.protect_from_purge(true);
    lifecycle.disable(&scene.generation).await.unwrap();
    for _ in 0..2 {
        lifecycle.destroy(&scene.generation).await.unwrap();
    }
    assert_eq!(scene.vault.deleted().len(), 2, "both keys wait");
    let Gone::Until(until) = lifecycle.gone(&scene.generation).await.unwrap() else {
        panic!("it can be recovered");
    };
    assert!(until > 1_700_000_000 + 89 * 24 * 3600);
    assert!(matches!(
        scene.failure().await,
        KeyError::UnknownGeneration { .. }
    ));

    // The credential may not purge: the same.
    scene.vault.protect_from_purge(false);
    scene.vault.grant(LIFECYCLE.0, &["get", "delete"]);
    lifecycle.destroy(&scene.generation).await.unwrap();
    assert_eq!(scene.vault.deleted().len(), 2);

    scene.vault.grant(LIFECYCLE.0, &["get", "delete", "purge"]);
    lifecycle.destroy(&scene.generation).await.unwrap();
    assert!(scene.vault.deleted().is_empty());
    let gone = lifecycle.gone(&scene.generation).await.unwrap();
    assert_eq!(gone, Gone::ForGood);
}

/// Deleting is no moment's work for the vault; what is purged before it is over would stay.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_destroyed_generation_stays_behind() {
    let scene = Scene::new().await;
    let lifecycle = lifecycle(&scene.provider);
    lifecycle.disable(&scene.generation).await.unwrap();
    scene.vault.delete_slowly(2);
    lifecycle.destroy(&scene.generation).await.unwrap();
    assert!(scene.vault.names().is_empty(), "{:?}", scene.vault.names());
    assert!(scene.vault.deleted().is_empty(), "both keys are purged");

    // Where purging fails, neither key is of use any more, and the next time it is made good.
    scene.vault.delete_slowly(0);
    let other = lifecycle.new_generation("unit-1").await.unwrap();
    lifecycle.disable(&other).await.unwrap();
    scene.vault.fault("purge", VaultFault::Broken, 1);
    let failed = lifecycle.destroy(&other).await.unwrap_err();
    assert!(failed.is_passing(), "{failed}");
    assert!(scene.vault.names().is_empty(), "{:?}", scene.vault.names());
    lifecycle.destroy(&other).await.unwrap();
    assert!(scene.vault.deleted().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_recovered_is_not_said_to_be_gone() {
    let scene = Scene::new().await;
    let lifecycle = lifecycle(&scene.provider);
    scene.vault.protect_from_purge(true);
    lifecycle.disable(&scene.generation).await.unwrap();
    lifecycle.destroy(&scene.generation).await.unwrap();
    scene.vault.recover(scene.key());
    let gone = lifecycle.gone(&scene.generation).await.unwrap();
    assert_eq!(gone, Gone::There);
}

/// The service dies while calls are under way, and comes back: no call gives a wrong secret, and afterwards all is well.
#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_dies_in_mid_call_gives_no_wrong_answer() {
    let scene = Scene::with(|settings| settings.patience = Duration::from_secs(5)).await;
    scene.vault.fault("unwrapKey", VaultFault::Hangs, 4);
    let stop = async {
        while scene.vault.asked("unwrapKey") < 4 {
            tokio::task::yield_now().await;
        }
        scene.vault.stop();
    };
    let (one, two, three, four, ()) = tokio::join!(
        scene.failure(),
        scene.failure(),
        scene.failure(),
        scene.failure(),
        stop
    );
    for error in [one, two, three, four, scene.failure().await] {
        assert!(matches!(error, KeyError::Unavailable { .. }), "{error:?}");
    }
    scene.vault.start_again().await;
    assert!(scene.unwraps().await);
}
