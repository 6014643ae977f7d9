//! Tokens by PKCS#11 as key providers: what can be set. Must not know what it means.

use super::{Key, Kind};

pub(super) const KEYS: &[Key] = &[
    Key::plain(
        "keys.pkcs11.module",
        Kind::Text,
        "",
        "The vendor's PKCS#11 module, a shared library, by its whole path. It runs in Coffer's own process. \
         [keys/pkcs11.md](keys/pkcs11.md) explains.",
    ),
    Key::plain("keys.pkcs11.token", Kind::Text, "", "The token's label."),
    Key::plain(
        "keys.pkcs11.pin_file",
        Kind::Text,
        "",
        "The file with the user's PIN. Only Coffer's user may read it. A PIN that the token did not take is not tried again before \
         the file changes.",
    ),
    Key::plain(
        "keys.pkcs11.prefix",
        Kind::Text,
        "coffer",
        "What the labels of Coffer's keys begin with.",
    ),
    Key::plain(
        "keys.pkcs11.lifecycle",
        Kind::Boolean,
        "false",
        "Whether Coffer makes, disables and destroys root keys. A token knows one user, so this is no right of its own there. \
         `false`: only project keys rotate.",
    ),
    Key::plain(
        "keys.pkcs11.deadline_seconds",
        Kind::Integer { least: 1, most: 60 },
        "5",
        "How long one call may take.",
    ),
];
