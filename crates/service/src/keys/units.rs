//! Two providers of one kind for two scale units, told apart by the unit that a key is for: while a database moves.
//!
//! Each is asked for its own unit's keys and for nothing of the other's.

use coffer_seal::{
    BoxFuture, GenerationId, Gone, KeyError, KeyLifecycle, KeyProvider, ProjectKeySecret,
    WrapContext,
};
use std::sync::Arc;

/// The two.
pub(super) struct TwoUnits {
    pub(super) to: Arc<dyn KeyProvider>,
    pub(super) to_unit: String,
    pub(super) from: Arc<dyn KeyProvider>,
}

impl TwoUnits {
    fn of(&self, unit: &str) -> &dyn KeyProvider {
        if unit == self.to_unit {
            &*self.to
        } else {
            &*self.from
        }
    }
}

impl KeyProvider for TwoUnits {
    fn name(&self) -> &'static str {
        self.to.name()
    }

    fn newest_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<Option<GenerationId>, KeyError>> {
        self.of(scale_unit).newest_generation(scale_unit)
    }

    fn wrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        secret: &'a ProjectKeySecret,
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<Vec<u8>, KeyError>> {
        self.of(&context.scale_unit)
            .wrap(generation, secret, context)
    }

    fn unwrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        wrapped: &'a [u8],
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<ProjectKeySecret, KeyError>> {
        self.of(&context.scale_unit)
            .unwrap(generation, wrapped, context)
    }

    fn lifecycle(&self) -> Option<&dyn KeyLifecycle> {
        self.to.lifecycle().map(|_| self as &dyn KeyLifecycle)
    }
}

fn not_now<'a, T>() -> BoxFuture<'a, Result<T, KeyError>> {
    Box::pin(async {
        Err(KeyError::refused(
            "while a database moves, root generations do not end",
        ))
    })
}

impl KeyLifecycle for TwoUnits {
    fn new_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<GenerationId, KeyError>> {
        match self.of(scale_unit).lifecycle() {
            Some(lifecycle) => lifecycle.new_generation(scale_unit),
            None => {
                Box::pin(async { Err(KeyError::refused("no lifecycle credential is configured")) })
            }
        }
    }

    fn disable<'a>(&'a self, _: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        not_now()
    }

    fn enable<'a>(&'a self, _: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        not_now()
    }

    fn destroy<'a>(&'a self, _: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        not_now()
    }

    fn gone<'a>(&'a self, _: &'a GenerationId) -> BoxFuture<'a, Result<Gone, KeyError>> {
        not_now()
    }
}
