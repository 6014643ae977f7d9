//! What a person may ask of `cargo xtask test`.

use anyhow::{bail, ensure};

/// The parts, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Fmt,
    Deps,
    Clippy,
    Deny,
    Tests,
    Docs,
}

impl Part {
    pub(super) const ALL: [Self; 6] = [
        Self::Fmt,
        Self::Deps,
        Self::Clippy,
        Self::Deny,
        Self::Tests,
        Self::Docs,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Deps => "deps",
            Self::Clippy => "clippy",
            Self::Deny => "deny",
            Self::Tests => "tests",
            Self::Docs => "docs",
        }
    }
}

pub(super) const HELP: &str = "\
Installs what the tests need and lacks, checks and tests everything, and ends with a line
`N passed, N failed, N skipped`.

Usage: cargo xtask test [--only PART]… [--package NAME]… [-- FILTER…]

  --only PART      run this part alone (may be repeated): fmt, deps, clippy, deny, tests, docs
  --package NAME   look at this crate alone in clippy, tests and docs (may be repeated); -p
  FILTER           run the tests whose name contains it; means --only tests

What is missing (PostgreSQL, Chromium, Node, curl, nginx, OpenBao, SoftHSM, moto, the foreign clients) is installed. Where
that fails, the tests that need it are skipped and counted; with CI=true they fail.

Examples:
  cargo xtask test                                everything, as CI does
  cargo xtask test --only deps --only fmt         what takes no time
  cargo xtask test -p coffer-store                one crate, both engines
  cargo xtask test -p coffer-app -- secure_file   the tests of one crate named so";

/// A parsed command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) help: bool,
    pub(super) only: Vec<Part>,
    pub(super) packages: Vec<String>,
    pub(super) filters: Vec<String>,
}

impl Options {
    /// # Errors
    /// With a sentence about the first argument that is not understood.
    pub(super) fn parse(arguments: &[String]) -> anyhow::Result<Self> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = |what: &str| match rest.next() {
                Some(value) => Ok(value.clone()),
                None => bail!("{argument} wants the name of {what} after it"),
            };
            match argument.as_str() {
                "--help" | "-h" => options.help = true,
                "--only" => {
                    let name = value("a part")?;
                    let part = Part::ALL.into_iter().find(|part| part.name() == name);
                    let Some(part) = part else {
                        let names = Part::ALL.map(Part::name).join(", ");
                        bail!("there is no part named {name}; the parts are {names}");
                    };
                    options.only.push(part);
                }
                "--package" | "-p" => options.packages.push(value("a package")?),
                "--" => options.filters.extend(rest.by_ref().cloned()),
                other => bail!("{other} is not understood; `cargo xtask test --help` tells more"),
            }
        }
        if !options.filters.is_empty() {
            ensure!(
                options.only.iter().all(|part| *part == Part::Tests),
                "a filter chooses tests; it does not go with --only of another part"
            );
            options.only = vec![Part::Tests];
        }
        Ok(options)
    }

    /// Whether this part is wanted.
    pub(super) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// `--package NAME…` or `--workspace`, for cargo, and every feature: clippy, tests and examples are built with
    /// one set of features, so nothing is built twice.
    pub(super) fn selection(&self) -> Vec<String> {
        selection(&self.packages)
    }
}

/// What cargo is told about packages and features, the same in every part.
pub(crate) fn selection(packages: &[String]) -> Vec<String> {
    let mut arguments = vec!["--all-features".to_owned()];
    match packages {
        [] => arguments.push("--workspace".to_owned()),
        some => {
            let named = |name: &String| ["--package".to_owned(), name.clone()];
            arguments.extend(some.iter().flat_map(named));
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> anyhow::Result<Options> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&arguments)
    }

    #[test]
    fn nothing_asked_means_everything() {
        let options = parse("").unwrap();
        assert!(Part::ALL.into_iter().all(|part| options.wants(part)));
        assert_eq!(options.selection(), ["--all-features", "--workspace"]);
    }

    #[test]
    fn parts_and_packages_narrow_it() {
        let options =
            parse("--only fmt --only deps -p coffer-store --package coffer-seal").unwrap();
        assert!(options.wants(Part::Deps) && !options.wants(Part::Tests));
        assert_eq!(
            options.selection(),
            [
                "--all-features",
                "--package",
                "coffer-store",
                "--package",
                "coffer-seal"
            ]
        );
    }

    #[test]
    fn a_filter_means_tests_alone() {
        let options = parse("-- upload rename").unwrap();
        assert_eq!(options.only, [Part::Tests]);
        assert_eq!(options.filters, ["upload", "rename"]);
        assert!(parse("--only fmt -- upload").is_err());
    }

    #[test]
    fn mistakes_are_told() {
        for (line, told) in [
            ("--only everything", "the parts are fmt"),
            ("--only", "wants the name"),
            ("upload", "--help"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(told), "{line}: {error}");
        }
    }

    #[test]
    fn the_help_names_every_part() {
        for part in Part::ALL {
            assert!(HELP.contains(part.name()));
        }
    }
}
