//! What a story saw a client do, written down for `docs/compatibility.md`.
//!
//! A row says that something held, so a story writes it after the assertion, never before. This file knows nothing of
//! the page: `cargo xtask test` empties the folder, reads the rows and writes the page.

use crate::harness::told;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;

/// What one client did in one story. Without `COFFER_COMPAT` nothing is written down.
pub(crate) struct Compat {
    client: String,
    version: String,
    file: Option<Mutex<File>>,
}

impl Compat {
    /// `version` is what a lock file or the client itself says, not what somebody typed. Stories run at once, so each
    /// has a file of its own.
    pub(crate) fn new(story: &str, client: &str, version: &str) -> Self {
        let file = told("COFFER_COMPAT").map(|folder| {
            let name = format!("{story}.{client}.{version}.jsonl");
            let name = name.replace(|c: char| !(c.is_ascii_alphanumeric() || c == '.'), "-");
            Mutex::new(File::create(Path::new(&folder).join(name)).unwrap())
        });
        let (client, version) = (client.to_owned(), version.to_owned());
        Self {
            client,
            version,
            file,
        }
    }

    /// The call did what the client expects of it.
    pub(crate) fn works(&self, call: &str) {
        self.saw(call, "works");
    }

    /// The call was refused, and the client says so in its own way.
    pub(crate) fn refused(&self, call: &str) {
        self.saw(call, "refused, as it should be");
    }

    /// The route is not served so far, and the client says so in its own way.
    pub(crate) fn not_yet(&self, call: &str, reason: &str) {
        self.saw(call, &format!("not yet: {reason}"));
    }

    /// In other words, where none of the others is the whole truth.
    pub(crate) fn saw(&self, call: &str, result: &str) {
        let Some(file) = &self.file else { return };
        let row = serde_json::json!({
            "client": self.client, "version": self.version, "call": call, "result": result,
        });
        writeln!(file.lock().unwrap(), "{row}").unwrap();
    }
}
