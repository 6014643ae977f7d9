//! What can go wrong between a client and a server, sorted by what a caller can do about it.

use coffer_wire::ErrorEnvelope;
use coffer_wire::envelope::ValidationResult;

/// Why a call failed. No variant ever holds a token, a ticket or content.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client cannot be made or the request cannot be built from what was given.
    #[error("{message}")]
    Setup {
        /// What is wrong, and what to do.
        message: String,
        /// The cause, if there is one.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// No answer came: no connection, a broken one, or a time-out.
    #[error("cannot reach the server at {server}")]
    Unreachable {
        /// Scheme, host and port.
        server: String,
        /// Whether time ran out.
        timed_out: bool,
        /// The cause, without the request's URL.
        #[source]
        source: reqwest::Error,
    },
    /// The body of an upload could not be read.
    #[error("the content could not be read")]
    Content {
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The server said no, and why.
    #[error("{}", envelope.message)]
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's own words.
        envelope: Box<ErrorEnvelope>,
    },
    /// The answer is not one this client understands: a proxy in between, another product, or a newer server.
    #[error("the server answered something unexpected (HTTP status {status}): {what}")]
    Unexpected {
        /// HTTP status.
        status: u16,
        /// What is odd about it. Never the body.
        what: String,
    },
}

/// What kind of failure it is: what a caller switches on, and what exit codes are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// 401: no token, or one the server does not take.
    NotSignedIn,
    /// 403: known, and not allowed.
    Denied,
    /// 404: does not exist, or must not be known to the caller.
    NotFound,
    /// 409 and 412: something else is in the way.
    Conflict,
    /// 400, 413, 415, 422: what was sent is wrong.
    Invalid,
    /// 429 and 503: later, perhaps.
    Unavailable,
    /// No answer.
    Unreachable,
    /// Anything else: a defect, on one side or between.
    Internal,
}

impl ClientError {
    /// An error of the caller's own making.
    pub(crate) fn setup(message: impl Into<String>) -> Self {
        Self::Setup {
            message: message.into(),
            source: None,
        }
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Setup { .. } | Self::Content { .. } => ErrorKind::Invalid,
            Self::Unreachable { .. } => ErrorKind::Unreachable,
            Self::Refused { status, .. } | Self::Unexpected { status, .. } => of_status(*status),
        }
    }

    /// HTTP status, when there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Unexpected { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The envelope's short type name, such as `SecureFileExistsException`.
    pub fn type_key(&self) -> Option<&str> {
        match self {
            Self::Refused { envelope, .. } => Some(&envelope.type_key),
            _ => None,
        }
    }

    /// The server's stable code, such as `secure_file.name_taken`.
    pub fn code(&self) -> Option<&str> {
        self.custom().map(|custom| custom.code.as_str())
    }

    /// What the server says to do next.
    pub fn hints(&self) -> &[String] {
        self.custom().map_or(&[], |custom| &custom.hints)
    }

    /// The problems of a refused pipeline, each with its place.
    pub fn validation_results(&self) -> &[ValidationResult] {
        self.custom()
            .map_or(&[], |custom| &custom.validation_results)
    }

    fn custom(&self) -> Option<&coffer_wire::envelope::CustomProperties> {
        match self {
            Self::Refused { envelope, .. } => envelope.custom_properties.as_ref(),
            _ => None,
        }
    }
}

fn of_status(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::NotSignedIn,
        403 => ErrorKind::Denied,
        404 | 410 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::Conflict,
        400 | 405 | 413 | 415 | 422 => ErrorKind::Invalid,
        429 | 502 | 503 | 504 => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    }
}
