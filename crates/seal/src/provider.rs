//! The trait of key providers: where root generations live and never leave.
//!
//! Implementations are in `coffer-keys`. Must not know files, services or sessions.

use std::fmt;
use std::pin::Pin;

use crate::{Gone, KeyError, KeyRights, ProjectKeyContext, ProjectKeySecret};

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
/// A wrap is authentic: nobody without this provider's credential can make one that it unwraps. Where the service
/// wraps with a public key, the provider signs what it wraps and verifies before it unwraps, against a public key that
/// does not come from the database. A provider's own binding to the context is welcome but not trusted:
/// [`crate::ProjectKey::open`] binds the unwrapped secret again. All calls may be repeated.
///
/// Daily work needs `wrap`, `unwrap` and `newest_generation` only; what changes generations is in [`KeyLifecycle`],
/// for another credential.
pub trait KeyProvider: Send + Sync {
    /// What records and messages call it: `file`, `vault`, `azure`, `aws`, `pkcs11`.
    fn name(&self) -> &'static str;

    /// The newest generation of `scale_unit` that can wrap, whoever made it; `None` when there is none.
    ///
    /// So a server without lifecycle rights begins with a generation that was prepared for it, and a rotation that
    /// was interrupted finds the one it had made instead of making another.
    fn newest_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<Option<GenerationId>, KeyError>>;

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

    /// What the lifecycle credential may do; `None` when none is configured. Then only project keys rotate.
    fn lifecycle(&self) -> Option<&dyn KeyLifecycle>;

    /// Where the provider keeps small notes for us, out of the database's reach; `None` when it cannot.
    fn notes(&self) -> Option<&dyn KeyNotes> {
        None
    }

    /// What the credentials may do with the generations of `scale_unit`, as far as the service says without anything
    /// being changed; `None` when it does not say.
    fn rights<'a>(
        &'a self,
        _scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<Option<KeyRights>, KeyError>> {
        Box::pin(async { Ok(None) })
    }
}

/// Makes, disables and destroys root generations. Needs rights that daily work has no use for.
pub trait KeyLifecycle: Send + Sync {
    /// Makes a new, active generation for `scale_unit`. Older ones keep unwrapping until disabled.
    fn new_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<GenerationId, KeyError>>;

    /// Makes a generation refuse both directions. Taken back by [`KeyLifecycle::enable`].
    fn disable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>>;

    /// Takes [`KeyLifecycle::disable`] back, to restore a backup made before a rotation.
    fn enable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>>;

    /// Destroys a disabled generation for ever; an active one is refused. Repeating it is no error: what is
    /// gone is gone.
    fn destroy<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>>;

    /// What became of a generation that was destroyed, asked of the service: some keep deleted keys for a while, and
    /// their operators can bring them back. Changes nothing.
    fn gone<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<Gone, KeyError>>;
}

/// Longest note, in bytes: what the narrowest service keeps (a tag of AWS KMS).
pub const NOTE_MAX: usize = 256;

/// One small text per scale unit that a provider keeps beside its generations, such as the rollback anchor. Not secret.
pub trait KeyNotes: Send + Sync {
    /// Keeps `text`, printable ASCII of at most [`NOTE_MAX`] bytes, in place of what was there.
    fn put_note<'a>(
        &'a self,
        scale_unit: &'a str,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), KeyError>>;

    /// What was kept last; `None` when nothing was.
    fn note<'a>(&'a self, scale_unit: &'a str) -> BoxFuture<'a, Result<Option<String>, KeyError>>;
}
