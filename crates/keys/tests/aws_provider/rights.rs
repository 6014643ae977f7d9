//! What can be learned of the rights of both credentials without anything being changed. moto knows no rights: the front
//! takes them away, one operation of one credential at a time.

use super::*;
use coffer_seal::{CredentialRights, KeyRight, KeyRights, May};

const CHANGES: [&str; 6] = [
    "CreateKey",
    "UpdateAlias",
    "DisableKey",
    "ScheduleKeyDeletion",
    "CancelKeyDeletion",
    "CreateGrant",
];

async fn asked(scene: &Scene) -> KeyRights {
    scene.provider.rights("unit-1").await.unwrap().unwrap()
}

fn of(rights: &CredentialRights, right: KeyRight) -> &May {
    let found = rights.iter().find(|(one, _)| *one == right);
    &found
        .unwrap_or_else(|| panic!("{right:?} is not said: {rights:?}"))
        .1
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_found_out_and_nothing_is_changed() {
    use KeyRight::{Destroy, Disable, Find, Grant, Make, Recover, Unwrap, Wrap};
    let Some(scene) = Scene::new("aws_provider::rights_are_found_out_and_nothing_is_changed").await
    else {
        return;
    };
    let (daily, lifecycle) = AwsKms::ACCESS_KEYS;
    let made = scene.kms.made().await;

    // Everybody may everything.
    let rights = asked(&scene).await;
    for right in [Find, Wrap, Unwrap, Disable, Destroy, Recover, Grant] {
        assert_eq!(of(&rights.daily, right), &May::Yes, "{right:?}");
    }
    assert!(
        matches!(of(&rights.daily, Make), May::Unknown(_)),
        "{rights:?}"
    );

    // As the page has it: the daily credential changes nothing, the other unwraps nothing.
    for operation in CHANGES {
        scene.kms.forbid(daily, operation);
    }
    for operation in ["Decrypt", "CancelKeyDeletion", "CreateGrant"] {
        scene.kms.forbid(lifecycle, operation);
    }
    let rights = asked(&scene).await;
    for right in [Find, Wrap, Unwrap] {
        assert_eq!(of(&rights.daily, right), &May::Yes, "{right:?}");
    }
    for right in [Make, Recover, Grant] {
        assert_eq!(of(&rights.daily, right), &May::No, "{right:?}");
    }
    // It may still be allowed for keys with our tag.
    for right in [Disable, Destroy] {
        let may = of(&rights.daily, right);
        assert!(
            matches!(may, May::Unknown(why) if why.contains("tag")),
            "{right:?}: {may:?}"
        );
    }
    let of_lifecycle = rights.lifecycle.as_ref().unwrap();
    for right in [Find, Make, Disable, Destroy] {
        assert_eq!(of(of_lifecycle, right), &May::Yes, "{right:?}");
    }
    for right in [Unwrap, Recover, Grant] {
        assert_eq!(of(of_lifecycle, right), &May::No, "{right:?}");
    }

    // With a key that waits for its deletion it is known of our keys.
    let of_keys = super::lifecycle(&scene.provider);
    let other = of_keys.new_generation("unit-1").await.unwrap();
    of_keys.disable(&scene.generation).await.unwrap();
    of_keys.destroy(&scene.generation).await.unwrap();
    let rights = asked(&scene).await;
    for right in [Disable, Destroy] {
        assert_eq!(of(&rights.daily, right), &May::No, "{right:?}");
    }
    assert!(matches!(
        of_keys.gone(&scene.generation).await,
        Ok(Gone::Until(_))
    ));

    for (operation, lacks) in [
        ("Encrypt", Wrap),
        ("Decrypt", Unwrap),
        ("DescribeKey", Find),
    ] {
        scene.kms.forbid(daily, operation);
        let rights = asked(&scene).await;
        assert_eq!(of(&rights.daily, lacks), &May::No, "{operation}");
        scene.kms.allow(daily, operation);
    }
    for (operation, lacks) in [
        ("UpdateAlias", Make),
        ("DisableKey", Disable),
        ("ScheduleKeyDeletion", Destroy),
        ("ListResourceTags", Find),
    ] {
        scene.kms.forbid(lifecycle, operation);
        let rights = asked(&scene).await;
        let rights = rights.lifecycle.as_ref().unwrap();
        let may = of(rights, lacks);
        // Without tags nobody finds the key that waits.
        assert!(*may == May::No, "{operation}: {may:?}");
        scene.kms.allow(lifecycle, operation);
    }
    assert_eq!(
        scene.kms.made().await,
        made + 1,
        "the one that the story made"
    );
    let newest = scene.provider.newest_generation("unit-1").await.unwrap();
    assert_eq!(newest, Some(other));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_little_is_known() {
    let test = "aws_provider::without_a_key_little_is_known";
    if !AwsKms::is_there(test) {
        return;
    }
    let kms = AwsKms::start().await;
    let mut settings = settings(&kms);
    settings.lifecycle = None;
    let provider = aws::connect(&settings, entropy()).await.unwrap();
    let rights = provider.rights("unit-1").await.unwrap().unwrap();
    assert_eq!(of(&rights.daily, KeyRight::Find), &May::Yes);
    for right in [KeyRight::Wrap, KeyRight::Unwrap, KeyRight::Note] {
        assert!(
            matches!(of(&rights.daily, right), May::Unknown(_)),
            "{right:?}"
        );
    }
    kms.stop();
    assert!(provider.rights("unit-1").await.unwrap_err().is_passing());
}
