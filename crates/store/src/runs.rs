//! Runs and their stages. A stage starts when nothing it needs is missing; whoever permits later starts it then.

use crate::error::{Refusal, Stop, StoreError};
use crate::gate::{Grant, Seen};
use crate::jobs::NewJob;
use crate::sql::{args, statements};
use crate::timeline::RecordWrite;
use crate::unit::{ReadTx, Tx};
use coffer_model::act::{CancelRun, QueueRun, ViewRuns};
use coffer_model::library::{Person, Resource};
use coffer_model::run::{JobState, Outcome, RunState};
use coffer_model::{FileId, IdentityId, JobId, PipelineId, ProjectId, RecordId, RunId, Timestamp};
use uuid::Uuid;

macro_rules! run_columns {
    () => {
        "r.id, r.project_id, r.pipeline_id, r.pipeline_revision, p.name as pipeline_name, p.folder, r.name, r.state,
            r.result, r.requested_by, i.unique_name, i.display_name, r.timeline_id, r.change_id, r.created_at,
            r.started_at, r.finished_at"
    };
}

macro_rules! runs_of {
    () => {
        concat!(
            "select ",
            run_columns!(),
            " from run r join pipeline p on p.id = r.pipeline_id
            join identity i on i.id = r.requested_by where r.project_id = $1"
        )
    };
}

statements! {
    INSERT = "insert into run (project_id, pipeline_id, pipeline_revision, name, state, requested_by, plan, plan_digest,
            plan_id, timeline_id, next_log, change_id, created_at)
        values ($1, $2, $3, $4, 'inProgress', $5, $6, $7, $8, $9, 1, 1, $10) returning id";
    NAME = "update run set name = $1 where id = $2";
    STAGE_INSERT = "insert into stage (run_id, ordinal, name, record_id, state) values ($1, $2, $3, $4, 'waiting')";
    STAGE_RESOURCE = "insert into stage_resource (run_id, stage_ordinal, resource_kind, resource_id)
        values ($1, $2, 'securefile', $3) on conflict (run_id, stage_ordinal, resource_kind, resource_id) do nothing";
    LIST = concat!(runs_of!(), " and ($2 = 0 or r.pipeline_id = $2) order by r.id desc limit $3");
    GET = concat!(runs_of!(), " and r.id = $2");
    FIND = "select project_id, pipeline_id, state from run where id = $1";
    STAGES = "select ordinal, name, record_id, state from stage where run_id = $1 order by ordinal";
    STAGE_STATE = "update stage set state = $1 where run_id = $2 and ordinal = $3 and state = $4";
    // What a stage uses and its run's pipeline is not permitted to use.
    MISSING = "select s.resource_kind, s.resource_id, f.id as file_id, f.name from stage_resource s
        join run r on r.id = s.run_id
        left join secure_file f on f.project_id = r.project_id
            and f.access_token = $3 || s.resource_id
        where s.run_id = $1 and s.stage_ordinal = $2 and not exists (select 1 from pipeline_permission p
            where p.resource_kind = s.resource_kind and p.resource_id = s.resource_id and p.project_id = r.project_id
            and (p.pipeline_id = 0 or p.pipeline_id = r.pipeline_id))
        order by s.resource_kind, s.resource_id";
    WAITING_ON = "select distinct s.run_id, s.ordinal from stage s
        join stage_resource x on x.run_id = s.run_id and x.stage_ordinal = s.ordinal
        join run r on r.id = s.run_id
        where s.state = 'waiting' and r.state = 'inProgress' and x.resource_kind = 'securefile' and x.resource_id = $1";
    JOBS_READY = "update job set state = 'ready', queued_at = $1 where run_id = $2 and stage_ordinal = $3 and state = 'waiting'";
    STARTED = "update run set started_at = coalesce(started_at, $1) where id = $2";
    CANCELING = "update run set state = 'canceling', change_id = change_id + 1 where id = $1 and state = 'inProgress'";
    JOBS_TO_CANCEL = "select id, state from job where run_id = $1 and state <> 'completed'";
    JOB_CANCEL_REQUEST = "update job set cancel_requested = 1 where id = $1 and state = 'leased'";
    JOB_RESULTS = "select state, result, stage_ordinal from job where run_id = $1 order by stage_ordinal, ordinal";
    COMPLETE = "update run set state = 'completed', result = $1, finished_at = $2, change_id = change_id + 1
        where id = $3 and state <> 'completed'";
}

