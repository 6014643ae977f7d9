//! Runs: starting, reading, cancelling, and what they wait for.

use crate::error::{Error, RUN, Result};
use crate::jobs::read_issues;
use crate::pipelines;
use crate::planning::Asked;
use crate::run_views::{
    LogText, LogView, PreviewView, RecordView, RunInput, RunView, TimelineView,
};
use crate::starting::{Begun, Start};
use crate::waits::StageWaits;
use crate::{Service, checks, planning};
use aws_lc_rs::digest::{SHA256, digest};
use coffer_model::act::{CancelRun, EditPipeline, QueueRun, ViewPipeline, ViewRun, ViewRuns};
use coffer_model::source::RunSource;
use coffer_model::{Caller, FileId, JobId, PipelineId, ProjectId, RunId};
use coffer_pipeline::expression::Budget;
use coffer_pipeline::start::{Answer, Counters};
use coffer_pipeline::{Job, Known, Plan, PlanInputs, Source};
use coffer_store::{Count, NewJob, NewRun, NewStage, ReadTx, Refusal, RunRow, Seen, Stop};
use std::sync::{Arc, Mutex, PoisonError};

/// Runs listed at once at most.
const MAX_TOP: usize = 1000;
/// Pages of a log read at once.
const PAGES: i64 = 64;
/// Characters of a claimed ref that go on record.
const MAX_CLAIM: usize = 250;

/// A plan, and of what.
pub(crate) struct Planned {
    pub(crate) made: coffer_pipeline::Planned,
    pub(crate) revision: i64,
    /// What its expressions see when it starts now.
    pub(crate) start: Start,
}

/// Runs.
pub struct Runs<'a>(pub(crate) &'a Service);

fn not_found() -> Error {
    Error::from(Refusal::NotFound).about(&RUN)
}

fn about_run(stop: Stop) -> Error {
    Error::from(stop).about(&RUN)
}

