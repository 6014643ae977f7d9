//! Rules about the text of one file. Pure: path and text in, breaches out.

use std::path::{Path, PathBuf};

use super::Breach;

/// A source file longer than this is split.
const LONGEST: usize = 600;

/// Folders that every machine has: to name them tells nothing about this one.
const COMMON: &[&str] = &[
    "/", "/home", "/mnt", "/opt", "/srv", "/tmp", "/usr/src", "/var/tmp",
];

/// What must not be in any file because it is true of this machine only.
pub(super) struct Here {
    /// Folders, each ending in `/`.
    folders: Vec<String>,
    /// Host names.
    hosts: Vec<String>,
}

impl Here {
    /// This checkout, the folders beside it, and the home folder; the hosts of the registries and
    /// of the mirrors that the environment names.
    pub(super) fn of(root: &Path) -> Self {
        let beside = root
            .parent()
            .filter(|folder| !COMMON.contains(&&*folder.to_string_lossy()))
            .and_then(|folder| std::fs::read_dir(folder).ok());
        let beside = beside
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.is_dir());
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let folders = beside.chain([root.to_owned()]).chain(home);
        let mirrors = ["PIP_INDEX_URL", "npm_config_registry", "UV_INDEX_URL"];
        let mirrors = mirrors
            .into_iter()
            .filter_map(|name| std::env::var(name).ok());
        Self::from(
            folders.map(|folder| folder.to_string_lossy().into_owned()),
            mirrors,
        )
    }

    fn from(folders: impl Iterator<Item = String>, mirrors: impl Iterator<Item = String>) -> Self {
        // In parts, so that this file does not break its own rule.
        let well_known = [
            ["registry", "npmjs", "org"],
            ["registry", "yarnpkg", "com"],
            ["files", "pythonhosted", "org"],
            ["static", "crates", "io"],
            ["index", "crates", "io"],
        ];
        let hosts = well_known.map(|parts| parts.join("."));
        let mirrors = mirrors.filter_map(|address| {
            let rest = address.split_once("://")?.1;
            let host = rest
                .split('/')
                .next()?
                .rsplit('@')
                .next()?
                .split(':')
                .next()?;
            host.contains('.').then(|| host.to_owned())
        });
        Self {
            folders: folders
                .filter(|folder| folder.trim_matches('/').len() > 1)
                .map(|folder| format!("{}/", folder.trim_end_matches('/')))
                .collect(),
            hosts: hosts.into_iter().chain(mirrors).collect(),
        }
    }
}

/// Every rule that this file breaks.
pub(super) fn check(path: &str, text: &str, here: &Here) -> Vec<Breach> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let mut breaches = Vec::new();
    if ending == "rs" {
        opens_with_its_purpose(path, text, &mut breaches);
        silences_no_lint(path, text, &mut breaches);
    }
    let vendored = path.split('/').any(|folder| folder == "vendor");
    let ours = ["rs", "html", "css", "js", "mjs", "cjs", "ts", "sh", "py"];
    if ours.contains(&ending) && !vendored {
        is_short_enough(path, text, &mut breaches);
    }
    names_no_machine(path, text, here, &mut breaches);
    if matches!(
        name,
        "package-lock.json" | "npm-shrinkwrap.json" | "Cargo.lock"
    ) || (name.starts_with("requirements") && ending == "txt")
    {
        pins_without_addresses(path, name, text, &mut breaches);
    }
    breaches
}

fn opens_with_its_purpose(path: &str, text: &str, breaches: &mut Vec<Breach>) {
    if !text.starts_with("//!") {
        breaches.push(Breach::new(
            format!("{path}:1"),
            "does not open with `//!`; say first what the module is for and what it must not know",
        ));
    }
}

fn silences_no_lint(path: &str, text: &str, breaches: &mut Vec<Breach>) {
    let forms = [concat!("#", "[allow("), concat!("#", "![allow(")];
    for (number, line) in numbered(text) {
        if forms.iter().any(|form| line.contains(form)) && !line.trim_start().starts_with("//") {
            breaches.push(Breach::new(
                format!("{path}:{number}"),
                "silences a lint for good; write `#[expect(LINT, reason = \"…\")]`, which says why \
                 and tells when it is no longer needed",
            ));
        }
    }
}

fn is_short_enough(path: &str, text: &str, breaches: &mut Vec<Breach>) {
    let lines = text.lines().count();
    if lines > LONGEST {
        breaches.push(Breach::new(
            path,
            format!("has {lines} lines, more than {LONGEST}; split it by what its parts are about"),
        ));
    }
}

fn names_no_machine(path: &str, text: &str, here: &Here, breaches: &mut Vec<Breach>) {
    for (number, line) in numbered(text) {
        if let Some(folder) = here.folders.iter().find(|folder| names(line, folder)) {
            breaches.push(Breach::new(
                format!("{path}:{number}"),
                format!(
                    "names {folder}, a folder of this machine; write a path relative to the root"
                ),
            ));
        }
        if let Some(host) = here.hosts.iter().find(|host| line.contains(host.as_str())) {
            breaches.push(Breach::new(
                format!("{path}:{number}"),
                format!(
                    "names {host}, the host of a registry; name the package and its version only"
                ),
            ));
        }
    }
}

