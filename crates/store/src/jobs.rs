//! Jobs: the queue, leases, and how a job ends. A lease is claimed, renewed, and ends exactly once.

use crate::error::{Refusal, Stop, StoreError};
use crate::gate::Grant;
use crate::keys::WrappedKind;
use crate::runs::{SourceRow, outcome};
use crate::secure_files::TicketedFile;
use crate::sql::{args, statements};
use crate::timeline::RecordWrite;
use crate::unit::{ReadTx, Tx};
use coffer_model::act::{AbandonJob, IssueTicket};
use coffer_model::run::Outcome;
use coffer_model::source::RunSource;
use coffer_model::{
    AgentId, FileId, JobId, PipelineId, ProjectId, ProjectKeyId, RecordId, RunId, Timestamp,
};
use uuid::Uuid;

statements! {
    INSERT = "insert into job (id, run_id, stage_ordinal, ordinal, name, record_id, state, attempt, cancel_requested,
            continue_on_error, queued_at)
        values ($1, $2, $3, $4, $5, $6, 'waiting', 0, 0, $7, $8)";
    FILE_INSERT = "insert into job_file (job_id, file_id, deferred) values ($1, $2, $3)
        on conflict (job_id, file_id) do nothing";
    VALUE_INSERT = "insert into job_value (job_id, name, value) values ($1, $2, $3)";
    VALUES = "select name, value from job_value where job_id = $1 order by name";
    FILE_NAMED = "update job_file set deferred = 0 where job_id = $1 and file_id = $2";
    READY = "select j.id, j.run_id, j.stage_ordinal, j.ordinal, j.name, r.project_id, r.pipeline_id, p.name as pipeline_name,
            r.pipeline_revision, r.name as run_name, r.plan, r.plan_id, r.timeline_id, i.unique_name, i.display_name, j.record_id,
            r.source, r.source_repository, r.source_ref, r.source_commit
        from job j join run r on r.id = j.run_id join pipeline p on p.id = r.pipeline_id
            join identity i on i.id = r.requested_by
        where j.state = 'ready' and r.state = 'inProgress' order by j.queued_at, j.id limit $1";
    CLAIM = "update job set state = 'leased', agent_id = $1, lease_hash = $2, lease_until = $3, attempt = attempt + 1,
            started_at = coalesce(started_at, $4) where id = $5 and state = 'ready'";
    UNCLAIM = "update job set state = 'waiting', agent_id = null, lease_hash = null, lease_until = null
        where id = $1 and state = 'leased'";
    FILES = "select file_id from job_file where job_id = $1 and deferred = 0";
    LEASE = "select run_id, lease_until, cancel_requested, state from job
        where id = $1 and agent_id = $2 and lease_hash = $3";
    RENEW = "update job set lease_until = $1 where id = $2 and state = 'leased'";
    TICKET = "insert into ticket (hash, job_id, file_id, issued_at) values ($1, $2, $3, $4)";
    TICKETS_END = "delete from ticket where job_id = $1";
    FINISH = "update job set state = 'completed', result = $1, finished_at = $2, lease_until = null
        where id = $3 and state <> 'completed'";
    RECORD_OF = "select run_id, record_id from job where id = $1";
    CONTINUES = "select continue_on_error from job where id = $1";
    OUTPUT = "insert into job_output (job_id, name, value) values ($1, $2, $3)
        on conflict (job_id, name) do update set value = excluded.value";
    EXPIRED = "select id, run_id from job where state = 'leased' and lease_until <= $1";
    STILL_EXPIRED = "select count(*) as n from job where id = $1 and state = 'leased' and lease_until <= $2";
    RESULT = "select result from job where id = $1 and state = 'completed'";
}

/// A job to store.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// The name people see.
    pub display_name: String,
    /// The files its plan names.
    pub files: Vec<FileId>,
    /// Files that a variable may name when the job is handed out: until then it has none of them.
    pub deferred: Vec<FileId>,
    /// Its condition is false from the start: it never runs.
    pub skipped: bool,
    /// The values of its expressions, by the names of variables. None is a secret.
    pub values: Vec<(String, String)>,
    /// A failure becomes SucceededWithIssues.
    pub continue_on_error: bool,
}

