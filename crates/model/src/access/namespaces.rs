//! What namespaces are called, which bits they have, who may read and write their lists, and how tokens are spelled.
//!
//! Names and numbers are those the original publishes, as far as Coffer has the right at all. It must not know entries.

use super::{
    AGENT_POOLS, AUDIT_LOG, BUILD, COLLECTION, LIBRARY, Namespace, OFFICERS, PROJECT, Scope,
    agent_pools, audit_log, build, collection, library, officers, project,
};
use crate::{FileId, OrganizationId, PipelineId, ProjectId};
use uuid::Uuid;

/// A right of a namespace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Action {
    /// Its bit.
    pub bit: i64,
    /// Its name.
    pub name: &'static str,
    /// What people see.
    pub display_name: &'static str,
}

/// What there is to say of a namespace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Description {
    /// Which.
    pub namespace: Namespace,
    /// Its name.
    pub name: &'static str,
    /// What separates the parts of a token; none in a flat namespace.
    pub separator: Option<char>,
    /// The bit without which nobody reads a list, or knows that its token exists.
    pub read: i64,
    /// The bit that changes a list.
    pub write: i64,
    /// Its rights.
    pub actions: &'static [Action],
}

macro_rules! actions {
    ($($bit:expr, $name:literal, $display:literal;)*) => {
        &[$(Action { bit: $bit, name: $name, display_name: $display }),*]
    };
}

/// Every namespace there is.
pub const NAMESPACES: &[Description] = &[
    Description {
        namespace: LIBRARY,
        name: "Library",
        separator: Some('/'),
        read: library::VIEW,
        write: library::ADMINISTER,
        actions: actions! {
            library::VIEW, "View", "View library item";
            library::ADMINISTER, "Administer", "Administer library item";
            library::CREATE, "Create", "Create library item";
            library::VIEW_SECRETS, "ViewSecrets", "View library item secrets";
            library::USE, "Use", "Use library item";
            library::OWNER, "Owner", "Owner";
        },
    },
    Description {
        namespace: BUILD,
        name: "Build",
        separator: Some('/'),
        read: build::VIEW_BUILDS,
        write: build::ADMINISTER,
        actions: actions! {
            build::VIEW_BUILDS, "ViewBuilds", "View builds";
            build::QUEUE_BUILDS, "QueueBuilds", "Queue builds";
            build::STOP_BUILDS, "StopBuilds", "Stop builds";
            build::VIEW_DEFINITION, "ViewBuildDefinition", "View build pipeline";
            build::EDIT_DEFINITION, "EditBuildDefinition", "Edit build pipeline";
            build::DELETE_DEFINITION, "DeleteBuildDefinition", "Delete build pipeline";
            build::ADMINISTER, "AdministerBuildPermissions", "Administer build permissions";
            build::CREATE_DEFINITION, "CreateBuildDefinition", "Create build pipeline";
        },
    },
    Description {
        namespace: PROJECT,
        name: "Project",
        separator: None,
        read: project::READ,
        write: project::WRITE,
        actions: actions! {
            project::READ, "GENERIC_READ", "View project-level information";
            project::WRITE, "GENERIC_WRITE", "Edit project-level information";
            project::DELETE, "DELETE", "Delete team project";
            project::RENAME, "RENAME", "Rename team project";
        },
    },
    Description {
        namespace: COLLECTION,
        name: "Collection",
        separator: None,
        read: collection::READ,
        write: collection::WRITE,
        actions: actions! {
            collection::READ, "GENERIC_READ", "View instance-level information";
            collection::WRITE, "GENERIC_WRITE", "Edit instance-level information";
            collection::CREATE_PROJECTS, "CREATE_PROJECTS", "Create new projects";
        },
    },
    Description {
        namespace: AUDIT_LOG,
        name: "AuditLog",
        separator: None,
        read: audit_log::READ,
        write: audit_log::WRITE,
        actions: actions! {
            audit_log::READ, "Read", "View audit log";
            audit_log::WRITE, "Write", "Hand out rights on the audit log";
            audit_log::MANAGE_STREAMS, "Manage_Streams", "Manage audit streams";
            audit_log::DELETE_STREAMS, "Delete_Streams", "Delete audit streams";
        },
    },
    Description {
        namespace: AGENT_POOLS,
        name: "DistributedTask",
        separator: Some('/'),
        read: agent_pools::VIEW,
        write: agent_pools::MANAGE,
        actions: actions! {
            agent_pools::VIEW, "View", "View";
            agent_pools::MANAGE, "Manage", "Manage";
        },
    },
    Description {
        namespace: OFFICERS,
        name: "CofferOfficers",
        separator: None,
        read: officers::LOOK,
        write: officers::ADMINISTER,
        actions: actions! {
            officers::LOOK, "Look", "See keys, rotations and break-glass requests";
            officers::OPERATE_KEYS, "OperateKeys", "Rotate and manage keys";
            officers::BREAK_GLASS, "BreakGlass", "Act as break-glass officer";
            officers::ADMINISTER, "Administer", "Name officers";
        },
    },
];

