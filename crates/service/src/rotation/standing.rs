//! How it stands with the rotation of keys, for whoever watches a server: a rotation that keeps failing never stops serving,
//! so it has to be seen some other way.

use crate::doctor::{Finding, Health};
use coffer_model::Timestamp;
use coffer_store::RotationRow;

/// How it stands with the rotation of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RotationStanding {
    /// A rotation is under way.
    pub running: bool,
    /// How often it failed since it last went on.
    pub failures: i64,
    /// For how long it has only failed, seconds.
    pub failing_seconds: i64,
}

impl RotationStanding {
    /// Of the rotation that is under way, if one is.
    pub(crate) fn of(running: Option<&RotationRow>, now: Timestamp) -> Self {
        running.map_or_else(Self::default, |row| Self {
            running: true,
            failures: row.failures,
            failing_seconds: row.failing_since.map_or(0, |since| seconds(since, now)),
        })
    }

    /// Whether the rotation that is under way does not go on.
    pub fn fails(&self) -> bool {
        self.failures > 0
    }
}

fn seconds(since: Timestamp, now: Timestamp) -> i64 {
    (now.0 - since.0).max(0) / 1_000_000
}

/// The same, as the host's look at everything says it.
pub(crate) fn finding(running: Option<&RotationRow>, now: Timestamp) -> Finding {
    const CHECK: &str = "rotation";
    let Some(row) = running else {
        return Finding::new(CHECK, Health::Well, "no rotation of keys is under way");
    };
    let standing = RotationStanding::of(running, now);
    let what = format!(
        "rotation {} ({}, to {})",
        row.number, row.cause, row.provider
    );
    if !standing.fails() {
        return Finding::new(
            CHECK,
            Health::Note,
            format!("{what} is under way; the server goes on with it"),
        );
    }
    Finding::new(
        CHECK,
        Health::Warning,
        format!(
            "{what} has failed {} times in a row, for {} min: {}. Serving goes on under the keys that there are",
            standing.failures,
            standing.failing_seconds / 60,
            row.last_error.as_deref().unwrap_or("it is not known why")
        ),
    )
    .next("`coffer key test --lifecycle` proves the key service and both credentials; the server tries again by itself")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(failures: i64) -> RotationRow {
        RotationRow {
            number: 4,
            cause: "deployment".into(),
            running: true,
            deployment: "build-2".into(),
            scale_unit: "unit".into(),
            provider: "vault".into(),
            from: "one".into(),
            generation: None,
            kept: String::new(),
            keys_made: 0,
            wraps: 0,
            secrets: 0,
            keys_retired: 0,
            generations_retired: 0,
            stuck: 0,
            began: Timestamp(0),
            ended: None,
            record: None,
            failures,
            failing_since: (failures > 0).then_some(Timestamp(60_000_000)),
            last_error: (failures > 0).then(|| "the key service is away".to_owned()),
            retry_at: Timestamp(0),
        }
    }

    #[test]
    fn a_rotation_that_fails_is_a_warning_with_its_reason_and_one_that_goes_on_is_none() {
        let now = Timestamp(240_000_000);
        assert_eq!(finding(None, now).health, Health::Well);
        assert_eq!(finding(Some(&row(0)), now).health, Health::Note);
        let found = finding(Some(&row(5)), now);
        assert_eq!(found.health, Health::Warning);
        for part in ["rotation 4", "5 times", "3 min", "the key service is away"] {
            assert!(found.what.contains(part), "{}", found.what);
        }
        assert!(found.next.contains("coffer key test --lifecycle"));
        let standing = RotationStanding::of(Some(&row(5)), now);
        assert!(standing.running && standing.fails());
        assert_eq!(standing.failing_seconds, 180);
        assert!(!RotationStanding::of(Some(&row(0)), now).fails());
    }
}
