//! What a page's guard reads of a request, as browsers send it, and as attackers do.

use super::*;
use http::{HeaderName, HeaderValue};

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(
            HeaderName::try_from(*name).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    headers
}

fn ours(pairs: &[(&str, &str)], own: Option<&str>) -> bool {
    let mut all = vec![("host", "coffer.example")];
    all.extend_from_slice(pairs);
    own_page(&headers(&all), own).is_ok()
}

const HERE: (&str, &str) = ("origin", "https://coffer.example");
const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");

#[test]
fn a_write_says_that_it_comes_from_here() {
    for own in [None, Some("https://coffer.example")] {
        assert!(ours(&[HERE, SAME], own));
        assert!(ours(&[HERE], own));
        assert!(ours(&[SAME], own));
    }
}

#[test]
fn whatever_else_it_says_and_silence_too_is_refused() {
    for bad in [
        &[][..],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), HERE],
        &[("origin", "null")],
        &[("origin", "null"), SAME],
        &[("origin", "https://evil.example"), SAME],
        &[("origin", "https://evil.example")],
        &[("origin", "https://coffer.example.evil.example")],
        &[HERE, ("origin", "https://evil.example"), SAME],
        &[("origin", "coffer.example")],
    ] {
        for own in [None, Some("https://coffer.example")] {
            assert!(!ours(bad, own), "{bad:?} {own:?}");
        }
    }
}

#[test]
fn a_server_that_knows_its_address_does_not_ask_the_request_for_it() {
    let foreign = [("origin", "https://coffer.example"), SAME];
    assert!(!ours(&foreign, Some("https://other.example")));
    assert!(!ours(
        &[("origin", "http://coffer.example")],
        Some("https://coffer.example")
    ));
}

#[test]
fn a_form_is_read_as_browsers_write_it() {
    let form = Form::read(b"name=Ada+L.&password=a%2Bb%26%C3%A4&empty=&flag&name=second").unwrap();
    assert_eq!(form.field("name"), "Ada L.");
    assert_eq!(form.field("password"), "a+b&\u{e4}");
    assert_eq!(
        (form.field("empty"), form.field("flag"), form.field("none")),
        ("", "", "")
    );
    assert!(Form::read(b"a=%ff").is_none());
    assert!(Form::read(b"\xff").is_none());
}
