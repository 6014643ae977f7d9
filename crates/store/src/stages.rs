//! Stages: what each waits for. One starts when nothing it needs is missing, and is skipped when it waited too long.

use crate::error::{Refusal, Stop, StoreError};
use crate::gate::Grant;
use crate::permissions::{PermitFacts, frozen_count, permit_columns};
use crate::runs::{NewStage, RunRow};
use crate::sql::{Conn, args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::SkipStage;
use coffer_model::library::{FreezeTarget, Resource};
use coffer_model::run::Outcome;
use coffer_model::source::{Permit, RunSource};
use coffer_model::{FileId, JobId, ProjectId, RecordId, RunId, Timestamp};
use uuid::Uuid;

statements! {
    INSERT = "insert into stage (run_id, ordinal, name, record_id, state, waiting_since)
        values ($1, $2, $3, $4, 'waiting', $5)";
    RESOURCE = "insert into stage_resource (run_id, stage_ordinal, resource_kind, resource_id)
        values ($1, $2, 'securefile', $3) on conflict (run_id, stage_ordinal, resource_kind, resource_id) do nothing";
    STAGES = "select s.ordinal, s.name, s.record_id, s.state, coalesce(s.waiting_since, r.created_at) as since
        from stage s join run r on r.id = s.run_id where s.run_id = $1 order by s.ordinal";
    STATES = "select ordinal, record_id, skipped_at from stage where run_id = $1 order by ordinal";
    STATE = "update stage set state = $1 where run_id = $2 and ordinal = $3 and state = $4";
    WAIT = "update stage set state = 'waiting', waiting_since = $1 where run_id = $2 and ordinal = $3 and state = 'running'";
    // What a stage of a run uses, or with 0 each, and what the permissions and freezes say of it.
    USES = concat!("select x.stage_ordinal, x.resource_kind, x.resource_id, f.id as file_id, f.name, ",
        permit_columns!("x.resource_kind", "x.resource_id"), ", ", frozen_count!("f.id", "r.project_id"), " as frozen
        from stage_resource x join run r on r.id = x.run_id
        left join secure_file f on f.project_id = r.project_id and f.access_token = $3 || x.resource_id
        where x.run_id = $1 and ($2 = 0 or x.stage_ordinal = $2)
        order by x.stage_ordinal, x.resource_kind, x.resource_id");
    WAITING = "select distinct s.run_id, s.ordinal from stage s
        join stage_resource x on x.run_id = s.run_id and x.stage_ordinal = s.ordinal
        join run r on r.id = s.run_id
        where s.state = 'waiting' and r.state = 'inProgress' and x.resource_kind = 'securefile'
            and ($1 <> 'file' or x.resource_id = $2) and ($1 <> 'project' or r.project_id = $3)";
    OVERDUE = "select s.run_id, s.ordinal from stage s join run r on r.id = s.run_id
        where s.state = 'waiting' and r.state = 'inProgress' and coalesce(s.waiting_since, r.created_at) <= $1
            and exists (select 1 from stage_resource x where x.run_id = s.run_id and x.stage_ordinal = s.ordinal)";
    SKIP = "update stage set skipped_at = $1 where run_id = $2 and ordinal = $3 and state = 'waiting'
        and coalesce(waiting_since, (select created_at from run where id = $2)) <= $4";
    SKIPPED_RECORD = "update timeline_record set issues = $1, errors = 1 where run_id = $2
        and id = (select record_id from stage where run_id = $2 and ordinal = $3)";
    OPEN_JOBS = "select id from job where run_id = $1 and stage_ordinal = $2 and state <> 'completed'";
    JOBS_READY = "update job set state = 'ready', queued_at = $1 where run_id = $2 and stage_ordinal = $3 and state = 'waiting'";
}

/// Why a stage cannot use a resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// The resource was deleted after the run was planned.
    Deleted,
    /// It is frozen.
    Frozen,
    /// The pipeline is not permitted to use it.
    NotPermitted,
    /// The pipeline is permitted to use it, but not for the run's ref.
    OtherRef,
}

/// A resource that a stage waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Missing {
    /// The resource.
    pub resource: Resource,
    /// Its name; none when it was deleted.
    pub name: Option<String>,
    /// What is in the way.
    pub why: Why,
}

