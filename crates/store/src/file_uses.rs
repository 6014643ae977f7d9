//! What used a secure file, and what would miss it: runs whose plans name it, newest first, and pipelines.
//!
//! Of runs and pipelines that the caller may not see nothing is told but how many they are.

use crate::access::{member_of, pipeline_has_bit};
use crate::access_below::bits_below;
use crate::error::StoreError;
use crate::gate::{Seen, could};
use crate::runs::outcome;
use crate::sql::{args, statements};
use crate::unit::ReadTx;
use coffer_model::access::{BUILD, Scope, build};
use coffer_model::act::{ViewFile, ViewRuns};
use coffer_model::library::Person;
use coffer_model::policy::in_scope;
use coffer_model::run::{JobState, Outcome, RunState};
use coffer_model::{
    Caller, IdentityId, JobId, PipelineId, ProjectId, RunId, Timestamp, TokenScopes,
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Uses looked at for what would miss a file, the newest.
const MOST_USES: i64 = 10_000;
/// Pipelines told of at most.
const MOST_PIPELINES: i64 = 500;

/// The numbers of a JSON array, which is the argument given.
macro_rules! numbers {
    ($argument:literal, sqlite) => {
        concat!("(select w.value from json_each(", $argument, ") w)")
    };
    ($argument:literal, postgres) => {
        concat!(
            "(select cast(w.value as bigint) from jsonb_array_elements_text(cast(cast(",
            $argument,
            " as text) as jsonb)) w (value))"
        )
    };
}
pub(crate) use numbers;

macro_rules! jobs {
    ($engine:ident) => {
        concat!(
            "select j.run_id, j.stage_ordinal, j.id, j.name, j.state, j.result, j.started_at, j.finished_at
            from job j join job_file f on f.job_id = j.id where f.file_id = $1 and f.deferred = 0 and j.run_id in ",
            numbers!("$2", $engine),
            " order by j.run_id, j.stage_ordinal, j.ordinal"
        )
    };
}

macro_rules! downloads {
    ($engine:ident) => {
        concat!(
            "select e.job_id, count(*) as n, max(e.time) as last from audit_event e
            where e.resource_kind = 'securefile' and e.resource_id = $1 and e.action = 'SecureFile.Downloaded'
                and e.outcome = 'allowed' and e.job_id is not null and e.run_id in ",
            numbers!("$2", $engine),
            " group by e.job_id"
        )
    };
}

statements! {
    USES = concat!(member_of!(), "
        select x.run_id, x.stage_ordinal, s.name as stage, r.name, r.pipeline_id, p.name as pipeline_name, p.folder, r.state,
            r.result, r.requested_by, i.unique_name, i.display_name, r.created_at
        from stage_resource x cross join run r join pipeline p on p.id = r.pipeline_id
        join identity i on i.id = r.requested_by
        join stage s on s.run_id = x.run_id and s.ordinal = x.stage_ordinal
        where x.resource_kind = 'securefile' and x.resource_id = $6 and r.id = x.run_id and r.project_id = $5
            and (x.run_id < $7 or (x.run_id = $7 and x.stage_ordinal < $8)) and ", pipeline_has_bit!(), "
        order by x.run_id desc, x.stage_ordinal desc limit $9");
    JOBS = jobs!(sqlite), postgres: jobs!(postgres);
    // As far back as the log is kept.
    DOWNLOADS = downloads!(sqlite), postgres: downloads!(postgres);
    // Those permitted, those whose newest run names the file, and those with a run since $4 that does.
    PIPELINES = "with used (pipeline_id, last_run, short, long) as (
            select r.pipeline_id, max(r.id), count(distinct case when r.created_at >= $3 then r.id end),
                count(distinct case when r.created_at >= $4 then r.id end)
            from (select x.run_id from stage_resource x where x.resource_kind = 'securefile' and x.resource_id = $2
                order by x.run_id desc limit $5) u
            join run r on r.id = u.run_id where r.project_id = $1 group by r.pipeline_id),
        known (id, name, folder, permitted, newest) as (
            select p.id, p.name, p.folder,
                (select count(*) from pipeline_permission y where y.resource_kind = 'securefile' and y.resource_id = $2
                    and y.project_id = $1 and y.pipeline_id = p.id),
                (select max(q.id) from run q where q.pipeline_id = p.id)
            from pipeline p where p.project_id = $1)
        select k.id, k.name, k.folder, k.permitted, k.newest, u.last_run, z.name as run_name, z.created_at as run_at,
            coalesce(u.short, 0) as short, coalesce(u.long, 0) as long
        from known k left join used u on u.pipeline_id = k.id left join run z on z.id = u.last_run
        where k.permitted > 0 or u.long > 0 or u.last_run = k.newest
        order by coalesce(u.last_run, 0) desc, k.id limit $6";
}

/// Where a page of uses ended: its last run and stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UsesBefore {
    /// The run.
    pub run: RunId,
    /// The place of the stage in it.
    pub stage: i64,
}

