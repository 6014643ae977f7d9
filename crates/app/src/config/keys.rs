//! The one table of what can be configured. Everything else about configuration follows it.

/// What a value has to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A file or folder; relative to the folder the server is started in.
    Path,
    /// `true` or `false`.
    Boolean,
    /// A whole number, both ends included.
    Integer { least: u32, most: u32 },
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// The value when nobody sets one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// This text.
    Is(&'static str),
    /// Found out at start; the text says how.
    Computed(&'static str),
}

/// One thing that can be set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// `section.key`, as in the file.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) fallback: Fallback,
    /// May hold a secret: never shown, and can be kept in a file of its own, named by `<key>_file`.
    pub(crate) secret: bool,
    /// The flag of `coffer serve`, if it has one.
    pub(crate) flag: Option<&'static str>,
    /// What it does. Markdown.
    pub(crate) about: &'static str,
}

impl Key {
    /// The environment variable that sets it.
    pub(crate) fn variable(&self) -> String {
        variable(self.name)
    }
}

/// The environment variable for `section.key`.
pub(crate) fn variable(name: &str) -> String {
    format!("COFFER_{}", name.replace('.', "__").to_uppercase())
}

/// All keys, in the order of the reference page.
pub(crate) const KEYS: &[Key] = &[
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
    Key {
        name: "keys.provider",
        kind: Kind::Choice(&["file"]),
        fallback: Fallback::Is("file"),
        secret: false,
        flag: None,
        about: "Where root keys are kept. `file`: in `keys.key_file`.",
    },
    Key {
        name: "keys.key_file",
        kind: Kind::Path,
        fallback: Fallback::Computed(
            "`$CREDENTIALS_DIRECTORY/root-key` where systemd sets that variable, else `coffer/root.key` in the \
             user's configuration folder (`$XDG_CONFIG_HOME` or `~/.config`)",
        ),
        secret: false,
        flag: Some("--key-file"),
        about: "The root key file. Made at the first start, readable by its owner only. It must lie outside the data \
                folder, so that no copy of one folder holds both the sealed files and the key to them. Back up both, \
                and keep them apart.",
    },
    Key {
        name: "keys.scale_unit",
        kind: Kind::Text,
        fallback: Fallback::Is("local"),
        secret: false,
        flag: None,
        about: "Name of this scale unit. Two scale units never share keys.",
    },
    Key {
        name: "audit.checkpoints",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "A file to which signed checkpoints of the audit log are appended, best on another machine's disk. Whoever \
                changes the log cannot change what is kept there. It must lie outside the data folder. Empty: they are \
                kept in the database only.",
    },
    Key {
        name: "audit.retention_days",
        kind: Kind::Integer {
            least: 0,
            most: 36_500,
        },
        fallback: Fallback::Is("0"),
        secret: false,
        flag: None,
        about: "Days that audit events are kept. Older ones are removed, and a signed tombstone says so. 0 keeps them all.",
    },
    Key {
        name: "deployment.id",
        kind: Kind::Text,
        fallback: Fallback::Computed("version and commit of the build"),
        secret: false,
        flag: None,
        about: "What tells one deployment from the next. New project keys carry it; rotating keys when it changes is to come.",
    },
    Key {
        name: "log.format",
        kind: Kind::Choice(&["text", "json"]),
        fallback: Fallback::Is("text"),
        secret: false,
        flag: Some("--log-format"),
        about: "Form of the log lines on standard error.",
    },
    Key {
        name: "log.level",
        kind: Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
        fallback: Fallback::Is("info"),
        secret: false,
        flag: Some("--log-level"),
        about: "The least important lines that are still written.",
    },
    Key {
        name: "jobs.lease_seconds",
        kind: Kind::Integer {
            least: 15,
            most: 3600,
        },
        fallback: Fallback::Is("60"),
        secret: false,
        flag: None,
        about: "How long a job stays with an agent that does not report, in seconds. Agents report three times as often.",
    },
    Key {
        name: "sign_in.session_idle_minutes",
        kind: Kind::Integer {
            least: 5,
            most: 1440,
        },
        fallback: Fallback::Is("60"),
        secret: false,
        flag: None,
        about: "A browser session that nobody uses for so long is over, in minutes.",
    },
    Key {
        name: "sign_in.session_hours",
        kind: Kind::Integer {
            least: 1,
            most: 168,
        },
        fallback: Fallback::Is("12"),
        secret: false,
        flag: None,
        about: "A browser session is over after so long, however much it is used, in hours.",
    },
    Key {
        name: "outgoing.allow",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "Private targets that the server may call for what people configure, such as audit streams: host names, \
                addresses and ranges, with commas between them. Public addresses need no entry. A host name opens \
                private addresses to that name; this machine and its link are opened by address or range, or by \
                `localhost`.",
    },
    Key {
        name: "outgoing.plain",
        kind: Kind::Boolean,
        fallback: Fallback::Is("false"),
        secret: false,
        flag: None,
        about: "Whether targets that `outgoing.allow` lists may be called without TLS.",
    },
    Key {
        name: "outgoing.ca_file",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "A file with more certificate authorities to trust in such calls, PEM.",
    },
    Key {
        name: "oidc.issuer",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "People sign in at this OpenID Connect provider: its issuer, exactly as the provider writes it. `https://`; \
                `http://` on a loopback address only. Empty: there is no provider. Needs `server.public_url`, and the \
                redirect address `<public URL>/signin/oidc/callback` at the provider. [openid-connect.md](openid-connect.md) explains. \
                A provider on a private address must be listed in `outgoing.allow`.",
    },
    Key {
        name: "oidc.label",
        kind: Kind::Text,
        fallback: Fallback::Is("your organization"),
        secret: false,
        flag: None,
        about: "What the sign-in page calls the provider.",
    },
    Key {
        name: "oidc.client_id",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "Coffer's client id at the provider.",
    },
    Key {
        name: "oidc.client_secret",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: true,
        flag: None,
        about: "Coffer's secret at the provider. Empty: a public client, which PKCE alone protects.",
    },
    Key {
        name: "oidc.scopes",
        kind: Kind::Text,
        fallback: Fallback::Is("profile email"),
        secret: false,
        flag: None,
        about: "What is asked for beside `openid`, with spaces between.",
    },
    Key {
        name: "oidc.name_claim",
        kind: Kind::Text,
        fallback: Fallback::Is("email"),
        secret: false,
        flag: None,
        about: "The claim that becomes a new person's sign-in name. A path into an object is written with dots.",
    },
    Key {
        name: "oidc.groups_claim",
        kind: Kind::Text,
        fallback: Fallback::Is("groups"),
        secret: false,
        flag: None,
        about: "The claim that lists a person's groups. A path into an object is written with dots.",
    },
    Key {
        name: "oidc.groups",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "Groups that follow the provider's, with semicolons between: `devs = [Main]\\Contributors; ops = \
                Project Collection Administrators`. Left the provider's name, right the group here, with its project or, \
                for a group of the organization, without.",
    },
    Key {
        name: "oidc.admit",
        kind: Kind::Choice(&["known", "domains", "groups"]),
        fallback: Fallback::Is("known"),
        secret: false,
        flag: None,
        about: "Who is let in. `known`: people that an administrator added. `domains`: whoever has a verified e-mail address \
                of `oidc.domains` as well. `groups`: members of the provider's groups in `oidc.admit_groups`, and nobody else.",
    },
    Key {
        name: "oidc.domains",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "Domains of e-mail addresses, with spaces between.",
    },
    Key {
        name: "oidc.admit_groups",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "The provider's names of groups whose members are let in, with semicolons between.",
    },
    Key {
        name: "oidc.bind_known",
        kind: Kind::Choice(&["verified_email", "never"]),
        fallback: Fallback::Is("verified_email"),
        secret: false,
        flag: None,
        about: "How a person whom an administrator added becomes one with the provider's. `verified_email`: at the first \
                sign-in, if the provider has verified the e-mail address that is the person's sign-in name here. `never`: not at all.",
    },
    Key {
        name: "oidc.algorithms",
        kind: Kind::Text,
        fallback: Fallback::Is("RS256 PS256 ES256 EdDSA"),
        secret: false,
        flag: None,
        about: "Signature algorithms that are accepted, with spaces between: RS256, RS384, RS512, PS256, PS384, PS512, ES256, \
                ES384, EdDSA. Nothing symmetric, and never `none`.",
    },
    Key {
        name: "oidc.skew_seconds",
        kind: Kind::Integer { least: 0, most: 60 },
        fallback: Fallback::Is("60"),
        secret: false,
        flag: None,
        about: "How far the provider's clock may be from ours, in seconds.",
    },
];

