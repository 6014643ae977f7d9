//! The end of root generations: disabled some time after they retired, destroyed when no backup needs them any more.
//!
//! The key service is asked first, and the database notes what it did: asked twice, it says the same. Counted from the
//! retirement, by the database's clock. That a generation was replaced at all is believed of a signed report only.

use crate::error::Result;
use crate::keys::unverified::Unverified;
use crate::{Providers, Service};
use coffer_model::act::{DestroyGeneration, DisableGeneration};
use coffer_model::rotation::{End, GenerationState, Horizon, end};
use coffer_seal::{GenerationId, KeyError};
use coffer_store::{GenerationRow, Refusal, Stop};
use std::collections::BTreeMap;

/// What was read before a generation retired has been opened by then, and no node thinks it is in use.
const GRACE_SECONDS: i64 = 3600;

/// How many generations of this unit have retired at each provider that is not configured any more: nobody here ends them.
pub(crate) fn left_behind(
    generations: &[GenerationRow],
    unit: &str,
    providers: &Providers,
) -> BTreeMap<String, usize> {
    let mut left = BTreeMap::new();
    for row in generations {
        let ends = matches!(
            row.state,
            GenerationState::Retired | GenerationState::Disabled
        );
        if ends && row.scale_unit == unit && providers.find(&row.provider).is_none() {
            *left.entry(row.provider.clone()).or_default() += 1;
        }
    }
    left
}

impl Service {
    pub(crate) fn horizon(&self) -> Horizon {
        Horizon {
            grace_seconds: GRACE_SECONDS,
            seconds: i64::from(self.0.rotation.horizon_days) * 86_400,
        }
    }

    /// Disables and destroys the generations whose time has come. Says whether nothing failed.
    pub(crate) async fn end_generations(&self) -> bool {
        let due = async {
            let mut read = self.store().read().await?;
            let now = read.now();
            let all = read.generations().await?.into_iter();
            // Of a unit that the data was moved from, its own provider has to end the generations. Of a provider that was
            // taken out of the configuration, whoever has it: that is said at the start.
            let providers = self.keys().providers();
            let all = all.filter(|row| {
                row.scale_unit == self.store().scale_unit()
                    && providers.find(&row.provider).is_some()
            });
            let due = all.filter_map(|row| {
                end(row.state, row.retired, now, self.horizon()).map(|end| (row, end))
            });
            Result::Ok(due.collect::<Vec<_>>())
        };
        let due = match due.await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "looking for retired root generations failed; it is tried again");
                return false;
            }
        };
        let mut well = true;
        for (row, end) in due {
            // One that cannot be ended does not keep the others.
            if let Err(error) = self.end_generation(&row, end).await {
                well = false;
                tracing::warn!(
                    generation = row.id,
                    error = &error as &dyn std::error::Error,
                    "a retired root generation could not be {}; it is tried again",
                    match end {
                        End::Disable => "disabled",
                        End::Destroy => "destroyed",
                    }
                );
            }
        }
        well
    }

    /// Whether it may be ended whatever the database calls it: a report that this unit signed says that a rotation has
    /// replaced it, and nothing needs it. Who writes the database must not have the server destroy the keys in force.
    async fn has_had_its_time(&self, row: &GenerationRow) -> Result<bool> {
        let replaced = self.keys().settled().replaced(&row.id);
        if replaced
            && self
                .store()
                .read()
                .await?
                .generation_unneeded(&row.id)
                .await?
        {
            return Ok(true);
        }
        if !self.keys().settled().tell(&row.id, row.state) {
            return Ok(false);
        }
        let why = match replaced {
            true => "it is called retired, and something needs it",
            false => {
                "it is called retired, and no signed report says that a rotation has replaced it"
            }
        };
        let thing = Unverified {
            what: "root key",
            project: None,
            id: row.id.clone(),
            why,
        };
        self.keys().note(thing).await;
        Ok(false)
    }

    async fn end_generation(&self, row: &GenerationRow, end: End) -> Result<()> {
        // The key service is asked only after this: what it has destroyed does not come back.
        if !self.has_had_its_time(row).await? {
            return Ok(());
        }
        let provider = self.keys().provider(&row.provider)?;
        // Without the right to end generations somebody else does it, in the key service.
        let Some(lifecycle) = provider.lifecycle() else {
            return Ok(());
        };
        let id = GenerationId(row.id.clone());
        let done = match end {
            End::Disable => lifecycle.disable(&id).await,
            End::Destroy => lifecycle.destroy(&id).await,
        };
        match done {
            // What is gone is gone: a database from before it was destroyed may still name it.
            Ok(()) | Err(KeyError::UnknownGeneration { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let (duty, generation) = (self.duty("end root generations"), row.id.clone());
        let noted = self
            .store()
            .write("generation.end", move |tx| {
                let (duty, generation) = (duty.clone(), generation.clone());
                Box::pin(async move {
                    match end {
                        End::Disable => {
                            let grant = tx
                                .authorize(&duty, DisableGeneration { generation })
                                .await?;
                            tx.generation_disabled(grant).await
                        }
                        End::Destroy => {
                            let grant = tx
                                .authorize(&duty, DestroyGeneration { generation })
                                .await?;
                            tx.generation_destroyed(grant).await
                        }
                    }
                })
            })
            .await;
        match noted {
            // Another node noted it.
            Ok(()) if end == End::Destroy => self.sign_purge(row).await,
            Ok(()) | Err(Stop::Refused(Refusal::State)) => Ok(()),
            Err(stop) => Err(stop.into()),
        }
    }
}
