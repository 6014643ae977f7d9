//! The one kind of signed record: what a scale unit states about its audit log, so that others can hold it to it. Pure.
//!
//! Checkpoints, exports, the tombstones of retention, reports of key rotation and the anchor against roll-back are signed
//! records. Each names the state of the log at that moment and the record before it, and is signed
//! with the scale unit's Ed25519 key. It must not know where the key lies, nor JSON.

use crate::audit::{Digest, Fields};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use uuid::Uuid;

const RECORD: &[u8] = b"coffer signed record v1";
const PAYLOAD: &[u8] = b"coffer signed record payload v1";
const KEY: &[u8] = b"coffer signing key v1";

/// What a record states beside the state of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Nothing more.
    Checkpoint,
    /// That events were removed, and which.
    Tombstone,
    /// What an export holds.
    Export,
    /// What a rotation of keys did.
    Rotation,
    /// Nothing more; it is kept outside the database and not among the records ([`crate::anchor`]).
    Anchor,
    /// That a root generation was destroyed, and with it the last that opened so many deleted files.
    Purge,
    /// That a database behind its anchors was accepted, by whom and why.
    Rollback,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Checkpoint,
        Self::Tombstone,
        Self::Export,
        Self::Rotation,
        Self::Anchor,
        Self::Rollback,
        Self::Purge,
    ];

    /// The word that is signed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Tombstone => "tombstone",
            Self::Export => "export",
            Self::Rotation => "rotation",
            Self::Anchor => "anchor",
            Self::Rollback => "rollback",
            Self::Purge => "purge",
        }
    }

    /// The kind of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// A record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// What it states.
    pub kind: Kind,
    /// The scale unit that states it.
    pub scale_unit: String,
    /// The organization.
    pub organization: Uuid,
    /// Its place among the records, from 1.
    pub number: i64,
    /// Digest of the record before it; zeros for the first.
    pub previous: Digest,
    /// Microseconds since 1970, the database's clock.
    pub time: i64,
    /// The key that signs it: [`key_id`].
    pub key: Digest,
    /// Rows of the log so far.
    pub sequence: i64,
    /// The chain's value there.
    pub head: Digest,
    /// The root of the tree over the rows' digests ([`crate::tree`]).
    pub root: Digest,
    /// [`payload`] of the text that goes with it.
    pub payload: Digest,
}

/// The name of a public key.
pub fn key_id(public: &[u8; 32]) -> Digest {
    let mut hash = Fields::new(KEY);
    hash.field(public);
    hash.finish()
}

/// The digest of a record's text.
pub fn payload(text: &str) -> Digest {
    let mut hash = Fields::new(PAYLOAD);
    hash.field(text.as_bytes());
    hash.finish()
}

impl Record {
    /// The bytes that are signed: every field length-prefixed, in the order of the struct.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(400);
        let mut field = |value: &[u8]| {
            bytes.extend_from_slice(&(value.len() as u64).to_be_bytes());
            bytes.extend_from_slice(value);
        };
        field(RECORD);
        field(self.kind.word().as_bytes());
        field(self.scale_unit.as_bytes());
        field(self.organization.as_bytes());
        field(&self.number.to_be_bytes());
        field(&self.previous);
        field(&self.time.to_be_bytes());
        field(&self.key);
        field(&self.sequence.to_be_bytes());
        field(&self.head);
        field(&self.root);
        field(&self.payload);
        bytes
    }

    /// The digest by which the next record names this one.
    pub fn digest(&self) -> Digest {
        let mut hash = Fields::new(RECORD);
        hash.field(&self.bytes());
        hash.finish()
    }
}

/// A record with its text and signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    /// The record.
    pub record: Record,
    /// Its text: what the kind states. Empty for a checkpoint.
    pub text: String,
    /// Ed25519 signature of [`Record::bytes`].
    pub signature: Vec<u8>,
}

impl Signed {
    /// Whether text and signature are those of the record, under this public key.
    pub fn is_by(&self, public: &[u8; 32]) -> bool {
        self.record.key == key_id(public)
            && self.record.payload == payload(&self.text)
            && UnparsedPublicKey::new(&ED25519, public)
                .verify(&self.record.bytes(), &self.signature)
                .is_ok()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    pub(crate) fn pair(seed: u8) -> (Ed25519KeyPair, [u8; 32]) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        (pair, public)
    }

    pub(crate) fn signed(
        seed: u8,
        kind: Kind,
        sequence: i64,
        head: Digest,
        root: Digest,
        text: &str,
    ) -> Signed {
        let (pair, public) = pair(seed);
        let record = Record {
            kind,
            scale_unit: "unit-a".into(),
            organization: Uuid::nil(),
            number: 1,
            previous: [0; 32],
            time: 7,
            key: key_id(&public),
            sequence,
            head,
            root,
            payload: payload(text),
        };
        Signed {
            signature: pair.sign(&record.bytes()).as_ref().to_vec(),
            record,
            text: text.into(),
        }
    }

    #[test]
    fn a_change_of_anything_in_it_is_found() {
        let good = signed(1, Kind::Tombstone, 5, [1; 32], [2; 32], "text");
        let public = pair(1).1;
        assert!(good.is_by(&public));
        assert!(!good.is_by(&pair(2).1));
        let changes: [fn(&mut Signed); 13] = [
            |s| s.record.kind = Kind::Export,
            |s| s.record.scale_unit = "unit-b".into(),
            |s| s.record.organization = Uuid::from_u128(1),
            |s| s.record.number = 2,
            |s| s.record.previous[0] ^= 1,
            |s| s.record.time += 1,
            |s| s.record.key[0] ^= 1,
            |s| s.record.sequence += 1,
            |s| s.record.head[0] ^= 1,
            |s| s.record.root[0] ^= 1,
            |s| s.record.payload[0] ^= 1,
            |s| s.text.push('x'),
            |s| s.signature[0] ^= 1,
        ];
        for (n, change) in changes.iter().enumerate() {
            let mut bad = good.clone();
            change(&mut bad);
            assert!(!bad.is_by(&public), "change {n}");
        }
    }
}
