//! One call to a vault: bounded in time and size, with no redirect, no proxy of the environment, nothing left in
//! memory that was secret, and an error that says which kind it is.
//!
//! Must not know keys or who is signed in.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use coffer_seal::KeyError;
use reqwest::header::{HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Method, StatusCode, redirect};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::settings::{Settings, check_address};

/// More than the list of a thousand keys.
const MAX_ANSWER: usize = 1024 * 1024;
/// Of an error's text, as much goes into ours.
const MAX_TOLD: usize = 200;
/// When a service that is busy does not say for how long.
const BUSY: Duration = Duration::from_secs(1);
/// Longest time that we let a service send us away for.
const MAX_BUSY: Duration = Duration::from_secs(3600);

/// Why there is no answer to use. Can be told twice, unlike [`KeyError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nobody there, or sealed, or broken: later may help.
    Unavailable(String),
    /// Too many calls.
    Throttled(Duration),
    /// The token is not good, or not good for this.
    Forbidden,
    /// No such thing.
    Missing,
    /// It understood and declines, for this reason.
    Refused(String),
}

impl From<Failure> for KeyError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(hint) => Self::Unavailable { hint, source: None },
            Failure::Throttled(retry_after) => Self::Throttled { retry_after },
            Failure::Forbidden => Self::Forbidden {
                right: "call the vault",
                hint: "check the policies of its token".into(),
            },
            Failure::Missing => Self::refused(
                "the vault knows nothing of this name; check the mount and the namespace",
            ),
            Failure::Refused(hint) => Self::Refused { hint },
        }
    }
}

/// The body of an answer, wiped when it is dropped. It may hold a key or a token.
pub(super) struct Answer(Zeroizing<Vec<u8>>);

impl Answer {
    /// Reads it as JSON. Borrowed strings stay in the wiped bytes.
    pub(super) fn read<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        // The error would show a piece of the answer.
        serde_json::from_slice(&self.0).map_err(|_| strange())
    }
}

/// An answer that is no vault's.
pub(super) fn strange() -> Failure {
    Failure::Unavailable(
        "what answers at the vault's address does not answer like one; check the address".into(),
    )
}

/// Makes calls. Cheap to clone.
#[derive(Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    address: String,
    namespace: Option<HeaderValue>,
}

impl Http {
    pub(super) fn new(settings: &Settings) -> Result<Self, KeyError> {
        let (address, tls) = check_address(&settings.address)?;
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            // A token is not carried to where an answer points.
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(settings.deadline)
            .timeout(settings.deadline);
        builder = match (&settings.ca_file, tls) {
            // Without TLS the system's authorities are not even read.
            (_, false) => builder.tls_certs_only([]),
            (None, true) => builder.https_only(true),
            (Some(file), true) => {
                let pem = std::fs::read(file).map_err(|source| {
                    let hint = format!("the file of authorities {} cannot be read", file.display());
                    KeyError::unavailable(hint, source)
                })?;
                let roots = Certificate::from_pem_bundle(&pem).unwrap_or_default();
                if roots.is_empty() {
                    return Err(KeyError::refused(format!(
                        "{} holds no certificate in PEM; name the file of the vault's authority",
                        file.display()
                    )));
                }
                builder.https_only(true).tls_certs_only(roots)
            }
        };
        let namespace = settings.namespace.as_deref().map(HeaderValue::from_str);
        Ok(Self {
            client: builder.build().map_err(|source| {
                KeyError::unavailable("calls to the vault cannot be prepared", source)
            })?,
            address,
            namespace: namespace
                .transpose()
                .map_err(|_| KeyError::refused("the vault's namespace has odd characters"))?,
        })
    }

    /// Calls `path` below `v1/`. The body is wiped when it was sent.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Zeroizing<Vec<u8>>>,
    ) -> Result<Answer, Failure> {
        let mut request = self
            .client
            .request(method, format!("{}/v1/{path}", self.address))
            // An agent of the vault's in between may ask for it.
            .header("x-vault-request", "true");
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        if let Some(token) = token {
            request = request.header("x-vault-token", secret_header(token)?);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(Bytes::from_owner(body));
        }
        let mut answer = request.send().await.map_err(|error| gone(&error))?;
        let status = answer.status();
        let busy = retry_after(answer.headers().get(RETRY_AFTER));
        let mut bytes = Zeroizing::new(Vec::new());
        while let Some(piece) = answer.chunk().await.map_err(|error| gone(&error))? {
            if bytes.len() + piece.len() > MAX_ANSWER {
                return Err(strange());
            }
            append(&mut bytes, &piece);
        }
        match status.is_success() {
            true => Ok(Answer(bytes)),
            false => Err(failure(status, busy, &bytes)),
        }
    }

    /// The same with an answer of which only the `data` counts, and that holds no secret.
    pub(super) async fn data<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Zeroizing<Vec<u8>>>,
    ) -> Result<T, Failure> {
        #[derive(serde::Deserialize)]
        struct Envelope<T> {
            data: T,
        }
        let answer = self.call(method, path, Some(token), body).await?;
        serde_json::from_slice::<Envelope<T>>(&answer.0)
            .map(|envelope| envelope.data)
            .map_err(|_| strange())
    }
}

