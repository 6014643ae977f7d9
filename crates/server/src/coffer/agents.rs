//! The agent protocol: register, witness, lease, renew, feed, finish. Every call but the first is signed by the agent.

use crate::App;
use crate::auth::Who;
use crate::body::JsonBody;
use crate::coffer::convert;
use crate::error::{ApiError, Result};
use crate::forwarded::Arrival;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coffer_model::JobId;
use coffer_service::{AgentAnchor, NewAgent};
use coffer_wire::agent::{
    Anchor, Feed, Finish, LeaseRequest, Register, Registered, Renew, Renewed, Testimony, Witnessed,
};
use http::{HeaderMap, StatusCode};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How long one look for a job may take, and with it the end of a server that stops.
const SLICE: Duration = Duration::from_secs(1);

/// `POST coffer/agents`, with a token that registers agents.
pub(crate) async fn register(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    JsonBody(body): JsonBody<Register>,
) -> Result<Response> {
    let public_key = URL_SAFE_NO_PAD
        .decode(&body.public_key)
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .ok_or_else(|| {
            ApiError::argument(
                "'publicKey' must be an Ed25519 public key: 32 bytes as base64url without padding.",
            )
        })?;
    let agent = NewAgent {
        name: body.name,
        pool: Some(body.pool)
            .filter(|pool| !pool.is_empty())
            .unwrap_or_else(|| "Default".into()),
        version: body.version,
        coffer_version: body.coffer_version,
        public_key,
        capabilities: body.capabilities,
    };
    let registered = app.service.jobs().register(&caller, agent).await?;
    Ok(asked.json(&Registered {
        agent_id: registered.agent.0,
        lease_seconds: registered.lease_seconds,
        renew_seconds: registered.renew_seconds,
        unit_key: registered.unit_key.map(|key| URL_SAFE_NO_PAD.encode(key)),
    }))
}

/// `POST coffer/agents/{agentId}/witness`: what the agent remembers of the database, and what it is to remember.
pub(crate) async fn witness(
    State(app): State<App>,
    who: Who,
    Path(agent): Path<String>,
    asked: Asked,
    JsonBody(body): JsonBody<Testimony>,
) -> Result<Response> {
    who.agent(&agent)?;
    let remembered = body.remembered.map(|anchor| AgentAnchor {
        scale_unit: anchor.scale_unit,
        text: anchor.text,
    });
    let given = app.service.jobs().witness(&who.0, remembered).await?;
    let remember = given.map(|given| Anchor {
        scale_unit: given.scale_unit,
        text: given.text,
    });
    Ok(asked.json(&Witnessed { remember }))
}

/// `POST coffer/agents/{agentId}/lease`: waits for a job; 204 when none came, or when the server is about to stop.
pub(crate) async fn lease(
    State(app): State<App>,
    who: Who,
    Path(agent): Path<String>,
    arrival: Arrival,
    headers: HeaderMap,
    asked: Asked,
    JsonBody(body): JsonBody<LeaseRequest>,
) -> Result<Response> {
    who.agent(&agent)?;
    let wait = Duration::from_secs(body.wait_seconds.into()).min(app.limits.lease_wait);
    let url = app.urls.organization(&arrival, &headers)?;
    let deadline = Instant::now() + wait;
    loop {
        // A lease that is cut off between its commit and its answer is lost until it expires. So a server that stops
        // does not cut it off: the wait is made of short ones.
        let left = deadline.saturating_duration_since(Instant::now());
        let jobs = app.service.jobs();
        if let Some(job) = jobs.lease(&who.0, left.min(SLICE), &url).await? {
            return Ok(asked.json(&convert::job(job)));
        }
        if left <= SLICE || app.stop.is_cancelled() {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
}

/// `POST coffer/agents/{agentId}/jobs/{jobId}/renew`.
pub(crate) async fn renew(
    State(app): State<App>,
    who: Who,
    Path((agent, job)): Path<(String, String)>,
    asked: Asked,
    JsonBody(body): JsonBody<Renew>,
) -> Result<Response> {
    who.agent(&agent)?;
    let jobs = app.service.jobs();
    let cancel = jobs.renew(&who.0, job_id(&job)?, &body.lease_token).await?;
    Ok(asked.json(&Renewed { cancel }))
}

/// `POST coffer/agents/{agentId}/jobs/{jobId}/feed`.
pub(crate) async fn feed(
    State(app): State<App>,
    who: Who,
    Path((agent, job)): Path<(String, String)>,
    asked: Asked,
    JsonBody(mut body): JsonBody<Feed>,
) -> Result<Response> {
    who.agent(&agent)?;
    let token = std::mem::take(&mut body.lease_token);
    let (records, lines) = convert::feed(body)?;
    let jobs = app.service.jobs();
    let cancel = jobs
        .feed(&who.0, job_id(&job)?, &token, records, lines)
        .await?;
    Ok(asked.json(&Renewed { cancel }))
}

/// `POST coffer/agents/{agentId}/jobs/{jobId}/finish`.
pub(crate) async fn finish(
    State(app): State<App>,
    who: Who,
    Path((agent, job)): Path<(String, String)>,
    JsonBody(body): JsonBody<Finish>,
) -> Result<StatusCode> {
    who.agent(&agent)?;
    let outcome = convert::outcome(&body.result)?;
    let outputs = body.outputs.into_iter();
    let outputs = outputs
        .map(|(name, value)| (convert::clean(name), convert::clean(value)))
        .collect();
    let jobs = app.service.jobs();
    jobs.finish(&who.0, job_id(&job)?, &body.lease_token, outcome, outputs)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn job_id(text: &str) -> Result<JobId> {
    Uuid::parse_str(text)
        .map(JobId)
        .map_err(|_| ApiError::no_such("job.not_found", "There is no such job."))
}
