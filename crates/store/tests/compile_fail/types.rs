//! Proofs cannot be copied or turned into proofs of something else, and nothing works without them.

use coffer_model::act::{ChangeFile, CreateFile, DeleteFile, OpenAccess, PermitPipeline, ReadContents, UseFile, ViewFile};
use coffer_model::Caller;
use coffer_store::{Grant, Lease, NewFile, ReadTx, Seen, Store, Tx};

fn copied(grant: &Grant<DeleteFile>, seen: &Seen<ViewFile>, lease: &Lease) {
    let _: Grant<DeleteFile> = grant.clone();
    let _: Seen<ViewFile> = seen.clone();
    let _: Lease = lease.clone();
    let _: Grant<DeleteFile> = Default::default();
}

async fn for_another_act(tx: &mut Tx, change: Grant<ChangeFile>, permit: Grant<PermitPipeline>) {
    let _ = tx.file_delete(change).await;
    let _ = tx.permission_open(permit).await;
    let _: Grant<OpenAccess> = permit.into();
}

async fn a_look_is_no_grant(tx: &mut Tx, read: &mut ReadTx, seen: Seen<ViewFile>, used: Seen<UseFile>) {
    let _ = tx.file_delete(seen).await;
    let _ = tx.sealed_body(used).await;
    let _ = read.file_key(&seen).await;
}

async fn without_any(tx: &mut Tx, act: CreateFile, contents: ReadContents, new: NewFile) {
    let _ = tx.file_insert(act, new).await;
    let _ = tx.sealed_body(contents).await;
    let _ = tx.sealed_body().await;
}

async fn past_the_gate(store: &Store, tx: &mut Tx, read: &mut ReadTx, caller: &Caller, grant: Grant<DeleteFile>) {
    let _ = &tx.conn;
    let _ = &read.conn;
    let _ = &store.0;
    let _ = grant.redeem(tx);
    let _ = tx.audit_insert(todo!()).await;
    let _ = tx.access_put(todo!(), "", caller.identity.0, -1).await;
    tx.unit = 1;
}

fn main() {}
