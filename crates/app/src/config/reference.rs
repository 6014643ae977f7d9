//! `docs/configuration.md`, written from the table of keys. A test compares; `coffer docs-config` prints.

use super::keys::{self, Fallback, Kind, VARIABLES};
use std::fmt::Write as _;

const START: &str = "\
# Configuration

<!-- Written by `coffer docs-config` from the table in `crates/app/src/config/keys.rs`. Change it there. -->

`coffer serve` reads, each stronger than the one before:

1. the defaults below,
2. a file: `--config FILE`, or `COFFER_CONFIG`, or `coffer.toml` in the current folder if there is one,
3. the environment: `COFFER_SECTION__KEY`, with two underscores between section and key, and between a section and its part,
4. flags.

A key that does not exist is an error, with its place and the nearest key that does. All problems are reported at
once. `coffer config check` takes the same flags as `coffer serve` and shows each effective value and where it came
from, without secrets.

A value that may hold a secret can be kept in a file of its own: set the key with `_file` at its end to the file's
path. Newlines at the end of such a file are dropped.

";

/// The page's text.
pub(crate) fn page() -> String {
    let mut page = START.to_owned();
    let mut section = "";
    for key in keys::all() {
        let (this, short) = keys::split(key.name);
        if this != section {
            section = this;
            _ = writeln!(page, "## `[{section}]`\n");
        }
        _ = writeln!(page, "### `{short}`\n\n{}\n", key.about);
        _ = writeln!(page, "- Value: {}", value(key.kind));
        let fallback = match key.fallback {
            Fallback::Is("") => "empty".to_owned(),
            Fallback::Is(text) => format!("`{text}`"),
            Fallback::Computed(text) => text.to_owned(),
        };
        _ = writeln!(page, "- Default: {fallback}");
        _ = writeln!(page, "- Environment: `{}`", key.variable());
        if let Some(flag) = key.flag {
            _ = writeln!(page, "- Flag: `{flag}`");
        }
        if key.secret {
            _ = writeln!(
                page,
                "- May hold a secret: `{short}_file`, `{}_FILE`{}",
                key.variable(),
                key.flag
                    .map_or(String::new(), |flag| format!(", `{flag}-file`"))
            );
        }
        page.push('\n');
    }
    page.push_str("## Other environment variables\n\n| variable | what it does |\n| --- | --- |\n");
    for (name, about) in VARIABLES {
        _ = writeln!(page, "| `{name}` | {about} |");
    }
    page
}

fn value(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".into(),
        Kind::Path => "path; a relative one starts at the folder the server is started in".into(),
        Kind::Boolean => "`true` or `false`".into(),
        Kind::Integer { least, most } => format!("whole number from {least} to {most}"),
        Kind::Choice(words) => quoted(words),
        Kind::List(words) => format!(
            "a list of {}; in the environment with commas between",
            quoted(words)
        ),
    }
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}
