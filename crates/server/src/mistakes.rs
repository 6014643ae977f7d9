//! Mistakes of networks and proxies: what a request gets that came the wrong way, or lost something on the way.
//!
//! `docs/on-premises.md` repeats each text with its cause and what to do; a test keeps the two equal. Texts are fixed:
//! they repeat nothing of the request.

use crate::error::ApiError;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::header::{AUTHORIZATION, CONNECTION, COOKIE};
use http::{HeaderMap, HeaderValue};

/// Plain HTTP on a port for TLS.
pub(crate) const PLAIN: &str =
    "This port speaks HTTPS, and the request came over plain HTTP. Write https:// in the URL.";
/// Added where a credential went in the clear.
pub(crate) const IN_THE_CLEAR: &str = "The request carried a credential, which crossed the network unencrypted: revoke it and make a new one.";

/// Plain HTTP on a port for TLS. A redirect would make clients go on as they began.
pub(crate) async fn plain_http(request: Request) -> Response {
    let carried = carries_credential(request.headers());
    if carried {
        tracing::warn!("a credential came over plain HTTP to a port for TLS");
    }
    let mut response = ApiError::mistake("tls.required", text(PLAIN, carried)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn text(what: &str, in_the_clear: bool) -> String {
    match in_the_clear {
        true => format!("{what} {IN_THE_CLEAR}"),
        false => what.to_owned(),
    }
}

fn carries_credential(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION) || headers.contains_key(COOKIE)
}
