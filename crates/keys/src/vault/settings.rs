//! What the operator says about a vault. Must not call anything.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use coffer_seal::KeyError;
use reqwest::Url;

/// A vault, where keys lie in it, and who we are there. Secrets are in files, named here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its address, such as `https://vault.example:8200`. Plain `http` only to this machine.
    pub address: String,
    /// The namespace, where the vault has some.
    pub namespace: Option<String>,
    /// Authorities to believe instead of the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// Where the Transit engine is mounted.
    pub mount: String,
    /// What names of our keys begin with.
    pub prefix: String,
    /// Where a KV engine of version 2 is mounted, for notes. Without one there are none.
    pub notes_mount: Option<String>,
    /// How long one call may take.
    pub deadline: Duration,
    /// Who wraps and unwraps.
    pub daily: SignIn,
    /// Who makes, disables and destroys keys. Without it only project keys rotate.
    pub lifecycle: Option<SignIn>,
}

impl Settings {
    /// The usual ones.
    pub fn new(address: impl Into<String>, daily: SignIn) -> Self {
        Self {
            address: address.into(),
            namespace: None,
            ca_file: None,
            mount: "transit".into(),
            prefix: "coffer".into(),
            notes_mount: None,
            deadline: Duration::from_secs(5),
            daily,
            lifecycle: None,
        }
    }
}

/// How we sign in.
#[derive(Clone, PartialEq, Eq)]
pub enum SignIn {
    /// A token in a file, read again whenever it is needed, so that an agent of the vault may replace it.
    Token {
        /// The file.
        file: PathBuf,
    },
    /// AppRole.
    AppRole {
        /// Where the method is mounted.
        mount: String,
        /// The role's id.
        role_id: String,
        /// The file with the secret id.
        secret_id_file: PathBuf,
    },
    /// Kubernetes, with the service account's token.
    Kubernetes {
        /// Where the method is mounted.
        mount: String,
        /// The role.
        role: String,
        /// The file with the service account's token, read again at each sign-in.
        token_file: PathBuf,
    },
    /// JWT, with a token that somebody the vault believes has signed.
    Jwt {
        /// Where the method is mounted.
        mount: String,
        /// The role.
        role: String,
        /// The file with the token, read again at each sign-in.
        token_file: PathBuf,
    },
}

impl SignIn {
    /// The file that holds the secret.
    pub(super) fn file(&self) -> &PathBuf {
        match self {
            Self::Token { file }
            | Self::AppRole {
                secret_id_file: file,
                ..
            }
            | Self::Kubernetes {
                token_file: file, ..
            }
            | Self::Jwt {
                token_file: file, ..
            } => file,
        }
    }
}

/// A role id is half of a password: it is not shown.
impl fmt::Debug for SignIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Token { .. } => "Token",
            Self::AppRole { .. } => "AppRole",
            Self::Kubernetes { .. } => "Kubernetes",
            Self::Jwt { .. } => "Jwt",
        };
        formatter
            .debug_struct(name)
            .field("file", self.file())
            .finish_non_exhaustive()
    }
}

/// The address to call, without a slash at its end, and whether it is `https`.
pub(super) fn check_address(address: &str) -> Result<(String, bool), KeyError> {
    let bad = |why: &str| KeyError::refused(format!("the vault's address {why}"));
    let url = Url::parse(address).map_err(|_| bad("is not a URL; write https://host:port"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("must not hold a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("must end with its host, port or path"));
    }
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let this_machine =
        bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if this_machine => {}
        "http" => return Err(bad("must be https: keys travel in the answers")),
        _ => return Err(bad("must begin with https://")),
    }
    Ok((
        url.as_str().trim_end_matches('/').to_owned(),
        url.scheme() == "https",
    ))
}

/// A mount or a prefix as it stands in addresses: parts of letters, digits, `-`, `_` and, for mounts, `/` between them.
pub(super) fn check_part(what: &str, text: &str, slashes: bool) -> Result<(), KeyError> {
    let parts: Vec<_> = text.split('/').collect();
    let plain = |part: &&str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if parts.iter().all(plain) && (slashes || parts.len() == 1) {
        Ok(())
    } else {
        Err(KeyError::refused(format!(
            "the vault's {what} is made of letters, digits, - and _; correct the configuration"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_travel_over_tls_or_within_this_machine() {
        for good in [
            "https://vault.example:8200",
            "https://vault.example/",
            "http://127.0.0.1:8200",
            "http://[::1]:8200",
            "http://localhost:8200",
        ] {
            check_address(good).unwrap();
        }
        for bad in [
            "http://vault.example:8200",
            "http://127.0.0.1.example:8200",
            "https://user:password@vault.example",
            "https://vault.example/?x",
            "ftp://127.0.0.1",
            "vault.example",
        ] {
            assert!(check_address(bad).is_err(), "{bad}");
        }
        assert_eq!(
            check_address("https://vault.example/v/").unwrap(),
            ("https://vault.example/v".into(), true)
        );
    }

    #[test]
    fn parts_of_addresses_lead_nowhere_else() {
        check_part("mount", "teams/coffer", true).unwrap();
        for bad in ["", "a b", "..", "a/../sys", "a?b", "/a", "a/"] {
            assert!(check_part("mount", bad, true).is_err(), "{bad}");
        }
        assert!(check_part("prefix", "a/b", false).is_err());
    }

    #[test]
    fn debug_shows_no_role_id() {
        let sign_in = SignIn::AppRole {
            mount: "approle".into(),
            role_id: "half-a-password".into(),
            secret_id_file: "secret-id".into(),
        };
        let shown = format!("{:?}", Settings::new("https://v", sign_in));
        assert!(!shown.contains("half"), "{shown}");
    }
}
