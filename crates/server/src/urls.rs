//! The server's own address, as clients see it: for links in answers, and for what a job is told to call.

use crate::error::{ApiError, Result};
use crate::forwarded::Arrival;
use crate::{App, Options, ServeError};
use axum::extract::FromRequestParts;
use coffer_wire::paths::fill;
use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

/// What is known of the server's address.
pub(crate) struct Urls {
    /// `scheme://host[:port][/prefix]`, no slash at the end.
    public: Option<String>,
    /// `scheme://host[:port]`, as browsers write origins.
    origin: Option<String>,
    /// Clients come over the loopback interface, and what they call the server is right.
    local: bool,
    /// `http` or `https`: what the server itself speaks.
    scheme: &'static str,
    listen: SocketAddr,
    /// Empty, or with a slash at its start and none at its end.
    prefix: String,
    organization: String,
}

impl Urls {
    pub(crate) fn new(
        options: &Options,
        organization: &str,
    ) -> std::result::Result<Self, ServeError> {
        let (mut public, mut origin, mut path) = (None, None, String::new());
        if let Some(url) = &options.public_url {
            let bad = || ServeError::PublicUrl { url: url.clone() };
            let uri: Uri = url.parse().map_err(|_| bad())?;
            let scheme = uri.scheme_str().ok_or_else(bad)?;
            let authority = uri.authority().ok_or_else(bad)?;
            let plain = matches!(scheme, "http" | "https")
                && !authority.as_str().contains('@')
                && uri.query().is_none();
            if !plain {
                return Err(bad());
            }
            path = uri.path().trim_end_matches('/').to_owned();
            origin = Some(format!("{scheme}://{authority}"));
            public = Some(format!("{scheme}://{authority}{path}"));
        }
        if let Some(prefix) = &options.prefix {
            path = match prefix.trim_matches('/') {
                "" => String::new(),
                inner => format!("/{inner}"),
            };
        }
        Ok(Self {
            local: options.listen.ip().is_loopback() && options.proxies.is_empty(),
            scheme: match options.tls {
                Some(_) => "https",
                None => "http",
            },
            listen: options.listen,
            public,
            origin,
            prefix: path,
            organization: fill("{organization}", &[organization]),
        })
    }

    /// The path before the organization.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The server's address as it is configured, no slash at the end.
    pub(crate) fn public(&self) -> Option<&str> {
        self.public.as_deref()
    }

    /// The origin that this server's own pages have, when it is configured.
    pub(crate) fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The organization's URL, no slash at the end, for a job to call.
    pub(crate) fn organization(&self, arrival: &Arrival, headers: &HeaderMap) -> Result<String> {
        let server = match (&self.public, arrival.base()) {
            (Some(public), _) => public.clone(),
            (None, Some(base)) => format!("{base}{}", self.prefix),
            (None, None) if self.local => format!(
                "{}://{}{}",
                self.scheme,
                self.local_host(headers),
                self.prefix
            ),
            (None, None) => {
                return Err(ApiError::unavailable(
                    "The server does not know its own address, so jobs could not call it. Start it with --public-url.",
                ));
            }
        };
        Ok(format!("{server}/{}", self.organization))
    }

    /// As [`Self::organization`], for links that only a person follows.
    fn for_links(&self, arrival: &Arrival, headers: &HeaderMap) -> String {
        self.organization(arrival, headers).unwrap_or_else(|_| {
            format!(
                "{}://{}{}/{}",
                self.scheme, self.listen, self.prefix, self.organization
            )
        })
    }

    /// What the client called us, if that is this machine; a foreign name in `Host` is never repeated.
    fn local_host(&self, headers: &HeaderMap) -> String {
        headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .and_then(|host| host.parse::<Authority>().ok())
            .filter(|host| {
                let name = host.host().trim_matches(['[', ']']);
                !host.as_str().contains('@')
                    && (name.eq_ignore_ascii_case("localhost")
                        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
            })
            .map_or_else(|| self.listen.to_string(), |host| host.to_string())
    }
}

/// Makes links. An extractor.
pub(crate) struct Links(String);

impl Links {
    /// The organization's URL, no slash at the end.
    pub(crate) fn base(&self) -> &str {
        &self.0
    }

    /// The URL of a route, its placeholders filled in order.
    pub(crate) fn to(&self, template: &str, values: &[&str]) -> String {
        format!("{}/{}", self.0, fill(template, values))
    }
}

impl FromRequestParts<App> for Links {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        app: &App,
    ) -> std::result::Result<Self, Infallible> {
        let Ok(arrival) = Arrival::from_request_parts(parts, app).await;
        Ok(Self(app.urls.for_links(&arrival, &parts.headers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Proxies;
    use http::HeaderValue;

    fn urls(listen: &str, change: impl Fn(&mut Options)) -> Urls {
        let mut options = Options::new(listen.parse().unwrap());
        change(&mut options);
        Urls::new(&options, "My Collection").unwrap()
    }

    fn seen(urls: &Urls, host: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        urls.organization(&Arrival::default(), &headers).ok()
    }

    #[test]
    fn the_configured_address_wins() {
        let urls = urls("0.0.0.0:80", |options| {
            options.public_url = Some("https://coffer.example/tfs/".into());
        });
        assert_eq!(
            seen(&urls, "evil.example").unwrap(),
            "https://coffer.example/tfs/My%20Collection"
        );
        assert_eq!(urls.prefix(), "/tfs");
        assert_eq!(urls.origin(), Some("https://coffer.example"));
    }

    #[test]
    fn on_this_machine_the_client_knows_it_and_a_foreign_name_is_not_repeated() {
        let urls = urls("127.0.0.1:8080", |_| {});
        for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
            assert_eq!(
                seen(&urls, host).unwrap(),
                format!("http://{host}/My%20Collection")
            );
        }
        for host in [
            "evil.example",
            "localhost.evil.example:8080",
            "a@localhost",
            "x y",
        ] {
            assert_eq!(
                seen(&urls, host).unwrap(),
                "http://127.0.0.1:8080/My%20Collection"
            );
        }
    }

    #[test]
    fn elsewhere_nothing_is_guessed() {
        assert_eq!(seen(&urls("0.0.0.0:80", |_| {}), "localhost"), None);
        let proxied = urls("127.0.0.1:8080", |options| {
            options.proxies = Proxies::nearby();
        });
        assert_eq!(seen(&proxied, "localhost"), None);
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        for bad in [
            "coffer.example",
            "ftp://x",
            "https://a@b/",
            "https://x/?q",
            "/tfs",
            "",
        ] {
            let mut options = Options::new("127.0.0.1:1".parse().unwrap());
            options.public_url = Some(bad.into());
            assert!(Urls::new(&options, "o").is_err(), "{bad}");
        }
    }
}
