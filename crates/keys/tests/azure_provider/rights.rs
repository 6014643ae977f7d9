//! What can be learned of the rights of both credentials without anything being changed.

use super::*;
use coffer_seal::{CredentialRights, KeyRight, KeyRights, May};

const DAILY_RIGHTS: [&str; 5] = ["get", "list", "wrapKey", "unwrapKey", "sign"];
const LIFECYCLE_RIGHTS: [&str; 6] = ["get", "list", "create", "update", "delete", "purge"];

fn with(rights: &[&'static str], more: &'static str) -> Vec<&'static str> {
    rights.iter().copied().chain([more]).collect()
}

fn without(rights: &[&'static str], less: &str) -> Vec<&'static str> {
    let mut rights = rights.to_vec();
    rights.retain(|right| *right != less);
    rights
}

async fn asked(scene: &Scene, daily: &[&str], lifecycle: &[&str]) -> KeyRights {
    scene.vault.grant(DAILY.0, daily);
    scene.vault.grant(LIFECYCLE.0, lifecycle);
    scene.provider.rights("unit-1").await.unwrap().unwrap()
}

fn of(rights: &CredentialRights, right: KeyRight) -> &May {
    let found = rights.iter().find(|(one, _)| *one == right);
    &found
        .unwrap_or_else(|| panic!("{right:?} is not said: {rights:?}"))
        .1
}

/// What is there and is no daily right.
fn wide(rights: &CredentialRights, needed: &[KeyRight]) -> Vec<KeyRight> {
    let there = rights.iter().filter(|(_, may)| *may == May::Yes);
    let all = there.map(|(right, _)| *right);
    all.filter(|right| !needed.contains(right)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_found_out_and_nothing_is_changed() {
    use KeyRight::{Destroy, Disable, Export, Find, Make, Recover, Unwrap, Wrap};
    let scene = Scene::new().await;
    let before = (scene.vault.names(), scene.vault.deleted());
    let lifecycle_needs = [Find, Make, Disable, Destroy];

    let rights = asked(&scene, &DAILY_RIGHTS, &LIFECYCLE_RIGHTS).await;
    for right in [Find, Wrap, Unwrap] {
        assert_eq!(of(&rights.daily, right), &May::Yes, "{right:?}");
    }
    assert_eq!(wide(&rights.daily, &KeyRight::DAILY), []);
    let lifecycle = rights.lifecycle.as_ref().unwrap();
    // The daily credential was refused for the lack of the right, so the other's malformed request went further.
    for right in lifecycle_needs {
        assert_eq!(of(lifecycle, right), &May::Yes, "{right:?}");
    }
    assert_eq!(wide(lifecycle, &lifecycle_needs), []);
    assert!(rights.traits[0].said.contains("at once"), "{rights:?}");

    for (less, lacks) in [
        ("get", Find),
        ("wrapKey", Wrap),
        ("sign", Wrap),
        ("unwrapKey", Unwrap),
    ] {
        let rights = asked(&scene, &without(&DAILY_RIGHTS, less), &LIFECYCLE_RIGHTS).await;
        assert_eq!(of(&rights.daily, lacks), &May::No, "{less}");
    }
    for (less, lacks) in [
        ("list", Find),
        ("create", Make),
        ("update", Disable),
        ("delete", Destroy),
    ] {
        let rights = asked(&scene, &DAILY_RIGHTS, &without(&LIFECYCLE_RIGHTS, less)).await;
        assert_eq!(
            of(rights.lifecycle.as_ref().unwrap(), lacks),
            &May::No,
            "{less}"
        );
    }
    for (more, has) in [
        ("update", Disable),
        ("delete", Destroy),
        ("backup", Export),
        ("recover", Recover),
    ] {
        let rights = asked(&scene, &with(&DAILY_RIGHTS, more), &LIFECYCLE_RIGHTS).await;
        assert_eq!(wide(&rights.daily, &KeyRight::DAILY), [has], "{more}");
    }
    for (more, has) in [
        ("unwrapKey", Unwrap),
        ("backup", Export),
        ("recover", Recover),
    ] {
        let rights = asked(&scene, &DAILY_RIGHTS, &with(&LIFECYCLE_RIGHTS, more)).await;
        let lifecycle = rights.lifecycle.as_ref().unwrap();
        assert_eq!(wide(lifecycle, &lifecycle_needs), [has], "{more}");
    }
    let rights = asked(&scene, &DAILY_RIGHTS, &without(&LIFECYCLE_RIGHTS, "purge")).await;
    assert!(rights.traits[0].said.contains("retention"), "{rights:?}");
    assert_eq!((scene.vault.names(), scene.vault.deleted()), before);
    assert!(scene.unwraps().await);
}

/// With one credential nobody was refused, and a malformed request says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_learned_is_said_to_be_unknown() {
    let scene = Scene::new().await;
    let mut settings = settings(&scene.vault);
    settings.lifecycle = None;
    let alone = connect(&scene.vault, &settings);
    let unknown = |may: &May| matches!(may, May::Unknown(_));

    let rights = alone.rights("unit-1").await.unwrap().unwrap();
    assert_eq!(of(&rights.daily, KeyRight::Make), &May::No);
    // It may have been given the one key that carries the note.
    assert!(unknown(of(&rights.daily, KeyRight::Note)), "{rights:?}");
    scene.vault.grant(DAILY.0, &with(&DAILY_RIGHTS, "create"));
    let rights = alone.rights("unit-1").await.unwrap().unwrap();
    assert!(unknown(of(&rights.daily, KeyRight::Make)), "{rights:?}");

    // Both may make keys: neither is refused.
    let rights = scene.provider.rights("unit-1").await.unwrap().unwrap();
    assert!(unknown(of(&rights.daily, KeyRight::Make)), "{rights:?}");
    scene.vault.stop();
    let failed = scene.provider.rights("unit-1").await.unwrap_err();
    assert!(failed.is_passing(), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_told_before_there_is_a_key() {
    let vault = AzureVault::start().await;
    let provider = connect(&vault, &settings(&vault));
    let rights = provider.rights("unit-1").await.unwrap().unwrap();
    for right in [KeyRight::Find, KeyRight::Wrap, KeyRight::Unwrap] {
        assert_eq!(of(&rights.daily, right), &May::Yes);
    }
    vault.grant(DAILY.0, &["get", "list", "wrapKey", "unwrapKey"]);
    let rights = provider.rights("unit-1").await.unwrap().unwrap();
    assert_eq!(of(&rights.daily, KeyRight::Wrap), &May::No);
    assert!(vault.names().is_empty());
}
