//! Recognises logging commands in a line of output: `##vso[area.event name=value;]data`. Pure.

use std::fmt;

const PREFIX: &str = "##vso[";

/// What a line is.
pub(crate) enum Line {
    /// Output to be printed.
    Text,
    /// It holds `##vso` and is no command: printed, with a hint.
    Malformed,
    /// A command; not printed.
    Command(Command),
}

/// A command. May hold a secret: no `Debug` of its values.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// Lower case.
    pub(crate) area: String,
    /// Lower case.
    pub(crate) event: String,
    /// Names in lower case; values unescaped.
    properties: Vec<(String, String)>,
    /// Unescaped.
    pub(crate) data: String,
}

impl Command {
    /// The value of a property; empty when absent. The last one counts.
    pub(crate) fn property(&self, name: &str) -> &str {
        self.properties
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    /// Whether a property is `true`, in any case.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.property(name).trim().eq_ignore_ascii_case("true")
    }

    /// `area.event`.
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.area, self.event)
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// Reads a line. `percents` says whether `%AZP25` stands for `%`.
pub(crate) fn parse(line: &str, percents: bool) -> Line {
    match command(line, percents) {
        Some(command) => Line::Command(command),
        None if line.contains("##vso") => Line::Malformed,
        None => Line::Text,
    }
}

fn command(line: &str, percents: bool) -> Option<Command> {
    let start = line.find(PREFIX)? + PREFIX.len();
    let rest = &line[start..];
    let end = rest.find(']')?;
    let (head, data) = (&rest[..end], &rest[end + 1..]);
    let (name, properties) = head.trim().split_once(' ').unwrap_or((head.trim(), ""));
    let mut parts = name.split('.').filter(|part| !part.is_empty());
    let (area, event) = (parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let properties = properties
        .split(';')
        .filter_map(|part| part.split_once('='))
        .map(|(key, value)| (key.trim().to_lowercase(), value))
        .filter(|(key, value)| !key.is_empty() && !value.is_empty())
        .map(|(key, value)| (key, unescape(value, percents)))
        .collect();
    Some(Command {
        area: area.to_lowercase(),
        event: event.to_lowercase(),
        properties,
        data: unescape(data, percents),
    })
}

/// The order matters: `%AZP25` comes last, so that `%AZP253B` stays `%3B`.
pub(crate) fn unescape(text: &str, percents: bool) -> String {
    let text = text
        .replace("%3B", ";")
        .replace("%0D", "\r")
        .replace("%0A", "\n")
        .replace("%5D", "]");
    if percents {
        text.replace("%AZP25", "%")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Command> {
        match parse(line, true) {
            Line::Command(command) => Some(command),
            _ => None,
        }
    }

    #[test]
    fn commands_are_found_in_any_line() {
        let command =
            read("noise ##vso[Task.SetVariable Variable=X;isSecret=TRUE;]va=l;ue]more").unwrap();
        assert_eq!(command.name(), "task.setvariable");
        assert_eq!(command.property("variable"), "X");
        assert!(command.flag("issecret"));
        assert_eq!(command.data, "va=l;ue]more");
        let bare = read("##vso[task.complete]done").unwrap();
        assert_eq!(
            (
                bare.name().as_str(),
                bare.property("result"),
                bare.data.as_str()
            ),
            ("task.complete", "", "done")
        );
    }

    #[test]
    fn values_are_unescaped_in_order() {
        for (written, meant) in [
            ("a%3Bb%5Dc", "a;b]c"),
            ("l1%0Al2%0D", "l1\nl2\r"),
            ("100%AZP25", "100%"),
            ("%AZP253B", "%3B"),
            ("%25 %3b", "%25 %3b"),
        ] {
            let command = read(&format!("##vso[task.debug p={written}]{written}")).unwrap();
            assert_eq!(
                (command.property("p"), command.data.as_str()),
                (meant, meant),
                "{written}"
            );
        }
        assert!(matches!(parse("##vso[a.b]%AZP25", false), Line::Command(c) if c.data == "%AZP25"));
    }

    #[test]
    fn properties_without_a_value_are_dropped_and_values_may_hold_equals_signs() {
        let command = read("##vso[task.logissue type=error;;code;sourcepath=a=b;line=]m").unwrap();
        assert_eq!(command.property("sourcepath"), "a=b");
        assert_eq!(
            (command.property("code"), command.property("line")),
            ("", "")
        );
    }

    #[test]
    fn what_is_no_command_is_told_apart() {
        for (line, malformed) in [
            ("plain", false),
            ("##[error]text", false),
            ("##VSO[task.debug]x", false),
            ("##vso[task.debug x", true),
            ("##vso[taskdebug]x", true),
            ("##vso[task.debug.more]x", true),
            ("##vso[.debug]x", true),
            ("##vso[]x", true),
            ("say ##vso", true),
        ] {
            match parse(line, true) {
                Line::Text => assert!(!malformed, "{line}"),
                Line::Malformed => assert!(malformed, "{line}"),
                Line::Command(_) => panic!("{line} is a command"),
            }
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let command = read("##vso[task.setvariable variable=x]hunter2").unwrap();
        assert!(!format!("{command:?}").contains("hunter2"));
    }
}
