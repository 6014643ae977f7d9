//! Runs: storing, reading, cancelling, and the one place where a run ends. Their stages are in [`crate::stages`].

use crate::access::{member_of, pipeline_has_bit};
use crate::counts::Count;
use crate::error::{Refusal, Stop, StoreError};
use crate::file_uses::numbers;
use crate::gate::{Grant, Seen, could};
use crate::jobs::NewJob;
use crate::sql::{args, statements};
use crate::stages::StageState;
use crate::timeline::RecordWrite;
use crate::unit::{ReadTx, Tx};
use coffer_model::access::{Scope, build};
use coffer_model::act::{CancelRun, QueueRun, ViewRun, ViewRuns};
use coffer_model::library::Person;
use coffer_model::run::{JobState, Outcome, RunState};
use coffer_model::source::RunSource;
use coffer_model::{
    Caller, FileId, IdentityId, JobId, PipelineId, ProjectId, RecordId, RunId, Timestamp,
};
use std::collections::BTreeSet;
use uuid::Uuid;

macro_rules! run_columns {
    () => {
        "r.id, r.project_id, r.pipeline_id, r.pipeline_revision, p.name as pipeline_name, p.folder, r.name, r.state,
            r.result, r.requested_by, i.unique_name, i.display_name, r.timeline_id, r.change_id, r.created_at,
            r.started_at, r.finished_at, r.source, r.source_repository, r.source_ref, r.source_commit"
    };
}

macro_rules! runs_of {
    () => {
        concat!(
            "select ",
            run_columns!(),
            " from run r join pipeline p on p.id = r.pipeline_id join identity i on i.id = r.requested_by"
        )
    };
}

/// Runs that the caller may see, newest first: `$6` before this one, `$7` how many.
macro_rules! visible {
    ($which:literal) => {
        concat!(
            member_of!(),
            " ",
            runs_of!(),
            " where r.project_id = $5 and r.id < $6",
            $which,
            " and ",
            pipeline_has_bit!(),
            " order by r.id desc limit $7"
        )
    };
}

/// The newest run of each of the pipelines `$6`, where the caller may see runs of it.
macro_rules! newest {
    ($engine:ident) => {
        concat!(
            member_of!(),
            " ",
            runs_of!(),
            " where r.project_id = $5 and r.id in (select max(q.id) from run q where q.pipeline_id in ",
            numbers!("$6", $engine),
            " group by q.pipeline_id) and ",
            pipeline_has_bit!()
        )
    };
}

/// Those of the runs `$1` with a stage that waits for something.
macro_rules! waiting {
    ($engine:ident) => {
        concat!(
            "select distinct s.run_id from stage s join run r on r.id = s.run_id
            where s.state = 'waiting' and r.state = 'inProgress' and s.run_id in ",
            numbers!("$1", $engine)
        )
    };
}

statements! {
    INSERT = "insert into run (project_id, pipeline_id, pipeline_revision, name, state, requested_by, plan, plan_digest,
            plan_id, timeline_id, next_log, change_id, created_at, source, source_repository, source_ref, source_commit)
        values ($1, $2, $3, $4, 'inProgress', $5, $6, $7, $8, $9, 1, 1, $10, $11, $12, $13, $14) returning id";
    NAME = "update run set name = $1 where id = $2";
    VISIBLE = visible!("");
    VISIBLE_OF_PIPELINE = visible!(" and r.pipeline_id = $8");
    NEWEST_OF_EACH = newest!(sqlite), postgres: newest!(postgres);
    WAITING = waiting!(sqlite), postgres: waiting!(postgres);
    GET = concat!(runs_of!(), " where r.project_id = $1 and r.id = $2 and r.pipeline_id = $3");
    PIPELINE = "select pipeline_id from run where project_id = $1 and id = $2";
    FIND = "select project_id, pipeline_id, state from run where id = $1";
    SOURCE = "select source, source_repository, source_ref, source_commit from run where id = $1";
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
    /// Where its YAML comes from.
    pub source: RunSource,
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
    #[sqlx(flatten)]
    source: SourceRow,
}

