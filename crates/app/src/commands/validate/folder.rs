//! Templates from folders of this machine, and nothing from a server: what exists there is taken on trust. It must not
//! leave the folders it was given.

use coffer_pipeline::tasks::TaskDefinition;
use coffer_pipeline::{
    FileReference, Lookup, MAX_FILE_BYTES, ResolvedFile, Resolver, SecureFileReference, SourceText,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A working copy, and those of other repositories.
pub(crate) struct Folder {
    root: PathBuf,
    others: BTreeMap<String, PathBuf>,
    pub(crate) seen: RefCell<Seen>,
}

/// What a pipeline asked for.
#[derive(Default)]
pub(crate) struct Seen {
    /// Names or ids.
    pub(super) secure_files: BTreeSet<String>,
    pub(crate) templates: BTreeSet<String>,
    pub(super) unread: Vec<String>,
}

/// Why a file was not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unread {
    /// There is none.
    Missing,
    /// A link leads out of the folder.
    Outside,
    /// It is not UTF-8.
    NotText,
    /// It has more bytes than a template may have.
    TooLarge,
}

impl Folder {
    /// `root` and the folders of `others` must exist; aliases ignore case.
    pub(crate) fn new(root: PathBuf, others: BTreeMap<String, PathBuf>) -> Self {
        let others = others
            .into_iter()
            .map(|(alias, folder)| (alias.to_lowercase(), folder))
            .collect();
        Self {
            root,
            others,
            seen: RefCell::default(),
        }
    }

    /// Where a file of a diagnostic is on this machine, from the folder one is in.
    pub(super) fn shown(&self, file: &str, here: &Path) -> String {
        let (path, root) = match file.rsplit_once('@') {
            Some((path, alias)) => match self.others.get(&alias.to_lowercase()) {
                Some(folder) => (path, folder),
                None => return file.to_owned(),
            },
            None => (file, &self.root),
        };
        let whole = root.join(path);
        let near = whole.strip_prefix(here).unwrap_or(&whole);
        near.to_string_lossy().replace('\\', "/")
    }

    /// A file below the root.
    pub(crate) fn text(&self, path: &str) -> Result<String, Unread> {
        text_below(&self.root, path)
    }

    fn read(&self, file: &FileReference) -> Lookup<SourceText> {
        let root = match &file.repository {
            None => &self.root,
            Some(repository) => match self.others.get(&repository.alias.to_lowercase()) {
                Some(folder) => folder,
                None => {
                    self.seen.borrow_mut().unread.push(repository.alias.clone());
                    return Lookup::Missing;
                }
            },
        };
        match text_below(root, &file.path) {
            // The planner says that it is too large, of whatever there is.
            Err(Unread::TooLarge) => Lookup::Found(SourceText {
                text: " ".repeat(MAX_FILE_BYTES + 1).into(),
                commit: None,
            }),
            Ok(text) => {
                self.seen.borrow_mut().templates.insert(file.to_string());
                Lookup::Found(SourceText {
                    text: text.into(),
                    commit: None,
                })
            }
            Err(_) => Lookup::Missing,
        }
    }
}

impl Resolver for Folder {
    fn secure_file(&self, reference: &SecureFileReference) -> Lookup<ResolvedFile> {
        let shown = match reference {
            SecureFileReference::Id(id) => id.to_string(),
            SecureFileReference::Name(name) => name.clone(),
        };
        self.seen.borrow_mut().secure_files.insert(shown);
        Lookup::Unchecked
    }

    fn task(&self, _name: &str, _version: &str) -> Lookup<Arc<TaskDefinition>> {
        Lookup::Unchecked
    }

    fn file(&self, file: &FileReference) -> Lookup<SourceText> {
        self.read(file)
    }
}

/// A link may lead anywhere; what is read must be inside.
fn text_below(root: &Path, path: &str) -> Result<String, Unread> {
    let missing = |_| Unread::Missing;
    let root = root.canonicalize().map_err(missing)?;
    let path = root.join(path).canonicalize().map_err(missing)?;
    if !path.starts_with(&root) {
        return Err(Unread::Outside);
    }
    if !path.is_file() {
        return Err(Unread::Missing);
    }
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(missing)?;
    file.take(MAX_FILE_BYTES as u64 + 1)
        .read_to_end(&mut text)
        .map_err(missing)?;
    if text.len() > MAX_FILE_BYTES {
        return Err(Unread::TooLarge);
    }
    String::from_utf8(text).map_err(|_| Unread::NotText)
}

/// The nearest folder above with a `.git`, else the one the file is in.
pub(super) fn root_of(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or(Path::new("."));
    folder
        .ancestors()
        .find(|folder| folder.join(".git").exists())
        .unwrap_or(folder)
        .to_path_buf()
}
