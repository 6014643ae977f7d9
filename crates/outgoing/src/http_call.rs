//! One HTTP request and its whole answer. The only place of this crate that knows HTTP.

use crate::error::{Error, Forbidden, Unresolved, caused_by};
use crate::policy::Policy;
use crate::resolve::ForHttp;
use crate::{Inner, tcp};
use futures_util::StreamExt as _;
use http::header::{HeaderValue, USER_AGENT};
use reqwest::{Url, redirect};
use std::error::Error as StdError;
use std::sync::{Arc, OnceLock};

/// One client with TLS, one without: a resolver is told the name only, and the rules differ.
#[derive(Default)]
pub(crate) struct Clients {
    tls: OnceLock<reqwest::Client>,
    plain: OnceLock<reqwest::Client>,
}

/// A URL that is fit to be called, as far as the network is not needed to know.
pub(crate) struct Judged {
    url: Url,
    host: String,
    tls: bool,
}

/// Judges a URL by the same reading of it that the call will use: odd spellings of addresses are gone by then.
pub(crate) fn judge(policy: &Policy, url: &str) -> Result<Judged, Error> {
    let url = Url::parse(url).map_err(|_| Error::refused("", "it is not a URL"))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let tls = match url.scheme() {
        "https" => true,
        "http" => false,
        _ => return Err(Error::refused(&host, "only https is called")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::refused(
            &host,
            "a user name or password in a URL is not used",
        ));
    }
    let host = tcp::judge(policy, &host, tls)?;
    Ok(Judged { url, host, tls })
}

pub(crate) async fn send(
    inner: &Inner,
    request: http::Request<Vec<u8>>,
) -> Result<http::Response<Vec<u8>>, Error> {
    let Judged { url, host, tls } = judge(&inner.policy, &request.uri().to_string())?;
    let client = client(inner, &host, tls)?;
    let (parts, body) = request.into_parts();
    let mut headers = parts.headers;
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!(
            "Coffer/",
            env!("CARGO_PKG_VERSION")
        )));
    let call = client
        .request(parts.method, url)
        .headers(headers)
        .body(body);
    let answer = call.send().await.map_err(|error| failed(&host, error))?;
    let mut out = http::Response::new(Vec::new());
    *out.status_mut() = answer.status();
    *out.headers_mut() = answer.headers().clone();
    let most = inner.policy.most_answer;
    let mut pieces = answer.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| failed(&host, error))?;
        if out.body().len() + piece.len() > most {
            return Err(Error::TooLong { host, most });
        }
        out.body_mut().extend_from_slice(&piece);
    }
    Ok(out)
}

fn client(inner: &Inner, host: &str, tls: bool) -> Result<reqwest::Client, Error> {
    let slot = if tls {
        &inner.http.tls
    } else {
        &inner.http.plain
    };
    if let Some(client) = slot.get() {
        return Ok(client.clone());
    }
    let broken = |source| Error::Broken {
        host: host.to_owned(),
        source,
    };
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(inner.policy.connect_time)
        .timeout(inner.policy.total_time)
        .dns_resolver(Arc::new(ForHttp {
            checked: inner.resolver.clone(),
            tls,
        }));
    builder = if tls {
        let config = inner
            .trust
            .config()
            .map_err(|error| broken(Box::new(error)))?;
        builder
            .https_only(true)
            .tls_backend_preconfigured(ClientConfigOf(&config).get())
    } else {
        builder.tls_certs_only([])
    };
    let client = builder.build().map_err(|error| broken(Box::new(error)))?;
    Ok(slot.get_or_init(|| client).clone())
}

/// What the HTTP client wants: the configuration by value, with HTTP's protocol named.
struct ClientConfigOf<'a>(&'a rustls::ClientConfig);

impl ClientConfigOf<'_> {
    fn get(&self) -> rustls::ClientConfig {
        let mut config = self.0.clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }
}

/// Our error for the client's. Its text never holds the URL.
fn failed(host: &str, error: reqwest::Error) -> Error {
    let error = error.without_url();
    let host = host.to_owned();
    if caused_by::<Forbidden>(&error) {
        return Error::Refused {
            host,
            reason: FORBIDDEN,
        };
    }
    if error.is_timeout() {
        return Error::TimedOut { host };
    }
    let unresolved = caused_by::<Unresolved>(&error);
    let connect = error.is_connect();
    let source: Box<dyn StdError + Send + Sync> = Box::new(error);
    if unresolved {
        Error::Resolve { host, source }
    } else if connect {
        Error::Connect { host, source }
    } else {
        Error::Broken { host, source }
    }
}

/// Said of an address that the policy does not permit.
pub(crate) const FORBIDDEN: &str = "its address is not a public one, or is called without TLS, and the operator has not allowed it";
