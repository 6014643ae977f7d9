//! What stages wait for, in words for whoever looks. They do not wait for ever: one that got no permission within thirty
//! days is skipped, and its record says so.

use crate::Service;
use crate::error::{Result, unless_denied};
use crate::jobs::IssueView;
use crate::run_views::{RecordView, Waiting};
use crate::runs::Runs;
use coffer_model::act::{PermitPipeline, SkipStage, ViewFile};
use coffer_model::library::{Freeze, FreezeTarget, Resource};
use coffer_model::run::RunState;
use coffer_model::{Caller, FileId, PipelineId, ProjectId, RecordId, Timestamp};
use coffer_store::{Missing, ReadTx, Refusal, RunRow, Stop, Why};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How long a stage waits for a permission, or for a freeze to be lifted: thirty days.
const MAX_WAIT_SECONDS: i64 = 30 * 24 * 3600;

impl Service {
    /// Skips the stages that waited too long. Returns how many.
    pub async fn skip_overdue(&self) -> Result<usize> {
        let mut read = self.store().read().await?;
        let since = Timestamp(read.now().plus_seconds(-MAX_WAIT_SECONDS).0);
        let overdue = read.stages_overdue(since).await?;
        drop(read);
        let issues = serde_json::to_string(&[IssueView {
            kind: "error".into(),
            category: "General".into(),
            message: "The stage waited 30 days for permission to use a secure file, and is skipped. Permit the pipeline, and start a new run.".into(),
        }])
        .map_err(crate::Error::internal)?;
        let mut skipped = 0;
        for (run, stage) in overdue {
            let (caller, issues) = (self.duty("skip waiting stages"), issues.clone());
            let done = self
                .store()
                .write("stage.skip", move |tx| {
                    let (caller, issues) = (caller.clone(), issues.clone());
                    Box::pin(async move {
                        let grant = tx.authorize(&caller, SkipStage { run, stage }).await?;
                        tx.stage_skip(grant, since, &issues).await
                    })
                })
                .await;
            match done {
                Ok(()) => skipped += 1,
                // Permitted or cancelled in between.
                Err(Stop::Refused(Refusal::State)) => {}
                Err(stop) => return Err(stop.into()),
            }
        }
        Ok(skipped)
    }
}

/// A stage that waits, and what for.
pub(crate) struct StageWaits {
    /// The stage's record.
    record: RecordId,
    since: Timestamp,
    pub(crate) waiting: Vec<Waiting>,
}

impl StageWaits {
    /// The record of the timeline that says so.
    pub(crate) fn record(&self) -> RecordView {
        let frozen = self
            .waiting
            .iter()
            .all(|waiting| waiting.why == Why::Frozen);
        let issues: Vec<IssueView> = self.waiting.iter().map(as_issue).collect();
        RecordView {
            id: RecordId(Uuid::new_v5(&self.record.0, b"authorization")),
            parent: Some(self.record),
            kind: "Checkpoint.Authorization".into(),
            name: if frozen {
                "Frozen"
            } else {
                "Permission needed"
            }
            .into(),
            ref_name: None,
            order: 0,
            state: "inProgress".into(),
            result: None,
            started_at: Some(self.since),
            finished_at: None,
            errors: 0,
            warnings: i32::try_from(issues.len()).unwrap_or(i32::MAX),
            issues,
            log: None,
            log_lines: 0,
            worker: None,
        }
    }
}

