//! Vault and OpenBao as key providers: what can be set. Must not know what it means.

use super::{Key, Kind};

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

pub(super) const KEYS: &[Key] = &[
    Key::plain(
        "keys.vault.address",
        Kind::Text,
        "",
        "The vault's address, such as `https://vault.example:8200`. Plain `http` only to this machine. \
         [keys/vault.md](keys/vault.md) tells what the vault needs.",
    ),
    Key::plain(
        "keys.vault.namespace",
        Kind::Text,
        "",
        "The namespace, where the vault has some.",
    ),
    Key::plain(
        "keys.vault.ca_file",
        Kind::Text,
        "",
        "Certificate authorities to trust instead of the system's, PEM.",
    ),
    Key::plain(
        "keys.vault.mount",
        Kind::Text,
        "transit",
        "Where the Transit engine is mounted.",
    ),
    Key::plain(
        "keys.vault.prefix",
        Kind::Text,
        "coffer",
        "What the names of Coffer's keys begin with.",
    ),
    Key::plain(
        "keys.vault.notes_mount",
        Kind::Text,
        "",
        "Where a KV engine of version 2 is mounted, for the rollback anchor. Empty: the vault keeps none.",
    ),
    Key::plain(
        "keys.vault.deadline_seconds",
        Kind::Integer { least: 1, most: 60 },
        "5",
        "How long one call may take.",
    ),
    Key::plain("keys.vault.auth", Kind::Choice(METHODS), "token", AUTH),
    Key::plain("keys.vault.auth_mount", Kind::Text, "", AUTH_MOUNT),
    Key::plain("keys.vault.role", Kind::Text, "", ROLE),
    Key::plain("keys.vault.secret_file", Kind::Text, "", SECRET),
    Key::plain(
        "keys.vault.lifecycle.auth",
        Kind::Choice(&["", "token", "approle", "kubernetes", "jwt"]),
        "",
        LIFECYCLE,
    ),
    Key::plain(
        "keys.vault.lifecycle.auth_mount",
        Kind::Text,
        "",
        AUTH_MOUNT,
    ),
    Key::plain("keys.vault.lifecycle.role", Kind::Text, "", ROLE),
    Key::plain("keys.vault.lifecycle.secret_file", Kind::Text, "", SECRET),
];
