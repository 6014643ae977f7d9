//! Root keys, whatever keeps them: what can be set. Must not know what it means.

use super::{Fallback, Key, Kind};
use crate::config::providers::WORDS;

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "keys.provider",
        kind: Kind::Choice(WORDS),
        fallback: Fallback::Is("file"),
        secret: false,
        flag: None,
        about: "Where root keys are kept, and new ones are made. `file`: in `keys.key_file`. The others are key services; each \
                has a section of its own, `[keys.vault]` and so on, and must be compiled in: `coffer key providers` shows \
                what is. [keys/providers.md](keys/providers.md) explains.",
    },
    Key {
        name: "keys.also",
        kind: Kind::List(WORDS),
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "Providers that hold older root keys: asked to unwrap what `keys.provider` has not taken over yet, and to nothing \
                new. To move to another provider, name the old one here and the new one in `keys.provider`.",
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
        name: "keys.anchor_file",
        kind: Kind::Text,
        fallback: Fallback::Is(""),
        secret: false,
        flag: None,
        about: "A file that keeps the newest state of the database, signed, best on another machine's disk: a database that is \
                older than it says is noticed. It must lie outside the data folder. Empty: only the key provider keeps it, \
                where it can. [keys/anchor.md](keys/anchor.md) explains.",
    },
    Key {
        name: "keys.anchor_required",
        kind: Kind::Boolean,
        fallback: Fallback::Is("false"),
        secret: false,
        flag: None,
        about: "Whether the server refuses to start while a place of the anchor cannot be read. Without it that is a warning.",
    },
    Key {
        name: "keys.cache_minutes",
        kind: Kind::Integer {
            least: 1,
            most: 1440,
        },
        fallback: Fallback::Is("10"),
        secret: false,
        flag: None,
        about: "How long an unwrapped project key is kept in memory, in minutes. So long, files can be read and written while \
                the key service does not answer; and so long, who takes the server's right to unwrap away has to wait. [keys/outage.md](keys/outage.md) explains.",
    },
    Key {
        name: "keys.horizon_days",
        kind: Kind::Integer {
            least: 1,
            most: 3650,
        },
        fallback: Fallback::Is("35"),
        secret: false,
        flag: None,
        about: "Days after which a retired root key is destroyed. A backup that is not older can be restored; a file that was \
                deleted so long ago cannot be read from any copy.",
    },
    Key {
        name: "keys.rotation_rate",
        kind: Kind::Integer {
            least: 1,
            most: 10_000,
        },
        fallback: Fallback::Is("20"),
        secret: false,
        flag: None,
        about: "Calls a second that a rotation makes to the key service at most, to leave some of its quota for the rest.",
    },
];
