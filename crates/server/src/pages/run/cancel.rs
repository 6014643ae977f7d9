//! `{project}/_build/results/cancel`: the question, and canceling. It must not know how a run ends.

use super::{Section, find, link_of};
use crate::error::Result;
use crate::pages::frame::{Frame, PageKind, Visit};
use crate::pages::guard::Form;
use crate::pages::html::{see_other, show};
use crate::params::run_id;
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use coffer_model::RunId;
use coffer_model::run::RunState;
use http::StatusCode;

/// The question before a run is canceled.
#[derive(Template)]
#[template(path = "run/cancel.html")]
pub(crate) struct Cancel {
    pub(crate) frame: Frame,
    pub(crate) project: String,
    pub(crate) run: RunId,
    pub(crate) name: String,
    pub(crate) pipeline: String,
    pub(crate) back: String,
    /// Whether there is nothing to cancel any more.
    pub(crate) over: bool,
}

/// `GET {project}/_build/results/cancel?buildId=`.
pub(crate) async fn get(visit: Visit, Path(name): Path<String>) -> Result<Response> {
    let project = visit.project(&name).await?;
    let found = find(&visit, &project).await?;
    let page = Cancel {
        frame: visit
            .frame_of(&project, Section::Pipelines, "Cancel the run")
            .dialog(),
        project: project.name.clone(),
        run: found.run.id,
        name: found.run.name,
        pipeline: found.run.pipeline.name,
        back: link_of(&visit, &project, found.run.id),
        over: found.run.state != RunState::InProgress,
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}

/// `POST {project}/_build/results/cancel`.
pub(crate) async fn post(visit: Visit, Path(name): Path<String>, form: Form) -> Result<Response> {
    let project = visit.project(&name).await?;
    let run = run_id(form.field("buildId"))?;
    let runs = visit.app.service.runs();
    runs.cancel(&visit.caller, project.id, run).await?;
    let back = link_of(&visit, &project, run);
    Ok(see_other(&format!("{back}&done=canceled")))
}
