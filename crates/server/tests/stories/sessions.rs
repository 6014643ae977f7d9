//! Browser sessions: signing in by forms, what only our own pages may do, and every way a session ends.

use crate::{newest, reason};
use coffer_testkit::{Answer, Browser, From, TestServer, both, form_token, group};
use coffer_wire::coffer::TokenRequest;

const SESSION: &str = "__Host-coffer-session";
const WRITE: &str = "__Host-coffer-write";
const FORM: &str = "__Host-coffer-form";
const PASSWORD: &str = "a long enough password";
const EVIL: &str = "http://evil.example";

/// Grace, with a password.
async fn grace(server: &TestServer) {
    server
        .person_with_password("Grace", &[group::READERS], PASSWORD)
        .await;
}

async fn sign_in(browser: &mut Browser, name: &str, password: &str) -> Answer {
    let fields = [
        ("name", name),
        ("password", password),
        ("return", "/account"),
    ];
    browser.fill("/signin", "/signin", &fields).await
}

/// Grace in a browser of hers.
async fn signed_in(server: &TestServer) -> Browser {
    let mut browser = server.browser();
    let page = sign_in(&mut browser, "grace", PASSWORD).await.ok();
    assert!(
        page.text().contains("<dd><bdi>Grace</bdi></dd>"),
        "{}",
        page.text()
    );
    browser
}

async fn account(browser: &mut Browser) -> Answer {
    let url = browser.here("/account");
    browser.go(From::Typed, &url).await
}

/// Asks for a token by the form; `Ok` has the token.
async fn make_token(browser: &mut Browser) -> Result<String, Box<Answer>> {
    let fields = [
        ("label", "from a page"),
        ("days", "1"),
        ("scope", "app_token"),
    ];
    let answer = browser.fill("/account", "/account/tokens", &fields).await;
    token_in(answer)
}

fn token_in(answer: Answer) -> Result<String, Box<Answer>> {
    let text = answer.text();
    match text.split_once("<code id=\"new-token\">cof_pat_") {
        Some((_, rest)) if answer.status == 200 => {
            Ok(format!("cof_pat_{}", rest.split('<').next().unwrap()))
        }
        _ => Err(Box::new(answer)),
    }
}

#[track_caller]
fn is_sign_in(browser: &Browser, answer: &Answer) {
    assert!(browser.at.contains("/signin"), "{}", browser.at);
    assert!(answer.text().contains("name=\"password\""), "{answer}");
}

