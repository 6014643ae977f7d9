//! The dialog for the pipelines that may use a file: permitting and revoking one by one, open access, restricting. It must not
//! know who may do which: the gate says that, and the page only leaves away what would be refused.

use super::Subject;
use crate::error::{ApiError, Result};
use crate::pages::filters;
use crate::pages::frame::{Frame, PageKind, Section, Visit};
use crate::pages::guard::Form;
use crate::pages::html::{see_other, show};
use crate::params::pipeline_id;
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use coffer_model::library::{PermitTerms, Resource};
use coffer_model::{FileId, PipelineId};
use coffer_service::{FileMay, PermissionChange, PermitChange, Permits};
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeSet;

/// Pipelines on a page of the picker.
const TOP: u32 = 20;

/// The dialog.
#[derive(Template)]
#[template(path = "file/permissions.html")]
pub(crate) struct Permissions {
    pub(crate) frame: Frame,
    pub(crate) project: String,
    pub(crate) file: FileId,
    pub(crate) name: String,
    pub(crate) permits: Permits,
    pub(crate) may: FileMay,
}

/// Choosing a pipeline.
#[derive(Template)]
#[template(path = "file/permissions_add.html")]
pub(crate) struct Picker {
    pub(crate) frame: Frame,
    pub(crate) project: String,
    pub(crate) file: FileId,
    pub(crate) name: String,
    pub(crate) search: String,
    pub(crate) pipelines: Vec<Choice>,
    /// Where the pages before and after this one are.
    pub(crate) earlier: Option<String>,
    pub(crate) later: Option<String>,
    /// How many fit, in words.
    pub(crate) total: String,
}

/// A pipeline that can be chosen.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) id: PipelineId,
    pub(crate) name: String,
    pub(crate) folder: String,
    /// Whether it is permitted already.
    pub(crate) permitted: bool,
}

/// What opening means.
#[derive(Template)]
#[template(path = "file/permissions_open.html")]
pub(crate) struct Open {
    pub(crate) frame: Frame,
    pub(crate) project: String,
    pub(crate) file: FileId,
    pub(crate) name: String,
    pub(crate) may: bool,
    pub(crate) is_open: bool,
}

fn frame(visit: &Visit, subject: &Subject, title: &str) -> Frame {
    let name = subject.name.as_deref().unwrap_or_default();
    visit
        .frame_of(
            &subject.project,
            Section::Library,
            format!("{title} {name}"),
        )
        .dialog()
}

