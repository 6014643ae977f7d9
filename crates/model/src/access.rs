//! The access-control model: namespaces, bits, tokens, entries, and the roles that are patterns over them.
//!
//! One store holds every right. An entry says, for one identity at one token of one namespace, which bits are
//! allowed and which are denied. Namespaces, bits and token texts are those the original publishes, so that what
//! the wire shows is what is enforced.

mod namespaces;
mod roles;

pub use namespaces::{Action, Description, NAMESPACES};
pub use roles::{Bits, Breach, Role, ShownRole, may_become, shown};

use crate::{FileId, IdentityId, OrganizationId, PipelineId, ProjectId};
use uuid::{Uuid, uuid};

/// A namespace of rights.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Namespace(pub Uuid);

/// Library items: secure files, later variable groups.
pub const LIBRARY: Namespace = Namespace(uuid!("b7e84409-6553-448a-bbb2-af228e07cbeb"));
/// Pipelines and their runs.
pub const BUILD: Namespace = Namespace(uuid!("33344d9c-fc72-4d6f-aba5-fa317101a7e9"));
/// The organization.
pub const COLLECTION: Namespace = Namespace(uuid!("3e65f728-f8bc-4ecd-8764-7e378b19bfa7"));
/// The audit log.
pub const AUDIT_LOG: Namespace = Namespace(uuid!("a6cc6381-a1ca-4b36-b3c1-4e65211e82b6"));
/// Projects themselves.
pub const PROJECT: Namespace = Namespace(uuid!("52d39943-cb85-4d7f-8fa8-c6baac873819"));
/// Agent pools.
pub const AGENT_POOLS: Namespace = Namespace(uuid!("101eae8c-1709-47f9-b228-0e476c35b3ba"));
/// Keys and break-glass: ours, the original has nothing like it.
pub const OFFICERS: Namespace = Namespace(uuid!("0d6f3c52-5b0a-4c39-9a5e-6f1b7c1d2e90"));

/// Bits of [`LIBRARY`].
pub mod library {
    /// See that the item exists, its name and properties.
    pub const VIEW: i64 = 1;
    /// Rename, change, delete, hand out roles, open to all pipelines.
    pub const ADMINISTER: i64 = 2;
    /// Create items.
    pub const CREATE: i64 = 4;
    /// See secrets of variable groups. Gives nothing on a secure file: its content is for jobs.
    pub const VIEW_SECRETS: i64 = 8;
    /// Use in a pipeline; permit one pipeline.
    pub const USE: i64 = 16;
    /// Marks the creator's entry, which cannot be changed or removed.
    pub const OWNER: i64 = 32;
}

/// Bits of [`BUILD`].
pub mod build {
    /// See runs and read their logs: the original has no bit for logs alone.
    pub const VIEW_BUILDS: i64 = 1;
    /// Queue a run.
    pub const QUEUE_BUILDS: i64 = 128;
    /// Cancel a run.
    pub const STOP_BUILDS: i64 = 512;
    /// See pipelines.
    pub const VIEW_DEFINITION: i64 = 1024;
    /// Change a pipeline's YAML.
    pub const EDIT_DEFINITION: i64 = 2048;
    /// Delete a pipeline.
    pub const DELETE_DEFINITION: i64 = 4096;
    /// Hand out rights on pipelines.
    pub const ADMINISTER: i64 = 16384;
    /// Create a pipeline.
    pub const CREATE_DEFINITION: i64 = 32768;
    /// Everything.
    pub const ALL: i64 = VIEW_BUILDS
        | QUEUE_BUILDS
        | STOP_BUILDS
        | VIEW_DEFINITION
        | EDIT_DEFINITION
        | DELETE_DEFINITION
        | ADMINISTER
        | CREATE_DEFINITION;
}

/// Bits of [`COLLECTION`].
pub mod collection {
    /// See projects and people.
    pub const READ: i64 = 1;
    /// Administer people, tokens and settings.
    pub const WRITE: i64 = 2;
    /// Create projects.
    pub const CREATE_PROJECTS: i64 = 4;
    /// Everything.
    pub const ALL: i64 = READ | WRITE | CREATE_PROJECTS;
}

/// Bits of [`PROJECT`].
pub mod project {
    /// See that the project exists, its name and its groups.
    pub const READ: i64 = 1;
    /// Administer the project: its description, its groups and who is in them.
    pub const WRITE: i64 = 2;
    /// Delete the project.
    pub const DELETE: i64 = 4;
    /// Rename the project.
    pub const RENAME: i64 = 65536;
    /// Everything.
    pub const ALL: i64 = READ | WRITE | DELETE | RENAME;
}

/// Bits of [`AUDIT_LOG`].
pub mod audit_log {
    /// Read and verify.
    pub const READ: i64 = 1;
    /// Hand out rights on the audit log.
    pub const WRITE: i64 = 2;
    /// Make and change audit streams.
    pub const MANAGE_STREAMS: i64 = 4;
    /// Delete audit streams.
    pub const DELETE_STREAMS: i64 = 8;
    /// Everything.
    pub const ALL: i64 = READ | WRITE | MANAGE_STREAMS | DELETE_STREAMS;
}

