//! The root key file: what can be set of it besides its place. Must not know what it means.

use super::{Fallback, Key, Kind};

pub(super) const KEYS: &[Key] = &[Key {
    name: "keys.file.passphrase_file",
    kind: Kind::Text,
    fallback: Fallback::Computed(
        "`$CREDENTIALS_DIRECTORY/root-key-passphrase` where systemd put it there, else empty",
    ),
    secret: false,
    flag: None,
    about: "A file whose first line is the passphrase that `keys.key_file` is sealed with. A new root key file is sealed with it; one \
            that is there is sealed with `coffer key passphrase`. Its owner and group alone may read it, and it must lie \
            outside the data folder. Empty: the root key file is not sealed, or whoever starts the server types the \
            passphrase.",
}];
