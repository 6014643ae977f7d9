//! What proxies say about a request, and whose word counts: where the caller sits, and how it called the server.
//!
//! `X-Forwarded-For`, `-Proto` and `-Host` count from a peer that the operator listed, and from nobody else. RFC 7239's
//! `Forwarded` is not read: a proxy that sets one of the two and hands the other on as the client wrote it would let
//! the client choose. It must not know what a request asks for.

use crate::answer::parse_address;
use crate::auth::Peer;
use crate::error::ApiError;
use crate::{App, mistakes};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use http::uri::Authority;
use ipnet::IpNet;
use std::convert::Infallible;
use std::net::IpAddr;

/// The addresses that proxies near this machine have: its own, its link's, private ones and shared ones (RFC 6598).
const NEARBY: [&str; 9] = [
    "127.0.0.0/8",
    "::1/128",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

/// Why a list of proxies is none.
#[derive(Debug, thiserror::Error)]
pub enum ProxiesError {
    /// Neither an address nor a range.
    #[error("'{0}' is neither an address nor a range such as 10.0.0.0/8")]
    NotARange(String),
    /// A range that holds every address.
    #[error("'{0}' is everybody, and whoever is a proxy may say where a request comes from")]
    Everybody(String),
}

/// The proxies whose word counts.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Whatever is near this machine: loopback and private addresses.
    pub fn nearby() -> Self {
        Self(NEARBY.iter().flat_map(|net| net.parse()).collect())
    }

    /// Addresses and ranges, with commas or spaces between them.
    ///
    /// # Errors
    /// [`ProxiesError`].
    pub fn parse(list: &str) -> Result<Self, ProxiesError> {
        let entries = list.split([',', ' ']).filter(|entry| !entry.is_empty());
        let nets = entries.map(|entry| {
            let net = entry
                .parse::<IpNet>()
                .or_else(|_| entry.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| ProxiesError::NotARange(entry.to_owned()))?;
            match net.prefix_len() {
                0 => Err(ProxiesError::Everybody(entry.to_owned())),
                _ => Ok(net),
            }
        });
        Ok(Self(nets.collect::<Result<_, _>>()?))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }
}

/// How a request came here. An extractor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Where the caller sits, as far as it is known.
    pub(crate) address: Option<IpAddr>,
    /// Whether a proxy that is trusted handed it on.
    pub(crate) trusted: bool,
    /// `https`, or not, between the caller and the proxy.
    secure: Option<bool>,
    /// What the caller called the server.
    host: Option<String>,
}

impl Arrival {
    fn of(proxies: &Proxies, peer: Option<IpAddr>, headers: &HeaderMap) -> Self {
        if !peer.is_some_and(|peer| proxies.contains(peer)) {
            return Self {
                address: peer,
                ..Self::default()
            };
        }
        // The last word is that of the proxy before us: what a client wrote there itself stands before it.
        let last = |name: &str| {
            let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
            Some(value.rsplit(',').next()?.trim().to_owned())
        };
        let host = last("x-forwarded-host").filter(|host| {
            host.parse::<Authority>()
                .is_ok_and(|host| !host.as_str().contains('@') && !host.host().is_empty())
        });
        Self {
            address: caller(proxies, headers).or(peer),
            trusted: true,
            secure: last("x-forwarded-proto").and_then(|scheme| {
                let is = |word: &str| scheme.eq_ignore_ascii_case(word);
                (is("https") || is("http")).then(|| is("https"))
            }),
            host,
        }
    }

    /// `scheme://host[:port]` as the caller knows it, where a trusted proxy says both.
    pub(crate) fn base(&self) -> Option<String> {
        let scheme = if self.secure? { "https" } else { "http" };
        Some(format!("{scheme}://{}", self.host.as_deref()?))
    }

    /// Whether the request may go on; a token that came the wrong way is called out. `proxied`: the server speaks plain
    /// HTTP with proxies. `https`: its address begins so.
    fn check(&self, proxied: bool, https: bool, headers: &HeaderMap) -> Result<(), ApiError> {
        let far = self.address.is_some_and(|peer| !peer.is_loopback());
        if proxied && !self.trusted && far {
            return Err(mistakes::bypassed(headers));
        }
        if self.secure == Some(false) && https {
            return Err(mistakes::plain_to_the_proxy(headers));
        }
        Ok(())
    }
}

/// From the nearest proxy outwards: the first that is none of ours is the caller. What cannot be read ends the walk.
fn caller(proxies: &Proxies, headers: &HeaderMap) -> Option<IpAddr> {
    let mut caller = None;
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        for entry in value.to_str().unwrap_or("?").rsplit(',') {
            let Some(hop) = parse_address(entry.trim()) else {
                return caller;
            };
            caller = Some(hop);
            if !proxies.contains(hop) {
                return caller;
            }
        }
    }
    caller
}

/// The layer: finds out how a request came, and refuses what came the wrong way. Who looks whether the server lives gets
/// an answer anyway.
pub(crate) async fn arrive(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let arrival = Arrival::of(&app.proxies, peer, request.headers());
    let proxied = !app.proxies.is_empty() && !app.tls;
    let public = app.urls.public();
    let https = public.is_some_and(|url| url.starts_with("https:"));
    let looks = matches!(request.uri().path(), "/" | "/healthz" | "/readyz");
    if !looks && let Err(error) = arrival.check(proxied, https, request.headers()) {
        return error.into_response();
    }
    request.extensions_mut().insert(arrival);
    next.run(request).await
}

