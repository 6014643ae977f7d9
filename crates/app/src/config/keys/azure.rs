//! Azure Key Vault: what can be set. Must not know what it means.

use super::{Fallback, Key, Kind};

/// Ways to sign in at Entra ID.
const CREDENTIALS: &[&str] = &["managed-identity", "workload-identity", "client-secret"];
/// The same, or none.
const LIFECYCLE: &[&str] = &[
    "none",
    "managed-identity",
    "workload-identity",
    "client-secret",
];

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "keys.azure.vault",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "The vault's address, such as `https://NAME.vault.azure.net`. [keys/azure.md](keys/azure.md) explains this section.",
    },
    Key {
        name: "keys.azure.authority",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "Where to sign in, in clouds other than the public one: `https://login.microsoftonline.us`.",
    },
    Key {
        name: "keys.azure.ca_file",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "More certificate authorities to trust for the vault and the sign-in, PEM.",
    },
    Key {
        name: "keys.azure.key_size",
        kind: Kind::Integer {
            least: 2048,
            most: 4096,
        },
        fallback: Fallback::Is("3072"),
        secret: false,
        flag: None,
        about: "Bits of a new RSA key: 2048, 3072 or 4096.",
    },
    Key {
        name: "keys.azure.hardware",
        kind: Kind::Boolean,
        fallback: Fallback::Is("false"),
        secret: false,
        flag: None,
        about: "Makes new keys in a hardware module. Needs a vault of the tier Premium, or a managed HSM.",
    },
    Key {
        name: "keys.azure.patience_seconds",
        kind: Kind::Integer {
            least: 1,
            most: 120,
        },
        fallback: Fallback::Is("10"),
        secret: false,
        flag: None,
        about: "How long one call may take in all, sign-in included.",
    },
    Key {
        name: "keys.azure.credential",
        kind: Kind::Choice(CREDENTIALS),
        fallback: Fallback::Is("managed-identity"),
        secret: false,
        flag: None,
        about: "How to sign in for daily work: wraps and unwraps, and changes no key.",
    },
    Key {
        name: "keys.azure.tenant",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "The tenant. Not for a managed identity; for a workload identity, else `AZURE_TENANT_ID`.",
    },
    Key {
        name: "keys.azure.client_id",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "The application, or which managed identity. For a workload identity, else `AZURE_CLIENT_ID`.",
    },
    Key {
        name: "keys.azure.secret_file",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "The file that holds the client secret. Read at start.",
    },
    Key {
        name: "keys.azure.token_file",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "The file with the token of a workload identity, else `AZURE_FEDERATED_TOKEN_FILE`. Read again every ten minutes.",
    },
    Key {
        name: "keys.azure.lifecycle.credential",
        kind: Kind::Choice(LIFECYCLE),
        fallback: Fallback::Is("none"),
        secret: false,
        flag: None,
        about: "How to sign in for the lifecycle of keys: makes, disables and destroys them. `none`: others prepare root keys.",
    },
    Key {
        name: "keys.azure.lifecycle.tenant",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "The tenant. Not for a managed identity; for a workload identity, else `AZURE_TENANT_ID`.",
    },
    Key {
        name: "keys.azure.lifecycle.client_id",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "The application, or which managed identity. For a workload identity, else `AZURE_CLIENT_ID`.",
    },
    Key {
        name: "keys.azure.lifecycle.secret_file",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "The file that holds the client secret. Read at start.",
    },
    Key {
        name: "keys.azure.lifecycle.token_file",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "The file with the token of a workload identity, else `AZURE_FEDERATED_TOKEN_FILE`. Read again every ten minutes.",
    },
];