/// A stage of a run whose plan names a file.
#[derive(Clone, Debug)]
pub struct FileUse {
    /// The run.
    pub run: RunId,
    /// Its number.
    pub run_name: String,
    /// Where the run is.
    pub state: RunState,
    /// How it ended.
    pub result: Option<Outcome>,
    /// Its pipeline.
    pub pipeline: PipelineId,
    /// The pipeline's name now.
    pub pipeline_name: String,
    /// The pipeline's folder now.
    pub folder: String,
    /// The stage.
    pub stage: String,
    /// Its place in the run.
    pub stage_ordinal: i64,
    /// Who queued the run.
    pub requested_by: Person,
    /// When.
    pub queued_at: Timestamp,
    /// The jobs of the stage whose plans name the file.
    pub jobs: Vec<FileUseJob>,
}

/// A job whose plan names a file.
#[derive(Clone, Debug)]
pub struct FileUseJob {
    /// The job.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub state: JobState,
    /// How it ended.
    pub result: Option<Outcome>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How often it was given the content, as far as the audit log is kept.
    pub downloads: u64,
    /// When last.
    pub last_download: Option<Timestamp>,
}

/// A pipeline that would miss a file.
#[derive(Clone, Debug)]
pub struct PipelineUse {
    /// Its id.
    pub id: PipelineId,
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: String,
    /// Whether it is permitted by itself to use the file. Open access is apart.
    pub permitted: bool,
    /// Whether the plan of its newest run names the file.
    pub in_newest_run: bool,
    /// The newest run whose plan names the file, if the caller may see runs of the pipeline: id, number, when queued.
    pub last_run: Option<(RunId, String, Timestamp)>,
    /// Runs of the last 30 days whose plans name it.
    pub runs_in_30_days: u64,
    /// Runs of the last 90 days whose plans name it.
    pub runs_in_90_days: u64,
}

#[derive(sqlx::FromRow)]
struct UseRow {
    run_id: i64,
    stage_ordinal: i64,
    stage: String,
    name: String,
    pipeline_id: i64,
    pipeline_name: String,
    folder: String,
    state: String,
    result: Option<String>,
    requested_by: Uuid,
    unique_name: String,
    display_name: String,
    created_at: i64,
}

impl UseRow {
    fn into_use(self) -> Result<FileUse, StoreError> {
        Ok(FileUse {
            run: RunId(self.run_id),
            run_name: self.name,
            state: RunState::from_word(&self.state).ok_or(StoreError::corrupt("run", "state"))?,
            result: outcome(self.result.as_deref(), "run")?,
            pipeline: PipelineId(self.pipeline_id),
            pipeline_name: self.pipeline_name,
            folder: self.folder,
            stage: self.stage,
            stage_ordinal: self.stage_ordinal,
            requested_by: Person {
                id: IdentityId(self.requested_by),
                unique_name: self.unique_name,
                display_name: self.display_name,
            },
            queued_at: Timestamp(self.created_at),
            jobs: Vec::new(),
        })
    }
}