/// A stage as stored.
#[derive(Clone, Debug)]
pub struct StageRow {
    /// Its place.
    pub ordinal: i64,
    /// Its name.
    pub name: String,
    /// Its record.
    pub record: RecordId,
    /// `waiting`, `running` or `completed`.
    pub state: String,
    /// Since when it waits, or waited last.
    pub since: Timestamp,
    /// What it waits for.
    pub missing: Vec<Missing>,
}

/// What the end of a run wants to know of a stage.
pub(crate) struct StageState {
    pub(crate) ordinal: i64,
    pub(crate) record: RecordId,
    pub(crate) skipped: bool,
}

#[derive(sqlx::FromRow)]
struct UseRow {
    stage_ordinal: i64,
    resource_kind: String,
    resource_id: String,
    file_id: Option<Uuid>,
    name: Option<String>,
    #[sqlx(flatten)]
    permits: PermitFacts,
    frozen: i64,
}

impl UseRow {
    /// What is missing, if something is.
    fn missing(self, source: &RunSource) -> Result<Option<Missing>, StoreError> {
        let corrupt = || StoreError::corrupt("stage_resource", "resource_id");
        if self.resource_kind != "securefile" {
            return Err(corrupt());
        }
        let why = match (self.file_id, self.frozen, self.permits.of(source)) {
            (None, ..) => Why::Deleted,
            (Some(_), 1.., _) => Why::Frozen,
            (Some(_), _, Permit::None) => Why::NotPermitted,
            (Some(_), _, Permit::OtherRef) => Why::OtherRef,
            (Some(_), _, Permit::Given) => return Ok(None),
        };
        let id = self
            .file_id
            .map_or_else(|| Uuid::parse_str(&self.resource_id), Ok)
            .map_err(|_| corrupt())?;
        Ok(Some(Missing {
            resource: Resource::SecureFile(FileId(id)),
            name: self.name,
            why,
        }))
    }
}

/// What a stage waits for, or with 0 each stage, with the stage. A run that is given nothing anyway waits for nothing: its
/// steps are skipped.
async fn missing(
    conn: &mut Conn,
    project: ProjectId,
    run: RunId,
    ordinal: i64,
    source: &RunSource,
) -> Result<Vec<(i64, Missing)>, StoreError> {
    if !source.trusted() {
        return Ok(Vec::new());
    }
    let prefix = format!("Library/{project}/SecureFile/");
    let rows: Vec<UseRow> = conn.all(&USES, args![run.0, ordinal, prefix]).await?;
    rows.into_iter()
        .filter_map(|row| {
            let stage = row.stage_ordinal;
            let missing = row.missing(source).transpose()?;
            Some(missing.map(|missing| (stage, missing)))
        })
        .collect()
}

impl Tx {
    pub(crate) async fn stage_insert(
        &mut self,
        run: RunId,
        ordinal: i64,
        record: RecordId,
        stage: &NewStage,
    ) -> Result<(), StoreError> {
        let values = args![run.0, ordinal, &stage.name, record.0, self.now.0];
        self.run_one(&INSERT, values).await?;
        for file in &stage.files {
            self.run(&RESOURCE, args![run.0, ordinal, file.to_string()])
                .await?;
        }
        Ok(())
    }

    /// Starts a waiting stage if nothing is in the way of what it uses. Says whether it runs now.
    pub async fn stage_evaluate(&mut self, run: RunId, ordinal: i64) -> Result<bool, Stop> {
        let Some((project, ..)) = self.run_facts(run).await? else {
            return Ok(false);
        };
        let source = self.run_source(run).await?;
        if !missing(&mut self.conn, project, run, ordinal, &source)
            .await?
            .is_empty()
        {
            return Ok(false);
        }
        if self
            .run(&STATE, args!["running", run.0, ordinal, "waiting"])
            .await?
            == 1
        {
            self.run(&JOBS_READY, args![self.now.0, run.0, ordinal])
                .await?;
            self.run_changed(run).await?;
        }
        Ok(true)
    }

    /// Puts a stage back to waiting: something came in the way before its jobs were leased.
    pub(crate) async fn stage_wait_again(
        &mut self,
        run: RunId,
        ordinal: i64,
    ) -> Result<(), StoreError> {
        self.run(&WAIT, args![self.now.0, run.0, ordinal]).await?;
        self.run_changed(run).await
    }

