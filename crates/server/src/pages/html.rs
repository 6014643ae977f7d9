//! What every page has in common: escaping, answers made of templates, and headers under which nothing foreign runs.
//! It must not know what a page is about.

use super::frame::{Frame, PageKind, Section};
use crate::error::ApiError;
use askama::Template;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY};
use http::{HeaderName, HeaderValue, StatusCode};
use std::fmt::{self, Write as _};

/// Which kind of page an answer is: see [`PageKind`].
const KIND: HeaderName = HeaderName::from_static("coffer-page");

/// What the browser of a page may do: our own scripts, style sheet, pictures, forms and calls, and nothing else. No inline
/// script or style, no `eval`, no frame; what turns text into script is refused, and only the policy of `trusted.js` makes
/// elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types default";

/// Marks an answer as a page, so that it keeps its body whatever its status. An extension of responses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IsPage;

/// Whether a character acts without being seen: controls, and marks of direction.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text that is safe inside an element and inside a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Direction marks and the like would let a name look like another.
            c if is_hidden(c) => _ = write!(out, "&lt;U+{:04X}&gt;", u32::from(c)),
            c => out.push(c),
        }
    }
    out
}

/// How templates write text: [`escape`]. Named in `askama.toml`.
#[derive(Clone, Copy)]
pub(crate) struct Text;

impl askama::filters::Escaper for Text {
    fn write_escaped_str<W: fmt::Write>(&self, mut out: W, text: &str) -> fmt::Result {
        out.write_str(&escape(text))
    }
}

/// A page made of a template.
pub(crate) fn show(status: StatusCode, frame: &Frame, template: &impl Template) -> Response {
    let Ok(text) = template.render() else {
        return ApiError::internal("a template could not be rendered").into_response();
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(KIND, HeaderValue::from_static(frame.kind.word()));
    marked(response)
}

/// A part of a page, for a script to put in its place.
pub(crate) fn part(template: &impl Template) -> Response {
    let Ok(text) = template.render() else {
        return ApiError::internal("a template could not be rendered").into_response();
    };
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(CONTENT_TYPE, html);
    headers.insert(KIND, HeaderValue::from_static("part"));
    marked(response)
}

/// Nothing has changed: what the script has is what there is.
pub(crate) fn part_unchanged() -> Response {
    marked(StatusCode::NO_CONTENT.into_response())
}

/// What went wrong, and what to do next.
#[derive(Template)]
#[template(path = "problem.html")]
pub(crate) struct Problem {
    pub(crate) frame: Frame,
    pub(crate) message: String,
    pub(crate) hints: Vec<String>,
    /// Where to sign in again, when that helps.
    pub(crate) sign_in: Option<String>,
}

/// Sends the browser on, to a path of this server.
pub(crate) fn see_other(path: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, path);
    }
    marked(response)
}

/// Marks an answer as a page, with the headers of every page.
pub(crate) fn marked(mut response: Response) -> Response {
    response.extensions_mut().insert(IsPage);
    guarded(response)
}

/// The headers under which a browser does nothing foreign with an answer.
pub(crate) fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    // Not `no-referrer`: with it, a browser would call the origin of our own forms `null`.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    response
}

/// A local path to return to, or nothing: never another host, never a way to smuggle one.
pub(crate) fn local_path(path: &str) -> Option<&str> {
    let plain = path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= 1024
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>'));
    plain.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        assert_eq!(
            escape("<a href='x' title=\"y\">&"),
            "&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;"
        );
        assert_eq!(escape("a\u{202e}b\n"), "a&lt;U+202E&gt;b&lt;U+000A&gt;");
        assert_eq!(escape("Ärger"), "Ärger");
    }

    #[test]
    fn only_a_path_of_this_server_is_returned_to() {
        for good in ["/", "/account", "/account?x=1&y=/z"] {
            assert_eq!(local_path(good), Some(good));
        }
        for bad in [
            "",
            "account",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nSet-Cookie: x",
            "/\t/evil",
            "/ä",
            "javascript:alert(1)",
        ] {
            assert_eq!(local_path(bad), None, "{bad}");
        }
    }
}
