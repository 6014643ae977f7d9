//! `/assets/{file}`: style sheet, scripts and icon, as they lie in `assets/`. No build step: what is there is what a
//! browser gets. Each is known by its digest, so that it may be kept for ever, and by its integrity, so that a browser
//! runs nothing else. `htmx` is a copy of htmx.org 2.0.11, with its licence beside it.
//!
//! It must not know a page.

use super::html::marked;
use aws_lc_rs::digest::{SHA256, SHA384, digest};
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
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
        }
    };
    all.into_iter().map(asset).collect()
});

/// The asset that templates call so. A name that is none is a mistake of ours, found when the templates are tested.
pub(crate) fn asset(name: &str) -> &'static Asset {
    ASSETS
        .iter()
        .find(|asset| asset.name == name)
        .unwrap_or(&ASSETS[0])
}

/// `GET /assets/{file}`. A version that is not this server's is not found: an old page is loaded anew.
pub(crate) async fn get(Path(file): Path<String>) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.file == file) else {
        return marked(StatusCode::NOT_FOUND.into_response());
    };
    let mut response = ([(CONTENT_TYPE, asset.kind)], asset.text).into_response();
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
        // What uploads files comes with the Library only.
        let everywhere = ASSETS.iter().filter(|asset| asset.name != "upload.js");
        let bytes: usize = everywhere.map(|asset| asset.text.len()).sum();
        assert!(
            bytes < 90_000,
            "{bytes} bytes: a first page stays under 100 KB"
        );
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
