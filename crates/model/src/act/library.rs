//! Acts on secure files and on who may use them. It must not know how facts are loaded.

use super::{Requirement, Subject, about, acts, right};
use crate::access::{Scope, library};
use crate::scope::TokenScopes;
use crate::{FileId, JobId, PipelineId, ProjectId, RunId};

acts! {
    LIBRARY_ACTS;

    /// See a secure file's metadata.
    ViewFile { /// Project.
        project: ProjectId, /// File.
        file: FileId } "SecureFile.Viewed" scope SECURE_FILES_READ
        needs |a| right(Scope::File(a.project, a.file), library::VIEW, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// See which pipelines may use a secure file.
    ViewPermissions { /// Project.
        project: ProjectId, /// File.
        file: FileId } "Pipelines.ResourcePermissionsViewed" scope BUILD
        needs |a| right(Scope::File(a.project, a.file), library::VIEW, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// See who can use a secure file, and why. Who only sees the file sees only its own part of that.
    ExplainFile { /// Project.
        project: ProjectId, /// File.
        file: FileId } "SecureFile.AccessViewed" scope SECURE_FILES_READ
        needs |a| right(Scope::File(a.project, a.file), library::ADMINISTER, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// See the audit log about a secure file, and about nothing else. Not a right on the audit log.
    ViewFileHistory { /// Project.
        project: ProjectId, /// File.
        file: FileId } "SecureFile.HistoryViewed" scope SECURE_FILES_READ
        needs |a| right(Scope::File(a.project, a.file), library::ADMINISTER, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Use a secure file as a person: see its digest, name it in a pipeline.
    UseFile { /// Project.
        project: ProjectId, /// File.
        file: FileId } "SecureFile.Used" scope SECURE_FILES_READ
        needs |a| right(Scope::File(a.project, a.file), library::USE, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Upload a secure file.
    CreateFile { /// Project.
        project: ProjectId, /// The new file.
        file: FileId } "SecureFile.Created" scope SECURE_FILES_WRITE
        needs |a| right(Scope::Library(a.project), library::CREATE, 0),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Change a secure file's name or properties. Never its content.
    ChangeFile { /// Project.
        project: ProjectId, /// File.
        file: FileId } "SecureFile.PropertiesChanged" scope SECURE_FILES_MANAGE
        needs |a| right(Scope::File(a.project, a.file), library::ADMINISTER, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Seal a secure file's content again with a new key. The content stays the same.
    ReencryptFile { /// Project.
        project: ProjectId, /// File.
        file: FileId } "SecureFile.Reencrypted" scope SECURE_FILES_MANAGE + shown
        needs |a| right(Scope::File(a.project, a.file), library::ADMINISTER, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Delete a secure file.
    DeleteFile { /// Project.
        project: ProjectId, /// File.
        file: FileId } "SecureFile.Deleted" scope SECURE_FILES_MANAGE
        needs |a| right(Scope::File(a.project, a.file), library::ADMINISTER, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Hand a ticket for a file to a live job.
    IssueTicket { /// Project.
        project: ProjectId, /// File.
        file: FileId, /// Run.
        run: RunId, /// Job.
        job: JobId } "SecureFile.TicketIssued" scope NONE
        needs |a| Requirement::Ticket { job: a.job, file: a.file },
        about |a| Subject { run: Some(a.run), job: Some(a.job), ..about(Some(a.project), "securefile", a.file) };

    /// Read a secure file's content.
    ReadContents { /// Project.
        project: ProjectId, /// File.
        file: FileId, /// SHA-256 of the ticket.
        ticket: [u8; 32] } "SecureFile.Downloaded" scope NONE
        needs |a| Requirement::Content { project: a.project, file: a.file, ticket: a.ticket },
        about |a| about(Some(a.project), "securefile", a.file);

    /// Permit one pipeline to use a secure file.
    PermitPipeline { /// Project.
        project: ProjectId, /// File.
        file: FileId, /// Pipeline.
        pipeline: PipelineId } "Pipelines.ResourceAuthorizedForPipeline" scope PIPELINE_RESOURCES_MANAGE + fresh
        needs |a| right(Scope::File(a.project, a.file), library::USE, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Take a pipeline's permission away.
    RevokePipeline { /// Project.
        project: ProjectId, /// File.
        file: FileId, /// Pipeline.
        pipeline: PipelineId } "Pipelines.ResourceUnauthorizedForPipeline" scope PIPELINE_RESOURCES_MANAGE
        needs |a| right(Scope::File(a.project, a.file), library::USE, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Open a secure file to every pipeline of its project.
    OpenAccess { /// Project.
        project: ProjectId, /// File.
        file: FileId } "Pipelines.ResourceAuthorizedForProject" scope PIPELINE_RESOURCES_MANAGE + fresh
        needs |a| right(Scope::File(a.project, a.file), library::ADMINISTER, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);

    /// Restrict a secure file to the pipelines permitted one by one.
    RestrictAccess { /// Project.
        project: ProjectId, /// File.
        file: FileId } "Pipelines.ResourceUnauthorizedForProject" scope PIPELINE_RESOURCES_MANAGE
        needs |a| right(Scope::File(a.project, a.file), library::ADMINISTER, library::VIEW),
        about |a| about(Some(a.project), "securefile", a.file);
}
