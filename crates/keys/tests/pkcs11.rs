//! PKCS#11: the common suite before SoftHSM, and what is particular to a token.

#![cfg(feature = "pkcs11")]
#![expect(clippy::unwrap_used, reason = "a test")]

mod conformance;
#[path = "pkcs11/rights.rs"]
mod rights;

use std::sync::Arc;
use std::time::Duration;

use coffer_keys::pkcs11::{Pkcs11Provider, Settings, connect};
use coffer_seal::{
    GenerationId, KeyError, KeyLifecycle as _, KeyProvider as _, ProjectKeyContext,
    ProjectKeySecret, os_entropy,
};
use coffer_testkit::{SoftHsm, eventually};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeInfo, AttributeType, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use uuid::Uuid;

/// The machine may be busy: what is slow is no failure here.
fn settings(hsm: &SoftHsm) -> Settings {
    Settings {
        lifecycle: true,
        deadline: Duration::from_secs(20),
        ..Settings::new(hsm.module(), hsm.label(), hsm.pin_file())
    }
}

fn provider(settings: &Settings) -> Pkcs11Provider {
    connect(settings, Arc::new(os_entropy)).unwrap()
}

fn context() -> ProjectKeyContext {
    ProjectKeyContext {
        scale_unit: "prod".into(),
        organization: Uuid::from_u128(1),
        project: Uuid::from_u128(2),
        version: 1,
    }
}

fn secret() -> ProjectKeySecret {
    ProjectKeySecret::generate(&os_entropy)
}

/// The token as its operator sees it, with a tool of another make in the same process.
fn module(hsm: &SoftHsm) -> Pkcs11 {
    let module = Pkcs11::new(hsm.module()).unwrap();
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => module,
        Err(error) => panic!("{error}"),
    }
}

fn operator(hsm: &SoftHsm) -> Session {
    let module = module(hsm);
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    let session = module.open_rw_session(slot).unwrap();
    match session.login(UserType::User, Some(&AuthPin::from(hsm.pin().to_owned()))) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => session,
        Err(error) => panic!("{error}"),
    }
}

fn key(session: &Session, generation: &GenerationId) -> ObjectHandle {
    let template = [Attribute::Label(generation.0.clone().into())];
    session.find_objects(&template).unwrap()[0]
}

