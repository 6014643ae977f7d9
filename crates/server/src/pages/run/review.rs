//! `{project}/_build/results/review`: what a run waits for, who may permit it, and permitting. It must not know what makes
//! a permission good.

use super::tree::UNNAMED;
use super::{Section, find, link_of, show_run};
use crate::error::{ApiError, Result};
use crate::pages::filters;
use crate::pages::frame::{Frame, PageKind, Visit};
use crate::pages::guard::Form;
use crate::pages::html::{see_other, show};
use crate::params::{file_id, run_id};
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use coffer_model::library::{FreezeTarget, PermitTerms, Project, Resource};
use coffer_model::{FileId, RunId, Timestamp};
use coffer_service::{PermissionChange, PermitChange, RunPage, Waiting, Why};
use http::StatusCode;

/// What stands on a run's page while it waits.
pub(crate) struct Banner {
    /// `2 resources`; none when permission is not what is missing.
    pub(crate) wants: Option<String>,
    /// The stages that wait.
    pub(crate) stages: Vec<String>,
    /// What else is in the way, and what it takes.
    pub(crate) others: Vec<Obstacle>,
    /// Where it is seen and permitted.
    pub(crate) link: String,
}

/// Something in the way that no permission removes.
pub(crate) struct Obstacle {
    pub(crate) text: String,
    pub(crate) freezes: Vec<Frozen>,
}

/// A freeze.
pub(crate) struct Frozen {
    pub(crate) what: &'static str,
    pub(crate) by: String,
    pub(crate) since: Timestamp,
    pub(crate) reason: String,
}

/// The dialog.
#[derive(Template)]
#[template(path = "run/review.html")]
pub(crate) struct Review {
    pub(crate) frame: Frame,
    pub(crate) run: String,
    pub(crate) run_link: String,
    pub(crate) pipeline: String,
    pub(crate) rows: Vec<Row>,
}

/// A resource that is waited for.
pub(crate) struct Row {
    /// None for who may not see it.
    pub(crate) name: Option<String>,
    pub(crate) file_link: Option<String>,
    /// None for one without a name.
    pub(crate) stage: Option<String>,
    pub(crate) message: String,
    /// Where to permit it, for who may.
    pub(crate) permit: Option<String>,
    /// Whether permission is what is missing, and on this page it can be given.
    pub(crate) permission: bool,
    pub(crate) who: Vec<String>,
    pub(crate) freezes: Vec<Frozen>,
    pub(crate) until: Option<Timestamp>,
}

/// The question before a permission is given.
#[derive(Template)]
#[template(path = "run/permit.html")]
pub(crate) struct Permit {
    pub(crate) frame: Frame,
    pub(crate) run: RunId,
    pub(crate) project: String,
    pub(crate) pipeline: String,
    pub(crate) file: FileId,
    pub(crate) name: String,
    /// The way back to the dialog.
    pub(crate) back: String,
    /// Where to sign in again first, if that is needed.
    pub(crate) again: Option<String>,
}

fn frozen(waiting: &Waiting) -> Vec<Frozen> {
    let freezes = waiting.freezes.iter();
    freezes
        .map(|freeze| Frozen {
            what: match freeze.target {
                FreezeTarget::Everything => "Everything is",
                FreezeTarget::Project(_) => "All files of the project are",
                FreezeTarget::File(_) => "It is",
            },
            by: freeze.by.display_name.clone(),
            since: freeze.at,
            reason: freeze.reason.clone(),
        })
        .collect()
}

/// The name that people see of a stage.
fn stage_name(found: &RunPage, stage: &str) -> String {
    let mut records = found.timeline.records.iter();
    let record =
        records.find(|record| record.kind == "Stage" && record.ref_name.as_deref() == Some(stage));
    record.map_or_else(
        || stage.to_owned(),
        |record| super::tree::shown_name(&record.name),
    )
}

/// What a run waits for, in words. Nothing when it does not wait.
pub(super) fn banner(visit: &Visit, project: &Project, found: &RunPage) -> Option<Banner> {
    let waiting = &found.run.waiting_for;
    if waiting.is_empty() {
        return None;
    }
    let asks = |waiting: &&Waiting| waiting.why == Why::NotPermitted;
    let mut wanted: Vec<_> = waiting
        .iter()
        .filter(asks)
        .map(|w| w.resource.id())
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut stages = Vec::new();
    for waiting in waiting.iter().filter(asks) {
        let stage = stage_name(found, &waiting.stage);
        // A stage without a name is the whole run.
        if waiting.stage != UNNAMED && !stages.contains(&stage) {
            stages.push(stage);
        }
    }
    let others = waiting.iter().filter(|waiting| !asks(waiting));
    Some(Banner {
        wants: match wanted.len() {
            0 => None,
            1 => Some("1 resource".to_owned()),
            count => Some(format!("{count} resources")),
        },
        stages,
        others: others
            .map(|waiting| Obstacle {
                text: waiting.message.clone(),
                freezes: frozen(waiting),
            })
            .collect(),
        link: visit.place.run_review(&project.name, found.run.id),
    })
}

