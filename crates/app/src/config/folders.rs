//! Where a user's own files are, and whether one path lies inside another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Coffer's folder in the user's configuration folder; `None` where the environment names neither it nor a home.
pub(crate) fn user_folder(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    // A relative XDG_CONFIG_HOME is to be ignored, says the specification.
    let folder = match set("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|p| p.is_absolute())
    {
        Some(folder) => folder,
        None => Path::new(set("HOME")?).join(".config"),
    };
    Some(folder.join("coffer"))
}

/// The root key file when nobody names one, and what that was made from. Empty where nothing can be made up.
pub(super) fn default_key_file(environment: &BTreeMap<String, String>) -> (String, String) {
    if let Some(folder) = environment.get("CREDENTIALS_DIRECTORY") {
        let path = Path::new(folder).join("root-key");
        return (
            path.display().to_string(),
            "environment CREDENTIALS_DIRECTORY".into(),
        );
    }
    let path = user_folder(environment).map(|folder| folder.join("root.key"));
    let text = path.map_or(String::new(), |path| path.display().to_string());
    (text, "default".into())
}

/// The file with the root key file's passphrase when nobody names one, and what that was made from. Empty: none.
pub(super) fn default_passphrase_file(environment: &BTreeMap<String, String>) -> (String, String) {
    let given = environment
        .get("CREDENTIALS_DIRECTORY")
        .map(|folder| Path::new(folder).join("root-key-passphrase"))
        .filter(|path| path.exists());
    match given {
        Some(path) => (
            path.display().to_string(),
            "environment CREDENTIALS_DIRECTORY".into(),
        ),
        None => (String::new(), "default".into()),
    }
}

/// Whether `inner` is `folder` or lies in it, links followed as far as the paths exist.
pub(super) fn lies_inside(folder: &Path, inner: &Path) -> bool {
    settled(inner).starts_with(settled(folder))
}

/// Absolute, without `.` and `..`, links resolved in the part that exists.
fn settled(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut settled = PathBuf::new();
    for part in absolute.components() {
        if part == std::path::Component::ParentDir {
            settled.pop();
        } else {
            settled.push(part);
        }
        if let Ok(real) = settled.canonicalize() {
            settled = real;
        }
    }
    settled
}
