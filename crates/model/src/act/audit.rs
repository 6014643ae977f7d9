//! Acts on the audit log. It must not know how facts are loaded.

use super::{Requirement, Subject, about, acts, right};
use crate::OrganizationId;
use crate::access::{Scope, audit_log, collection};
use crate::scope::TokenScopes;

acts! {
    AUDIT_ACTS;

    /// Read and verify the audit log.
    ReadAudit { /// Organization.
        organization: OrganizationId } "AuditLog.AccessLog" scope AUDIT_LOG
        needs |a| right(Scope::AuditLog(a.organization), audit_log::READ, 0),
        about |a| about(None, "organization", a.organization);

    /// Export the audit log.
    ExportAudit { /// Organization.
        organization: OrganizationId } "AuditLog.DownloadLog" scope AUDIT_LOG
        needs |a| right(Scope::AuditLog(a.organization), audit_log::READ, 0),
        about |a| about(None, "organization", a.organization);

    /// Compare what is there with what the events explain. Shows the metadata of everything.
    ReconcileAudit { /// Organization.
        organization: OrganizationId } "AuditLog.Reconciled" scope FULL
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "organization", a.organization);

    /// Remove old events.
    RetainAudit { /// Organization.
        organization: OrganizationId } "AuditLog.EventsRemoved" scope FULL + fresh
        needs |a| right(Scope::Organization(a.organization), collection::WRITE, collection::READ),
        about |a| about(None, "organization", a.organization);

    /// Remove old events because the configured time is over.
    ExpireAudit { /// Organization.
        organization: OrganizationId } "AuditLog.EventsExpired" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "organization", a.organization);

    /// Sign a record of the audit log's state: a checkpoint, or the end of an export.
    SignRecord { /// Its kind.
        kind: &'static str, /// Its number.
        number: i64 } "AuditLog.RecordSigned" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "record", a.number);

    /// Take what is there as given, once, after an upgrade from a version whose events did not tell changes.
    TakeBaseline { /// Organization.
        organization: OrganizationId } "AuditLog.BaselineTaken" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "organization", a.organization);
}
