//! A key service that does what a story wants: the file provider or any other, away, slow to answer, or with too few
//! rights. Counts what it is asked.

use coffer_seal::{
    BoxFuture, GenerationId, Gone, KeyError, KeyLifecycle, KeyProvider, ProjectKeySecret,
    WrapContext,
};
use coffer_service::{Clock, monotonic};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// What the key service answers to each call to wrap or unwrap.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum KeyFault {
    /// What it should.
    #[default]
    None,
    /// It has had enough calls, for so long.
    Throttled(Duration),
    /// The credential may not.
    Forbids,
}

/// What a story does to the key service of its server, and of every node beside it.
#[derive(Clone, Default)]
pub struct KeyFaults(Arc<State>);

#[derive(Default)]
struct State {
    away: AtomicBool,
    /// Calls that are still answered; negative for all.
    left: AtomicI64,
    limited: AtomicBool,
    lost_generations: AtomicBool,
    no_lifecycle: AtomicBool,
    calls: AtomicU64,
    generations: AtomicU64,
    fault: Mutex<KeyFault>,
    held: watch::Sender<bool>,
    /// Which of the next calls to wrap or unwrap is the first to wait; none from 0 on down.
    until_held: AtomicI64,
    waiting: watch::Sender<u64>,
    /// Milliseconds that the clock of keys in memory is ahead.
    later: AtomicU64,
    /// What became of what was destroyed, where the story says.
    gone: Mutex<Option<Gone>>,
}

impl KeyFaults {
    /// Whether it can be reached.
    pub fn away(&self, away: bool) {
        self.0.away.store(away, Ordering::SeqCst);
        if !away {
            self.0.limited.store(false, Ordering::SeqCst);
            // Nobody waits for the pause after the failures.
            self.later(Duration::from_secs(60));
        }
    }

    /// From now on it answers this.
    pub fn set(&self, fault: KeyFault) {
        *self.0.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Calls to wrap or unwrap wait from now on, or do not wait any more.
    pub fn hold(&self, held: bool) {
        self.0.held.send_replace(held);
    }

    /// So many more calls to wrap or unwrap go on, and those after them wait.
    pub fn hold_after(&self, calls: i64) {
        self.0.until_held.store(calls + 1, Ordering::SeqCst);
    }

    /// Returns when so many calls wait.
    pub async fn waiting(&self, calls: u64) {
        let mut waiting = self.0.waiting.subscribe();
        let _ = waiting.wait_for(|now| *now >= calls).await;
    }

    /// Moves the clock that keys in memory, and pauses between calls, are measured with.
    pub fn later(&self, time: Duration) {
        let milliseconds = u64::try_from(time.as_millis()).unwrap();
        self.0.later.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// That clock.
    pub(crate) fn clock(&self) -> Clock {
        let (machine, state) = (monotonic(), self.0.clone());
        Arc::new(move || machine() + Duration::from_millis(state.later.load(Ordering::SeqCst)))
    }

    async fn use_key(&self) -> Result<(), KeyError> {
        if self.0.until_held.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.hold(true);
        }
        let mut held = self.0.held.subscribe();
        if *held.borrow() {
            self.0.waiting.send_modify(|waiting| *waiting += 1);
            let _ = held.wait_for(|held| !held).await;
            self.0.waiting.send_modify(|waiting| *waiting -= 1);
        }
        self.call()?;
        let fault = *self.0.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match fault {
            KeyFault::None => Ok(()),
            KeyFault::Throttled(retry_after) => Err(KeyError::Throttled { retry_after }),
            KeyFault::Forbids => Err(KeyError::Forbidden {
                right: "unwrap",
                hint: "the story has it so".into(),
            }),
        }
    }

    /// It answers so many more calls, and is away then.
    pub fn away_after(&self, calls: i64) {
        self.0.left.store(calls, Ordering::SeqCst);
        self.0.limited.store(true, Ordering::SeqCst);
    }

    /// It makes generations, and its answers get lost.
    pub fn lose_generations(&self, lose: bool) {
        self.0.lost_generations.store(lose, Ordering::SeqCst);
    }

    /// Nodes that start from now on have no credential for generations.
    pub fn without_lifecycle(&self) {
        self.0.no_lifecycle.store(true, Ordering::SeqCst);
    }

    /// This became of whatever is destroyed, in place of what became of it.
    pub fn gone(&self, gone: Gone) {
        *self.0.gone.lock().unwrap_or_else(PoisonError::into_inner) = Some(gone);
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// Generations made.
    pub fn generations(&self) -> u64 {
        self.0.generations.load(Ordering::SeqCst)
    }

    fn call(&self) -> Result<(), KeyError> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        let used_up = self.0.limited.load(Ordering::SeqCst)
            && self.0.left.fetch_sub(1, Ordering::SeqCst) <= 0;
        if self.0.away.load(Ordering::SeqCst) || used_up {
            return Err(away());
        }
        Ok(())
    }
}

fn away() -> KeyError {
    KeyError::unavailable("it is away, as the story wants", "no answer")
}

/// The provider that a test server's nodes use.
pub(crate) struct TestKeys {
    pub(crate) inner: Arc<dyn KeyProvider>,
    pub(crate) faults: KeyFaults,
}

impl KeyProvider for TestKeys {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn newest_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<Option<GenerationId>, KeyError>> {
        Box::pin(async move {
            self.faults.call()?;
            self.inner.newest_generation(scale_unit).await
        })
    }

    fn wrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        secret: &'a ProjectKeySecret,
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<Vec<u8>, KeyError>> {
        Box::pin(async move {
            self.faults.use_key().await?;
            self.inner.wrap(generation, secret, context).await
        })
    }

    fn unwrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        wrapped: &'a [u8],
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<ProjectKeySecret, KeyError>> {
        Box::pin(async move {
            self.faults.use_key().await?;
            self.inner.unwrap(generation, wrapped, context).await
        })
    }

    fn lifecycle(&self) -> Option<&dyn KeyLifecycle> {
        let there = self.inner.lifecycle().is_some();
        (there && !self.faults.0.no_lifecycle.load(Ordering::SeqCst)).then_some(self)
    }
}

impl KeyLifecycle for TestKeys {
    fn new_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<GenerationId, KeyError>> {
        Box::pin(async move {
            self.faults.call()?;
            let made = self.inner_lifecycle()?.new_generation(scale_unit).await?;
            self.faults.0.generations.fetch_add(1, Ordering::SeqCst);
            if self.faults.0.lost_generations.load(Ordering::SeqCst) {
                return Err(away());
            }
            Ok(made)
        })
    }

    fn disable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            self.faults.call()?;
            self.inner_lifecycle()?.disable(generation).await
        })
    }

    fn enable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            self.faults.call()?;
            self.inner_lifecycle()?.enable(generation).await
        })
    }

    fn destroy<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            self.faults.call()?;
            self.inner_lifecycle()?.destroy(generation).await
        })
    }

    fn gone<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<Gone, KeyError>> {
        Box::pin(async move {
            self.faults.call()?;
            let said = *self
                .faults
                .0
                .gone
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            match said {
                Some(gone) => Ok(gone),
                None => self.inner_lifecycle()?.gone(generation).await,
            }
        })
    }
}

impl TestKeys {
    fn inner_lifecycle(&self) -> Result<&dyn KeyLifecycle, KeyError> {
        self.inner
            .lifecycle()
            .ok_or_else(|| KeyError::refused("the provider makes no generations"))
    }
}
