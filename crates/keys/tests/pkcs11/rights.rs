//! What a token says of the newest root key and of its user's rights: with a key as it should be, and with keys that were
//! made carelessly.

use super::*;
use coffer_seal::{KeyRight, KeyRights, May};

async fn asked(provider: &Pkcs11Provider) -> KeyRights {
    provider.rights("prod").await.unwrap().unwrap()
}

fn of(rights: &KeyRights, right: KeyRight) -> &May {
    let found = rights.daily.iter().find(|(one, _)| *one == right);
    &found
        .unwrap_or_else(|| panic!("{right:?} is not said: {rights:?}"))
        .1
}

/// What is said of the newest root key.
fn said(rights: &KeyRights) -> (bool, &str) {
    let found = rights
        .traits
        .iter()
        .find(|one| one.what == "newest root key");
    let found = found.unwrap_or_else(|| panic!("nothing is said of the key: {rights:?}"));
    (found.good, &found.said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_made_carelessly_is_told_from_one_that_never_leaves() {
    let Some(hsm) =
        SoftHsm::alone("rights::a_key_made_carelessly_is_told_from_one_that_never_leaves")
    else {
        return;
    };
    use KeyRight::{Destroy, Disable, Export, Find, Make, Note, Unwrap, Wrap};
    let provider = provider(&settings(&hsm));
    let rights = asked(&provider).await;
    for right in [Find, Note, Make] {
        assert_eq!(of(&rights, right), &May::Yes, "{right:?}");
    }
    for right in [Wrap, Unwrap, Disable, Destroy, Export] {
        assert!(matches!(of(&rights, right), May::Unknown(_)), "{right:?}");
    }
    assert_eq!(
        rights.traits,
        [],
        "there is no key, and nothing wrong with the token"
    );

    provider.new_generation("prod").await.unwrap();
    let rights = asked(&provider).await;
    for right in [Wrap, Unwrap, Disable, Destroy] {
        assert_eq!(of(&rights, right), &May::Yes, "{right:?}");
    }
    assert_eq!(of(&rights, Export), &May::No);
    assert_eq!(
        said(&rights),
        (
            true,
            "made in the token, always sensitive, never extractable"
        )
    );

    let operator = operator(&hsm);
    let make = |number: u32, changed: Attribute| {
        let mut template = vec![
            Attribute::Token(true),
            Attribute::ValueLen(32.into()),
            Attribute::Label(format!("coffer.prod.{number:08}-00000000").into()),
        ];
        let usual = [
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Modifiable(true),
        ];
        let same = std::mem::discriminant(&changed);
        let usual = usual.into_iter();
        template.extend(usual.filter(|one| std::mem::discriminant(one) != same));
        template.push(changed);
        operator
            .generate_key(&Mechanism::AesKeyGen, &template)
            .unwrap()
    };
    let key = make(2, Attribute::Extractable(true));
    let rights = asked(&provider).await;
    assert_eq!(of(&rights, Export), &May::Yes);
    assert!(
        !said(&rights).0 && said(&rights).1.contains("extractable: it can be wrapped"),
        "{rights:?}"
    );
    // Made fast afterwards, its past shows.
    operator
        .update_attributes(key, &[Attribute::Extractable(false)])
        .unwrap();
    let rights = asked(&provider).await;
    assert_eq!(of(&rights, Export), &May::No);
    assert!(
        said(&rights).1.contains("was extractable once"),
        "{rights:?}"
    );

    make(3, Attribute::Sensitive(false));
    let rights = asked(&provider).await;
    assert_eq!(of(&rights, Export), &May::Yes);
    assert!(said(&rights).1.contains("read in the clear"), "{rights:?}");
    make(4, Attribute::Modifiable(false));
    let rights = asked(&provider).await;
    assert_eq!(of(&rights, Disable), &May::No);
    assert!(said(&rights).1.contains("cannot be disabled"), "{rights:?}");
    make(5, Attribute::Private(false));
    assert!(
        said(&asked(&provider).await)
            .1
            .contains("without logging in")
    );

    // Brought from elsewhere.
    let value = [7; 32];
    operator
        .create_object(&[
            Attribute::Class(cryptoki::object::ObjectClass::SECRET_KEY),
            Attribute::KeyType(cryptoki::object::KeyType::AES),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Value(value.to_vec()),
            Attribute::Label("coffer.prod.00000006-00000000".into()),
        ])
        .unwrap();
    assert!(
        said(&asked(&provider).await)
            .1
            .contains("not made in the token")
    );
    make(7, Attribute::Decrypt(false));
    let rights = asked(&provider).await;
    assert_eq!(
        (of(&rights, Wrap), of(&rights, Unwrap)),
        (&May::Yes, &May::No)
    );
}
