//! Vault and OpenBao as key providers: what can be set. Must not know what it means.

use super::{Fallback, Key, Kind};

/// The ways of signing in.
const METHODS: &[&str] = &["token", "approle", "kubernetes", "jwt"];

const AUTH: &str = "How Coffer signs in. `token`: with a token that somebody else keeps in the file. `approle`: with a role id and a \
                    secret id. `kubernetes`: with the token of the service account. `jwt`: with a token that an issuer has signed \
                    whom the vault believes.";
const AUTH_MOUNT: &str = "Where the method is mounted. Empty: at its own name.";
const ROLE: &str =
    "The role: for `approle` its role id, for `kubernetes` and `jwt` its name. Not for `token`.";
const SECRET: &str = "The file with the token or the secret id, read again at each sign-in. Only Coffer's user may read it. Empty is right \
                      for `kubernetes` only: the file that each pod has.";
const LIFECYCLE: &str = "A second credential, for making, disabling and destroying root keys. Empty: there is none, and only project keys \
                         rotate.";

const fn key(name: &'static str, kind: Kind, fallback: &'static str, about: &'static str) -> Key {
    Key {
        name,
        kind,
        fallback: Fallback::Is(fallback),
        secret: false,
        flag: None,
        about,
    }
}

pub(super) const KEYS: &[Key] = &[
    key(
        "keys.vault.address",
        Kind::Text,
        "",
        "The vault's address, such as `https://vault.example:8200`. Plain `http` only to this machine. \
         [keys/vault.md](keys/vault.md) tells what the vault needs.",
    ),
    key(
        "keys.vault.namespace",
        Kind::Text,
        "",
        "The namespace, where the vault has some.",
    ),
    key(
        "keys.vault.ca_file",
        Kind::Text,
        "",
        "Certificate authorities to trust instead of the system's, PEM.",
    ),
    key(
        "keys.vault.mount",
        Kind::Text,
        "transit",
        "Where the Transit engine is mounted.",
    ),
    key(
        "keys.vault.prefix",
        Kind::Text,
        "coffer",
        "What the names of Coffer's keys begin with.",
    ),
    key(
        "keys.vault.notes_mount",
        Kind::Text,
        "",
        "Where a KV engine of version 2 is mounted, for the rollback anchor. Empty: the vault keeps none.",
    ),
    key(
        "keys.vault.deadline_seconds",
        Kind::Integer { least: 1, most: 60 },
        "5",
        "How long one call may take.",
    ),
    key("keys.vault.auth", Kind::Choice(METHODS), "token", AUTH),
    key("keys.vault.auth_mount", Kind::Text, "", AUTH_MOUNT),
    key("keys.vault.role", Kind::Text, "", ROLE),
    key("keys.vault.secret_file", Kind::Text, "", SECRET),
    key(
        "keys.vault.lifecycle.auth",
        Kind::Choice(&["", "token", "approle", "kubernetes", "jwt"]),
        "",
        LIFECYCLE,
    ),
    key(
        "keys.vault.lifecycle.auth_mount",
        Kind::Text,
        "",
        AUTH_MOUNT,
    ),
    key("keys.vault.lifecycle.role", Kind::Text, "", ROLE),
    key("keys.vault.lifecycle.secret_file", Kind::Text, "", SECRET),
];
