//! From the product's own types to the shapes on the wire: the only place, for the compatible API.

mod security;

pub(crate) use security::{access_entry, access_list, assignment, namespace, role};

use crate::urls::Links;
use coffer_model::descriptor;
use coffer_model::library::{Freeze, FreezeTarget, IdentityKind, Person, Project, Resource};
use coffer_model::refs::AllowedRefs;
use coffer_model::run::{Outcome, RunState as State};
use coffer_model::{PipelineId, ProjectId, RunId, Timestamp};
use coffer_service::{
    FileView, LogView, PermissionsView, PermittedFile, PipelineView, RecordView, RunView,
    TimelineView, Waiting, Why,
};
use coffer_wire::access::Freeze as WireFreeze;
use coffer_wire::builds::{
    Build, DefinitionReference, Issue, LogReference, ProjectReference, Timeline, TimelineRecord,
};
use coffer_wire::coffer::WaitingFor;
use coffer_wire::enums::{
    BuildReason, BuildResult, BuildStatus, ConfigurationType, DefinitionQueueStatus,
    DefinitionType, IssueType, ProjectState, ProjectVisibility, QueuePriority, RepositoryType,
    RunResult, RunState, TaskResult, TimelineRecordState, WireEnum as _,
};
use coffer_wire::permissions::{
    DefinitionResource, Permission, PipelinePermission, Resource as WireResource,
    ResourcePipelinePermissions,
};
use coffer_wire::pipelines::{
    Authorization, Configuration, Pipeline, PipelineFile, PipelineReference, Repository, Run,
};
use coffer_wire::secure_files::SecureFile;
use coffer_wire::{Date, IdentityRef, paths};
use serde_json::json;

/// UTC, ISO 8601, at most six fraction digits without trailing zeros, `Z`.
pub(crate) fn date(time: Timestamp) -> Date {
    let time = jiff::Timestamp::from_microsecond(time.0).unwrap_or_default();
    Date::from(time.to_string())
}

/// The slim form.
pub(crate) fn identity(person: &Person) -> IdentityRef {
    IdentityRef {
        display_name: person.display_name.clone(),
        id: person.id.to_string(),
        unique_name: person.unique_name.clone(),
        ..IdentityRef::default()
    }
}

/// The long form, of a person: nobody else permits a pipeline or queues a run.
pub(crate) fn person(links: &Links, person: &Person) -> IdentityRef {
    IdentityRef {
        url: Some(links.to(paths::graph::IDENTITY, &[&person.id.to_string()])),
        descriptor: Some(descriptor::subject(IdentityKind::User, person.id)),
        ..identity(person)
    }
}

pub(crate) fn secure_file(view: FileView) -> SecureFile {
    let file = view.file;
    SecureFile {
        id: file.id.to_string(),
        name: file.name,
        properties: file.properties,
        created_by: identity(&file.created_by),
        created_on: date(file.created_at),
        modified_by: identity(&file.modified_by),
        modified_on: date(file.modified_at),
        ticket: view.ticket.map(|ticket| ticket.as_str().to_owned()),
        size: Some(file.size),
        sha256: view.sha256,
    }
}

pub(crate) fn granted(links: &Links, by: &Person, on: Timestamp) -> Permission {
    Permission {
        authorized: true,
        authorized_by: Some(person(links, by)),
        authorized_on: Some(date(on)),
    }
}

pub(crate) fn refs(refs: Option<&AllowedRefs>) -> Option<Vec<String>> {
    refs.map(|refs| refs.patterns().to_vec())
}

pub(crate) fn permissions(links: &Links, view: PermissionsView) -> ResourcePipelinePermissions {
    ResourcePipelinePermissions {
        resource: Some(resource(&view.resource, Some(view.name))),
        all_pipelines: view
            .permissions
            .all
            .as_ref()
            .map(|(by, on)| granted(links, by, *on)),
        pipelines: view
            .permissions
            .pipelines
            .iter()
            .map(|permit| PipelinePermission {
                id: permit.pipeline.0,
                refs: refs(permit.terms.refs.as_ref()),
                by_variable: permit.terms.by_variable,
                permission: granted(links, &permit.by, permit.at),
            })
            .collect(),
    }
}

pub(crate) fn permitted(file: PermittedFile) -> DefinitionResource {
    let resource = Resource::SecureFile(file.file);
    DefinitionResource {
        kind: resource.kind().into(),
        id: resource.id(),
        name: Some(file.name),
        authorized: Some(true),
        refs: refs(file.refs.as_ref()),
    }
}

pub(crate) fn freeze(freeze: &Freeze) -> WireFreeze {
    WireFreeze {
        what: freeze.target.word().into(),
        id: match freeze.target {
            FreezeTarget::Everything => None,
            FreezeTarget::Project(id) => Some(id.to_string()),
            FreezeTarget::File(id) => Some(id.to_string()),
        },
        reason: freeze.reason.clone(),
        frozen_by: identity(&freeze.by),
        frozen_on: date(freeze.at),
    }
}

