//! Tells the program which commit it was built from: `COFFER_BUILD`, version and commit, where there is a repository.

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let Some(commit) = commit(&root.join(".git")) else {
        return;
    };
    println!(
        "cargo::rustc-env=COFFER_BUILD={}+{commit}",
        env!("CARGO_PKG_VERSION")
    );
}

/// The first 12 digits of the commit that is checked out, read from the repository's files.
fn commit(git: &Path) -> Option<String> {
    let watch = |path: PathBuf| {
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
        std::fs::read_to_string(path).ok()
    };
    let head = watch(git.join("HEAD"))?;
    let hash = match head.trim().strip_prefix("ref: ") {
        None => head.trim().to_owned(),
        Some(name) => match watch(git.join(name)) {
            Some(hash) => hash.trim().to_owned(),
            None => watch(git.join("packed-refs"))?
                .lines()
                .find_map(|line| line.strip_suffix(name)?.strip_suffix(' '))?
                .to_owned(),
        },
    };
    let short = hash.get(..12)?;
    short
        .bytes()
        .all(|b| b.is_ascii_hexdigit())
        .then(|| short.to_owned())
}
