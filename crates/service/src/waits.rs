//! What stages wait for, in words for whoever looks. They do not wait for ever: one that got no permission within thirty
//! days is skipped, and its record says so.

use crate::Service;
use crate::error::{Result, unless_denied};
use crate::jobs::IssueView;
use crate::run_views::Waiting;
use crate::runs::Runs;
use coffer_model::act::{PermitPipeline, SkipStage, ViewFile};
use coffer_model::library::Resource;
use coffer_model::{Caller, PipelineId, ProjectId, Timestamp};
use coffer_store::{Missing, ReadTx, Refusal, Stop, Why};

/// How long a stage waits for a permission, or for a freeze to be lifted: thirty days.
pub(crate) const MAX_WAIT_SECONDS: i64 = 30 * 24 * 3600;

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

impl Runs<'_> {
    /// What a caller is told of a resource that is waited for.
    pub(crate) async fn waiting(
        &self,
        read: &mut ReadTx,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
        missing: Missing,
    ) -> Result<Waiting> {
        let Resource::SecureFile(file) = missing.resource;
        let mut waiting = Waiting {
            resource: missing.resource,
            name: None,
            stage: String::new(),
            why: missing.why,
            message: wanted(missing.why, None),
            you_may_permit: false,
            who_may_permit: Vec::new(),
            freezes: Vec::new(),
            until: None,
        };
        if missing.why == Why::Deleted {
            return Ok(waiting);
        }
        let look = read.look(caller, ViewFile { project, file }).await;
        let Some(seen) = unless_denied(look)? else {
            return Ok(waiting);
        };
        waiting.name = missing.name;
        waiting.message = wanted(missing.why, waiting.name.as_deref());
        if missing.why == Why::Frozen {
            waiting.freezes = read.freezes_of_file(&seen).await?;
            return Ok(waiting);
        }
        let act = PermitPipeline {
            project,
            file,
            pipeline,
        };
        waiting.you_may_permit = read.may(caller, &act).await?;
        waiting.who_may_permit = read.who_may_permit(&seen).await?;
        Ok(waiting)
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
pub(crate) fn as_issue(waiting: &Waiting) -> IssueView {
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
