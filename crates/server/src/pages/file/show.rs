//! `{project}/_library/files/{secureFileId}`: the page of a file, and the form for its name and properties.

use super::Subject;
use super::events::Told;
use super::properties::Properties;
use super::yaml::{Consuming, consuming};
use crate::error::{ApiError, Result};
use crate::pages::filters;
use crate::pages::frame::{Frame, PageKind, Section, Visit};
use crate::pages::guard::Form;
use crate::pages::html::{see_other, show};
use crate::params::file_id;
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use coffer_model::library::{Freeze, FreezeTarget, Project, SecureFile};
use coffer_model::{FileId, RunId};
use coffer_service::{FileMay, FilePage, FilePageFrom, FileUse, Permits, UsesBefore};
use http::StatusCode;

/// Rows of each of the two lists.
const TOP: u32 = 15;

/// The page of a file.
#[derive(Template)]
#[template(path = "file/page.html")]
pub(crate) struct Page {
    pub(crate) frame: Frame,
    pub(crate) project: String,
    pub(crate) file: SecureFile,
    /// Its digest, for whom that is.
    pub(crate) sha256: Option<String>,
    pub(crate) may: FileMay,
    pub(crate) permits: Option<Permits>,
    pub(crate) freezes: Vec<Freeze>,
    pub(crate) properties: Properties,
    pub(crate) yaml: Consuming,
    pub(crate) uses: Vec<FileUse>,
    /// Where older uses are.
    pub(crate) older_uses: Option<String>,
    /// What happened to it; none for who may not know.
    pub(crate) events: Option<Vec<Told>>,
    /// Where older events are.
    pub(crate) older_events: Option<String>,
    /// Whether the lists begin somewhere else than at their newest.
    pub(crate) is_older: bool,
}

/// `GET {project}/_library/files/{secureFileId}`.
pub(crate) async fn page(
    visit: Visit,
    Path((project, file)): Path<(String, String)>,
) -> Result<Response> {
    let id = file_id(&file)?;
    let project = visit.project(&project).await?;
    let done = match visit.params.text("done") {
        Some("saved") => Some("The changes are saved."),
        Some("same") => Some("There was nothing to save."),
        _ => None,
    };
    let mut page = load(&visit, &project, id).await?;
    page.frame.done = done;
    Ok(show(StatusCode::OK, &page.frame, &page))
}

/// `POST {project}/_library/files/{secureFileId}`: name and properties.
pub(crate) async fn change(
    visit: Visit,
    Path((project, file)): Path<(String, String)>,
    form: Form,
) -> Result<Response> {
    let (subject, id) = Subject::file(&visit, &project, &file).await?;
    let files = visit.app.service.files();
    let now = files.find(&visit.caller, subject.project.id, id).await?;
    let mut typed = Properties::read(&form, &now);
    if form.field("step") == "more" {
        return again(&visit, &subject.project, id, typed, StatusCode::OK).await;
    }
    let Some(change) = typed.change(id, &now) else {
        return again(&visit, &subject.project, id, typed, StatusCode::BAD_REQUEST).await;
    };
    let place = subject.page(&visit.place);
    if change.name.is_none() && change.properties.is_none() {
        return Ok(see_other(&format!("{place}?done=same")));
    }
    let saved = files.update(&visit.caller, subject.project.id, vec![change]);
    match saved.await {
        Ok(_) => Ok(see_other(&format!("{place}?done=saved"))),
        Err(error) if error.code == "changed_meanwhile" => {
            let now = files.find(&visit.caller, subject.project.id, id).await?;
            typed.stamp = now.modified_at.0;
            typed.meanwhile = Some(now);
            again(&visit, &subject.project, id, typed, StatusCode::CONFLICT).await
        }
        Err(error) => {
            let status = typed.refused(ApiError::from(error))?;
            again(&visit, &subject.project, id, typed, status).await
        }
    }
}

/// The page with what was typed.
async fn again(
    visit: &Visit,
    project: &Project,
    file: FileId,
    mut typed: Properties,
    status: StatusCode,
) -> Result<Response> {
    let mut page = load(visit, project, file).await?;
    typed.more();
    page.properties = typed;
    Ok(show(status, &page.frame, &page))
}

async fn load(visit: &Visit, project: &Project, file: FileId) -> Result<Page> {
    let from = FilePageFrom {
        uses: visit.params.text("uses").and_then(uses_before),
        history: visit.params.number("events")?,
        top: TOP,
    };
    let files = visit.app.service.files();
    let page = files.show(&visit.caller, project.id, file, from).await?;
    Ok(Page::of(
        visit.frame_of(project, Section::Library, page.view.file.name.clone()),
        project,
        page,
        from,
    ))
}

/// `run-stage`, as the link to older uses says it.
fn uses_before(text: &str) -> Option<UsesBefore> {
    let (run, stage) = text.split_once('-')?;
    Some(UsesBefore {
        run: RunId(run.parse().ok()?),
        stage: stage.parse().ok()?,
    })
}

impl Page {
    pub(crate) fn of(frame: Frame, project: &Project, page: FilePage, from: FilePageFrom) -> Self {
        let file = page.view.file;
        let here = frame.place.file(&project.name, &file.id);
        let (events, next) = match page.history {
            Some(history) => {
                let told: Vec<Told> = history.items.into_iter().map(Told::from).collect();
                (Some(told), history.next)
            }
            None => (None, None),
        };
        Self {
            older_uses: page
                .uses
                .next
                .map(|next| format!("{here}?uses={}-{}#usage", next.run, next.stage)),
            older_events: next.map(|next| format!("{here}?events={next}#audit")),
            is_older: from.uses.is_some() || from.history.is_some(),
            project: project.name.clone(),
            sha256: page.view.sha256,
            may: page.may,
            permits: page.permits,
            freezes: page.freezes,
            properties: Properties::of(&file),
            yaml: consuming(&file.name, &file.id),
            uses: page.uses.items,
            events,
            file,
            frame,
        }
    }

    /// What is frozen, in words.
    pub(crate) fn frozen(&self, freeze: &Freeze) -> &'static str {
        match freeze.target {
            FreezeTarget::File(_) => "This file is frozen",
            FreezeTarget::Project(_) => "Every file of the project is frozen",
            FreezeTarget::Everything => "Every file of the organization is frozen",
        }
    }

    /// How often the content was given for a use.
    pub(crate) fn given(&self, used: &FileUse) -> u64 {
        used.jobs.iter().map(|job| job.downloads).sum()
    }

    /// Where a run is or how it ended, with the kind of its tag.
    pub(crate) fn state(&self, used: &FileUse) -> (&'static str, &'static str) {
        use coffer_model::run::{Outcome, RunState};
        match (used.state, used.result) {
            (RunState::InProgress, _) => ("In progress", ""),
            (RunState::Canceling, _) => ("Canceling", "warn"),
            (RunState::Completed, Some(Outcome::Succeeded)) => ("Succeeded", "good"),
            (RunState::Completed, Some(Outcome::SucceededWithIssues)) => {
                ("Succeeded with issues", "warn")
            }
            (RunState::Completed, Some(Outcome::Canceled)) => ("Canceled", ""),
            (RunState::Completed, Some(Outcome::Skipped)) => ("Skipped", ""),
            (RunState::Completed, Some(Outcome::Failed | Outcome::Abandoned)) => ("Failed", "bad"),
            (RunState::Completed, None) => ("Completed", ""),
        }
    }
}