/// Growing by hand: a vector that moves by itself leaves a copy behind.
fn append(bytes: &mut Zeroizing<Vec<u8>>, piece: &[u8]) {
    let wanted = bytes.len() + piece.len();
    if wanted > bytes.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(wanted.max(2 * bytes.capacity())));
        larger.extend_from_slice(bytes);
        *bytes = larger;
    }
    bytes.extend_from_slice(piece);
}

/// A header that is not shown, whose bytes are wiped when it is dropped.
fn secret_header(token: &str) -> Result<HeaderValue, Failure> {
    let bytes = Bytes::from_owner(Zeroizing::new(token.as_bytes().to_vec()));
    let mut value = HeaderValue::from_maybe_shared(bytes)
        .map_err(|_| Failure::Refused("the vault's token has odd characters".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The service did not answer to the end. The error names the address only, which holds no secret.
fn gone(error: &reqwest::Error) -> Failure {
    let mut told = if error.is_timeout() {
        String::from("the vault does not answer in time")
    } else if error.is_connect() {
        String::from("the vault cannot be reached")
    } else {
        String::from("the vault broke off")
    };
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        source = inner.source();
        if source.is_none() {
            let _written = write!(told, ": {inner}");
        }
    }
    Failure::Unavailable(told)
}

fn retry_after(header: Option<&HeaderValue>) -> Duration {
    let seconds = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let wanted = seconds.map_or(BUSY, Duration::from_secs);
    wanted.clamp(BUSY, MAX_BUSY)
}

/// What a status other than a good one means.
fn failure(status: StatusCode, busy: Duration, body: &[u8]) -> Failure {
    #[derive(Default, serde::Deserialize)]
    struct Said {
        #[serde(default)]
        errors: Vec<String>,
    }
    let said: Said = serde_json::from_slice(body).unwrap_or_default();
    let told = said.errors.join("; ");
    let told: String = told
        .chars()
        .map(|character| match character {
            control if control.is_control() => ' ',
            other => other,
        })
        .take(MAX_TOLD)
        .collect();
    let said = |what: &str| match told.trim() {
        "" => what.to_owned(),
        told => format!("{what}: {told}"),
    };
    match status.as_u16() {
        403 => Failure::Forbidden,
        // A key that is not there has no reason; a mount that is not there has one.
        404 if told.trim().is_empty() => Failure::Missing,
        404 => Failure::Refused(said(
            "the vault has nothing there; check the mount and the namespace",
        )),
        429 => Failure::Throttled(busy),
        // A replica that is behind what this client has seen of the leader.
        412 => Failure::Unavailable(said("the vault's replica is behind")),
        307 | 308 => Failure::Unavailable(
            "a standby of the vault sends us to another address; name the active node's, or a balancer's that finds it"
                .into(),
        ),
        503 => Failure::Unavailable(said("the vault is sealed or under maintenance")),
        500.. => Failure::Unavailable(said("the vault has a trouble of its own")),
        _ => Failure::Refused(said("the vault said no")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_lasts() {
        let of = |status: u16, body: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            KeyError::from(failure(status, BUSY, body.as_bytes()))
        };
        for status in [307, 412, 429, 500, 502, 503, 504] {
            assert!(of(status, "").is_passing(), "{status}");
        }
        for status in [400, 403, 404, 405] {
            assert!(!of(status, "{}").is_passing(), "{status}");
        }
        assert_eq!(
            failure(StatusCode::NOT_FOUND, BUSY, br#"{"errors":[]}"#),
            Failure::Missing
        );
        let no_route = of(404, r#"{"errors":["no handler\n for route"]}"#).to_string();
        assert!(no_route.contains("no handler  for route"), "{no_route}");
    }

    #[test]
    fn the_service_is_left_alone_as_long_as_it_wants_within_reason() {
        let of = |text: &str| retry_after(Some(&HeaderValue::from_str(text).unwrap())).as_secs();
        assert_eq!(
            [of("7"), of("0"), of("soon"), of("999999")],
            [7, 1, 1, 3600]
        );
        assert_eq!(retry_after(None), BUSY);
    }

    #[test]
    fn a_growing_answer_stays_whole() {
        let mut bytes = Zeroizing::new(Vec::new());
        for piece in [&b"one"[..], b"", b"two", &[7; 5000]] {
            append(&mut bytes, piece);
        }
        assert_eq!(bytes.len(), 5006);
        assert!(bytes.starts_with(b"onetwo\x07"));
    }

    #[test]
    fn a_token_in_a_header_is_not_shown() {
        let header = secret_header("s.secret").unwrap();
        assert!(!format!("{header:?}").contains("secret"));
        assert!(secret_header("two\nlines").is_err());
    }
}
