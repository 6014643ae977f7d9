//! How it stands with a server: whether it can serve, and what keys were asked for. For whoever watches it.

use crate::error::{Error, Kind, Result};
use crate::{KeyCounts, Service};

/// How it stands with a server that can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As it should be.
    Ready,
    /// A key provider does not answer: what needs a key that is not in memory is refused.
    Degraded,
}

impl Service {
    /// Whether requests can be served: the database answers, and says which root generation new keys are wrapped by. The
    /// key provider is not asked: keys in memory serve on while it is away, and all nodes would go at once. Whether it
    /// answered when it was asked last is told.
    ///
    /// # Errors
    /// When the database does not answer, holds no generation, or is behind its anchor.
    pub async fn ready(&self) -> Result<Standing> {
        self.0.guard.halt.check()?;
        let unit = self.store().scale_unit().to_owned();
        let active = self.store().read().await?.generation_active(&unit).await?;
        if active.is_none() {
            return Err(Error::new(
                Kind::Unavailable,
                "not_ready",
                "There is no root generation yet.",
            ));
        }
        Ok(match self.keys().answer() {
            true => Standing::Ready,
            false => Standing::Degraded,
        })
    }

    /// How often keys were used, and their provider asked, since the start.
    pub fn key_counts(&self) -> KeyCounts {
        self.keys().counts()
    }
}
