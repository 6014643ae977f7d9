//! Typed ids. A bare `Uuid` or `i64` never says what it is the id of.

use std::fmt;
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub Uuid);

        impl $name {
            /// An id from 16 random bytes, shaped as a version 4 GUID.
            pub fn random(entropy: &Entropy) -> Self {
                let mut bytes = [0; 16];
                entropy(&mut bytes);
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }
    )*};
}

macro_rules! integer_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

/// Randomness is an argument: fills the buffer, or does not return.
pub type Entropy = dyn Fn(&mut [u8]) + Send + Sync;

uuid_ids! {
    /// An organization: what is called a collection on premises.
    OrganizationId,
    /// A project.
    ProjectId,
    /// A secure file. Never used again, not even for a file of the same name.
    FileId,
    /// A person, a group or a service.
    IdentityId,
    /// A stored token.
    CredentialId,
    /// A job of a run.
    JobId,
    /// A record of a run's timeline.
    RecordId,
    /// A registered agent.
    AgentId,
    /// An audit event.
    EventId,
    /// A project key of one deployment.
    ProjectKeyId,
    /// Sealed bytes outside the row.
    BlobId,
    /// An audit stream.
    StreamId,
}

integer_ids! {
    /// A pipeline: "definition id" on the wire.
    PipelineId,
    /// A run: also the build id.
    RunId,
}

/// Microseconds since 1970-01-01, UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This much later.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }
}
