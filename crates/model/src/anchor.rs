//! The anchor against roll-back: the newest state of the audit log as one short text, for places outside the database.
//!
//! It is a signed record like the others ([`crate::record`]), of a kind that stands beside the series of records: it
//! names none before it, and it is not stored with them. Its text leaves out what a verifier knows already, so that the
//! narrowest place holds it. Pure; it must not know where anchors are kept.

use crate::audit::Digest;
use crate::record::{Kind, Record, Signed, key_id, payload};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use uuid::Uuid;

/// What a text of version 1 begins with.
const VERSION: &str = "a1";

/// The state of a database that an anchor states.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// The scale unit.
    pub scale_unit: String,
    /// The organization.
    pub organization: Uuid,
    /// The newest record's number; 0 before the first.
    pub number: i64,
    /// Rows of the log.
    pub sequence: i64,
    /// The chain's value there.
    pub head: Digest,
    /// Microseconds since 1970, the database's clock.
    pub time: i64,
}

impl State {
    /// The record to be signed with this public key.
    pub fn record(&self, public: &[u8; 32]) -> Record {
        Record {
            kind: Kind::Anchor,
            scale_unit: self.scale_unit.clone(),
            organization: self.organization,
            number: self.number,
            previous: [0; 32],
            time: self.time,
            key: key_id(public),
            sequence: self.sequence,
            head: self.head,
            root: [0; 32],
            payload: payload(""),
        }
    }
}

/// The text of a signed anchor: at most 225 printable ASCII bytes.
pub fn text(signed: &Signed) -> String {
    let record = &signed.record;
    format!(
        "{VERSION}.{}.{}.{}.{}.{}.{}.{}",
        record.number,
        record.sequence,
        record.time,
        BASE64.encode(&record.key[..HINT]),
        BASE64.encode(record.organization.as_bytes()),
        BASE64.encode(record.head),
        BASE64.encode(&signed.signature),
    )
}

/// Bytes of the key's id in a text: enough to find the key among those that are known.
const HINT: usize = 6;

/// What a text says. Worth nothing until a key proves it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The state that is claimed.
    pub state: State,
    key: [u8; HINT],
    signature: Vec<u8>,
}

impl Claim {
    /// Reads a text that was found where `scale_unit` keeps its own.
    pub fn parse(text: &str, scale_unit: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('.').collect();
        let [
            version,
            number,
            sequence,
            time,
            key,
            organization,
            head,
            signature,
        ] = parts[..]
        else {
            return None;
        };
        let count = |text: &str| text.parse::<i64>().ok().filter(|count| *count >= 0);
        let bytes = |text: &str| BASE64.decode(text).ok();
        let (number, sequence, time) = (count(number)?, count(sequence)?, count(time)?);
        (version == VERSION).then_some(Self {
            state: State {
                scale_unit: scale_unit.to_owned(),
                organization: Uuid::from_slice(&bytes(organization)?).ok()?,
                number,
                sequence,
                head: bytes(head)?.try_into().ok()?,
                time,
            },
            key: bytes(key)?.try_into().ok()?,
            signature: bytes(signature)?,
        })
    }

    /// Whether it says that this key signed it.
    pub fn names(&self, public: &[u8; 32]) -> bool {
        self.key == key_id(public)[..HINT]
    }

    /// Whether this key signed it.
    pub fn is_by(&self, public: &[u8; 32]) -> bool {
        let signed = Signed {
            record: self.state.record(public),
            text: String::new(),
            signature: self.signature.clone(),
        };
        self.names(public) && signed.is_by(public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::pair;

    fn anchor(seed: u8, state: &State) -> String {
        let (pair, public) = pair(seed);
        let record = state.record(&public);
        text(&Signed {
            signature: pair.sign(&record.bytes()).as_ref().to_vec(),
            record,
            text: String::new(),
        })
    }

    fn state() -> State {
        State {
            scale_unit: "unit-a".into(),
            organization: Uuid::from_u128(7),
            number: 3,
            sequence: 40,
            head: [9; 32],
            time: 1_700_000_000_000_000,
        }
    }

    #[test]
    fn the_text_is_short_and_says_the_state_and_who_signed_it() {
        let longest = State {
            number: i64::MAX,
            sequence: i64::MAX,
            time: i64::MAX,
            ..state()
        };
        let text = anchor(1, &longest);
        assert!(
            text.len() <= 225 && text.bytes().all(|b| b.is_ascii_graphic()),
            "{text}"
        );
        let claim = Claim::parse(&text, "unit-a").unwrap();
        assert_eq!(claim.state, longest);
        let ([mine, other], unit) = ([pair(1).1, pair(2).1], Claim::parse(&text, "unit-b"));
        assert!(claim.names(&mine) && claim.is_by(&mine));
        assert!(!claim.names(&other) && !claim.is_by(&other));
        // The unit is not in the text, but in what was signed.
        assert!(!unit.unwrap().is_by(&mine));
    }

    #[test]
    fn no_other_text_is_taken_for_it() {
        let (good, mine) = (anchor(1, &state()), pair(1).1);
        for at in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
            let changed = String::from_utf8(bytes).unwrap();
            let taken = Claim::parse(&changed, "unit-a").is_some_and(|claim| claim.is_by(&mine));
            assert!(!taken, "{changed}");
        }
        for text in [
            "",
            "a1",
            "a1.1.2.3",
            &good[1..],
            &format!("{good}.x"),
            &good.replace("a1.3", "a1.-3"),
        ] {
            assert_eq!(Claim::parse(text, "unit-a"), None, "{text}");
        }
    }
}
