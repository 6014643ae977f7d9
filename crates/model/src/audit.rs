//! Audit events, their salted digests and the chain over them. Pure: verification works on an export, offline.
//!
//! Each event gets a random salt; its digest is SHA-256 over salt and canonical encoding. The chain links digests,
//! not events. So an export may leave events out (a filter) and retention may delete them: their digests stay, the
//! chain stays verifiable, and a digest tells nothing about the event it stands for.

use aws_lc_rs::digest::{Context, SHA256};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// Who did what, when, from where, by which authentication, in which run and job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// The event's own id.
    pub id: Uuid,
    /// Microseconds since 1970, the database's clock.
    pub time: i64,
    /// Action id, such as `SecureFile.Downloaded`.
    pub action: String,
    /// `allowed` or `denied`.
    pub outcome: String,
    /// The actor's identity.
    pub actor: Uuid,
    /// The actor's name at that time.
    pub actor_name: String,
    /// How the actor signed in.
    pub authentication: String,
    /// Network address; empty when there was none.
    pub address: String,
    /// Project.
    pub project: Option<Uuid>,
    /// Type of the resource.
    pub resource_type: String,
    /// Its id as text.
    pub resource_id: String,
    /// Run.
    pub run: Option<i64>,
    /// Job.
    pub job: Option<Uuid>,
    /// More, as text. Never content, tokens, tickets or keys.
    pub details: BTreeMap<String, String>,
}

const EVENT_LABEL: &[u8] = b"coffer audit event v1";
const LINK_LABEL: &[u8] = b"coffer audit link v1";
const START_LABEL: &[u8] = b"coffer audit start v1";

/// The salted digest of an event: every field length-prefixed, in the order of the struct.
pub fn digest(salt: &[u8; 32], event: &Event) -> Digest {
    let mut hash = Fields::new(EVENT_LABEL);
    hash.field(salt);
    hash.field(event.id.as_bytes());
    hash.field(&event.time.to_be_bytes());
    hash.field(event.action.as_bytes());
    hash.field(event.outcome.as_bytes());
    hash.field(event.actor.as_bytes());
    hash.field(event.actor_name.as_bytes());
    hash.field(event.authentication.as_bytes());
    hash.field(event.address.as_bytes());
    hash.field(event.project.as_ref().map_or(&[][..], |id| id.as_bytes()));
    hash.field(event.resource_type.as_bytes());
    hash.field(event.resource_id.as_bytes());
    hash.field(
        &event
            .run
            .map_or(Vec::new(), |run| run.to_be_bytes().to_vec()),
    );
    hash.field(event.job.as_ref().map_or(&[][..], |id| id.as_bytes()));
    hash.field(&(event.details.len() as u64).to_be_bytes());
    for (name, value) in &event.details {
        hash.field(name.as_bytes());
        hash.field(value.as_bytes());
    }
    hash.finish()
}

/// The chain's value before its first link.
pub fn start() -> Digest {
    Fields::new(START_LABEL).finish()
}

/// The chain's value at `sequence`, which counts from 1.
pub fn link(previous: &Digest, sequence: i64, digest: &Digest) -> Digest {
    let mut hash = Fields::new(LINK_LABEL);
    hash.field(previous);
    hash.field(&sequence.to_be_bytes());
    hash.field(digest);
    hash.finish()
}

/// A hash over fields, each preceded by its length.
pub(crate) struct Fields(Context);

impl Fields {
    pub(crate) fn new(label: &[u8]) -> Self {
        let mut fields = Self(Context::new(&SHA256));
        fields.field(label);
        fields
    }

    pub(crate) fn field(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.0.finish().as_ref());
        digest
    }
}

/// One linked row, as the verifier sees it.
#[derive(Clone, Debug)]
pub struct Row {
    /// Place in the chain.
    pub sequence: i64,
    /// The digest the chain links.
    pub digest: Digest,
    /// The chain's value at this row.
    pub chain: Digest,
    /// Salt and event, unless a filter or retention left them out.
    pub event: Option<([u8; 32], Event)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: i64) -> Event {
        Event {
            id: Uuid::from_u128(n as u128),
            time: n,
            action: "SecureFile.Created".into(),
            outcome: "allowed".into(),
            actor: Uuid::nil(),
            actor_name: "ada".into(),
            authentication: "token".into(),
            address: String::new(),
            project: None,
            resource_type: "securefile".into(),
            resource_id: n.to_string(),
            run: None,
            job: None,
            details: BTreeMap::new(),
        }
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let mut a = event(1);
        let mut b = event(1);
        (a.actor_name, a.authentication) = ("ab".into(), "c".into());
        (b.actor_name, b.authentication) = ("a".into(), "bc".into());
        assert_ne!(digest(&[0; 32], &a), digest(&[0; 32], &b));
    }
}
