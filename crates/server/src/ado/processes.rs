//! Processes: how projects of the original track work. Projects here have one and the same, and nothing to do with it.
//!
//! They are the same for everybody; who can do anything at all may read them. Served because infrastructure tools read the name of the process that a project's capabilities name, and fail without.

use crate::App;
use crate::auth::Who;
use crate::error::{ApiError, Result};
use crate::urls::Links;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use coffer_wire::enums::ProcessType;
use coffer_wire::graph::Process;
use coffer_wire::paths::core as paths;

/// The smallest process of the original, and its id there.
pub(crate) const ID: &str = "b8a3a935-7e91-48b8-a94c-606d37c3e9f2";
/// Its name.
pub(crate) const NAME: &str = "Basic";

fn basic(links: &Links) -> Process {
    Process {
        id: ID.into(),
        name: NAME.into(),
        description: "Projects have secure files and pipelines. Work is not tracked here.".into(),
        is_default: true,
        kind: ProcessType::System,
        url: links.to(paths::PROCESS, &[ID]),
    }
}

/// `GET process/processes`.
pub(crate) async fn list(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
) -> Result<Response> {
    app.service.access().describe(&caller).await?;
    Ok(asked.list(vec![basic(&links)]))
}

/// `GET process/processes/{processId}`.
pub(crate) async fn get(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    Path(id): Path<String>,
) -> Result<Response> {
    app.service.access().describe(&caller).await?;
    if !id.eq_ignore_ascii_case(ID) {
        return Err(ApiError::no_such(
            "process.not_found",
            "There is no such process. All projects have the process Basic.",
        ));
    }
    Ok(asked.json(&basic(&links)))
}
