//! One of each act, so that what is written about acts leaves none out. Tests only.

use super::{Act, ChangeInheritance, ChangePermission, Demand, RemovePermission, ViewAccess};
use crate::access::Scope;
use crate::{
    AgentId, CredentialId, FileId, IdentityId, JobId, OrganizationId, PipelineId, ProjectId, RunId,
    StreamId,
};
use uuid::Uuid;

/// An act, as lists of acts need it.
pub(crate) struct Sampled {
    /// The name of its type.
    pub(crate) name: &'static str,
    /// Its action id.
    pub(crate) action: &'static str,
    /// What it demands.
    pub(crate) demand: Demand,
    /// What it is for, in words; empty for one of several of its kind.
    pub(crate) purpose: &'static str,
    /// The type of resource that its event names.
    pub(crate) about: &'static str,
}

pub(super) fn sampled<A: Act>(name: &'static str, purpose: &'static str, act: &A) -> Sampled {
    Sampled {
        name,
        action: A::ACTION,
        demand: act.demand(),
        purpose,
        about: act.subject().kind,
    }
}

/// Some value of a type that acts have as a field. All ids are those of one thing, so that an act of the caller is one
/// on the caller's own.
pub(super) trait Sample {
    fn sample() -> Self;
}

macro_rules! samples {
    ($($type:ty = $value:expr;)*) => {$(
        impl Sample for $type {
            fn sample() -> Self { $value }
        }
    )*};
}

samples! {
    AgentId = Self(Uuid::nil());
    CredentialId = Self(Uuid::nil());
    FileId = Self(Uuid::nil());
    IdentityId = Self(Uuid::nil());
    JobId = Self(Uuid::nil());
    OrganizationId = Self(Uuid::nil());
    PipelineId = Self(1);
    ProjectId = Self(Uuid::nil());
    RunId = Self(1);
    StreamId = Self(Uuid::nil());
    Uuid = Self::nil();
    String = Self::new();
    &'static str = "";
    [u8; 32] = [0; 32];
    bool = true;
    i64 = 1;
    Scope = Self::Library(ProjectId::sample());
}

impl<T: Sample> Sample for Option<T> {
    fn sample() -> Self {
        Some(T::sample())
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample() -> Self {
        vec![T::sample()]
    }
}

/// One of each act.
pub(crate) fn all() -> Vec<Sampled> {
    let mut all = super::library::samples();
    all.extend(super::freezes::samples());
    all.extend(super::pipelines::samples());
    all.extend(super::people::samples());
    all.extend(super::groups::samples());
    all.extend(super::audit::samples());
    all.extend(super::access::samples());
    all.extend(elsewhere());
    all.extend(super::streams::samples());
    all.extend(super::keys::samples());
    all.extend(super::break_glass::samples());
    all.extend(super::duties::samples());
    all.extend(super::sign_in::samples());
    all.extend(super::provider::samples());
    all
}

/// Acts that are the same everywhere, at the places where [`Sample`] does not put them.
fn elsewhere() -> Vec<Sampled> {
    let (project, organization) = (ProjectId::sample(), OrganizationId::sample());
    let identity = IdentityId::sample();
    [
        Scope::File(project, FileId::sample()),
        Scope::Pipelines(project),
        Scope::Pipeline(project, PipelineId::sample()),
        Scope::Project(project),
        Scope::Organization(organization),
        Scope::AuditLog(organization),
        Scope::AgentPools(organization),
        Scope::Officers(organization),
    ]
    .into_iter()
    .flat_map(|scope| {
        [
            sampled("ViewAccess", "", &ViewAccess { scope }),
            sampled(
                "ChangePermission",
                "",
                &ChangePermission { scope, identity },
            ),
            sampled(
                "RemovePermission",
                "",
                &RemovePermission { scope, identity },
            ),
            sampled("ChangeInheritance", "", &ChangeInheritance { scope }),
        ]
    })
    .collect()
}
