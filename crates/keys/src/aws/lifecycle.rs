//! Making, disabling and destroying keys, with the credential for it.

use aws_sdk_kms::types::KeyState;
use coffer_seal::{BoxFuture, GenerationId, Gone, KeyError, KeyLifecycle};

use super::Lifecycle;
use super::connection::Connection;
use super::errors;
use super::keys::{self, ROOT, tag};
use crate::asked::{Doing, is_absent};

/// How long the service keeps a key that is to be deleted: the shortest it allows.
const DAYS: i32 = 7;

/// A new symmetric key with these tags.
pub(super) async fn create(
    connection: &Connection,
    kind: &str,
    scale_unit: &str,
    more: &[(&str, &str)],
) -> Result<String, KeyError> {
    let call = connection
        .kms
        .create_key()
        .description("Coffer: made and destroyed by Coffer, see its documentation")
        .set_tags(Some(keys::new_tags(kind, scale_unit, more)))
        .send();
    let doing = Doing::anything("make keys", "kms:CreateKey");
    let answer = connection.call(doing, call).await?;
    let key = answer.key_metadata.ok_or_else(errors::strange)?;
    Ok(key.key_id)
}

/// Makes an alias lead to a key, whether or not there is one.
pub(super) async fn lead(connection: &Connection, alias: &str, key: &str) -> Result<(), KeyError> {
    let doing = Doing::anything("move aliases", "kms:UpdateAlias");
    let call = connection
        .kms
        .update_alias()
        .alias_name(alias)
        .target_key_id(key)
        .send();
    match connection.call(doing, call).await {
        Ok(_) => return Ok(()),
        Err(error) if is_absent(&error) => {}
        Err(error) => return Err(error),
    }
    let call = connection
        .kms
        .create_alias()
        .alias_name(alias)
        .target_key_id(key)
        .send();
    let doing = Doing::anything("make aliases", "kms:CreateAlias");
    connection.call(doing, call).await.map(drop)
}

impl KeyLifecycle for Lifecycle {
    fn new_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<GenerationId, KeyError>> {
        Box::pin(async move {
            crate::check_scale_unit(scale_unit)?;
            if !keys::fits_tag(scale_unit) {
                return Err(KeyError::refused(
                    "AWS KMS keeps the name of a scale unit as a tag, of letters, digits and _.:/=+-@ only; rename it",
                ));
            }
            let _one_at_a_time = self.making.lock().await;
            let alias = keys::alias(ROOT, scale_unit);
            let ours = keys::list(&self.connection, ROOT, scale_unit).await?;
            let newest = keys::aliased(&self.connection, &alias).await?;
            let reached = newest
                .and_then(|newest| ours.iter().find(|key| key.id == newest.key_id))
                .map_or(0, |key| key.number);
            // A key that the alias never led to was made by a call that did not come to its end.
            let left_behind = &ours[..ours.partition_point(|key| key.number > reached)];
            let made = match keys::first_enabled(&self.connection, left_behind).await? {
                Some(found) => found,
                None => {
                    let number = ours.first().map_or(0, |key| key.number) + 1;
                    let number = [(tag::NUMBER, &*number.to_string())];
                    GenerationId(create(&self.connection, ROOT, scale_unit, &number).await?)
                }
            };
            lead(&self.connection, &alias, &made.0).await?;
            Ok(made)
        })
    }

    fn disable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            keys::check_id(generation)?;
            let call = self
                .connection
                .kms
                .disable_key()
                .key_id(&generation.0)
                .send();
            let doing = Doing::new("disable keys", "kms:DisableKey", generation);
            self.connection.call(doing, call).await.map(drop)
        })
    }

    fn enable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            keys::check_id(generation)?;
            let call = self
                .connection
                .kms
                .enable_key()
                .key_id(&generation.0)
                .send();
            let doing = Doing::new("enable keys", "kms:EnableKey", generation);
            self.connection.call(doing, call).await.map(drop)
        })
    }

    /// Schedules the deletion: the service deletes the key after seven days, the shortest time that it allows.
    fn destroy<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            keys::check_id(generation)?;
            let doing = Doing::new("read keys", "kms:DescribeKey", generation);
            let key = match keys::describe(&self.connection, doing, &generation.0).await {
                Ok(key) => key,
                Err(error) if is_absent(&error) => return Ok(()),
                Err(error) => return Err(error),
            };
            match key.key_state {
                Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) => return Ok(()),
                Some(KeyState::Disabled) => {}
                _ => {
                    return Err(crate::still_active());
                }
            }
            let call = self
                .connection
                .kms
                .schedule_key_deletion()
                .key_id(&generation.0)
                .pending_window_in_days(DAYS)
                .send();
            let doing = Doing::new("destroy keys", "kms:ScheduleKeyDeletion", generation);
            match self.connection.call(doing, call).await {
                // Somebody else was faster.
                Err(error) if is_absent(&error) => Ok(()),
                other => other.map(drop),
            }
        })
    }

    fn gone<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<Gone, KeyError>> {
        Box::pin(async move {
            keys::check_id(generation)?;
            let doing = Doing::new("read keys", "kms:DescribeKey", generation);
            match keys::describe(&self.connection, doing, &generation.0).await {
                // Without a date it is not to be deleted, or not any more: somebody took that back.
                Ok(key) => Ok(key
                    .deletion_date
                    .map_or(Gone::There, |at| Gone::Until(at.secs()))),
                Err(error) if is_absent(&error) => Ok(Gone::ForGood),
                Err(error) => Err(error),
            }
        })
    }
}
