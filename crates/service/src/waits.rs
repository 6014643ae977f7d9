//! Stages do not wait for ever: one that got no permission within thirty days is skipped, and its record says so.

use crate::Service;
use crate::error::Result;
use crate::jobs::IssueView;
use coffer_model::Timestamp;
use coffer_model::act::SkipStage;
use coffer_store::{Refusal, Stop};

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
