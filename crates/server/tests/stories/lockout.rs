//! Guessers: what they are told, how they are slowed, and that nobody is kept out of the own account by others.

use crate::newest;
use coffer_testkit::{Answer, Call, Setup, TestServer, both, group};
use serde_json::json;

const PASSWORD: &str = "a long enough password";

/// Behind a proxy, so that a story can come from several addresses.
fn proxied() -> Setup {
    Setup {
        behind_proxy: true,
        ..Setup::default()
    }
}

fn attempt(server: &TestServer, from: &str, name: &str, password: &str) -> Call {
    let body = json!({"user": name, "password": password, "label": "x"});
    server
        .nobody()
        .call("POST", "_apis/coffer/signin/password")
        .header("X-Forwarded-For", from)
        .json(&body)
}

async fn wrong(server: &TestServer, from: &str, name: &str) -> Answer {
    attempt(server, from, name, "a wrong long password")
        .send()
        .await
}

async fn right(server: &TestServer, from: &str, name: &str) -> Answer {
    attempt(server, from, name, PASSWORD).send().await
}

both! {
    async fn five_failures_lock_the_name_out_there_however_it_is_spelled(mut server, proxied()) {
        server.person_with_password("Grace", &[group::READERS], PASSWORD).await;
        let spellings = ["grace", "GRACE", "Grace", " gRace ", "\u{ff27}race"];
        let first = wrong(&server, "192.0.2.1", spellings[0]).await;
        for spelling in &spellings[1..] {
            assert_eq!(wrong(&server, "192.0.2.1", spelling).await.refused(401).message, first.refused(401).message);
        }
        // The right password gets the answer of a wrong one.
        let locked = right(&server, "192.0.2.1", "grace").await;
        assert_eq!(locked.refused(401).message, first.refused(401).message);
        let events = server.administrator().audit().await;
        let event = newest(&events, "Session.LockedOut");
        assert_eq!((event.details["name"].as_str(), event.details["address"].as_str()), ("Grace", "192.0.2.1"));
        let refused: Vec<_> = events.iter().filter(|event| event.action == "Session.Refused").collect();
        assert!(refused.iter().any(|event| event.details["cause"] == "locked"));
        // A row a minute for each kind, not one a time.
        assert_eq!(refused.iter().filter(|event| event.details["cause"] == "password").count(), 1);
        // Elsewhere, and after a while, its owner signs in; trying meanwhile makes it no longer.
        right(&server, "192.0.2.2", "grace").await.ok();
        server.advance_clock(14 * 60);
        assert_eq!(right(&server, "192.0.2.1", "grace").await.status, 401);
        server.advance_clock(2 * 60);
        right(&server, "192.0.2.1", "grace").await.ok();
        // A success forgets the failures before it.
        for _ in 0..4 {
            wrong(&server, "192.0.2.1", "grace").await;
        }
        right(&server, "192.0.2.1", "grace").await.ok();
        wrong(&server, "192.0.2.1", "grace").await;
        right(&server, "192.0.2.1", "grace").await.ok();
    }

    async fn many_guessers_do_not_keep_the_owner_out(mut server, proxied()) {
        server.person_with_password("Grace", &[group::READERS], PASSWORD).await;
        right(&server, "198.51.100.7", "grace").await.ok();
        for n in 0..50 {
            wrong(&server, &format!("192.0.2.{n}"), "grace").await;
        }
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Session.LockedOut").details["address"], "everywhere");
        // A stranger's place is locked out, even with the right password; where Grace signed in lately is not.
        assert_eq!(right(&server, "203.0.113.9", "grace").await.status, 401);
        right(&server, "198.51.100.7", "grace").await.ok();
        server.advance_clock(6 * 60);
        right(&server, "203.0.113.9", "grace").await.ok();
    }

    async fn a_name_that_nobody_has_is_locked_out_the_same_way(server, proxied()) {
        for _ in 0..5 {
            wrong(&server, "192.0.2.1", "nobody.has.this").await.refused(401);
        }
        wrong(&server, "192.0.2.1", "nobody.has.this").await.refused(401);
        let events = server.administrator().audit().await;
        let event = newest(&events, "Session.LockedOut");
        assert_eq!(event.details["name"], "(unknown)");
        let causes: Vec<_> = events.iter().filter(|event| event.action == "Session.Refused")
            .map(|event| event.details["cause"].as_str()).collect();
        assert_eq!(causes, ["name", "locked"]);
    }

    async fn an_address_that_tries_too_often_is_told_when_to_come_back(mut server, proxied()) {
        let code = |from: &'static str| {
            let body = json!({"code": "x", "password": PASSWORD});
            let call = server.nobody().call("POST", "_apis/coffer/signin/newpassword").header("X-Forwarded-For", from).json(&body);
            async move { call.send().await }
        };
        let mut refused = None;
        for _ in 0..80 {
            let answer = code("192.0.2.1").await;
            if answer.status == 429 {
                refused = Some(answer);
                break;
            }
            answer.refused(401);
        }
        let refused = refused.expect("a limit");
        assert_eq!(refused.code(429), "rate.limited");
        let wait: i64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(code("192.0.2.2").await.status, 401);
        // The page says the same.
        let mut browser = server.browser();
        let fields = [("name", "x"), ("password", "y")];
        let page = browser.fill("/signin", "/signin", &fields).await;
        assert_eq!(page.status, 401);
        server.advance_clock(wait);
        let body = json!({"code": "x", "password": PASSWORD});
        let again = server.nobody().call("POST", "_apis/coffer/signin/newpassword").header("X-Forwarded-For", "192.0.2.1").json(&body);
        assert_eq!(again.send().await.status, 401);
        // However often it was: a few rows.
        let events = server.administrator().audit().await;
        let rows = events.iter().filter(|event| event.action == "Session.Refused").count();
        assert!(rows <= 4, "{rows}");
    }

    async fn wrong_tokens_are_slowed_and_good_ones_from_there_are_not(server, proxied()) {
        let engineer = server.release_engineer().await;
        let token = engineer.token().to_owned();
        let request = coffer_wire::coffer::TokenRequest { label: "x".into(), days: 1, user: None, kind: None, scope: None };
        let made = engineer.client.coffer().create_token(&request).await.unwrap();
        engineer.client.coffer().revoke_token(&made.id.to_string()).await.unwrap();
        let holder = server.holder(&made.token);
        let mut limited = false;
        for _ in 0..300 {
            let answer = holder.call("GET", "_apis/connectionData").header("X-Forwarded-For", "192.0.2.1").send().await;
            limited |= answer.status == 429;
            assert!(matches!(answer.status, 401 | 429), "{answer}");
            if limited {
                break;
            }
        }
        assert!(limited);
        let good = server.holder(&token).call("GET", "_apis/connectionData").header("X-Forwarded-For", "192.0.2.1");
        good.send().await.ok();
    }

    async fn where_passwords_are_switched_off_nobody_signs_in_by_one(server) {
        server.person_with_password("Grace", &[group::READERS], PASSWORD).await;
        let off = server.administrator().call("PATCH", "_apis/coffer/organization").json(&json!({"passwordSignInAllowed": false}));
        off.send().await.ok();
        for name in ["grace", "nobody.has.this"] {
            assert_eq!(right(&server, "", name).await.code(403), "password.switched_off");
        }
        let code = server.invitation("grace").await;
        let set = server.nobody().call("POST", "_apis/coffer/signin/newpassword").json(&json!({"code": code, "password": PASSWORD}));
        assert_eq!(set.send().await.code(403), "password.switched_off");
        let on = server.administrator().call("PATCH", "_apis/coffer/organization").json(&json!({"passwordSignInAllowed": true}));
        on.send().await.ok();
        right(&server, "", "grace").await.ok();
    }
}