impl Runs<'_> {
    /// The stages of a run that wait, and what for.
    pub(crate) async fn waits(
        &self,
        read: &mut ReadTx,
        caller: &Caller,
        row: &RunRow,
    ) -> Result<Vec<StageWaits>> {
        if row.state != RunState::InProgress {
            return Ok(Vec::new());
        }
        let mut stages = read.stages(row).await?;
        stages.retain(|stage| !stage.missing.is_empty());
        let missing: Vec<Missing> = stages
            .iter()
            .flat_map(|stage| stage.missing.iter().cloned())
            .collect();
        let waiting = self
            .waiting(read, caller, row.project, row.pipeline, missing)
            .await?;
        let mut waiting = waiting.into_iter();
        Ok(stages
            .into_iter()
            .map(|stage| StageWaits {
                record: stage.record,
                since: stage.since,
                waiting: waiting
                    .by_ref()
                    .take(stage.missing.len())
                    .map(|waiting| Waiting {
                        stage: stage.name.clone(),
                        until: Some(stage.since.plus_seconds(MAX_WAIT_SECONDS)),
                        ..waiting
                    })
                    .collect(),
            })
            .collect())
    }

    /// What a caller is told of resources that are waited for, in their order and as many statements as for one.
    pub(crate) async fn waiting(
        &self,
        read: &mut ReadTx,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
        missing: Vec<Missing>,
    ) -> Result<Vec<Waiting>> {
        let there = missing.iter().filter(|missing| missing.why != Why::Deleted);
        let files: BTreeSet<FileId> = there
            .map(|missing| {
                let Resource::SecureFile(file) = missing.resource;
                file
            })
            .collect();
        let files: Vec<FileId> = files.into_iter().collect();
        let standings = read.files_standing(caller, project, &files).await?;
        let mut known: BTreeMap<FileId, bool> = BTreeMap::new();
        let mut seen = Vec::new();
        for (file, standing) in files.into_iter().zip(standings) {
            if let Some(look) = unless_denied(standing.look(ViewFile { project, file }))? {
                let may = standing.may(&PermitPipeline {
                    project,
                    file,
                    pipeline,
                });
                known.insert(file, may);
                seen.push(look);
            }
        }
        let is = |frozen| {
            missing
                .iter()
                .any(|missing| (missing.why == Why::Frozen) == frozen)
        };
        let freezes = if !seen.is_empty() && is(true) {
            read.freezes_of_files(project, &seen).await?
        } else {
            Vec::new()
        };
        let who = if !seen.is_empty() && is(false) {
            read.who_may_permit(project, &seen).await?
        } else {
            BTreeMap::new()
        };
        let told = missing.into_iter().map(|missing| {
            let Resource::SecureFile(file) = missing.resource;
            let may = known.get(&file).filter(|_| missing.why != Why::Deleted);
            let name = missing.name.filter(|_| may.is_some());
            let frozen = missing.why == Why::Frozen;
            let holds = |freeze: &&Freeze| match freeze.target {
                FreezeTarget::File(held) => held == file,
                FreezeTarget::Everything | FreezeTarget::Project(_) => true,
            };
            Waiting {
                resource: missing.resource,
                message: wanted(missing.why, name.as_deref()),
                name,
                stage: String::new(),
                why: missing.why,
                you_may_permit: !frozen && may.copied().unwrap_or_default(),
                who_may_permit: match may {
                    Some(_) if !frozen => who.get(&file).cloned().unwrap_or_default(),
                    _ => Vec::new(),
                },
                freezes: match may {
                    Some(_) if frozen => freezes.iter().filter(holds).cloned().collect(),
                    _ => Vec::new(),
                },
                until: None,
            }
        });
        Ok(told.collect())
    }
}

/// What is in the way of a stage, in words. The file's name only for who may see it.
fn wanted(why: Why, name: Option<&str>) -> String {
    let file = name.map_or_else(
        || "a secure file".to_owned(),
        |name| format!("the secure file '{name}'"),
    );
    match why {
        Why::Deleted => {
            "A secure file was deleted after the run was planned. Cancel the run.".to_owned()
        }
        Why::Frozen => format!(
            "The run waits: {file} is frozen, and its content is given to nobody until that is lifted."
        ),
        Why::NotPermitted => {
            format!("This pipeline needs permission to use {file} before the run can continue.")
        }
        Why::OtherRef => {
            format!("This pipeline is permitted to use {file}, but not for the ref of this run.")
        }
    }
}

/// The same for clients that show issues only: with who can do something about it.
fn as_issue(waiting: &Waiting) -> IssueView {
    let who = match (waiting.why, waiting.who_may_permit.as_slice()) {
        (Why::NotPermitted | Why::OtherRef, []) => {
            " Somebody with the role User on the file can permit it.".to_owned()
        }
        (Why::NotPermitted | Why::OtherRef, who) => {
            format!(" Who can permit it: {}.", who.join(", "))
        }
        _ => String::new(),
    };
    IssueView {
        kind: "warning".into(),
        category: "General".into(),
        message: format!("{}{who}", waiting.message),
    }
}
