//! Lines of a job's log, as a person sees them.

use super::{escaped, paint};

/// How to show log lines.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LogStyle {
    /// Keep the time at the start of each line.
    pub(crate) timestamps: bool,
    /// Colour the lines that begin with `##[…]`.
    pub(crate) colour: bool,
}

/// A line of a log, escaped. Tabs stay; colours that a job wrote do not.
pub(crate) fn log_line(line: &str, style: LogStyle) -> String {
    let text = if style.timestamps {
        line
    } else {
        without_time(line)
    };
    let colour = [
        ("##[error]", "31"),
        ("##[warning]", "33"),
        ("##[section]", "32"),
        ("##[command]", "36"),
        ("##[debug]", "35"),
    ]
    .into_iter()
    .find(|(mark, _)| text.starts_with(mark))
    .map(|(_, code)| code);
    let plain = without_colours(text);
    let safe: Vec<_> = plain.split('\t').map(escaped).collect();
    let safe = safe.join("\t");
    match colour {
        Some(code) => paint(style.colour, code, &safe),
        None => safe,
    }
}

/// Drops the sequences that set colours and nothing else; all others are spelled out by the escape.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        let after = &rest[at + 2..];
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';');
        plain.push_str(&rest[..at]);
        match end.filter(|end| after[*end..].starts_with('m')) {
            Some(end) => rest = &after[end + 1..],
            None => {
                plain.push_str("\u{1b}[");
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// Drops `2025-01-10T12:24:46.1066667Z ` from the start of a line.
fn without_time(line: &str) -> &str {
    let Some((time, rest)) = line.split_once(' ') else {
        // A line without text is a time alone.
        return if is_time(line) { "" } else { line };
    };
    if is_time(time) { rest } else { line }
}

fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    (20..=32).contains(&bytes.len())
        && bytes.ends_with(b"Z")
        && bytes[4] == b'-'
        && bytes[10] == b'T'
        && bytes[..bytes.len() - 1]
            .iter()
            .all(|b| b.is_ascii_digit() || b"-:.T".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dropped_only_where_they_are_times() {
        let plain = |line| log_line(line, LogStyle::default());
        assert_eq!(
            plain("2025-01-10T12:24:46.1066667Z hello there"),
            "hello there"
        );
        assert_eq!(plain("2025-01-10T12:24:46.1066667Z "), "");
        assert_eq!(plain("2025-01-10T12:24:46Z"), "");
        assert_eq!(plain("2025 was a year"), "2025 was a year");
        assert_eq!(plain(""), "");
        let kept = LogStyle {
            timestamps: true,
            ..LogStyle::default()
        };
        assert!(log_line("2025-01-10T12:24:46Z x", kept).starts_with("2025"));
    }

    #[test]
    fn a_job_cannot_act_on_the_terminal() {
        let style = LogStyle {
            timestamps: false,
            colour: true,
        };
        let line = log_line(
            "a\tb\u{1b}]0;title\u{7}\u{1b}[8mc\u{1b}[2J\u{1b}[1;31m!\u{1b}[",
            style,
        );
        assert_eq!(line, "a\tb\\u{1b}]0;title\\u{7}c\\u{1b}[2J!\\u{1b}[");
        assert_eq!(
            log_line("##[error]no", style),
            "\u{1b}[31m##[error]no\u{1b}[0m"
        );
    }
}