fn small(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl Runs<'_> {
    /// Plans a pipeline and queues a run of it. A run that needs a permission waits for it.
    pub async fn start(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
        input: RunInput,
    ) -> Result<RunView> {
        self.check_may_queue(caller, project, pipeline).await?;
        let claimed = input.claimed_ref.clone();
        let Planned {
            made,
            revision,
            mut start,
        } = self.plan(caller, project, pipeline, input).await?;
        let plan = Arc::new(made.plan);
        planning::check_runnable(&plan)?;
        // What fails without a counter fails before anything is written, and most runs have none.
        let begun = start.begin(&plan)?;
        let text = plan.canonical_json();
        let mut plan_digest = [0; 32];
        plan_digest.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        let new = NewRun {
            revision,
            number: Vec::new(),
            stages: self.stages(&plan),
            plan: text,
            plan_digest,
            // The only kind of pipeline there is. What the request says of refs is a claim, and no source.
            source: RunSource::Stored,
        };
        let claimed: Option<String> = claimed.map(|text| {
            text.chars()
                .filter(|c| !c.is_control())
                .take(MAX_CLAIM)
                .collect()
        });
        let asked = caller.clone();
        let wrong = Arc::new(Mutex::new(None));
        let told = wrong.clone();
        let run = self
            .0
            .store()
            .write("run.start", move |tx| {
                let (caller, mut new, claimed) = (asked.clone(), new.clone(), claimed.clone());
                let (plan, mut start, mut begun) = (plan.clone(), start.clone(), begun.clone());
                let told = told.clone();
                Box::pin(async move {
                    let mut details = vec![
                        ("revision", new.revision.to_string()),
                        ("planSha256", hex::encode(new.plan_digest)),
                        ("source", new.source.word().to_owned()),
                    ];
                    details.extend(claimed.map(|claimed| ("claimedRef", claimed)));
                    let grant = tx
                        .authorize_with(&caller, QueueRun { project, pipeline }, &details)
                        .await?;
                    while let Answer::Needs(needs) = begun {
                        for need in needs {
                            let (count, name) = (Count::Counter, &need.prefix);
                            let number = tx.next_count(&grant, count, name, need.seed).await?;
                            start.counters.insert(need.prefix, number);
                        }
                        begun = start.begin(&plan).map_err(|error| {
                            // The unit is undone, and with it the numbers that were drawn.
                            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                            Refusal::Unevaluated
                        })?;
                    }
                    if let Answer::Ready(begun) = begun {
                        settle(&mut new, begun);
                    }
                    let run = tx.run_insert(grant, &new).await?;
                    for stage in 1..=new.stages.len() {
                        checks::evaluate(tx, run, i64::try_from(stage).unwrap_or(i64::MAX)).await?;
                    }
                    Ok(run)
                })
            })
            .await
            .map_err(|stop| {
                let told = wrong.lock().unwrap_or_else(PoisonError::into_inner).take();
                match (stop, told) {
                    (Stop::Refused(Refusal::Unevaluated), Some(told)) => told,
                    (stop, _) => Error::from(stop).about(&crate::error::PIPELINE),
                }
            })?;
        self.0.jobs_may_be_ready();
        self.get(caller, project, run).await
    }

    /// Nothing is planned for who may not start a run: a plan says which secure files there are. The refusal is on record.
    async fn check_may_queue(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
    ) -> Result<()> {
        let mut read = self.0.store().read().await?;
        if read
            .look(caller, QueueRun { project, pipeline })
            .await
            .is_ok()
        {
            return Ok(());
        }
        drop(read);
        let asked = caller.clone();
        self.0
            .store()
            .write("run.start", move |tx| {
                let caller = asked.clone();
                Box::pin(async move {
                    let act = QueueRun { project, pipeline };
                    tx.authorize(&caller, act).await.map(drop)
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&crate::error::PIPELINE))
    }

    /// What a run would be planned from now: the text once templates are put in. Starts nothing.
    pub async fn preview(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
        input: RunInput,
    ) -> Result<PreviewView> {
        let mut read = self.0.store().read().await?;
        let about = |stop| Error::from(stop).about(&crate::error::PIPELINE);
        read.look(caller, QueueRun { project, pipeline })
            .await
            .map_err(about)?;
        if input.yaml_override.is_some() {
            // A text of one's own asks which secure files there are, as storing it would.
            read.look(caller, EditPipeline { project, pipeline })
                .await
                .map_err(about)?;
        }
        drop(read);
        let planned = self.plan(caller, project, pipeline, input).await?;
        let plan = &planned.made.plan;
        let notes = plan.warnings.iter().chain(&plan.refusals);
        Ok(PreviewView {
            final_yaml: planned.made.final_yaml(),
            runnable: plan.refusals.is_empty(),
            notes: notes.map(planning::note).collect(),
        })
    }

    /// Runs of a project, newest first.
    pub async fn list(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: Option<PipelineId>,
        top: usize,
    ) -> Result<Vec<RunView>> {
        let mut read = self.0.store().read().await?;
        let top = i64::try_from(top.clamp(1, MAX_TOP)).unwrap_or(1);
        let rows = read
            .runs_visible(caller, project, pipeline, None, top)
            .await?;
        if rows.is_empty() {
            // Nothing to see is one thing, nothing that may be seen another.
            read.look(caller, ViewRuns { project })
                .await
                .map_err(about_run)?;
        }
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            views.push(self.view(&mut read, caller, row).await?);
        }
        Ok(views)
    }

    /// Runs of one pipeline, newest first.
    pub async fn of_pipeline(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
        top: usize,
    ) -> Result<Vec<RunView>> {
        self.0.pipelines().get(caller, project, pipeline).await?;
        self.list(caller, project, Some(pipeline), top).await
    }

    /// One run.
    pub async fn get(&self, caller: &Caller, project: ProjectId, run: RunId) -> Result<RunView> {
        let mut read = self.0.store().read().await?;
        let (_, row) = self.find(&mut read, caller, project, run).await?;
        self.view(&mut read, caller, row).await
    }

    /// What happened in a run so far. A stage that waits shows what for.
    pub async fn timeline(
        &self,
        caller: &Caller,
        project: ProjectId,
        run: RunId,
    ) -> Result<TimelineView> {
        let mut read = self.0.store().read().await?;
        let (seen, row) = self.find(&mut read, caller, project, run).await?;
        let waits = self.waits(&mut read, caller, &row).await?;
        self.records(&mut read, &seen, &row, &waits).await
    }

    /// The records of a run's timeline, with one for each stage that waits.
    pub(crate) async fn records(
        &self,
        read: &mut ReadTx,
        seen: &Seen<ViewRun>,
        row: &RunRow,
        waits: &[StageWaits],
    ) -> Result<TimelineView> {
        let mut records = Vec::new();
        for record in read.timeline(seen, row).await? {
            records.push(RecordView {
                id: record.id,
                parent: record.parent,
                kind: record.kind,
                name: record.name,
                ref_name: record.ref_name,
                order: small(record.ordinal),
                state: record.state,
                result: record.result,
                started_at: record.started_at,
                finished_at: record.finished_at,
                errors: small(record.errors),
                warnings: small(record.warnings),
                issues: read_issues(&record.issues),
                log: record.log,
                log_lines: record.log_lines,
                worker: record.worker,
            });
        }
        records.extend(waits.iter().map(StageWaits::record));
        Ok(TimelineView {
            id: row.timeline,
            change: row.change,
            records,
        })
    }

    /// The logs of a run.
    pub async fn logs(
        &self,
        caller: &Caller,
        project: ProjectId,
        run: RunId,
    ) -> Result<Vec<LogView>> {
        let mut read = self.0.store().read().await?;
        let (seen, row) = self.find(&mut read, caller, project, run).await?;
        let mut logs: Vec<LogView> = read
            .timeline(&seen, &row)
            .await?
            .into_iter()
            .filter_map(|record| {
                let created_at = record.started_at.unwrap_or(row.created_at);
                record.log.map(|id| LogView {
                    id,
                    record: record.id,
                    lines: record.log_lines,
                    created_at,
                    changed_at: record.finished_at.unwrap_or(created_at),
                })
            })
            .collect();
        logs.sort_by_key(|log| log.id);
        Ok(logs)
    }

    /// Lines of a log, from `from_line` (from 1) to `to_line`, both inclusive.
    pub async fn log(
        &self,
        caller: &Caller,
        project: ProjectId,
        run: RunId,
        log: i64,
        from_line: i64,
        to_line: Option<i64>,
    ) -> Result<LogText> {
        let mut read = self.0.store().read().await?;
        let (seen, row) = self.find(&mut read, caller, project, run).await?;
        let last = to_line.unwrap_or(i64::MAX);
        let mut text = LogText::default();
        let mut next = from_line.max(1);
        while next <= last {
            let pages = read.log_pages(&seen, &row, log, next, PAGES).await?;
            let Some(end) = pages.last().map(|page| page.first_line + page.lines) else {
                break;
            };
            for page in pages {
                let key = self.log_key(&mut read, &seen, page.job).await?;
                let context = self.0.keys().context(project, page.page);
                let plain = match coffer_seal::open_bytes(&key, context, &page.sealed) {
                    Ok(plain) => plain,
                    Err(error) => {
                        let (what, keys) = ("page of a job's log", self.0.keys());
                        return Err(keys
                            .does_not_open(what, Some(project), page.page, error)
                            .await);
                    }
                };
                let plain = String::from_utf8_lossy(&plain);
                for (number, line) in (page.first_line..).zip(plain.split('\n')) {
                    if number >= next && number <= last && number < page.first_line + page.lines {
                        text.lines.push(line.to_owned());
                    }
                }
            }
            next = end;
        }
        if text.lines.is_empty() {
            // Nothing yet, nothing in this range, or no such log.
            let records = read.timeline(&seen, &row).await?;
            if !records.iter().any(|record| record.log == Some(log)) {
                return Err(Error::new(
                    crate::Kind::NotFound,
                    "log.not_found",
                    "That build has no such log.",
                ));
            }
        }
        Ok(text)
    }

    /// Cancels a run.
    pub async fn cancel(&self, caller: &Caller, project: ProjectId, run: RunId) -> Result<RunView> {
        let mut read = self.0.store().read().await?;
        let (_, row) = self.find(&mut read, caller, project, run).await?;
        drop(read);
        let (asked, pipeline) = (caller.clone(), row.pipeline);
        self.0
            .store()
            .write("run.cancel", move |tx| {
                let caller = asked.clone();
                Box::pin(async move {
                    let grant = tx
                        .authorize(
                            &caller,
                            CancelRun {
                                project,
                                pipeline,
                                run,
                            },
                        )
                        .await?;
                    tx.run_cancel(grant).await
                })
            })
            .await
            .map_err(about_run)?;
        self.get(caller, project, run).await
    }

    async fn log_key(
        &self,
        read: &mut ReadTx,
        seen: &Seen<ViewRun>,
        job: JobId,
    ) -> Result<Arc<coffer_seal::FileKey>> {
        if let Some(key) = self.0.log_keys().get(job) {
            return Ok(key);
        }
        let wrapped = read.log_key(seen, job).await?.ok_or_else(not_found)?;
        let key = self
            .0
            .keys()
            .open_own_key(&wrapped, crate::keys::JOB_LOG, job.0)
            .await?;
        Ok(self.0.log_keys().put(job, key))
    }

    pub(crate) async fn find(
        &self,
        read: &mut ReadTx,
        caller: &Caller,
        project: ProjectId,
        run: RunId,
    ) -> Result<(Seen<ViewRun>, RunRow)> {
        // A run that is not there is one of the pipeline that is not there.
        let pipeline = read.run_pipeline(project, run).await?;
        let pipeline = pipeline.unwrap_or(PipelineId(0));
        let seen = read
            .look(caller, ViewRun { project, pipeline })
            .await
            .map_err(about_run)?;
        let row = read.run(&seen, run).await?.ok_or_else(not_found)?;
        Ok((seen, row))
    }

    async fn view(&self, read: &mut ReadTx, caller: &Caller, row: RunRow) -> Result<RunView> {
        let waits = self.waits(read, caller, &row).await?;
        Ok(RunView::of(row, waits))
    }

    pub(crate) async fn plan(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
        input: RunInput,
    ) -> Result<Planned> {
        let (asked, revision, start) = self.asked(caller, project, pipeline, input).await?;
        Ok(Planned {
            made: planning::make(self.0, asked).await?,
            revision,
            start,
        })
    }

    /// What is known of a pipeline before a run of it is started: the secure files it names, and the parameters that
    /// must be given.
    pub(crate) async fn known(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
    ) -> Result<Known> {
        let input = RunInput::default();
        let (asked, ..) = self.asked(caller, project, pipeline, input).await?;
        planning::known(self.0, asked).await
    }

    async fn asked(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
        input: RunInput,
    ) -> Result<(Asked, i64, Start)> {
        if input.variables.iter().any(|(_, _, secret)| *secret) {
            return Err(Error::invalid(
                "Secret variables at queue time are not supported yet: they would be stored in the plan.",
            ));
        }
        let mut read = self.0.store().read().await?;
        let seen = read
            .look(caller, ViewPipeline { project, pipeline })
            .await
            .map_err(|stop| Error::from(stop).about(&crate::error::PIPELINE))?;
        let row = read
            .pipeline(&seen)
            .await?
            .ok_or_else(pipelines::not_found)?;
        let files = read.pipeline_files(&seen, row.revision).await?;
        let start = Start {
            at: read.now(),
            organization: self.0.organization().id,
            project: (
                project,
                read.project_name(project).await?.unwrap_or_default(),
            ),
            pipeline: (pipeline, row.name.clone(), row.revision),
            requested_by: read
                .identity(caller.identity)
                .await?
                .map(|known| (known.unique_name, known.display_name))
                .unwrap_or_default(),
            budget: Budget::default(),
            counters: Counters::default(),
        };
        drop(read);
        let source = Source {
            path: row.path,
            text: input.yaml_override.unwrap_or(row.yaml),
        };
        let system = vec![
            ("System.DefinitionId".into(), row.id.to_string()),
            ("System.DefinitionName".into(), row.name.clone()),
            ("Build.DefinitionName".into(), row.name),
            ("Build.Reason".into(), "Manual".into()),
            ("System.TeamProject".into(), start.project.1.clone()),
            ("System.TeamProjectId".into(), project.to_string()),
        ];
        let variables = input
            .variables
            .into_iter()
            .map(|(name, value, _)| (name, value))
            .collect();
        let inputs = PlanInputs {
            parameters: input.parameters,
            variables,
            system,
        };
        let asked = Asked {
            project,
            pipeline,
            source,
            inputs,
            files,
        };
        Ok((asked, row.revision, start))
    }

    /// Its stages and jobs, before it is known how they begin.
    fn stages(&self, plan: &Plan) -> Vec<NewStage> {
        let job = |job: &Job| {
            let later = job.files_by_variable();
            let known = job.secure_files.iter().filter(|file| !later.contains(file));
            NewJob {
                id: JobId::random(self.0.entropy()),
                name: job.name.clone(),
                display_name: job.display_name.clone(),
                files: known.copied().map(FileId).collect(),
                deferred: later.into_iter().map(FileId).collect(),
                skipped: false,
                values: Vec::new(),
                continue_on_error: job.continue_on_error,
            }
        };
        let stages = plan.stages.iter();
        stages
            .map(|stage| NewStage {
                name: stage.name.clone(),
                display_name: stage.display_name.clone(),
                files: stage.secure_files.iter().copied().map(FileId).collect(),
                jobs: stage.jobs.iter().map(job).collect(),
            })
            .collect()
    }
}

/// Each job as it begins.
fn settle(new: &mut NewRun, begun: Begun) {
    new.number = begun.number;
    for (stage, begun) in new.stages.iter_mut().zip(begun.stages) {
        for (job, begun) in stage.jobs.iter_mut().zip(begun) {
            job.skipped = begun.skipped;
            job.values = begun.values;
        }
    }
}
