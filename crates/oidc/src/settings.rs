//! What an administrator says of the issuer. It must not know files or environments.

use openidconnect::IssuerUrl;
use openidconnect::core::CoreJwsSigningAlgorithm;
use std::fmt;
use std::net::IpAddr;
use zeroize::Zeroizing;

/// Signature algorithms that can be allowed: asymmetric ones only.
pub const ALGORITHMS: &[&str] = &[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
];

/// One issuer, and how it is trusted.
#[derive(Clone)]
pub struct Settings {
    /// The issuer, exactly as it writes itself.
    pub issuer: String,
    /// Our name at the issuer.
    pub client_id: String,
    /// Our secret there; none for a public client.
    pub client_secret: Option<Zeroizing<String>>,
    /// What we ask for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim with the sign-in name.
    pub name_claim: String,
    /// The claim with the groups.
    pub groups_claim: String,
    /// Whether the groups are needed, so that they are asked for where the ID token lacks them.
    pub wants_groups: bool,
    /// Allowed algorithms, of [`ALGORITHMS`].
    pub algorithms: Vec<String>,
    /// How far clocks may be apart, seconds.
    pub skew_seconds: u32,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// What is wrong with the settings.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SettingsError {
    /// The issuer is no URL that can be one.
    #[error(
        "the issuer must be an https URL without user name, query or fragment; http is for loopback addresses only"
    )]
    Issuer,
    /// There is no client id.
    #[error("the client id is missing")]
    ClientId,
    /// An algorithm is unknown, symmetric or `none`.
    #[error("the algorithm {0} is not one of {list}", list = ALGORITHMS.join(", "))]
    Algorithm(String),
    /// No algorithm is allowed.
    #[error("at least one algorithm must be allowed")]
    NoAlgorithm,
    /// The skew is too large.
    #[error("the clock skew may be at most 60 seconds")]
    Skew,
}

impl Settings {
    /// Whether the settings hold.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), SettingsError> {
        let issuer = IssuerUrl::new(self.issuer.clone()).map_err(|_| SettingsError::Issuer)?;
        let url = issuer.url();
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let scheme = match url.scheme() {
            "https" => true,
            "http" => is_loopback(url.host_str()),
            _ => false,
        };
        if !plain || !scheme {
            return Err(SettingsError::Issuer);
        }
        if self.client_id.is_empty() {
            return Err(SettingsError::ClientId);
        }
        if self.algorithms.is_empty() {
            return Err(SettingsError::NoAlgorithm);
        }
        for algorithm in &self.algorithms {
            if !ALGORITHMS.contains(&algorithm.as_str()) {
                return Err(SettingsError::Algorithm(algorithm.clone()));
            }
        }
        if self.skew_seconds > 60 {
            return Err(SettingsError::Skew);
        }
        Ok(())
    }

    /// Whether an endpoint may be called: https, or http on loopback beside an issuer that is there as well.
    pub(crate) fn fits(&self, url: &str) -> bool {
        let Ok(url) = IssuerUrl::new(url.to_owned()) else {
            return false;
        };
        let url = url.url();
        match url.scheme() {
            "https" => true,
            "http" => self.issuer.starts_with("http://") && is_loopback(url.host_str()),
            _ => false,
        }
    }

    pub(crate) fn allowed(&self) -> Vec<CoreJwsSigningAlgorithm> {
        self.algorithms
            .iter()
            .filter(|name| ALGORITHMS.contains(&name.as_str()))
            .filter_map(|name| serde_json::from_value(name.as_str().into()).ok())
            .collect()
    }
}

fn is_loopback(host: Option<&str>) -> bool {
    host.is_some_and(|host| {
        host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse::<IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(change: impl Fn(&mut Settings)) -> Result<(), SettingsError> {
        let mut settings = Settings {
            issuer: "https://id.example/realm".into(),
            client_id: "coffer".into(),
            client_secret: None,
            scopes: Vec::new(),
            name_claim: "email".into(),
            groups_claim: "groups".into(),
            wants_groups: false,
            algorithms: vec!["RS256".into()],
            skew_seconds: 60,
        };
        change(&mut settings);
        settings.check()
    }

    #[test]
    fn an_issuer_is_https_or_on_this_machine() {
        for good in [
            "https://id.example",
            "http://127.0.0.1:9000",
            "http://localhost:1/x",
            "http://[::1]:1",
        ] {
            assert_eq!(settings(|s| s.issuer = good.into()), Ok(()), "{good}");
        }
        for bad in [
            "",
            "id.example",
            "http://id.example",
            "http://10.0.0.1",
            "http://127.0.0.1.example",
            "https://a@id.example",
            "https://id.example/?x",
            "https://id.example/#x",
            "ftp://id.example",
        ] {
            assert_eq!(
                settings(|s| s.issuer = bad.into()),
                Err(SettingsError::Issuer),
                "{bad}"
            );
        }
    }

    #[test]
    fn only_asymmetric_algorithms_can_be_allowed() {
        for good in ALGORITHMS {
            assert_eq!(settings(|s| s.algorithms = vec![(*good).into()]), Ok(()));
        }
        for bad in ["none", "HS256", "hs512", "RS1", "rs256", "ES512", ""] {
            let refused = settings(|s| s.algorithms = vec!["RS256".into(), bad.into()]);
            assert_eq!(refused, Err(SettingsError::Algorithm(bad.into())));
        }
        assert!(settings(|s| s.algorithms.clear()).is_err());
        assert!(settings(|s| s.skew_seconds = 61).is_err());
        assert!(settings(|s| s.client_id.clear()).is_err());
    }
}
