//! Query parameters and ids in paths, read as clients write them: names, booleans and enums in any case.

use crate::error::{ApiError, Result};
use axum::extract::{FromRequestParts, Query};
use coffer_model::{FileId, PipelineId, RunId};
use coffer_wire::enums::{Unknown, WireEnum};
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

    /// All values of that name, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let found = self
            .0
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).collect()
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

    /// An enum: a word in any case, or its number. None when absent or empty.
    pub(crate) fn one_of<E: WireEnum>(&self, name: &str) -> Result<Option<E>> {
        self.filled(name)
            .map(|value| E::read(value).map_err(|unknown| unknown_word(name, unknown)))
            .transpose()
    }

    /// The bits of an enum of flags: words, numbers, or a list of both. 0 when absent or empty.
    pub(crate) fn flags<E: WireEnum>(&self, name: &str) -> Result<i32> {
        E::read_flags(self.text(name).unwrap_or_default())
            .map_err(|unknown| unknown_word(name, unknown))
    }

    /// The values of a list, however it is written: `a=1,2`, `a=1&a=2`, or `a.0=1&a.1=2` as the Node client up to 15 does.
    pub(crate) fn every(&self, name: &str) -> Vec<&str> {
        let named = |key: &str| {
            let (head, place) = key.split_once('.').unwrap_or((key, "0"));
            let place = !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_digit());
            head.eq_ignore_ascii_case(name) && place
        };
        let values = self.0.iter().filter(|(key, _)| named(key));
        let parts = values.flat_map(|(_, value)| value.split(','));
        parts
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect()
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

fn unknown_word<E: WireEnum>(name: &str, unknown: Unknown<E>) -> ApiError {
    ApiError::argument(format!("The query parameter '{name}': {unknown}."))
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
    use coffer_wire::enums::{BuildQueryOrder, BuildResult, BuildStatus};

    fn params(query: &str) -> Params {
        Params::read(&format!("/x?{query}").parse().unwrap())
    }

    #[test]
    fn a_list_is_read_however_a_client_writes_it() {
        for query in [
            "a=x,y",
            "A=x&a=y",
            "a.0=x&a.1=y",
            "a=x,,%20y&b=z&a.b=z&a.=z",
        ] {
            assert_eq!(params(query).every("a"), ["x", "y"], "{query}");
        }
        assert!(params("b=x&a=").every("a").is_empty());
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
    fn enums_are_words_numbers_or_lists_and_a_bad_one_is_answered_with_the_words() {
        let params = params("statusFilter=InProgress,%2032&queryOrder=4&resultFilter=fine&order=");
        assert_eq!(params.flags::<BuildStatus>("statusFilter").unwrap(), 33);
        let order = params.one_of("queryOrder").unwrap();
        assert_eq!(order, Some(BuildQueryOrder::QueueTimeDescending));
        assert_eq!(params.one_of::<BuildQueryOrder>("order").unwrap(), None);
        assert_eq!(params.flags::<BuildStatus>("absent").unwrap(), 0);
        let error = params.flags::<BuildResult>("resultFilter").unwrap_err();
        assert!(
            error.message.contains("'resultFilter'"),
            "{}",
            error.message
        );
        assert!(error.message.contains("partiallySucceeded"));
        assert!(!error.message.contains("fine"));
        let error = params.one_of::<BuildStatus>("resultFilter").unwrap_err();
        assert!(error.message.contains("notStarted"), "{}", error.message);
    }
}