/// The columns of a run's source.
#[derive(sqlx::FromRow)]
pub(crate) struct SourceRow {
    source: String,
    source_repository: Option<String>,
    source_ref: Option<String>,
    source_commit: Option<String>,
}

impl SourceRow {
    pub(crate) fn into_source(self) -> RunSource {
        RunSource::from_parts(
            &self.source,
            self.source_repository,
            self.source_ref,
            self.source_commit,
        )
    }
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
            source: self.source.into_source(),
        })
    }
}

/// A run to store, with its plan.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The revision of the pipeline.
    pub revision: i64,
    /// Its number, in parts; the run's id when there are none.
    pub number: Vec<NumberPart>,
    /// The plan, as canonical text.
    pub plan: String,
    /// SHA-256 of the plan's text.
    pub plan_digest: [u8; 32],
    /// Where the YAML comes from, as Coffer itself found out.
    pub source: RunSource,
    /// Its stages.
    pub stages: Vec<NewStage>,
}

/// A part of a run's number. What is known only when the run is stored is put in then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NumberPart {
    /// Text.
    Text(String),
    /// The run's id.
    Id,
    /// How many runs of the pipeline had the same number but for this part, from 1, with at least so many digits.
    Revision(usize),
}

/// Stands for the revision in the name that revisions are counted by.
const REVISION: &str = "$(Rev)";

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
        let source = self.source_of(new);
        let (repository, reference, commit) = match &source {
            RunSource::Stored => (None, None, None),
            RunSource::Ref {
                repository,
                name,
                commit,
                ..
            } => (Some(repository), Some(name), Some(commit)),
        };
        let values = args![
            act.project.0,
            act.pipeline.0,
            new.revision,
            "",
            caller,
            &new.plan,
            &new.plan_digest,
            plan_id.0,
            timeline.0,
            self.now.0,
            source.word(),
            repository.cloned(),
            reference.cloned(),
            commit.cloned(),
        ];
        let run = RunId(self.conn.one::<(i64,)>(&INSERT, values).await?.0);
        let number = self.run_number(act.pipeline, run, &new.number).await?;
        self.run_one(&NAME, args![number, run.0]).await?;
        for (ordinal, stage) in (1_i64..).zip(&new.stages) {
            let record = RecordId::random(self.entropy());
            self.stage_insert(run, ordinal, record, stage).await?;
            let node = RecordWrite::node(
                record,
                None,
                "Stage",
                &stage.display_name,
                &stage.name,
                ordinal,
            );
            self.record_put(run, None, &node).await?;
            for (place, job) in (1_i64..).zip(&stage.jobs) {
                self.job_insert(run, ordinal, place, record, job).await?;
            }
        }
        // A run whose jobs are all skipped is over already.
        self.run_settle(run).await?;
        Ok(run)
    }

    async fn run_number(
        &mut self,
        pipeline: PipelineId,
        run: RunId,
        parts: &[NumberPart],
    ) -> Result<String, StoreError> {
        if parts.is_empty() {
            return Ok(run.to_string());
        }
        let write = |revision: &dyn Fn(usize) -> String| -> String {
            let parts = parts.iter().map(|part| match part {
                NumberPart::Text(text) => text.clone(),
                NumberPart::Id => run.to_string(),
                NumberPart::Revision(digits) => revision(*digits),
            });
            parts.collect()
        };
        let counted = |part: &NumberPart| matches!(part, NumberPart::Revision(_));
        if !parts.iter().any(counted) {
            return Ok(write(&|_| String::new()));
        }
        let name = write(&|_| REVISION.to_owned());
        let revision = self.count_up(pipeline, Count::Revision, &name, 1).await?;
        Ok(write(&|digits| format!("{revision:0digits$}")))
    }

    /// Where a run comes from.
    pub async fn run_source(&mut self, run: RunId) -> Result<RunSource, StoreError> {
        let row: SourceRow = self.conn.one(&SOURCE, args![run.0]).await?;
        Ok(row.into_source())
    }

    #[cfg_attr(
        not(any(test, feature = "testing")),
        expect(clippy::unused_self, reason = "only tests pretend")
    )]
    fn source_of(&self, new: &NewRun) -> RunSource {
        #[cfg(any(test, feature = "testing"))]
        if let Some(pretended) = self.shared.pretended_source() {
            return pretended;
        }
        new.source.clone()
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
        for StageState {
            ordinal,
            record,
            skipped,
        } in self.stage_states(run).await?
        {
            if skipped {
                // Nobody gave the permission: that is not a success of the run.
                worst = worst.worst(Outcome::Canceled);
            }
            let mut stage = Outcome::Skipped;
            let mut stage_open = false;
            for (state, result, _) in jobs.iter().filter(|job| job.2 == ordinal) {
                stage_open |= state != JobState::Completed.word();
                stage = stage.worst(outcome(result.as_deref(), "job")?.unwrap_or(Outcome::Skipped));
            }
            if !stage_open {
                self.stage_complete(run, ordinal, record, stage).await?;
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

impl ReadTx {
    /// Runs of a project that the caller may see, newest first; of one pipeline if named. Filtered in SQL; says of each
    /// what the gate would say.
    pub async fn runs_visible(
        &mut self,
        caller: &Caller,
        project: ProjectId,
        pipeline: Option<PipelineId>,
        before: Option<RunId>,
        top: i64,
    ) -> Result<Vec<RunRow>, StoreError> {
        if !could(caller, &ViewRuns { project }) {
            return Ok(Vec::new());
        }
        let above = Scope::Pipelines(project).place();
        let mut values = args![
            caller.identity.0,
            build::VIEW_BUILDS,
            above.namespace.0,
            above.token,
            project.0,
            before.map_or(i64::MAX, |run| run.0),
            top
        ];
        let statement = match pipeline {
            Some(pipeline) => {
                values.push(pipeline.0.into());
                &VISIBLE_OF_PIPELINE
            }
            None => &VISIBLE,
        };
        let rows: Vec<Row> = self.conn.all(statement, values).await?;
        rows.into_iter().map(Row::into_run).collect()
    }

    /// The newest run of each of some pipelines, where the caller may see it.
    pub async fn runs_newest(
        &mut self,
        caller: &Caller,
        project: ProjectId,
        pipelines: &[PipelineId],
    ) -> Result<Vec<RunRow>, StoreError> {
        if pipelines.is_empty() || !could(caller, &ViewRuns { project }) {
            return Ok(Vec::new());
        }
        let above = Scope::Pipelines(project).place();
        let ids: Vec<i64> = pipelines.iter().map(|pipeline| pipeline.0).collect();
        let values = args![
            caller.identity.0,
            build::VIEW_BUILDS,
            above.namespace.0,
            above.token,
            project.0,
            serde_json::Value::from(ids).to_string()
        ];
        let rows: Vec<Row> = self.conn.all(&NEWEST_OF_EACH, values).await?;
        rows.into_iter().map(Row::into_run).collect()
    }

    /// Those of runs that a list has shown that wait for a permission, or for a freeze to be lifted.
    pub async fn runs_waiting(&mut self, runs: &[RunRow]) -> Result<BTreeSet<RunId>, StoreError> {
        if runs.is_empty() {
            return Ok(BTreeSet::new());
        }
        let ids: Vec<i64> = runs.iter().map(|run| run.id.0).collect();
        let ids = serde_json::Value::from(ids).to_string();
        let rows: Vec<(i64,)> = self.conn.all(&WAITING, args![ids]).await?;
        Ok(rows.into_iter().map(|(run,)| RunId(run)).collect())
    }

    /// The pipeline of a run of a project, whoever asks: for the look that comes next, which says whether it is there.
    pub async fn run_pipeline(
        &mut self,
        project: ProjectId,
        run: RunId,
    ) -> Result<Option<PipelineId>, StoreError> {
        let row: Option<(i64,)> = self.conn.maybe(&PIPELINE, args![project.0, run.0]).await?;
        Ok(row.map(|(id,)| PipelineId(id)))
    }

    /// One run.
    pub async fn run(
        &mut self,
        seen: &Seen<ViewRun>,
        run: RunId,
    ) -> Result<Option<RunRow>, StoreError> {
        let values = args![seen.0.project.0, run.0, seen.0.pipeline.0];
        let row: Option<Row> = self.conn.maybe(&GET, values).await?;
        row.map(Row::into_run).transpose()
    }
}
