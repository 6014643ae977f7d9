//! Removes a folder that a hostile program filled: any depth, any mode, any links. Bounded stack, bounded
//! number of open folders.

use rustix::fd::AsFd;
use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;

/// Rounds before giving up: each goes further down, or something keeps writing.
const ROUNDS: usize = 100_000;
/// Levels that one round goes down, each with an open folder.
const DEPTH: usize = 64;

/// Opens a folder, never through a symbolic link.
pub(super) fn open_folder(at: impl AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(at, name, flags, Mode::empty())
}

/// Removes what stands under a name: file, link or folder with everything in it.
pub(super) fn remove(parent: &OwnedFd, name: &str) -> io::Result<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    let folder = open_any(parent, name)?;
    let mut number = 0_u64;
    for _ in 0..ROUNDS {
        let names = list(&folder)?;
        if names.is_empty() {
            return Ok(rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR)?);
        }
        for entry in names {
            remove_entry(&folder, &folder, &entry, DEPTH, &mut number)?;
        }
    }
    Err(io::Error::other("something keeps writing into it"))
}

/// Removes an entry of an open folder. What lies too deep is moved up into `root`, for the next round.
fn remove_entry(
    root: &OwnedFd,
    at: &OwnedFd,
    name: &CString,
    depth: usize,
    number: &mut u64,
) -> io::Result<()> {
    if unlinked(at, name)? {
        return Ok(());
    }
    if depth == 0 {
        return move_up(root, at, name, number);
    }
    let folder = open_any(at, name.as_c_str())?;
    for inner in list(&folder)? {
        remove_entry(root, &folder, &inner, depth - 1, number)?;
    }
    drop(folder);
    match rustix::fs::unlinkat(at, name, AtFlags::REMOVEDIR) {
        // Filled again meanwhile: the next round sees it.
        Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Moves a folder into `root`, under a name that is free.
fn move_up(root: &OwnedFd, at: &OwnedFd, name: &CString, number: &mut u64) -> io::Result<()> {
    let mut opened = false;
    loop {
        *number += 1;
        match rustix::fs::renameat(at, name, root, format!(".removing-{number}")) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR | Errno::ISDIR) => {}
            Err(Errno::ACCESS) if !opened => {
                // A folder that may not be written cannot change its parent.
                drop(open_any(at, name.as_c_str())?);
                opened = true;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Unlinks anything but a folder; false for a folder.
fn unlinked(at: &OwnedFd, name: &CString) -> io::Result<bool> {
    match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::ISDIR | Errno::PERM) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Opens a folder and makes it ours to change, whatever mode a job gave it.
fn open_any(at: &OwnedFd, name: impl rustix::path::Arg + Copy) -> io::Result<OwnedFd> {
    let folder = match open_folder(at, name) {
        Err(Errno::ACCESS) => {
            // No link stands here: opening one gives LOOP or NOTDIR, not ACCESS.
            rustix::fs::chmodat(at, name, Mode::RWXU, AtFlags::empty())?;
            open_folder(at, name)?
        }
        other => other?,
    };
    rustix::fs::fchmod(&folder, Mode::RWXU)?;
    Ok(folder)
}

fn list(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}