/// Whether the folder occurs as the beginning of a path, not in the middle of a longer one.
fn names(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || "._-/)}>".contains(before))
    })
}

fn pins_without_addresses(path: &str, name: &str, text: &str, breaches: &mut Vec<Breach>) {
    for (number, line) in numbered(text) {
        let line = line.trim();
        let (bad, advice) = match name {
            "Cargo.lock" => (
                line.starts_with("source = ")
                    && line != "source = \"registry+https://github.com/rust-lang/crates.io-index\"",
                "takes a crate from elsewhere than crates.io; take a published release",
            ),
            "package-lock.json" | "npm-shrinkwrap.json" => (
                line.starts_with("\"resolved\"") && line.contains("http"),
                "holds a download address; make the lock file again with \
                 `npm install --package-lock-only --omit-lockfile-registry-resolved`",
            ),
            _ => (
                !line.starts_with('#')
                    && (line.contains("://")
                        || line.starts_with("-i ")
                        || line.starts_with("--index-url")
                        || line.starts_with("--extra-index-url")),
                "holds a download address; write NAME==VERSION and --hash=sha256:… only",
            ),
        };
        if bad {
            breaches.push(Breach::new(format!("{path}:{number}"), advice));
        }
    }
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let folders = ["/checkouts/coffer", "/checkouts/other", "/"].map(str::to_owned);
        let mirrors = ["https://user:secret@mirror.example:8443/simple".to_owned()];
        let here = Here::from(folders.into_iter(), mirrors.into_iter());
        check(path, text, &here)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_file_that_follows_the_rules_passes() {
        let comment = concat!("// `#", "[allow(x)]` would be wrong: see /usr/lib/");
        let text = format!("//! What this is for.\n\n{comment}\nfn a() {{}}\n");
        assert_eq!(found("crates/x/src/a.rs", &text), [""; 0]);
    }

    #[test]
    fn a_module_opens_with_its_purpose() {
        assert_eq!(found("crates/x/src/tests/a.rs", "fn a() {}\n").len(), 1);
        assert_eq!(found("crates/x/src/a.rs", "\n//! Late.\n").len(), 1);
    }

    #[test]
    fn lints_are_expected_not_allowed() {
        for form in ["#", "#!"] {
            let text = format!("//! A.\n    {form}{}dead_code)]\nfn a() {{}}\n", "[allow(");
            let found = found("a.rs", &text);
            assert_eq!(found.len(), 1);
            assert!(found[0].starts_with("a.rs:2:"), "{found:?}");
        }
    }

    #[test]
    fn long_files_are_split_unless_they_are_not_ours() {
        let long = |lines: usize| format!("//! A.\n{}", "x\n".repeat(lines - 1));
        assert_eq!(found("a.rs", &long(600)), [""; 0]);
        for path in ["a.rs", "assets/site.css", "assets/a.js", "page.html"] {
            assert_eq!(found(path, &long(601)).len(), 1, "{path}");
        }
        assert_eq!(found("assets/vendor/htmx.js", &long(601)), [""; 0]);
        assert_eq!(found("docs/long.md", &long(601)), [""; 0]);
    }

    #[test]
    fn folders_of_the_machine_are_found() {
        assert_eq!(found("a.md", "see `/checkouts/coffer/docs`\n").len(), 1);
        assert_eq!(found("a.toml", "path = \"/checkouts/other/x\"\n").len(), 1);
        assert_eq!(
            found(
                "a.md",
                "/home/vsts/checkouts/other/ and /checkouts/otherwise/\n"
            ),
            [""; 0]
        );
    }

    #[test]
    fn hosts_of_registries_are_found() {
        let host = ["registry", "npmjs", "org"].join(".");
        assert_eq!(
            found("a.md", &format!("from https://{host}/left-pad\n")).len(),
            1
        );
        assert_eq!(
            found("a.md", "from https://mirror.example/simple\n").len(),
            1
        );
    }

    #[test]
    fn lock_files_hold_no_addresses() {
        let npm = "{\n  \"resolved\": \"https://somewhere.example/a.tgz\"\n}\n";
        assert_eq!(found("e2e/node/package-lock.json", npm).len(), 1);
        let pip = "--index-url https://somewhere.example/simple\na==1 --hash=sha256:00\n";
        assert_eq!(found("e2e/python/requirements.txt", pip).len(), 1);
        let cargo = "source = \"git+https://somewhere.example/a#1\"\n";
        assert_eq!(found("Cargo.lock", cargo).len(), 1);
        let good = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
        assert_eq!(found("Cargo.lock", good), [""; 0]);
    }
}
