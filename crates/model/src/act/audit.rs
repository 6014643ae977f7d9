//! Acts on the audit log. It must not know how facts are loaded.

use super::{Requirement, Subject, about, acts, right};
use crate::OrganizationId;
use crate::access::{Scope, audit_log};
use crate::scope::TokenScopes;

acts! {
    AUDIT_ACTS;

    /// Read and verify the audit log.
    ReadAudit { /// Organization.
        organization: OrganizationId } "AuditLog.AccessLog" scope AUDIT_LOG
        needs |a| right(Scope::AuditLog(a.organization), audit_log::READ, 0),
        about |a| about(None, "organization", a.organization);
}
