//! What was asked of a key service on the network, for the messages when it does not do it. Must not know which service.

use std::error::Error;

use coffer_seal::{CredentialRights, GenerationId, KeyError, KeyRight, May};

/// What was asked.
#[derive(Clone, Copy)]
pub(crate) struct Doing<'a> {
    /// As a verb: what the credential may not do.
    pub(crate) right: &'static str,
    /// The service's own name of that right.
    pub(crate) permission: &'static str,
    generation: Option<&'a GenerationId>,
}

impl<'a> Doing<'a> {
    pub(crate) fn new(
        right: &'static str,
        permission: &'static str,
        generation: &'a GenerationId,
    ) -> Self {
        Self {
            generation: Some(generation),
            ..Self::anything(right, permission)
        }
    }

    /// With no generation in particular.
    pub(crate) fn anything(right: &'static str, permission: &'static str) -> Self {
        Self {
            right,
            permission,
            generation: None,
        }
    }

    pub(crate) fn generation(self) -> String {
        self.generation
            .map_or_else(|| "that was asked for".into(), |known| known.0.clone())
    }
}

/// Whether the service said that there is no such key, or no more.
pub(crate) fn is_absent(error: &KeyError) -> bool {
    matches!(error, KeyError::UnknownGeneration { .. })
}

/// The sentences of an error of the network, which hold addresses and no content.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// A right that takes two.
pub(crate) fn both(one: May, other: May) -> May {
    match (one, other) {
        (May::No, _) | (_, May::No) => May::No,
        (May::Yes, other) => other,
        (one, _) => one,
    }
}

/// A service that refused one credential's trial to make a key for the lack of the right looks at rights first: then
/// who was told something else has it.
pub(crate) fn rights_come_first(of: [&mut CredentialRights; 2]) {
    for (right, may) in of.into_iter().flatten() {
        if *right == KeyRight::Make && matches!(may, May::Unknown(_)) {
            *may = May::Yes;
        }
    }
}
