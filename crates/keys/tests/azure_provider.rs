//! Azure Key Vault, driven by the official SDK against our own double: the common suite, what a storage writer can try,
//! and every way in which the service fails.

#![expect(clippy::unwrap_used, reason = "a test")]

mod conformance;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coffer_keys::azure::{self, AzureProvider, Credential, Settings};
use coffer_seal::{
    Entropy, GenerationId, KeyError, KeyLifecycle, KeyProvider as _, ProjectKeyContext,
    ProjectKeySecret, os_entropy,
};
use coffer_testkit::azure_vault::{
    AzureVault, DAILY, FEDERATED_TOKEN, LIFECYCLE, TENANT, VaultFault,
};
use uuid::Uuid;

fn entropy() -> Arc<Entropy> {
    Arc::new(os_entropy)
}

fn context() -> ProjectKeyContext {
    ProjectKeyContext {
        scale_unit: "unit-1".into(),
        organization: Uuid::from_u128(1),
        project: Uuid::from_u128(2),
        version: 1,
    }
}

fn with_secret(vault: &AzureVault, (client, secret): (&str, &str)) -> Credential {
    Credential::ClientSecret {
        tenant: TENANT.into(),
        client_id: client.into(),
        secret_file: vault.file(client, &format!("{secret}\n")),
    }
}

fn settings(vault: &AzureVault) -> Settings {
    Settings {
        vault: vault.url(),
        daily: with_secret(vault, DAILY),
        lifecycle: Some(with_secret(vault, LIFECYCLE)),
        authority: Some(vault.sign_in()),
        ca_file: None,
        key_size: 2048,
        hardware: false,
        patience: Duration::from_secs(30),
    }
}

fn connect(vault: &AzureVault, settings: &Settings) -> AzureProvider {
    azure::connect_over(settings, entropy(), &vault.client()).unwrap()
}

fn lifecycle(provider: &AzureProvider) -> &dyn KeyLifecycle {
    use coffer_seal::KeyProvider as _;
    provider.lifecycle().unwrap()
}

/// A vault, a provider, a generation of `unit-1`, and a secret wrapped under it.
struct Scene {
    vault: AzureVault,
    provider: AzureProvider,
    generation: GenerationId,
    secret: ProjectKeySecret,
    wrapped: Vec<u8>,
}

impl Scene {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let vault = AzureVault::start().await;
        let mut settings = settings(&vault);
        change(&mut settings);
        let provider = connect(&vault, &settings);
        let generation = lifecycle(&provider).new_generation("unit-1").await.unwrap();
        let secret = ProjectKeySecret::generate(&os_entropy);
        let wrapped = provider.wrap(&generation, &secret, &context()).await;
        Self {
            vault,
            provider,
            generation,
            secret,
            wrapped: wrapped.unwrap(),
        }
    }

    fn key(&self) -> &str {
        self.generation.0.split_once('/').unwrap().0
    }

    async fn unwrap(&self, wrapped: &[u8]) -> Result<ProjectKeySecret, KeyError> {
        let place = context();
        let opened = self.provider.unwrap(&self.generation, wrapped, &place);
        opened.await
    }

    async fn unwraps(&self) -> bool {
        let opened = self.unwrap(&self.wrapped).await;
        opened.is_ok_and(|opened| opened.as_bytes() == self.secret.as_bytes())
    }

    async fn failure(&self) -> KeyError {
        let opened = self.unwrap(&self.wrapped).await;
        opened.err().expect("it unwrapped")
    }

    async fn wrap_failure(&self) -> KeyError {
        let place = context();
        let wrapped = self.provider.wrap(&self.generation, &self.secret, &place);
        wrapped.await.expect_err("it wrapped")
    }
}

