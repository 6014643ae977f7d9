//! The audit log about one secure file, for who administers it. Entries about anything else are not read at all, and of
//! those about the file only what concerns the file: no addresses, no sessions, no tokens.

use crate::error::StoreError;
use crate::gate::Seen;
use crate::sql::{args, statements};
use crate::unit::ReadTx;
use coffer_model::act::ViewFileHistory;
use coffer_model::{EventId, IdentityId, JobId, RunId, Timestamp};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Details of an event that concern the file.
const DETAILS: [&str; 15] = [
    "name",
    "pipeline",
    "refs",
    "because",
    "reason",
    "identity",
    "role",
    "allow",
    "deny",
    "removed",
    "inherits",
    "properties",
    "request",
    "recipient",
    "why",
];

statements! {
    HISTORY = "select e.ordinal, e.id, e.time, e.action, e.outcome, e.actor_id, e.actor_name, e.authentication, e.run_id,
            e.job_id, e.details
        from audit_event e where e.resource_kind = 'securefile' and e.resource_id = $1 and e.project_id = $2
            and e.ordinal < $3 order by e.ordinal desc limit $4";
}

/// An event about a secure file.
#[derive(Clone, Debug)]
pub struct FileEvent {
    /// Where it stands; what the next page is before.
    pub place: i64,
    /// Its id in the audit log.
    pub id: EventId,
    /// When.
    pub time: Timestamp,
    /// What, as the audit log names it: `SecureFile.Downloaded`.
    pub action: String,
    /// Whether it was allowed.
    pub allowed: bool,
    /// Who.
    pub actor: IdentityId,
    /// The name of who, then.
    pub actor_name: String,
    /// How it signed in: `session`, `token`, `job`.
    pub authentication: String,
    /// The run it was in.
    pub run: Option<RunId>,
    /// The job it was in.
    pub job: Option<JobId>,
    /// What else concerns the file: the pipeline permitted, the role given, why it was denied.
    pub details: BTreeMap<String, String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    ordinal: i64,
    id: Uuid,
    time: i64,
    action: String,
    outcome: String,
    actor_id: Uuid,
    actor_name: String,
    authentication: String,
    run_id: Option<i64>,
    job_id: Option<Uuid>,
    details: String,
}

impl ReadTx {
    /// Events about a file, newest first, before a place.
    pub async fn file_history(
        &mut self,
        seen: &Seen<ViewFileHistory>,
        before: Option<i64>,
        top: i64,
    ) -> Result<Vec<FileEvent>, StoreError> {
        let values = args![
            seen.0.file.to_string(),
            seen.0.project.0,
            before.unwrap_or(i64::MAX),
            top
        ];
        let rows: Vec<Row> = self.conn.all(&HISTORY, values).await?;
        rows.into_iter()
            .map(|row| {
                let mut details: BTreeMap<String, String> = serde_json::from_str(&row.details)
                    .map_err(|_| StoreError::corrupt("audit_event", "details"))?;
                details.retain(|name, _| DETAILS.contains(&name.as_str()));
                Ok(FileEvent {
                    place: row.ordinal,
                    id: EventId(row.id),
                    time: Timestamp(row.time),
                    action: row.action,
                    allowed: row.outcome == "allowed",
                    actor: IdentityId(row.actor_id),
                    actor_name: row.actor_name,
                    authentication: row.authentication,
                    run: row.run_id.map(RunId),
                    job: row.job_id.map(JobId),
                    details,
                })
            })
            .collect()
    }
}
