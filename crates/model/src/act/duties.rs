//! What the product does by itself, under a named duty. It must not know how facts are loaded.

use super::{Requirement, Subject, about, acts};
use crate::scope::TokenScopes;
use crate::{IdentityId, JobId, OrganizationId, ProjectId, RunId};

acts! {
    DUTIES_ACTS;

    /// End a job whose agent stopped renewing its lease.
    AbandonJob { /// Run.
        run: RunId, /// Job.
        job: JobId } "Pipelines.JobAbandoned" scope NONE
        needs |_a| Requirement::Duty,
        about |a| Subject { run: Some(a.run), job: Some(a.job), ..about(None, "job", a.job) };

    /// Skip a stage that waited too long for a permission.
    SkipStage { /// Run.
        run: RunId, /// The stage's place in the run.
        stage: i64 } "Pipelines.StageSkipped" scope NONE
        needs |_a| Requirement::Duty,
        about |a| Subject { run: Some(a.run), ..about(None, "stage", format!("{}/{}", a.run, a.stage)) };

    /// Create the organization, its first project and its first administrator.
    CreateOrganization { /// Organization.
        organization: OrganizationId } "Organization.Created" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "organization", a.organization);

    /// Make the first administrator, with the one-time code of the first start.
    CreateFirstAdministrator { /// Who.
        identity: IdentityId } "Organization.FirstAdministratorCreated" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "identity", a.identity);

    /// Make a one-time code for an administrator who cannot sign in, asked for on the host itself.
    RecoverPerson { /// Who.
        identity: IdentityId } "Identity.RecoveryBegun" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "identity", a.identity);

    /// Trade such a code for a token.
    UseRecoveryCode { /// Who.
        identity: IdentityId } "Identity.Recovered" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "identity", a.identity);

    /// Go on with a database that is behind its anchors: a backup that was put back, decided on the host itself.
    AcceptRollback { /// Organization.
        organization: OrganizationId } "Database.RollbackAccepted" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "organization", a.organization);

    /// Copy the whole database on the host itself: sealed files and wrapped keys, and nothing that opens them.
    BackUp { /// Organization.
        organization: OrganizationId } "Database.BackedUp" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "organization", a.organization);

    /// Move a database to another scale unit's keys: asked for on the host itself, and on record when it begins and ends.
    MoveUnit { /// The unit that it is moved to.
        unit: String } "Database.UnitMoved" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "scaleunit", &a.unit);

    /// Create a root generation or a project key.
    CreateKey { /// Project; none for a root generation.
        project: Option<ProjectId>, /// Its version or generation as text.
        version: String } "Key.Created" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(a.project, "key", &a.version);
}
