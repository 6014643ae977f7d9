//! AWS KMS, driven by the official SDK against moto: the common suite, and every way in which the service fails.
//!
//! What moto leaves out comes from a front before it (`coffer_testkit::AwsKms`): that a disabled key, and one that waits
//! for its deletion, refuse; rights; quota; lost answers. moto checks no signatures of requests.

#![expect(clippy::unwrap_used, reason = "a test")]

mod conformance;
#[path = "aws_provider/rights.rs"]
mod rights;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coffer_keys::aws::{self, AwsProvider, Credential, Settings};
use coffer_seal::{
    Entropy, GenerationId, Gone, KeyError, KeyLifecycle, KeyNotes as _, KeyProvider,
    ProjectKeyContext, ProjectKeySecret, os_entropy,
};
use coffer_testkit::{AwsKms, KmsFault};
use uuid::Uuid;

fn entropy() -> Arc<Entropy> {
    Arc::new(os_entropy)
}

fn context() -> ProjectKeyContext {
    conformance::context(1)
}

fn settings(kms: &AwsKms) -> Settings {
    Settings {
        region: Some(AwsKms::REGION.into()),
        endpoint: Some(kms.url()),
        daily: Credential::Chain,
        lifecycle: Some(Credential::Profile("lifecycle".into())),
        credentials_file: Some(kms.credentials_file()),
        patience: Duration::from_secs(30),
    }
}

fn lifecycle(provider: &AwsProvider) -> &dyn KeyLifecycle {
    provider.lifecycle().unwrap()
}

/// A service, a provider, a generation of `unit-1`, and a secret wrapped under it.
struct Scene {
    kms: AwsKms,
    provider: AwsProvider,
    generation: GenerationId,
    secret: ProjectKeySecret,
    wrapped: Vec<u8>,
}

impl Scene {
    /// `None`, and the skip written down, where there is no moto.
    async fn new(test: &str) -> Option<Self> {
        Self::with(test, |_| {}).await
    }

    async fn with(test: &str, change: impl FnOnce(&mut Settings)) -> Option<Self> {
        if !AwsKms::is_there(test) {
            return None;
        }
        let kms = AwsKms::start().await;
        let mut settings = settings(&kms);
        change(&mut settings);
        let provider = aws::connect(&settings, entropy()).await.unwrap();
        let generation = lifecycle(&provider).new_generation("unit-1").await.unwrap();
        let secret = ProjectKeySecret::generate(&os_entropy);
        let wrapped = provider.wrap(&generation, &secret, &context()).await;
        Some(Self {
            kms,
            provider,
            generation,
            secret,
            wrapped: wrapped.unwrap(),
        })
    }

    async fn unwraps(&self) -> bool {
        let place = context();
        let opened = self
            .provider
            .unwrap(&self.generation, &self.wrapped, &place);
        let opened = opened.await;
        opened.is_ok_and(|opened| opened.as_bytes() == self.secret.as_bytes())
    }

    async fn failure(&self) -> KeyError {
        let place = context();
        let opened = self
            .provider
            .unwrap(&self.generation, &self.wrapped, &place);
        opened.await.err().expect("it unwrapped")
    }