/// A job that an agent may take.
#[derive(Clone, Debug)]
pub struct JobRow {
    /// Its id.
    pub id: JobId,
    /// Its run.
    pub run: RunId,
    /// Its stage's place in the run.
    pub stage: i64,
    /// Its place in the stage, from 1.
    pub ordinal: i64,
    /// Its name.
    pub name: String,
    /// Its project.
    pub project: ProjectId,
    /// Its pipeline.
    pub pipeline: PipelineId,
    /// The pipeline's name.
    pub pipeline_name: String,
    /// The pipeline's revision that runs.
    pub revision: i64,
    /// The run's number.
    pub run_name: String,
    /// The plan, as canonical text.
    pub plan: String,
    /// The plan's id.
    pub plan_id: Uuid,
    /// The timeline's id.
    pub timeline: Uuid,
    /// Who queued the run: sign-in name and display name.
    pub requested_by: (String, String),
    /// Its record.
    pub record: RecordId,
    /// Where the run comes from.
    pub source: RunSource,
}

#[derive(sqlx::FromRow)]
struct ReadyRow {
    id: Uuid,
    run_id: i64,
    stage_ordinal: i64,
    ordinal: i64,
    name: String,
    project_id: Uuid,
    pipeline_id: i64,
    pipeline_name: String,
    pipeline_revision: i64,
    run_name: String,
    plan: String,
    plan_id: Uuid,
    timeline_id: Uuid,
    unique_name: String,
    display_name: String,
    record_id: Uuid,
    #[sqlx(flatten)]
    source: SourceRow,
}

/// Proof that an agent holds a job, in this unit of work.
#[derive(Debug)]
pub struct Lease {
    job: JobId,
    run: RunId,
    cancel: bool,
    unit: u64,
}

impl Lease {
    /// The job.
    pub fn job(&self) -> JobId {
        self.job
    }

    /// Its run.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// Whether the job is to be cancelled.
    pub fn cancel_requested(&self) -> bool {
        self.cancel
    }

    pub(crate) fn check(&self, tx: &Tx) -> Result<(), StoreError> {
        if self.unit == tx.unit {
            Ok(())
        } else {
            Err(StoreError::ForeignGrant)
        }
    }
}

impl Tx {
    pub(crate) async fn job_insert(
        &mut self,
        run: RunId,
        stage: i64,
        ordinal: i64,
        stage_record: RecordId,
        new: &NewJob,
    ) -> Result<(), Stop> {
        let record = RecordId::random(self.entropy());
        let values = args![
            new.id.0,
            run.0,
            stage,
            ordinal,
            &new.name,
            record.0,
            i64::from(new.continue_on_error),
            self.now.0
        ];
        self.run_one(&INSERT, values).await?;
        let node = RecordWrite::node(
            record,
            Some(stage_record),
            "Job",
            &new.display_name,
            &new.name,
            ordinal,
        );
        self.record_put(run, Some(new.id), &node).await?;
        let files = new.files.iter().map(|file| (file, 0_i64));
        let deferred = new.deferred.iter().map(|file| (file, 1_i64));
        for (file, later) in files.chain(deferred) {
            self.run(&FILE_INSERT, args![new.id.0, file.0, later])
                .await?;
        }
        for (name, value) in &new.values {
            self.run_one(&VALUE_INSERT, args![new.id.0, name, value])
                .await?;
        }
        if new.skipped {
            self.job_complete(new.id, Outcome::Skipped).await?;
        }
        Ok(())
    }

    /// Gives a ready job to an agent until `until`. None when another agent was quicker.
    pub async fn job_claim(
        &mut self,
        job: &JobRow,
        agent: AgentId,
        agent_name: &str,
        lease_hash: &[u8; 32],
        until: Timestamp,
    ) -> Result<Option<Lease>, Stop> {
        let values = args![agent.0, lease_hash, until.0, self.now.0, job.id.0];
        if self.run(&CLAIM, values).await? != 1 {
            return Ok(None);
        }
        self.run_started(job.run).await?;
        self.record_start(job.run, job.record, agent_name).await?;
        Ok(Some(Lease {
            job: job.id,
            run: job.run,
            cancel: false,
            unit: self.unit,
        }))
    }

