//! How a command talks: results to standard output, words for people to standard error.
//!
//! With `--output json`, standard output carries one JSON value and nothing else. Everything that others may have
//! written (names, messages, log lines) is escaped before it reaches a terminal.

pub(crate) mod escape;
mod log;
mod progress;
mod table;

pub(crate) use escape::{escaped, escaped_value};
pub(crate) use log::{LogStyle, log_line};
pub(crate) use progress::upload_bar;
pub(crate) use table::Table;

use crate::error::{CommandError, Result};
use clap::ValueEnum;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _, stderr, stdout};

/// The form of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: stable shapes.
    Json,
}

/// Standard output and standard error of one command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Out {
    pub(crate) format: Format,
    /// Colours on standard output.
    pub(crate) colour: bool,
    /// Colours on standard error.
    error_colour: bool,
}

impl Out {
    /// Colours go to terminals only, and nowhere when `NO_COLOR` is set.
    pub(crate) fn new(format: Format, environment: &BTreeMap<String, String>) -> Self {
        let set = |name: &str| {
            environment
                .get(name)
                .map(String::as_str)
                .unwrap_or_default()
        };
        let wanted = set("NO_COLOR").is_empty() && set("TERM") != "dumb";
        Self {
            format,
            colour: wanted && stdout().is_terminal(),
            error_colour: wanted && stderr().is_terminal(),
        }
    }

    /// Whether results are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// A line of a result. The caller has escaped it.
    pub(crate) fn line(&self, text: &str) -> Result {
        Ok(writeln!(stdout(), "{text}")?)
    }

    /// A whole text as a result, with its own line ends.
    pub(crate) fn text(&self, text: &str) -> Result {
        Ok(stdout().write_all(text.as_bytes())?)
    }

    /// A result as JSON, indented.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result {
        let text = serde_json::to_string_pretty(value).map_err(|error| {
            CommandError::new(crate::error::Exit::Internal, "the result is no JSON").because(&error)
        })?;
        self.line(&text)
    }

    /// A result: JSON of `value`, or the table that `table` makes of it.
    pub(crate) fn show<T: Serialize>(&self, value: &T, table: impl FnOnce(&T) -> Table) -> Result {
        if self.is_json() {
            return self.json(value);
        }
        let text = table(value).render(self.colour);
        Ok(write!(stdout(), "{text}")?)
    }

    /// Words for people, on standard error. Escaped here, so that names can be put in as they are.
    pub(crate) fn note(&self, text: &str) {
        // Whoever closed standard error does not want to know.
        _ = writeln!(stderr(), "{}", escaped(text));
    }

    /// The same, to stand out.
    pub(crate) fn heading(&self, text: &str) {
        let text = escaped(text);
        _ = writeln!(stderr(), "{}", paint(self.error_colour, "1", &text));
    }

    /// An error with its details, causes and hints.
    pub(crate) fn error(&self, error: &CommandError) {
        let label = |code: &str, text: &str| paint(self.error_colour, code, text);
        let mut text = format!("{} {}\n", label("1;31", "error:"), escaped(&error.message));
        for detail in &error.details {
            text.push_str(&format!("  {}\n", escaped(detail)));
        }
        for cause in &error.causes {
            text.push_str(&format!("  caused by: {}\n", escaped(cause)));
        }
        for hint in &error.hints {
            text.push_str(&format!("{} {}\n", label("1;36", "hint:"), escaped(hint)));
        }
        _ = write!(stderr(), "{text}");
    }
}

/// Text in a colour, or plain.
pub(crate) fn paint(on: bool, code: &str, text: &str) -> String {
    if on {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}
