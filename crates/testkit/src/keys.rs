//! A key service that does what a story wants: the file provider, away, slow to answer, or with too few rights. Counts
//! what it is asked.

use coffer_keys::FileProvider;
use coffer_seal::{
    BoxFuture, GenerationId, KeyError, KeyLifecycle, KeyProvider, ProjectKeySecret, WrapContext,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

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
}

impl KeyFaults {
    /// Whether it can be reached.
    pub fn away(&self, away: bool) {
        self.0.away.store(away, Ordering::SeqCst);
        if !away {
            self.0.limited.store(false, Ordering::SeqCst);
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
    pub(crate) file: FileProvider,
    pub(crate) faults: KeyFaults,
}

impl KeyProvider for TestKeys {
    fn name(&self) -> &'static str {
        self.file.name()
    }

    fn newest_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<Option<GenerationId>, KeyError>> {
        Box::pin(async move {
            self.faults.call()?;
            self.file.newest_generation(scale_unit).await
        })
    }

    fn wrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        secret: &'a ProjectKeySecret,
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<Vec<u8>, KeyError>> {
        Box::pin(async move {
            self.faults.call()?;
            self.file.wrap(generation, secret, context).await
        })
    }

    fn unwrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        wrapped: &'a [u8],
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<ProjectKeySecret, KeyError>> {
        Box::pin(async move {
            self.faults.call()?;
            self.file.unwrap(generation, wrapped, context).await
        })
    }

    fn lifecycle(&self) -> Option<&dyn KeyLifecycle> {
        (!self.faults.0.no_lifecycle.load(Ordering::SeqCst)).then_some(self)
    }
}

impl KeyLifecycle for TestKeys {
    fn new_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<GenerationId, KeyError>> {
        Box::pin(async move {
            self.faults.call()?;
            let made = self.lifecycle_of_file()?.new_generation(scale_unit).await?;
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
            self.lifecycle_of_file()?.disable(generation).await
        })
    }

    fn enable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            self.faults.call()?;
            self.lifecycle_of_file()?.enable(generation).await
        })
    }

    fn destroy<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            self.faults.call()?;
            self.lifecycle_of_file()?.destroy(generation).await
        })
    }
}

impl TestKeys {
    fn lifecycle_of_file(&self) -> Result<&dyn KeyLifecycle, KeyError> {
        self.file
            .lifecycle()
            .ok_or_else(|| KeyError::refused("the file provider makes generations"))
    }
}
