//! Where a stream goes: read from what people write, and judged before it is stored. Sends nothing.

use crate::error::{Error, Kind, Result};
use coffer_outgoing::Outgoing;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The longest URL.
const MOST_URL: usize = 2048;
/// The longest name of an index or source type, and the longest secret.
const MOST_WORD: usize = 512;
/// A secret that somebody chose has at least this many characters.
const LEAST_SECRET: usize = 16;

/// What a stream's kind needs besides the URL. Absent members are left out, so that what is stored says what was set.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StreamOptions {
    /// Webhook: one JSON array a batch instead of JSON Lines.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub array: bool,
    /// Splunk: the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// Splunk: the source type; `coffer:audit` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sourcetype: Option<String>,
    /// Splunk: wait until the indexer acknowledges.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub acknowledge: bool,
}

/// A target that can be sent to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Target {
    /// A signed POST.
    Webhook { url: String, array: bool },
    /// Splunk's HTTP event collector. The URL has no slash at its end and no path of ours.
    Splunk {
        base: String,
        options: StreamOptions,
    },
    /// RFC 5424 over TCP.
    Syslog { host: String, port: u16, tls: bool },
}

fn unfit(message: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, "audit_stream.target", message)
}

impl Target {
    /// Reads a target, without asking whether it may be called.
    pub(super) fn read(kind: &str, url: &str, options: &StreamOptions) -> Result<Self> {
        let fit = url.len() <= MOST_URL && url.chars().all(|c| c.is_ascii_graphic());
        if !fit {
            return Err(unfit(format!(
                "The URL of a stream has at most {MOST_URL} visible ASCII characters."
            )));
        }
        let words = [&options.index, &options.sourcetype];
        if words.into_iter().flatten().any(|word| {
            word.is_empty() || word.len() > MOST_WORD || word.chars().any(char::is_control)
        }) {
            return Err(unfit("An index or source type is a short plain text."));
        }
        match kind {
            "webhook" => Ok(Self::Webhook {
                url: url.to_owned(),
                array: options.array,
            }),
            "splunk" => {
                let base = url.trim_end_matches('/');
                let base = base
                    .strip_suffix("/services/collector/event")
                    .unwrap_or(base);
                Ok(Self::Splunk {
                    base: base.to_owned(),
                    options: options.clone(),
                })
            }
            "syslog" => syslog(url),
            _ => Err(unfit(
                "The kind of a stream is 'webhook', 'splunk' or 'syslog'.",
            )),
        }
    }

    /// Whether a call to it could ever be made, as far as the network is not needed to know.
    pub(super) fn judge(&self, outgoing: &Outgoing) -> Result<()> {
        let judged = match self {
            Self::Webhook { url, .. } | Self::Splunk { base: url, .. } => outgoing.check_url(url),
            Self::Syslog { host, tls, .. } => outgoing.check_host(host, *tls),
        };
        judged.map_err(|error| {
            unfit(format!("The target cannot be used: {error}.")).hint(
                "Name a public host and use TLS, or ask an operator: `outgoing.allow` in the configuration lists private targets.",
            )
        })
    }

    /// What the audit log says of it: no path and no query, which may be secret.
    pub(super) fn host(&self) -> String {
        match self {
            Self::Syslog { host, port, .. } => format!("{host}:{port}"),
            Self::Webhook { url, .. } | Self::Splunk { base: url, .. } => {
                let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
                let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
                authority.rsplit('@').next().unwrap_or_default().to_owned()
            }
        }
    }

    /// Whether it takes a secret, and whether one can be made up for it.
    pub(super) fn wants_secret(&self) -> Wants {
        match self {
            Self::Webhook { .. } => Wants::Any,
            Self::Splunk { .. } => Wants::Theirs,
            Self::Syslog { .. } => Wants::None,
        }
    }
}

/// What secret a target takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wants {
    /// None.
    None,
    /// One that the target gave out.
    Theirs,
    /// One that somebody chose, or one that we make up.
    Any,
}

/// Judges a secret that was given.
pub(super) fn fit_secret(secret: &Zeroizing<String>, wants: Wants) -> Result<()> {
    let fit = secret.len() <= MOST_WORD && secret.chars().all(|c| c.is_ascii_graphic());
    match wants {
        Wants::None => Err(unfit(
            "Syslog has no secret. Use tls:// to know the target.",
        )),
        Wants::Theirs if fit && !secret.is_empty() => Ok(()),
        Wants::Any if fit && secret.len() >= LEAST_SECRET => Ok(()),
        Wants::Theirs => Err(unfit("That is not a token of an event collector.")),
        Wants::Any => Err(unfit(format!(
            "The key of a webhook has {LEAST_SECRET} to {MOST_WORD} visible ASCII characters. Without one, one is made."
        ))),
    }
}

fn syslog(url: &str) -> Result<Target> {
    let unread = || unfit("A syslog target is written tls://host:6514 or tcp://host:514.");
    let (scheme, rest) = url.split_once("://").ok_or_else(unread)?;
    let tls = match scheme {
        "tls" => true,
        "tcp" => false,
        _ => return Err(unread()),
    };
    let usual = if tls { 6514 } else { 514 };
    let rest = rest.trim_end_matches('/');
    let (host, port) = if let Some(inside) = rest.strip_prefix('[') {
        let (host, after) = inside.split_once(']').ok_or_else(unread)?;
        let port = match after {
            "" => usual,
            _ => number(after.strip_prefix(':')).ok_or_else(unread)?,
        };
        (host, port)
    } else {
        match rest.split_once(':') {
            Some((host, port)) => (host, number(Some(port)).ok_or_else(unread)?),
            None => (rest, usual),
        }
    };
    if host.is_empty() || host.contains(['/', '?', '#', '@']) {
        return Err(unread());
    }
    Ok(Target::Syslog {
        host: host.to_owned(),
        port,
        tls,
    })
}

fn number(text: Option<&str>) -> Option<u16> {
    text?.parse().ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, url: &str) -> Result<Target> {
        Target::read(kind, url, &StreamOptions::default())
    }

    #[test]
    fn syslog_targets_are_read() {
        let syslog = |host: &str, port, tls| Target::Syslog {
            host: host.into(),
            port,
            tls,
        };
        assert_eq!(
            read("syslog", "tls://a.test").unwrap(),
            syslog("a.test", 6514, true)
        );
        assert_eq!(
            read("syslog", "tcp://a.test:1514/").unwrap(),
            syslog("a.test", 1514, false)
        );
        assert_eq!(
            read("syslog", "tls://[fd00::1]:99").unwrap(),
            syslog("fd00::1", 99, true)
        );
        for bad in [
            "a.test:514",
            "udp://a.test",
            "tcp://",
            "tcp://a:0",
            "tcp://a:x",
            "tcp://u@a",
            "tcp://[::1",
        ] {
            assert_eq!(
                read("syslog", bad).unwrap_err().code,
                "audit_stream.target",
                "{bad}"
            );
        }
    }

    #[test]
    fn a_collector_is_named_with_or_without_its_path() {
        for url in [
            "https://s.test:8088",
            "https://s.test:8088/",
            "https://s.test:8088/services/collector/event",
        ] {
            let Target::Splunk { base, .. } = read("splunk", url).unwrap() else {
                panic!("another kind");
            };
            assert_eq!(base, "https://s.test:8088");
        }
    }

    #[test]
    fn the_record_names_the_host_and_not_the_path() {
        let target = read("webhook", "https://hooks.test:1/T0/s3cret?x=s3cret").unwrap();
        assert_eq!(target.host(), "hooks.test:1");
    }
}
