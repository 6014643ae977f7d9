//! `{project}/_build`: the pipelines of a project, and one of them with its runs. It must not know how a run goes.

use super::filters;
use super::frame::{Frame, PageKind, Section, Visit};
use super::guard::Form;
use super::html::{see_other, show};
use super::run::{State, link_of};
use crate::error::{ApiError, Result};
use crate::params::{pipeline_id, run_id};
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use coffer_model::library::Project;
use coffer_model::{PipelineId, Timestamp};
use coffer_service::{NamedFile, NamedPermit, Names, PipelineLine, RunInput, RunLine};
use http::StatusCode;

/// Pipelines on a page.
const PIPELINES: u32 = 50;
/// Runs on a page.
const RUNS: u32 = 50;

/// The pipelines of a project.
#[derive(Template)]
#[template(path = "pipelines/list.html")]
pub(crate) struct List {
    pub(crate) frame: Frame,
    pub(crate) project: String,
    pub(crate) search: String,
    pub(crate) rows: Vec<PipelineRow>,
    /// How many there are, as words.
    pub(crate) total: String,
    /// Where the pages before and after are.
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
    /// Whether the visitor may make one.
    pub(crate) may_create: bool,
}

/// A pipeline in the list.
pub(crate) struct PipelineRow {
    pub(crate) id: PipelineId,
    pub(crate) name: String,
    /// Empty for the root.
    pub(crate) folder: String,
    pub(crate) last: Option<RunRow>,
}

/// A run in a list.
pub(crate) struct RunRow {
    pub(crate) link: String,
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) by: String,
    pub(crate) at: Timestamp,
    pub(crate) took: Option<String>,
}

/// A pipeline with its runs.
#[derive(Template)]
#[template(path = "pipelines/one.html")]
pub(crate) struct One {
    pub(crate) frame: Frame,
    pub(crate) project: String,
    pub(crate) id: PipelineId,
    pub(crate) name: String,
    pub(crate) revision: i64,
    pub(crate) path: String,
    /// None for who may see runs, but not the YAML.
    pub(crate) yaml: Option<String>,
    /// The template files beside it: path and text.
    pub(crate) templates: Vec<(String, String)>,
    /// Parameters that whoever starts a run must give.
    pub(crate) parameters: Vec<String>,
    pub(crate) files: Vec<FileRow>,
    /// Why the YAML cannot run.
    pub(crate) problems: Vec<String>,
    pub(crate) runs: Vec<RunRow>,
    /// Whether these are not the newest ones.
    pub(crate) later: bool,
    pub(crate) older: Option<String>,
    pub(crate) may_see_runs: bool,
    pub(crate) may_queue: bool,
}

/// A file that a pipeline names.
pub(crate) struct FileRow {
    /// Nothing for who may not see it.
    pub(crate) seen: Option<SeenFile>,
}

/// A file that a pipeline names, and whether it may use it.
pub(crate) struct SeenFile {
    pub(crate) name: String,
    pub(crate) link: String,
    pub(crate) permitted: bool,
    /// On which refs only.
    pub(crate) refs: Vec<String>,
    /// Who may permit it.
    pub(crate) who: Vec<String>,
}

fn run_row(visit: &Visit, project: &Project, line: RunLine) -> RunRow {
    let run = line.run;
    RunRow {
        link: link_of(visit, project, run.id),
        state: State::of(&run, line.waits),
        took: super::run::took(run.started_at, run.finished_at),
        name: run.name,
        by: run.requested_by.display_name,
        at: run.created_at,
    }
}

fn pipeline_row(visit: &Visit, project: &Project, line: PipelineLine) -> PipelineRow {
    PipelineRow {
        id: line.pipeline.id,
        name: line.pipeline.name,
        folder: line.pipeline.folder.trim_matches('\\').to_owned(),
        last: line.last_run.map(|line| run_row(visit, project, line)),
    }
}

fn file_row(visit: &Visit, project: &Project, file: NamedFile) -> FileRow {
    let (permitted, refs, who) = match file.permit {
        NamedPermit::Yes => (true, Vec::new(), Vec::new()),
        NamedPermit::OnRefs(refs) => (true, refs.patterns().to_vec(), Vec::new()),
        NamedPermit::No(waiting) => (false, Vec::new(), waiting.who_may_permit),
    };
    FileRow {
        seen: file.name.map(|name| SeenFile {
            name,
            link: visit.place.file(&project.name, &file.file),
            permitted,
            refs,
            who,
        }),
    }
}

