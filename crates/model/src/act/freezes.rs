//! Acts that stop content, and let it flow again. It must not know how facts are loaded.
//!
//! Freezing must be quick, so it asks for no fresh sign-in; lifting a freeze does.

use super::{Requirement, Subject, about, acts, right};
use crate::access::{Scope, collection, library, project};
use crate::scope::TokenScopes;
use crate::{FileId, OrganizationId, ProjectId};

acts! {
    FREEZES_ACTS;

    /// See which files of a project are frozen, and why.
    ViewFreezes { /// Project.
        project: ProjectId } "Library.FreezesViewed" scope SECURE_FILES_READ
        needs |a| right(Scope::Library(a.project), library::VIEW, library::VIEW),
        about |a| about(Some(a.project), "project", a.project);

    /// Freeze a secure file.
    FreezeFile { /// Project.
        project: ProjectId, /// File.
        file: FileId } "SecureFile.Frozen" scope SECURE_FILES_MANAGE
        needs |a| right(Scope::File(a.project, a.file), library::ADMINISTER, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Lift a secure file's freeze.
    UnfreezeFile { /// Project.
        project: ProjectId, /// File.
        file: FileId } "SecureFile.Unfrozen" scope SECURE_FILES_MANAGE + fresh
        needs |a| right(Scope::File(a.project, a.file), library::ADMINISTER, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Freeze every file of a project: for who administers the project.
    FreezeProject { /// Project.
        project: ProjectId } "Library.Frozen" scope SECURE_FILES_MANAGE
        needs |a| right(Scope::Project(a.project), project::WRITE, project::READ),
        about |a| about(Some(a.project), "project", a.project);

    /// Lift a project's freeze.
    UnfreezeProject { /// Project.
        project: ProjectId } "Library.Unfrozen" scope SECURE_FILES_MANAGE + fresh
        needs |a| right(Scope::Project(a.project), project::WRITE, project::READ),
        about |a| about(Some(a.project), "project", a.project);

    /// Freeze every file of the organization.
    FreezeEverything { /// Organization.
        organization: OrganizationId } "Organization.Frozen" scope SECURE_FILES_MANAGE
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "organization", a.organization);

    /// Lift the freeze of everything.
    UnfreezeEverything { /// Organization.
        organization: OrganizationId } "Organization.Unfrozen" scope SECURE_FILES_MANAGE + fresh
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "organization", a.organization);
}