/// `GET {project}/_build/results/review?buildId=`; with `permit=FILE`, the question before it is permitted.
pub(crate) async fn get(visit: Visit, Path(name): Path<String>) -> Result<Response> {
    let project = visit.project(&name).await?;
    let found = find(&visit, &project).await?;
    match visit.params.filled("permit") {
        Some(file) => question(&visit, &project, &found, file_id(file)?),
        None => Ok(review(&visit, &project, &found)),
    }
}

fn review(visit: &Visit, project: &Project, found: &RunPage) -> Response {
    let run = found.run.id;
    let rows = found.run.waiting_for.iter().map(|waiting| {
        let Resource::SecureFile(file) = waiting.resource;
        let permission = waiting.why == Why::NotPermitted;
        let name = waiting.name.clone();
        Row {
            file_link: name
                .is_some()
                .then(|| visit.place.file(&project.name, &file)),
            name,
            stage: (waiting.stage != UNNAMED).then(|| stage_name(found, &waiting.stage)),
            message: waiting.message.clone(),
            permit: (permission && waiting.you_may_permit)
                .then(|| visit.place.run_permit(&project.name, run, &file)),
            permission,
            who: waiting.who_may_permit.clone(),
            freezes: frozen(waiting),
            until: waiting.until,
        }
    });
    let done = visit
        .params
        .once("done")
        .filter(|word| *word == "permitted");
    let page = Review {
        frame: visit
            .frame_of(project, Section::Pipelines, "Waiting for review")
            .dialog()
            .done(done.map(|_| "Permission is given.")),
        run: found.run.name.clone(),
        run_link: link_of(visit, project, run),
        pipeline: found.run.pipeline.name.clone(),
        rows: rows.collect(),
    };
    show(StatusCode::OK, &page.frame, &page)
}

/// What a run waits for of this file, where permission is what is missing.
fn missing(found: &RunPage, file: FileId) -> Option<&Waiting> {
    let mut waiting = found.run.waiting_for.iter();
    waiting.find(|waiting| {
        waiting.resource == Resource::SecureFile(file) && waiting.why == Why::NotPermitted
    })
}

fn question(visit: &Visit, project: &Project, found: &RunPage, file: FileId) -> Result<Response> {
    let Some(waiting) = missing(found, file) else {
        return Ok(review(visit, project, found));
    };
    let run = found.run.id;
    let page = Permit {
        frame: visit
            .frame_of(project, Section::Pipelines, "Permit the pipeline")
            .dialog(),
        run,
        project: project.name.clone(),
        pipeline: found.run.pipeline.name.clone(),
        file,
        name: waiting.name.clone().ok_or_else(|| {
            ApiError::no_such("secure_file.not_found", "There is no such secure file.")
        })?,
        back: visit.place.run_review(&project.name, run),
        again: visit.again(&visit.place.run_permit(&project.name, run, &file)),
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}

/// `POST {project}/_build/results/review`: permits the run's pipeline to use one file that the run waits for. The same use
/// case as the API's, so the same decision and the same record.
pub(crate) async fn permit(visit: Visit, Path(name): Path<String>, form: Form) -> Result<Response> {
    let project = visit.project(&name).await?;
    let run = run_id(form.field("buildId"))?;
    let file = file_id(form.field("file"))?;
    let found = show_run(&visit, &project, run).await?;
    if missing(&found, file).is_some() {
        let change = PermissionChange {
            all: None,
            pipelines: vec![(
                found.run.pipeline.id,
                PermitChange::Permit(PermitTerms::default()),
            )],
        };
        let resource = Resource::SecureFile(file);
        let changes = vec![(resource, change)];
        let permissions = visit.app.service.permissions();
        permissions
            .change_many(&visit.caller, project.id, changes)
            .await?;
    }
    // Permitted in the meantime by somebody else is as good.
    let now = show_run(&visit, &project, run).await?;
    let asks = now
        .run
        .waiting_for
        .iter()
        .any(|waiting| waiting.why == Why::NotPermitted);
    let next = match asks {
        true => visit.place.run_review(&project.name, run),
        false => link_of(&visit, &project, run),
    };
    Ok(see_other(&format!("{next}&done=permitted")))
}