/// `GET {project}/_build`.
pub(crate) async fn get(visit: Visit, Path(name): Path<String>) -> Result<Response> {
    let project = visit.project(&name).await?;
    match visit.params.filled("definitionId") {
        Some(id) => one(&visit, &project, pipeline_id(id)?).await,
        None => list(&visit, &project).await,
    }
}

async fn list(visit: &Visit, project: &Project) -> Result<Response> {
    let search = visit.params.text("search").unwrap_or_default();
    let skip: u64 = visit.params.number("skip")?.unwrap_or(0);
    let (service, caller) = (&visit.app.service, &visit.caller);
    let page = service
        .pipelines()
        .page(caller, project.id, search, skip, PIPELINES)
        .await?;
    let may = service.may_pipelines(caller, project.id).await?;
    let at = |skip: u64| visit.place.pipelines_from(&project.name, search, skip);
    let step = u64::from(PIPELINES);
    let more = if page.total.or_more { " or more" } else { "" };
    let list = List {
        frame: visit.frame_of(project, Section::Pipelines, "Pipelines"),
        project: project.name.clone(),
        search: search.to_owned(),
        total: match page.total.count {
            1 => "1 pipeline".to_owned(),
            count => format!("{count}{more} pipelines"),
        },
        previous: (skip > 0).then(|| at(skip.saturating_sub(step))),
        next: page.is_before.then(|| at(skip.saturating_add(step))),
        rows: page
            .items
            .into_iter()
            .map(|line| pipeline_row(visit, project, line))
            .collect(),
        may_create: may.create,
    };
    Ok(show(StatusCode::OK, &list.frame, &list))
}

async fn one(visit: &Visit, project: &Project, id: PipelineId) -> Result<Response> {
    let (service, caller) = (&visit.app.service, &visit.caller);
    let may = service.may_pipeline(caller, project.id, id).await?;
    let pipelines = service.pipelines();
    let before = visit.params.filled("before").map(run_id).transpose()?;
    let (runs, older) = if may.see_runs {
        let runs = service.runs();
        let page = runs
            .page(caller, project.id, Some(id), before, RUNS)
            .await?;
        (page.items, page.next)
    } else {
        (Vec::new(), None)
    };
    let (view, named) = if may.view {
        let view = pipelines.get(caller, project.id, id).await?;
        (
            Some(view),
            pipelines.named_files(caller, project.id, id).await,
        )
    } else {
        (None, Ok(Names::default()))
    };
    let (names, problems) = match named {
        Ok(names) => (names, Vec::new()),
        Err(error) if error.code == "pipeline.invalid" => {
            let told = error.problems.iter().map(|problem| problem.text.clone());
            let told: Vec<_> = told.collect();
            let told = if told.is_empty() {
                vec![error.message]
            } else {
                told
            };
            (Names::default(), told)
        }
        Err(error) => return Err(error.into()),
    };
    let name = match (&view, runs.first()) {
        (Some(view), _) => view.name.clone(),
        (None, Some(line)) => line.run.pipeline.name.clone(),
        (None, None) => format!("Pipeline {id}"),
    };
    let page = One {
        frame: visit.frame_of(project, Section::Pipelines, name.clone()),
        project: project.name.clone(),
        id,
        name,
        revision: view.as_ref().map_or(0, |view| view.revision),
        path: view
            .as_ref()
            .map_or_else(String::new, |view| view.path.clone()),
        templates: view
            .as_ref()
            .map(|view| view.files.clone())
            .unwrap_or_default(),
        yaml: view.and_then(|view| view.yaml),
        parameters: names.parameters,
        files: names
            .files
            .into_iter()
            .map(|file| file_row(visit, project, file))
            .collect(),
        problems,
        later: before.is_some(),
        older: older.map(|run| visit.place.pipeline_before(&project.name, id, run)),
        runs: runs
            .into_iter()
            .map(|line| run_row(visit, project, line))
            .collect(),
        may_see_runs: may.see_runs,
        may_queue: may.queue,
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}

/// `POST {project}/_build/run`: starts a run, and leads to it.
pub(crate) async fn run(visit: Visit, Path(name): Path<String>, form: Form) -> Result<Response> {
    let project = visit.project(&name).await?;
    let pipeline = pipeline_id(form.field("definitionId"))?;
    let started = visit
        .app
        .service
        .runs()
        .start(&visit.caller, project.id, pipeline, RunInput::default())
        .await
        .map_err(ApiError::from)?;
    Ok(see_other(&link_of(&visit, &project, started.id)))
}