#[derive(sqlx::FromRow)]
struct JobUseRow {
    run_id: i64,
    stage_ordinal: i64,
    id: Uuid,
    name: String,
    state: String,
    result: Option<String>,
    started_at: Option<i64>,
    finished_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct PipelineUseRow {
    id: i64,
    name: String,
    folder: String,
    permitted: i64,
    newest: Option<i64>,
    last_run: Option<i64>,
    run_name: Option<String>,
    run_at: Option<i64>,
    short: i64,
    long: i64,
}

impl ReadTx {
    /// Stages of runs that the caller may see whose plans name the file, newest first.
    pub async fn file_uses(
        &mut self,
        caller: &Caller,
        seen: &Seen<ViewFile>,
        before: Option<UsesBefore>,
        top: i64,
    ) -> Result<Vec<FileUse>, StoreError> {
        let ViewFile { project, file } = seen.0;
        if !could(caller, &ViewRuns { project }) {
            return Ok(Vec::new());
        }
        let above = Scope::Pipelines(project).place();
        let (run, stage) = before.map_or((i64::MAX, 0), |before| (before.run.0, before.stage));
        let values = args![
            caller.identity.0,
            build::VIEW_BUILDS,
            above.namespace.0,
            above.token,
            project.0,
            file.to_string(),
            run,
            stage,
            top
        ];
        let rows: Vec<UseRow> = self.conn.all(&USES, values).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let runs: Vec<i64> = rows.iter().map(|row| row.run_id).collect();
        let runs = serde_json::Value::from(runs).to_string();
        let jobs: Vec<JobUseRow> = self.conn.all(&JOBS, args![file.0, &runs]).await?;
        let downloads: Vec<(Uuid, i64, i64)> = self
            .conn
            .all(&DOWNLOADS, args![file.to_string(), &runs])
            .await?;
        let downloads: BTreeMap<Uuid, (i64, i64)> = downloads
            .into_iter()
            .map(|(job, count, last)| (job, (count, last)))
            .collect();
        let mut uses: Vec<FileUse> = rows
            .into_iter()
            .map(UseRow::into_use)
            .collect::<Result<_, _>>()?;
        for job in jobs {
            let place = (job.run_id, job.stage_ordinal);
            let Some(used) = uses
                .iter_mut()
                .find(|used| (used.run.0, used.stage_ordinal) == place)
            else {
                continue;
            };
            let given = downloads.get(&job.id);
            used.jobs.push(FileUseJob {
                id: JobId(job.id),
                name: job.name,
                state: JobState::from_word(&job.state)
                    .ok_or(StoreError::corrupt("job", "state"))?,
                result: outcome(job.result.as_deref(), "job")?,
                started_at: job.started_at.map(Timestamp),
                finished_at: job.finished_at.map(Timestamp),
                downloads: given.map_or(0, |(count, _)| count.unsigned_abs()),
                last_download: given.map(|(_, last)| Timestamp(*last)),
            });
        }
        Ok(uses)
    }

    /// The pipelines that would miss the file, those that used it last first, and how many more there are that the caller
    /// may not see.
    pub async fn pipelines_using(
        &mut self,
        caller: &Caller,
        seen: &Seen<ViewFile>,
    ) -> Result<(Vec<PipelineUse>, usize), StoreError> {
        let ViewFile { project, file } = seen.0;
        let values = args![
            project.0,
            file.to_string(),
            self.now.plus_seconds(-30 * 24 * 3600).0,
            self.now.plus_seconds(-90 * 24 * 3600).0,
            MOST_USES,
            MOST_PIPELINES
        ];
        let rows: Vec<PipelineUseRow> = self.conn.all(&PIPELINES, values).await?;
        let bits = self.pipeline_bits(caller, project, &rows).await?;
        let (mut uses, mut hidden) = (Vec::new(), 0);
        for (row, bits) in rows.into_iter().zip(bits) {
            if bits & build::VIEW_DEFINITION == 0 {
                hidden += 1;
                continue;
            }
            let runs = bits & build::VIEW_BUILDS != 0;
            let last_run = match (row.last_run, row.run_name, row.run_at) {
                (Some(run), Some(name), Some(at)) if runs => {
                    Some((RunId(run), name, Timestamp(at)))
                }
                _ => None,
            };
            uses.push(PipelineUse {
                id: PipelineId(row.id),
                name: row.name,
                folder: row.folder,
                permitted: row.permitted > 0,
                in_newest_run: row.last_run.is_some() && row.last_run == row.newest,
                last_run,
                runs_in_30_days: row.short.unsigned_abs(),
                runs_in_90_days: row.long.unsigned_abs(),
            });
        }
        Ok((uses, hidden))
    }

    /// What the caller holds at each pipeline; nothing with a token that is no good for pipelines.
    async fn pipeline_bits(
        &mut self,
        caller: &Caller,
        project: ProjectId,
        rows: &[PipelineUseRow],
    ) -> Result<Vec<i64>, StoreError> {
        if !caller.authentication.has_rights() || in_scope(caller, TokenScopes::BUILD).is_err() {
            return Ok(vec![0; rows.len()]);
        }
        let token =
            |row: &PipelineUseRow| Scope::Pipeline(project, PipelineId(row.id)).place().token;
        let tokens: Vec<String> = rows.iter().map(token).collect();
        let above = Scope::Pipelines(project).place().token;
        let bits = bits_below(&mut self.conn, caller.identity, BUILD, &above, &tokens).await?;
        let held = |token| bits.get(token).copied().unwrap_or_default();
        Ok(tokens.iter().map(held).collect())
    }
}
