//! Cookies of browser sessions: their names, how they are read, how they are set. It must not know whose they are.
//!
//! All are `__Host-`: a browser takes them over TLS (or from this very machine) only, sends them to this host only, and
//! no other host can set them.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

/// The session: sent with whatever leads here, so it is good for reading only.
pub(crate) const SESSION: &str = "__Host-coffer-session";
/// Sent from our own pages only; every write needs it besides.
pub(crate) const WRITE: &str = "__Host-coffer-write";
/// As [`WRITE`], for the forms of who is not signed in yet.
pub(crate) const FORM: &str = "__Host-coffer-form";

/// An attempt to sign in at the provider: the way back begins at another site, so it must go along then.
pub(crate) const PROVIDER: &str = "__Host-coffer-provider";

/// Longer values are none of ours.
const MAX_VALUE: usize = 256;

/// When a browser sends a cookie along.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SameSite {
    /// With each request of our own pages, and when a link of another site leads here.
    Lax,
    /// With requests of our own pages only.
    Strict,
}

/// The value of a cookie. One that comes twice is none: nobody can say which is ours.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<Zeroizing<String>> {
    let mut found = None;
    for header in headers.get_all(COOKIE) {
        for pair in header.to_str().ok()?.split(';') {
            let Some((key, value)) = pair.trim().split_once('=') else {
                continue;
            };
            if key == name && found.replace(value).is_some() {
                return None;
            }
        }
    }
    found
        .filter(|value| !value.is_empty() && value.len() <= MAX_VALUE)
        .map(|value| Zeroizing::new(value.to_owned()))
}

/// Sets a cookie that lives as long as the browser does; the server ends sessions by its own clock.
pub(crate) fn set(headers: &mut HeaderMap, name: &str, value: &str, same_site: SameSite) {
    append(headers, &text(name, value, same_site));
}

/// As [`set`], for so many seconds.
pub(crate) fn set_for(
    headers: &mut HeaderMap,
    name: &str,
    value: &str,
    same_site: SameSite,
    seconds: i64,
) {
    let text = text(name, value, same_site);
    append(headers, &format!("{}; Max-Age={seconds}", *text));
}

fn text(name: &str, value: &str, same_site: SameSite) -> Zeroizing<String> {
    let same_site = match same_site {
        SameSite::Lax => "Lax",
        SameSite::Strict => "Strict",
    };
    Zeroizing::new(format!(
        "{name}={value}; Path=/; Secure; HttpOnly; SameSite={same_site}"
    ))
}

/// Takes a cookie away.
pub(crate) fn clear(headers: &mut HeaderMap, name: &str) {
    append(
        headers,
        &format!("{name}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"),
    );
}

fn append(headers: &mut HeaderMap, text: &str) {
    if let Ok(mut value) = HeaderValue::from_str(text) {
        value.set_sensitive(true);
        headers.append(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_is_read_by_its_whole_name_and_two_are_none() {
        let read = |lines: &[&str]| cookie(&of(lines), SESSION).map(|value| value.to_string());
        let (one, other) = (
            "__Host-coffer-session=abc",
            "a=b; __Host-coffer-session=x=y ;c=d",
        );
        assert_eq!(read(&[one]).as_deref(), Some("abc"));
        assert_eq!(read(&[other]).as_deref(), Some("x=y"));
        assert_eq!(read(&[one, one]), None);
        assert_eq!(
            read(&["coffer-session=abc; __host-coffer-session=abc"]),
            None
        );
        assert_eq!(read(&["__Host-coffer-session="]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn every_cookie_is_bound_to_this_host() {
        let mut headers = HeaderMap::new();
        set(&mut headers, SESSION, "v", SameSite::Lax);
        set(&mut headers, WRITE, "v", SameSite::Strict);
        set_for(&mut headers, PROVIDER, "v", SameSite::Lax, 600);
        clear(&mut headers, FORM);
        for value in headers.get_all(SET_COOKIE) {
            let text = value.to_str().unwrap();
            assert!(text.starts_with("__Host-"), "{text}");
            assert!(
                text.contains("; Path=/; Secure; HttpOnly; SameSite="),
                "{text}"
            );
            assert!(!text.contains("Domain"), "{text}");
        }
    }
}
