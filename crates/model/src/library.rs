//! Secure files, pipeline permissions and projects, as the product thinks of them.

use crate::refs::AllowedRefs;
use crate::{FileId, IdentityId, PipelineId, ProjectId, Timestamp};
use std::collections::BTreeMap;

/// The largest file, in bytes, inclusive: 10 MB of the page, taken as 10 × 1024 × 1024.
pub const MAX_FILE_BYTES: u64 = 10_485_760;

/// A person, group or service as other things name it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// Its id.
    pub id: IdentityId,
    /// Sign-in name.
    pub unique_name: String,
    /// The name people see.
    pub display_name: String,
}

/// What kind an identity is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdentityKind {
    /// A person.
    User,
    /// A group.
    Group,
    /// A service: the build service of a project, an agent.
    Service,
}

impl IdentityKind {
    /// The number in the store.
    pub fn code(self) -> i64 {
        match self {
            Self::User => 1,
            Self::Group => 2,
            Self::Service => 3,
        }
    }

    /// From the number in the store.
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::User, Self::Group, Self::Service]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}

/// An identity as those see it who may see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Its id.
    pub id: IdentityId,
    /// What it is.
    pub kind: IdentityKind,
    /// The project that a group or service belongs to, and its name.
    pub project: Option<Project>,
    /// A person's sign-in name; a group's is `[Project]\Name`.
    pub unique_name: String,
    /// The name people see.
    pub display_name: String,
    /// What a group is for.
    pub description: String,
    /// Whether it is a group that came with its project or the organization.
    pub standard: bool,
    /// Whether it is shut out.
    pub disabled: bool,
}

impl Identity {
    /// As other things name it.
    pub fn person(&self) -> Person {
        Person {
            id: self.id,
            unique_name: self.unique_name.clone(),
            display_name: self.display_name.clone(),
        }
    }
}

/// A project.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name, unique in the organization ignoring case.
    pub name: String,
}

/// A secure file's metadata.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecureFile {
    /// Its id.
    pub id: FileId,
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its name as typed.
    pub name: String,
    /// Bytes of content.
    pub size: u64,
    /// Free name/value pairs.
    pub properties: BTreeMap<String, String>,
    /// Who uploaded it.
    pub created_by: Person,
    /// When.
    pub created_at: Timestamp,
    /// Who changed name or properties last.
    pub modified_by: Person,
    /// When.
    pub modified_at: Timestamp,
}

/// A protected resource.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Resource {
    /// A secure file.
    SecureFile(FileId),
}

impl Resource {
    /// The type's word, on the wire and in the store.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::SecureFile(_) => "securefile",
        }
    }

    /// The id as text.
    pub fn id(&self) -> String {
        match self {
            Self::SecureFile(id) => id.to_string(),
        }
    }
}

/// Which pipelines may use a protected resource.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PipelinePermissions {
    /// Open access: every pipeline of the project, with who opened it and when.
    pub all: Option<(Person, Timestamp)>,
    /// Open access that does not count, because the organization's switch is off.
    pub all_suspended: Option<(Person, Timestamp)>,
    /// Pipelines permitted one by one. Kept while open access is on.
    pub pipelines: Vec<PipelinePermit>,
}

/// What a permit says beside that it is there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PermitTerms {
    /// For which refs; none is all.
    pub refs: Option<AllowedRefs>,
    /// The pipeline may also name the resource by a variable that is known only when a job is handed out.
    pub by_variable: bool,
}

/// The permit of one pipeline for a protected resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PipelinePermit {
    /// The pipeline.
    pub pipeline: PipelineId,
    /// Who gave it.
    pub by: Person,
    /// When.
    pub at: Timestamp,
    /// Its terms.
    pub terms: PermitTerms,
}

/// What is frozen: its contents are given to nobody, whatever the permissions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FreezeTarget {
    /// Every file of the organization.
    Everything,
    /// Every file of a project, those to come among them.
    Project(ProjectId),
    /// One file.
    File(FileId),
}

impl FreezeTarget {
    /// The word in the store and on the wire.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Project(_) => "project",
            Self::File(_) => "file",
        }
    }
}

/// That something is frozen, by whom, since when, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Freeze {
    /// What.
    pub target: FreezeTarget,
    /// Who did it.
    pub by: Person,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}
