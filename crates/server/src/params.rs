//! Query parameters and ids in paths, read as clients write them: names, booleans and enums in any case.

use crate::error::{ApiError, Result};
use axum::extract::{FromRequestParts, Query};
use coffer_model::{FileId, PipelineId, RunId};
use http::Uri;
use std::convert::Infallible;
use std::str::FromStr;
use uuid::Uuid;

/// A request's query parameters. An extractor that never fails: each reader says what is wrong with its own value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn read(uri: &Uri) -> Self {
        Self(Query::try_from_uri(uri).map_or_else(|_| Vec::new(), |Query(pairs)| pairs))
    }

    /// The first value of that name.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// As [`Self::text`], where an empty value means none.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.text(name).filter(|value| !value.is_empty())
    }

    /// The value of exactly that name, where it comes once: of several, nobody can say which is meant.
    pub(crate) fn once(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(key, _)| key == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// A boolean, `false` when absent or empty.
    pub(crate) fn flag(&self, name: &str) -> Result<bool> {
        match self.filled(name) {
            None => Ok(false),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(ApiError::argument(format!(
                "The query parameter '{name}' must be true or false."
            ))),
        }
    }

    /// A number.
    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        self.filled(name)
            .map(|value| {
                value.parse().map_err(|_| {
                    ApiError::argument(format!(
                        "The query parameter '{name}' must be a whole number in range."
                    ))
                })
            })
            .transpose()
    }

    /// The parts of a comma-separated value, trimmed; empty ones do not count.
    pub(crate) fn parts(&self, name: &str) -> Option<Vec<&str>> {
        self.filled(name).map(|value| {
            value
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .collect()
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        _: &S,
    ) -> std::result::Result<Self, Infallible> {
        Ok(Self::read(&parts.uri))
    }
}

/// A `SecureFileActionFilter`: names, numbers, or a list of both, in any case. `none` 0, `manage` 2, `use` 16.
pub(crate) fn action_filter(text: Option<&str>) -> Result<i64> {
    let mut bits = 0;
    for part in text.unwrap_or_default().split(',').map(str::trim) {
        bits |= match part.to_ascii_lowercase().as_str() {
            "" | "none" => 0,
            "manage" => 2,
            "use" => 16,
            number => match number.parse::<i64>() {
                Ok(value) if value & !(2 | 16) == 0 => value,
                _ => {
                    return Err(ApiError::argument(
                        "The query parameter 'actionFilter' must be none, manage or use, or a list of these.",
                    ));
                }
            },
        };
    }
    Ok(bits)
}

/// A secure file's id in a path. What is no GUID is the id of nothing.
pub(crate) fn file_id(text: &str) -> Result<FileId> {
    Uuid::parse_str(text).map(FileId).map_err(|_| {
        ApiError::no_such(
            "secure_file.not_found",
            "There is no such secure file: its id is a GUID. List by name to find it.",
        )
    })
}

/// A pipeline's id in a path.
pub(crate) fn pipeline_id(text: &str) -> Result<PipelineId> {
    text.parse().map(PipelineId).map_err(|_| {
        ApiError::no_such(
            "pipeline.not_found",
            "There is no such pipeline: its id is a whole number.",
        )
    })
}

/// A run's id in a path.
pub(crate) fn run_id(text: &str) -> Result<RunId> {
    text.parse().map(RunId).map_err(|_| {
        ApiError::no_such(
            "run.not_found",
            "There is no such run: its id is a whole number.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        Params::read(&format!("/x?{query}").parse().unwrap())
    }

    #[test]
    fn names_and_booleans_are_read_in_any_case() {
        let params = params("AUTHORIZEPIPELINES=True&download=FALSE&empty=");
        assert!(params.flag("authorizePipelines").unwrap());
        assert!(!params.flag("download").unwrap());
        assert!(!params.flag("empty").unwrap());
        assert!(!params.flag("absent").unwrap());
    }

    #[test]
    fn a_bad_value_names_its_parameter() {
        let params = params("download=maybe&%24top=many");
        assert!(
            params
                .flag("download")
                .unwrap_err()
                .message
                .contains("'download'")
        );
        let error = params.number::<usize>("$top").unwrap_err();
        assert!(error.message.contains("'$top'"));
    }

    #[test]
    fn values_are_decoded_and_split() {
        let params = params("secureFileIds=a%2C%20b,,c&namePattern=%2A.p12+x");
        assert_eq!(params.parts("secureFileIds"), Some(vec!["a", "b", "c"]));
        assert_eq!(params.text("namePattern"), Some("*.p12 x"));
    }

    #[test]
    fn action_filters_are_names_numbers_or_lists() {
        for (text, bits) in [
            ("", 0),
            ("None", 0),
            ("use", 16),
            ("16", 16),
            ("Manage, Use", 18),
            ("18", 18),
            ("2,USE", 18),
        ] {
            assert_eq!(action_filter(Some(text)).unwrap(), bits, "{text}");
        }
        assert_eq!(action_filter(None).unwrap(), 0);
        for bad in ["view", "1", "-2", "use;manage"] {
            assert!(action_filter(Some(bad)).is_err(), "{bad}");
        }
    }
}
