//! A moment in UTC and its text by a pattern such as `yyyyMMdd`, as `format('{0:yyyyMMdd}', pipeline.startTime)` asks for.
//! It must not know what time it is: moments are handed in.

use std::fmt;

/// A moment in UTC. Only those from the year 1 to 9999 have a text; others are shown as the nearest of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    seconds: i64,
    nanoseconds: u32,
}

/// The first second of the year 1, and the last of 9999.
const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_402_300_799;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

struct Civil {
    year: i64,
    month: usize,
    day: i64,
    weekday: usize,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Timestamp {
    /// So many seconds after 1970-01-01 00:00:00, and nanoseconds after that.
    #[must_use]
    pub fn new(seconds: i64, nanoseconds: u32) -> Self {
        Self {
            seconds: seconds.clamp(FIRST, LAST),
            nanoseconds: nanoseconds.min(999_999_999),
        }
    }

    fn civil(self) -> Civil {
        let days = self.seconds.div_euclid(86_400);
        let rest = self.seconds.rem_euclid(86_400);
        // Years are counted from 1 March of the year 0, so that the leap day is the last of a year; 400 years are one round.
        let from_march = days + 719_468;
        let (round, day) = (
            from_march.div_euclid(146_097),
            from_march.rem_euclid(146_097),
        );
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let january = month >= 10;
        Civil {
            year: round * 400 + year + i64::from(january),
            month: usize::try_from(if january { month - 9 } else { month + 3 }).unwrap_or(1),
            day: day - (153 * month + 2) / 5 + 1,
            weekday: usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0),
            hour: rest / 3_600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }

    /// Which day of its year it is, from 1.
    #[must_use]
    pub fn day_of_year(self) -> i64 {
        let Civil {
            year, month, day, ..
        } = self.civil();
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
        before.get(month - 1).unwrap_or(&0) + i64::from(leap && month > 2) + day
    }

    /// The text by a pattern: letters repeated (`yyyy`, `MM`, `dd`, `HH`, `mm`, `ss`, `fff`, `K` …) become a part of the moment,
    /// text in quotes or after `\` stays, and so does all else.
    ///
    /// # Errors
    ///
    /// What is wrong with the pattern, in words.
    pub fn format(self, pattern: &str) -> Result<String, String> {
        let civil = self.civil();
        let mut out = String::new();
        let mut rest = pattern.strip_prefix('%').unwrap_or(pattern);
        if rest.len() == pattern.len() && pattern.len() == 1 && is_part(pattern) {
            return Err(format!(
                "`{pattern}` alone names a format of the machine's language, which is not known here; for the part of the date write `%{pattern}`"
            ));
        }
        while let Some(c) = rest.chars().next() {
            let count = rest.chars().take_while(|other| *other == c).count();
            let length = count * c.len_utf8();
            match c {
                '\'' | '"' => {
                    let Some(end) = rest[1..].find(c) else {
                        return Err(format!("the date format has a {c} that is never closed"));
                    };
                    out.push_str(&rest[1..=end]);
                    rest = &rest[end + 2..];
                    continue;
                }
                '\\' => {
                    let mut after = rest[1..].chars();
                    let Some(kept) = after.next() else {
                        return Err("the date format ends with `\\`".to_owned());
                    };
                    out.push(kept);
                    rest = after.as_str();
                    continue;
                }
                _ if is_part(&rest[..c.len_utf8()]) => {
                    let part = self.part(&civil, c, count).ok_or_else(|| {
                        format!("`{}` is no part of a date format", &rest[..length.min(20)])
                    })?;
                    out.push_str(&part);
                }
                _ => out.push_str(&rest[..length]),
            }
            rest = &rest[length..];
        }
        Ok(out)
    }

    fn part(self, civil: &Civil, letter: char, count: usize) -> Option<String> {
        let padded = |value: i64, most: usize| (count <= most).then(|| format!("{value:0count$}"));
        let half = |hour: i64| if hour % 12 == 0 { 12 } else { hour % 12 };
        match (letter, count) {
            ('y', 1 | 2) => padded(civil.year % 100, 2),
            ('y', _) => padded(civil.year, 5),
            ('M', 3) => Some(MONTHS.get(civil.month - 1)?.get(..3)?.to_owned()),
            ('M', 4) => Some((*MONTHS.get(civil.month - 1)?).to_owned()),
            ('M', _) => padded(i64::try_from(civil.month).ok()?, 2),
            ('d', 3) => Some(DAYS.get(civil.weekday)?.get(..3)?.to_owned()),
            ('d', 4) => Some((*DAYS.get(civil.weekday)?).to_owned()),
            ('d', _) => padded(civil.day, 2),
            ('H', _) => padded(civil.hour, 2),
            ('h', _) => padded(half(civil.hour), 2),
            ('m', _) => padded(civil.minute, 2),
            ('s', _) => padded(civil.second, 2),
            ('f', 1..=7) => format!("{:09}", self.nanoseconds)
                .get(..count)
                .map(str::to_owned),
            ('K', 1) | ('z', 3) => Some("+00:00".to_owned()),
            ('z', 1) => Some("+0".to_owned()),
            ('z', 2) => Some("+00".to_owned()),
            ('t', 1) => Some(if civil.hour < 12 { "A" } else { "P" }.to_owned()),
            ('t', 2) => Some(if civil.hour < 12 { "AM" } else { "PM" }.to_owned()),
            _ => None,
        }
    }
}

fn is_part(letter: &str) -> bool {
    matches!(
        letter,
        "y" | "M" | "d" | "H" | "h" | "m" | "s" | "f" | "K" | "z" | "t"
    )
}

impl fmt::Display for Timestamp {
    /// As `System.PipelineStartTime` looks: `2026-01-31 23:59:00+00:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.civil();
        write!(
            f,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}+00:00",
            at.year, at.month, at.day, at.hour, at.minute, at.second
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_their_calendar_days() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00+00:00"),
            (951_782_400, "2000-02-29 00:00:00+00:00"),
            (1_709_251_199, "2024-02-29 23:59:59+00:00"),
            (4_107_542_400, "2100-03-01 00:00:00+00:00"),
            (-1, "1969-12-31 23:59:59+00:00"),
            (i64::MIN, "0001-01-01 00:00:00+00:00"),
            (i64::MAX, "9999-12-31 23:59:59+00:00"),
        ] {
            assert_eq!(Timestamp::new(seconds, 0).to_string(), text);
        }
    }

    #[test]
    fn days_of_a_year_are_counted_from_one() {
        for (seconds, day) in [
            (1_704_067_200, 1),
            (1_709_251_199, 60),
            (1_735_603_200, 366),
            (1_767_139_200, 365),
        ] {
            assert_eq!(Timestamp::new(seconds, 0).day_of_year(), day, "{seconds}");
        }
    }

    #[test]
    fn every_part_of_a_pattern() {
        // A Thursday.
        let at = Timestamp::new(1_709_221_507, 123_456_789);
        for (pattern, text) in [
            ("yyyyMMdd", "20240229"),
            ("yy.M.d", "24.2.29"),
            ("yyyy-MM-ddTHH:mm:ss.fffK", "2024-02-29T15:45:07.123+00:00"),
            ("H:m:s", "15:45:7"),
            ("hh tt h t", "03 PM 3 P"),
            ("ddd dddd MMM MMMM", "Thu Thursday Feb February"),
            ("f ff fff ffff fffffff", "1 12 123 1234 1234567"),
            ("z zz zzz", "+0 +00 +00:00"),
            ("%d", "29"),
            ("'day' d \"m\" \\d", "day 29 m d"),
            ("d é", "29 é"),
            ("", ""),
        ] {
            assert_eq!(at.format(pattern).as_deref(), Ok(text), "{pattern}");
        }
        for bad in ["d", "ddddd", "HHH", "ffffffff", "yyyyyy", "'a", "a\\", "KK"] {
            assert!(at.format(bad).is_err(), "{bad}");
        }
    }
}
