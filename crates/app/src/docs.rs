//! `docs/cli.md`, written from the grammar. A test compares; `coffer docs-cli` prints.

use crate::cli::Cli;
use crate::error::Exit;
use clap::CommandFactory as _;
use std::fmt::Write as _;

const START: &str = "\
# The command line

<!-- Written by `coffer docs-cli` from the grammar in `crates/app/src/cli.rs`. Change it there. -->

Results go to standard output, words for people to standard error. `--output json` makes a result one JSON value in a
stable shape: that of the REST API where there is one. The global options, which every command takes, are shown with
`coffer` itself only.

Errors are printed as `error: …`, with `hint: …` lines that say what to do next. The exit code says what kind it was:

| code | meaning |
| --- | --- |
";

/// The page's text.
pub(crate) fn page() -> String {
    let mut page = START.to_owned();
    for (exit, meaning) in Exit::ALL {
        _ = writeln!(page, "| {} | {meaning} |", exit as i32);
    }
    let mut root = Cli::command().term_width(100);
    root.build();
    section(&mut page, &mut root, "coffer");
    page
}

fn section(page: &mut String, command: &mut clap::Command, path: &str) {
    let help = command.render_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    _ = write!(
        page,
        "\n## `{path}`\n\n```text\n{}\n```\n",
        help.join("\n").trim_end()
    );
    for sub in command.get_subcommands() {
        let name = sub.get_name();
        if !sub.is_hide_set() && name != "help" {
            let mut sub = sub.clone().mut_args(|arg| {
                let inherited = arg.is_global_set();
                arg.hide(inherited)
            });
            section(page, &mut sub, &format!("{path} {name}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_commands_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == page(),
            "docs/cli.md is stale: run `cargo run -- docs-cli > docs/cli.md`"
        );
    }
}
