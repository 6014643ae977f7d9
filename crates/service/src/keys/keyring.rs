//! The way from a stored project key to one that can be used: from memory, or by its provider.
//!
//! However many want a key at once, its provider is asked once; who gives up waiting takes nothing from the others. A
//! key is used only while a row that was read just now names it. Must not know the database.

use super::cache::{Cache, Found, Slot};
use super::calls::{CallCounts, Calls};
use super::providers::{Clock, KeyOptions, Providers};
use crate::error::{Error, Result};
use coffer_model::{Entropy, ProjectKeyId};
use coffer_seal::{GenerationId, KeyError, KeyProvider, ProjectKey, ProjectKeyContext};
use coffer_store::{KeyScope, NewProjectKey, ProjectKeyRow};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

type Answer = std::result::Result<Arc<ProjectKey>, Arc<KeyError>>;
type Waiting = Shared<BoxFuture<'static, Answer>>;

/// What keys were used for since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyCounts {
    /// Times that a project key was needed.
    pub used: u64,
    /// Project keys in memory now.
    pub kept: u64,
    /// Times that a key, a wrap or what is sealed under one did not verify.
    pub unverified: u64,
    /// What providers were asked, all together.
    pub calls: CallCounts,
}

/// Project keys in memory, and the ways to their providers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Keyring(Arc<Inner>);

struct Inner {
    providers: Providers,
    /// One for each provider, in their order.
    calls: Vec<Calls>,
    cache: Mutex<Cache<Arc<ProjectKey>, Waiting>>,
    clock: Clock,
    entropy: Arc<Entropy>,
    used: AtomicU64,
}

impl Keyring {
    pub(super) fn new(options: &KeyOptions, entropy: Arc<Entropy>) -> Self {
        let providers = options.providers.clone();
        Self(Arc::new(Inner {
            calls: providers.all().map(|_| Calls::default()).collect(),
            providers,
            cache: Mutex::new(Cache::new(options.cache)),
            clock: options.clock.clone(),
            entropy,
            used: AtomicU64::new(0),
        }))
    }

    pub(super) fn providers(&self) -> &Providers {
        &self.0.providers
    }

    /// The project key of a row, whose context is `context`.
    pub(super) async fn open(
        &self,
        row: &ProjectKeyRow,
        context: ProjectKeyContext,
    ) -> Result<Arc<ProjectKey>> {
        self.0.used.fetch_add(1, Ordering::Relaxed);
        // Said before anything is asked for: it is the configuration that is wrong.
        self.providers().of(&row.provider)?;
        if row.frozen {
            // What still needs the key, such as reading a log, asks the provider each time.
            self.evict(|scope| scope == row.scope);
            let asked = self.ask_provider(row, context).await;
            return asked.map_err(|error| self.refused(&row.provider, Arc::new(error)));
        }
        let waiting = {
            let slot = Slot::of(row);
            let mut cache = self.lock();
            match cache.look(&slot, self.now()) {
                Found::Key(key) => return Ok(key),
                Found::Aging(key) => {
                    // It goes on by itself; nobody waits for it.
                    drop(self.ask(&mut cache, slot, row, context));
                    return Ok(key);
                }
                Found::Asked(waiting) => waiting,
                Found::Absent => self.ask(&mut cache, slot, row, context),
            }
        };
        waiting
            .await
            .map_err(|error| self.refused(&row.provider, error))
    }

    /// Whether a key is in memory: then its provider is not asked.
    pub(super) fn holds(&self, row: &ProjectKeyRow) -> bool {
        let found = self.lock().look(&Slot::of(row), self.now());
        matches!(found, Found::Key(_) | Found::Aging(_))
    }

    /// When a key begins to be made.
    pub(super) fn making(&self) -> Making {
        Making {
            evictions: self.lock().evictions(),
            asked: self.now(),
        }
    }

    /// Keeps a key that was made, opened and stored since: nobody asks the provider for it. Not if keys were forgotten
    /// meanwhile, as of a project that was frozen.
    pub(super) fn made(
        &self,
        new: &NewProjectKey,
        unit: &str,
        key: Arc<ProjectKey>,
        making: Making,
    ) {
        let (slot, spread) = (Slot::of_new(new, unit), self.spread());
        let Making { evictions, asked } = making;
        self.lock().made(slot, key, evictions, asked, spread);
    }

    /// Makes a call to a provider, unless it is to be left alone now.
    pub(super) async fn call<T>(
        &self,
        provider: &dyn KeyProvider,
        call: impl Future<Output = std::result::Result<T, KeyError>>,
    ) -> Result<T> {
        self.call_raw(provider, call)
            .await
            .map_err(|error| self.refused(provider.name(), Arc::new(error)))
    }

