//! `/assets/{file}`: style sheet, scripts and icon, as they lie in `assets/`. No build step: what is there is what a
//! browser gets. Each is known by its digest, so that it may be kept for ever, and by its integrity, so that a browser
//! runs nothing else. They are compressed, once, because nothing in them is secret; pages are not. `htmx` is a copy of htmx.org 2.0.11, with its licence beside it.
//!
//! It must not know a page.

use super::html::marked;
use aws_lc_rs::digest::{SHA256, SHA384, digest};
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use std::io::Write as _;
use std::sync::LazyLock;

/// A file of `assets/`.
pub(crate) struct Asset {
    /// What templates call it.
    name: &'static str,
    /// Its name in addresses: the digest is in it.
    pub(crate) file: String,
    /// For the attribute `integrity`.
    pub(crate) integrity: String,
    kind: &'static str,
    text: &'static str,
    gzip: Bytes,
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let all = [
        ("coffer.css", CSS, include_str!("../../assets/coffer.css")),
        (
            "trusted.js",
            SCRIPT,
            include_str!("../../assets/trusted.js"),
        ),
        (
            "htmx.js",
            SCRIPT,
            include_str!("../../assets/htmx-2.0.11.min.js"),
        ),
        ("coffer.js", SCRIPT, include_str!("../../assets/coffer.js")),
        ("upload.js", SCRIPT, include_str!("../../assets/upload.js")),
        ("icon.svg", PICTURE, include_str!("../../assets/icon.svg")),
    ];
    let asset = |(name, kind, text): (&'static str, &'static str, &'static str)| {
        let mark = hex::encode(&digest(&SHA256, text.as_bytes()).as_ref()[..8]);
        let (stem, end) = name.rsplit_once('.').unwrap_or((name, ""));
        Asset {
            name,
            file: format!("{stem}-{mark}.{end}"),
            integrity: format!(
                "sha384-{}",
                STANDARD.encode(digest(&SHA384, text.as_bytes()))
            ),
            kind,
            text,
            gzip: gzip(text),
        }
    };
    all.into_iter().map(asset).collect()
});

fn gzip(text: &str) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(text.as_bytes());
    // Into memory: it cannot fail, and if it did, the plain text would be served.
    written
        .and_then(|()| encoder.finish())
        .map_or_else(|_| Bytes::new(), Bytes::from)
}

/// Whether a browser reads gzip (RFC 9110, 12.5.3).
fn reads_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok());
    accepted.unwrap_or_default().split(',').any(|part| {
        let (name, rest) = part.split_once(';').unwrap_or((part, ""));
        let weight = rest.trim().strip_prefix("q=").unwrap_or("1");
        name.trim().eq_ignore_ascii_case("gzip") && weight.parse().is_ok_and(|q: f32| q > 0.0)
    })
}

/// The asset that templates call so. A name that is none is a mistake of ours, found when the templates are tested.
pub(crate) fn asset(name: &str) -> &'static Asset {
    ASSETS
        .iter()
        .find(|asset| asset.name == name)
        .unwrap_or(&ASSETS[0])
}

/// `GET /assets/{file}`. A version that is not this server's is not found: an old page is loaded anew.
pub(crate) async fn get(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.file == file) else {
        return marked(StatusCode::NOT_FOUND.into_response());
    };
    let kind = [(CONTENT_TYPE, asset.kind), (VARY, "accept-encoding")];
    let mut response = if reads_gzip(&headers) && !asset.gzip.is_empty() {
        (kind, [(CONTENT_ENCODING, "gzip")], asset.gzip.clone()).into_response()
    } else {
        (kind, asset.text).into_response()
    };
    let kept = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(CACHE_CONTROL, kept);
    marked(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_found_by_its_name_and_weighs_little() {
        for asset in ASSETS.iter() {
            assert_eq!(super::asset(asset.name).file, asset.file);
            assert!(asset.file.contains('-') && !asset.text.is_empty());
        }
        let sent: usize = ASSETS.iter().map(|asset| asset.gzip.len()).sum();
        assert!(
            sent < 40_000,
            "{sent} bytes: with its scripts, a first page stays far below 100 KB"
        );
    }

    #[test]
    fn only_who_reads_gzip_gets_it() {
        let reads = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(text));
            reads_gzip(&headers)
        };
        for good in ["gzip", "gzip, deflate, br, zstd", "br;q=1.0, GZIP;q=0.5"] {
            assert!(reads(good), "{good}");
        }
        for bad in [
            "",
            "br",
            "gzip;q=0",
            "gzip;q=0.000, br",
            "x-gzip",
            "gzip;q=x",
        ] {
            assert!(!reads(bad), "{bad}");
        }
        assert!(!reads_gzip(&HeaderMap::new()));
    }

    #[test]
    fn what_is_compressed_is_what_is_there() {
        for asset in ASSETS.iter() {
            let mut text = String::new();
            let mut decoder = flate2::read::GzDecoder::new(&asset.gzip[..]);
            std::io::Read::read_to_string(&mut decoder, &mut text).unwrap();
            assert_eq!(text, asset.text, "{}", asset.name);
        }
    }

    #[test]
    fn only_one_script_makes_a_policy_and_it_lets_no_script_through() {
        let makers: Vec<_> = ASSETS
            .iter()
            .filter(|asset| asset.text.contains("createPolicy"))
            .map(|asset| asset.name)
            .collect();
        assert_eq!(makers, ["trusted.js"]);
        let policy = asset("trusted.js").text;
        for never in [
            "createScript:",
            "createScriptURL:",
            "createScript(",
            "createScriptURL(",
        ] {
            assert!(!policy.contains(never), "{never}");
        }
    }
}
