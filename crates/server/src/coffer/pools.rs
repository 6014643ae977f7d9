//! Agents as people see them: `coffer/pools/agents`. It must not know the agent protocol.

use crate::App;
use crate::ado::convert::date;
use crate::auth::Who;
use crate::error::{ApiError, Result};
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use coffer_model::AgentId;
use coffer_wire::agent::RegisteredAgent;
use http::StatusCode;
use uuid::Uuid;

/// `GET coffer/pools/agents`.
pub(crate) async fn agents(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
) -> Result<Response> {
    let agents = app.service.agents().list(&caller).await?;
    let agents = agents.into_iter().map(|agent| RegisteredAgent {
        id: agent.id.0,
        name: agent.name,
        pool: agent.pool,
        version: agent.version,
        coffer_version: agent.coffer_version,
        registered_on: date(agent.registered_at),
    });
    Ok(asked.list(agents.collect()))
}

/// `DELETE coffer/pools/agents/{poolAgentId}`.
pub(crate) async fn remove(
    State(app): State<App>,
    Who(caller): Who,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    let id = Uuid::parse_str(&id).map_err(|_| {
        ApiError::no_such(
            "agent.not_found",
            "There is no such agent: its id is a GUID.",
        )
    })?;
    app.service.agents().remove(&caller, AgentId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