/// A run as stored.
#[derive(Clone, Debug)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// Its project.
    pub project: ProjectId,
    /// Its pipeline.
    pub pipeline: PipelineId,
    /// The revision that runs.
    pub revision: i64,
    /// The pipeline's name now.
    pub pipeline_name: String,
    /// The pipeline's folder now.
    pub folder: String,
    /// Its number.
    pub name: String,
    /// Where it is.
    pub state: RunState,
    /// How it ended.
    pub result: Option<Outcome>,
    /// Who queued it.
    pub requested_by: Person,
    /// Its timeline.
    pub timeline: Uuid,
    /// Goes up with each change.
    pub change: i64,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When its first job started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    project_id: Uuid,
    pipeline_id: i64,
    pipeline_revision: i64,
    pipeline_name: String,
    folder: String,
    name: String,
    state: String,
    result: Option<String>,
    requested_by: Uuid,
    unique_name: String,
    display_name: String,
    timeline_id: Uuid,
    change_id: i64,
    created_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
}

pub(crate) fn outcome(
    word: Option<&str>,
    table: &'static str,
) -> Result<Option<Outcome>, StoreError> {
    word.map(|word| Outcome::from_word(word).ok_or(StoreError::corrupt(table, "result")))
        .transpose()
}

impl Row {
    fn into_run(self) -> Result<RunRow, StoreError> {
        Ok(RunRow {
            id: RunId(self.id),
            project: ProjectId(self.project_id),
            pipeline: PipelineId(self.pipeline_id),
            revision: self.pipeline_revision,
            pipeline_name: self.pipeline_name,
            folder: self.folder,
            name: self.name,
            state: RunState::from_word(&self.state).ok_or(StoreError::corrupt("run", "state"))?,
            result: outcome(self.result.as_deref(), "run")?,
            requested_by: Person {
                id: IdentityId(self.requested_by),
                unique_name: self.unique_name,
                display_name: self.display_name,
            },
            timeline: self.timeline_id,
            change: self.change_id,
            created_at: Timestamp(self.created_at),
            started_at: self.started_at.map(Timestamp),
            finished_at: self.finished_at.map(Timestamp),
        })
    }
}

/// A run to store, with its plan.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The revision of the pipeline.
    pub revision: i64,
    /// Its number; the run's id when none.
    pub name: Option<String>,
    /// The plan, as canonical text.
    pub plan: String,
    /// SHA-256 of the plan's text.
    pub plan_digest: [u8; 32],
    /// Its stages.
    pub stages: Vec<NewStage>,
}

/// A stage to store.
#[derive(Clone, Debug)]
pub struct NewStage {
    /// Its name.
    pub name: String,
    /// The name people see.
    pub display_name: String,
    /// The files its jobs use.
    pub files: Vec<FileId>,
    /// Its jobs.
    pub jobs: Vec<NewJob>,
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
    /// The resources that are not permitted yet, with names.
    pub missing: Vec<(Resource, Option<String>)>,
}