impl Namespace {
    /// What there is to say of it. None for a namespace that Coffer does not have.
    pub fn description(self) -> Option<&'static Description> {
        NAMESPACES.iter().find(|known| known.namespace == self)
    }
}

impl Description {
    /// Every bit that means something here.
    pub fn known_bits(&self) -> i64 {
        self.actions.iter().fold(0, |all, action| all | action.bit)
    }
}

impl Scope {
    /// Its namespace's description.
    pub fn description(&self) -> &'static Description {
        let namespace = self.place().namespace;
        NAMESPACES
            .iter()
            .find(|known| known.namespace == namespace)
            .unwrap_or(&NAMESPACES[0])
    }

    /// The thing that a token of a namespace names. None when it is no token of ours: nothing is guessed.
    ///
    /// GUIDs are read in any case, as the original does; the rest is as the original spells it.
    pub fn parse(namespace: Namespace, token: &str, organization: OrganizationId) -> Option<Self> {
        let guid = |text: &str| {
            (text.len() == 36)
                .then(|| Uuid::parse_str(text).ok())
                .flatten()
        };
        let token = token.strip_suffix('/').unwrap_or(token);
        let parts: Vec<&str> = token.split('/').collect();
        match (namespace, parts.as_slice()) {
            (LIBRARY, ["Library", project]) => Some(Self::Library(ProjectId(guid(project)?))),
            (LIBRARY, ["Library", project, "SecureFile", file]) => {
                Some(Self::File(ProjectId(guid(project)?), FileId(guid(file)?)))
            }
            (BUILD, [project]) => Some(Self::Pipelines(ProjectId(guid(project)?))),
            (BUILD, [project, pipeline]) => {
                let id: i64 = pipeline.parse().ok()?;
                (id > 0 && id.to_string() == *pipeline)
                    .then_some(Self::Pipeline(ProjectId(guid(project)?), PipelineId(id)))
            }
            (PROJECT, _) => {
                let id = token.strip_prefix("$PROJECT:vstfs:///Classification/TeamProject/")?;
                let id = id.strip_suffix(':').unwrap_or(id);
                Some(Self::Project(ProjectId(guid(id)?)))
            }
            (COLLECTION, ["NAMESPACE:" | "NAMESPACE"]) => Some(Self::Organization(organization)),
            (AUDIT_LOG, ["AllPermissions"]) => Some(Self::AuditLog(organization)),
            (AGENT_POOLS, ["AgentPools"]) => Some(Self::AgentPools(organization)),
            (OFFICERS, ["Officers"]) => Some(Self::Officers(organization)),
            _ => None,
        }
    }

    /// The project it belongs to.
    pub fn project(&self) -> Option<ProjectId> {
        match *self {
            Self::Library(p)
            | Self::File(p, _)
            | Self::Pipelines(p)
            | Self::Pipeline(p, _)
            | Self::Project(p) => Some(p),
            Self::Organization(_) | Self::AuditLog(_) | Self::AgentPools(_) | Self::Officers(_) => {
                None
            }
        }
    }

    /// The kind and id that the audit log names it by.
    pub fn named(&self) -> (&'static str, String) {
        match *self {
            Self::Library(p) => ("library", p.to_string()),
            Self::File(_, f) => ("securefile", f.to_string()),
            Self::Pipelines(p) => ("pipelines", p.to_string()),
            Self::Pipeline(_, d) => ("pipeline", d.to_string()),
            Self::Project(p) => ("project", p.to_string()),
            Self::Organization(o) => ("organization", o.to_string()),
            Self::AuditLog(o) => ("auditlog", o.to_string()),
            Self::AgentPools(o) => ("agentpools", o.to_string()),
            Self::Officers(o) => ("officers", o.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_the_scope_that_spelled_it() {
        let organization = OrganizationId(Uuid::from_u128(9));
        let project = ProjectId(Uuid::from_u128(0xA1));
        for scope in [
            Scope::Library(project),
            Scope::File(project, FileId(Uuid::from_u128(0xB2))),
            Scope::Pipelines(project),
            Scope::Pipeline(project, PipelineId(12)),
            Scope::Project(project),
            Scope::Organization(organization),
            Scope::AuditLog(organization),
            Scope::AgentPools(organization),
            Scope::Officers(organization),
        ] {
            let place = scope.place();
            let parse = |token: &str| Scope::parse(place.namespace, token, organization);
            assert_eq!(parse(&place.token), Some(scope));
            assert_eq!(parse(&format!("{}/", place.token)), Some(scope));
            let description = scope.description();
            assert_eq!(description.namespace, place.namespace);
            let known = description.known_bits();
            assert_eq!(known & description.read, description.read);
            assert_eq!(known & description.write, description.write);
            for other in NAMESPACES.iter().map(|other| other.namespace) {
                if other != place.namespace {
                    assert_eq!(Scope::parse(other, &place.token, organization), None);
                }
            }
        }
    }

    #[test]
    fn what_is_no_token_of_ours_names_nothing() {
        let project = ProjectId(Uuid::from_u128(0xA1));
        for (namespace, token) in [
            (LIBRARY, String::new()),
            (LIBRARY, "Library".into()),
            (LIBRARY, format!("library/{project}")),
            (LIBRARY, format!("Library/Project/{project}")),
            (LIBRARY, format!("Library/{project}/VariableGroup/1")),
            (LIBRARY, format!("Library/{project}/SecureFile/1")),
            (LIBRARY, format!("Library/{project}/SecureFile/{project}/x")),
            (LIBRARY, format!("Library/{{{project}}}")),
            (LIBRARY, format!("Library/{}", project.0.simple())),
            (BUILD, format!("{project}/0")),
            (BUILD, format!("{project}/-1")),
            (BUILD, format!("{project}/01")),
            (BUILD, format!("{project}/folder/1")),
            (PROJECT, "$PROJECT".into()),
            (COLLECTION, "NAMESPACES".into()),
            (AGENT_POOLS, "AgentPools/1".into()),
        ] {
            let organization = OrganizationId(Uuid::nil());
            assert_eq!(
                Scope::parse(namespace, &token, organization),
                None,
                "{token}"
            );
        }
        let upper = format!("Library/{}", project.to_string().to_uppercase());
        assert_eq!(
            Scope::parse(LIBRARY, &upper, OrganizationId(Uuid::nil())),
            Some(Scope::Library(project))
        );
    }

    #[test]
    fn every_bit_of_a_namespace_is_there_once() {
        for known in NAMESPACES {
            let sum: i64 = known.actions.iter().map(|action| action.bit).sum();
            assert_eq!(sum, known.known_bits(), "{}", known.name);
        }
    }
}
