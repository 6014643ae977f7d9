//! The folders of an agent, and the promise that nothing of a job is left in them.
//!
//! Everything is emptied when the agent starts, when a job starts and when it ends. Wiping works relative to open
//! folders and never follows a symbolic link, since a job owns what it leaves behind. It knows no step and no server.

mod wipe;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The folders that belong to one job, relative to the work folder.
const JOB_FOLDERS: [&str; 3] = ["_temp", "_tool", "1"];
/// Folders in the build folder.
const BUILD_FOLDERS: [&str; 4] = ["s", "a", "b", "TestResults"];
const MARK: &str = ".job";
const PRIVATE: Mode = Mode::RWXU;

/// An agent's folders, locked against a second agent.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    folder: OwnedFd,
    _lock: File,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Another agent works in the folder.
    #[error("another agent uses the work folder {0}; give each agent its own with its own --work")]
    InUse(PathBuf),
    /// Others could read what jobs write.
    #[error("the work folder {0} belongs to another user; choose a folder of the agent's own user")]
    Foreign(PathBuf),
    /// Something of a job could not be removed.
    #[error(
        "what a job left in {path} could not be removed; remove it by hand before the agent takes another job"
    )]
    NotEmptied {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A folder or file cannot be made.
    #[error("cannot make {path}")]
    Make {
        /// What.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// The folders of one job while it runs.
#[derive(Debug)]
pub(crate) struct JobFolders {
    pub(crate) work: PathBuf,
    pub(crate) temp: PathBuf,
    pub(crate) tools: PathBuf,
    pub(crate) build: PathBuf,
    pub(crate) home: PathBuf,
    temp_folder: OwnedFd,
}

impl Workspace {
    /// Opens the work folder, makes it if needed, and locks it. Nothing is wiped yet.
    pub(crate) fn open(root: &Path) -> Result<Self, WorkspaceError> {
        let make = |source: io::Error| WorkspaceError::Make {
            path: root.to_owned(),
            source,
        };
        std::fs::create_dir_all(root).map_err(make)?;
        let root = root.canonicalize().map_err(make)?;
        let make = |source: Errno| WorkspaceError::Make {
            path: root.clone(),
            source: source.into(),
        };
        let folder = wipe::open_folder(rustix::fs::CWD, &root).map_err(make)?;
        let about = rustix::fs::fstat(&folder).map_err(make)?;
        if about.st_uid != rustix::process::geteuid().as_raw() {
            return Err(WorkspaceError::Foreign(root));
        }
        rustix::fs::fchmod(&folder, PRIVATE).map_err(make)?;
        let lock = rustix::fs::openat(
            &folder,
            ".lock",
            OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::RUSR | Mode::WUSR,
        )
        .map_err(make)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self {
                root,
                folder,
                _lock: File::from(lock),
            }),
            Err(Errno::WOULDBLOCK) => Err(WorkspaceError::InUse(root)),
            Err(error) => Err(make(error)),
        }
    }

    /// The work folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The mark of a job that was running when the agent was killed.
    pub(crate) fn left_mark(&self) -> Option<String> {
        let file = rustix::fs::openat(
            &self.folder,
            MARK,
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        );
        let mut text = String::new();
        io::Read::read_to_string(&mut io::Read::take(File::from(file.ok()?), 64), &mut text)
            .ok()?;
        uuid::Uuid::try_parse(text.trim())
            .ok()
            .map(|mark| mark.to_string())
    }

    /// Removes everything of a job, in whatever state it left its folders.
    pub(crate) fn wipe(&self) -> Result<(), WorkspaceError> {
        for name in JOB_FOLDERS {
            wipe::remove(&self.folder, name).map_err(|source| WorkspaceError::NotEmptied {
                path: self.root.join(name),
                source,
            })?;
        }
        match rustix::fs::unlinkat(&self.folder, MARK, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(WorkspaceError::NotEmptied {
                path: self.root.join(MARK),
                source: error.into(),
            }),
        }
    }

    /// Wipes, and makes the folders of a job anew. `mark` is remembered, so that a killed agent's job can be found.
    pub(crate) fn begin(&self, mark: &str, home: &str) -> Result<JobFolders, WorkspaceError> {
        self.wipe()?;
        let path = |name: &str| self.root.join(name);
        let make = |name: &str, source: Errno| WorkspaceError::Make {
            path: path(name),
            source: source.into(),
        };
        for name in JOB_FOLDERS {
            rustix::fs::mkdirat(&self.folder, name, PRIVATE).map_err(|e| make(name, e))?;
        }
        let open = |name: &str| wipe::open_folder(&self.folder, name).map_err(|e| make(name, e));
        let (temp_folder, build) = (open("_temp")?, open("1")?);
        for name in BUILD_FOLDERS {
            rustix::fs::mkdirat(&build, name, PRIVATE).map_err(|e| make(name, e))?;
        }
        rustix::fs::mkdirat(&temp_folder, home, PRIVATE).map_err(|e| make(home, e))?;
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.folder, MARK, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|e| make(MARK, e))?;
        io::Write::write_all(&mut File::from(file), mark.as_bytes()).map_err(|source| {
            WorkspaceError::Make {
                path: path(MARK),
                source,
            }
        })?;
        Ok(JobFolders {
            work: self.root.clone(),
            temp: path("_temp"),
            tools: path("_tool"),
            build: path("1"),
            home: path("_temp").join(home),
            temp_folder,
        })
    }
}

impl JobFolders {
    /// Makes a new file in the temporary folder, mode 0600. It never follows a link and never opens what is there.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        if !is_plain_name(name) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a plain file name",
            ));
        }
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.temp_folder, name, flags, Mode::RUSR | Mode::WUSR)?;
        // Whatever the umask: never wider, never narrower.
        rustix::fs::fchmod(&file, Mode::RUSR | Mode::WUSR)?;
        Ok(File::from(file))
    }

    /// Gives a file of the temporary folder its final name, replacing a file or link of that name.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        if !is_plain_name(from) || !is_plain_name(to) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a plain file name",
            ));
        }
        Ok(rustix::fs::renameat(
            &self.temp_folder,
            from,
            &self.temp_folder,
            to,
        )?)
    }

    /// Removes a file of the temporary folder.
    pub(crate) fn remove(&self, name: &str) {
        if is_plain_name(name)
            && let Err(error) = rustix::fs::unlinkat(&self.temp_folder, name, AtFlags::empty())
            && error != Errno::NOENT
        {
            tracing::warn!(error = %error, "a partial file could not be removed yet; the wipe at the job's end will");
        }
    }
}

/// Whether a name is one file in one folder, and nothing else: what the agent checks once more before it writes.
pub(crate) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && name != "."
        && name != ".."
        && !name
            .chars()
            .any(|c| c == '/' || c == '\\' || c.is_control())
}

#[cfg(test)]
mod tests;
