//! One way to the server: connections, credentials, retries, and answers turned into values or errors.
//!
//! The only place that builds an HTTP client or reads an answer. It knows no route.

use crate::{ClientError, ClientOptions, organization_url};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coffer_wire::ErrorEnvelope;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Certificate, RequestBuilder, Response, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// What is asked of routes that are the original's: their newest version, preview or not.
const ACCEPT_JSON: &str = "application/json;api-version=7.2-preview";
/// For logs.
pub(crate) const ACCEPT_TEXT: &str = "text/plain;api-version=7.2-preview";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than the longest answer a server holds back (a lease, 50 s).
const READ_TIMEOUT: Duration = Duration::from_secs(90);
/// Waits between the tries of a GET.
const RETRY_AFTER: [Duration; 3] = [
    Duration::from_millis(150),
    Duration::from_millis(500),
    Duration::from_millis(1500),
];
/// No JSON answer is larger. A stream of audit lines is not read this way.
const MAX_ANSWER: usize = 64 << 20;

/// Everything but RFC 3986's unreserved characters.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Names and values of a query string; absent values are left out.
pub(crate) type Query<'a> = &'a [(&'a str, Option<&'a str>)];

/// Connections to one server, with the credentials of one caller.
pub(crate) struct Transport {
    http: reqwest::Client,
    base: String,
    authorization: Option<HeaderValue>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl Transport {
    pub(crate) fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let base = organization_url(&options.organization_url)?;
        let authorization = options.token.as_ref().map(basic).transpose()?;
        let user_agent = if options.user_agent.is_empty() {
            concat!("coffer-client/", env!("CARGO_PKG_VERSION"))
        } else {
            &options.user_agent
        };
        let mut headers = HeaderMap::new();
        // Some proxies and the original answer an HTML sign-in page unless told not to.
        headers.insert(
            HeaderName::from_static("x-tfs-fedauthredirect"),
            HeaderValue::from_static("Suppress"),
        );
        let mut builder = reqwest::Client::builder()
            .user_agent(user_agent)
            .default_headers(headers)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // A token goes to the server it was given for, and nowhere else.
            .redirect(redirect::Policy::none());
        let more = match &options.ca_file {
            Some(path) => certificates(path)?,
            None => Vec::new(),
        };
        if base.starts_with("http:") {
            // No TLS, no trust store: works on machines that have none.
            builder = builder.tls_certs_only(more);
        } else if !more.is_empty() {
            builder = builder.tls_certs_merge(more);
        }
        let http = builder.build().map_err(|error| ClientError::Setup {
            message: "the HTTP client could not be made".into(),
            source: Some(Box::new(error.without_url())),
        })?;
        Ok(Self {
            http,
            base,
            authorization,
        })
    }