impl Tx {
    /// Stores a run with its stages, jobs and timeline. Nothing of it runs before its stage is evaluated.
    pub async fn run_insert(
        &mut self,
        grant: Grant<QueueRun>,
        new: &NewRun,
    ) -> Result<RunId, Stop> {
        let (act, caller) = grant.redeem(self)?;
        let (plan_id, timeline) = (
            RecordId::random(self.entropy()),
            RecordId::random(self.entropy()),
        );
        let values = args![
            act.project.0,
            act.pipeline.0,
            new.revision,
            new.name.clone().unwrap_or_default(),
            caller,
            &new.plan,
            &new.plan_digest,
            plan_id.0,
            timeline.0,
            self.now.0,
        ];
        let run = RunId(self.conn.one::<(i64,)>(&INSERT, values).await?.0);
        if new.name.is_none() {
            self.run_one(&NAME, args![run.to_string(), run.0]).await?;
        }
        for (ordinal, stage) in (1_i64..).zip(&new.stages) {
            let record = RecordId::random(self.entropy());
            self.run_one(&STAGE_INSERT, args![run.0, ordinal, &stage.name, record.0])
                .await?;
            let node = RecordWrite::node(
                record,
                None,
                "Stage",
                &stage.display_name,
                &stage.name,
                ordinal,
            );
            self.record_put(run, None, &node).await?;
            for file in &stage.files {
                self.run(&STAGE_RESOURCE, args![run.0, ordinal, file.to_string()])
                    .await?;
            }
            for (place, job) in (1_i64..).zip(&stage.jobs) {
                self.job_insert(run, ordinal, place, record, job).await?;
            }
        }
        // A run whose jobs are all skipped is over already.
        self.run_settle(run).await?;
        Ok(run)
    }

    /// Starts a waiting stage if its pipeline is permitted to use everything the stage uses. Says whether it runs now.
    pub async fn stage_evaluate(&mut self, run: RunId, ordinal: i64) -> Result<bool, Stop> {
        if !self.missing(run, ordinal).await?.is_empty() {
            return Ok(false);
        }
        if self
            .run(&STAGE_STATE, args!["running", run.0, ordinal, "waiting"])
            .await?
            == 1
        {
            self.run(&JOBS_READY, args![self.now.0, run.0, ordinal])
                .await?;
            self.run_changed(run).await?;
        }
        Ok(true)
    }

    /// Puts a stage back to waiting: a permission went away before its jobs were leased.
    pub(crate) async fn stage_wait_again(
        &mut self,
        run: RunId,
        ordinal: i64,
    ) -> Result<(), StoreError> {
        self.run(&STAGE_STATE, args!["waiting", run.0, ordinal, "running"])
            .await?;
        self.run_changed(run).await
    }

    async fn missing(
        &mut self,
        run: RunId,
        ordinal: i64,
    ) -> Result<Vec<(Resource, Option<String>)>, StoreError> {
        let Some((project, ..)) = self.run_facts(run).await? else {
            return Ok(Vec::new());
        };
        let prefix = format!("Library/{project}/SecureFile/");
        let rows: Vec<(String, String, Option<Uuid>, Option<String>)> =
            self.all(&MISSING, args![run.0, ordinal, prefix]).await?;
        rows.into_iter().map(resource).collect()
    }

    /// The stages that wait for a file.
    pub async fn stages_waiting_for(
        &mut self,
        file: FileId,
    ) -> Result<Vec<(RunId, i64)>, StoreError> {
        let rows: Vec<(i64, i64)> = self.all(&WAITING_ON, args![file.to_string()]).await?;
        Ok(rows
            .into_iter()
            .map(|(run, ordinal)| (RunId(run), ordinal))
            .collect())
    }

    /// Project, pipeline and state of a run, for building the act on it.
    pub async fn run_facts(
        &mut self,
        run: RunId,
    ) -> Result<Option<(ProjectId, PipelineId, RunState)>, StoreError> {
        let row: Option<(Uuid, i64, String)> = self.maybe(&FIND, args![run.0]).await?;
        row.map(|(project, pipeline, state)| {
            let state = RunState::from_word(&state).ok_or(StoreError::corrupt("run", "state"))?;
            Ok((ProjectId(project), PipelineId(pipeline), state))
        })
        .transpose()
    }

