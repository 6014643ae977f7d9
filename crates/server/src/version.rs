//! `api-version`: where clients put it, what it may look like, and what the answer says.
//!
//! Lenient on purpose: previews are not asked for, and no version at all is fine. Only what is no version, or is newer
//! than the server, is refused. Also reads the media parameters of `Accept` that change an answer's form.

use crate::error::ApiError;
use crate::params::Params;
use axum::response::{IntoResponse, Response};
use coffer_wire::List;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;

/// What is answered when nobody says a version.
const DEFAULT: &str = "7.1";
/// The newest version that is served.
const NEWEST: (u32, u32) = (7, 2);

/// What a caller asked for, beside the resource. An extractor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    version: String,
    /// A bare array in place of `{"count":…,"value":…}`.
    bare_arrays: bool,
    /// Whether text is preferred to JSON where a resource has both.
    text: bool,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            version: DEFAULT.into(),
            bare_arrays: false,
            text: true,
        }
    }
}

impl Asked {
    /// Reads query, then each media type of `Accept`, then `Content-Type`.
    pub(crate) fn read(params: &Params, headers: &HeaderMap) -> Result<Self, ApiError> {
        let accept: Vec<&str> = headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let mut found: Vec<String> = Vec::new();
        found.extend(params.text("api-version").map(str::to_owned));
        let types = || accept.iter().flat_map(|line| line.split(','));
        found.extend(types().filter_map(|kind| parameter(kind, "api-version")));
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        found.extend(content_type.and_then(|kind| parameter(kind, "api-version")));
        for version in &found {
            check(version)?;
        }
        let bare_arrays = types().any(|kind| {
            parameter(kind, "noArrayWrap").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        });
        let first = types()
            .map(|kind| kind.split(';').next().unwrap_or_default().trim())
            .find(|kind| !kind.is_empty());
        Ok(Self {
            version: found.into_iter().next().unwrap_or_else(|| DEFAULT.into()),
            bare_arrays,
            text: first.is_none_or(|kind| !kind.eq_ignore_ascii_case("application/json")),
        })
    }

    /// Whether a log may be plain text.
    pub(crate) fn prefers_text(&self) -> bool {
        self.text
    }

    /// A JSON answer.
    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Response {
        match serde_json::to_vec(value) {
            Ok(bytes) => (
                [(CONTENT_TYPE, self.content_type())],
                axum::body::Body::from(zeroize_on_drop(bytes)),
            )
                .into_response(),
            Err(error) => {
                ApiError::internal(format!("an answer is not JSON: {error}")).into_response()
            }
        }
    }

    /// A JSON list, wrapped unless the caller asked for a bare array.
    pub(crate) fn list<T: Serialize>(&self, values: Vec<T>) -> Response {
        if self.bare_arrays {
            self.json(&values)
        } else {
            self.json(&List::from(values))
        }
    }

    fn content_type(&self) -> HeaderValue {
        HeaderValue::try_from(format!(
            "application/json; charset=utf-8; api-version={}",
            self.version
        ))
        .unwrap_or_else(|_| HeaderValue::from_static("application/json; charset=utf-8"))
    }
}

impl<S: Sync> axum::extract::FromRequestParts<S> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        Self::read(&Params::read(&parts.uri), &parts.headers)
    }
}

/// Answers may hold tickets and tokens.
fn zeroize_on_drop(bytes: Vec<u8>) -> bytes::Bytes {
    bytes::Bytes::from_owner(zeroize::Zeroizing::new(bytes))
}

/// A parameter of a media type, its name in any case.
fn parameter(media_type: &str, name: &str) -> Option<String> {
    media_type.split(';').skip(1).find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// `major.minor[-preview[.revision]]`.
fn check(version: &str) -> Result<(), ApiError> {
    let malformed = || {
        ApiError::version(
            "The api-version is malformed. It has the form major.minor, with -preview or -preview.revision after it, such as 7.1 or 7.2-preview.1.",
        )
    };
    let number = |text: &str| {
        let digits = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (numbers, preview) = match version.split_once('-') {
        Some((numbers, preview)) => (numbers, Some(preview)),
        None => (version, None),
    };
    if let Some(preview) = preview {
        let word = preview.get(..7).ok_or_else(malformed)?;
        let revision = &preview[7..];
        let fine = word.eq_ignore_ascii_case("preview")
            && (revision.is_empty()
                || revision
                    .strip_prefix('.')
                    .is_some_and(|n| number(n).is_some()));
        if !fine {
            return Err(malformed());
        }
    }
    let (major, minor) = numbers.split_once('.').ok_or_else(malformed)?;
    let asked = (
        number(major).ok_or_else(malformed)?,
        number(minor).ok_or_else(malformed)?,
    );
    if asked > NEWEST {
        return Err(ApiError::version_out_of_range(
            "The api-version is newer than this server. The newest it speaks is 7.2-preview.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str, headers: &[(&'static str, &str)]) -> Result<Asked, String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        Asked::read(&Params::read(&uri.parse().unwrap()), &map)
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
    fn extensions_may_ask_for_bare_arrays() {
        let accept = (
            "accept",
            "application/json;api-version=7.2-preview.1;excludeUrls=true;noArrayWrap=True",
        );
        assert!(read("/", &[accept]).unwrap().bare_arrays);
        assert!(!read("/", &[]).unwrap().bare_arrays);
    }

    #[test]
    fn json_is_preferred_only_by_who_says_so() {
        let text = |accept| read("/", &[("accept", accept)]).unwrap().prefers_text();
        assert!(!text("application/json;api-version=7.1"));
        assert!(text("text/plain"));
        assert!(text("*/*"));
        assert!(read("/", &[]).unwrap().prefers_text());
    }
}
