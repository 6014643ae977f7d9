//! The clock and the random generator: the only place of the agent that asks the machine for either.

use jiff::Timestamp;
use std::time::Instant;
use uuid::Uuid;

/// The wall clock, for time stamps that people read.
#[expect(
    clippy::disallowed_methods,
    reason = "the agent stamps log lines and records"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// The steady clock, for time-outs.
#[expect(
    clippy::disallowed_methods,
    reason = "the agent measures leases and time-outs"
)]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// A fresh id: of a record, a script file, a job's mark.
#[expect(
    clippy::disallowed_methods,
    reason = "the agent names its own records and files"
)]
pub(crate) fn id() -> Uuid {
    Uuid::new_v4()
}

/// A time as log lines carry it: UTC, seven digits, `Z`.
pub(crate) fn stamp(time: Timestamp) -> String {
    let seconds = time.strftime("%Y-%m-%dT%H:%M:%S");
    format!("{seconds}.{:07}Z", time.subsec_nanosecond() / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_have_seven_digits() {
        let time = Timestamp::new(1_704_164_645, 123_456_789).unwrap();
        assert_eq!(stamp(time), "2024-01-02T03:04:05.1234567Z");
        let whole = Timestamp::new(1_704_164_645, 0).unwrap();
        assert_eq!(stamp(whole), "2024-01-02T03:04:05.0000000Z");
    }
}
