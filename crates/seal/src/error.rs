//! What can go wrong when something sealed or wrapped is opened. Texts name no key, no content, no digest.

use std::time::Duration;

/// Why sealed bytes, or a wrapped file key, do not open. Nothing that came before is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The bytes do not begin like a sealed file.
    #[error("these bytes are not a sealed file; check that the right object was read")]
    NotSealed,
    /// A format version this build does not know.
    #[error(
        "sealed with format version {0}, which this version of Coffer does not know; use a newer one"
    )]
    UnknownVersion(u8),
    /// A cipher suite this build does not know.
    #[error(
        "sealed with cipher suite {0}, which this version of Coffer does not know; use a newer one"
    )]
    UnknownSuite(u8),
    /// Sealed for another organization, project or file.
    #[error(
        "these sealed bytes belong to another file; the storage may have been tampered with, restore it from a backup"
    )]
    OtherFile,
    /// The commitment does not match the file key.
    #[error(
        "the file key does not belong to these sealed bytes; restore both from the same backup"
    )]
    WrongKey,
    /// A segment does not verify: changed, moved, or the bytes were cut or continued.
    #[error("the sealed bytes are damaged, cut short or continued; restore them from a backup")]
    Damaged,
    /// The bytes end before the shortest possible sealed file, or within a tag.
    #[error("the sealed bytes are cut short; restore them from a backup")]
    Truncated,
    /// The last segment is empty although others precede it.
    #[error(
        "the sealed bytes end in an empty segment, which no correct writer makes; restore them from a backup"
    )]
    EmptyLastSegment,
    /// The plaintext is not as long as the wrap says.
    #[error(
        "the file does not have the length that was recorded when it was sealed; restore it from a backup"
    )]
    Length,
    /// The plaintext has not the SHA-256 that the wrap says.
    #[error(
        "the file does not have the digest that was recorded when it was sealed; restore it from a backup"
    )]
    Digest,
    /// The wrapped key does not verify under this project key and context.
    #[error(
        "the wrapped key is damaged or belongs to something else; restore the database from a backup"
    )]
    Wrap,
}

/// Why a key provider, or a project key's record, does not give a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The key service or key file cannot be reached or read now. Trying again later may help.
    #[error("the key provider cannot be used now: {hint}")]
    Unavailable {
        /// What to look at.
        hint: String,
        /// What the system said.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The service has had more calls than its quota allows. Trying again after the time helps, and not before.
    #[error("the key service's quota is used up; it takes calls again in {} s", retry_after.as_secs().max(1))]
    Throttled {
        /// How long the service wants to be left alone; at least what it said.
        retry_after: Duration,
    },
    /// The credential may not do this. Trying again does not help.
    #[error("the key provider's credential may not {right}: {hint}")]
    Forbidden {
        /// What it may not do, as a verb: `unwrap`, `make keys`.
        right: &'static str,
        /// What to grant, and to whom.
        hint: String,
    },
    /// The provider understood and declines. Trying again does not help.
    #[error("the key provider refuses: {hint}")]
    Refused {
        /// What is wrong and what to do.
        hint: String,
    },
    /// No such generation: never made here, or destroyed.
    #[error(
        "the root generation {generation} is not known to the key provider; it was destroyed or belongs to another key file or service"
    )]
    UnknownGeneration {
        /// The opaque id.
        generation: String,
    },
    /// The generation was retired and disabled.
    #[error(
        "the root generation {generation} is disabled; enable it in the key provider to restore an old backup"
    )]
    Disabled {
        /// The opaque id.
        generation: String,
    },
    /// The generation serves another scale unit: two never share keys.
    #[error(
        "the root generation {generation} belongs to another scale unit; check the configured scale unit"
    )]
    OtherScaleUnit {
        /// The opaque id.
        generation: String,
    },
    /// A wrapped project key does not verify.
    #[error(
        "a wrapped project key is damaged or belongs to another project or version; restore the database from a backup"
    )]
    Damaged,
    /// A project key opened, but is not the one the record commits to.
    #[error(
        "a project key does not match its record; the database may have been tampered with, restore it from a backup"
    )]
    Commitment,
}

impl KeyError {
    /// A provider that cannot be used now, with the system's own error as the source.
    pub fn unavailable(
        hint: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unavailable {
            hint: hint.into(),
            source: Some(source.into()),
        }
    }

    /// Whether the same call may succeed later, with nobody doing anything about it.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Throttled { .. })
    }

    /// A provider that declines.
    pub fn refused(hint: impl Into<String>) -> Self {
        Self::Refused { hint: hint.into() }
    }
}
