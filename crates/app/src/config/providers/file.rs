//! The root key file: what is configured of it.

use crate::config::build::problem;
use crate::config::layers::Settings;
use crate::config::{Problem, folders};
use std::path::PathBuf;

/// Root keys in a file.
#[derive(Debug, Clone)]
pub(crate) struct FileSettings {
    /// The file.
    pub(crate) path: PathBuf,
    /// The file with the passphrase that seals it.
    pub(crate) passphrase: Option<PathBuf>,
}

/// What the configuration says of it. The key must not lie with the data it protects.
pub(super) fn settings(settings: &Settings, problems: &mut Vec<Problem>) -> Option<FileSettings> {
    let setting = settings.get("keys.key_file");
    let key_file = setting.text.as_str();
    let data = settings.get("storage.data").text.as_str();
    if key_file.is_empty() {
        problems.push(problem(
            setting,
            "there is no user configuration folder to keep the root key in",
            "name a file with `keys.key_file` or --key-file, or set HOME",
        ));
        return None;
    }
    if !data.is_empty() && folders::lies_inside(data.as_ref(), key_file.as_ref()) {
        problems.push(problem(
            setting,
            format!("the root key file {key_file} lies inside the data folder {data}"),
            "keep it elsewhere, so that no copy of one folder holds both the sealed files and their key",
        ));
        return None;
    }
    let words = settings.get("keys.file.passphrase_file");
    let passphrase = words.text.as_str();
    if !passphrase.is_empty()
        && !data.is_empty()
        && folders::lies_inside(data.as_ref(), passphrase.as_ref())
    {
        problems.push(problem(
            words,
            format!("the passphrase's file {passphrase} lies inside the data folder {data}"),
            "keep it elsewhere, and not beside the root key file's copies either",
        ));
        return None;
    }
    Some(FileSettings {
        path: key_file.into(),
        passphrase: (!passphrase.is_empty()).then(|| passphrase.into()),
    })
}
