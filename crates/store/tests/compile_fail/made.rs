//! Proofs cannot be made by hand: their fields are the store's own.

use coffer_model::act::{DeleteFile, ViewFile};
use coffer_model::{BlobId, EventId, JobId, RunId};
use coffer_store::{Grant, Lease, PlacedBlob, Seen};

fn grant(act: DeleteFile, caller: uuid::Uuid, event: EventId) -> Grant<DeleteFile> {
    Grant { act, unit: 1, caller, event, place: 0 }
}

fn seen(act: ViewFile) -> Seen<ViewFile> {
    Seen { 0: act }
}

fn lease(job: JobId, run: RunId) -> Lease {
    Lease { job, run, cancel: false, unit: 1 }
}

fn placed(id: BlobId) -> PlacedBlob {
    PlacedBlob { id }
}

fn main() {}
