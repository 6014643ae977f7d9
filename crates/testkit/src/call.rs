//! Any request at all, and its whole answer.

use coffer_wire::ErrorEnvelope;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

/// Every answer that tests saw, for the search for leaks.
#[derive(Clone, Default)]
pub(crate) struct Answers(Arc<Mutex<Vec<Noted>>>);

/// What was asked, and the answer's bytes.
type Noted = (String, Vec<u8>);

impl Answers {
    pub(crate) fn note(&self, what: String, answer: Vec<u8>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((what, answer));
    }

    pub(crate) fn all(&self) -> Vec<Noted> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A request in the making.
pub struct Call {
    pub(crate) request: reqwest::RequestBuilder,
    pub(crate) what: String,
    pub(crate) answers: Answers,
}

impl Call {
    /// Adds a header; one of the same name stays.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        let value = HeaderValue::from_str(value).unwrap();
        self.request = self.request.header(name, value);
        self
    }

    /// The body, and what it is.
    pub fn body(mut self, kind: &str, body: impl Into<reqwest::Body>) -> Self {
        self.request = self.request.header("Content-Type", kind).body(body);
        self
    }

    /// A JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sends it.
    pub async fn send(self) -> Answer {
        let response = self.request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // A body that breaks off is what came of it.
        let mut response = response;
        let (mut body, mut whole) = (Vec::new(), true);
        loop {
            match response.chunk().await {
                Ok(Some(piece)) => body.extend_from_slice(&piece),
                Ok(None) => break,
                Err(_) => {
                    whole = false;
                    break;
                }
            }
        }
        let answer = Answer {
            what: self.what,
            status,
            headers,
            body,
            whole,
        };
        self.answers.note(answer.to_string(), answer.bytes());
        answer
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked.
    pub what: String,
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the body came to its end.
    pub whole: bool,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.status)
    }
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{self}: {error}: {}", self.text()))
    }

    /// A header as text; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The same answer, which must be a success.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "{self}: {}", self.text());
        self
    }

    /// The envelope of a refusal with this status. Checks everything that an envelope must have.
    #[track_caller]
    pub fn refused(&self, status: u16) -> ErrorEnvelope {
        assert_eq!(self.status, status, "{self}: {}", self.text());
        assert_eq!(
            self.header("content-type"),
            "application/json; charset=utf-8",
            "{self}"
        );
        let envelope: ErrorEnvelope = serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{self}: no envelope: {error}: {}", self.text()));
        assert!(envelope.message.len() > 10, "{self}: {}", self.text());
        assert!(!envelope.type_key.is_empty(), "{self}: {}", self.text());
        let (name, assembly) = envelope.type_name.split_once(", ").unwrap();
        assert_eq!(name, format!("{assembly}.{}", envelope.type_key), "{self}");
        assert!(self.json()["innerException"].is_null());
        assert!(!code(&envelope).is_empty(), "{self}: {}", self.text());
        envelope
    }

    /// The stable code of a refusal with this status.
    #[track_caller]
    pub fn code(&self, status: u16) -> String {
        code(&self.refused(status))
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.body.clone();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(b"\n");
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
        }
        bytes
    }
}

fn code(envelope: &ErrorEnvelope) -> String {
    envelope
        .custom_properties
        .as_ref()
        .map(|custom| custom.code.clone())
        .unwrap_or_default()
}

/// A method by its name.
pub(crate) fn method(name: &str) -> Method {
    Method::from_bytes(name.as_bytes()).unwrap()
}
