//! Azure Key Vault: what can be set. Must not know what it means.

use super::{Key, Kind};

/// Ways to sign in at Entra ID.
const CREDENTIALS: &[&str] = &["managed-identity", "workload-identity", "client-secret"];
/// The same, or none.
const LIFECYCLE: &[&str] = &[
    "none",
    "managed-identity",
    "workload-identity",
    "client-secret",
];

const TENANT: &str =
    "The tenant. Not for a managed identity; for a workload identity, else `AZURE_TENANT_ID`.";
const CLIENT_ID: &str =
    "The application, or which managed identity. For a workload identity, else `AZURE_CLIENT_ID`.";
const SECRET_FILE: &str = "The file that holds the client secret. Read at start.";
const TOKEN_FILE: &str = "The file with the token of a workload identity, else `AZURE_FEDERATED_TOKEN_FILE`. Read again every ten minutes.";

pub(super) const KEYS: &[Key] = &[
    Key::plain(
        "keys.azure.vault",
        Kind::Text,
        "",
        "The vault's address, such as `https://NAME.vault.azure.net`. [keys/azure.md](keys/azure.md) explains this section.",
    ),
    Key::plain(
        "keys.azure.authority",
        Kind::Text,
        "",
        "Where to sign in, in clouds other than the public one: `https://login.microsoftonline.us`.",
    ),
    Key::plain(
        "keys.azure.ca_file",
        Kind::Text,
        "",
        "More certificate authorities to trust for the vault and the sign-in, PEM.",
    ),
    Key::plain(
        "keys.azure.key_size",
        Kind::Integer {
            least: 2048,
            most: 4096,
        },
        "3072",
        "Bits of a new RSA key: 2048, 3072 or 4096.",
    ),
    Key::plain(
        "keys.azure.hardware",
        Kind::Boolean,
        "false",
        "Makes new keys in a hardware module. Needs a vault of the tier Premium, or a managed HSM.",
    ),
    Key::plain(
        "keys.azure.patience_seconds",
        Kind::Integer {
            least: 1,
            most: 120,
        },
        "10",
        "How long one call may take in all, sign-in included.",
    ),
    Key::plain(
        "keys.azure.credential",
        Kind::Choice(CREDENTIALS),
        "managed-identity",
        "How to sign in for daily work: wraps and unwraps, and changes no key.",
    ),
    Key::plain("keys.azure.tenant", Kind::Text, "", TENANT),
    Key::plain("keys.azure.client_id", Kind::Text, "", CLIENT_ID),
    Key::plain("keys.azure.secret_file", Kind::Text, "", SECRET_FILE),
    Key::plain("keys.azure.token_file", Kind::Text, "", TOKEN_FILE),
    Key::plain(
        "keys.azure.lifecycle.credential",
        Kind::Choice(LIFECYCLE),
        "none",
        "How to sign in for the lifecycle of keys: makes, disables and destroys them. `none`: others prepare root keys.",
    ),
    Key::plain("keys.azure.lifecycle.tenant", Kind::Text, "", TENANT),
    Key::plain("keys.azure.lifecycle.client_id", Kind::Text, "", CLIENT_ID),
    Key::plain(
        "keys.azure.lifecycle.secret_file",
        Kind::Text,
        "",
        SECRET_FILE,
    ),
    Key::plain(
        "keys.azure.lifecycle.token_file",
        Kind::Text,
        "",
        TOKEN_FILE,
    ),
];
