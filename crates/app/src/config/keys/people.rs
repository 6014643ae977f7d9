//! Sign-in, and what the server may call: what can be set. Must not know what it means.

use super::{Fallback, Key, Kind};

pub(super) const KEYS: &[Key] = &[
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
    Key {
        name: "break_glass.officers",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "Sign-in names of the break-glass officers, with commas between them, such as `vera, wim`: two of them together can \
                have the content of a file encrypted to somebody. They must also be in the group Break-Glass Officers, \
                and administer neither the file nor its project. [keys/break-glass.md](keys/break-glass.md) explains. Empty: \
                nobody breaks glass.",
    },
];
