//! From texts to meaning: typed values, and the rules that hold between them.

use super::layers::{Setting, Settings, well_formed};
use super::{
    Audit, BreakGlass, Config, Database, Deployment, Jobs, Keys, Log, LogFormat, LogLevel,
    Outgoing, Problem, Server, SignIn, Storage, TlsFiles, folders, keys, oidc, providers,
};
use clap::ValueEnum as _;
use coffer_outgoing::Policy;
use coffer_server::Proxies;
use coffer_service::SessionLife;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Builds the configuration; every rule that does not hold adds a problem.
pub(super) fn build(settings: &Settings, problems: &mut Vec<Problem>) -> Option<Config> {
    let before = problems.len();
    for key in keys::all() {
        // The key file has its own words for being absent.
        if key.name != "keys.key_file" {
            well_formed(key.name, settings.get(key.name), problems);
        }
    }
    let text = |name: &str| settings.get(name).text.as_str();
    let proxies = proxies(settings, problems);
    let tls = tls(settings, problems);
    let shielded = !proxies.is_empty() || tls.is_some();
    let listen = listen(settings.get("server.listen"), shielded, problems);
    let public_url = public_url(settings.get("server.public_url"), tls.is_some(), problems);
    for (name, most) in [
        ("server.organization", 64),
        ("keys.scale_unit", 64),
        ("deployment.id", 128),
    ] {
        plain_name(name, settings.get(name), most, problems);
    }
    let data = PathBuf::from(text("storage.data"));
    let database = database(settings.get("storage.database"), &data, problems);
    let outgoing = outgoing(settings, problems);
    let providers = providers::used(settings, problems);
    let provider = oidc::provider(settings, public_url.as_deref(), problems);
    for (name, what) in [
        ("audit.checkpoints", "the file of checkpoints"),
        ("keys.anchor_file", "the file of the anchor"),
    ] {
        witness_outside(settings, name, what, problems);
    }
    if problems.len() > before {
        return None;
    }
    Some(Config {
        server: Server {
            listen: listen?,
            public_url,
            proxies,
            tls,
            strict_api_version: text("server.strict_api_version") == "true",
            organization: text("server.organization").into(),
        },
        storage: Storage {
            data,
            database: database?,
        },
        keys: {
            let (provider, also) = providers?;
            Keys {
                provider,
                also,
                scale_unit: text("keys.scale_unit").into(),
                anchor_file: Some(text("keys.anchor_file"))
                    .filter(|path| !path.is_empty())
                    .map(PathBuf::from),
                anchor_required: text("keys.anchor_required") == "true",
                cache_minutes: text("keys.cache_minutes").parse().ok()?,
                horizon_days: text("keys.horizon_days").parse().ok()?,
                rotation_rate: text("keys.rotation_rate").parse().ok()?,
            }
        },
        audit: Audit {
            checkpoints: Some(text("audit.checkpoints"))
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            retention_days: text("audit.retention_days").parse().ok()?,
        },
        break_glass: BreakGlass {
            officers: text("break_glass.officers")
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
        },
        deployment: Deployment {
            id: text("deployment.id").into(),
        },
        log: Log {
            format: LogFormat::from_str(text("log.format"), false).ok()?,
            level: LogLevel::from_str(text("log.level"), false).ok()?,
        },
        jobs: Jobs {
            lease_seconds: text("jobs.lease_seconds").parse().ok()?,
        },
        sign_in: SignIn {
            sessions: SessionLife {
                idle_seconds: 60 * text("sign_in.session_idle_minutes").parse::<i64>().ok()?,
                seconds: 3600 * text("sign_in.session_hours").parse::<i64>().ok()?,
            },
        },
        outgoing: outgoing?,
        provider,
    })
}

pub(super) fn problem(setting: &Setting, message: impl Into<String>, hint: &str) -> Problem {
    Problem {
        place: setting.source.clone(),
        message: message.into(),
        hint: Some(hint.to_owned()),
    }
}

fn listen(setting: &Setting, shielded: bool, problems: &mut Vec<Problem>) -> Option<SocketAddr> {
    let text = setting.text.replace("localhost:", "127.0.0.1:");
    let Ok(address) = text.parse::<SocketAddr>() else {
        problems.push(problem(
            setting,
            "`server.listen` is not an address with a port",
            "write it like 127.0.0.1:8080 or [::1]:8080",
        ));
        return None;
    };
    if !address.ip().is_loopback() && !shielded {
        problems.push(problem(
            setting,
            format!("`server.listen` is {address}, which others can reach, and Coffer would speak plain HTTP there"),
            "listen on 127.0.0.1, set `server.tls_certificate` and `server.tls_key`, or put a proxy with TLS before Coffer and set `server.behind_proxy`",
        ));
    }
    Some(address)
}

