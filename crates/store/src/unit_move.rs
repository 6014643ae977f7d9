//! A database on its way from one scale unit to another: whose it is, and what is still the old one's.
//!
//! From the first step on it belongs to the new unit and says that it is moving, so that nobody serves it before the last.
//! Blobs carry the unit in their names: each gets a second name first, and loses the old one at the end.

use crate::blobs::{Blobs, path_of};
use crate::engine::Store;
use crate::error::{Refusal, Stop, StoreError};
use crate::gate::Grant;
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::BlobId;
use coffer_model::act::MoveUnit;
use std::io::ErrorKind;
use uuid::Uuid;

/// Blobs named at once.
const PIECE: i64 = 500;

statements! {
    TAKE = "update meta set value = $1 where key = 'scale_unit' and value = $2";
    MOVING = "insert into meta (key, value) values ('moving_from', $1)";
    // Signing keys go on as they are, derived for the unit that made them.
    ORIGIN = "insert into meta (key, value) values ('signing_unit', $1) on conflict (key) do nothing";
    INTENTS = "update upload_intent set scale_unit = $1";
    TRASH = "update blob_trash set scale_unit = $1";
    DONE = "delete from meta where key = 'moving_from'";
    LEFT = "select (select count(*) from project_key where scale_unit <> $1 and state in ('active', 'draining'))
        + (select count(*) from signing_key where scale_unit <> $1) as n";
    NAMED = "select blob_id from (select blob_id from secure_file where blob_id is not null
            union select blob_id from upload_intent union select blob_id from blob_trash) b
        where blob_id > $1 order by blob_id limit $2";
}

impl Tx {
    /// Gives the database to this store's unit. Refused unless it is the old unit's now.
    pub async fn unit_move_begin(
        &mut self,
        grant: Grant<MoveUnit>,
        from: &str,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let to = self.shared.scale_unit.clone();
        if act.unit != to {
            return Err(StoreError::ForeignGrant.into());
        }
        if self.run(&TAKE, args![&to, from]).await? != 1 {
            return Err(Refusal::State.into());
        }
        self.run_one(&MOVING, args![from]).await?;
        self.run(&ORIGIN, args![from]).await?;
        self.run(&INTENTS, args![&to]).await?;
        self.run(&TRASH, args![&to]).await?;
        Ok(())
    }

    /// Ends the move. Refused while anything is wrapped for another unit.
    pub async fn unit_move_end(&mut self, grant: Grant<MoveUnit>) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let unit = self.shared.scale_unit.clone();
        let (left,): (i64,) = self.conn.one(&LEFT, args![&unit]).await?;
        if act.unit != unit || left > 0 {
            return Err(Refusal::State.into());
        }
        self.run_one(&DONE, Vec::new()).await.map_err(Stop::from)
    }
}

impl ReadTx {
    /// Keys that are wrapped for another unit than this.
    pub async fn unit_keys_left(&mut self, unit: &str) -> Result<i64, StoreError> {
        Ok(self.conn.one::<(i64,)>(&LEFT, args![unit]).await?.0)
    }
}

impl Store {
    /// Gives every blob a name of this unit beside the old unit's. May be done twice.
    ///
    /// # Errors
    /// When a blob is missing, or the folder cannot be written.
    pub async fn blobs_name(&self, from: &str) -> Result<(), StoreError> {
        self.each_blob(from, |old, new| match std::fs::hard_link(old, new) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            // What is swept, or named already and let go of, is not missed here.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            done => done,
        })
        .await
    }

    /// Takes the old unit's names away. May be done twice.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub async fn blobs_forget(&self, from: &str) -> Result<(), StoreError> {
        self.each_blob(from, |old, new| match new.exists() {
            true => match std::fs::remove_file(old) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                done => done,
            },
            false => Ok(()),
        })
        .await
    }

    async fn each_blob(
        &self,
        from: &str,
        act: impl Fn(&std::path::Path, &std::path::Path) -> std::io::Result<()>,
    ) -> Result<(), StoreError> {
        let Blobs::Folder(folder) = self.blobs() else {
            return Ok(());
        };
        let mut read = self.read().await?;
        let mut after = Uuid::nil();
        loop {
            let rows: Vec<(Uuid,)> = read.conn.all(&NAMED, args![after, PIECE]).await?;
            let Some((last,)) = rows.last() else { break };
            after = *last;
            for (id,) in rows {
                let (old, new) = (
                    path_of(folder, from, BlobId(id)),
                    path_of(folder, self.scale_unit(), BlobId(id)),
                );
                if old != new {
                    act(&old, &new).map_err(StoreError::blob("naming a blob for another unit"))?;
                }
            }
        }
        std::fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(StoreError::blob("syncing the folder"))
    }
}
