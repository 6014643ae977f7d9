//! Lines of a job's log, as a person sees them.

use super::{escaped, paint};
use coffer_wire::log_line::{LogLine, Mark, without_colours};

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
    let read = LogLine::read(line);
    let text = if style.timestamps { line } else { read.marked };
    let colour = read.mark.and_then(|mark| match mark {
        Mark::Error => Some("31"),
        Mark::Warning => Some("33"),
        Mark::Section => Some("32"),
        Mark::Command => Some("36"),
        Mark::Debug => Some("35"),
        Mark::Group | Mark::EndGroup => None,
    });
    let plain = without_colours(text);
    let safe: Vec<_> = plain.split('\t').map(escaped).collect();
    let safe = safe.join("\t");
    match colour {
        Some(code) => paint(style.colour, code, &safe),
        None => safe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dropped_unless_they_are_kept() {
        let line = "2025-01-10T12:24:46Z x";
        assert_eq!(log_line(line, LogStyle::default()), "x");
        let kept = LogStyle {
            timestamps: true,
            ..LogStyle::default()
        };
        assert_eq!(log_line(line, kept), line);
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
