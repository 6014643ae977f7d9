//! The root key file on disk: who may read it, how it is locked and how it is replaced.
//!
//! Must not know what generations are for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use coffer_seal::KeyError;
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::form::{Form, Unreadable};
use super::text::{Flaw, KeyFile};

/// A key file has one line of some 200 bytes a generation; more than this is something else.
const MAX_LEN: u64 = 16 << 20;

/// Why a root key file is not used. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// Group or others have a right to it.
    #[error(
        "the root key file {path} may be used by others (mode {mode:03o}); change its mode to 600 and think about who has read it"
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    #[error(
        "the root key file {path} belongs to another user; give it to the user that runs Coffer"
    )]
    OtherOwner {
        /// The file.
        path: PathBuf,
    },
    /// A symbolic link, folder, pipe or device.
    #[error(
        "the root key file {path} is not a regular file; name the file itself, not a link to it"
    )]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
    /// Others could replace the file.
    #[error(
        "the folder of the root key file, {path}, may be changed by other users; change its mode to 700"
    )]
    OpenFolder {
        /// The folder.
        path: PathBuf,
    },
    /// Another version of the format, or another file.
    #[error(
        "{path} is not a root key file that this version of Coffer knows; check the path, or use a newer version"
    )]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// Changed or cut.
    #[error("the root key file {path} is damaged{}; restore it from its copy", line.map(|line| format!(" in line {line}")).unwrap_or_default())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1, where it can be told.
        line: Option<usize>,
    },
    /// Another passphrase sealed it.
    #[error(
        "the passphrase does not open the root key file {path}, which is whole; give the passphrase that it was sealed with"
    )]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// It is sealed, and nobody said with what.
    #[error(
        "the root key file {path} is sealed with a passphrase, and none was given; name a file with it in keys.file.passphrase_file"
    )]
    NoPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// It should be sealed and is not.
    #[error(
        "a passphrase is configured, and the root key file {path} is not sealed; seal it with `coffer key passphrase`"
    )]
    NotSealed {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase itself is no good.
    #[error("the passphrase cannot be used: {why}")]
    Passphrase {
        /// What is wrong and what to do.
        why: String,
    },
    /// The operating system said no.
    #[error(
        "the root key file {path} cannot be {verb}; check that the path exists, the rights of the folder and the space on the disk"
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        verb: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// A key file that cannot be used, told through the provider's trait.
pub(super) fn unusable(error: KeyFileError) -> KeyError {
    KeyError::unavailable("the root key file cannot be used; see the cause", error)
}

/// Why the file cannot be changed. One that may only be read is a matter of rights, as with a key service: then root keys
/// stay as they are, and the rest goes on.
fn unchangeable(error: KeyFileError) -> KeyError {
    match &error {
        KeyFileError::Io { source, .. }
            if matches!(
                source.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            KeyError::Forbidden {
                right: "change the root key file",
                hint: "the file and its folder must be writable for Coffer's user, or root keys do not rotate"
                    .to_owned(),
            }
        }
        _ => unusable(error),
    }
}

/// Creates the file unless something is there already; says whether it did. Never replaces anything.
pub(super) fn create_if_absent(
    path: &Path,
    form: &Form,
    content: &KeyFile,
) -> Result<bool, KeyFileError> {
    let wrap = |verb| {
        move |source| KeyFileError::Io {
            path: path.to_owned(),
            verb,
            source,
        }
    };
    let folder = folder(path);
    if !folder.exists() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(wrap("created"))?;
    }
    check_folder(path)?;
    let leftover = sibling(path, ".new");
    let absent = |path: &Path| {
        path.symlink_metadata()
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    if !absent(path) && absent(&leftover) {
        return Ok(false); // nothing to write: the folder may be read-only
    }
    let _lock = lock(path)?;
    if !absent(path) {
        remove_leftover(path, &leftover)?;
        return Ok(false);
    }
    let (file, new) = new_file(path)?;
    write(path, &file, &form.encode(path, content)?)?;
    // A link instead of a rename: it fails when the name has been taken meanwhile.
    fs::hard_link(&new, path).map_err(wrap("created"))?;
    fs::remove_file(&new).map_err(wrap("created"))?;
    sync_folder(path)?;
    Ok(true)
}

/// Reads and checks the file.
pub(super) fn read(path: &Path, form: &Form) -> Result<KeyFile, KeyFileError> {
    check_folder(path)?;
    let text = read_private(path, 0o077)?;
    form.decode(path, &text)
}

/// The text of a regular file of a trusted owner whose mode has none of the `forbidden` bits.
pub(super) fn read_private(path: &Path, forbidden: u32) -> Result<Zeroizing<String>, KeyFileError> {
    let wrap = |source: io::Error| KeyFileError::Io {
        path: path.to_owned(),
        verb: "read",
        source,
    };
    // NONBLOCK: a pipe in the file's place must not make the server wait.
    let mut file = open_with(
        OpenOptions::new().read(true),
        OFlags::NOFOLLOW | OFlags::NONBLOCK,
        path,
    )
    .map_err(|error| match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => KeyFileError::NotRegular {
            path: path.to_owned(),
        },
        _ => wrap(error),
    })?;
    let metadata = file.metadata().map_err(wrap)?;
    if !metadata.is_file() {
        return Err(KeyFileError::NotRegular {
            path: path.to_owned(),
        });
    }
    if !trusted_owner(metadata.uid()) {
        return Err(KeyFileError::OtherOwner {
            path: path.to_owned(),
        });
    }
    if metadata.mode() & forbidden != 0 {
        return Err(KeyFileError::TooOpen {
            path: path.to_owned(),
            mode: metadata.mode() & 0o777,
        });
    }
    if metadata.len() > MAX_LEN {
        return Err(KeyFileError::Unknown {
            path: path.to_owned(),
        });
    }
    let damaged = || KeyFileError::Damaged {
        path: path.to_owned(),
        line: None,
    };
    let length = usize::try_from(metadata.len()).map_err(|_| damaged())?;
    // Filled in place and never grown; the file is replaced, not written to, so its length stays.
    let mut bytes = Zeroizing::new(vec![0; length]);
    file.read_exact(&mut bytes).map_err(wrap)?;
    let mut text = Zeroizing::new(String::with_capacity(length));
    text.push_str(std::str::from_utf8(&bytes).map_err(|_| damaged())?);
    Ok(text)
}

