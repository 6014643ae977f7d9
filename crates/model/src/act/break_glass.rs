//! Acts of breaking glass: the one way by which content reaches people, for two officers together. It must not know
//! how facts are loaded.
//!
//! Each asks for a sign-in in the call itself. `listed` says whether the configuration names the caller as an officer.

use super::{Requirement, Subject, about, acts};
use crate::break_glass::Step;
use crate::scope::TokenScopes;
use crate::{FileId, OrganizationId, ProjectId};
use uuid::Uuid;

acts! {
    BREAK_GLASS_ACTS;

    /// Ask, as a break-glass officer, for the content of one file, encrypted to somebody.
    RequestBreakGlass { /// Organization.
        organization: OrganizationId, /// Project.
        project: ProjectId, /// File.
        file: FileId, /// Whether the configuration names the caller.
        listed: bool } "BreakGlass.Requested" scope FULL + shown
        needs |a| Requirement::Officer { organization: a.organization, project: a.project, file: a.file,
            listed: a.listed, step: Step::Request },
        about |a| about(Some(a.project), "securefile", a.file);

    /// Agree, as another break-glass officer, with what one asked for.
    ApproveBreakGlass { /// Organization.
        organization: OrganizationId, /// Project.
        project: ProjectId, /// File.
        file: FileId, /// Whether the configuration names the caller.
        listed: bool, /// The request.
        request: Uuid, /// What the officer saw.
        digest: [u8; 32] } "BreakGlass.Approved" scope FULL + shown
        needs |a| Requirement::Officer { organization: a.organization, project: a.project, file: a.file,
            listed: a.listed, step: Step::Approve { request: a.request, digest: a.digest } },
        about |a| about(Some(a.project), "securefile", a.file);

    /// Have the content that two break-glass officers agreed on, once, encrypted to whom the request names.
    ExportBreakGlass { /// Organization.
        organization: OrganizationId, /// Project.
        project: ProjectId, /// File.
        file: FileId, /// Whether the configuration names the caller.
        listed: bool, /// The request.
        request: Uuid, /// What the officer saw.
        digest: [u8; 32] } "BreakGlass.Exported" scope FULL + shown
        needs |a| Requirement::Officer { organization: a.organization, project: a.project, file: a.file,
            listed: a.listed, step: Step::Export { request: a.request, digest: a.digest } },
        about |a| about(Some(a.project), "securefile", a.file);

    /// Take a break-glass request back.
    WithdrawBreakGlass { /// Organization.
        organization: OrganizationId, /// Project.
        project: ProjectId, /// File.
        file: FileId, /// Whether the configuration names the caller.
        listed: bool, /// The request.
        request: Uuid } "BreakGlass.Withdrawn" scope FULL
        needs |a| Requirement::Officer { organization: a.organization, project: a.project, file: a.file,
            listed: a.listed, step: Step::Withdraw { request: a.request } },
        about |a| about(Some(a.project), "securefile", a.file);

    /// Note that nobody agreed with a break-glass request, or had its content, in time.
    ExpireBreakGlass { /// Project.
        project: ProjectId, /// File.
        file: FileId, /// The request.
        request: Uuid } "BreakGlass.Expired" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(Some(a.project), "securefile", a.file);
}
