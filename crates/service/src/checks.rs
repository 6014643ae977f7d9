//! Whether a stage may start: the one place that decides it, called after every event that can change the answer.
//!
//! Today the checks are freezes and the pipeline permission of every protected resource the stage uses. The other kinds
//! of checks join here, in their order, behind the same function.

use coffer_model::library::FreezeTarget;
use coffer_model::{FileId, RunId};
use coffer_store::{Stop, Tx};

/// Starts a waiting stage if nothing is missing. Says whether it runs.
pub(crate) async fn evaluate(tx: &mut Tx, run: RunId, stage: i64) -> Result<bool, Stop> {
    tx.stage_evaluate(run, stage).await
}

/// Evaluates every stage that waits for a file: a permission was given.
pub(crate) async fn permission_changed(tx: &mut Tx, file: FileId) -> Result<(), Stop> {
    freeze_changed(tx, FreezeTarget::File(file)).await
}

/// Evaluates every stage that waits for a file that the target holds: a freeze was lifted.
pub(crate) async fn freeze_changed(tx: &mut Tx, target: FreezeTarget) -> Result<(), Stop> {
    for (run, stage) in tx.stages_waiting(target).await? {
        evaluate(tx, run, stage).await?;
    }
    Ok(())
}
