//! `api-version`: where clients put it, what it may look like, and what the answer says.
//!
//! Lenient unless the operator wants it strict: previews are not asked for, and no version at all is fine. Then only what
//! is no version, or is newer than the server, is refused. Also reads the media parameters of `Accept` that change an
//! answer's form.

use crate::ado::location::Location;
use crate::error::ApiError;
use crate::form::{self, Form};
use crate::params::Params;
use axum::response::{IntoResponse, Response};
use coffer_wire::{Dictionary, List};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is answered when nobody says a version.
const DEFAULT: &str = "7.1";
/// The newest version that is served.
const NEWEST: (u32, u32) = (7, 2);

/// What a caller asked for, beside the resource. An extractor: the guard puts it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    version: String,
    form: Form,
    /// A bare array or dictionary in place of `{"count":…,"value":…}`.
    bare: bool,
    /// Whether text is preferred to JSON where a resource has both.
    text: bool,
}

impl Asked {
    /// Reads query, then each media type of `Accept`, then `Content-Type`. With a `row`, the version must be one of it.
    pub(crate) fn read(
        params: &Params,
        headers: &HeaderMap,
        method: &Method,
        row: Option<&Location>,
    ) -> Result<Self, ApiError> {
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
        let versions = found
            .iter()
            .map(|text| Version::read(text))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(row) = row {
            strictly(versions.first(), method, row)?;
        }
        let says = |name| {
            types().any(|kind| {
                parameter(kind, name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
            })
        };
        let first = types()
            .map(|kind| kind.split(';').next().unwrap_or_default().trim())
            .find(|kind| !kind.is_empty());
        Ok(Self {
            version: found.into_iter().next().unwrap_or_else(|| DEFAULT.into()),
            form: Form {
                numbers: says("enumsAsNumbers"),
                milliseconds: says("msDateFormat"),
            },
            bare: says("noArrayWrap"),
            text: first.is_none_or(|kind| !kind.eq_ignore_ascii_case("application/json")),
        })
    }

    /// Whether a log may be plain text.
    pub(crate) fn prefers_text(&self) -> bool {
        self.text
    }

    /// A JSON answer.
    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Response {
        match form::to_vec(value, self.form) {
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
        if self.bare {
            self.json(&values)
        } else {
            self.json(&List::from(values))
        }
    }

    /// A JSON dictionary, wrapped as a list is.
    pub(crate) fn dictionary<T: Serialize>(&self, values: BTreeMap<String, T>) -> Response {
        if self.bare {
            self.json(&values)
        } else {
            self.json(&Dictionary::from(values))
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
        let asked = parts.extensions.get::<Self>().cloned();
        asked.ok_or_else(|| ApiError::internal("a route without its guard"))
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

/// `major.minor[-preview[.revision]]`; which revision it is makes no difference here.
#[derive(Debug, Clone, Copy)]
struct Version {
    number: (u32, u32),
    preview: bool,
}

impl Version {
    fn read(text: &str) -> Result<Self, ApiError> {
        let malformed = || {
            ApiError::version(
                "The api-version is malformed. It has the form major.minor, with -preview or -preview.revision after it, such as 7.1 or 7.2-preview.1.",
            )
        };
        let (numbers, preview) = match text.split_once('-') {
            Some((numbers, preview)) => (numbers, Some(preview)),
            None => (text, None),
        };
        if let Some(preview) = preview {
            let word = preview.get(..7).ok_or_else(malformed)?;
            let revision = &preview[7..];
            let fine = word.eq_ignore_ascii_case("preview")
                && (revision.is_empty()
                    || revision
                        .strip_prefix('.')
                        .is_some_and(|text| number(text).is_some()));
            if !fine {
                return Err(malformed());
            }
        }
        let number = pair(numbers).ok_or_else(malformed)?;
        if number > NEWEST {
            return Err(ApiError::version_out_of_range(
                "The api-version is newer than this server. The newest it speaks is 7.2-preview.",
            ));
        }
        Ok(Self {
            number,
            preview: preview.is_some(),
        })
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn pair(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((number(major)?, number(minor)?))
}

/// What the original asks for: a version with every write, at least the resource's oldest, and the word preview for what
/// was never released.
fn strictly(said: Option<&Version>, method: &Method, row: &Location) -> Result<(), ApiError> {
    let Some(said) = said else {
        if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(());
        }
        return Err(ApiError::version_missing(format!(
            "A {method} request needs an api-version. Add it to the query, as in ?api-version={example}, or to the header Accept, as in application/json; api-version={example}.",
            example = example(row),
        )));
    };
    if pair(row.min).is_some_and(|oldest| said.number < oldest) {
        return Err(ApiError::version_out_of_range(format!(
            "The api-version is older than this resource, which starts with {}.",
            row.min
        )));
    }
    if !said.preview && pair(row.released).is_some_and(|released| said.number > released) {
        let (major, minor) = said.number;
        return Err(ApiError::version_preview(format!(
            "This version of the resource is under preview, and the request must say so: api-version={major}.{minor}-preview."
        )));
    }
    Ok(())
}

fn example(row: &Location) -> &str {
    if row.released == "0.0" {
        "7.1-preview"
    } else {
        row.released
    }
}

#[cfg(test)]
#[path = "version_tests.rs"]
mod tests;
