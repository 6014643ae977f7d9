//! Builds, timelines and logs: `{project}/_apis/build/builds`. A build is a run seen by the older API.

use crate::App;
use crate::ado::{convert, project};
use crate::auth::Who;
use crate::body::JsonBody;
use crate::error::{ApiError, Result};
use crate::params::{Params, run_id};
use crate::urls::Links;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use coffer_model::PipelineId;
use coffer_wire::builds::Build;
use coffer_wire::enums::{
    BuildQueryOrder, BuildReason, BuildResult, BuildStatus, QueryDeletedOption, WireEnum as _,
};
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use uuid::Uuid;

/// Builds that one answer holds, unless `$top` says fewer.
const MOST_BUILDS: usize = 1000;

/// `GET`: builds of a project, `definitions=1,2` of these pipelines, newest first.
pub(crate) async fn list(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    params: Params,
    asked: Asked,
    links: Links,
) -> Result<Response> {
    let top = params
        .number("$top")?
        .unwrap_or(MOST_BUILDS)
        .min(MOST_BUILDS);
    let filter = Filter::read(&params)?;
    let order = params
        .one_of("queryOrder")?
        .unwrap_or(BuildQueryOrder::QueueTimeDescending);
    let fetch = if filter.is_open() { top } else { MOST_BUILDS };
    let pipelines = definitions(&params)?;
    let project = project(&app, &caller, &name).await?;
    let mut views = Vec::new();
    for pipeline in pipelines {
        let runs = app.service.runs();
        views.extend(runs.list(&caller, project.id, pipeline, fetch).await?);
    }
    views.sort_by_key(|view| std::cmp::Reverse(view.id));
    views.dedup_by_key(|view| view.id);
    let builds = views
        .into_iter()
        .map(|view| convert::build(&links, &project, view));
    let mut builds: Vec<_> = builds.filter(|build| filter.takes(build)).collect();
    if matches!(
        order,
        BuildQueryOrder::FinishTimeAscending
            | BuildQueryOrder::QueueTimeAscending
            | BuildQueryOrder::StartTimeAscending
    ) {
        builds.reverse();
    }
    builds.truncate(top);
    Ok(asked.list(builds))
}

/// `GET /{id}`.
pub(crate) async fn get(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, id)): Path<(String, String)>,
    asked: Asked,
    links: Links,
) -> Result<Response> {
    let id = run_id(&id)?;
    let project = project(&app, &caller, &name).await?;
    let view = app.service.runs().get(&caller, project.id, id).await?;
    Ok(asked.json(&convert::build(&links, &project, view)))
}

/// Body of `PATCH /{id}`.
#[derive(Deserialize)]
pub(crate) struct Change {
    #[serde(default)]
    status: Option<BuildStatus>,
}

/// `PATCH /{id}`: `{"status":"cancelling"}` asks the run to stop.
pub(crate) async fn update(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, id)): Path<(String, String)>,
    asked: Asked,
    links: Links,
    JsonBody(body): JsonBody<Change>,
) -> Result<Response> {
    let id = run_id(&id)?;
    if body.status != Some(BuildStatus::Cancelling) {
        return Err(ApiError::not_supported(
            "The only change that is supported yet is {\"status\":\"cancelling\"}.",
        ));
    }
    let project = project(&app, &caller, &name).await?;
    let view = app.service.runs().cancel(&caller, project.id, id).await?;
    Ok(asked.json(&convert::build(&links, &project, view)))
}

/// `GET /{id}/timeline`.
pub(crate) async fn timeline(
    app: State<App>,
    who: Who,
    Path((name, id)): Path<(String, String)>,
    asked: Asked,
    links: Links,
) -> Result<Response> {
    read_timeline(app, who, (name, id, None), asked, links).await
}

/// `GET /{id}/timeline/{timelineId}`.
pub(crate) async fn timeline_by_id(
    app: State<App>,
    who: Who,
    Path((name, id, timeline)): Path<(String, String, String)>,
    asked: Asked,
    links: Links,
) -> Result<Response> {
    read_timeline(app, who, (name, id, Some(timeline)), asked, links).await
}

