//! Who the agent is to its server: `.agent.json` with its id, and its private key below `.credentials`.

use coffer_client::signing::{AgentKey, KeyError};
use serde::{Deserialize, Serialize};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use uuid::Uuid;

const FILE: &str = ".agent.json";
const FOLDER: &str = ".credentials";
const KEY: &str = "ed25519.pk8";

/// What the agent remembers of its registration. Nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity {
    pub(crate) agent_id: Uuid,
    /// The organization it is registered with.
    pub(crate) url: String,
    pub(crate) name: String,
    pub(crate) pool: String,
}

/// Why the agent does not know who it is.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read or written.
    #[error("cannot read or write {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file is damaged.
    #[error("{0} is damaged; remove it and register the agent again")]
    Damaged(PathBuf),
    /// The key cannot be used.
    #[error("the agent's key cannot be used")]
    Key(#[from] KeyError),
}

/// The agent's key; a new one when there is none yet.
pub(crate) fn key(work: &Path) -> Result<AgentKey, IdentityError> {
    let folder = work.join(FOLDER);
    let failed = |source| IdentityError::File {
        path: folder.clone(),
        source,
    };
    match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    if !folder.symlink_metadata().map_err(failed)?.is_dir() {
        return Err(IdentityError::Damaged(folder));
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
    let path = folder.join(KEY);
    match AgentKey::load(&path) {
        Err(KeyError::File(error)) if error.kind() == io::ErrorKind::NotFound => {
            let key = AgentKey::generate()?;
            key.store(&path)?;
            Ok(key)
        }
        other => Ok(other?),
    }
}

/// What is remembered, if anything.
pub(crate) fn load(work: &Path) -> Result<Option<Identity>, IdentityError> {
    let path = work.join(FILE);
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|_| IdentityError::Damaged(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(IdentityError::File { path, source }),
    }
}

/// Remembers a registration: whole, or as it was before.
pub(crate) fn store(work: &Path, identity: &Identity) -> Result<(), IdentityError> {
    put(work, FILE, identity)
}

/// Writes a file of the agent's own into its work folder: whole, or as it was before.
pub(crate) fn put(work: &Path, name: &str, value: &impl Serialize) -> Result<(), IdentityError> {
    let path = work.join(name);
    let part = work.join(format!("{name}.part"));
    let written = || -> io::Result<()> {
        let text = serde_json::to_vec_pretty(value)?;
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&part, &path)
    };
    written().map_err(|source| IdentityError::File {
        path: path.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_start_finds_what_the_first_left() {
        let work = tempfile::tempdir().unwrap();
        assert_eq!(load(work.path()).unwrap(), None);
        let first = key(work.path()).unwrap();
        let identity = Identity {
            agent_id: Uuid::from_u128(5),
            url: "http://h/A".into(),
            name: "n".into(),
            pool: "p".into(),
        };
        store(work.path(), &identity).unwrap();
        assert_eq!(load(work.path()).unwrap(), Some(identity));
        assert_eq!(key(work.path()).unwrap().public_key(), first.public_key());
        let mode = |name: &str| {
            work.path()
                .join(name)
                .metadata()
                .unwrap()
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!(
            (
                mode(".credentials"),
                mode(".credentials/ed25519.pk8"),
                mode(".agent.json")
            ),
            (0o700, 0o600, 0o600)
        );
    }

    #[test]
    fn a_damaged_file_is_not_taken_for_a_first_start() {
        let work = tempfile::tempdir().unwrap();
        std::fs::write(work.path().join(FILE), "{").unwrap();
        assert!(matches!(load(work.path()), Err(IdentityError::Damaged(_))));
    }
}