    /// Gives a job back and puts its stage back to waiting: a permission it needs went away.
    pub async fn job_wait_again(&mut self, lease: Lease, job: &JobRow) -> Result<(), Stop> {
        lease.check(self)?;
        if lease.job != job.id {
            return Err(StoreError::ForeignGrant.into());
        }
        self.run_one(&UNCLAIM, args![job.id.0]).await?;
        // What the lease was given already ends with it.
        self.run(&TICKETS_END, args![job.id.0]).await?;
        self.job_credentials_end(job.id).await?;
        self.wrapped_key_forget(WrappedKind::JobLog, job.id.0)
            .await?;
        self.stage_wait_again(job.run, job.stage).await?;
        Ok(())
    }

    /// A variable names a file, of those that the plan says it may.
    pub async fn job_file_named(&mut self, lease: &Lease, file: FileId) -> Result<(), Stop> {
        lease.check(self)?;
        self.run_one(&FILE_NAMED, args![lease.job.0, file.0])
            .await?;
        Ok(())
    }

    /// The files that a job's plan names, and those that a variable named when it was handed out.
    pub async fn job_files(&mut self, job: JobId) -> Result<Vec<FileId>, StoreError> {
        let rows: Vec<(Uuid,)> = self.all(&FILES, args![job.0]).await?;
        Ok(rows.into_iter().map(|(id,)| FileId(id)).collect())
    }

    /// Stores a ticket, as its digest, and brings out what the job is told of the file.
    pub async fn ticket_insert(
        &mut self,
        grant: Grant<IssueTicket>,
        hash: &[u8; 32],
    ) -> Result<TicketedFile, Stop> {
        let (act, _) = grant.redeem(self)?;
        self.run_one(&TICKET, args![hash, act.job.0, act.file.0, self.now.0])
            .await?;
        self.ticketed_file(act.project, act.file).await
    }

    /// Stores the key of a job's log.
    pub async fn job_log_key_insert(
        &mut self,
        lease: &Lease,
        project_key: ProjectKeyId,
        wrapped: &[u8],
    ) -> Result<(), Stop> {
        lease.check(self)?;
        let Some((project, ..)) = self.run_facts(lease.run).await? else {
            return Err(Refusal::NotFound.into());
        };
        self.wrapped_key_insert(
            WrappedKind::JobLog,
            lease.job.0,
            project.into(),
            project_key,
            wrapped,
        )
        .await
    }

    /// The lease that an agent claims to hold.
    ///
    /// # Errors
    /// [`Refusal::LeaseLost`] when it never had it, or it is over.
    pub async fn lease(
        &mut self,
        agent: AgentId,
        job: JobId,
        lease_hash: &[u8; 32],
    ) -> Result<Lease, Stop> {
        let row: Option<(i64, Option<i64>, i64, String)> = self
            .maybe(&LEASE, args![job.0, agent.0, lease_hash])
            .await?;
        match row {
            Some((run, Some(until), cancel, state)) if state == "leased" && until > self.now.0 => {
                Ok(Lease {
                    job,
                    run: RunId(run),
                    cancel: cancel != 0,
                    unit: self.unit,
                })
            }
            _ => Err(Refusal::LeaseLost.into()),
        }
    }

    /// How a job that this agent held ended, for an agent that asks again.
    pub async fn finished_by(
        &mut self,
        agent: AgentId,
        job: JobId,
        lease_hash: &[u8; 32],
    ) -> Result<Option<Outcome>, StoreError> {
        let held: Option<(i64, Option<i64>, i64, String)> = self
            .maybe(&LEASE, args![job.0, agent.0, lease_hash])
            .await?;
        if held.is_none() {
            return Ok(None);
        }
        let row: Option<(Option<String>,)> = self.maybe(&RESULT, args![job.0]).await?;
        outcome(row.and_then(|(result,)| result).as_deref(), "job")
    }

