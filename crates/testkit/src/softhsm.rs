//! A SoftHSM token: PKCS#11 without hardware. Knows nothing of who uses it.
//!
//! The module reads where its tokens are from the environment of the process, once. So a story that uses a token itself is
//! played in a process of its own: the test starts itself again. A story that hands one to a program needs no such thing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

const LABEL: &str = "coffer-test";
const PIN: &str = "0123456789";
const FOLDER: &str = "COFFER_TEST_SOFTHSM_FOLDER";

/// A token in a folder of its own.
pub struct SoftHsm {
    module: PathBuf,
    folder: PathBuf,
    /// Removed with it, unless it is another process's.
    _own: Option<TempDir>,
}

impl SoftHsm {
    /// A token for programs that the story starts, which find it by [`SoftHsm::config`]. `None`, and the skip written
    /// down, where there is no module.
    pub fn for_programs(test: &str) -> Option<Self> {
        let Some(module) = crate::told("COFFER_TEST_SOFTHSM") else {
            crate::skip(test, "COFFER_TEST_SOFTHSM is not set");
            return None;
        };
        let own = tempfile::tempdir().unwrap();
        let token = Self {
            module: PathBuf::from(module),
            folder: own.path().to_owned(),
            _own: Some(own),
        };
        token.make();
        Some(token)
    }

    /// The token of this process. `None` for the process that the test runner has started: it has seen the story end
    /// well in another, or has written the skip down.
    #[expect(
        clippy::disallowed_methods,
        reason = "the test starts itself again, with another environment"
    )]
    pub fn alone(test: &str) -> Option<Self> {
        if let (Some(module), Some(folder)) =
            (crate::told("COFFER_TEST_SOFTHSM"), crate::told(FOLDER))
        {
            let folder = PathBuf::from(folder);
            std::fs::write(folder.join("played"), "").unwrap();
            return Some(Self {
                module: PathBuf::from(module),
                folder,
                _own: None,
            });
        }
        let token = Self::for_programs(test)?;
        let folder = token.folder();
        let status = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(FOLDER, folder)
            .env("SOFTHSM2_CONF", token.config())
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "the story did not end well");
        assert!(
            folder.join("played").exists(),
            "there is no test of this name"
        );
        None
    }

    /// Makes the folder, and a token in it as its owner does.
    #[expect(
        clippy::disallowed_methods,
        reason = "the token's own program makes tokens"
    )]
    fn make(&self) {
        std::fs::create_dir(self.tokens()).unwrap();
        let config = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            self.tokens().display()
        );
        std::fs::write(self.config(), config).unwrap();
        std::fs::write(self.pin_file(), PIN).unwrap();
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", LABEL])
            .args(["--pin", PIN, "--so-pin", "9876543210"])
            .env("SOFTHSM2_CONF", self.config())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{said}");
    }

    /// The module.
    pub fn module(&self) -> &Path {
        &self.module
    }

    /// The token's label.
    pub fn label(&self) -> &'static str {
        LABEL
    }

    /// The user's PIN.
    pub fn pin(&self) -> &'static str {
        PIN
    }

    /// A file with the user's PIN.
    pub fn pin_file(&self) -> PathBuf {
        self.folder.join("pin")
    }

    /// A folder for the story's own files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the module finds its tokens, for another process: `SOFTHSM2_CONF`.
    pub fn config(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    fn tokens(&self) -> PathBuf {
        self.folder.join("tokens")
    }

    /// Takes the token out. The module notices when it is initialized again.
    pub fn take_out(&self) {
        std::fs::rename(self.tokens(), self.folder.join("away")).unwrap();
        std::fs::create_dir(self.tokens()).unwrap();
    }

    /// Puts it in again.
    pub fn put_in(&self) {
        std::fs::remove_dir(self.tokens()).unwrap();
        std::fs::rename(self.folder.join("away"), self.tokens()).unwrap();
    }
}
