//! The file outside the data folder that keeps the newest anchor. Replaced whole, durably, and never repaired.

use coffer_service::{AnchorPlace, BoxFuture};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// No anchor with its key is longer.
const MAX_LEN: u64 = 64 << 10;

/// The file.
pub(crate) struct AnchorFile(PathBuf);

impl AnchorFile {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        // Where even the folder is missing, such as a disk that is not mounted, nothing can be told.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            folder(path).metadata()?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    file.take(MAX_LEN).read_to_string(&mut text)?;
    Ok(Some(text))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(io::Error::other("it broke off")))
}

impl AnchorPlace for AnchorFile {
    fn name(&self) -> String {
        format!("the anchor file {}", self.0.display())
    }

    fn read(&self) -> BoxFuture<'_, io::Result<Option<String>>> {
        let path = self.0.clone();
        Box::pin(apart(move || read(&path)))
    }

    fn write<'a>(&'a self, text: &'a str) -> BoxFuture<'a, io::Result<()>> {
        let (path, text) = (self.0.clone(), text.to_owned());
        Box::pin(apart(move || write(&path, &text)))
    }

    fn has_room(&self) -> bool {
        true
    }

    fn is_guarded(&self) -> bool {
        false
    }

    fn pause(&self) -> i64 {
        0
    }
}
