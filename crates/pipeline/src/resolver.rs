//! What the outside tells us: which secure files and tasks exist, and what template files hold. It must not know how they are stored, nor who may use
//! them: a file that exists and is not permitted yet is found here, and the run waits for the permission later.

use std::{fmt, sync::Arc};

use uuid::Uuid;

use crate::tasks::TaskDefinition;

/// The facts a plan depends on, loaded before or between calls of [`crate::plan`].
pub trait Resolver {
    /// The secure file of this project with that id or name (names ignore case).
    fn secure_file(&self, reference: &SecureFileReference) -> Lookup<ResolvedFile>;

    /// An installed task. `name` is a name or a GUID in text form, `version` is `1` or `1.2.3` as written. Built-in
    /// tasks are known to this crate and never asked for.
    fn task(&self, name: &str, version: &str) -> Lookup<Arc<TaskDefinition>>;

    /// A template file. A pipeline without a repository has none.
    fn file(&self, _file: &FileReference) -> Lookup<SourceText> {
        Lookup::Missing
    }

    /// What a person can do about a template file that is not there; without an answer there are plain words about paths.
    fn advice(&self, _missing: &FileReference) -> Option<String> {
        None
    }

    /// The secure files that this pipeline may name by a variable which is known only when a job is handed out. Without
    /// any, such a variable is an error.
    fn files_by_variable(&self) -> &[ResolvedFile] {
        &[]
    }
}

/// A template file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileReference {
    /// Absent: the repository that the pipeline itself comes from.
    pub repository: Option<Repository>,
    /// From the root of the repository, with `/` between folders and none at the beginning. Never leads outside.
    pub path: String,
}

impl fmt::Display for FileReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        match &self.repository {
            Some(repository) => write!(f, "@{}", repository.alias),
            None => Ok(()),
        }
    }
}

/// A repository as `resources.repositories` declares it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    /// The name it has in this pipeline.
    pub alias: String,
    /// `git`, `github` …, as written.
    pub kind: Option<String>,
    /// Its name at its host.
    pub name: Option<String>,
    /// The ref asked for; absent = the default branch.
    pub reference: Option<String>,
    /// The service connection that leads to it.
    pub endpoint: Option<String>,
}

/// The text of a template file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    /// YAML.
    pub text: Arc<str>,
    /// The commit it was read at, when it comes from a repository.
    pub commit: Option<String>,
}

/// An answer of a [`Resolver`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// Not loaded: ask with [`crate::Refusal::Needs`].
    Unknown,
    /// Loaded, and there is none.
    Missing,
    /// Loaded, and more than one fits.
    Ambiguous,
    /// It cannot be looked up where the plan is made: it is taken on trust, and the plan is none to run.
    Unchecked,
    /// Loaded.
    Found(T),
}

/// How a pipeline names a secure file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecureFileReference {
    /// The value is a GUID.
    Id(Uuid),
    /// Any other value; compare it ignoring case.
    Name(String),
}

impl SecureFileReference {
    /// Reads a trimmed part of an input: a GUID is an id, all else a name.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        // Only the two forms the original reads as a GUID in YAML; `urn:uuid:` and 32 bare digits may be file names.
        let bare = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            .unwrap_or(text);
        match Uuid::try_parse(bare) {
            Ok(id) if bare.len() == 36 => Self::Id(id),
            _ => Self::Name(text.to_owned()),
        }
    }
}

/// A secure file that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedFile {
    /// Its id, which takes the place of the name in the plan.
    pub id: Uuid,
    /// Its name now.
    pub name: String,
}

/// A fact to load.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Need {
    /// A secure file of the project the pipeline belongs to.
    SecureFile(SecureFileReference),
    /// A task that is not built in.
    Task {
        /// Name or GUID as written.
        name: String,
        /// `1` or `1.2.3` as written.
        version: String,
    },
    /// A template file.
    File(FileReference),
}
