//! The trait of key providers: where root generations live and never leave.
//!
//! Implementations are in `coffer-keys`. Must not know files, services or sessions.

use std::fmt;
use std::pin::Pin;

use crate::{KeyError, ProjectKeyContext, ProjectKeySecret};

/// A boxed future, so that providers can be trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a provider's wrap is bound to, where the provider can bind it: the project key's own context.
pub type WrapContext = ProjectKeyContext;

/// Names a root generation. Opaque: only the provider that gave it out understands it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GenerationId(pub String);

impl fmt::Display for GenerationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Keeps root generations, one series per scale unit, and wraps project keys under them.
///
/// A provider's own binding to the context is welcome but not trusted: [`crate::ProjectKey::open`] binds the
/// unwrapped secret again. All calls may be repeated.
pub trait KeyProvider: Send + Sync {
    /// A short name for records and messages, such as `file`.
    fn name(&self) -> &'static str;

    /// Whether a wrap can be made without the provider's secret (a public key). Then the record must be signed.
    fn anyone_can_wrap(&self) -> bool;

    /// Makes a new, active generation for `scale_unit`. Older ones keep unwrapping until disabled.
    fn new_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<GenerationId, KeyError>>;

    /// Wraps `secret` under an active generation of the context's scale unit.
    fn wrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        secret: &'a ProjectKeySecret,
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<Vec<u8>, KeyError>>;

    /// Unwraps what [`KeyProvider::wrap`] made under the same generation and context.
    fn unwrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        wrapped: &'a [u8],
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<ProjectKeySecret, KeyError>>;

    /// Makes a generation refuse both directions. Reversible, by the provider's own means.
    fn disable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>>;

    /// Destroys a disabled generation for ever; an active one is refused. Repeating it is no error: what is
    /// gone is gone.
    fn destroy<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>>;
}
