//! Counting: what the test runners say at their end, added up.

use std::fmt;

/// How many passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

impl Tally {
    /// One check that is as good as a test.
    pub(super) fn of(passed: bool) -> Self {
        Self {
            passed: usize::from(passed),
            failed: usize::from(!passed),
            skipped: 0,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// Tests that ended well by doing nothing: they did not pass.
    /// Where everything has to be there (`strict`), they failed.
    pub(super) fn take_back(&mut self, count: usize, strict: bool) {
        self.passed = self.passed.saturating_sub(count);
        if strict {
            self.failed += count;
        } else {
            self.skipped += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(
            formatter,
            "{passed} passed, {failed} failed, {skipped} skipped"
        )
    }
}

/// Who runs the tests. Each closes in its own words, and shows those of others when a test
/// fails; only its own count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    Nextest,
    Cargo,
}

impl Runner {
    /// Reads a closing line of this runner, if this is one.
    pub(super) fn closing_line(self, line: &str) -> Option<Tally> {
        let line = line.trim();
        match self {
            Self::Nextest => {
                let (_, counts) = line.strip_prefix("Summary [")?.split_once(" run: ")?;
                Some(nextest(counts))
            }
            Self::Cargo => {
                let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
                Some(cargo(counts))
            }
        }
    }
}

/// `3 passed (1 slow, 1 leaky), 1 failed, 1 timed out, 2 skipped`
fn nextest(counts: &str) -> Tally {
    let mut flat = String::new();
    let mut depth = 0_usize;
    for character in counts.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => flat.push(character),
            _ => {}
        }
    }
    sum(flat.split(','))
}

/// `3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`
fn cargo(counts: &str) -> Tally {
    sum(counts.split(';'))
}

fn sum<'a>(counts: impl Iterator<Item = &'a str>) -> Tally {
    let mut tally = Tally::default();
    for count in counts {
        let Some((number, what)) = count.trim().split_once(' ') else {
            continue;
        };
        let Ok(number) = number.parse::<usize>() else {
            continue;
        };
        match what.trim() {
            "passed" => tally.passed += number,
            "skipped" | "ignored" => tally.skipped += number,
            "failed" | "timed out" | "exec failed" | "failed due to signal" => {
                tally.failed += number;
            }
            _ => {} // measured, filtered out
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: usize, failed: usize, skipped: usize) -> Option<Tally> {
        Some(Tally {
            passed,
            failed,
            skipped,
        })
    }

    const NEXTEST: &str = "     Summary [   0.013s] 2 tests run: 2 passed, 1 skipped";
    const CARGO: &str = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; \
                         7 filtered out; finished in 0.00s";

    #[test]
    fn the_closing_line_of_nextest() {
        let read = |line| Runner::Nextest.closing_line(line);
        assert_eq!(read(NEXTEST), tally(2, 0, 1));
        let line = "Summary [  1.2s] 1 test run: 1 passed, 0 skipped";
        assert_eq!(read(line), tally(1, 0, 0));
        let line = "Summary [ 61.0s] 9/10 tests run: 5 passed (2 slow, 1 leaky), 1 failed, \
                    1 timed out, 2 exec failed, 3 skipped";
        assert_eq!(read(line), tally(5, 4, 3));
    }

    #[test]
    fn the_closing_line_of_cargo_test() {
        let read = |line| Runner::Cargo.closing_line(line);
        assert_eq!(read(CARGO), tally(3, 0, 1));
        let line = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(read(line), tally(1, 2, 0));
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in [
            "running 3 tests",
            "test a ... ok",
            "3 passed",
            "Summary of it",
            CARGO,
        ] {
            assert_eq!(Runner::Nextest.closing_line(line), None, "{line}");
        }
        assert_eq!(Runner::Cargo.closing_line(NEXTEST), None);
    }

    #[test]
    fn a_test_that_did_nothing_did_not_pass() {
        let mut loose = Tally::of(true);
        loose.take_back(1, false);
        assert_eq!(Some(loose), tally(0, 0, 1));
        let mut strict = Tally::of(true);
        strict.take_back(1, true);
        assert_eq!(Some(strict), tally(0, 1, 0));
    }

    #[test]
    fn the_last_line_has_the_form_that_others_read() {
        let text = Tally {
            passed: 12,
            failed: 0,
            skipped: 3,
        };
        assert_eq!(text.to_string(), "12 passed, 0 failed, 3 skipped");
    }
}
