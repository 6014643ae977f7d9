//! A whole database moved to another scale unit's keys: a rotation that is done to its end while nobody serves.
//!
//! No payload is read or written: scale unit and versions are in the wraps alone. Killed at any point, it goes on where it
//! stood. The provider of either unit is asked for its own unit's keys only.

use crate::error::{Error, Kind, Result};
use crate::{Service, duty_caller};
use coffer_model::act::MoveUnit;
use coffer_store::{Refusal, Stop, Store};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Gives the database to the unit that `store` was opened for. From then on nothing serves it until the move has ended.
///
/// # Errors
/// When there is nothing to move, or it is another unit's.
pub async fn begin_move(store: &Store, from: &str) -> Result<()> {
    let Some((organization, _)) = store.read().await?.organization().await? else {
        return Err(Error::new(
            Kind::Conflict,
            "organization.absent",
            "This database holds nothing yet. There is nothing to move.",
        ));
    };
    let (caller, to) = (
        duty_caller(organization, "move to another scale unit"),
        store.scale_unit().to_owned(),
    );
    let from = from.to_owned();
    store
        .write("unit.move", move |tx| {
            let (caller, from, unit) = (caller.clone(), from.clone(), to.clone());
            Box::pin(async move {
                let details = [("from", from.clone()), ("to", unit.clone())];
                let grant = tx
                    .authorize_with(&caller, MoveUnit { unit }, &details)
                    .await?;
                tx.unit_move_begin(grant, &from).await
            })
        })
        .await
        .map_err(not_ours)
}

impl Service {
    /// Wraps everything by the keys of this service's unit, and ends the move from another.
    ///
    /// # Errors
    /// When a key service does not do its part, or something does not open. It goes on when it is called again.
    pub async fn finish_move(&self, from: &str) -> Result<()> {
        self.store().blobs_name(from).await?;
        let (node, stop) = (Uuid::nil(), CancellationToken::new());
        // First what was under way already, then what is left.
        for _ in 0..2 {
            self.drive(node, &stop).await?;
            self.rotated().await?;
            if self.keys_left().await? == 0 {
                break;
            }
            self.begin_rotation(self.new_rotation("move")).await?;
            self.drive(node, &stop).await?;
            self.rotated().await?;
        }
        let left = self.keys_left().await?;
        if left > 0 {
            return Err(Error::new(
                Kind::Conflict,
                "keys.left",
                format!("{left} keys are still wrapped for the scale unit '{from}': something that they wrap does not open."),
            )
            .hint("`coffer doctor` says what, with the configuration of the new unit. Then run the same command again."));
        }
        let (caller, unit) = (
            self.duty("move to another scale unit"),
            self.store().scale_unit().to_owned(),
        );
        self.store()
            .write("unit.moved", move |tx| {
                let (caller, unit) = (caller.clone(), unit.clone());
                Box::pin(async move {
                    let details = [("ended", "true".to_owned())];
                    let grant = tx
                        .authorize_with(&caller, MoveUnit { unit }, &details)
                        .await?;
                    tx.unit_move_end(grant).await
                })
            })
            .await?;
        self.store().blobs_forget(from).await?;
        Ok(())
    }

    async fn keys_left(&self) -> Result<i64> {
        let unit = self.store().scale_unit().to_owned();
        Ok(self.store().read().await?.unit_keys_left(&unit).await?)
    }

    /// Fails while a rotation is put off: here nobody comes back to it later.
    async fn rotated(&self) -> Result<()> {
        match self.store().read().await?.rotation_running().await? {
            None => Ok(()),
            Some(row) => Err(Error::new(
                Kind::Unavailable,
                "keys.not_rotated",
                format!(
                    "The keys could not all be wrapped again: {}",
                    row.last_error.unwrap_or_else(|| "the key service does not answer".into())
                ),
            )
            .hint("Make the key services of both units reachable, and run the same command again: it goes on where it stood.")),
        }
    }
}

/// A refusal of a move, in its own words.
fn not_ours(stop: Stop) -> Error {
    match stop {
        Stop::Refused(Refusal::State) => Error::new(
            Kind::Conflict,
            "unit.other",
            "The database does not belong to the scale unit that it is to be moved from.",
        ),
        stop => stop.into(),
    }
}
