//! Proxies before the server: whose word counts, and what a client is told when a proxy gets it wrong.

use crate::Cast;
use coffer_testkit::{Answer, Setup, TestServer, User, both};

const WHO: &str = "_apis/connectionData";

/// Two proxies in a row: one on this machine, and those of a network.
fn chain() -> Setup {
    Setup {
        trusted_proxies: "127.0.0.1, 10.0.0.0/8",
        ..Setup::default()
    }
}

/// A proxy that is not on this machine: whoever comes from here is no proxy.
fn elsewhere() -> Setup {
    Setup {
        trusted_proxies: "10.0.0.0/8",
        ..Setup::default()
    }
}

fn public() -> Setup {
    Setup {
        public_url: Some("https://coffer.example/tfs"),
        ..chain()
    }
}

/// Lists pipelines with these headers, and says where the audit log saw the caller and what the links begin with.
async fn seen(server: &TestServer, engineer: &User, headers: &[(&str, &str)]) -> (String, String) {
    let mut call = engineer.call("GET", "Pay%20Desk/_apis/pipelines");
    for (name, value) in headers {
        call = call.header(name, value);
    }
    let answer = call.send().await.ok();
    let link = answer.json()["value"][0]["url"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = engineer.files_path(&format!("?name={}", server.unique("f")));
    let mut call = engineer.call("POST", &path);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.body("application/octet-stream", "x").send().await.ok();
    let events = server.administrator().audit().await;
    let mut made = events
        .iter()
        .rev()
        .filter(|event| event.actor.name == engineer.name);
    let address = made.next().unwrap().actor.address.clone().unwrap();
    (address, link)
}

async fn said(server: &TestServer, headers: &[(&str, &str)]) -> Answer {
    let mut call = server.nobody().call("GET", WHO);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send().await
}

const FORGED: [(&str, &str); 4] = [
    ("X-Forwarded-For", "6.6.6.6"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "https"),
    ("Forwarded", "for=6.6.6.6;host=evil.example;proto=https"),
];

both! {
    async fn who_is_no_proxy_says_nothing_about_where_it_sits(server) {
        let cast = Cast::of(&server).await;
        let (address, link) = seen(&server, &cast.developer, &FORGED).await;
        assert_eq!(address, "127.0.0.1");
        assert!(link.starts_with(&server.url()), "{link}");
    }

    async fn nor_does_who_is_another_than_the_listed_one(server, elsewhere()) {
        let cast = Cast::of(&server).await;
        let (address, link) = seen(&server, &cast.developer, &FORGED).await;
        assert_eq!(address, "127.0.0.1");
        assert!(!link.contains("evil.example"), "{link}");
    }

    async fn the_caller_is_the_first_from_the_right_that_is_no_proxy(server, chain()) {
        let cast = Cast::of(&server).await;
        let said = [
            ("X-Forwarded-For", "6.6.6.6, 192.0.2.9, 10.1.2.3"),
            ("X-Forwarded-Host", "evil.example, coffer.example"),
            ("X-Forwarded-Proto", "https"),
            ("Forwarded", "for=6.6.6.6;host=evil.example"),
        ];
        let (address, link) = seen(&server, &cast.developer, &said).await;
        assert_eq!(address, "192.0.2.9");
        assert!(link.starts_with("https://coffer.example/DefaultCollection/"), "{link}");
    }

    async fn links_are_those_of_the_public_url_whatever_anybody_says(server, public()) {
        let cast = Cast::of(&server).await;
        let (address, link) = seen(&server, &cast.developer, &FORGED).await;
        assert_eq!(address, "6.6.6.6");
        assert!(link.starts_with("https://coffer.example/tfs/DefaultCollection/"), "{link}");
    }

    async fn what_came_to_the_proxy_in_the_clear_is_called_out(server, public()) {
        let engineer = server.release_engineer().await;
        let plain = ("X-Forwarded-Proto", "http");
        let refused = said(&server, &[plain, ("Authorization", &engineer.basic())]).await;
        let message = refused.refused(400).message;
        assert_eq!(refused.code(400), "proxy.plain_http");
        assert!(message.contains("revoke it"), "{message}");
        assert_eq!(refused.header("location"), "");
        let refused = said(&server, &[plain]).await.refused(400);
        assert!(!refused.message.contains("revoke it"), "{}", refused.message);
        // Nothing happens before: not even a sign-in.
        let body = serde_json::json!({"user": "rel", "password": "a long password", "label": "x"});
        let signing_in = server.nobody().call("POST", "_apis/coffer/signin/password").header(plain.0, plain.1).json(&body);
        assert_eq!(signing_in.send().await.code(400), "proxy.plain_http");
        said(&server, &[("X-Forwarded-Proto", "https"), ("Authorization", &engineer.basic())]).await.ok();
        // Whether it lives is nobody's secret.
        let mut wire = server.wire().await;
        wire.head(&["GET /healthz HTTP/1.1", "Host: x", "X-Forwarded-Proto: http"]).await;
        assert_eq!(wire.answer().await.unwrap().status, 200);
    }

    async fn a_token_that_did_not_arrive_is_missed_in_words_that_help(server) {
        for (headers, helps) in [
            (&[][..], &[][..]),
            (&[("X-Forwarded-For", "192.0.2.1")], &["came through a proxy"]),
            (&[("Via", "1.1 gateway")], &["came through a proxy"]),
            (&[("Cookie", "sso=secret-of-a-session")], &["Cookies do not sign in here"]),
            (&[("X-Real-IP", "192.0.2.1"), ("Cookie", "a=b")], &["came through a proxy", "Cookies do not sign in here"]),
        ] {
            let answer = said(&server, headers).await;
            let message = answer.refused(401).message;
            assert_eq!(answer.code(401), "token.missing");
            assert_eq!(answer.headers.get_all("www-authenticate").iter().count(), 2);
            for text in ["came through a proxy", "Cookies do not sign in here"] {
                assert_eq!(message.contains(text), helps.contains(&text), "{headers:?}: {message}");
            }
            assert!(!message.contains("secret-of-a-session"), "{message}");
        }
    }

    async fn a_token_that_was_replaced_is_missed_too_and_nothing_is_repeated(server) {
        let engineer = server.release_engineer().await;
        // proxyuser:open-sesame
        let basic = "Basic cHJveHl1c2VyOm9wZW4tc2VzYW1l";
        for (value, status, code) in [
            (basic, 401, "token.foreign"),
            ("Bearer eyJhbGciOiJub25lIn0.open-sesame.", 401, "token.foreign"),
            ("Negotiate open-sesame", 401, "authorization.windows"),
            ("NTLM", 401, "authorization.windows"),
            ("Digest username=open-sesame, realm=x", 401, "token.invalid"),
            ("Basic cHJveHl1c2VyOm9wZW4tc2VzYW1l, Bearer x", 400, "authorization.twice"),
            ("Basic", 401, "token.invalid"),
            ("Bearer cof_pat_opensesame", 401, "token.invalid"),
        ] {
            let answer = said(&server, &[("Authorization", value)]).await;
            assert_eq!(answer.code(status), code, "{value}");
            let text = answer.text();
            assert!(!text.contains("sesame") && !text.contains("proxyuser"), "{text}");
        }
        let twice = said(&server, &[("Authorization", &engineer.basic()), ("Authorization", basic)]).await;
        assert_eq!(twice.code(400), "authorization.twice");
        // It is no event that anybody could fill the log with.
        let events = server.administrator().audit().await;
        assert!(events.iter().all(|event| event.actor.name != "proxyuser"));
    }

    async fn another_prefix_than_the_server_s_is_called_out(server, public()) {
        let engineer = server.release_engineer().await;
        for (path, status) in [
            ("/tfs/DefaultCollection/_apis/connectionData", 200),
            ("/DefaultCollection/_apis/connectionData", 200),
            ("/coffer/DefaultCollection/_apis/connectionData", 400),
            ("/tfs/tfs/DefaultCollection/Pay%20Desk/_apis/pipelines", 400),
            ("/coffer/Other/_apis/connectionData", 404),
        ] {
            let mut wire = server.wire().await;
            let (line, basic) = (format!("GET {path} HTTP/1.1"), format!("Authorization: {}", engineer.basic()));
            wire.head(&[&line, "Host: anything.example", &basic]).await;
            let answer = wire.answer().await.unwrap();
            assert_eq!(answer.status, status, "{path}");
            if status == 400 {
                assert_eq!(answer.code(400), "url.prefix");
            }
            assert!(!answer.text().contains("anything.example"));
        }
    }
}
