//! What a line of a job's log is made of, for whoever shows it to people: a time, a mark such as `##[section]`, a text.
//! A line is hostile: this takes apart and makes nothing safe. It must not know where it is shown.
//!
//! The marks are those of Azure Pipelines: "Formatting commands" of
//! <https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands>.

/// How a line is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Something failed.
    Error,
    /// Something is not as it should be.
    Warning,
    /// A part of the log begins or ends.
    Section,
    /// A command that was run.
    Command,
    /// For who looks for a mistake.
    Debug,
    /// The title of lines that belong together.
    Group,
    /// Their end.
    EndGroup,
}

const MARKS: &[(&str, Mark)] = &[
    ("##[error]", Mark::Error),
    ("##[warning]", Mark::Warning),
    ("##[section]", Mark::Section),
    ("##[command]", Mark::Command),
    // What tasks write of programs that they start.
    ("[command]", Mark::Command),
    ("##[debug]", Mark::Debug),
    ("##[group]", Mark::Group),
    ("##[endgroup]", Mark::EndGroup),
];

/// A line, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// `2025-01-10T12:24:46.1066667Z`, where it begins with one.
    pub time: Option<&'a str>,
    /// How it is to be shown.
    pub mark: Option<Mark>,
    /// What comes after time and mark.
    pub text: &'a str,
    /// What comes after the time.
    pub marked: &'a str,
}

impl<'a> LogLine<'a> {
    /// Takes a line apart.
    pub fn read(line: &'a str) -> Self {
        // A line without text is a time alone.
        let (time, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (time, marked) = match is_time(time) {
            true => (Some(time), rest),
            false => (None, line),
        };
        let found = MARKS
            .iter()
            .find_map(|(word, mark)| Some((*mark, marked.strip_prefix(word)?)));
        Self {
            time,
            mark: found.map(|(mark, _)| mark),
            text: found.map_or(marked, |(_, text)| text),
            marked,
        }
    }
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

/// Drops the sequences that set colours, and nothing else.
pub fn without_colours(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_taken_off_only_where_they_are_times() {
        let text = |line| LogLine::read(line).marked;
        assert_eq!(
            text("2025-01-10T12:24:46.1066667Z hello there"),
            "hello there"
        );
        assert_eq!(text("2025-01-10T12:24:46.1066667Z "), "");
        assert_eq!(text("2025-01-10T12:24:46Z"), "");
        assert_eq!(text("2025 was a year"), "2025 was a year");
        assert_eq!(text(""), "");
    }

    #[test]
    fn a_mark_is_one_at_the_start_only() {
        let line = LogLine::read("2025-01-10T12:24:46Z ##[error]no ##[warning]x");
        assert_eq!(
            (line.mark, line.text, line.marked),
            (
                Some(Mark::Error),
                "no ##[warning]x",
                "##[error]no ##[warning]x"
            )
        );
        assert_eq!(LogLine::read("##[endgroup]").mark, Some(Mark::EndGroup));
        assert_eq!(LogLine::read("[command]/bin/ls").text, "/bin/ls");
        for other in [" ##[error]no", "##[unheard]of", "##[Error]no"] {
            let line = LogLine::read(other);
            assert_eq!((line.mark, line.text), (None, other));
        }
    }

    #[test]
    fn only_colours_are_dropped() {
        let line = "a\u{1b}[31;1mb\u{1b}[mc\u{1b}[2Jd\u{1b}]0;title\u{7}\u{1b}[";
        assert_eq!(
            without_colours(line),
            "abc\u{1b}[2Jd\u{1b}]0;title\u{7}\u{1b}["
        );
    }
}
