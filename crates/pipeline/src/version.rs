//! Versions of tasks and agents: three numbers, compared one after another. No pre-release rules.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `major.minor.patch`. Ordered by major, then minor, then patch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

/// The text is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version is one to four numbers with dots between, for example `2.182.1`")]
pub struct InvalidVersion;

impl Version {
    /// A version of these numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Whether this version is what `@1` or `@1.2.3` asks for: the major alone, or all three numbers.
    #[must_use]
    pub fn answers(&self, asked: &str) -> bool {
        match asked.parse::<u32>() {
            Ok(major) => self.major == major,
            Err(_) => asked.split('.').count() == 3 && asked.parse() == Ok(*self),
        }
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    /// Missing numbers are 0; a fourth must be a number and does not count.
    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let mut numbers = [0_u32; 4];
        for (count, part) in text.trim().split('.').enumerate() {
            let slot = numbers.get_mut(count).ok_or(InvalidVersion)?;
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(InvalidVersion);
            }
            *slot = part.parse().map_err(|_| InvalidVersion)?;
        }
        Ok(Self::new(numbers[0], numbers[1], numbers[2]))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_not_texts() {
        let parse = |text: &str| text.parse::<Version>().expect("version");
        assert!(parse("2.182.1") > parse("2.99.9"));
        assert!(parse("10.0.0") > parse("9.9.9"));
        assert_eq!(parse("2.182"), parse("2.182.0"));
        assert_eq!(parse("4.248.0.1").to_string(), "4.248.0");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "",
            "1.",
            ".1",
            "1..2",
            "v1",
            "1.2.3-rc",
            "1.2.3.4.5",
            "99999999999",
            "+1",
            "1 .2",
        ] {
            assert_eq!(text.parse::<Version>(), Err(InvalidVersion), "{text:?}");
        }
    }

    #[test]
    fn a_major_asks_for_any_of_that_major_and_three_numbers_for_one() {
        let version = Version::new(1, 274, 0);
        assert!(version.answers("1"));
        assert!(version.answers("1.274.0"));
        assert!(!version.answers("2"));
        assert!(!version.answers("1.273.0"));
        assert!(!version.answers("1.274"));
        assert!(!version.answers("1.x"));
    }
}
