//! What a vault says of the rights of both credentials: with the policies of the page, with wider and with narrower ones.

use super::*;
use coffer_seal::{CredentialRights, KeyRight, KeyRights, May};

/// The rights that are there, and those that are not.
fn split(rights: &CredentialRights) -> (Vec<KeyRight>, Vec<KeyRight>) {
    let of = |wanted: May| {
        let same = rights.iter().filter(|(_, may)| *may == wanted);
        let mut of: Vec<KeyRight> = same.map(|(right, _)| *right).collect();
        of.sort_unstable();
        of
    };
    (of(May::Yes), of(May::No))
}

async fn asked(bao: &OpenBao, daily: &str, lifecycle: &str) -> KeyRights {
    bao.policy("daily", daily).await;
    bao.policy("lifecycle", lifecycle).await;
    let settings = settings(
        bao.url(),
        token(bao, "daily").await,
        Some(token(bao, "lifecycle").await),
    );
    let rights = provider(&settings).rights("prod").await.unwrap();
    rights.expect("a vault says what it allows")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_that_are_missing_and_too_wide_are_told() {
    if !OpenBao::is_there("vault::rights") {
        return;
    }
    use KeyRight::{
        Destroy, Disable, Export, Find, Grant, Make, Note, Others, Recover, Unwrap, Wrap,
    };
    let bao = OpenBao::start().await;
    let [daily, lifecycle] = policies();

    // The page's: before there is a key, and after.
    for _ in 0..2 {
        let rights = asked(&bao, &daily, &lifecycle).await;
        let nothing_more = vec![Make, Disable, Destroy, Export, Recover, Grant, Others];
        assert_eq!(
            split(&rights.daily),
            (vec![Find, Wrap, Unwrap, Note], nothing_more)
        );
        assert_eq!(
            split(rights.lifecycle.as_ref().unwrap()),
            (
                vec![Find, Make, Disable, Destroy],
                vec![Unwrap, Export, Recover, Grant, Others]
            )
        );
        let key = "transit/keys/coffer.prod.00000001-00000000";
        bao.ask("POST", key, json!({"type": "aes256-gcm96"})).await;
    }

    // Too narrow: one capability less each time.
    for (text, instead, missing) in [
        ("[\"list\"]", "[\"deny\"]", Find),
        ("transit/encrypt/coffer.prod.*", "nowhere", Wrap),
        ("transit/decrypt/coffer.prod.*", "nowhere", Unwrap),
        (
            "\"create\", \"update\", \"read\"",
            "\"update\", \"read\"",
            Note,
        ),
    ] {
        assert!(daily.contains(text), "{text}");
        let narrow = daily.replace(text, instead);
        let rights = asked(&bao, &narrow, &lifecycle).await;
        let (_, no) = split(&rights.daily);
        let needed: Vec<_> = no
            .into_iter()
            .filter(|right| KeyRight::DAILY.contains(right))
            .collect();
        assert_eq!(needed, [missing], "{text}");
    }
    let narrow = lifecycle.replace("\"update\", \"delete\"", "\"update\"");
    let rights = asked(&bao, &daily, &narrow).await;
    assert!(
        split(rights.lifecycle.as_ref().unwrap())
            .1
            .contains(&Destroy)
    );

    // Too wide: what each line adds is told, and nothing else.
    for (more, capability, told) in [
        ("transit/keys/coffer.prod.*", "update", vec![Make, Disable]),
        ("transit/encrypt/coffer.prod.*", "create", vec![Make]),
        ("transit/keys/coffer.prod.*", "delete", vec![Destroy]),
        ("transit/export/*", "read", vec![Export]),
        ("transit/backup/*", "read", vec![Export]),
        ("transit/restore/*", "update", vec![Recover]),
        ("transit/decrypt/coffer.*", "update", vec![Others]),
        ("sys/policies/acl/*", "update", vec![Grant]),
    ] {
        bao.policy(
            "more",
            &format!("path \"{more}\" {{ capabilities = [\"{capability}\"] }}"),
        )
        .await;
        bao.policy("daily", &daily).await;
        let wanted = json!({ "policies": ["daily", "more"], "ttl": "1h" });
        let made = bao.ask("POST", "auth/token/create", wanted).await;
        let made = made["auth"]["client_token"].as_str().unwrap();
        let sign_in = SignIn::Token {
            file: bao.file("token-of-more", made),
        };
        let wide = provider(&settings(bao.url(), sign_in, None));
        let (yes, _) = split(&wide.rights("prod").await.unwrap().unwrap().daily);
        let wide: Vec<_> = yes
            .into_iter()
            .filter(|right| !KeyRight::DAILY.contains(right))
            .collect();
        assert_eq!(wide, told, "{more} {capability}");
    }
    let wide = format!(
        "{lifecycle}\n{}",
        daily.replace("coffer-notes", "elsewhere")
    );
    let rights = asked(&bao, &daily, &wide).await;
    assert!(
        split(rights.lifecycle.as_ref().unwrap())
            .0
            .contains(&Unwrap)
    );
}

/// The operator's own token may everything; one that may not even ask is not said to lack anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_everything_and_one_that_may_not_ask_are_told() {
    if !OpenBao::is_there("vault::rights_of_all") {
        return;
    }
    let bao = OpenBao::start().await;
    let [daily, _] = policies();
    bao.policy("daily", &daily).await;
    let made = bao
        .ask(
            "POST",
            "auth/token/create",
            json!({ "policies": ["root"], "ttl": "1h" }),
        )
        .await;
    let root = SignIn::Token {
        file: bao.file("root", made["auth"]["client_token"].as_str().unwrap()),
    };
    let rights = provider(&settings(bao.url(), root, None))
        .rights("prod")
        .await;
    let rights = rights.unwrap().unwrap();
    assert_eq!(split(&rights.daily).1, [], "root may everything");
    assert!(split(&rights.daily).0.contains(&KeyRight::Others));

    let wanted = json!({ "policies": ["daily"], "no_default_policy": true, "ttl": "1h" });
    let made = bao.ask("POST", "auth/token/create", wanted).await;
    let mute = SignIn::Token {
        file: bao.file("mute", made["auth"]["client_token"].as_str().unwrap()),
    };
    let rights = provider(&settings(bao.url(), mute, None))
        .rights("prod")
        .await;
    let unknown =
        |(_, may): &(KeyRight, May)| matches!(may, May::Unknown(why) if why.contains("default"));
    assert!(rights.unwrap().unwrap().daily.iter().all(unknown));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_can_leave_or_end_at_once_is_told() {
    if !OpenBao::is_there("vault::traits") {
        return;
    }
    let bao = OpenBao::start().await;
    set_up(&bao).await;
    let provider = provider(&settings(
        bao.url(),
        token(&bao, "coffer-daily").await,
        None,
    ));
    let key = "transit/keys/coffer.prod.00000001-00000000";
    let mut said = Vec::new();
    bao.ask("POST", key, json!({"type": "aes256-gcm96"})).await;
    for change in [
        json!({}),
        json!({"deletion_allowed": true}),
        json!({"exportable": true}),
    ] {
        bao.ask("POST", &format!("{key}/config"), change).await;
        let rights = provider.rights("prod").await.unwrap().unwrap();
        let [one] = &rights.traits[..] else {
            panic!("{rights:?}");
        };
        said.push((one.good, one.said.clone()));
    }
    assert!(said[0].0, "{said:?}");
    assert!(
        !said[1].0 && said[1].1.contains("deletion_allowed"),
        "{said:?}"
    );
    assert!(!said[2].0 && said[2].1.contains("taken out"), "{said:?}");
}