    /// Makes a lease live until `until`.
    pub async fn lease_renew(&mut self, lease: &Lease, until: Timestamp) -> Result<(), Stop> {
        lease.check(self)?;
        self.run_one(&RENEW, args![until.0, lease.job.0]).await?;
        Ok(())
    }

    /// Ends a job as its agent reports, and with it its tickets and its token.
    pub async fn job_finish(
        &mut self,
        lease: Lease,
        result: Outcome,
        outputs: &[(String, String)],
    ) -> Result<(), Stop> {
        lease.check(self)?;
        for (name, value) in outputs {
            self.run_one(&OUTPUT, args![lease.job.0, name, value])
                .await?;
        }
        let (continues,): (i64,) = self.conn.one(&CONTINUES, args![lease.job.0]).await?;
        let result = match result {
            Outcome::Failed if continues != 0 => Outcome::SucceededWithIssues,
            result => result,
        };
        self.job_complete(lease.job, result).await?;
        self.run_settle(lease.run).await
    }

    /// Ends a job whose lease ran out.
    pub async fn job_abandon(&mut self, grant: Grant<AbandonJob>) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        if self
            .conn
            .one::<(i64,)>(&STILL_EXPIRED, args![act.job.0, self.now.0])
            .await?
            .0
            == 0
        {
            return Err(Refusal::State.into());
        }
        self.job_complete(act.job, Outcome::Abandoned).await?;
        self.run_settle(act.run).await
    }

    /// Ends the tokens and tickets of a job that goes on without them.
    pub(crate) async fn job_disarm(&mut self, job: Uuid) -> Result<(), StoreError> {
        self.run(&TICKETS_END, args![job]).await?;
        self.job_credentials_end(JobId(job)).await
    }

    pub(crate) async fn job_complete(
        &mut self,
        job: JobId,
        result: Outcome,
    ) -> Result<(), StoreError> {
        if self
            .run(&FINISH, args![result.word(), self.now.0, job.0])
            .await?
            == 0
        {
            return Ok(());
        }
        self.run(&TICKETS_END, args![job.0]).await?;
        self.job_credentials_end(job).await?;
        let (run, record): (i64, Uuid) = self.conn.one(&RECORD_OF, args![job.0]).await?;
        self.record_complete(RunId(run), RecordId(record), result)
            .await
    }
}

impl ReadTx {
    /// Jobs that an agent may take, oldest first.
    pub async fn jobs_ready(&mut self, top: i64) -> Result<Vec<JobRow>, StoreError> {
        let rows: Vec<ReadyRow> = self.conn.all(&READY, args![top]).await?;
        Ok(rows
            .into_iter()
            .map(|row| JobRow {
                id: JobId(row.id),
                run: RunId(row.run_id),
                stage: row.stage_ordinal,
                ordinal: row.ordinal,
                name: row.name,
                project: ProjectId(row.project_id),
                pipeline: PipelineId(row.pipeline_id),
                pipeline_name: row.pipeline_name,
                revision: row.pipeline_revision,
                run_name: row.run_name,
                plan: row.plan,
                plan_id: row.plan_id,
                timeline: row.timeline_id,
                requested_by: (row.unique_name, row.display_name),
                record: RecordId(row.record_id),
                source: row.source.into_source(),
            })
            .collect())
    }

    /// The values of a job's expressions, by the names of variables, as they were when its run started.
    pub async fn job_values(&mut self, job: JobId) -> Result<Vec<(String, String)>, StoreError> {
        self.conn.all(&VALUES, args![job.0]).await
    }

    /// Jobs whose lease ran out.
    pub async fn jobs_expired(&mut self) -> Result<Vec<(JobId, RunId)>, StoreError> {
        let rows: Vec<(Uuid, i64)> = self.conn.all(&EXPIRED, args![self.now.0]).await?;
        Ok(rows
            .into_iter()
            .map(|(job, run)| (JobId(job), RunId(run)))
            .collect())
    }
}