    /// The organization's URL, no slash at the end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// A request for a path below the organization, with the caller's credentials. Paths come from `wire::paths`.
    pub(crate) fn request(&self, method: Method, path: &str, query: Query<'_>) -> RequestBuilder {
        let request = self
            .anonymous(method, path, query)
            .header(ACCEPT, ACCEPT_JSON);
        match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        }
    }

    /// As [`Self::request`], without credentials and without `Accept`.
    pub(crate) fn anonymous(&self, method: Method, path: &str, query: Query<'_>) -> RequestBuilder {
        self.http.request(method, self.url(path, query))
    }

    fn url(&self, path: &str, query: Query<'_>) -> String {
        let mut url = format!("{}/{path}", self.base);
        let mut mark = '?';
        for (name, value) in query {
            if let Some(value) = value {
                url.push(mark);
                url.extend(utf8_percent_encode(name, QUERY));
                url.push('=');
                url.extend(utf8_percent_encode(value, QUERY));
                mark = '&';
            }
        }
        url
    }

    /// Sends once. Any status of 2xx is an answer, everything else an error.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|e| self.lost(e))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refusal(response).await)
    }

    /// Sends a request that changes nothing, and tries again when the server is away or overloaded for a moment.
    pub(crate) async fn send_again(
        &self,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Response, ClientError> {
        let mut waits = RETRY_AFTER.iter();
        loop {
            match self.send(request()).await {
                Err(error) if worth_another_try(&error) => match waits.next() {
                    Some(wait) => tokio::time::sleep(*wait).await,
                    None => return Err(error),
                },
                done => return done,
            }
        }
    }

    /// GET of a JSON value, with retries.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: Query<'_>,
    ) -> Result<T, ClientError> {
        let response = self
            .send_again(|| self.request(Method::GET, path, query))
            .await?;
        self.json(response).await
    }

    /// Sends a JSON value once and reads one.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let request = self.with_json(self.request(method, path, query), body)?;
        let response = self.send(request).await?;
        self.json(response).await
    }

    /// DELETE.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), ClientError> {
        self.send(self.request(Method::DELETE, path, &[])).await?;
        Ok(())
    }

    /// Puts a JSON body on a request.
    pub(crate) fn with_json(
        &self,
        request: RequestBuilder,
        body: &impl Serialize,
    ) -> Result<RequestBuilder, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::Setup {
            message: "the request's body could not be written as JSON".into(),
            source: Some(Box::new(error)),
        })?;
        Ok(request
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(body))
    }

    /// Reads a JSON answer.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        response: Response,
    ) -> Result<T, ClientError> {
        let status = response.status();
        let bytes = self.bytes(response).await?;
        // serde's own words name fields and places, and may quote a value: they stay out of the message.
        serde_json::from_slice(&bytes).map_err(|error| {
            unexpected(
                status,
                format!(
                    "not the JSON this client knows (line {}, column {})",
                    error.line(),
                    error.column()
                ),
            )
        })
    }

    /// Reads a whole answer into memory that is wiped afterwards: tokens come this way.
    pub(crate) async fn bytes(
        &self,
        mut response: Response,
    ) -> Result<Zeroizing<Vec<u8>>, ClientError> {
        let mut bytes = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|e| self.lost(e))? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(unexpected(response.status(), "far too long".into()));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// A failure below HTTP. The URL is taken out, since a query may hold a ticket.
    pub(crate) fn lost(&self, error: reqwest::Error) -> ClientError {
        ClientError::Unreachable {
            server: server_of(&self.base),
            timed_out: error.is_timeout(),
            source: error.without_url(),
        }
    }

    async fn refusal(&self, response: Response) -> ClientError {
        let status = response.status();
        let bytes = match self.bytes(response).await {
            Ok(bytes) => bytes,
            Err(error) => return error,
        };
        match serde_json::from_slice::<ErrorEnvelope>(&bytes) {
            Ok(envelope) => ClientError::Refused {
                status: status.as_u16(),
                envelope: Box::new(envelope),
            },
            Err(_) if status.is_redirection() => unexpected(
                status,
                "it wants to send us elsewhere, and a token goes to one server only; use the URL it really has".into(),
            ),
            Err(_) => unexpected(
                status,
                "no error envelope; is this the URL of a Coffer server, or of a proxy before it?".into(),
            ),
        }
    }
}

fn unexpected(status: StatusCode, what: String) -> ClientError {
    ClientError::Unexpected {
        status: status.as_u16(),
        what,
    }
}

/// Not connected at all, or told by server or proxy to come back.
fn worth_another_try(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { source, .. } => source.is_connect(),
        ClientError::Refused { status, .. } | ClientError::Unexpected { status, .. } => {
            matches!(status, 502..=504)
        }
        _ => false,
    }
}

fn basic(token: &Zeroizing<String>) -> Result<HeaderValue, ClientError> {
    let pair = Zeroizing::new(format!("PAT:{}", token.as_str()));
    let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut value = HeaderValue::from_str(&value)
        .map_err(|_| ClientError::setup("the token cannot be sent in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let failed =
        |source: Box<dyn std::error::Error + Send + Sync>, what: &str| ClientError::Setup {
            message: format!("the CA file {} {what}", path.display()),
            source: Some(source),
        };
    let pem = std::fs::read(path).map_err(|e| failed(Box::new(e), "cannot be read"))?;
    let certificates = Certificate::from_pem_bundle(&pem)
        .map_err(|e| failed(Box::new(e), "does not hold PEM certificates"))?;
    if certificates.is_empty() {
        let empty = std::io::Error::other("no BEGIN CERTIFICATE in it");
        return Err(failed(Box::new(empty), "does not hold PEM certificates"));
    }
    Ok(certificates)
}

/// Scheme, host and port of a URL.
fn server_of(base: &str) -> String {
    let after = base.find("://").map_or(0, |at| at + 3);
    let end = base[after..].find('/').map_or(base.len(), |at| after + at);
    base[..end].to_owned()
}