/// `GET {project}/_library/files/{secureFileId}/permissions`.
pub(crate) async fn list(
    visit: Visit,
    Path((project, file)): Path<(String, String)>,
) -> Result<Response> {
    let (subject, id) = Subject::file(&visit, &project, &file).await?;
    let (service, project) = (&visit.app.service, subject.project.id);
    let done = match visit.params.text("done") {
        Some("permitted") => Some("The pipeline is permitted. Its runs that waited go on."),
        Some("by-variable") => Some(
            "The pipeline may also name the file by a variable. From its next run on, each stage that does waits for this file.",
        ),
        Some("by-name") => Some("The pipeline may name the file only as it is called."),
        Some("revoked") => Some("The permission is revoked. It counts from the next download on."),
        Some("opened") => Some("The file is open to every pipeline of the project."),
        Some("restricted") => Some("Only the pipelines below may use the file again."),
        _ => None,
    };
    let permissions = service.permissions();
    let page = Permissions {
        frame: frame(&visit, &subject, "Pipeline permissions of").done(done),
        permits: permissions.permits(&visit.caller, project, id).await?,
        may: service.may_file(&visit.caller, project, id).await?,
        project: subject.project.name,
        file: id,
        name: subject.name.unwrap_or_default(),
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}

/// `POST {project}/_library/files/{secureFileId}/permissions`: one change, `act` says which.
pub(crate) async fn change(
    visit: Visit,
    Path((project, file)): Path<(String, String)>,
    form: Form,
) -> Result<Response> {
    let (subject, id) = Subject::file(&visit, &project, &file).await?;
    let permissions = visit.app.service.permissions();
    let one = |change| -> Result<PermissionChange> {
        let pipeline = pipeline_id(form.field("pipeline"))?;
        Ok(PermissionChange {
            all: None,
            pipelines: vec![(pipeline, change)],
        })
    };
    let all = |open| PermissionChange {
        all: Some(open),
        pipelines: Vec::new(),
    };
    let (change, done) = match form.field("act") {
        "permit" => (
            one(PermitChange::Permit(PermitTerms::default()))?,
            "permitted",
        ),
        "revoke" => (one(PermitChange::Revoke)?, "revoked"),
        act @ ("by-variable" | "by-name") => {
            let named = pipeline_id(form.field("pipeline"))?;
            let permits = permissions.permits(&visit.caller, subject.project.id, id);
            let mut there = permits.await?.pipelines.into_iter();
            let Some(there) = there.find(|there| there.permit.pipeline == named) else {
                return Err(ApiError::argument(
                    "The pipeline is not permitted any more. Permit it first.",
                ));
            };
            let terms = PermitTerms {
                by_variable: act == "by-variable",
                ..there.permit.terms
            };
            let done = if terms.by_variable {
                "by-variable"
            } else {
                "by-name"
            };
            (one(PermitChange::Permit(terms))?, done)
        }
        "open" => (all(true), "opened"),
        "restrict" => (all(false), "restricted"),
        _ => return Err(ApiError::argument("The form that was sent cannot be read.")),
    };
    let resource = Resource::SecureFile(id);
    let place = visit.place.file_permissions(&subject.project.name, &id);
    if let ("permitted", [(pipeline, _)]) = (done, change.pipelines.as_slice()) {
        // A permit that names refs is not widened by a page that was loaded before there was one.
        let now = permissions.permits(&visit.caller, subject.project.id, id);
        let mut now = now.await?.pipelines.into_iter();
        if now.any(|there| there.permit.pipeline == *pipeline) {
            return Ok(see_other(&format!("{place}?done={done}")));
        }
    }
    permissions
        .change(&visit.caller, subject.project.id, resource, change)
        .await?;
    Ok(see_other(&format!("{place}?done={done}")))
}

/// `GET {project}/_library/files/{secureFileId}/permissions/add`: the pipelines that could be permitted.
pub(crate) async fn add(
    visit: Visit,
    Path((project, file)): Path<(String, String)>,
) -> Result<Response> {
    let (subject, id) = Subject::file(&visit, &project, &file).await?;
    let (service, project) = (&visit.app.service, subject.project.id);
    let search = visit.params.text("search").unwrap_or_default().trim();
    let skip = visit.params.number("skip")?.unwrap_or(0);
    let permissions = service.permissions();
    let permits = permissions.permits(&visit.caller, project, id).await?;
    let permitted: BTreeSet<i64> = permits
        .pipelines
        .iter()
        .map(|pipeline| pipeline.permit.pipeline.0)
        .collect();
    let pipelines = service.pipelines();
    let found = pipelines
        .page(&visit.caller, project, search, skip, TOP)
        .await?;
    let here = visit.place.file_permissions_add(&subject.project.name, &id);
    let at = |skip: u64| {
        let search = utf8_percent_encode(search, NON_ALPHANUMERIC);
        format!("{here}?search={search}&skip={skip}")
    };
    let top = u64::from(TOP);
    let page = Picker {
        frame: frame(&visit, &subject, "Permit a pipeline to use"),
        earlier: found.is_after.then(|| at(skip.saturating_sub(top))),
        later: found.is_before.then(|| at(skip.saturating_add(top))),
        total: match (found.total.count, found.total.or_more) {
            (count, true) => format!("More than {count} pipelines"),
            (1, false) => "1 pipeline".to_owned(),
            (count, false) => format!("{count} pipelines"),
        },
        pipelines: found
            .items
            .into_iter()
            .map(|line| Choice {
                id: line.pipeline.id,
                permitted: permitted.contains(&line.pipeline.id.0),
                name: line.pipeline.name,
                folder: line.pipeline.folder,
            })
            .collect(),
        search: search.to_owned(),
        project: subject.project.name,
        file: id,
        name: subject.name.unwrap_or_default(),
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}

/// `GET {project}/_library/files/{secureFileId}/permissions/open`: what open access means, before it is.
pub(crate) async fn open(
    visit: Visit,
    Path((project, file)): Path<(String, String)>,
) -> Result<Response> {
    let (subject, id) = Subject::file(&visit, &project, &file).await?;
    let (service, project) = (&visit.app.service, subject.project.id);
    let permissions = service.permissions();
    let permits = permissions.permits(&visit.caller, project, id).await?;
    let may = service.may_file(&visit.caller, project, id).await?;
    let page = Open {
        frame: frame(&visit, &subject, "Open access to"),
        is_open: permits.open.is_some(),
        may: may.open,
        project: subject.project.name,
        file: id,
        name: subject.name.unwrap_or_default(),
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}