/// Bits of [`AGENT_POOLS`].
pub mod agent_pools {
    /// See pools and agents.
    pub const VIEW: i64 = 1;
    /// Register and remove agents.
    pub const MANAGE: i64 = 2;
}

/// Bits of [`OFFICERS`].
pub mod officers {
    /// See keys, rotations and break-glass requests.
    pub const LOOK: i64 = 1;
    /// Rotate and manage keys.
    pub const OPERATE_KEYS: i64 = 2;
    /// Act as one of the two officers that break glass. Administering the organization does not include it.
    pub const BREAK_GLASS: i64 = 4;
    /// Hand out these rights.
    pub const ADMINISTER: i64 = 8;
}

/// Where a right is looked up: a namespace, the token of the thing itself, and the token it inherits from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The namespace.
    pub namespace: Namespace,
    /// The thing's own token.
    pub token: String,
    /// The token it inherits from, unless inheritance is switched off at `token`.
    pub parent: Option<String>,
}

/// What a right is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scope {
    /// The whole library of a project.
    Library(ProjectId),
    /// One secure file.
    File(ProjectId, FileId),
    /// All pipelines of a project.
    Pipelines(ProjectId),
    /// One pipeline and its runs.
    Pipeline(ProjectId, PipelineId),
    /// A project itself.
    Project(ProjectId),
    /// The organization.
    Organization(OrganizationId),
    /// The audit log of the organization.
    AuditLog(OrganizationId),
    /// The agent pools of the organization.
    AgentPools(OrganizationId),
    /// The keys of the organization, and breaking glass.
    Officers(OrganizationId),
}

/// Token of a project's library, as the original spells it.
pub fn library_token(project: ProjectId) -> String {
    format!("Library/{project}")
}

/// Token of a secure file.
pub fn file_token(project: ProjectId, file: FileId) -> String {
    format!("Library/{project}/SecureFile/{file}")
}

/// Token of a project itself.
pub fn project_token(project: ProjectId) -> String {
    format!("$PROJECT:vstfs:///Classification/TeamProject/{project}")
}

impl Scope {
    /// Where entries for this scope are.
    pub fn place(&self) -> Place {
        let place = |namespace, token, parent| Place {
            namespace,
            token,
            parent,
        };
        match *self {
            Self::Library(p) => place(LIBRARY, library_token(p), None),
            Self::File(p, f) => place(LIBRARY, file_token(p, f), Some(library_token(p))),
            Self::Pipelines(p) => place(BUILD, p.to_string(), None),
            Self::Pipeline(p, d) => place(BUILD, format!("{p}/{d}"), Some(p.to_string())),
            Self::Project(p) => place(PROJECT, project_token(p), None),
            Self::Organization(_) => place(COLLECTION, "NAMESPACE:".into(), None),
            Self::AuditLog(_) => place(AUDIT_LOG, "AllPermissions".into(), None),
            Self::AgentPools(_) => place(AGENT_POOLS, "AgentPools".into(), None),
            Self::Officers(_) => place(OFFICERS, "Officers".into(), None),
        }
    }
}

/// One entry of the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Whether it stands at the thing itself (not inherited).
    pub own: bool,
    /// Whose.
    pub identity: IdentityId,
    /// Bits allowed.
    pub allow: i64,
    /// Bits denied.
    pub deny: i64,
}

/// The bits that entries give together.
///
/// `entries` are those of the caller and of every group the caller is in, at the thing and at its parent. An entry at
/// the thing replaces the same identity's inherited one. Of what is left, deny wins, else the union.
pub fn effective(entries: &[Entry], inherits: bool) -> i64 {
    let mut allow = 0;
    let mut deny = 0;
    for entry in entries {
        let replaced = || {
            entries
                .iter()
                .any(|other| other.own && other.identity == entry.identity)
        };
        if entry.own || (inherits && !replaced()) {
            allow |= entry.allow;
            deny |= entry.deny;
        }
    }
    allow & !deny
}

/// A group that every project starts with, and its rights there.
#[derive(Clone, Copy, Debug)]
pub struct DefaultGroup {
    /// Name within the project.
    pub name: &'static str,
    /// Bits at the project's library.
    pub library: i64,
    /// Bits at the project's pipelines.
    pub pipelines: i64,
    /// Bits at the project itself.
    pub project: i64,
}

/// Everybody who is in any other group of the project.
pub const VALID_USERS: &str = "Project Valid Users";
/// The group that administers a project.
pub const PROJECT_ADMINISTRATORS: &str = "Project Administrators";
/// The group that administers the organization.
pub const COLLECTION_ADMINISTRATORS: &str = "Project Collection Administrators";

