//! What the texts of signed records say: lines of a name and a value, for people and programs alike. Pure.

use crate::audit::Digest;
use std::fmt::Write as _;
use uuid::Uuid;

/// The text of a tombstone: events were removed, their links stay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tombstone {
    /// First row whose event was removed.
    pub from: i64,
    /// Last row whose event was removed.
    pub through: i64,
    /// How many events.
    pub removed: i64,
    /// All were older than this: microseconds since 1970.
    pub before: i64,
    /// Who removed them.
    pub by: Uuid,
    /// That one's name then.
    pub by_name: String,
    /// [`crate::record::payload`] of the snapshot of what the removed events explained.
    pub snapshot: Digest,
}

/// The text of an export's record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportEnd {
    /// SHA-256 of all bytes of the export before the record's own line.
    pub content: Digest,
    /// Events in it.
    pub events: i64,
}

impl Tombstone {
    /// The text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let values = [
            ("from", self.from.to_string()),
            ("through", self.through.to_string()),
            ("removed", self.removed.to_string()),
            ("before", self.before.to_string()),
            ("by", self.by.to_string()),
            ("name", self.by_name.replace(['\n', '\r'], " ")),
            ("snapshot", hex(&self.snapshot)),
        ];
        for (name, value) in values {
            // Writing to a string does not fail.
            let _written = writeln!(text, "{name} {value}");
        }
        text
    }

    /// What a text says.
    pub fn read(text: &str) -> Option<Self> {
        Some(Self {
            from: number(text, "from")?,
            through: number(text, "through")?,
            removed: number(text, "removed")?,
            before: number(text, "before")?,
            by: value(text, "by")?.parse().ok()?,
            by_name: value(text, "name")?.to_owned(),
            snapshot: from_hex(value(text, "snapshot")?)?,
        })
    }
}

impl ExportEnd {
    /// The text.
    pub fn text(&self) -> String {
        format!("content {}\nevents {}\n", hex(&self.content), self.events)
    }

    /// What a text says.
    pub fn read(text: &str) -> Option<Self> {
        Some(Self {
            content: from_hex(value(text, "content")?)?,
            events: number(text, "events")?,
        })
    }
}

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.split_once(' ').filter(|(n, _)| *n == name))
        .map(|(_, value)| value)
}

fn number(text: &str, name: &str) -> Option<i64> {
    value(text, name)?.parse().ok()
}

fn hex(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Digest> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_were_written() {
        let tombstone = Tombstone {
            from: 1,
            through: 20,
            removed: 20,
            before: 99,
            by: Uuid::from_u128(7),
            by_name: "Ada Admin".into(),
            snapshot: [0xab; 32],
        };
        assert_eq!(Tombstone::read(&tombstone.text()), Some(tombstone));
        let end = ExportEnd {
            content: [1; 32],
            events: 3,
        };
        assert_eq!(ExportEnd::read(&end.text()), Some(end));
        assert_eq!(Tombstone::read("from 1\nthrough x\n"), None);
    }
}
