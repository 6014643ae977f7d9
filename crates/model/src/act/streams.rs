//! Acts on audit streams: where the log is sent. It must not know how facts are loaded, nor how anything is sent.

use super::{Requirement, Subject, about, acts, right};
use crate::access::{Scope, audit_log};
use crate::scope::TokenScopes;
use crate::{OrganizationId, StreamId};

acts! {
    STREAMS_ACTS;

    /// See audit streams and how far they are.
    ViewStreams { /// Organization.
        organization: OrganizationId } "AuditLog.StreamsViewed" scope AUDIT_STREAMS_MANAGE
        needs |a| right(Scope::AuditLog(a.organization), audit_log::MANAGE_STREAMS, 0),
        about |a| about(None, "organization", a.organization);

    /// Create an audit stream.
    CreateStream { /// Organization.
        organization: OrganizationId, /// The new stream.
        stream: StreamId } "AuditLog.StreamCreated" scope AUDIT_STREAMS_MANAGE + fresh
        needs |a| right(Scope::AuditLog(a.organization), audit_log::MANAGE_STREAMS, 0),
        about |a| about(None, "auditstream", a.stream);

    /// Change an audit stream's name, target or secret.
    ModifyStream { /// Organization.
        organization: OrganizationId, /// The stream.
        stream: StreamId } "AuditLog.StreamModified" scope AUDIT_STREAMS_MANAGE + fresh
        needs |a| right(Scope::AuditLog(a.organization), audit_log::MANAGE_STREAMS, 0),
        about |a| about(None, "auditstream", a.stream);

    /// Let an audit stream go on.
    EnableStream { /// Organization.
        organization: OrganizationId, /// The stream.
        stream: StreamId } "AuditLog.StreamEnabled" scope AUDIT_STREAMS_MANAGE + fresh
        needs |a| right(Scope::AuditLog(a.organization), audit_log::MANAGE_STREAMS, 0),
        about |a| about(None, "auditstream", a.stream);

    /// Let an audit stream wait.
    DisableStream { /// Organization.
        organization: OrganizationId, /// The stream.
        stream: StreamId } "AuditLog.StreamDisabledByUser" scope AUDIT_STREAMS_MANAGE + fresh
        needs |a| right(Scope::AuditLog(a.organization), audit_log::MANAGE_STREAMS, 0),
        about |a| about(None, "auditstream", a.stream);

    /// Switch off an audit stream whose target has failed for long.
    DisableFailingStream { /// The stream.
        stream: StreamId } "AuditLog.StreamDisabledBySystem" scope NONE
        needs |_a| Requirement::Duty,
        about |a| about(None, "auditstream", a.stream);

    /// Send something made up to an audit stream's target.
    TestStream { /// Organization.
        organization: OrganizationId, /// The stream.
        stream: StreamId } "AuditLog.StreamTested" scope AUDIT_STREAMS_MANAGE + fresh
        needs |a| right(Scope::AuditLog(a.organization), audit_log::MANAGE_STREAMS, 0),
        about |a| about(None, "auditstream", a.stream);

    /// Delete an audit stream.
    DeleteStream { /// Organization.
        organization: OrganizationId, /// The stream.
        stream: StreamId } "AuditLog.StreamDeleted" scope AUDIT_STREAMS_MANAGE + fresh
        needs |a| right(Scope::AuditLog(a.organization), audit_log::DELETE_STREAMS, 0),
        about |a| about(None, "auditstream", a.stream);
}