both! {
    async fn a_person_sets_a_password_signs_in_works_and_signs_out(server) {
        server.person("Grace", &[group::READERS]).await;
        let code = server.invitation("grace").await;
        let mut browser = server.browser();
        let set = |new: &'static str| [("code", code.clone()), ("new", new.to_owned()), ("again", new.to_owned())];
        let short = set("elevenchars");
        let short: Vec<_> = short.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let page = browser.fill("/signin/password", "/signin/password", &short).await;
        assert_eq!(page.status, 400);
        assert!(page.text().contains("at least 12 characters"), "{}", page.text());
        let good = set(PASSWORD);
        let good: Vec<_> = good.iter().map(|(k, v)| (*k, v.as_str())).collect();
        browser.fill("/signin/password", "/signin/password", &good).await.ok();
        // The code worked once.
        let again = browser.fill("/signin/password", "/signin/password", &good).await;
        assert_eq!(again.status, 401, "{}", again.text());

        // A page that needs somebody leads to the sign-in, and back.
        let first = account(&mut browser).await.ok();
        is_sign_in(&browser, &first);
        assert!(first.text().contains("value=\"/account\""), "{}", first.text());
        let page = sign_in(&mut browser, "GRACE", PASSWORD).await.ok();
        assert!(browser.at.ends_with("/account"), "{}", browser.at);
        assert!(page.text().contains("<dd><bdi>Grace</bdi></dd>"));
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-cache, no-store"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(page.header(name), value);
        }
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");

        let token = make_token(&mut browser).await.unwrap();
        let me = server.holder(&token).client.coffer().connection_data().await.unwrap();
        assert_eq!(me.authenticated_user.provider_display_name, "Grace");

        let secret = browser.cookie(SESSION).unwrap().to_owned();
        let out = browser.fill("/account", "/signout", &[]).await.ok();
        is_sign_in(&browser, &out);
        assert_eq!(browser.cookie(SESSION), None);
        browser.plant(SESSION, &secret);
        let page = account(&mut browser).await;
        is_sign_in(&browser, &page);

        let events = server.administrator().audit().await;
        let started = newest(&events, "Session.Started");
        assert_eq!((started.actor.name.as_str(), started.actor.authentication.as_str()), ("Grace", "password"));
        assert_eq!(newest(&events, "Session.Ended").actor.authentication, "session");
        assert_eq!(newest(&events, "Password.SetByCode").actor.authentication, "one-time code");
        assert_eq!(newest(&events, "Token.PatCreated").actor.authentication, "session");
        for secret in [PASSWORD, &code, &secret] {
            let found = server.grep_stored_and_logged(secret.as_bytes()).await;
            assert!(found.is_empty(), "{found:?}");
        }
    }

    async fn no_page_but_those_for_signing_in_and_the_reference_is_open_to_nobody(server) {
        let engineer = server.release_engineer().await;
        let pages: Vec<_> = coffer_server::route_list().into_iter()
            .filter(coffer_server::RouteInfo::is_page).collect();
        assert!(pages.len() >= 9);
        for route in pages {
            // A token is nothing here: pages go by cookies.
            for who in [&server.nobody(), &engineer] {
                let here = format!("http://{}", server.address());
                let path = if route.template.starts_with('/') { format!("..{}", route.template) } else { route.template.to_owned() };
                let call = who.call(route.method, &path).header("Origin", &here);
                let call = if route.method == "POST" { call.body("application/x-www-form-urlencoded", "a=b") } else { call };
                let answer = call.send().await;
                let wanted = match (route.authentication, route.method) {
                    // No provider is configured here.
                    ("sign-in form", "GET") if route.template.contains("oidc") => {
                        assert!((400..500).contains(&answer.status), "{answer}");
                        answer.status
                    }
                    ("sign-in form", "GET") => 200,
                    ("session", "GET") => 303,
                    // About the product, not about what is here. Its last part is the name of no group.
                    ("open page", "GET") if route.template.ends_with('}') => 404,
                    ("open page", "GET") => 200,
                    (_, "POST") => 403,
                    other => panic!("{other:?}"),
                };
                assert_eq!(answer.status, wanted, "{answer}: {}", answer.text());
                assert!(!answer.header("content-security-policy").is_empty());
            }
        }
    }

    async fn the_api_does_not_look_at_cookies(server) {
        grace(&server).await;
        let browser = signed_in(&server).await;
        let cookies = format!(
            "{SESSION}={}; {WRITE}={}",
            browser.cookie(SESSION).unwrap(),
            browser.cookie(WRITE).unwrap()
        );
        for path in ["_apis/connectionData", "_apis/coffer/tokens"] {
            let call = server.nobody().call("GET", path).header("Cookie", &cookies);
            assert_eq!(call.send().await.code(401), "token.missing");
        }
    }

    async fn a_write_needs_all_that_only_our_own_pages_send(server) {
        grace(&server).await;
        let mut browser = signed_in(&server).await;
        let page = account(&mut browser).await;
        let token = form_token(&page);
        let url = browser.here("/account/tokens");
        let fields = |token: &str| vec![("form_token", token.to_owned()), ("label", "x".into()), ("days", "1".into()), ("scope", "app_token".into())];
        async fn send(browser: &mut Browser, from: From<'_>, url: &str, fields: Vec<(&str, String)>) -> Answer {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            browser.submit(from, url, &fields).await
        }
        // Another site: neither cookie goes along, and if it did, the origin would say it.
        let answer = send(&mut browser, From::Other(EVIL), &url, fields(&token)).await;
        assert_eq!(answer.status, 403, "{}", answer.text());
        let cookies = format!("{SESSION}={}; {WRITE}={}", browser.cookie(SESSION).unwrap(), browser.cookie(WRITE).unwrap());
        let raw = |headers: Vec<(&'static str, String)>| {
            let (url, token, cookies) = ("../account/tokens".to_owned(), token.clone(), cookies.clone());
            let nobody = server.nobody();
            async move {
                let mut call = nobody.call("POST", &url).header("Cookie", &cookies);
                for (name, value) in headers {
                    call = call.header(name, &value);
                }
                call.body("application/x-www-form-urlencoded", format!("form_token={token}&label=x&days=1&scope=app_token")).send().await
            }
        };
        let here = format!("http://{}", server.address());
        for headers in [
            vec![],
            vec![("Origin", EVIL.to_owned())],
            vec![("Origin", "null".to_owned())],
            vec![("Sec-Fetch-Site", "cross-site".to_owned())],
            vec![("Sec-Fetch-Site", "same-site".to_owned())],
            vec![("Origin", here.clone()), ("Sec-Fetch-Site", "cross-site".to_owned())],
            vec![("Origin", EVIL.to_owned()), ("Sec-Fetch-Site", "same-origin".to_owned())],
        ] {
            let answer = raw(headers.clone()).await;
            assert_eq!(answer.status, 403, "{headers:?}: {}", answer.text());
        }
        token_in(raw(vec![("Origin", here.clone())]).await).unwrap();
        token_in(raw(vec![("Sec-Fetch-Site", "same-origin".to_owned())]).await).unwrap();

        // No token, another's token, a token of another session.
        let mut other = signed_in(&server).await;
        let foreign = form_token(&account(&mut other).await);
        for wrong in ["", "x", &foreign, &token[1..]] {
            let answer = send(&mut browser, From::SameSite, &url, fields(wrong)).await;
            assert_eq!(answer.status, 403, "{wrong}");
            assert!(answer.text().contains("load the page again"), "{}", answer.text());
        }
        // Without the strict cookie, or with another session's.
        let write = browser.cookie(WRITE).unwrap().to_owned();
        browser.drop_cookie(WRITE);
        let answer = send(&mut browser, From::SameSite, &url, fields(&token)).await;
        assert_eq!(answer.status, 403);
        browser.plant(WRITE, other.cookie(WRITE).unwrap());
        let answer = send(&mut browser, From::SameSite, &url, fields(&token)).await;
        assert_eq!(answer.status, 403);
        browser.plant(WRITE, &write);
        token_in(send(&mut browser, From::SameSite, &url, fields(&token)).await).unwrap();

        // What is not a form is refused, and a write is never a GET.
        let answer = server.nobody().call("POST", "../account/tokens").header("Cookie", &cookies).header("Origin", &here)
            .header("X-Coffer-Form-Token", &token).body("text/plain", "label=x&days=1").send().await;
        assert_eq!(answer.status, 400);
        let sessions = browser.here("/account/sessions");
        let answer = browser.go(From::SameSite, &sessions).await;
        assert_eq!(answer.status, 405);
        let made = server.holder(&token_in(send(&mut browser, From::SameSite, &url, fields(&token)).await).unwrap())
            .client.coffer().tokens().await.unwrap();
        assert_eq!(made.iter().filter(|token| token.label == "x").count(), 4);
    }

    async fn a_form_for_signing_in_is_sent_from_our_own_page_only(server) {
        grace(&server).await;
        let mut browser = server.browser();
        let url = browser.here("/signin");
        let page = browser.go(From::Typed, &url).await;
        let token = form_token(&page);
        let fields = [("form_token", token.as_str()), ("name", "grace"), ("password", PASSWORD)];
        let answer = browser.submit(From::Other(EVIL), &url, &fields).await;
        assert_eq!(answer.status, 403);
        assert_eq!(browser.cookie(SESSION), None);
        let mut stranger = server.browser();
        let foreign = form_token(&stranger.go(From::Typed, &url).await);
        let wrong = [("form_token", foreign.as_str()), ("name", "grace"), ("password", PASSWORD)];
        let answer = browser.submit(From::SameSite, &url, &wrong).await;
        assert_eq!(answer.status, 403);
        assert_eq!(browser.cookie(SESSION), None);
    }

    async fn who_comes_back_from_another_site_is_known_and_can_work(server) {
        grace(&server).await;
        let mut browser = signed_in(&server).await;
        // The other site is this server by its other name: real requests, another host.
        let elsewhere = browser.elsewhere("");
        let page = browser.go(From::Other(&elsewhere), &browser.here("/account")).await.ok();
        assert!(page.text().contains("<dd><bdi>Grace</bdi></dd>"), "{}", page.text());
        let token = form_token(&page);
        let fields = [("form_token", token.as_str()), ("label", "back"), ("days", "1"), ("scope", "vso.build")];
        let url = browser.here("/account/tokens");
        token_in(browser.submit(From::SameSite, &url, &fields).await).unwrap();
        // That other site can make the browser look, and not make it write.
        let answer = browser.submit(From::Other(&elsewhere), &url, &fields).await;
        assert_eq!(answer.status, 403);
        // Cookies are of one host: by its other name, the server does not know this browser.
        let there = browser.elsewhere("/account");
        let page = browser.go(From::Typed, &there).await;
        is_sign_in(&browser, &page);
    }

    async fn what_was_planted_before_a_sign_in_is_worth_nothing_after_it(server) {
        grace(&server).await;
        let (mut victim, mut attacker) = (server.browser(), server.browser());
        victim.plant(SESSION, "chosen-by-somebody-else");
        sign_in(&mut victim, "grace", PASSWORD).await.ok();
        assert_ne!(victim.cookie(SESSION), Some("chosen-by-somebody-else"));
        attacker.plant(SESSION, "chosen-by-somebody-else");
        let page = account(&mut attacker).await;
        is_sign_in(&attacker, &page);
        // A real session from before ends as well, with both of its secrets.
        let before = victim.cookie(SESSION).unwrap().to_owned();
        let write = victim.cookie(WRITE).unwrap().to_owned();
        sign_in(&mut victim, "grace", PASSWORD).await.ok();
        assert_ne!(victim.cookie(SESSION), Some(before.as_str()));
        assert_ne!(victim.cookie(WRITE), Some(write.as_str()));
        attacker.plant(SESSION, &before);
        let page = account(&mut attacker).await;
        is_sign_in(&attacker, &page);
        assert!(make_token(&mut victim).await.is_ok());
    }

    async fn a_session_ends_when_nobody_uses_it_and_after_its_time_whoever_does(mut server) {
        grace(&server).await;
        let mut browser = signed_in(&server).await;
        server.advance_clock(59 * 60);
        account(&mut browser).await.ok();
        // That was a use.
        server.advance_clock(59 * 60);
        let page = account(&mut browser).await.ok();
        assert!(page.text().contains("Your account"));
        server.advance_clock(61 * 60);
        let page = account(&mut browser).await;
        is_sign_in(&browser, &page);

        let mut busy = signed_in(&server).await;
        for _ in 0..13 {
            server.advance_clock(55 * 60);
            let page = account(&mut busy).await.ok();
            assert!(page.text().contains("Your account"), "{}", page.text());
        }
        server.advance_clock(6 * 60);
        let page = account(&mut busy).await;
        is_sign_in(&busy, &page);
    }

    async fn what_is_grave_wants_a_fresh_sign_in(mut server) {
        grace(&server).await;
        let mut browser = signed_in(&server).await;
        server.advance_clock(14 * 60);
        assert!(make_token(&mut browser).await.is_ok());
        server.advance_clock(2 * 60);
        let answer = make_token(&mut browser).await.unwrap_err();
        assert_eq!(answer.status, 403);
        assert!(answer.text().contains("Sign in again"), "{}", answer.text());
        let events = server.administrator().audit().await;
        assert_eq!(reason(newest(&events, "Token.PatCreated")), "sign_in_not_fresh");
        // What is not grave goes on.
        account(&mut browser).await.ok();
        sign_in(&mut browser, "grace", PASSWORD).await.ok();
        assert!(make_token(&mut browser).await.is_ok());
    }

    async fn a_new_password_ends_the_other_sessions(server) {
        grace(&server).await;
        let (mut here, mut there) = (signed_in(&server).await, signed_in(&server).await);
        let change = |current: &'static str| [("current", current), ("new", "another long password"), ("again", "another long password")];
        let answer = here.fill("/account", "/account/password", &change("wrong")).await;
        assert_eq!(answer.status, 403);
        account(&mut there).await.ok();
        here.fill("/account", "/account/password", &change(PASSWORD)).await.ok();
        let page = account(&mut there).await;
        is_sign_in(&there, &page);
        assert!(account(&mut here).await.text().contains("Your account"));
        assert_eq!(sign_in(&mut there, "grace", PASSWORD).await.status, 401);
        sign_in(&mut there, "grace", "another long password").await.ok();
        // A code of an administrator ends them all.
        let code = server.invitation("grace").await;
        let set = server.nobody().call("POST", "_apis/coffer/signin/newpassword")
            .json(&serde_json::json!({"code": code, "password": "a third long password"}));
        set.send().await.ok();
        for browser in [&mut here, &mut there] {
            let page = account(browser).await;
            is_sign_in(browser, &page);
        }
    }

    async fn one_of_several_sessions_is_ended_by_its_owner_and_by_nobody_else(server) {
        grace(&server).await;
        server.person_with_password("Mallory", &[], PASSWORD).await;
        let (mut here, mut there) = (signed_in(&server).await, signed_in(&server).await);
        let page = account(&mut there).await.text();
        let (_, rest) = page.split_once(">this one<").unwrap();
        let id = rest.split_once("name=\"id\" value=\"").unwrap().1.split('"').next().unwrap().to_owned();
        let mut mallory = server.browser();
        sign_in(&mut mallory, "mallory", PASSWORD).await.ok();
        let answer = mallory.fill("/account", "/account/sessions", &[("id", &id)]).await;
        assert_eq!(answer.status, 404, "{}", answer.text());
        account(&mut there).await.ok();
        here.fill("/account", "/account/sessions", &[("id", &id)]).await.ok();
        let page = account(&mut there).await;
        is_sign_in(&there, &page);
    }

    async fn an_administrator_ends_somebodys_sessions_and_nobody_else_does(server) {
        grace(&server).await;
        let developer = server.developer().await;
        let mut browser = signed_in(&server).await;
        let end = |user: &coffer_testkit::User, who: &str| {
            let call = user.call("POST", "_apis/coffer/signouts").json(&serde_json::json!({"user": who}));
            async move { call.send().await }
        };
        assert_eq!(end(&developer, "grace").await.text(), end(&developer, "nobody.has.this").await.text());
        end(&developer, "grace").await.refused(403);
        account(&mut browser).await.ok();
        end(server.administrator(), "grace").await.ok();
        let page = account(&mut browser).await;
        is_sign_in(&browser, &page);
        assert_eq!(end(server.administrator(), "nobody.has.this").await.code(404), "identity.not_found");
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Session.EndedForOther").actor.name, "ada.admin");
    }

    async fn a_disabled_person_has_no_session(server) {
        grace(&server).await;
        let mut browser = signed_in(&server).await;
        account(&mut browser).await.ok();
        server.database().sql("update identity set disabled_at = 1 where unique_key = 'grace'").await;
        let page = account(&mut browser).await;
        is_sign_in(&browser, &page);
        assert_eq!(sign_in(&mut browser, "grace", PASSWORD).await.status, 401);
    }

    async fn a_name_and_a_wrong_password_get_one_answer_and_one_kind_of_record(server) {
        grace(&server).await;
        server.person("Linus", &[]).await;
        let mut shapes = Vec::new();
        for name in ["grace", "linus", "nobody.has.this"] {
            let mut browser = server.browser();
            let answer = sign_in(&mut browser, name, "a wrong long password").await;
            assert_eq!(answer.status, 401);
            let text = answer.text();
            let alert = text.split_once("role=\"alert\">").unwrap().1.split('<').next().unwrap().to_owned();
            let events = server.administrator().audit().await;
            let event = newest(&events, "Session.Refused");
            let keys: Vec<_> = event.details.keys().cloned().collect();
            let api = server.nobody().call("POST", "_apis/coffer/signin/password")
                .json(&serde_json::json!({"user": name, "password": "a wrong long password", "label": "x"})).send().await;
            let envelope = api.refused(401);
            shapes.push((alert, event.outcome.clone(), event.actor.clone(), event.resource_type.clone(), keys, envelope.message));
            assert_eq!(browser.cookie(SESSION), None);
        }
        assert_eq!(shapes[0], shapes[1]);
        assert_eq!(shapes[0], shapes[2]);
        // What was typed as a name that nobody has may be a password: it is nowhere.
        assert!(server.grep_stored_and_logged(b"nobody.has.this").await.is_empty());
    }

    async fn a_password_is_traded_for_a_token(server) {
        grace(&server).await;
        let ask = |name: &str, password: &str| {
            let body = serde_json::json!({"user": name, "password": password, "label": "laptop", "days": 2});
            let call = server.nobody().call("POST", "_apis/coffer/signin/password").json(&body);
            async move { call.send().await }
        };
        let token = ask("gr\u{e4}ce", PASSWORD).await;
        assert_eq!(token.status, 401);
        let token = ask("GRACE", PASSWORD).await.ok().json()["token"].as_str().unwrap().to_owned();
        let holder = server.holder(&token);
        let tokens = holder.client.coffer().tokens().await.unwrap();
        assert!(tokens.iter().any(|token| token.label == "laptop"));
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Token.PatCreatedAtSignIn").actor.authentication, "password");
        // Codes are for administrators to make.
        let request = serde_json::json!({"user": "ada.admin"});
        let denied = holder.call("POST", "_apis/coffer/invitations").json(&request).send().await;
        denied.refused(403);
        let unknown = serde_json::json!({"user": "nobody.has.this"});
        let absent = holder.call("POST", "_apis/coffer/invitations").json(&unknown).send().await;
        assert_eq!(absent.text(), denied.text());
        let missing = server.administrator().call("POST", "_apis/coffer/invitations").json(&unknown).send().await;
        assert_eq!(missing.code(404), "identity.not_found");
        let request = TokenRequest { label: "z".into(), days: 1, user: None, kind: None, scope: None };
        holder.client.coffer().create_token(&request).await.unwrap();
    }

    async fn no_field_of_a_form_becomes_markup(server) {
        server.person_with_password("<b>Eve", &[], PASSWORD).await;
        let mut browser = server.browser();
        let page = sign_in(&mut browser, "<b>eve", PASSWORD).await.ok();
        assert!(page.text().contains("&lt;b&gt;Eve"), "{}", page.text());
        assert!(!page.text().contains("<b>"), "{}", page.text());
        for bad in ["//evil.example", "https://evil.example", "/\\evil.example", "\"><script>"] {
            let encoded: String = bad.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let url = browser.here(&format!("/signin?return={encoded}"));
            let page = browser.go(From::Typed, &url).await.text();
            assert!(page.contains("name=\"return\" value=\"/\""), "{bad}: {page}");
        }
        assert!(browser.cookie(FORM).is_some());
    }
}
