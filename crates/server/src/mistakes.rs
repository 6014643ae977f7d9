//! Mistakes of networks and proxies: what a request gets that came the wrong way, or lost something on the way.
//!
//! `docs/on-premises.md` repeats each text with its cause and what to do; a test keeps the two equal. Texts are fixed:
//! they repeat nothing of the request, and say nothing that is not the same for everybody.

use crate::error::ApiError;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::header::{AUTHORIZATION, CONNECTION, COOKIE, FORWARDED, VIA};
use http::{HeaderMap, HeaderValue};

/// What every token of this server begins with.
const TOKEN_PREFIX: &str = "cof_";

/// Plain HTTP on a port for TLS.
const PLAIN: &str =
    "This port speaks HTTPS, and the request came over plain HTTP. Write https:// in the URL.";
/// Plain HTTP between a client and the proxy.
const PLAIN_TO_THE_PROXY: &str = "The request came to the proxy over plain HTTP, and this server's address begins with https://. Write https:// in the URL.";
/// Neither from a proxy nor from this machine.
const BYPASSED: &str = "This port speaks plain HTTP with the proxy and with its own machine, and the request came from neither. Use the server's https:// address. If the request did come through the proxy, the proxy's address is missing in server.trusted_proxies.";
/// Added where a credential went in the clear.
const IN_THE_CLEAR: &str = "The request carried a credential, which crossed the network unencrypted: revoke it and make a new one.";
/// No credential.
const NO_TOKEN: &str = "The caller is not signed in. Send a token as the password of Basic authentication, or as Bearer.";
/// No credential, and a proxy on the way.
const TAKEN_AWAY: &str = "The request came through a proxy: if the client did send a token, the proxy took the Authorization header away, and must hand it on.";
/// No credential, and cookies.
const COOKIES: &str =
    "Cookies do not sign in here. If a proxy has a sign-in of its own, exempt _apis from it.";
/// Two credentials.
const TWICE: &str = "The request authenticates twice. Send one Authorization header, either Basic or Bearer. A proxy that adds one of its own must leave the client's as it is.";
/// A password that is no token.
const FOREIGN_PASSWORD: &str = "The password in the Authorization header is not a token of this server: tokens begin with cof_. A person's password does not work here. If the client did send a token, the sign-in of a proxy has replaced it: exempt _apis from that sign-in.";
/// A Bearer token of somebody else.
const FOREIGN_BEARER: &str = "The Bearer token in the Authorization header is not one of this server: tokens begin with cof_. If the client did send one, the single sign-on of a proxy has replaced it: exempt _apis from it.";
/// Windows sign-in.
const WINDOWS: &str = "The Authorization header is one of Windows sign-in (Negotiate or NTLM), which this server does not know. Send a token as the password of Basic authentication. If the client did, the Windows authentication of a proxy has replaced it: switch that off for _apis.";
/// What cannot be read.
const UNREADABLE: &str = "The Authorization header cannot be read. It is 'Basic' with base64 of 'name:token', or 'Bearer' with the token.";
/// Something unknown before the organization.
const PREFIX: &str = "The URL has something before the organization that is not this server's path prefix. The prefix is that of server.public_url; a proxy may hand it on or take it away. Correct the URL, the setting or the proxy.";

/// Plain HTTP on a port for TLS. A redirect would make clients go on as they began.
pub(crate) async fn plain_http(request: Request) -> Response {
    let mut response = in_the_clear("tls.required", PLAIN, request.headers()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A proxy says that its client spoke plain HTTP.
pub(crate) fn plain_to_the_proxy(headers: &HeaderMap) -> ApiError {
    in_the_clear("proxy.plain_http", PLAIN_TO_THE_PROXY, headers)
}

/// Somebody speaks to a port that is for the proxy.
pub(crate) fn bypassed(headers: &HeaderMap) -> ApiError {
    in_the_clear("proxy.bypassed", BYPASSED, headers)
}

/// 400, not 401: a client must not try again with the next credential.
fn in_the_clear(code: &str, what: &str, headers: &HeaderMap) -> ApiError {
    if !headers.contains_key(AUTHORIZATION) && !headers.contains_key(COOKIE) {
        return ApiError::mistake(code, what);
    }
    tracing::warn!(code, "a credential crossed the network unencrypted");
    ApiError::mistake(code, format!("{what} {IN_THE_CLEAR}"))
}

/// No credential at all.
pub(crate) fn no_token(headers: &HeaderMap) -> ApiError {
    let mut text = NO_TOKEN.to_owned();
    for (there, more) in [
        (came_through_a_proxy(headers), TAKEN_AWAY),
        (headers.contains_key(COOKIE), COOKIES),
    ] {
        if there {
            text = format!("{text} {more}");
        }
    }
    ApiError::unauthenticated("token.missing", &text)
}

/// More than one.
pub(crate) fn twice() -> ApiError {
    ApiError::mistake("authorization.twice", TWICE)
}

/// A header of no known form.
pub(crate) fn unreadable(scheme: &str) -> ApiError {
    let windows = ["Negotiate", "NTLM", "Kerberos"];
    match windows.iter().any(|word| scheme.eq_ignore_ascii_case(word)) {
        true => ApiError::unauthenticated("authorization.windows", WINDOWS),
        false => ApiError::unauthenticated("token.invalid", UNREADABLE),
    }
}

/// A credential that never was a token of ours. Tokens say so at their start, so this tells a guesser nothing.
pub(crate) fn foreign(headers: &HeaderMap, token: &str) -> Option<ApiError> {
    let start = token.as_bytes().get(..TOKEN_PREFIX.len());
    if start.is_some_and(|start| start.eq_ignore_ascii_case(TOKEN_PREFIX.as_bytes())) {
        return None;
    }
    let scheme = headers.get(AUTHORIZATION).map_or(&[][..], |v| v.as_bytes());
    let bearer = scheme
        .get(..6)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"bearer"));
    let text = if bearer {
        FOREIGN_BEARER
    } else {
        FOREIGN_PASSWORD
    };
    Some(ApiError::unauthenticated("token.foreign", text))
}

/// Something before the organization.
pub(crate) fn prefix() -> ApiError {
    ApiError::mistake("url.prefix", PREFIX)
}

/// Whether anybody on the way has left a trace. For words only: who wrote the headers does not matter here.
fn came_through_a_proxy(headers: &HeaderMap) -> bool {
    headers.contains_key(VIA)
        || headers.contains_key(FORWARDED)
        || [
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-host",
            "x-real-ip",
        ]
        .iter()
        .any(|name| headers.contains_key(*name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The page quotes what the server says, and nothing else.
    #[test]
    fn the_page_for_operators_has_every_text_as_it_is() {
        let page = include_str!("../../../docs/on-premises.md");
        let quoted: BTreeSet<_> = page.lines().filter_map(|l| l.strip_prefix("> ")).collect();
        let said = BTreeSet::from([
            PLAIN,
            PLAIN_TO_THE_PROXY,
            BYPASSED,
            IN_THE_CLEAR,
            NO_TOKEN,
            TAKEN_AWAY,
            COOKIES,
            TWICE,
            FOREIGN_PASSWORD,
            FOREIGN_BEARER,
            WINDOWS,
            UNREADABLE,
            PREFIX,
        ]);
        assert_eq!(quoted, said);
        for code in [
            "tls.required",
            "proxy.plain_http",
            "proxy.bypassed",
            "token.missing",
            "authorization.twice",
            "token.foreign",
            "authorization.windows",
            "url.prefix",
        ] {
            assert!(page.contains(&format!("`{code}`")), "{code}");
        }
    }
}
