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

/// The text of a rotation's report. Counts are of what was done, also where the rotation was interrupted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RotationReport {
    /// Its number.
    pub rotation: i64,
    /// Why it was: `deployment`, `request`, `move`.
    pub cause: String,
    /// The deployments it was for.
    pub deployments: Vec<String>,
    /// The key provider that wraps the new project keys.
    pub provider: String,
    /// The root generation that wrapped new project keys before.
    pub from: String,
    /// The key provider that holds it.
    pub from_provider: String,
    /// The one that does now.
    pub generation: String,
    /// Project keys made.
    pub keys: i64,
    /// Keys of files, logs and secrets wrapped again.
    pub wraps: i64,
    /// Secrets of our own that the provider wrapped again.
    pub secrets: i64,
    /// Versions retired.
    pub retired_keys: i64,
    /// Root generations retired.
    pub retired_generations: i64,
    /// Wrapped keys that do not open, so that they and what wrapped them are left as they were.
    pub left: i64,
    /// What was not rotated, and why, one text each.
    pub not_rotated: Vec<String>,
    /// When it began: microseconds since 1970.
    pub began: i64,
    /// When it ended.
    pub ended: i64,
}

impl RotationReport {
    /// The text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            // Writing to a string does not fail.
            let _written = writeln!(text, "{name} {}", value.replace(['\n', '\r'], " "));
        };
        line("rotation", &self.rotation.to_string());
        line("cause", &self.cause);
        for deployment in &self.deployments {
            line("deployment", deployment);
        }
        line("provider", &self.provider);
        line("from", &self.from);
        line("from-provider", &self.from_provider);
        line("generation", &self.generation);
        for (name, count) in self.counts() {
            line(name, &count.to_string());
        }
        for what in &self.not_rotated {
            line("not-rotated", what);
        }
        line("began", &self.began.to_string());
        line("ended", &self.ended.to_string());
        text
    }

    fn counts(&self) -> [(&'static str, i64); 6] {
        [
            ("keys", self.keys),
            ("wraps", self.wraps),
            ("secrets", self.secrets),
            ("retired-keys", self.retired_keys),
            ("retired-generations", self.retired_generations),
            ("left", self.left),
        ]
    }

    /// What a text says.
    pub fn read(text: &str) -> Option<Self> {
        Some(Self {
            rotation: number(text, "rotation")?,
            cause: value(text, "cause")?.to_owned(),
            deployments: values(text, "deployment"),
            provider: value(text, "provider")?.to_owned(),
            from: value(text, "from")?.to_owned(),
            from_provider: value(text, "from-provider")?.to_owned(),
            generation: value(text, "generation")?.to_owned(),
            keys: number(text, "keys")?,
            wraps: number(text, "wraps")?,
            secrets: number(text, "secrets")?,
            retired_keys: number(text, "retired-keys")?,
            retired_generations: number(text, "retired-generations")?,
            left: number(text, "left")?,
            not_rotated: values(text, "not-rotated"),
            began: number(text, "began")?,
            ended: number(text, "ended")?,
        })
    }
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

fn values(text: &str, name: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.split_once(' ').filter(|(n, _)| *n == name))
        .map(|(_, value)| value.to_owned())
        .collect()
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
        let report = RotationReport {
            rotation: 4,
            cause: "deployment".into(),
            deployments: vec!["build 17".into(), "build 18".into()],
            provider: "vault".into(),
            from: "unit-a/3".into(),
            from_provider: "file".into(),
            generation: "unit-a/4".into(),
            keys: 2,
            wraps: 100,
            secrets: 1,
            retired_keys: 2,
            retired_generations: 1,
            left: 0,
            not_rotated: vec!["one thing: because".into()],
            began: 5,
            ended: 6,
        };
        assert_eq!(RotationReport::read(&report.text()), Some(report));
        assert_eq!(Tombstone::read("from 1\nthrough x\n"), None);
    }
}