/// What [`Form::decode`] found, as an error about this file.
pub(super) fn flawed(path: &Path, unreadable: Unreadable) -> KeyFileError {
    let path = path.to_owned();
    match unreadable {
        Unreadable::Flaw(Flaw::Version) => KeyFileError::Unknown { path },
        Unreadable::Flaw(Flaw::Line(line)) => KeyFileError::Damaged {
            path,
            line: Some(line),
        },
        Unreadable::Flaw(Flaw::Incomplete) => KeyFileError::Damaged { path, line: None },
        Unreadable::WrongPassphrase => KeyFileError::WrongPassphrase { path },
        Unreadable::NoPassphrase => KeyFileError::NoPassphrase { path },
        Unreadable::NotSealed => KeyFileError::NotSealed { path },
    }
}

/// Reads the file, lets `act` change it (told the seconds since 1970) and replaces it, all under its lock.
///
/// After a crash the file is the old one or the new one. If `act` errs, nothing is written.
pub(super) fn change<T>(
    path: &Path,
    form: &Form,
    act: impl FnOnce(&mut KeyFile, u64) -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    let io_error = |source| {
        unusable(KeyFileError::Io {
            path: path.to_owned(),
            verb: "replaced",
            source,
        })
    };
    let _lock = lock(path).map_err(unchangeable)?;
    let mut content = read(path, form).map_err(unusable)?;
    replace(path, |file| {
        let made = file
            .metadata()
            .and_then(|metadata| metadata.modified())
            .map_err(io_error)?;
        let now = made
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let outcome = act(&mut content, now)?;
        let text = form.encode(path, &content).map_err(unusable)?;
        write(path, file, &text).map_err(unchangeable)?;
        Ok(outcome)
    })
}

/// Writes the file in another form, under its lock. After a crash it is in the one or the other.
pub(super) fn recode(path: &Path, from: &Form, to: &Form) -> Result<(), KeyError> {
    let _lock = lock(path).map_err(unchangeable)?;
    let content = read(path, from).map_err(unusable)?;
    replace(path, |file| {
        let text = to.encode(path, &content).map_err(unusable)?;
        write(path, file, &text).map_err(unchangeable)
    })
}

