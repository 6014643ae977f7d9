//! The second factor: setting it up, signing in with it, codes that work once, and the way back when the device is lost.

use crate::newest;
use coffer_testkit::{Answer, Authenticator, Browser, PROJECT, TestServer, User, both, group};
use serde_json::json;

const PASSWORD: &str = "a long enough password";

async fn sign_in(browser: &mut Browser, password: &str, code: &str) -> Answer {
    let fields = [("name", "grace"), ("password", password), ("code", code)];
    browser.fill("/signin", "/signin", &fields).await
}

async fn trade(nobody: &User, code: &str) -> Answer {
    let body = json!({"user": "grace", "password": PASSWORD, "code": code, "label": "x"});
    nobody
        .call("POST", "_apis/coffer/signin/password")
        .json(&body)
        .send()
        .await
}

/// Grace with an app and recovery codes.
async fn enrolled(server: &mut TestServer) -> (Browser, Authenticator, Vec<String>) {
    server
        .person_with_password("Grace", &[group::RELEASE_ADMINISTRATORS], PASSWORD)
        .await;
    let mut browser = server.browser();
    sign_in(&mut browser, PASSWORD, "").await.ok();
    let begun = browser
        .fill("/account", "/account/second-factor", &[("step", "begin")])
        .await
        .ok();
    let text = begun.text();
    let secret = text
        .split_once("<code id=\"secret\">")
        .unwrap()
        .1
        .split('<')
        .next()
        .unwrap();
    assert!(
        text.contains(&format!(
            "otpauth://totp/Coffer:Grace?secret={secret}&amp;issuer=Coffer"
        )),
        "{text}"
    );
    let mut app = Authenticator::typed(secret);
    let confirm = |code: String| [("step", "confirm".to_owned()), ("code", code)];
    let send = |browser: &mut Browser, code: String| {
        let fields = confirm(code);
        let token = coffer_testkit::form_token(&begun);
        let url = browser.here("/account/second-factor");
        (fields, token, url)
    };
    let (fields, token, url) = send(&mut browser, "000000".into());
    let all = [
        ("form_token", token.as_str()),
        ("step", &fields[0].1),
        ("code", &fields[1].1),
    ];
    let wrong = browser
        .submit(coffer_testkit::From::SameSite, &url, &all)
        .await;
    assert!(matches!(wrong.status, 400), "{}", wrong.text());
    let (fields, token, url) = send(&mut browser, app.code());
    let all = [
        ("form_token", token.as_str()),
        ("step", &fields[0].1),
        ("code", &fields[1].1),
    ];
    let on = browser
        .submit(coffer_testkit::From::SameSite, &url, &all)
        .await
        .ok();
    let text = on.text();
    let codes: Vec<_> = text
        .split("<li><code>")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap().to_owned())
        .collect();
    assert_eq!(codes.len(), 10, "{text}");
    app.wait(server);
    (browser, app, codes)
}

