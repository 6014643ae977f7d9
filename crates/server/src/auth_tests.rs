//! Who is calling: headers as clients send them, and as attackers do.

use super::*;
use http::{HeaderName, HeaderValue, StatusCode};

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::try_from(*name).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            )
        })
        .collect()
}

fn read(pairs: &[(&str, &str)]) -> std::result::Result<Option<String>, StatusCode> {
    token(&headers(pairs))
        .map(|token| token.map(|token| token.as_str().to_owned()))
        .map_err(|error| error.status)
}

fn basic(pair: &str) -> String {
    format!("bAsIc {}", STANDARD.encode(pair))
}

#[test]
fn any_user_name_and_any_kind_of_token_will_do() {
    for name in ["", "PAT", "_", ".", "ann@example.org"] {
        let value = basic(&format!("{name}:tok:en"));
        assert_eq!(
            read(&[("authorization", &value)]),
            Ok(Some("tok:en".into())),
            "{name}"
        );
    }
    assert_eq!(
        read(&[("authorization", "BEARER  a.b.c")]),
        Ok(Some("a.b.c".into()))
    );
    assert_eq!(read(&[]), Ok(None));
    let unpadded = basic("x:ab").trim_end_matches('=').to_owned();
    assert_eq!(read(&[("authorization", &unpadded)]), Ok(Some("ab".into())));
}

#[test]
fn what_cannot_be_read_is_unauthenticated() {
    for bad in [
        "Basic",
        "Basic !!!",
        &basic("no colon"),
        &basic("empty:"),
        "Bearer ",
        "Negotiate abc",
        "tok",
    ] {
        assert_eq!(
            read(&[("authorization", bad)]),
            Err(StatusCode::UNAUTHORIZED),
            "{bad}"
        );
    }
}

#[test]
fn two_credentials_are_one_too_many() {
    let value = basic("a:b");
    for pairs in [
        vec![
            ("authorization", value.as_str()),
            ("authorization", "Bearer b"),
        ],
        vec![("authorization", "Bearer b"), ("authorization", "Bearer b")],
        vec![("authorization", "Basic YTpi, Bearer b")],
    ] {
        assert_eq!(read(&pairs), Err(StatusCode::BAD_REQUEST));
    }
}

#[test]
fn another_site_writes_nothing() {
    let own = Some("https://coffer.example");
    let write = |pairs: &[_]| refuse_cross_site(&Method::POST, &headers(pairs), own).is_ok();
    assert!(write(&[]));
    assert!(write(&[("sec-fetch-site", "same-origin")]));
    assert!(write(&[("origin", "https://coffer.example")]));
    assert!(write(&[
        ("origin", "http://localhost:8080"),
        ("host", "localhost:8080")
    ]));
    assert!(!write(&[("sec-fetch-site", "cross-site")]));
    assert!(!write(&[("sec-fetch-site", "same-site")]));
    assert!(!write(&[("origin", "null"), ("host", "null")]));
    assert!(!write(&[
        ("origin", "https://evil.example"),
        ("host", "coffer.example")
    ]));
    assert!(!write(&[
        ("origin", "https://coffer.example"),
        ("origin", "https://evil.example")
    ]));
    let read = headers(&[("sec-fetch-site", "cross-site")]);
    assert!(refuse_cross_site(&Method::GET, &read, own).is_ok());
}

#[test]
fn a_signed_message_must_hold_the_body_it_was_signed_with() {
    let parameters = Parameters {
        created: 1_763_000_000,
        nonce: "q83vEjRWeJCrze8SNFZ4kA".into(),
        key_id: "0d9f2f4e-6f3d-4a55-9a5d-2a53d0a6a1f1".into(),
    };
    let body = b"{}";
    let digest = content_digest(&STANDARD.encode(digest::digest(&digest::SHA256, body)));
    let input = parameters.header();
    let good = [
        ("signature-input", input.as_str()),
        ("signature", "coffer=:c2ln:"),
        ("content-digest", digest.as_str()),
    ];
    let message = Message::read(&headers(&good)).unwrap();
    assert_eq!(message.signature, b"sig");
    let base = message.base("POST", "/o/_apis/x", body).unwrap();
    assert_eq!(base, parameters.base("POST", "/o/_apis/x", &digest));
    assert!(message.base("POST", "/o/_apis/x", b"{ }").is_err());
    for missing in 0..3 {
        let mut some = good.to_vec();
        some.remove(missing);
        assert!(Message::read(&headers(&some)).is_err());
        let mut twice = good.to_vec();
        twice.push(good[missing]);
        assert!(Message::read(&headers(&twice)).is_err());
    }
}