/// Puts what `fill` writes in the place of the file. Only under the lock.
fn replace<T>(path: &Path, fill: impl FnOnce(&File) -> Result<T, KeyError>) -> Result<T, KeyError> {
    let (file, new) = new_file(path).map_err(unchangeable)?;
    let replaced = fill(&file).and_then(|outcome| {
        fs::rename(&new, path).map_err(|source| {
            unchangeable(KeyFileError::Io {
                path: path.to_owned(),
                verb: "replaced",
                source,
            })
        })?;
        Ok(outcome)
    });
    if replaced.is_err() {
        let _ = fs::remove_file(&new); // already failing; the next change removes it too
    } else {
        sync_folder(path).map_err(unusable)?;
    }
    replaced
}

/// Holds off every other process and thread that wants to change the file, until dropped.
///
/// The lock is a file of its own, because the key file itself is replaced.
fn lock(path: &Path) -> Result<File, KeyFileError> {
    let wrap = |source| KeyFileError::Io {
        path: path.to_owned(),
        verb: "locked",
        source,
    };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = open_with(&mut options, OFlags::NOFOLLOW, &sibling(path, ".lock")).map_err(wrap)?;
    file.lock().map_err(wrap)?;
    Ok(file)
}

/// A new empty file beside `path`, 0600 from birth. Only under the lock: a leftover of a crash is removed.
fn new_file(path: &Path) -> Result<(File, PathBuf), KeyFileError> {
    let new = sibling(path, ".new");
    remove_leftover(path, &new)?;
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .map_err(|source| KeyFileError::Io {
            path: path.to_owned(),
            verb: "written",
            source,
        })?;
    Ok((file, new))
}

fn remove_leftover(path: &Path, leftover: &Path) -> Result<(), KeyFileError> {
    match fs::remove_file(leftover) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(KeyFileError::Io {
            path: path.to_owned(),
            verb: "replaced",
            source: error,
        }),
        _ => Ok(()),
    }
}

fn write(path: &Path, mut file: &File, text: &str) -> Result<(), KeyFileError> {
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|source| KeyFileError::Io {
            path: path.to_owned(),
            verb: "written",
            source,
        })
}

fn sync_folder(path: &Path) -> Result<(), KeyFileError> {
    File::open(folder(path))
        .and_then(|folder| folder.sync_all())
        .map_err(|source| KeyFileError::Io {
            path: path.to_owned(),
            verb: "made durable",
            source,
        })
}

/// A folder that others may write to lets them put their own file in place of ours.
fn check_folder(path: &Path) -> Result<(), KeyFileError> {
    const STICKY: u32 = 0o1000;
    let folder = folder(path);
    let metadata = fs::metadata(folder).map_err(|source| KeyFileError::Io {
        path: path.to_owned(),
        verb: "found",
        source,
    })?;
    let others_write = metadata.mode() & 0o022 != 0 && metadata.mode() & STICKY == 0;
    if others_write || !trusted_owner(metadata.uid()) {
        return Err(KeyFileError::OpenFolder {
            path: folder.to_owned(),
        });
    }
    Ok(())
}

/// Whether this process may put another file in the place of this one.
pub(super) fn can_replace(path: &Path) -> bool {
    use rustix::fs::{Access, access};
    access(folder(path), Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// Ourselves or root, who can do everything anyway.
fn trusted_owner(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

fn open_with(options: &mut OpenOptions, flags: OFlags, path: &Path) -> io::Result<File> {
    options
        .custom_flags(i32::try_from(flags.bits()).map_err(io::Error::other)?)
        .open(path)
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_may_only_be_read_is_a_matter_of_rights_and_a_full_disk_is_not() {
        let failed = |kind: io::ErrorKind| {
            unchangeable(KeyFileError::Io {
                path: "root-keys".into(),
                verb: "written",
                source: kind.into(),
            })
        };
        for kind in [
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::ReadOnlyFilesystem,
        ] {
            assert!(matches!(failed(kind), KeyError::Forbidden { .. }), "{kind}");
        }
        assert!(failed(io::ErrorKind::StorageFull).is_passing());
    }
}
