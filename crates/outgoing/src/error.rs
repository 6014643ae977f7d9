//! Why a call was not made or came to nothing. Names the host at most: a path or a query may be a secret.

use std::error::Error as StdError;

type Source = Box<dyn StdError + Send + Sync>;

/// Why a call was not made or came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The target may not be called.
    #[error("{host} may not be called: {reason}")]
    Refused {
        /// The host; empty when there is none.
        host: String,
        /// Why.
        reason: &'static str,
    },
    /// The name has no address.
    #[error("the name {host} cannot be resolved")]
    Resolve {
        /// The host.
        host: String,
        /// What the resolver said.
        #[source]
        source: Source,
    },
    /// No connection.
    #[error("{host} cannot be reached")]
    Connect {
        /// The host.
        host: String,
        /// What the system or TLS said.
        #[source]
        source: Source,
    },
    /// It took too long.
    #[error("{host} took too long to answer")]
    TimedOut {
        /// The host.
        host: String,
    },
    /// The answer is longer than it may be.
    #[error("{host} answered with more than {most} bytes")]
    TooLong {
        /// The host.
        host: String,
        /// The bound.
        most: usize,
    },
    /// The connection broke, or what came back is not HTTP.
    #[error("the call to {host} broke off")]
    Broken {
        /// The host.
        host: String,
        /// What was wrong.
        #[source]
        source: Source,
    },
}

impl Error {
    pub(crate) fn refused(host: &str, reason: &'static str) -> Self {
        Self::Refused {
            host: host.to_owned(),
            reason,
        }
    }

    /// The text with its causes, in one line.
    pub fn whole_text(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let part = error.to_string();
            if !text.contains(&part) {
                text.push_str(": ");
                text.push_str(&part);
            }
            cause = error.source();
        }
        text
    }
}

/// Not permitted by the policy. Travels through the HTTP client as the resolver's error.
#[derive(Debug, thiserror::Error)]
#[error("an address of the name may not be called")]
pub(crate) struct Forbidden;

/// The name has no address. Travels likewise.
#[derive(Debug, thiserror::Error)]
#[error("the name cannot be resolved")]
pub(crate) struct Unresolved;

/// Whether an error of this type is among the causes.
pub(crate) fn caused_by<T: StdError + 'static>(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<T>() {
            return true;
        }
        cause = error.source();
    }
    false
}
