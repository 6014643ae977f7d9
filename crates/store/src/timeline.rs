//! Timeline records: what happened in a run, as a flat list with parents.

use crate::error::{Stop, StoreError};
use crate::gate::Seen;
use crate::jobs::Lease;
use crate::runs::{RunRow, outcome};
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::ViewRun;
use coffer_model::run::Outcome;
use coffer_model::{JobId, RecordId, RunId, Timestamp};
use uuid::Uuid;

statements! {
    PUT = "insert into timeline_record (run_id, id, job_id, parent_id, kind, name, ref_name, ordinal, state, result,
            started_at, finished_at, errors, warnings, issues, log_lines)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0)
        on conflict (run_id, id) do update set name = excluded.name, ref_name = excluded.ref_name,
            ordinal = excluded.ordinal, state = excluded.state, result = excluded.result,
            started_at = excluded.started_at, finished_at = excluded.finished_at, errors = excluded.errors,
            warnings = excluded.warnings, issues = excluded.issues
        where timeline_record.job_id = excluded.job_id and timeline_record.kind = excluded.kind";
    JOB_RECORD = "select record_id from job where id = $1";
    COMPLETE = "update timeline_record set state = 'completed', result = $1, finished_at = $2
        where run_id = $3 and id = $4 and state <> 'completed'";
    START = "update timeline_record set state = 'inProgress', started_at = coalesce(started_at, $1), worker = $2
        where run_id = $3 and id = $4";
    CHANGED = "update run set change_id = change_id + 1 where id = $1";
    LIST = "select id, parent_id, kind, name, ref_name, ordinal, state, result, started_at, finished_at, errors, warnings,
            issues, log_id, log_lines, worker
        from timeline_record where run_id = $1 order by ordinal, id";
}

/// A record to write.
#[derive(Clone, Debug)]
pub struct RecordWrite {
    /// Its id.
    pub id: RecordId,
    /// What it is part of.
    pub parent: Option<RecordId>,
    /// `Stage`, `Job`, `Task`.
    pub kind: &'static str,
    /// The name people see.
    pub name: String,
    /// The name expressions use.
    pub ref_name: Option<String>,
    /// Place among its siblings.
    pub ordinal: i64,
    /// `pending`, `inProgress`, `completed`.
    pub state: String,
    /// How it ended.
    pub result: Option<Outcome>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Errors counted.
    pub errors: i64,
    /// Warnings counted.
    pub warnings: i64,
    /// Issues, as the text the caller chose for them.
    pub issues: String,
}

impl RecordWrite {
    pub(crate) fn node(
        id: RecordId,
        parent: Option<RecordId>,
        kind: &'static str,
        name: &str,
        ref_name: &str,
        ordinal: i64,
    ) -> Self {
        Self {
            id,
            parent,
            kind,
            name: name.to_owned(),
            ref_name: Some(ref_name.to_owned()),
            ordinal,
            state: "pending".into(),
            result: None,
            started_at: None,
            finished_at: None,
            errors: 0,
            warnings: 0,
            issues: "[]".into(),
        }
    }
}

/// A record as stored.
#[derive(Clone, Debug)]
pub struct RecordRow {
    /// What was written.
    pub id: RecordId,
    /// What it is part of.
    pub parent: Option<RecordId>,
    /// `Stage`, `Job`, `Task`.
    pub kind: String,
    /// The name people see.
    pub name: String,
    /// The name expressions use.
    pub ref_name: Option<String>,
    /// Place among its siblings.
    pub ordinal: i64,
    /// `pending`, `inProgress`, `completed`.
    pub state: String,
    /// How it ended.
    pub result: Option<Outcome>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Errors counted.
    pub errors: i64,
    /// Warnings counted.
    pub warnings: i64,
    /// Issues.
    pub issues: String,
    /// Its log.
    pub log: Option<i64>,
    /// Lines of its log.
    pub log_lines: i64,
    /// The agent that ran it.
    pub worker: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    parent_id: Option<Uuid>,
    kind: String,
    name: String,
    ref_name: Option<String>,
    ordinal: i64,
    state: String,
    result: Option<String>,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    errors: i64,
    warnings: i64,
    issues: String,
    log_id: Option<i64>,
    log_lines: i64,
    worker: Option<String>,
}

impl Tx {
    pub(crate) async fn record_put(
        &mut self,
        run: RunId,
        job: Option<JobId>,
        record: &RecordWrite,
    ) -> Result<(), StoreError> {
        self.run(
            &PUT,
            args![
                run.0,
                record.id.0,
                job.map(|job| job.0),
                record.parent.map(|parent| parent.0),
                record.kind,
                &record.name,
                record.ref_name.clone(),
                record.ordinal,
                &record.state,
                record.result.map(|result| result.word().to_owned()),
                record.started_at.map(|at| at.0),
                record.finished_at.map(|at| at.0),
                record.errors,
                record.warnings,
                &record.issues,
            ],
        )
        .await
        .map(drop)
    }

    /// Writes a step's record below its job. An agent can write steps of its own job only.
    pub async fn step_record_put(
        &mut self,
        lease: &Lease,
        record: &RecordWrite,
    ) -> Result<(), Stop> {
        lease.check(self)?;
        let (parent,): (Uuid,) = self.conn.one(&JOB_RECORD, args![lease.job().0]).await?;
        let record = RecordWrite {
            parent: Some(RecordId(parent)),
            kind: "Task",
            ..record.clone()
        };
        self.record_put(lease.run(), Some(lease.job()), &record)
            .await?;
        self.run_changed(lease.run()).await?;
        Ok(())
    }

    pub(crate) async fn record_complete(
        &mut self,
        run: RunId,
        record: RecordId,
        result: Outcome,
    ) -> Result<(), StoreError> {
        self.run(&COMPLETE, args![result.word(), self.now.0, run.0, record.0])
            .await?;
        self.run_changed(run).await
    }

    pub(crate) async fn record_start(
        &mut self,
        run: RunId,
        record: RecordId,
        worker: &str,
    ) -> Result<(), StoreError> {
        self.run(&START, args![self.now.0, worker, run.0, record.0])
            .await?;
        self.run_changed(run).await
    }

    pub(crate) async fn run_changed(&mut self, run: RunId) -> Result<(), StoreError> {
        self.run_one(&CHANGED, args![run.0]).await
    }
}

impl ReadTx {
    /// The records of a run of the seen pipeline.
    pub async fn timeline(
        &mut self,
        _seen: &Seen<ViewRun>,
        run: &RunRow,
    ) -> Result<Vec<RecordRow>, StoreError> {
        let rows: Vec<Row> = self.conn.all(&LIST, args![run.id.0]).await?;
        rows.into_iter()
            .map(|row| {
                Ok(RecordRow {
                    id: RecordId(row.id),
                    parent: row.parent_id.map(RecordId),
                    kind: row.kind,
                    name: row.name,
                    ref_name: row.ref_name,
                    ordinal: row.ordinal,
                    state: row.state,
                    result: outcome(row.result.as_deref(), "timeline_record")?,
                    started_at: row.started_at.map(Timestamp),
                    finished_at: row.finished_at.map(Timestamp),
                    errors: row.errors,
                    warnings: row.warnings,
                    issues: row.issues,
                    log: row.log_id,
                    log_lines: row.log_lines,
                    worker: row.worker,
                })
            })
            .collect()
    }
}