fn waiting_for(waiting: Waiting) -> WaitingFor {
    let mut message = waiting.message;
    for freeze in &waiting.freezes {
        let (by, since) = (&freeze.by.display_name, date(freeze.at));
        let what = match freeze.target {
            FreezeTarget::Everything => "Everything is",
            FreezeTarget::Project(_) => "All files of the project are",
            FreezeTarget::File(_) => "It is",
        };
        message.push_str(&format!(
            " {what} frozen by {by} since {since}: {}",
            freeze.reason
        ));
    }
    WaitingFor {
        resource: resource(&waiting.resource, waiting.name),
        stage: waiting.stage,
        message,
        you_may_permit: waiting.you_may_permit,
        who_may_permit: waiting.who_may_permit,
        why: match waiting.why {
            Why::Deleted => "deleted",
            Why::Frozen => "frozen",
            Why::NotPermitted => "notPermitted",
            Why::OtherRef => "otherRef",
        }
        .into(),
        until: waiting.until.map(date),
    }
}

fn resource(resource: &Resource, name: Option<String>) -> WireResource {
    WireResource {
        kind: resource.kind().into(),
        id: resource.id(),
        name,
    }
}

pub(crate) fn pipeline(links: &Links, project: ProjectId, view: PipelineView) -> Pipeline {
    let url = pipeline_url(links, project, &view);
    Pipeline {
        links: json!({
            "self": {"href": url},
            "web": {"href": pipeline_page(links, project, view.id)},
        }),
        url,
        id: view.id.0,
        revision: view.revision,
        name: view.name,
        folder: view.folder,
        configuration: view.yaml.map(|yaml| Configuration {
            kind: ConfigurationType::Yaml,
            path: view.path,
            yaml: Some(yaml),
            files: view
                .files
                .into_iter()
                .map(|(path, content)| PipelineFile { path, content })
                .collect(),
            repository: Some(Repository {
                kind: Some(RepositoryType::Unknown),
            }),
        }),
        default_branch: view.default_ref,
        authorization: view.authorization.map(|authorization| Authorization {
            permitted: authorization
                .permitted
                .into_iter()
                .map(|file| resource(&Resource::SecureFile(file.file), Some(file.name)))
                .collect(),
            waiting: authorization.waiting.into_iter().map(waiting_for).collect(),
        }),
    }
}

/// The page of a pipeline, for people.
fn pipeline_page(links: &Links, project: ProjectId, id: PipelineId) -> String {
    let pipelines = links.to(paths::pages::PIPELINES, &[&project.to_string()]);
    format!("{pipelines}?definitionId={id}")
}

/// The page of a run, for people.
fn run_page(links: &Links, project: ProjectId, id: RunId) -> String {
    let runs = links.to(paths::pages::RUN, &[&project.to_string()]);
    format!("{runs}?buildId={id}")
}

fn pipeline_url(links: &Links, project: ProjectId, view: &PipelineView) -> String {
    links.to(
        paths::pipelines::ITEM,
        &[&project.to_string(), &view.id.to_string()],
    )
}

pub(crate) fn run(links: &Links, project: ProjectId, view: RunView) -> Run {
    let pipeline_url = pipeline_url(links, project, &view.pipeline);
    let web = run_page(links, project, view.id);
    let pipeline_web = pipeline_page(links, project, view.pipeline.id);
    let (project, id) = (project.to_string(), view.id.to_string());
    let pipeline_id = view.pipeline.id.to_string();
    let url = links.to(paths::pipelines::RUN, &[&project, &pipeline_id, &id]);
    Run {
        links: json!({
            "self": {"href": url},
            "web": {"href": web},
            "pipeline": {"href": pipeline_url},
            "pipeline.web": {"href": pipeline_web},
            "build": {"href": links.to(paths::builds::ITEM, &[&project, &id])},
        }),
        pipeline: PipelineReference {
            url: pipeline_url,
            id: view.pipeline.id.0,
            revision: view.pipeline.revision,
            name: view.pipeline.name,
            folder: view.pipeline.folder,
        },
        state: match view.state {
            State::InProgress => RunState::InProgress,
            State::Canceling => RunState::Canceling,
            State::Completed => RunState::Completed,
        },
        result: view.result.map(|outcome| match outcome {
            Outcome::Succeeded | Outcome::SucceededWithIssues | Outcome::Skipped => {
                RunResult::Succeeded
            }
            Outcome::Canceled => RunResult::Canceled,
            Outcome::Failed | Outcome::Abandoned => RunResult::Failed,
        }),
        created_date: date(view.created_at),
        finished_date: view.finished_at.map(date),
        url,
        id: view.id.0,
        name: view.name,
        waiting_for: view.waiting_for.into_iter().map(waiting_for).collect(),
    }
}