/// Whether the token itself encrypts with a key.
fn encrypts(session: &Session, key: ObjectHandle) -> Result<(), Error> {
    let mut iv = [7; 12];
    let parameters = GcmParams::new(&mut iv, b"", 128.into())?;
    let mechanism = Mechanism::AesGcm(parameters);
    session.encrypt(&mechanism, key, b"text").map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let Some(hsm) = SoftHsm::alone("conforms") else {
        return;
    };
    let provider = provider(&settings(&hsm));
    assert!(provider.notes().is_some() && provider.lifecycle().is_some());
    conformance::suite(Arc::new(provider)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_itself_keeps_keys_in_and_refuses_disabled_ones() {
    let Some(hsm) = SoftHsm::alone("the_token_itself_keeps_keys_in_and_refuses_disabled_ones")
    else {
        return;
    };
    let provider = provider(&settings(&hsm));
    let generation = provider.new_generation("prod").await.unwrap();
    let operator = operator(&hsm);
    let key = key(&operator, &generation);
    let wanted = [
        AttributeType::AlwaysSensitive,
        AttributeType::NeverExtractable,
    ];
    let attributes = operator.get_attributes(key, &wanted).unwrap();
    assert!(
        attributes.contains(&Attribute::AlwaysSensitive(true)),
        "{attributes:?}"
    );
    assert!(
        attributes.contains(&Attribute::NeverExtractable(true)),
        "{attributes:?}"
    );
    let value = operator
        .get_attribute_info(key, &[AttributeType::Value])
        .unwrap();
    assert!(matches!(value[0], AttributeInfo::Sensitive));
    assert!(
        operator
            .update_attributes(key, &[Attribute::Extractable(true)])
            .is_err()
    );

    encrypts(&operator, key).unwrap();
    provider.disable(&generation).await.unwrap();
    let refused = encrypts(&operator, key).unwrap_err();
    assert!(
        matches!(refused, Error::Pkcs11(RvError::KeyFunctionNotPermitted, _)),
        "{refused}"
    );
    provider.enable(&generation).await.unwrap();
    encrypts(&operator, key).unwrap();
    provider.disable(&generation).await.unwrap();
    provider.destroy(&generation).await.unwrap();
    let template = [Attribute::Label(generation.0.clone().into())];
    assert!(operator.find_objects(&template).unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_itself_binds_a_wrap_to_its_place() {
    let Some(hsm) = SoftHsm::alone("the_token_itself_binds_a_wrap_to_its_place") else {
        return;
    };
    let provider = provider(&settings(&hsm));
    let generation = provider.new_generation("prod").await.unwrap();
    let wrapped = provider
        .wrap(&generation, &secret(), &context())
        .await
        .unwrap();
    let elsewhere = ProjectKeyContext {
        project: Uuid::from_u128(3),
        ..context()
    };
    let opened = provider.unwrap(&generation, &wrapped, &elsewhere).await;
    assert!(matches!(opened, Err(KeyError::Damaged)));
    let other_unit = ProjectKeyContext {
        scale_unit: "prod-2".into(),
        ..context()
    };
    let opened = provider.unwrap(&generation, &wrapped, &other_unit).await;
    assert!(matches!(opened, Err(KeyError::OtherScaleUnit { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_lifecycle_a_prepared_generation_serves_and_what_is_unfit_does_not() {
    let Some(hsm) =
        SoftHsm::alone("without_lifecycle_a_prepared_generation_serves_and_what_is_unfit_does_not")
    else {
        return;
    };
    let provider = provider(&Settings {
        lifecycle: false,
        ..settings(&hsm)
    });
    assert!(provider.lifecycle().is_none());
    assert_eq!(provider.newest_generation("prod").await.unwrap(), None);
    let operator = operator(&hsm);
    let make = |label: &str, extractable| {
        let template = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(extractable),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::ValueLen(32.into()),
            Attribute::Label(label.into()),
        ];
        operator
            .generate_key(&Mechanism::AesKeyGen, &template)
            .unwrap();
    };
    make("coffer.prod.00000001-00000000", false);
    let newest = provider.newest_generation("prod").await.unwrap().unwrap();
    provider.wrap(&newest, &secret(), &context()).await.unwrap();
    make("coffer.prod.00000002-00000000", true);
    let refused = provider.newest_generation("prod").await.unwrap_err();
    assert!(matches!(refused, KeyError::Refused { .. }), "{refused}");
    make("coffer.prod.00000001-00000000", false);
    let refused = provider.wrap(&newest, &secret(), &context()).await;
    assert!(
        matches!(refused, Err(KeyError::Refused { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_pin_is_not_tried_twice() {
    let Some(hsm) = SoftHsm::alone("a_wrong_pin_is_not_tried_twice") else {
        return;
    };
    std::fs::write(hsm.pin_file(), "00000000\n").unwrap();
    let provider = provider(&settings(&hsm));
    let denied = async || {
        let error = provider.newest_generation("prod").await.unwrap_err();
        assert!(
            matches!(
                error,
                KeyError::Forbidden {
                    right: "log in",
                    ..
                }
            ),
            "{error}"
        );
        assert!(!error.to_string().contains("00000000"), "{error}");
    };
    denied().await;
    // Now it would be taken, if it was tried.
    let operator = operator(&hsm);
    let [old, new] = [hsm.pin(), "00000000"].map(|pin| AuthPin::from(pin.to_owned()));
    operator.set_pin(&old, &new).unwrap();
    operator.logout().unwrap();
    denied().await;
    std::fs::write(hsm.pin_file(), "00000000").unwrap(); // the same PIN
    denied().await;
    operator
        .login(UserType::User, Some(&new))
        .and_then(|()| operator.set_pin(&new, &old))
        .and_then(|()| operator.logout())
        .unwrap();
    std::fs::write(hsm.pin_file(), format!("{}\n", hsm.pin())).unwrap();
    provider.newest_generation("prod").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_session_is_opened_again() {
    let Some(hsm) = SoftHsm::alone("a_lost_session_is_opened_again") else {
        return;
    };
    let provider = provider(&settings(&hsm));
    let generation = provider.new_generation("prod").await.unwrap();
    let kept = secret();
    let wrapped = provider.wrap(&generation, &kept, &context()).await.unwrap();
    let unwrap = async || {
        let opened = provider.unwrap(&generation, &wrapped, &context()).await;
        opened.map(|opened| assert_eq!(opened.as_bytes(), kept.as_bytes()))
    };
    // Logging out is for the whole process.
    operator(&hsm).logout().unwrap();
    unwrap().await.unwrap();
    module(&hsm).finalize().unwrap();
    unwrap().await.unwrap();

    hsm.take_out();
    module(&hsm).finalize().unwrap();
    for _ in 0..3 {
        let error = unwrap().await.unwrap_err();
        assert!(error.is_passing(), "{error}");
        assert!(error.to_string().contains("no token labelled"), "{error}");
    }
    hsm.put_in();
    module(&hsm).finalize().unwrap();
    eventually("the token is found again", || async {
        unwrap().await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_stands_still_holds_nobody_longer_than_the_deadline() {
    let Some(hsm) =
        SoftHsm::alone("a_token_that_stands_still_holds_nobody_longer_than_the_deadline")
    else {
        return;
    };
    // Who reads the PIN waits until somebody writes it: the thread stands still.
    let pipe = hsm.folder().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let provider = Arc::new(provider(&Settings {
        pin_file: pipe.clone(),
        deadline: Duration::from_millis(100),
        ..settings(&hsm)
    }));
    let callers: Vec<_> = (0..100) // more than the queue takes
        .map(|_| {
            let provider = provider.clone();
            tokio::spawn(async move { provider.newest_generation("prod").await })
        })
        .collect();
    for caller in callers {
        let error = caller.await.unwrap().unwrap_err();
        assert!(
            error.is_passing() && error.to_string().contains("in time"),
            "{error}"
        );
    }
    let pin = hsm.pin();
    tokio::task::spawn_blocking(move || std::fs::write(pipe, pin).unwrap())
        .await
        .unwrap();
    eventually("it moves again", || async {
        provider.newest_generation("prod").await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_that_is_none_is_refused() {
    let Some(hsm) = SoftHsm::alone("a_module_that_is_none_is_refused") else {
        return;
    };
    for module in [hsm.pin_file(), "/nowhere/module.so".into()] {
        let provider = provider(&Settings {
            module,
            ..settings(&hsm)
        });
        let error = provider.newest_generation("prod").await.unwrap_err();
        assert!(matches!(error, KeyError::Refused { .. }), "{error}");
    }
    for bad in [
        Settings {
            module: "module.so".into(),
            ..settings(&hsm)
        },
        Settings {
            prefix: "a.b".into(),
            ..settings(&hsm)
        },
    ] {
        assert!(connect(&bad, Arc::new(os_entropy)).is_err());
    }
}
