//! The key providers of a server: one that makes new root generations, others that only unwrap what is not yet taken over.
//!
//! A root generation's row says by name which provider holds it. So moving from one provider to another is a rotation:
//! the new one becomes the active one, the old one is kept beside it until nothing is wrapped by it any more. There is
//! at most one of each name. Must not know the database or when to rotate.

use crate::error::{Error, Kind, Result};
use coffer_seal::KeyProvider;
use std::sync::Arc;
use std::time::Duration;

/// Time since some moment, which only grows: unlike the wall clock it is never set.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// How keys are kept.
#[derive(Clone)]
pub struct KeyOptions {
    /// Where root generations live.
    pub providers: Providers,
    /// How long an unwrapped project key is kept in memory.
    pub cache: Duration,
    /// Days after which a retired root generation is destroyed.
    pub horizon_days: u32,
    /// Calls a second that a rotation makes to the provider at most.
    pub rotation_rate: u32,
    /// What the time in memory, and pauses between calls, are measured with.
    pub clock: Clock,
}

impl KeyOptions {
    /// The usual numbers.
    pub fn new(providers: Providers) -> Self {
        Self {
            providers,
            cache: Duration::from_secs(600),
            horizon_days: 35,
            rotation_rate: 20,
            clock: monotonic(),
        }
    }
}

/// The clock of this machine that nobody sets.
pub fn monotonic() -> Clock {
    let start = tokio::time::Instant::now();
    Arc::new(move || start.elapsed())
}

/// The key providers, each found by its name.
#[derive(Clone)]
pub struct Providers {
    active: Arc<dyn KeyProvider>,
    others: Vec<Arc<dyn KeyProvider>>,
}

/// Two providers of one name: a row that names it would not say which.
#[derive(Debug, thiserror::Error)]
#[error(
    "there are two key providers of the name {0}; a root key would not say which of them holds it"
)]
pub struct SameName(pub &'static str);

impl Providers {
    /// One provider, which makes new root generations.
    pub fn new(active: Arc<dyn KeyProvider>) -> Self {
        Self {
            active,
            others: Vec::new(),
        }
    }

    /// And one that holds older ones.
    ///
    /// # Errors
    /// When there is one of its name already.
    pub fn also(mut self, other: Arc<dyn KeyProvider>) -> std::result::Result<Self, SameName> {
        if self.find(other.name()).is_some() {
            return Err(SameName(other.name()));
        }
        self.others.push(other);
        Ok(self)
    }

    /// The one that makes new root generations.
    pub fn active(&self) -> &dyn KeyProvider {
        &*self.active
    }

    /// All, the active one first.
    pub fn all(&self) -> impl Iterator<Item = &dyn KeyProvider> {
        std::iter::once(&self.active)
            .chain(&self.others)
            .map(|provider| &**provider)
    }

    /// These, while a database moves from their unit to `unit`, whose keys `to` makes.
    pub fn moving_to(self, unit: &str, to: Self) -> Self {
        let mut others: Vec<Arc<dyn KeyProvider>> = self.shared().collect();
        let mut active = to.active;
        if let Some(at) = others
            .iter()
            .position(|other| other.name() == active.name())
        {
            active = Arc::new(super::units::TwoUnits {
                to: active,
                to_unit: unit.to_owned(),
                from: others.remove(at),
            });
        }
        Self { active, others }
    }

    /// The same, to be kept.
    pub(crate) fn shared(&self) -> impl Iterator<Item = Arc<dyn KeyProvider>> {
        std::iter::once(&self.active).chain(&self.others).cloned()
    }

    /// The one that a root generation names.
    pub(crate) fn of(&self, name: &str) -> Result<&dyn KeyProvider> {
        self.find(name).ok_or_else(|| {
            tracing::error!(
                provider = name,
                "the data needs a key provider that is not configured; name it in keys.also"
            );
            Error::new(
                Kind::Internal,
                "keys.provider_missing",
                "The key of this is kept by a key provider that the server does not have. An operator finds its name in the log.",
            )
        })
    }

    pub(crate) fn find(&self, name: &str) -> Option<&dyn KeyProvider> {
        self.all().find(|provider| provider.name() == name)
    }
}