pub(crate) fn build(links: &Links, project: &Project, view: RunView) -> Build {
    let status = match (view.state, view.started_at) {
        (State::InProgress, None) => BuildStatus::NotStarted,
        (State::InProgress, Some(_)) => BuildStatus::InProgress,
        (State::Canceling, _) => BuildStatus::Cancelling,
        (State::Completed, _) => BuildStatus::Completed,
    };
    let result = view.result.map(|outcome| match outcome {
        Outcome::Succeeded | Outcome::Skipped => BuildResult::Succeeded,
        Outcome::SucceededWithIssues => BuildResult::PartiallySucceeded,
        Outcome::Canceled => BuildResult::Canceled,
        Outcome::Failed | Outcome::Abandoned => BuildResult::Failed,
    });
    let requested = person(links, &view.requested_by);
    let pipeline_url = pipeline_url(links, project.id, &view.pipeline);
    let project_reference = ProjectReference {
        id: project.id.to_string(),
        name: project.name.clone(),
        state: ProjectState::WellFormed,
        visibility: ProjectVisibility::Private,
    };
    let (of, id) = (project.id.to_string(), view.id.to_string());
    let url = links.to(paths::builds::ITEM, &[&of, &id]);
    Build {
        links: json!({
            "self": {"href": url},
            "web": {"href": run_page(links, project.id, view.id)},
            "timeline": {"href": links.to(paths::builds::TIMELINE, &[&of, &id])},
        }),
        id: view.id.0,
        build_number: view.name,
        status,
        result,
        queue_time: date(view.created_at),
        start_time: view.started_at.map(date),
        finish_time: view.finished_at.map(date),
        url,
        definition: DefinitionReference {
            id: view.pipeline.id.0,
            name: view.pipeline.name,
            path: view.pipeline.folder,
            revision: view.pipeline.revision,
            kind: DefinitionType::Build,
            url: pipeline_url,
            queue_status: DefinitionQueueStatus::Enabled,
            project: project_reference.clone(),
        },
        project: project_reference,
        priority: QueuePriority::Normal,
        reason: BuildReason::Manual,
        requested_by: requested.clone(),
        requested_for: requested,
    }
}

pub(crate) fn timeline(
    links: &Links,
    project: ProjectId,
    run: RunId,
    view: TimelineView,
) -> Timeline {
    Timeline {
        id: view.id.to_string(),
        change_id: view.change,
        records: view
            .records
            .into_iter()
            .map(|view| record(links, project, run, view))
            .collect(),
    }
}

fn record(links: &Links, project: ProjectId, run: RunId, view: RecordView) -> TimelineRecord {
    TimelineRecord {
        id: view.id.to_string(),
        parent_id: view.parent.map(|id| id.to_string()),
        kind: view.kind,
        name: view.name,
        ref_name: view.ref_name,
        // The service keeps words of this enum only.
        state: TimelineRecordState::read(&view.state).unwrap_or_default(),
        result: view.result.map(|outcome| match outcome {
            Outcome::Succeeded => TaskResult::Succeeded,
            Outcome::SucceededWithIssues => TaskResult::SucceededWithIssues,
            Outcome::Failed => TaskResult::Failed,
            Outcome::Canceled => TaskResult::Canceled,
            Outcome::Skipped => TaskResult::Skipped,
            Outcome::Abandoned => TaskResult::Abandoned,
        }),
        start_time: view.started_at.map(date),
        finish_time: view.finished_at.map(date),
        order: view.order,
        error_count: view.errors,
        warning_count: view.warnings,
        issues: view
            .issues
            .into_iter()
            .map(|issue| Issue {
                kind: IssueType::read(&issue.kind).unwrap_or_default(),
                category: issue.category,
                message: issue.message,
            })
            .collect(),
        log: view
            .log
            .map(|log| log_reference(links, project, run, log, view.log_lines)),
        worker_name: view.worker,
    }
}

pub(crate) fn log(links: &Links, project: ProjectId, run: RunId, view: &LogView) -> LogReference {
    log_reference(links, project, run, view.id, view.lines)
}

fn log_reference(
    links: &Links,
    project: ProjectId,
    run: RunId,
    log: i64,
    lines: i64,
) -> LogReference {
    LogReference {
        id: log,
        kind: "Container".into(),
        url: links.to(
            paths::builds::LOG,
            &[&project.to_string(), &run.to_string(), &log.to_string()],
        ),
        line_count: lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_utc_with_a_short_fraction() {
        let at = |micros| date(Timestamp(micros)).to_string();
        assert_eq!(at(1_736_511_886_106_666), "2025-01-10T12:24:46.106666Z");
        assert_eq!(at(1_736_511_886_100_000), "2025-01-10T12:24:46.1Z");
        assert_eq!(at(1_736_511_886_000_000), "2025-01-10T12:24:46Z");
    }
}
