//! A backup while the server runs, for who has the host. Needs the database alone: no key, and no server.

use crate::duty_caller;
use crate::error::{Error, Kind, Result};
use coffer_model::act::BackUp;
use coffer_store::{Copied, Store};
use std::path::Path;

/// Copies database and blobs into a folder that is not there yet, and puts that on record first: the copy holds the
/// record of itself.
///
/// # Errors
/// When there is nothing to copy, on PostgreSQL, and when the folder cannot be written.
pub async fn back_up(store: &Store, folder: &Path) -> Result<Copied> {
    if !store.is_one_node() {
        return Err(Error::new(
            Kind::Conflict,
            "backup.postgres",
            "The data is in PostgreSQL, which is backed up with its own tools.",
        )
        .hint(
            "docs/backup.md has the commands: pg_dump, or a base backup with its write-ahead log.",
        ));
    }
    let Some((organization, _)) = store.read().await?.organization().await? else {
        return Err(Error::new(
            Kind::Conflict,
            "organization.absent",
            "This database holds nothing yet. There is nothing to back up.",
        ));
    };
    let caller = duty_caller(organization, "back up");
    store
        .write("database.back_up", move |tx| {
            let caller = caller.clone();
            Box::pin(async move {
                tx.authorize(&caller, BackUp { organization })
                    .await
                    .map(drop)
            })
        })
        .await?;
    Ok(store.copy_into(folder).await?)
}