    /// Cancels a run: jobs nobody has are over at once, an agent's job is told with its next call.
    pub async fn run_cancel(&mut self, grant: Grant<CancelRun>) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        match self.run_facts(act.run).await? {
            Some((project, pipeline, _)) if project == act.project && pipeline == act.pipeline => {}
            _ => return Err(Refusal::NotFound.into()),
        }
        if self.run(&CANCELING, args![act.run.0]).await? == 0 {
            return Err(Refusal::State.into());
        }
        let jobs: Vec<(Uuid, String)> = self.all(&JOBS_TO_CANCEL, args![act.run.0]).await?;
        for (job, state) in jobs {
            match JobState::from_word(&state) {
                Some(JobState::Leased) => self.run_one(&JOB_CANCEL_REQUEST, args![job]).await?,
                _ => self.job_complete(JobId(job), Outcome::Canceled).await?,
            }
        }
        self.run_settle(act.run).await
    }

    /// Completes a run whose jobs are all over. The only place a run ends.
    pub(crate) async fn run_settle(&mut self, run: RunId) -> Result<(), Stop> {
        let jobs: Vec<(String, Option<String>, i64)> = self.all(&JOB_RESULTS, args![run.0]).await?;
        let mut worst = Outcome::Skipped;
        let mut open = false;
        let stages: Vec<(i64, String, Uuid, String)> = self.all(&STAGES, args![run.0]).await?;
        for (ordinal, _, record, _) in stages {
            let mut stage = Outcome::Skipped;
            let mut stage_open = false;
            for (state, result, _) in jobs.iter().filter(|job| job.2 == ordinal) {
                stage_open |= state != JobState::Completed.word();
                stage = stage.worst(outcome(result.as_deref(), "job")?.unwrap_or(Outcome::Skipped));
            }
            if !stage_open {
                for from in ["running", "waiting"] {
                    if self
                        .run(&STAGE_STATE, args!["completed", run.0, ordinal, from])
                        .await?
                        == 1
                    {
                        self.record_complete(run, RecordId(record), stage).await?;
                    }
                }
            }
            worst = worst.worst(stage);
            open |= stage_open;
        }
        if !open {
            self.run(&COMPLETE, args![worst.word(), self.now.0, run.0])
                .await?;
        }
        Ok(())
    }

    pub(crate) async fn run_started(&mut self, run: RunId) -> Result<(), StoreError> {
        self.run_one(&STARTED, args![self.now.0, run.0]).await
    }
}

fn resource(
    (kind, id, file, name): (String, String, Option<Uuid>, Option<String>),
) -> Result<(Resource, Option<String>), StoreError> {
    let corrupt = || StoreError::corrupt("stage_resource", "resource_id");
    if kind != "securefile" {
        return Err(corrupt());
    }
    let id = file
        .map_or_else(|| Uuid::parse_str(&id), Ok)
        .map_err(|_| corrupt())?;
    Ok((Resource::SecureFile(FileId(id)), name))
}

impl ReadTx {
    /// Runs of a project, newest first; of one pipeline if named.
    pub async fn runs(
        &mut self,
        seen: &Seen<ViewRuns>,
        pipeline: Option<PipelineId>,
        top: i64,
    ) -> Result<Vec<RunRow>, StoreError> {
        let values = args![
            seen.0.project.0,
            pipeline.map_or(0, |pipeline| pipeline.0),
            top
        ];
        self.conn
            .all::<Row>(&LIST, values)
            .await?
            .into_iter()
            .map(Row::into_run)
            .collect()
    }

    /// One run.
    pub async fn run(
        &mut self,
        seen: &Seen<ViewRuns>,
        run: RunId,
    ) -> Result<Option<RunRow>, StoreError> {
        let row: Option<Row> = self
            .conn
            .maybe(&GET, args![seen.0.project.0, run.0])
            .await?;
        row.map(Row::into_run).transpose()
    }

    /// The stages of a run of the seen project, with what each waits for.
    pub async fn stages(&mut self, run: &RunRow) -> Result<Vec<StageRow>, StoreError> {
        let rows: Vec<(i64, String, Uuid, String)> =
            self.conn.all(&STAGES, args![run.id.0]).await?;
        let prefix = format!("Library/{}/SecureFile/", run.project);
        let mut stages = Vec::with_capacity(rows.len());
        for (ordinal, name, record, state) in rows {
            let missing = if state == "waiting" {
                let rows: Vec<(String, String, Option<Uuid>, Option<String>)> = self
                    .conn
                    .all(&MISSING, args![run.id.0, ordinal, &prefix])
                    .await?;
                rows.into_iter().map(resource).collect::<Result<_, _>>()?
            } else {
                Vec::new()
            };
            stages.push(StageRow {
                ordinal,
                name,
                record: RecordId(record),
                state,
                missing,
            });
        }
        Ok(stages)
    }
}
