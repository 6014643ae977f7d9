//! One spelling per path: what clients write in a dozen ways becomes the route table's own spelling, without redirects.
//!
//! Repeated and trailing slashes do not count, percent escapes are decoded once, literal segments and the organization
//! match in any case, and the optional prefix is dropped. Segments that mean "here" or "up" are refused. Knows templates, not handlers.

use crate::error::ApiError;
use crate::mistakes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but RFC 3986's unreserved characters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A path that the server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Canonical {
    /// Path below the organization, starting with a slash, in the table's spelling; `/`, `/healthz` and `/readyz` stand alone.
    pub(crate) path: String,
    /// The path as it arrived, below any prefix: what agents sign.
    pub(crate) signed: String,
}

/// What to match against.
pub(crate) struct Normalizer {
    organization: String,
    prefix: Vec<String>,
    templates: Vec<&'static str>,
    pages: Vec<&'static str>,
}

impl Normalizer {
    pub(crate) fn new(
        organization: &str,
        prefix: &str,
        templates: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        let (pages, templates) = templates
            .into_iter()
            .partition(|template| template.starts_with('/'));
        Self {
            organization: organization.to_lowercase(),
            prefix: prefix
                .split('/')
                .filter(|segment| !segment.is_empty())
                .map(str::to_lowercase)
                .collect(),
            templates,
            pages,
        }
    }

    /// Whether the organization is there, before the area, and something before it.
    fn is_behind_something(&self, segments: &[String]) -> bool {
        let area = segments
            .iter()
            .position(|s| s.eq_ignore_ascii_case("_apis"));
        area.is_some_and(|area| {
            let before = &segments[..area];
            before
                .iter()
                .skip(1)
                .any(|s| s.to_lowercase() == self.organization)
        })
    }

    /// The path of a page, which stands beside the organization.
    fn page(&self, segments: &[String]) -> Option<String> {
        let fits = self.pages.iter();
        fits.filter_map(|template| fit(&template[1..], segments))
            .min()
            .map(|(_, path)| path)
    }

    /// The canonical path; 404 when no template fits, 400 when the path is unsafe.
    pub(crate) fn canonical(&self, raw: &str) -> Result<Canonical, ApiError> {
        let raw: Vec<&str> = raw.split('/').filter(|s| !s.is_empty()).collect();
        let mut segments = raw
            .iter()
            .map(|segment| decode(segment))
            .collect::<Result<Vec<_>, _>>()?;
        let mut skipped = 0;
        let starts = segments.len() >= self.prefix.len()
            && self
                .prefix
                .iter()
                .zip(&segments)
                .all(|(a, b)| *a == b.to_lowercase());
        if starts {
            skipped = self.prefix.len();
            segments.drain(..skipped);
        }
        let signed = format!("/{}", raw[skipped..].join("/"));
        let known = |path: &str| Canonical {
            path: path.to_owned(),
            signed: signed.clone(),
        };
        match segments.as_slice() {
            [] => return Ok(known("/")),
            [only] if only == "healthz" => return Ok(known("/healthz")),
            [only] if only == "readyz" => return Ok(known("/readyz")),
            whole if self.page(whole).is_some() => {
                let path = self.page(whole).unwrap_or_default();
                return Ok(known(&path));
            }
            [organization, ..] if organization.to_lowercase() != self.organization => {
                return Err(match self.is_behind_something(&segments) {
                    true => mistakes::prefix(),
                    false => ApiError::no_route(),
                });
            }
            [_] => return Ok(known("/")),
            _ => {}
        }
        self.templates
            .iter()
            .filter_map(|template| fit(template, &segments[1..]))
            .min()
            .map(|(_, path)| Canonical { path, signed })
            .ok_or_else(ApiError::no_route)
    }
}

/// The template filled with the segments, if they fit, with its rank: literals beat placeholders, from the left.
fn fit(template: &str, segments: &[String]) -> Option<(Vec<bool>, String)> {
    let parts: Vec<&str> = template.split('/').collect();
    if parts.len() != segments.len() {
        return None;
    }
    let mut path = String::new();
    let mut rank = Vec::new();
    for (part, segment) in parts.iter().zip(segments) {
        let placeholder = part.starts_with('{');
        path.push('/');
        if placeholder {
            path.extend(utf8_percent_encode(segment, SEGMENT));
        } else if part.eq_ignore_ascii_case(segment) {
            path.push_str(part);
        } else {
            return None;
        }
        rank.push(placeholder);
    }
    Some((rank, path))
}

