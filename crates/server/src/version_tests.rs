//! Versions as clients write them, and as a strict server wants them.

use super::*;
use crate::ado::location::{PROJECTS, SECURE_FILES};

fn read(uri: &str, headers: &[(&'static str, &str)]) -> Result<Asked, String> {
    with(uri, headers, &Method::GET, None)
}

fn with(
    uri: &str,
    headers: &[(&'static str, &str)],
    method: &Method,
    row: Option<&Location>,
) -> Result<Asked, String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_str(value).unwrap());
    }
    Asked::read(&Params::read(&uri.parse().unwrap()), &map, method, row)
        .map_err(|error| error.envelope("").type_key)
}

#[test]
fn the_query_comes_first_then_accept_then_content_type() {
    let accept = ("accept", "text/html, application/json;api-version=5.1");
    let content = ("content-type", "application/json; api-version=4.0");
    let version = |uri, headers: &[_]| read(uri, headers).unwrap().version;
    assert_eq!(
        version("/?API-Version=7.1-preview", &[accept, content]),
        "7.1-preview"
    );
    assert_eq!(version("/", &[accept, content]), "5.1");
    assert_eq!(version("/", &[content]), "4.0");
    assert_eq!(version("/", &[]), DEFAULT);
}

#[test]
fn what_clients_send_is_accepted() {
    for version in [
        "3.2-preview.1",
        "5.0-preview",
        "7.0",
        "7.2-preview.1",
        "1.0",
        "7.1-Preview.2",
    ] {
        assert!(read(&format!("/?api-version={version}"), &[]).is_ok());
    }
    let empty = ("accept", ";api-version=7.1-preview.1");
    assert_eq!(read("/", &[empty]).unwrap().version, "7.1-preview.1");
}

#[test]
fn what_is_no_version_is_refused() {
    for bad in [
        "",
        "7",
        "7.",
        ".1",
        "a.b",
        "7.1.1",
        "7.1-",
        "7.1-prev",
        "7.1-preview.",
        "7.1-preview.x",
        "7.1-preview1",
        "+7.1",
        "99999.1",
        "7.1-pr%C3%A4view",
        "7.1%0d%0ax",
    ] {
        assert_eq!(
            read(&format!("/?api-version={bad}"), &[]),
            Err("VssInvalidApiResourceVersionException".into()),
            "{bad}"
        );
    }
    assert_eq!(
        read("/?api-version=7.3", &[]),
        Err("VssVersionOutOfRangeException".into())
    );
}

#[test]
fn extensions_choose_the_form_of_answers_a_parameter_at_a_time() {
    for (word, bare, numbers, milliseconds) in [
        ("noArrayWrap", true, false, false),
        ("enumsAsNumbers", false, true, false),
        ("MSDateFormat", false, false, true),
    ] {
        let accept =
            format!("application/json;api-version=7.2-preview.1;excludeUrls=true;{word}=True");
        let asked = read("/", &[("accept", &accept)]).unwrap();
        assert_eq!(
            (asked.bare, asked.form.numbers, asked.form.milliseconds),
            (bare, numbers, milliseconds)
        );
        let off = read(
            "/",
            &[("accept", &format!("application/json;{word}=false"))],
        );
        assert_eq!(off.unwrap().form, Form::default());
    }
}

#[test]
fn json_is_preferred_only_by_who_says_so() {
    let text = |accept| read("/", &[("accept", accept)]).unwrap().prefers_text();
    assert!(!text("application/json;api-version=7.1"));
    assert!(text("text/plain"));
    assert!(text("*/*"));
    assert!(read("/", &[]).unwrap().prefers_text());
}

#[test]
fn a_strict_server_asks_for_what_the_original_asks_for() {
    let (files, projects) = (&SECURE_FILES, &PROJECTS);
    for (method, row, version, wanted) in [
        ("GET", files, "", None),
        ("OPTIONS", files, "", None),
        ("POST", files, "", Some("VssVersionNotSpecifiedException")),
        (
            "DELETE",
            projects,
            "",
            Some("VssVersionNotSpecifiedException"),
        ),
        ("POST", files, "7.1-preview", None),
        ("POST", files, "3.2-preview.1", None),
        (
            "POST",
            files,
            "7.1",
            Some("VssInvalidPreviewVersionException"),
        ),
        (
            "GET",
            files,
            "5.0",
            Some("VssInvalidPreviewVersionException"),
        ),
        (
            "GET",
            files,
            "3.1-preview",
            Some("VssVersionOutOfRangeException"),
        ),
        ("PATCH", projects, "7.1", None),
        ("PATCH", projects, "1.0", None),
        (
            "PATCH",
            projects,
            "7.2",
            Some("VssInvalidPreviewVersionException"),
        ),
        ("PATCH", projects, "7.2-preview.4", None),
        (
            "PATCH",
            projects,
            "0.9",
            Some("VssVersionOutOfRangeException"),
        ),
    ] {
        let uri = match version {
            "" => "/".to_owned(),
            version => format!("/?api-version={version}"),
        };
        let method = method.parse().unwrap();
        let refused = with(&uri, &[], &method, Some(row)).err();
        assert_eq!(refused.as_deref(), wanted, "{method} {version}");
    }
}
