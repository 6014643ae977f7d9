//! What the operator says about a token. Must not call anything.

use std::path::PathBuf;
use std::time::Duration;

/// A token, and how to get at its keys. The PIN is in a file, named here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The vendor's module, a shared library.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// The file with the user's PIN.
    pub pin_file: PathBuf,
    /// What labels of our keys begin with.
    pub prefix: String,
    /// Whether this server makes, disables and destroys keys. A token knows one user: the right cannot be taken
    /// apart there.
    pub lifecycle: bool,
    /// How long one call may take.
    pub deadline: Duration,
}

impl Settings {
    /// The usual ones.
    pub fn new(
        module: impl Into<PathBuf>,
        token: impl Into<String>,
        pin_file: impl Into<PathBuf>,
    ) -> Self {
        Self {
            module: module.into(),
            token: token.into(),
            pin_file: pin_file.into(),
            prefix: "coffer".into(),
            lifecycle: false,
            deadline: Duration::from_secs(5),
        }
    }
}