both! {
    async fn a_sign_in_asks_for_the_code_and_a_code_works_once(mut server) {
        let (_, mut app, _) = enrolled(&mut server).await;
        let mut browser = server.browser();
        for (password, code) in [(PASSWORD, ""), (PASSWORD, "000000"), ("a wrong long password", app.code().as_str())] {
            let answer = sign_in(&mut browser, password, code).await;
            assert_eq!(answer.status, 401, "{password} {code}");
            assert!(answer.text().contains("Name, password or code is not right"), "{}", answer.text());
        }
        let code = app.code();
        sign_in(&mut browser, PASSWORD, &code).await.ok();
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Session.Started").actor.authentication, "password and code");
        // Again, by another way, and the one before it.
        assert_eq!(trade(&server.nobody(), &code).await.status, 401);
        app.wait(&mut server);
        assert_eq!(trade(&server.nobody(), &code).await.status, 401);
        trade(&server.nobody(), &app.code()).await.ok();
        app.wait(&mut server);
        // Two at once: one of them.
        let code = app.code();
        let (one, two) = tokio::join!(
            async { trade(&server.nobody(), &code).await.status },
            async { trade(&server.nobody(), &code).await.status }
        );
        let mut both = [one, two];
        both.sort_unstable();
        assert_eq!(both, [200, 401]);
    }

    async fn a_code_in_the_call_is_good_for_one_act(mut server) {
        let (_, mut app, _) = enrolled(&mut server).await;
        let grace = server.holder(&server.person_token("Grace").await.unwrap());
        let file = grace.upload("ca.pem", b"a certificate").await;
        let path = format!("{PROJECT}/_apis/coffer/securefiles/{}/reencrypt", file.id);
        let shown = async |code: &str| {
            let body = json!({"password": PASSWORD, "code": code});
            grace.call("POST", &path).json(&body).send().await
        };
        assert_eq!(shown("").await.code(401), "sign_in.refused");
        let code = app.code();
        assert_eq!(shown(&code).await.status, 204);
        assert_eq!(shown(&code).await.code(401), "sign_in.refused");
        app.wait(&mut server);
        // Two at once: one of them.
        let code = app.code();
        let (one, two) = tokio::join!(async { shown(&code).await.status }, async { shown(&code).await.status });
        let mut both = [one, two];
        both.sort_unstable();
        assert_eq!(both, [204, 401]);
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "SecureFile.Reencrypted").actor.authentication, "token, password and code");
    }

    async fn a_recovery_code_works_once_and_any_way_it_is_typed(mut server) {
        let (_, _, codes) = enrolled(&mut server).await;
        let nobody = server.nobody();
        let typed = codes[0].to_lowercase().replace('-', " ");
        trade(&nobody, &typed).await.ok();
        assert_eq!(trade(&nobody, &codes[0]).await.status, 401);
        trade(&nobody, &codes[1]).await.ok();
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Token.PatCreatedAtSignIn").actor.authentication, "password and recovery code");
        for code in &codes {
            assert!(server.grep_stored_and_logged(code.as_bytes()).await.is_empty());
            assert!(server.grep_stored_and_logged(code.replace('-', "").as_bytes()).await.is_empty());
        }
    }

    async fn its_secret_is_sealed_and_its_owner_removes_it_with_a_fresh_sign_in_only(mut server) {
        let (mut browser, mut app, _) = enrolled(&mut server).await;
        assert!(server.grep_stored_and_logged(app.secret()).await.is_empty());
        let again = browser.fill("/account", "/account/second-factor", &[("step", "begin")]).await;
        assert_eq!(again.status, 409, "{}", again.text());
        app.wait_for(&mut server, 16 * 60);
        let stale = browser.fill("/account", "/account/second-factor", &[("step", "remove")]).await;
        assert_eq!(stale.status, 403);
        sign_in(&mut browser, PASSWORD, &app.code()).await.ok();
        browser.fill("/account", "/account/second-factor", &[("step", "remove")]).await.ok();
        trade(&server.nobody(), "").await.ok();
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "SecondFactor.Removed").actor.name, "Grace");
    }

    async fn an_administrator_resets_it_and_nobody_else_does(mut server) {
        enrolled(&mut server).await;
        let developer = server.developer().await;
        let ask = |user: &User, who: &str| {
            let call = user.call("POST", "_apis/coffer/secondfactorresets").json(&json!({"user": who}));
            async move { call.send().await }
        };
        assert_eq!(ask(&developer, "grace").await.text(), ask(&developer, "nobody.has.this").await.text());
        ask(&developer, "grace").await.refused(403);
        assert_eq!(trade(&server.nobody(), "").await.status, 401);
        ask(server.administrator(), "GRACE").await.ok();
        trade(&server.nobody(), "").await.ok();
        assert_eq!(ask(server.administrator(), "grace").await.code(404), "identity.not_found");
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "SecondFactor.Reset").outcome, "allowed");
    }
}