/// Environment variables that are not configuration of the server, and what they do.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    ("COFFER_URL", "URL of the server, for the command line."),
    (
        "COFFER_TOKEN",
        "Token, for the command line. Stronger than `coffer login`.",
    ),
    ("COFFER_TOKEN_FILE", "A file that holds the token."),
    ("COFFER_PROJECT", "Project, for the command line."),
    (
        "COFFER_CA_FILE",
        "More certificate authorities to trust, PEM, for the command line and the agent.",
    ),
    (
        "COFFER_AGENT_TOKEN",
        "Token that registers an agent, for `coffer agent`.",
    ),
    (
        "COFFER_CONFIG",
        "The configuration file, where `--config` does not name one.",
    ),
    ("NO_COLOR", "When set and not empty: no colours."),
];

/// The key of a name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Splits `section.key_file` of a secret into its key; `None` for anything else.
pub(crate) fn find_file_variant(name: &str) -> Option<&'static Key> {
    find(name.strip_suffix("_file")?).filter(|key| key.secret)
}

/// The known name that comes nearest to an unknown one, if any comes near.
pub(crate) fn nearest(unknown: &str) -> Option<String> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    let mut names: Vec<String> = Vec::new();
    for key in KEYS {
        names.push(key.name.to_owned());
        if key.secret {
            names.push(format!("{}_file", key.name));
        }
    }
    names
        .into_iter()
        .map(|name| {
            let whole = strsim::damerau_levenshtein(unknown, &name);
            let part = strsim::damerau_levenshtein(&last(unknown), &last(&name));
            // A right key in a wrong section is near as well.
            (whole.min(part + 1), name)
        })
        .filter(|(distance, _)| *distance <= (last(unknown).len() / 3).max(2))
        .min()
        .map(|(_, name)| name)
}