async fn read_timeline(
    State(app): State<App>,
    Who(caller): Who,
    (name, id, timeline): (String, String, Option<String>),
    asked: Asked,
    links: Links,
) -> Result<Response> {
    let id = run_id(&id)?;
    let project = project(&app, &caller, &name).await?.id;
    let view = app.service.runs().timeline(&caller, project, id).await?;
    if timeline.is_some_and(|wanted| Uuid::parse_str(&wanted) != Ok(view.id)) {
        return Err(ApiError::no_such(
            "timeline.not_found",
            "That build has no such timeline.",
        ));
    }
    Ok(asked.json(&convert::timeline(&links, project, id, view)))
}

/// `GET /{id}/logs`.
pub(crate) async fn logs(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, id)): Path<(String, String)>,
    asked: Asked,
    links: Links,
) -> Result<Response> {
    let id = run_id(&id)?;
    let project = project(&app, &caller, &name).await?.id;
    let logs = app.service.runs().logs(&caller, project, id).await?;
    let logs = logs.iter();
    Ok(asked.list(
        logs.map(|log| convert::log(&links, project, id, log))
            .collect(),
    ))
}

/// `GET /{id}/logs/{logId}?startLine=&endLine=`: lines from 1, both ends included. Plain text, or a JSON list for
/// clients that ask for JSON first.
pub(crate) async fn log(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, id, log)): Path<(String, String, String)>,
    params: Params,
    asked: Asked,
) -> Result<Response> {
    let id = run_id(&id)?;
    let log = log
        .parse()
        .map_err(|_| ApiError::no_such("log.not_found", "That build has no such log."))?;
    let from = params.number::<i64>("startLine")?.unwrap_or(1).max(1);
    let to = params.number::<i64>("endLine")?;
    let project = project(&app, &caller, &name).await?.id;
    let runs = app.service.runs();
    let text = runs.log(&caller, project, id, log, from, to).await?;
    if !asked.prefers_text() {
        return Ok(asked.list(text.lines));
    }
    let mut body = String::with_capacity(text.lines.iter().map(|line| line.len() + 1).sum());
    for line in &text.lines {
        body.push_str(line);
        body.push('\n');
    }
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response())
}

/// The pipelines that a list is narrowed to; one `None` is all.
fn definitions(params: &Params) -> Result<Vec<Option<PipelineId>>> {
    let Some(parts) = params.parts("definitions") else {
        return Ok(vec![None]);
    };
    let ids = parts.into_iter().map(|part| {
        part.parse().map(|id| Some(PipelineId(id))).map_err(|_| {
            ApiError::argument("The query parameter 'definitions' lists pipeline ids.")
        })
    });
    ids.collect()
}

/// `statusFilter`, `resultFilter`, `reasonFilter` and `deletedFilter`. `none` narrows nothing, and nothing is deleted.
struct Filter {
    status: i32,
    result: i32,
    reason: i32,
    deleted: bool,
}

impl Filter {
    fn read(params: &Params) -> Result<Self> {
        let deleted = params.one_of::<QueryDeletedOption>("deletedFilter")?;
        Ok(Self {
            status: params.flags::<BuildStatus>("statusFilter")?,
            result: params.flags::<BuildResult>("resultFilter")?,
            reason: params.flags::<BuildReason>("reasonFilter")?,
            deleted: deleted == Some(QueryDeletedOption::OnlyDeleted),
        })
    }

    fn is_open(&self) -> bool {
        self.status == 0 && self.result == 0 && self.reason == 0 && !self.deleted
    }

    fn takes(&self, build: &Build) -> bool {
        let of = |bits: i32, number: Option<i32>| bits == 0 || bits & number.unwrap_or(0) != 0;
        !self.deleted
            && of(self.status, Some(build.status.number()))
            && of(self.result, build.result.map(|result| result.number()))
            && of(self.reason, Some(build.reason.number()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_a_list_of_numbers() {
        let read = |query: &str| definitions(&Params::read(&query.parse().unwrap()));
        assert_eq!(read("/").unwrap(), [None]);
        assert_eq!(
            read("/?definitions=1,%202").unwrap(),
            [Some(PipelineId(1)), Some(PipelineId(2))]
        );
        assert!(read("/?definitions=x").is_err());
    }
}