    /// As [`Keyring::call`], with the provider's own error.
    pub(super) async fn call_raw<T>(
        &self,
        provider: &dyn KeyProvider,
        call: impl Future<Output = std::result::Result<T, KeyError>>,
    ) -> std::result::Result<T, KeyError> {
        match self.calls(provider.name()) {
            Some(calls) => calls.make(&*self.0.clock, self.spread(), call).await,
            None => call.await,
        }
    }

    /// Forgets the keys of the scopes that `of` names.
    pub(super) fn evict(&self, of: impl Fn(KeyScope) -> bool) {
        self.lock().evict(of);
    }

    /// Forgets a key that may not be used any more.
    pub(super) fn forget(&self, id: ProjectKeyId) {
        self.lock().forget(id);
    }

    /// Forgets keys whose time is up.
    pub(super) fn sweep(&self) {
        self.lock().sweep(self.now());
    }

    /// Whether all providers answered when they were asked last.
    pub(super) fn answers(&self) -> bool {
        self.0.calls.iter().all(Calls::answers)
    }

    pub(super) fn counts(&self) -> KeyCounts {
        let mut calls = CallCounts::default();
        for counts in self.0.calls.iter().map(Calls::counts) {
            calls.made += counts.made;
            calls.failed += counts.failed;
            calls.spared += counts.spared;
        }
        KeyCounts {
            used: self.0.used.load(Ordering::Relaxed),
            kept: self.lock().len() as u64,
            unverified: 0,
            calls,
        }
    }

    /// Asks for a key in a task of its own: who waits for it may give up.
    fn ask(
        &self,
        cache: &mut Cache<Arc<ProjectKey>, Waiting>,
        slot: Slot,
        row: &ProjectKeyRow,
        context: ProjectKeyContext,
    ) -> Waiting {
        let (ring, row) = (self.clone(), row.clone());
        cache.ask(slot.clone(), move |question| {
            let asked = ring.now();
            let task = tokio::spawn(async move {
                let mut landing = Landing {
                    ring: &ring,
                    slot,
                    question,
                    asked,
                    key: None,
                };
                let answer = ring.ask_provider(&row, context).await.map_err(Arc::new);
                landing.key = answer.as_ref().ok().cloned();
                drop(landing);
                answer
            });
            let waiting = async move {
                task.await.unwrap_or_else(|broken| {
                    let error = KeyError::unavailable("the call was broken off", broken);
                    Err(Arc::new(error))
                })
            };
            waiting.boxed().shared()
        })
    }

    async fn ask_provider(
        &self,
        row: &ProjectKeyRow,
        context: ProjectKeyContext,
    ) -> std::result::Result<Arc<ProjectKey>, KeyError> {
        let generation = GenerationId(row.generation.clone());
        let provider = self.providers().find(&row.provider).ok_or_else(|| {
            KeyError::refused("no provider of this name is configured; name it in keys.also")
        })?;
        let asked = provider.unwrap(&generation, &row.wrapped, &context);
        let secret = self.call_raw(provider, asked).await?;
        Ok(Arc::new(ProjectKey::open(
            &secret,
            context,
            &row.commitment,
        )?))
    }

    /// The error for the caller, with the time after which it is worth trying again.
    fn refused(&self, provider: &str, error: Arc<KeyError>) -> Error {
        let passing = error.is_passing();
        let mut refused = Error::from(error);
        if passing {
            let wait = self
                .calls(provider)
                .map_or(Duration::ZERO, |calls| calls.wait(self.now()));
            let seconds = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
            refused.retry_after = Some(NonZeroU32::new(seconds).unwrap_or(NonZeroU32::MIN));
        }
        refused
    }

    fn calls(&self, provider: &str) -> Option<&Calls> {
        let names = self.providers().all().map(KeyProvider::name);
        names
            .zip(&self.0.calls)
            .find(|(name, _)| *name == provider)
            .map(|(_, calls)| calls)
    }

    fn now(&self) -> Duration {
        (self.0.clock)()
    }

    fn spread(&self) -> u8 {
        let mut byte = [0];
        (self.0.entropy)(&mut byte);
        byte[0]
    }

    fn lock(&self) -> MutexGuard<'_, Cache<Arc<ProjectKey>, Waiting>> {
        self.0.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The moment at which a key began to be made.
#[derive(Clone, Copy)]
pub(crate) struct Making {
    evictions: u64,
    asked: Duration,
}

/// A question under way. However it ends, the cache hears of it.
struct Landing<'a> {
    ring: &'a Keyring,
    slot: Slot,
    question: u64,
    asked: Duration,
    key: Option<Arc<ProjectKey>>,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let times = (self.asked, self.ring.now());
        let spread = self.ring.spread();
        let key = self.key.take();
        self.ring
            .lock()
            .answered(&self.slot, self.question, key, times, spread);
    }
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;
