//! What a client is made from. Knows nothing of where the values come from.

use crate::ClientError;
use std::fmt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// The organization a server has when nobody named one.
pub const DEFAULT_ORGANIZATION: &str = "DefaultCollection";

/// What a client is made from.
#[derive(Default)]
pub struct ClientOptions {
    /// The organization's URL, such as `https://coffer.example/DefaultCollection`. See [`organization_url`].
    pub organization_url: String,
    /// Sent as the password of HTTP Basic, with the user name `PAT`. Without it only the first sign-in works.
    pub token: Option<Zeroizing<String>>,
    /// More certificate authorities to trust, PEM.
    pub ca_file: Option<PathBuf>,
    /// The `User-Agent`; `coffer-client/<version>` when empty.
    pub user_agent: String,
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("organization_url", &self.organization_url)
            .field("token", &self.token.as_ref().map(|_| "redacted"))
            .field("ca_file", &self.ca_file)
            .field("user_agent", &self.user_agent)
            .finish()
    }
}

/// Reads a server or organization URL as a person types it.
///
/// A URL without a path means the organization [`DEFAULT_ORGANIZATION`]; slashes at the end are dropped. A path is
/// taken as it is, so behind a prefix the organization has to be part of the URL.
///
/// # Errors
/// [`ClientError::Setup`] for anything but http and https, and for a URL that carries credentials, a query or a fragment.
pub fn organization_url(text: &str) -> Result<String, ClientError> {
    let refuse = |message: &str| Err(ClientError::setup(message));
    let Ok(url) = reqwest::Url::parse(text.trim()) else {
        return refuse("the server's URL is not a URL; write it like https://coffer.example");
    };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return refuse("the server's URL must start with http:// or https:// and name a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("the server's URL must not carry a user name, password or token");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("the server's URL must not have a query or a fragment");
    }
    let base = url.as_str().trim_end_matches('/');
    if url.path().trim_matches('/').is_empty() {
        Ok(format!("{base}/{DEFAULT_ORGANIZATION}"))
    } else {
        Ok(base.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_alone_means_the_default_organization() {
        for (typed, expected) in [
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080/DefaultCollection",
            ),
            (
                " https://c.example/ ",
                "https://c.example/DefaultCollection",
            ),
            ("https://c.example/Acme/", "https://c.example/Acme"),
            (
                "https://c.example/tools/Acme",
                "https://c.example/tools/Acme",
            ),
        ] {
            assert_eq!(organization_url(typed).unwrap(), expected);
        }
    }

    #[test]
    fn urls_that_could_leak_or_mislead_are_refused_without_repeating_them() {
        for bad in [
            "c.example",
            "ftp://c.example",
            "https://",
            "https://me:sesame@c.example",
            "https://c.example/?token=sesame",
            "https://c.example/#sesame",
        ] {
            let error = organization_url(bad).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("sesame"), "{bad}");
        }
    }
}