    async fn wrap_failure(&self) -> KeyError {
        let place = context();
        let wrapped = self.provider.wrap(&self.generation, &self.secret, &place);
        wrapped.await.expect_err("it wrapped")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    if !AwsKms::is_there("aws_provider::conforms") {
        return;
    }
    let kms = AwsKms::start().await;
    let provider = aws::connect(&settings(&kms), entropy()).await.unwrap();
    conformance::suite(Arc::new(provider)).await;
}

/// The service itself refuses a wrap in another place: the whole context is its encryption context.
#[tokio::test(flavor = "multi_thread")]
async fn the_context_is_the_services_own() {
    let Some(scene) = Scene::new("aws_provider::the_context_is_the_services_own").await else {
        return;
    };
    let other = lifecycle(&scene.provider)
        .new_generation("unit-1")
        .await
        .unwrap();
    let elsewhere = conformance::elsewhere().map(|place| (&scene.generation, place));
    for (generation, place) in elsewhere.into_iter().chain([(&other, context())]) {
        let refused = scene
            .provider
            .unwrap(generation, &scene.wrapped, &place)
            .await;
        assert!(
            matches!(refused, Err(KeyError::Damaged)),
            "{place:?}: {:?}",
            refused.err()
        );
    }
}

/// The id of a generation comes from the database: an alias or another account's key is not asked for.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_no_key_id_is_asked_of_nobody() {
    let test = "aws_provider::an_id_that_is_no_key_id_is_asked_of_nobody";
    let Some(scene) = Scene::new(test).await else {
        return;
    };
    let id = &scene.generation.0;
    let asked = scene.kms.asked("Decrypt");
    for bad in [
        "",
        "alias/coffer",
        &format!("arn:aws:kms:eu-central-1:999999999999:key/{id}"),
        &"a".repeat(65),
    ] {
        let bad = GenerationId(bad.to_owned());
        let refused = scene
            .provider
            .unwrap(&bad, &scene.wrapped, &context())
            .await;
        assert!(
            matches!(refused, Err(KeyError::UnknownGeneration { .. })),
            "{bad}"
        );
        let refused = lifecycle(&scene.provider).disable(&bad).await;
        assert!(
            matches!(refused, Err(KeyError::UnknownGeneration { .. })),
            "{bad}"
        );
    }
    assert_eq!(scene.kms.asked("Decrypt"), asked);
    assert_eq!(scene.kms.asked("DisableKey"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_told_apart_and_none_is_repeated_by_the_sdk() {
    let test = "aws_provider::failures_are_told_apart_and_none_is_repeated_by_the_sdk";
    let short = |settings: &mut Settings| settings.patience = Duration::from_secs(3);
    let Some(scene) = Scene::with(test, short).await else {
        return;
    };
    let mut asked = scene.kms.asked("Decrypt");
    let mut next = async |fault| {
        scene.kms.fault("Decrypt", fault, 1);
        let error = scene.failure().await;
        asked += 1;
        assert_eq!(
            scene.kms.asked("Decrypt"),
            asked,
            "{fault:?} was tried again"
        );
        error
    };
    assert!(matches!(
        next(KmsFault::Throttled).await,
        KeyError::Throttled { .. }
    ));
    for fault in [
        KmsFault::Broken,
        KmsFault::CutBefore,
        KmsFault::CutAfter,
        KmsFault::Babbles,
        KmsFault::Hangs,
    ] {
        let error = next(fault).await;
        assert!(
            matches!(error, KeyError::Unavailable { .. }),
            "{fault:?}: {error:?}"
        );
    }
    let error = next(KmsFault::Named("InvalidCiphertextException")).await;
    assert!(matches!(error, KeyError::Damaged));
    let error = next(KmsFault::Named("UnrecognizedClientException")).await;
    assert!(
        matches!(
            error,
            KeyError::Forbidden {
                right: "sign in",
                ..
            }
        ),
        "{error:?}"
    );
    let error = next(KmsFault::Named("InvalidKeyUsageException")).await;
    assert!(
        error.to_string().contains("InvalidKeyUsageException"),
        "{error}"
    );
    assert!(scene.unwraps().await, "all is well again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_is_named() {
    let Some(scene) = Scene::new("aws_provider::a_missing_right_is_named").await else {
        return;
    };
    let (daily, other) = AwsKms::ACCESS_KEYS;
    let forbidden = |error: KeyError, action: &str, who: &str| {
        let text = error.to_string();
        assert!(matches!(error, KeyError::Forbidden { .. }), "{text}");
        assert!(text.contains(action) && text.contains(who), "{text}");
    };
    scene.kms.forbid(daily, "Encrypt");
    scene.kms.forbid(daily, "Decrypt");
    forbidden(scene.wrap_failure().await, "`kms:Encrypt`", "daily");
    forbidden(scene.failure().await, "`kms:Decrypt`", "daily");
    for operation in ["CreateKey", "DisableKey"] {
        scene.kms.forbid(other, operation);
    }
    let lifecycle = lifecycle(&scene.provider);
    let error = lifecycle.new_generation("unit-1").await.unwrap_err();
    forbidden(error, "`kms:CreateKey`", "lifecycle");
    let error = lifecycle.disable(&scene.generation).await.unwrap_err();
    forbidden(error, "`kms:DisableKey`", "lifecycle");
}

/// The key was made and the alias not moved, or its answer was lost: the next try takes that key.
#[tokio::test(flavor = "multi_thread")]
async fn a_generation_whose_making_broke_off_is_found_again() {
    let test = "aws_provider::a_generation_whose_making_broke_off_is_found_again";
    let Some(scene) = Scene::new(test).await else {
        return;
    };
    let newest = async || scene.provider.newest_generation("unit-1").await.unwrap();
    for (operation, fault) in [
        ("CreateKey", KmsFault::CutAfter),
        ("UpdateAlias", KmsFault::CutBefore),
    ] {
        let made = scene.kms.asked("CreateKey");
        let before = newest().await;
        scene.kms.fault(operation, fault, 1);
        let lost = lifecycle(&scene.provider).new_generation("unit-1").await;
        assert!(
            matches!(lost, Err(KeyError::Unavailable { .. })),
            "{operation}"
        );
        assert_eq!(
            newest().await,
            before,
            "{operation}: the alias was not moved"
        );
        let found = lifecycle(&scene.provider)
            .new_generation("unit-1")
            .await
            .unwrap();
        assert_eq!(
            scene.kms.asked("CreateKey"),
            made + 1,
            "{operation}: another was made"
        );
        assert_eq!(newest().await, Some(found));
    }
    // The alias was moved, only the answer was lost.
    let before = newest().await;
    scene.kms.fault("UpdateAlias", KmsFault::CutAfter, 1);
    assert!(
        lifecycle(&scene.provider)
            .new_generation("unit-1")
            .await
            .is_err()
    );
    assert_ne!(newest().await, before, "it is found by the alias");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_destroyed_waits_seven_days_and_refuses_meanwhile() {
    let test = "aws_provider::what_was_destroyed_waits_seven_days_and_refuses_meanwhile";
    let Some(scene) = Scene::new(test).await else {
        return;
    };
    let lifecycle = lifecycle(&scene.provider);
    let gone = lifecycle.gone(&scene.generation).await.unwrap();
    assert_eq!(gone, Gone::There);
    lifecycle.disable(&scene.generation).await.unwrap();
    assert!(matches!(scene.failure().await, KeyError::Disabled { .. }));
    assert!(matches!(
        scene.wrap_failure().await,
        KeyError::Disabled { .. }
    ));
    lifecycle.destroy(&scene.generation).await.unwrap();
    let Gone::Until(until) = lifecycle.gone(&scene.generation).await.unwrap() else {
        panic!("it can be taken back");
    };
    assert!(until > 1_700_000_000 + 6 * 24 * 3600);
    assert!(matches!(
        scene.failure().await,
        KeyError::UnknownGeneration { .. }
    ));
    lifecycle.destroy(&scene.generation).await.unwrap();
    assert_eq!(scene.kms.asked("ScheduleKeyDeletion"), 1);
    let never = GenerationId(Uuid::from_u128(9).to_string());
    lifecycle.destroy(&never).await.unwrap();
    assert_eq!(lifecycle.gone(&never).await.unwrap(), Gone::ForGood);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_taken_on_for_lifecycle_work() {
    let test = "aws_provider::a_role_is_taken_on_for_lifecycle_work";
    let with_role = |settings: &mut Settings| {
        settings.lifecycle = Some(Credential::Role(
            "arn:aws:iam::123456789012:role/keys".into(),
        ));
    };
    let Some(scene) = Scene::with(test, with_role).await else {
        return;
    };
    assert_eq!(scene.kms.asked("AssumeRole"), 1);
    assert!(scene.unwraps().await);
}

/// Daily work does without any right to change keys; then nothing makes generations here.
#[tokio::test(flavor = "multi_thread")]
async fn daily_work_needs_no_lifecycle_credential() {
    let test = "aws_provider::daily_work_needs_no_lifecycle_credential";
    let Some(scene) = Scene::new(test).await else {
        return;
    };
    let mut settings = settings(&scene.kms);
    settings.lifecycle = None;
    let daily = aws::connect(&settings, entropy()).await.unwrap();
    assert!(daily.lifecycle().is_none());
    let newest = daily.newest_generation("unit-1").await.unwrap();
    assert_eq!(newest.as_ref(), Some(&scene.generation));
    let opened = daily
        .unwrap(&scene.generation, &scene.wrapped, &context())
        .await;
    assert!(opened.is_ok_and(|opened| opened.as_bytes() == scene.secret.as_bytes()));
}

/// Credentials that are nowhere, and a service that is nowhere, are two things.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_and_nothing_to_sign_with_are_told_apart() {
    let test = "aws_provider::nobody_there_and_nothing_to_sign_with_are_told_apart";
    let Some(scene) = Scene::new(test).await else {
        return;
    };
    let mut settings = settings(&scene.kms);
    settings.daily = Credential::Profile("no-such-profile".into());
    let stranger = aws::connect(&settings, entropy()).await.unwrap();
    let error = stranger
        .unwrap(&scene.generation, &scene.wrapped, &context())
        .await
        .err()
        .unwrap();
    assert!(
        matches!(
            error,
            KeyError::Forbidden {
                right: "sign in",
                ..
            }
        ),
        "{error:?}"
    );
    scene.kms.stop();
    let error = scene.failure().await;
    assert!(matches!(error, KeyError::Unavailable { .. }), "{error:?}");
}

/// moto dies while calls are under way: each ends in an outage, none in a wrong secret. It comes back with its keys, and
/// all is well.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_dies_in_mid_call_gives_no_wrong_answer() {
    let test = "aws_provider::a_service_that_dies_in_mid_call_gives_no_wrong_answer";
    let short = |settings: &mut Settings| settings.patience = Duration::from_secs(5);
    let Some(scene) = Scene::with(test, short).await else {
        return;
    };
    for kill in [false, true] {
        let before = scene.kms.asked("Decrypt");
        scene.kms.fault("Decrypt", KmsFault::Hangs, 4);
        let end = async {
            while scene.kms.asked("Decrypt") < before + 4 {
                tokio::task::yield_now().await;
            }
            match kill {
                true => scene.kms.kill(),
                false => scene.kms.stop(),
            }
        };
        let (one, two, three, four, ()) = tokio::join!(
            scene.failure(),
            scene.failure(),
            scene.failure(),
            scene.failure(),
            end
        );
        for error in [one, two, three, four, scene.failure().await] {
            assert!(matches!(error, KeyError::Unavailable { .. }), "{error:?}");
        }
        scene.kms.start_again().await;
        assert!(scene.unwraps().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_a_tag_is_refused() {
    let Some(scene) = Scene::new("aws_provider::what_does_not_fit_a_tag_is_refused").await else {
        return;
    };
    let refused = lifecycle(&scene.provider).new_generation("unit#1").await;
    assert!(matches!(refused, Err(KeyError::Refused { .. })));
    let refused = scene.provider.put_note("unit-1", "a;b").await;
    assert!(matches!(refused, Err(KeyError::Refused { .. })));
    assert_eq!(scene.kms.asked("TagResource"), 0);
}

/// `LOG_SENSITIVE_BODIES` in the environment makes the SDK log whole answers. Nothing of its calls is heard, with or without it.
#[tokio::test]
async fn nothing_secret_is_logged_or_printed() {
    let log = coffer_testkit::LogBuffer::default();
    let _guard = log.listen();
    let Some(scene) = Scene::new("aws_provider::nothing_secret_is_logged_or_printed").await else {
        return;
    };
    assert!(scene.unwraps().await);
    scene.kms.fault("Decrypt", KmsFault::Broken, 1);
    let error = scene.failure().await;
    let settings = settings(&scene.kms);
    let all = format!(
        "{}\n{settings:?}\n{:?}\n{error:?}",
        log.text(),
        scene.provider
    );
    assert!(log.text().contains("hyper_util"), "the log hears libraries");
    assert!(
        !log.text().contains("KMS.Encrypt"),
        "a call of the SDK was heard"
    );
    let secret = scene.secret.as_bytes();
    let spelled = format!("{secret:?}");
    for needle in [
        AwsKms::SECRET.to_owned(),
        STANDARD.encode(secret),
        spelled.trim_matches(['[', ']']).to_owned(),
    ] {
        assert!(!all.contains(&needle), "{needle} was written");
    }
}
