//! A proof is used up.

use coffer_model::act::{CreateFile, DeleteFile};
use coffer_model::run::Outcome;
use coffer_store::{Grant, JobRow, Lease, NewFile, Tx};

async fn a_grant_twice(tx: &mut Tx, grant: Grant<DeleteFile>) {
    let _ = tx.file_delete(grant).await;
    let _ = tx.file_delete(grant).await;
}

async fn two_files_for_one_grant(tx: &mut Tx, grant: Grant<CreateFile>, one: NewFile, two: NewFile) {
    let _ = tx.file_insert(grant, one).await;
    let _ = tx.file_insert(grant, two).await;
}

async fn a_lease_after_its_end(tx: &mut Tx, lease: Lease, job: &JobRow) {
    let _ = tx.job_finish(lease, Outcome::Succeeded, &[]).await;
    let _ = tx.job_wait_again(lease, job).await;
}

fn main() {}
