//! Templates from folders of this machine, and nothing from a server: what exists there is taken on trust. It must not
//! leave the folders it was given.

use coffer_pipeline::tasks::TaskDefinition;
use coffer_pipeline::{
    FileReference, Lookup, ResolvedFile, Resolver, SecureFileReference, SourceText,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// No file is read further than this; the planner says that it is too large.
const MAX_FILE: u64 = (1 << 20) + 1;

/// A working copy, and those of other repositories.
pub(super) struct Folder {
    root: PathBuf,
    others: BTreeMap<String, PathBuf>,
    pub(super) seen: RefCell<Seen>,
}

/// What a pipeline asked for.
#[derive(Default)]
pub(super) struct Seen {
    /// Names or ids.
    pub(super) secure_files: BTreeSet<String>,
    pub(super) templates: BTreeSet<String>,
    pub(super) unread: Vec<String>,
}

impl Folder {
    /// `root` and the folders of `others` must exist; aliases ignore case.
    pub(super) fn new(root: PathBuf, others: BTreeMap<String, PathBuf>) -> Self {
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
        // A link may lead anywhere; what is read must be inside.
        let inside = root
            .canonicalize()
            .and_then(|root| Ok((root.join(&file.path).canonicalize()?, root)))
            .ok()
            .filter(|(path, root)| path.starts_with(root) && path.is_file());
        let text = inside.and_then(|(path, _)| {
            let mut text = Vec::new();
            std::fs::File::open(path)
                .ok()?
                .take(MAX_FILE)
                .read_to_end(&mut text)
                .ok()?;
            String::from_utf8(text).ok()
        });
        match text {
            Some(text) => {
                self.seen.borrow_mut().templates.insert(file.to_string());
                Lookup::Found(SourceText {
                    text: text.into(),
                    commit: None,
                })
            }
            None => Lookup::Missing,
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

/// The nearest folder above with a `.git`, else the one the file is in.
pub(super) fn root_of(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or(Path::new("."));
    folder
        .ancestors()
        .find(|folder| folder.join(".git").exists())
        .unwrap_or(folder)
        .to_path_buf()
}