impl<S: Sync> FromRequestParts<S> for Arrival {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        _: &S,
    ) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn of(proxies: &str, peer: &str, pairs: &[(&str, &str)]) -> Arrival {
        let proxies = Proxies::parse(proxies).unwrap();
        Arrival::of(&proxies, peer.parse().ok(), &headers(pairs))
    }

    fn address(proxies: &str, peer: &str, chain: &[&str]) -> String {
        let pairs: Vec<_> = chain.iter().map(|v| ("x-forwarded-for", *v)).collect();
        of(proxies, peer, &pairs).address.unwrap().to_string()
    }

    #[test]
    fn the_caller_is_the_first_that_is_no_proxy_from_the_right() {
        let proxies = "10.0.0.0/8, 192.0.2.1";
        for (peer, chain, caller) in [
            // Who is no proxy speaks for nobody.
            ("203.0.113.5", &["1.1.1.1"][..], "203.0.113.5"),
            ("11.0.0.1", &["1.1.1.1"], "11.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1"], "1.1.1.1"),
            // What a client wrote stands before what a proxy adds, in one header or in two.
            ("10.0.0.1", &["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6", "2001:db8::7"], "2001:db8::7"),
            // Several proxies of ours in a row.
            (
                "10.0.0.1",
                &["6.6.6.6, 1.1.1.1, 192.0.2.1", "10.9.9.9"],
                "1.1.1.1",
            ),
            ("10.0.0.1", &["10.0.0.7, 10.0.0.8"], "10.0.0.7"),
            // With ports, and with what is no address.
            ("10.0.0.1", &["1.2.3.4:5555"], "1.2.3.4"),
            ("10.0.0.1", &["[2001:db8::7]:443"], "2001:db8::7"),
            ("10.0.0.1", &["1.1.1.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1, unknown, 10.0.0.8"], "10.0.0.8"),
        ] {
            assert_eq!(address(proxies, peer, chain), caller, "{peer} {chain:?}");
        }
    }

    #[test]
    fn what_a_proxy_says_of_host_and_scheme_counts_from_trusted_ones_only() {
        let said = [
            ("x-forwarded-proto", "HTTPS"),
            ("x-forwarded-host", "c.example:8443"),
        ];
        let base = of("127.0.0.1", "127.0.0.1", &said).base();
        assert_eq!(base.as_deref(), Some("https://c.example:8443"));
        assert_eq!(of("127.0.0.1", "127.0.0.2", &said).base(), None);
        assert_eq!(of("127.0.0.1", "127.0.0.1", &said[..1]).base(), None);
        assert_eq!(of("127.0.0.1", "127.0.0.1", &said[1..]).base(), None);
        for host in ["a@b", "a b", "", "a/b", "http://a"] {
            let said = [said[0], ("x-forwarded-host", host)];
            assert_eq!(of("127.0.0.1", "127.0.0.1", &said).base(), None, "{host}");
        }
        let twice = [said[0], ("x-forwarded-host", "evil.example, c.example")];
        let base = of("127.0.0.1", "127.0.0.1", &twice).base();
        assert_eq!(base.as_deref(), Some("https://c.example"));
    }

    #[test]
    fn the_plain_port_is_for_the_proxy_and_its_own_machine() {
        let code = |peer: &str, proxied: bool, https: bool, pairs: &[(&str, &str)]| {
            let arrival = of("10.0.0.5", peer, pairs);
            let checked = arrival.check(proxied, https, &headers(pairs));
            checked.map_err(|error| error.code().to_owned()).err()
        };
        let said = |code: &str| Some(code.to_owned());
        let plain = [("x-forwarded-proto", "http")];
        assert_eq!(code("10.0.0.5", true, true, &[]), None);
        assert_eq!(code("127.0.0.1", true, true, &[]), None);
        assert_eq!(code("::1", true, true, &plain), None);
        for stranger in ["10.0.0.6", "192.0.2.1", "2001:db8::1"] {
            let refused = code(stranger, true, true, &[]);
            assert_eq!(refused, said("proxy.bypassed"), "{stranger}");
            // With TLS of its own, or without any proxy, everybody may come.
            assert_eq!(code(stranger, false, true, &plain), None);
        }
        let refused = code("10.0.0.5", true, true, &plain);
        assert_eq!(refused, said("proxy.plain_http"));
        assert_eq!(code("10.0.0.5", true, false, &plain), None);
    }

    #[test]
    fn near_is_what_no_stranger_can_be() {
        let nearby = Proxies::nearby();
        assert_eq!(nearby.0.len(), NEARBY.len());
        for near in [
            "127.0.0.9",
            "::1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "fd00::1",
        ] {
            assert!(nearby.contains(near.parse().unwrap()), "{near}");
        }
        for far in [
            "192.0.2.1",
            "172.32.0.1",
            "8.8.8.8",
            "2001:db8::1",
            "0.0.0.0",
        ] {
            assert!(!nearby.contains(far.parse().unwrap()), "{far}");
        }
    }

    #[test]
    fn what_is_no_list_of_proxies_is_refused() {
        for bad in [
            "proxy.example",
            "10.0.0.0/33",
            "10.0.0.1:80",
            "10.0.0.0/8;::1",
        ] {
            let error = Proxies::parse(bad).unwrap_err();
            assert!(matches!(error, ProxiesError::NotARange(_)), "{bad}");
        }
        for all in ["0.0.0.0/0", "::/0", "10.0.0.1, 0.0.0.0/0"] {
            let error = Proxies::parse(all).unwrap_err();
            assert!(matches!(error, ProxiesError::Everybody(_)), "{all}");
        }
        assert!(Proxies::parse(" , ").unwrap().is_empty());
    }
}