/// A wrap with a signature, as they are stored.
fn envelope(wrap: &[u8], signature: &[u8]) -> Vec<u8> {
    let length = u16::try_from(wrap.len()).unwrap().to_be_bytes();
    [&[1], &length[..], wrap, signature].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let vault = AzureVault::start().await;
    let provider = connect(&vault, &settings(&vault));
    conformance::suite(Arc::new(provider)).await;
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
    let elsewhere = [
        (
            &scene.generation,
            ProjectKeyContext {
                project: Uuid::from_u128(3),
                ..context()
            },
        ),
        (
            &scene.generation,
            ProjectKeyContext {
                organization: Uuid::from_u128(3),
                ..context()
            },
        ),
        (
            &scene.generation,
            ProjectKeyContext {
                version: 2,
                ..context()
            },
        ),
        (&other, context()),
    ];
    for (generation, place) in elsewhere {
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
    let until = lifecycle
        .gone_for_good(&scene.generation)
        .await
        .unwrap()
        .unwrap();
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
    assert_eq!(
        lifecycle.gone_for_good(&scene.generation).await.unwrap(),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_sign_in_works() {
    let scene = Scene::new().await;
    let identities = [
        Credential::ManagedIdentity { client_id: None },
        Credential::ManagedIdentity {
            client_id: Some(DAILY.0.into()),
        },
        Credential::WorkloadIdentity {
            tenant: Some(TENANT.into()),
            client_id: Some(DAILY.0.into()),
            token_file: Some(scene.vault.file("federated", FEDERATED_TOKEN)),
        },
        with_secret(&scene.vault, DAILY),
    ];
    for daily in identities {
        let told = format!("{daily:?}");
        let settings = Settings {
            daily,
            lifecycle: None,
            ..settings(&scene.vault)
        };
        let provider = connect(&scene.vault, &settings);
        let opened = provider
            .unwrap(&scene.generation, &scene.wrapped, &context())
            .await;
        assert!(opened.is_ok(), "{told}: {:?}", opened.err());
    }
    assert_eq!(scene.vault.asked("metadata"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_fails_is_told_apart() {
    let scene = Scene::new().await;
    let fresh = |daily| {
        let settings = Settings {
            daily,
            lifecycle: None,
            patience: Duration::from_secs(2),
            ..settings(&scene.vault)
        };
        connect(&scene.vault, &settings)
    };
    let failure = async |provider: &AzureProvider| {
        let place = context();
        let opened = provider.unwrap(&scene.generation, &scene.wrapped, &place);
        opened.await.err().expect("it unwrapped")
    };
    let wrong = [
        Credential::ClientSecret {
            tenant: TENANT.into(),
            client_id: DAILY.0.into(),
            secret_file: scene.vault.file("another", "another secret"),
        },
        Credential::ManagedIdentity {
            client_id: Some(Uuid::nil().to_string()),
        },
        Credential::WorkloadIdentity {
            tenant: Some(TENANT.into()),
            client_id: Some(DAILY.0.into()),
            token_file: Some(scene.vault.file("forged", "forged")),
        },
    ];
    for daily in wrong {
        let told = format!("{daily:?}");
        let error = failure(&fresh(daily)).await;
        let signs_in = matches!(
            &error,
            KeyError::Forbidden {
                right: "sign in",
                ..
            }
        );
        assert!(signs_in, "{told}: {error:?}");
        assert!(!error.to_string().contains("another secret"));
    }
    let provider = fresh(with_secret(&scene.vault, DAILY));
    for fault in [VaultFault::Broken, VaultFault::CutBefore, VaultFault::Hangs] {
        scene.vault.fault("token", fault, 1);
        let error = failure(&provider).await;
        assert!(
            matches!(error, KeyError::Unavailable { .. }),
            "{fault:?}: {error:?}"
        );
    }
    scene.vault.fault("token", VaultFault::Throttled(1), 1);
    assert!(matches!(
        failure(&provider).await,
        KeyError::Throttled { .. }
    ));
    let opened = provider
        .unwrap(&scene.generation, &scene.wrapped, &context())
        .await;
    assert!(opened.is_ok());

    // The SDK keeps a token for as long as it was good for; one that was withdrawn is told as such.
    scene.vault.revoke_tokens();
    let error = scene.failure().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_told_at_once() {
    let vault = AzureVault::start().await;
    let refusal = |change: &dyn Fn(&mut Settings)| {
        let mut settings = settings(&vault);
        change(&mut settings);
        azure::connect(&settings, entropy()).expect_err("it was taken")
    };
    let absent = || PathBuf::from("no-such-folder/file");
    let error = refusal(&|settings| settings.vault = "http://coffer.vault.azure.net".into());
    assert!(error.to_string().contains("https://"), "{error}");
    let error = refusal(&|settings| settings.key_size = 1024);
    assert!(error.to_string().contains("2048"), "{error}");
    let error = refusal(&|settings| settings.ca_file = Some(absent()));
    assert!(error.to_string().contains("no-such-folder"), "{error}");
    let error = refusal(&|settings| {
        settings.daily = Credential::ClientSecret {
            tenant: TENANT.into(),
            client_id: DAILY.0.into(),
            secret_file: absent(),
        };
    });
    assert!(error.to_string().contains("no-such-folder"), "{error}");
}

/// Everything that the SDK, its HTTP client and we log at the finest level, without one secret in it.
#[tokio::test]
async fn nothing_secret_is_logged_or_printed() {
    let log = coffer_testkit::LogBuffer::default();
    let _guard = log.listen();
    let scene = Scene::new().await;
    assert!(scene.unwraps().await);
    scene.vault.fault("unwrapKey", VaultFault::Broken, 1);
    let error = scene.failure().await;
    let settings = settings(&scene.vault);
    let all = format!(
        "{}\n{settings:?}\n{:?}\n{error:?}",
        log.text(),
        scene.provider
    );
    assert!(all.contains("unwrapkey"), "the log hears the SDK");
    let secret = scene.secret.as_bytes();
    let mut needles = vec![
        DAILY.1.to_owned(),
        LIFECYCLE.1.to_owned(),
        URL_SAFE_NO_PAD.encode(secret),
        base64::engine::general_purpose::STANDARD.encode(secret),
        format!("{:?}", secret),
    ];
    needles.extend(scene.vault.tokens());
    assert!(needles.len() >= 7, "both signed in");
    for needle in needles {
        assert!(!all.contains(&needle), "{needle} was written");
    }
}