    /// The stages that wait for a file.
    pub async fn stages_waiting_for(
        &mut self,
        file: FileId,
    ) -> Result<Vec<(RunId, i64)>, StoreError> {
        self.stages_waiting(FreezeTarget::File(file)).await
    }

    /// The stages that wait for any file that the target holds.
    pub async fn stages_waiting(
        &mut self,
        target: FreezeTarget,
    ) -> Result<Vec<(RunId, i64)>, StoreError> {
        let (file, project) = match target {
            FreezeTarget::Everything => (String::new(), Uuid::nil()),
            FreezeTarget::Project(project) => (String::new(), project.0),
            FreezeTarget::File(file) => (file.to_string(), Uuid::nil()),
        };
        let values = args![target.word(), file, project];
        let rows: Vec<(i64, i64)> = self.all(&WAITING, values).await?;
        Ok(rows
            .into_iter()
            .map(|(run, ordinal)| (RunId(run), ordinal))
            .collect())
    }

    /// Skips a stage that has waited since before `since`: its jobs never run, and the run does not count as a success.
    /// `issues` is what its record says, in the caller's form.
    ///
    /// # Errors
    /// [`Refusal::State`] when it does not wait any more, or not for so long.
    pub async fn stage_skip(
        &mut self,
        grant: Grant<SkipStage>,
        since: Timestamp,
        issues: &str,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let values = args![self.now.0, act.run.0, act.stage, since.0];
        if self.run(&SKIP, values).await? != 1 {
            return Err(Refusal::State.into());
        }
        self.run(&SKIPPED_RECORD, args![issues, act.run.0, act.stage])
            .await?;
        let jobs: Vec<(Uuid,)> = self.all(&OPEN_JOBS, args![act.run.0, act.stage]).await?;
        for (job,) in jobs {
            self.job_complete(JobId(job), Outcome::Skipped).await?;
        }
        self.run_settle(act.run).await
    }

    pub(crate) async fn stage_states(&mut self, run: RunId) -> Result<Vec<StageState>, StoreError> {
        let rows: Vec<(i64, Uuid, Option<i64>)> = self.all(&STATES, args![run.0]).await?;
        Ok(rows
            .into_iter()
            .map(|(ordinal, record, skipped)| StageState {
                ordinal,
                record: RecordId(record),
                skipped: skipped.is_some(),
            })
            .collect())
    }

    pub(crate) async fn stage_complete(
        &mut self,
        run: RunId,
        ordinal: i64,
        record: RecordId,
        result: Outcome,
    ) -> Result<(), StoreError> {
        for from in ["running", "waiting"] {
            let values = args!["completed", run.0, ordinal, from];
            if self.run(&STATE, values).await? == 1 {
                self.record_complete(run, record, result).await?;
            }
        }
        Ok(())
    }
}

impl ReadTx {
    /// The stages of a run of the seen project, with what each waits for.
    pub async fn stages(&mut self, run: &RunRow) -> Result<Vec<StageRow>, StoreError> {
        let rows: Vec<(i64, String, Uuid, String, i64)> =
            self.conn.all(&STAGES, args![run.id.0]).await?;
        let waits = rows.iter().any(|(.., state, _)| state == "waiting");
        let mut all = if waits {
            missing(&mut self.conn, run.project, run.id, 0, &run.source).await?
        } else {
            Vec::new()
        };
        Ok(rows
            .into_iter()
            .map(|(ordinal, name, record, state, since)| StageRow {
                missing: if state == "waiting" {
                    let its = all.extract_if(.., |(stage, _)| *stage == ordinal);
                    its.map(|(_, missing)| missing).collect()
                } else {
                    Vec::new()
                },
                ordinal,
                name,
                record: RecordId(record),
                state,
                since: Timestamp(since),
            })
            .collect())
    }

    /// The stages that have waited since before `since`.
    pub async fn stages_overdue(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<(RunId, i64)>, StoreError> {
        let rows: Vec<(i64, i64)> = self.conn.all(&OVERDUE, args![since.0]).await?;
        Ok(rows
            .into_iter()
            .map(|(run, ordinal)| (RunId(run), ordinal))
            .collect())
    }
}