/// The proxies whose word counts: those that are listed, else those nearby.
fn proxies(settings: &Settings, problems: &mut Vec<Problem>) -> Proxies {
    let setting = settings.get("server.trusted_proxies");
    match Proxies::parse(&setting.text) {
        Ok(none) if none.is_empty() => match settings.get("server.behind_proxy").text.as_str() {
            "true" => Proxies::nearby(),
            _ => none,
        },
        Ok(proxies) => proxies,
        Err(error) => {
            problems.push(problem(
                setting,
                format!("`server.trusted_proxies`: {error}"),
                "list the addresses and ranges of the proxies, with commas between them",
            ));
            Proxies::default()
        }
    }
}

/// Where certificate and key are. Whether they are good is found when they are read.
fn tls(settings: &Settings, problems: &mut Vec<Problem>) -> Option<TlsFiles> {
    let [certificate, key] =
        ["server.tls_certificate", "server.tls_key"].map(|name| settings.get(name));
    let lonely = match (certificate.text.is_empty(), key.text.is_empty()) {
        (true, true) => return None,
        (false, false) => {
            return Some(TlsFiles {
                certificate: PathBuf::from(certificate.text.as_str()),
                key: PathBuf::from(key.text.as_str()),
            });
        }
        (false, true) => certificate,
        (true, false) => key,
    };
    problems.push(problem(
        lonely,
        "TLS needs a certificate and its key",
        "set `server.tls_certificate` and `server.tls_key`, or neither",
    ));
    None
}

fn public_url(setting: &Setting, tls: bool, problems: &mut Vec<Problem>) -> Option<String> {
    let url = setting.text.trim_end_matches('/');
    if url.is_empty() {
        return None;
    }
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let good = rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && rest
                .chars()
                .all(|c| c.is_ascii_graphic() && !"@?#\\\"<>".contains(c))
    });
    if !good {
        problems.push(problem(
            setting,
            "`server.public_url` is not a plain http or https URL",
            "write it like https://coffer.example or https://example.com/coffer, without user name, query or fragment",
        ));
    }
    if tls && url.starts_with("http://") {
        problems.push(problem(
            setting,
            "`server.public_url` begins with http://, and the server serves TLS",
            "write it with https://, since clients that begin in the clear have sent their token when they learn better",
        ));
    }
    Some(url.to_owned())
}

fn plain_name(name: &str, setting: &Setting, most: usize, problems: &mut Vec<Problem>) {
    let text = setting.text.as_str();
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c));
    if text.is_empty() || text.len() > most || !plain || text.starts_with(['.', '_']) {
        problems.push(problem(
            setting,
            format!("`{name}` is not a plain name"),
            &format!(
                "use 1 to {most} of the characters A-Z a-z 0-9 - _ . + and no dot or underscore at the start"
            ),
        ));
    }
}

fn database(
    setting: &Setting,
    data: &std::path::Path,
    problems: &mut Vec<Problem>,
) -> Option<Database> {
    let text = setting.text.as_str();
    if text.is_empty() {
        return Some(Database::Sqlite(data.join("coffer.db")));
    }
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Some(Database::Postgres(setting.text.clone()));
    }
    if text.contains("://") {
        // The text may be a secret: it is not repeated.
        problems.push(problem(
            setting,
            "`storage.database` is a URL of a kind that is not known",
            "use postgres://… for PostgreSQL, or the path of a file for SQLite",
        ));
        return None;
    }
    Some(Database::Sqlite(text.into()))
}

fn outgoing(settings: &Settings, problems: &mut Vec<Problem>) -> Option<Outgoing> {
    let list = settings.get("outgoing.allow");
    let mut policy =
        Policy::default().plain(settings.get("outgoing.plain").text.as_str() == "true");
    for entry in list
        .text
        .split([',', ' '])
        .filter(|entry| !entry.is_empty())
    {
        match policy.clone().allow(entry) {
            Ok(wider) => policy = wider,
            Err(error) => problems.push(problem(
                list,
                format!("`outgoing.allow`: {error}"),
                "list host names, addresses or ranges, with commas between them",
            )),
        }
    }
    let ca_file = settings.get("outgoing.ca_file").text.as_str();
    Some(Outgoing {
        policy,
        ca_file: (!ca_file.is_empty()).then(|| ca_file.into()),
    })
}

/// What the data is to be compared with must not lie with it.
fn witness_outside(settings: &Settings, name: &str, what: &str, problems: &mut Vec<Problem>) {
    let setting = settings.get(name);
    let data = settings.get("storage.data").text.as_str();
    let file = setting.text.as_str();
    if !file.is_empty() && !data.is_empty() && folders::lies_inside(data.as_ref(), file.as_ref()) {
        problems.push(problem(
            setting,
            format!("{what} {file} lies inside the data folder {data}"),
            "keep it elsewhere: who can change the data must not be able to change what it is compared with",
        ));
    }
}