fn decode(segment: &str) -> Result<String, ApiError> {
    let text = percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| ApiError::argument("The path is not valid UTF-8."))?;
    if text.chars().any(char::is_control) {
        return Err(ApiError::argument("The path holds control characters."));
    }
    if text
        .split(['/', '\\'])
        .any(|part| matches!(part, "." | ".."))
    {
        return Err(ApiError::argument(
            "The path holds a segment '.' or '..'. Write the path out.",
        ));
    }
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_wire::paths::{coffer, location, pages, permissions, pipelines, secure_files};
    use http::StatusCode;

    fn normalizer(prefix: &str) -> Normalizer {
        Normalizer::new(
            "DefaultCollection",
            prefix,
            [
                secure_files::COLLECTION,
                secure_files::ITEM,
                permissions::COLLECTION,
                permissions::ITEM,
                pipelines::ITEM,
                location::CONNECTION_DATA,
                coffer::AUDIT_VERIFY,
                "_apis/{area}",
                pages::SIGN_IN,
                pages::PASSWORD,
            ],
        )
    }

    fn path(raw: &str) -> Result<String, StatusCode> {
        normalizer("")
            .canonical(raw)
            .map(|canonical| canonical.path)
            .map_err(|error| error.status)
    }

    #[test]
    fn every_spelling_of_a_client_means_the_same_route() {
        let wanted = Ok("/My%20Project/_apis/distributedtask/securefiles".to_owned());
        for spelling in [
            "/DefaultCollection/My%20Project/_apis/distributedtask/securefiles",
            "//defaultcollection/My%20Project/_APIS/DistributedTask/SecureFiles/",
            "/DEFAULTCOLLECTION//My%20Project/%5Fapis/distributedtask/%73ecurefiles//",
        ] {
            assert_eq!(path(spelling), wanted, "{spelling}");
        }
        assert_eq!(
            path("/DefaultCollection/p/_apis/Pipelines/pipelinePermissions/SecureFile/7"),
            Ok("/p/_apis/pipelines/pipelinepermissions/SecureFile/7".into())
        );
    }

    #[test]
    fn literals_win_over_placeholders() {
        assert_eq!(
            path("/DefaultCollection/p/_apis/pipelines/PIPELINEPERMISSIONS"),
            Ok("/p/_apis/pipelines/pipelinepermissions".into())
        );
        assert_eq!(
            path("/DefaultCollection/p/_apis/pipelines/12"),
            Ok("/p/_apis/pipelines/12".into())
        );
        assert_eq!(
            path("/DefaultCollection/_apis/ConnectionDATA"),
            Ok("/_apis/connectionData".into())
        );
    }

    #[test]
    fn escapes_are_decoded_once_and_stay_one_segment() {
        assert_eq!(
            path("/DefaultCollection/a%2Fb%2524/_apis/pipelines/1"),
            Ok("/a%2Fb%2524/_apis/pipelines/1".into())
        );
        assert_eq!(
            path("/DefaultCollection/p%C3%A4/_apis/pipelines/%241"),
            Ok("/p%C3%A4/_apis/pipelines/%241".into())
        );
    }

    #[test]
    fn ways_up_are_refused() {
        for bad in [
            "/DefaultCollection/../_apis/connectionData",
            "/DefaultCollection/%2e%2E/_apis/connectionData",
            "/DefaultCollection/./_apis/connectionData",
            "/DefaultCollection/a%2f..%2fb/_apis/pipelines/1",
            "/DefaultCollection/a%5c../_apis/pipelines/1",
            "/DefaultCollection/a%00/_apis/pipelines/1",
            "/DefaultCollection/a%0d%0a/_apis/pipelines/1",
            "/DefaultCollection/%ff/_apis/pipelines/1",
        ] {
            assert_eq!(path(bad), Err(StatusCode::BAD_REQUEST), "{bad}");
        }
    }

    #[test]
    fn what_no_template_fits_is_not_found() {
        for unknown in [
            "/Other/p/_apis/pipelines/1",
            "/DefaultCollection/p/_apis/git/repositories/x/y",
            "/DefaultCollection/p",
            "/tfs/p/_apis/pipelines/1",
        ] {
            assert_eq!(path(unknown), Err(StatusCode::NOT_FOUND), "{unknown}");
        }
    }

    #[test]
    fn a_prefix_that_is_none_is_called_out() {
        for unknown in [
            "/tfs/DefaultCollection/p/_apis/pipelines/1",
            "/a/b/defaultCollection/_apis/connectionData",
        ] {
            assert_eq!(path(unknown), Err(StatusCode::BAD_REQUEST), "{unknown}");
        }
    }

    #[test]
    fn a_prefix_may_be_there_or_not_and_is_not_signed() {
        let normalizer = normalizer("/tfs/");
        for raw in [
            "/tfs/DefaultCollection/_apis/connectionData",
            "/TFS//DefaultCollection/_apis/connectionData",
            "/DefaultCollection/_apis/connectionData",
        ] {
            let found = normalizer.canonical(raw).unwrap();
            assert_eq!(found.path, "/_apis/connectionData");
            assert_eq!(found.signed, "/DefaultCollection/_apis/connectionData");
        }
    }

    #[test]
    fn the_pages_stand_alone() {
        assert_eq!(path("/"), Ok("/".into()));
        assert_eq!(path("//"), Ok("/".into()));
        assert_eq!(path("/healthz/"), Ok("/healthz".into()));
        assert_eq!(path("//SignIn/"), Ok("/signin".into()));
        assert_eq!(path("/signin/password"), Ok("/signin/password".into()));
        let within = path("/DefaultCollection/signin");
        assert_eq!(within, Err(StatusCode::NOT_FOUND));
        assert_eq!(path("/defaultCollection/"), Ok("/".into()));
    }
}

#[cfg(test)]
#[path = "normalize_properties.rs"]
mod properties;
