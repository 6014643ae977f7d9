//! Who signs in and how, and that nothing of it is written anywhere.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coffer_keys::azure::{self, AzureProvider, Credential, Settings};
use coffer_seal::{KeyError, KeyProvider as _};
use coffer_testkit::azure_vault::{
    AzureVault, DAILY, FEDERATED_TOKEN, LIFECYCLE, TENANT, VaultFault,
};
use uuid::Uuid;

use crate::scene::{Scene, connect, context, entropy, settings, with_secret};

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