/// Those who read the audit log, and nothing else.
pub const AUDIT_READERS: &str = "Audit Readers";
/// Those who look after keys.
pub const KEY_OPERATORS: &str = "Key Operators";
/// Those of whom two break glass together. Nobody is among them by administering something.
pub const BREAK_GLASS_OFFICERS: &str = "Break-Glass Officers";

/// Default groups and roles of a new project.
pub fn default_groups() -> [DefaultGroup; 6] {
    let administrator = Role::Administrator.library_bits();
    let see = build::VIEW_BUILDS | build::VIEW_DEFINITION;
    let work = see
        | build::QUEUE_BUILDS
        | build::STOP_BUILDS
        | build::EDIT_DEFINITION
        | build::CREATE_DEFINITION;
    [
        DefaultGroup {
            name: VALID_USERS,
            library: Role::Reader.library_bits(),
            pipelines: see,
            project: project::READ,
        },
        DefaultGroup {
            name: PROJECT_ADMINISTRATORS,
            library: administrator,
            pipelines: build::ALL,
            project: project::ALL,
        },
        DefaultGroup {
            name: "Build Administrators",
            library: administrator,
            pipelines: build::ALL,
            project: 0,
        },
        DefaultGroup {
            name: "Release Administrators",
            library: administrator,
            pipelines: see,
            project: 0,
        },
        DefaultGroup {
            name: "Contributors",
            library: Role::Creator.library_bits(),
            pipelines: work,
            project: 0,
        },
        DefaultGroup {
            name: "Readers",
            library: 0,
            pipelines: 0,
            project: 0,
        },
    ]
}

/// Everybody in the organization.
pub const COLLECTION_VALID_USERS: &str = "Project Collection Valid Users";

/// A group that the organization starts with, and its rights.
#[derive(Clone, Debug)]
pub struct OrganizationGroup {
    /// Its name.
    pub name: &'static str,
    /// Bits, and where.
    pub rights: Vec<(Scope, i64)>,
}

/// Groups and rights of a new organization.
pub fn organization_groups(organization: OrganizationId) -> Vec<OrganizationGroup> {
    vec![
        OrganizationGroup {
            name: COLLECTION_ADMINISTRATORS,
            rights: vec![
                (Scope::Organization(organization), collection::ALL),
                (Scope::AuditLog(organization), audit_log::ALL),
                (
                    Scope::AgentPools(organization),
                    agent_pools::VIEW | agent_pools::MANAGE,
                ),
                (
                    Scope::Officers(organization),
                    officers::LOOK | officers::OPERATE_KEYS | officers::ADMINISTER,
                ),
            ],
        },
        OrganizationGroup {
            name: COLLECTION_VALID_USERS,
            rights: vec![(Scope::Organization(organization), collection::READ)],
        },
        OrganizationGroup {
            name: AUDIT_READERS,
            rights: vec![(Scope::AuditLog(organization), audit_log::READ)],
        },
        OrganizationGroup {
            name: KEY_OPERATORS,
            rights: vec![(
                Scope::Officers(organization),
                officers::LOOK | officers::OPERATE_KEYS,
            )],
        },
        OrganizationGroup {
            name: BREAK_GLASS_OFFICERS,
            rights: vec![(
                Scope::Officers(organization),
                officers::LOOK | officers::BREAK_GLASS,
            )],
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(own: bool, identity: u128, allow: i64, deny: i64) -> Entry {
        Entry {
            own,
            identity: IdentityId(Uuid::from_u128(identity)),
            allow,
            deny,
        }
    }

    #[test]
    fn groups_unite_and_deny_wins() {
        let entries = [entry(false, 1, 1, 0), entry(false, 2, 16, 0)];
        assert_eq!(effective(&entries, true), 17);
        let denied = [entry(false, 1, 17, 0), entry(false, 2, 0, 16)];
        assert_eq!(effective(&denied, true), 1);
    }

    #[test]
    fn an_own_entry_replaces_the_inherited_one_of_that_identity_only() {
        let entries = [
            entry(false, 1, 19, 0),
            entry(true, 1, 1, 0),
            entry(false, 2, 16, 0),
        ];
        assert_eq!(effective(&entries, true), 17);
    }

    #[test]
    fn without_inheritance_only_own_entries_count() {
        let entries = [entry(false, 1, 19, 0), entry(true, 2, 1, 0)];
        assert_eq!(effective(&entries, false), 1);
    }

    #[test]
    fn only_its_own_group_breaks_glass_and_audit_readers_have_one_right() {
        let organization = OrganizationId(Uuid::nil());
        for group in organization_groups(organization) {
            let breaks = group.rights.iter().any(|(scope, bits)| {
                *scope == Scope::Officers(organization) && bits & officers::BREAK_GLASS != 0
            });
            assert_eq!(breaks, group.name == BREAK_GLASS_OFFICERS, "{}", group.name);
            if group.name == AUDIT_READERS {
                let only = [(Scope::AuditLog(organization), audit_log::READ)];
                assert_eq!(group.rights, only);
            }
        }
    }
}
