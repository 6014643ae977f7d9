//! Signing in by each method, and staying so: renewal, revocation, many callers at once.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_of_signing_in_leads_to_the_keys() {
    if !OpenBao::is_there("vault::sign_in") {
        return;
    }
    let bao = OpenBao::start().await;
    set_up(&bao).await;
    let signing = Signing::new();
    bao.jwt_role("coffer", "coffer-daily", &signing, "coffer@prod")
        .await;
    let cluster = bao
        .kubernetes_role("coffer", "coffer-daily", ["tools", "coffer"])
        .await;
    let claims = |subject| json!({ "sub": subject, "aud": "coffer", "iss": "issuer" });
    let jwt = |name, token: String| SignIn::Jwt {
        mount: "jwt".into(),
        role: "coffer".into(),
        token_file: bao.file(name, &token),
    };
    let kubernetes = |name, token: String| SignIn::Kubernetes {
        mount: "kubernetes".into(),
        role: "coffer".into(),
        token_file: bao.file(name, &token),
    };
    for good in [
        token(&bao, "coffer-daily").await,
        app_role(&bao, "coffer-daily").await,
        jwt("jwt", signing.token(claims("coffer@prod"))),
        kubernetes("account", cluster.token("tools", "coffer")),
    ] {
        let shown = format!("{good:?}");
        let provider = provider(&settings(bao.url(), good, None));
        let newest = provider.newest_generation("prod").await;
        assert_eq!(newest.unwrap(), None, "{shown}");
    }
    assert!(cluster.reviews() > 0, "nobody asked the cluster");
    let SignIn::AppRole { role_id, .. } = app_role(&bao, "coffer-daily").await else {
        panic!("not an AppRole");
    };
    for (bad, right) in [
        (
            jwt("other-jwt", signing.token(claims("mallory"))),
            "sign in",
        ),
        (
            jwt("forged-jwt", Signing::new().token(claims("coffer@prod"))),
            "sign in",
        ),
        (
            kubernetes("other-account", cluster.token("tools", "mallory")),
            "sign in",
        ),
        (
            SignIn::AppRole {
                mount: "approle".into(),
                role_id,
                secret_id_file: bao.file("wrong", "wrong"),
            },
            "sign in",
        ),
        (
            SignIn::Token {
                file: bao.file("no-token", "s.wrong"),
            },
            "list keys",
        ),
    ] {
        let shown = format!("{bad:?}");
        let provider = provider(&settings(bao.url(), bad, None));
        let error = provider.newest_generation("prod").await.unwrap_err();
        assert!(
            matches!(error, KeyError::Forbidden { right: found, .. } if found == right),
            "{shown}: {error}"
        );
    }
    let nothing = SignIn::Token {
        file: "/nowhere/token".into(),
    };
    let provider = provider(&settings(bao.url(), nothing, None));
    assert!(
        provider
            .newest_generation("prod")
            .await
            .unwrap_err()
            .is_passing()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_is_replaced_and_a_missing_right_is_told() {
    if !OpenBao::is_there("vault::revoked") {
        return;
    }
    let world = world().await;
    let wrapped = world.wrap().await.unwrap();
    let logins = world.proxy.calls_to("approle/login");
    world.bao.revoke_all("approle").await;
    world.unwrap(&wrapped).await.unwrap();
    assert_eq!(world.proxy.calls_to("approle/login"), logins + 1);

    // A token in a file is what it is, until somebody replaces it.
    let bao = &world.bao;
    let (first, second) = (
        bao.token("coffer-daily", "1h").await,
        bao.token("coffer-daily", "1h").await,
    );
    let file = bao.file("token", &first);
    let by_file = provider(&settings(
        bao.url(),
        SignIn::Token { file: file.clone() },
        None,
    ));
    by_file.newest_generation("prod").await.unwrap();
    bao.revoke(&first).await;
    let error = by_file.newest_generation("prod").await.unwrap_err();
    assert!(matches!(error, KeyError::Forbidden { .. }), "{error}");
    write(&file, &second);
    eventually("the new token is taken", || async {
        by_file.newest_generation("prod").await.is_ok()
    })
    .await;

    // A right that is taken away is named, and nobody signs in again for it.
    let daily = app_role(bao, "coffer-daily").await;
    let fresh = provider(&settings(&world.proxy.url(), daily, None));
    let unwrap = async || {
        let context = context();
        let called = fresh.unwrap(&world.generation, &wrapped, &context);
        called.await.map(drop)
    };
    unwrap().await.unwrap();
    bao.policy(
        "coffer-daily",
        "path \"transit/keys\" {\n capabilities = [\"list\"]\n}",
    )
    .await;
    let logins = world.proxy.calls_to("approle/login");
    for _ in 0..3 {
        let error = unwrap().await.unwrap_err();
        assert!(
            matches!(
                error,
                KeyError::Forbidden {
                    right: "unwrap",
                    ..
                }
            ),
            "{error}"
        );
        assert!(
            error.to_string().contains("transit/decrypt/coffer.prod."),
            "{error}"
        );
    }
    assert_eq!(world.proxy.calls_to("approle/login"), logins);
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_renewed_before_it_ends_and_an_old_token_is_followed_by_another() {
    if !OpenBao::is_there("vault::renewal") {
        return;
    }
    let bao = OpenBao::start().await;
    set_up(&bao).await;
    let proxy = FaultProxy::http(bao.address()).await;
    let short = short_app_role(&bao, "coffer-daily", "3s", "7s").await;
    let provider = provider(&settings(&proxy.url(), short, None));
    provider.newest_generation("prod").await.unwrap();
    // Nobody calls meanwhile.
    eventually("it is renewed", || async {
        proxy.calls_to("renew-self") > 0
    })
    .await;
    eventually("it is followed by another", || async {
        proxy.calls_to("approle/login") > 1
    })
    .await;
    provider.newest_generation("prod").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_sign_in_once_whether_it_works_or_not() {
    if !OpenBao::is_there("vault::stampede") {
        return;
    }
    let bao = OpenBao::start().await;
    set_up(&bao).await;
    let mut proxy = FaultProxy::http(bao.address()).await;
    let daily = app_role(&bao, "coffer-daily").await;
    for (trouble, works) in [(None, true), (Some(Trouble::answers(503)), false)] {
        let provider = Arc::new(provider(&settings(&proxy.url(), daily.clone(), None)));
        if let Some(trouble) = trouble {
            proxy.trouble_for(trouble, "login", 1000).await;
        }
        let before = proxy.calls_to("login");
        proxy.pause();
        let callers: Vec<_> = (0..20)
            .map(|_| {
                let provider = provider.clone();
                tokio::spawn(async move { provider.newest_generation("prod").await.is_ok() })
            })
            .collect();
        eventually("one waits at the vault", || async { proxy.waiting() > 0 }).await;
        proxy.resume();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), works);
        }
        assert_eq!(proxy.calls_to("login") - before, 1);
    }
    proxy.end_trouble().await;
}
