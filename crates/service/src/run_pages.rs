//! Pages of pipelines and runs, and a run with all that its page shows, in a few statements however much there is.

use crate::error::Result;
use crate::file_pages::{MAX_PAGE, searched};
use crate::file_uses::Newest;
use crate::may::PipelineMay;
use crate::pipelines::{self, PipelineView, Pipelines};
use crate::run_views::{RunView, TimelineView};
use crate::runs::Runs;
use coffer_model::access::Scope;
use coffer_model::act::{ViewPipelines, ViewRuns};
use coffer_model::{Caller, PipelineId, ProjectId, RunId};
use coffer_store::{Page, ReadTx, RunRow};
use std::collections::HashMap;

/// A run on a page.
#[derive(Clone, Debug)]
pub struct RunLine {
    /// The run. What it waits for is left out.
    pub run: RunView,
    /// Whether it waits for a permission, or for a freeze to be lifted.
    pub waits: bool,
}

/// A pipeline on a page.
#[derive(Clone, Debug)]
pub struct PipelineLine {
    /// The pipeline, without its YAML.
    pub pipeline: PipelineView,
    /// Its newest run, if the caller may see it.
    pub last_run: Option<RunLine>,
}

/// All that the page of a run shows.
#[derive(Clone, Debug)]
pub struct RunPage {
    /// The run, with what it waits for and who may permit that.
    pub run: RunView,
    /// What happened in it so far.
    pub timeline: TimelineView,
    /// What the caller may do with it.
    pub may: PipelineMay,
}

async fn lines(read: &mut ReadTx, rows: Vec<RunRow>) -> Result<Vec<RunLine>> {
    let waiting = read.runs_waiting(&rows).await?;
    Ok(rows
        .into_iter()
        .map(|row| RunLine {
            waits: waiting.contains(&row.id),
            run: RunView::of(row, Vec::new()),
        })
        .collect())
}

impl Pipelines<'_> {
    /// A page of the pipelines that the caller may see, by name, with the newest run of each: those whose names hold a text,
    /// ignoring case. `total` counts to 10,000.
    pub async fn page(
        &self,
        caller: &Caller,
        project: ProjectId,
        search: &str,
        skip: u64,
        top: u32,
    ) -> Result<Page<PipelineLine>> {
        let (search, top) = (searched(search), top.clamp(1, MAX_PAGE));
        let mut read = self.0.store().read().await?;
        let page = read
            .pipelines_page(caller, project, search, skip, top)
            .await?;
        if page.total.count == 0 && search.trim().is_empty() {
            // Nothing to see is one thing, nothing that may be seen another.
            read.look(caller, ViewPipelines { project }).await?;
        }
        let ids: Vec<PipelineId> = page.items.iter().map(|row| PipelineId(row.id)).collect();
        let newest = read.runs_newest(caller, project, &ids).await?;
        let newest = lines(&mut read, newest).await?;
        let mut newest: HashMap<PipelineId, RunLine> = newest
            .into_iter()
            .map(|line| (line.run.pipeline.id, line))
            .collect();
        Ok(page.map(|row| PipelineLine {
            last_run: newest.remove(&PipelineId(row.id)),
            pipeline: pipelines::view(row, None),
        }))
    }
}

impl Runs<'_> {
    /// Runs of a project that the caller may see, or of one of its pipelines, newest first. At most 200.
    pub async fn page(
        &self,
        caller: &Caller,
        project: ProjectId,
        pipeline: Option<PipelineId>,
        before: Option<RunId>,
        top: u32,
    ) -> Result<Newest<RunLine, RunId>> {
        let top = top.clamp(1, MAX_PAGE);
        let mut read = self.0.store().read().await?;
        let asked = i64::from(top) + 1;
        let rows = read
            .runs_visible(caller, project, pipeline, before, asked)
            .await?;
        if rows.is_empty() && before.is_none() {
            read.look(caller, ViewRuns { project }).await?;
        }
        let rows = Newest::cut(rows, top, |row| row.id);
        Ok(Newest {
            items: lines(&mut read, rows.items).await?,
            next: rows.next,
        })
    }

    /// A run with all that its page shows, looked up once: also for asking again while it runs. It takes a constant number
    /// of statements, whatever the run waits for.
    pub async fn show(&self, caller: &Caller, project: ProjectId, run: RunId) -> Result<RunPage> {
        let mut read = self.0.store().read().await?;
        let (seen, row) = self.find(&mut read, caller, project, run).await?;
        let scope = Scope::Pipeline(project, row.pipeline);
        let standing = read.standing(caller, scope).await?;
        let waits = self.waits(&mut read, caller, &row).await?;
        let timeline = self.records(&mut read, &seen, &row, &waits).await?;
        Ok(RunPage {
            may: PipelineMay::of(&standing, project, row.pipeline),
            timeline,
            run: RunView::of(row, waits),
        })
    }
}
