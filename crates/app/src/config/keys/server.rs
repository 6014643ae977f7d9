//! How the server is reached and where it stores: what can be set. Must not know what it means.

use super::{Fallback, Key, Kind};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "server.listen",
        kind: Kind::Text,
        fallback: Fallback::Is("127.0.0.1:8080"),
        secret: false,
        flag: Some("--listen"),
        about: "Address and port to listen on. Anything but a loopback address needs `server.tls_certificate`, or \
                `server.behind_proxy` or `server.trusted_proxies` for a proxy that speaks TLS. Port 0 picks a free one.",
    },
    Key {
        name: "server.tls_certificate",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: Some("--tls-certificate"),
        about: "Serve TLS with this certificate: a PEM file, the server's own certificate first, then those between it and the \
                authority. Needs `server.tls_key`. Both files are looked at every ten seconds, and at once on SIGHUP: new \
                connections get a new pair, open ones stay, and a pair that cannot be used changes nothing. Empty: plain HTTP.",
    },
    Key {
        name: "server.tls_key",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: Some("--tls-key"),
        about: "The certificate's private key: a PEM file without a passphrase. Refused when others can read it; its group may.",
    },
    Key {
        name: "server.public_url",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: Some("--public-url"),
        about: "The URL that people, clients and agents use, with its path prefix if it has one, without the organization. \
                Empty: the address the server listens on. `https://` where `server.tls_certificate` is set.",
    },
    Key {
        name: "server.behind_proxy",
        kind: Kind::Boolean,
        fallback: Fallback::Is("false"),
        secret: false,
        flag: Some("--behind-proxy"),
        about: "A proxy before Coffer terminates TLS: the short form of `server.trusted_proxies` for whatever is near, \
                that is, loopback and private addresses. Allows a non-loopback `server.listen`. \
                [on-premises.md](on-premises.md) explains.",
    },
    Key {
        name: "server.trusted_proxies",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: Some("--trusted-proxies"),
        about: "Addresses and ranges of the proxies before Coffer, with commas between them, such as `10.0.0.5, 192.0.2.0/28`. \
                What `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host` say counts from these and from nobody else. \
                Without TLS in Coffer itself nobody but these and its own machine is served. Stronger than \
                `server.behind_proxy`. Empty: none.",
    },
    Key {
        name: "server.strict_api_version",
        kind: Kind::Boolean,
        fallback: Fallback::Is("false"),
        secret: false,
        flag: Some("--strict-api-version"),
        about: "Refuse requests whose `api-version` Azure DevOps would refuse: writes without one, and previews that do not \
                say `-preview`. Without it every version that exists is fine, and none as well.",
    },
    Key {
        name: "server.organization",
        kind: Kind::Text,
        fallback: Fallback::Is("DefaultCollection"),
        secret: false,
        flag: None,
        about: "Name of the organization: the first segment of every API path.",
    },
    Key {
        name: "storage.data",
        kind: Kind::Path,
        fallback: Fallback::Is("./coffer-data"),
        secret: false,
        flag: Some("--data"),
        about: "The data folder: database and sealed files. Made at the first start, for its owner only.",
    },
    Key {
        name: "storage.database",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: true,
        flag: Some("--database"),
        about: "Empty: SQLite in the data folder (`coffer.db`). A path: that SQLite file. A URL that starts with \
                `postgres://`: PostgreSQL, for several nodes.",
    },
];
