//! The certificate and key that `serve` uses: read from their files, checked, and read again when they change.
//!
//! What a good pair is, the server knows ([`Pair`]); this is about the files.

use crate::config::{Config, TlsFiles};
use crate::error::{CommandError, Exit, Result};
use coffer_server::{Pair, Tls};
use jiff::{SignedDuration, Timestamp};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);
/// A certificate that lives no longer than this is worth a warning.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);
/// No certificate or key is larger.
const MAX_BYTES: u64 = 1 << 20;
/// Others may not read the key, and only its owner may write it. A group may read it, as tools that renew certificates
/// set it up.
const TOO_OPEN: u32 = 0o027;

/// Reads and checks the configured pair; `None` when none is configured.
///
/// # Errors
/// When a file cannot be read, or the pair cannot be used: the error names the file's key and what to do.
pub(crate) fn load(config: &Config) -> Result<Option<Pair>> {
    config.server.tls.as_ref().map(read).transpose()
}

/// What is not wrong, but will be.
pub(crate) fn warnings(config: &Config, pair: &Pair) -> Vec<String> {
    let host = config.server.public_url.as_deref().and_then(host_of);
    let foreign = host.filter(|host| !pair.is_for(host)).map(|host| {
        format!(
            "the certificate is not for {host}, the host of server.public_url, so clients will refuse it: its subject alternative names (SAN) must hold that name"
        )
    });
    foreign.into_iter().chain(expiry(pair.expires())).collect()
}

fn expiry(expires: Timestamp) -> Option<String> {
    let soon = now().saturating_add(SOON).unwrap_or(Timestamp::MAX);
    (expires < soon).then(|| format!("the certificate expires at {expires}"))
}

/// Reads the pair again when SIGHUP asks for it or the files have changed, until `stop` is cancelled. A pair that cannot
/// be used changes nothing.
pub(crate) async fn watch(
    config: Config,
    tls: Tls,
    expires: Timestamp,
    mut hangup: Signal,
    stop: CancellationToken,
) {
    let Some(files) = &config.server.tls else {
        return;
    };
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = stamps(files);
    // At the start it was looked at and warned of.
    let (mut expires, mut warned) = (expires, expiry(expires).is_some());
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            _ = hangup.recv() => true,
            _ = look.tick() => false,
        };
        let found = stamps(files);
        if !asked && found == seen {
            if let Some(warning) = expiry(expires).filter(|_| !warned) {
                tracing::warn!("{warning}");
                warned = true;
            }
            continue;
        }
        seen = found;
        match read(files) {
            Ok(pair) => {
                tracing::info!(expires = %pair.expires(), "the certificate was read again, and new connections get it");
                for warning in warnings(&config, &pair) {
                    tracing::warn!("{warning}");
                }
                (expires, warned) = (pair.expires(), expiry(pair.expires()).is_some());
                tls.replace(pair);
            }
            Err(error) => tracing::error!(
                cause = %error.causes.join(": "),
                "{}; the server goes on with the certificate it has",
                error.message
            ),
        }
    }
}

/// Listens to SIGHUP. From then on it no longer ends the process.
pub(crate) fn hangup() -> Result<Signal> {
    signal(SignalKind::hangup()).map_err(|error| {
        CommandError::new(Exit::Internal, "signals cannot be listened to").because(&error)
    })
}

fn read(files: &TlsFiles) -> Result<Pair> {
    let certificate = content(&files.certificate, "server.tls_certificate", 0)?;
    let key = content(&files.key, "server.tls_key", TOO_OPEN)?;
    Pair::read(&certificate, &key, now()).map_err(|error| {
        CommandError::new(
            Exit::Invalid,
            "the certificate and key of the server cannot be used",
        )
        .because(&error)
        .hint(format!(
            "they are {} (server.tls_certificate) and {} (server.tls_key)",
            files.certificate.display(),
            files.key.display()
        ))
    })
}

/// The bytes of a file with none of these mode bits.
fn content(path: &Path, name: &str, forbidden: u32) -> Result<Zeroizing<Vec<u8>>> {
    let failed = |error: std::io::Error| {
        CommandError::new(
            Exit::Invalid,
            format!("{name} cannot be read: {}", path.display()),
        )
        .because(&error)
    };
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let refused = |what: String| {
        CommandError::new(Exit::Invalid, format!("{name} {}: {what}", path.display()))
    };
    if !metadata.is_file() {
        return Err(refused("not a regular file".into()));
    }
    if metadata.mode() & forbidden != 0 {
        return Err(refused(format!(
            "others can read or write it (mode {:o})",
            metadata.mode() & 0o777
        ))
        .hint("close it: chmod 600, or 640 for a group that renews certificates"));
    }
    if metadata.len() > MAX_BYTES {
        return Err(refused("far too large for what it should hold".into()));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        usize::try_from(metadata.len()).unwrap_or(0) + 1,
    ));
    file.by_ref()
        .take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    Ok(bytes)
}

/// Device, inode, length, and seconds and nanoseconds of the last write.
type Stamp = (u64, u64, u64, i64, i64);

/// What changes when a file is written or another one put in its place, also by way of a link.
fn stamps(files: &TlsFiles) -> [Option<Stamp>; 2] {
    [&files.certificate, &files.key].map(|path| {
        let data = std::fs::metadata(path).ok()?;
        Some((
            data.dev(),
            data.ino(),
            data.len(),
            data.mtime(),
            data.mtime_nsec(),
        ))
    })
}

/// The host of a URL that the configuration has checked, without port and brackets.
fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?']).next()?;
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next(),
        None => authority.split(':').next(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a certificate's dates, and a database's clock, are compared with this machine's clock"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn the_host_of_a_url_has_no_port_and_no_brackets() {
        for (url, host) in [
            ("https://coffer.example", "coffer.example"),
            ("https://coffer.example:8443/tfs", "coffer.example"),
            ("https://[2001:db8::7]:8443/tfs", "2001:db8::7"),
            ("https://192.0.2.1/x:y", "192.0.2.1"),
        ] {
            assert_eq!(host_of(url), Some(host));
        }
    }
}
