//! What a server stored, logged and answered: for stories that look for what must not be there, or count statements.

use super::TestServer;
use crate::logs;
use crate::search::Needle;

impl TestServer {
    /// Every place where the needle stands, in any spelling: stored (database, blobs, key), logged, or answered to a
    /// [`Call`] or on a [`Wire`].
    pub async fn grep_everything(&self, needle: &[u8]) -> Vec<String> {
        let mut found = self.grep_stored_and_logged(needle).await;
        let needle = Needle::new(needle);
        for (what, answer) in self.answers.all() {
            if let Some(form) = needle.form_in(&answer) {
                found.push(format!("the answer to {what}, {form}"));
            }
        }
        found
    }

    /// As [`TestServer::grep_everything`], without the answers: for what some callers are given rightly.
    pub async fn grep_stored_and_logged(&self, needle: &[u8]) -> Vec<String> {
        let needle = Needle::new(needle);
        let mut found = needle.in_folder(&self.data());
        found.extend(needle.in_folder(&self.folder.path().join("key")));
        for (table, row) in self.database.dump().await {
            if let Some(form) = needle.form_in(row.as_bytes()) {
                found.push(format!("the table {table}, {form}"));
            }
        }
        if let Some(form) = needle.form_in(&logs::everything()) {
            found.push(format!("the log, {form}"));
        }
        found
    }

    /// How much was logged so far: a mark for [`TestServer::statements_since`].
    pub fn log_mark(&self) -> usize {
        logs::everything().len()
    }

    /// The names of the statements that the database was asked since a mark, in order, without those by which the
    /// audit chain is linked in the background. For servers whose duties are switched off, in a test of its own process
    /// or alone in it.
    pub fn statements_since(&self, mark: usize) -> Vec<String> {
        const LINKER: [&str; 5] = [
            "audit::UNLINKED",
            "audit::HEAD",
            "audit::LINK",
            "audit::MARK",
            "engine::",
        ];
        let logs = logs::everything();
        String::from_utf8_lossy(&logs[mark.min(logs.len())..])
            .lines()
            .filter_map(|line| {
                line.split_once("coffer::sql: statement=")?
                    .1
                    .split('"')
                    .nth(1)
            })
            .filter(|name| !LINKER.iter().any(|linker| name.contains(linker)))
            .map(str::to_owned)
            .collect()
    }

    /// Whether the log holds a text. For proving that the log was listened to.
    pub fn logged(&self, text: &str) -> bool {
        let logs = logs::everything();
        logs.windows(text.len()).any(|part| part == text.as_bytes())
    }
}
