//! The number of a run, by the format that `name:` of a pipeline gives: text, variables, and tokens such as
//! `$(Date:yyyyMMdd)` and `$(Rev:r)`. It must not know what was counted before, nor what time it is.

use crate::{diagnostic::quotable, expression::Timestamp, macros, words};

/// Most characters of a run's number, as the public documentation has it.
pub const MAX_LENGTH: usize = 255;
/// Characters that a run's number may not hold, as the public documentation has it.
const FORBIDDEN: [char; 10] = ['"', '/', ':', '<', '>', '\\', '|', '?', '@', '*'];
/// Digits that an id or a revision is reckoned with, before it is known.
const DIGITS: usize = 10;
const RULE: &str = "leave out each of \" / : < > \\ | ? @ * and a `.` at the end";

/// A part of a run's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NumberPart {
    /// Text.
    Text(String),
    /// The id of the run.
    Id,
    /// How many runs had the same number but for this part, with at least so many digits.
    Revision(usize),
}

/// What is wrong with a format, or with what it becomes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NumberError {
    /// What is wrong, in words.
    pub message: String,
    /// Byte offset into the text.
    pub offset: usize,
    /// What to do next.
    pub hint: String,
}

/// The number of a run that starts at a moment. Variables are replaced first, with those in their values; then tokens. What
/// is neither stays as it is.
///
/// # Errors
///
/// [`NumberError`] for a token that cannot be read, and for a number with characters it may not hold, an empty one, or one
/// that is too long.
pub fn number(
    format: &str,
    at: Timestamp,
    mut variable: impl FnMut(&str) -> Option<String>,
) -> Result<Vec<NumberPart>, NumberError> {
    let text = macros::expand_nested(format, |name| {
        // What only a token stands for.
        match Token::read(name) {
            Some(_) => None,
            None => variable(name),
        }
    })
    .text;
    let mut parts = Parts::default();
    for piece in pieces(&text) {
        match piece {
            Piece::Text { text, .. } => parts.text(text),
            Piece::Token { offset, token } => {
                let wrong = |(message, hint)| NumberError {
                    message,
                    offset,
                    hint,
                };
                token.write(at, &mut variable, &mut parts).map_err(wrong)?;
            }
        }
    }
    let parts = parts.0;
    check_whole(&parts)?;
    Ok(parts)
}

/// What is wrong with a format whatever its variables are.
///
/// # Errors
///
/// As [`number`].
pub(crate) fn check(format: &str) -> Result<(), NumberError> {
    let mut parts = Parts::default();
    for piece in pieces(format) {
        match piece {
            Piece::Text { offset, text } => {
                if let Some((at, c)) = forbidden(text) {
                    return Err(may_not_hold(c, offset + at));
                }
                parts.text(text);
            }
            Piece::Token { offset, token } => {
                let mut own = Parts::default();
                let wrong = |(message, hint)| NumberError {
                    message,
                    offset,
                    hint,
                };
                token
                    .write(Timestamp::new(0, 0), &mut |_| None, &mut own)
                    .map_err(wrong)?;
                for part in own.0 {
                    let NumberPart::Text(text) = part else {
                        parts.0.push(part);
                        continue;
                    };
                    if let Some((_, c)) = forbidden(&text) {
                        return Err(may_not_hold(c, offset));
                    }
                    parts.text(&text);
                }
            }
        }
    }
    check_whole(&parts.0)
}

/// Names between `$(` and `)` that are no tokens, with their byte offsets.
pub(crate) fn variables(format: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((open, inner)) = next_macro(format, at) {
        if Token::read(inner).is_none() {
            found.push((open, inner));
        }
        at = open + 2;
    }
    found
}

fn check_whole(parts: &[NumberPart]) -> Result<(), NumberError> {
    let mut length = 0;
    for part in parts {
        let NumberPart::Text(text) = part else {
            length += DIGITS;
            continue;
        };
        if let Some((_, c)) = forbidden(text) {
            let NumberError { message, hint, .. } = may_not_hold(c, 0);
            let shown = quotable(text);
            return Err(NumberError {
                message: format!("{message}, and its part `{shown}` does"),
                offset: 0,
                hint,
            });
        }
        length += text.chars().count();
    }
    if length > MAX_LENGTH {
        return Err(NumberError {
            message: format!(
                "a run number has at most {MAX_LENGTH} characters, and this one has {length}"
            ),
            offset: 0,
            hint: "shorten `name:`, or the variables in it".to_owned(),
        });
    }
    match parts.last() {
        Some(NumberPart::Text(text)) if text.ends_with('.') => Err(ends_with_dot()),
        Some(NumberPart::Text(text)) if parts.len() == 1 && text.trim().is_empty() => Err(empty()),
        None => Err(empty()),
        _ => Ok(()),
    }
}

fn forbidden(text: &str) -> Option<(usize, char)> {
    text.char_indices()
        .find(|(_, c)| FORBIDDEN.contains(c) || c.is_control())
}

fn may_not_hold(c: char, offset: usize) -> NumberError {
    let shown = if c.is_control() {
        "a control character".to_owned()
    } else {
        format!("`{c}`")
    };
    NumberError {
        message: format!("a run number may not hold {shown}"),
        offset,
        hint: RULE.to_owned(),
    }
}

fn ends_with_dot() -> NumberError {
    NumberError {
        message: "a run number may not end with `.`".to_owned(),
        offset: 0,
        hint: RULE.to_owned(),
    }
}

fn empty() -> NumberError {
    NumberError {
        message: "the run number is empty".to_owned(),
        offset: 0,
        hint: "remove `name:`: then the number is the id of the run".to_owned(),
    }
}

/// Parts, with neighbouring texts joined.
#[derive(Default)]
struct Parts(Vec<NumberPart>);

impl Parts {
    fn text(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(NumberPart::Text(last)) => last.push_str(text),
            _ => self.0.push(NumberPart::Text(text.to_owned())),
        }
    }
}

enum Piece<'a> {
    Text { offset: usize, text: &'a str },
    Token { offset: usize, token: Token<'a> },
}

/// The next `$(…)` from a byte on: where it begins, and what stands inside.
fn next_macro(text: &str, from: usize) -> Option<(usize, &str)> {
    let open = from + text.get(from..)?.find("$(")?;
    let inner = text.get(open + 2..)?;
    let end = inner.find(')')?;
    Some((open, &inner[..end]))
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some((open, inner)) = next_macro(text, at) {
        let Some(token) = Token::read(inner) else {
            at = open + 2;
            continue;
        };
        pieces.push(Piece::Text {
            offset: from,
            text: &text[from..open],
        });
        pieces.push(Piece::Token {
            offset: open,
            token,
        });
        at = open + 2 + inner.len() + 1;
        from = at;
    }
    pieces.push(Piece::Text {
        offset: from,
        text: &text[from..],
    });
    pieces
}

/// `$(name)` or `$(name:pattern)` with a name of those that mean something in a run number alone.
#[derive(Clone, Copy)]
struct Token<'a> {
    name: &'static str,
    means: Means,
    pattern: Option<&'a str>,
}

#[derive(Clone, Copy)]
enum Means {
    Revision,
    Id,
    /// A part of the date, by its pattern when none is given.
    Date(&'static str),
    DayOfYear,
    /// Another name of a predefined variable.
    Variable(&'static str),
}

/// The tokens of the public documentation. Their names ignore case.
const TOKENS: [(&str, Means); 14] = [
    ("Rev", Means::Revision),
    ("Build.BuildId", Means::Id),
    ("BuildID", Means::Id),
    ("Date", Means::Date("yyyyMMdd")),
    ("Year", Means::Date("yyyy")),
    ("Month", Means::Date("%M")),
    ("DayOfMonth", Means::Date("%d")),
    ("DayOfYear", Means::DayOfYear),
    ("Hours", Means::Date("%H")),
    ("Minutes", Means::Date("%m")),
    ("Seconds", Means::Date("%s")),
    ("TeamProject", Means::Variable("System.TeamProject")),
    (
        "BuildDefinitionName",
        Means::Variable("Build.DefinitionName"),
    ),
    (
        "SourceBranchName",
        Means::Variable("Build.SourceBranchName"),
    ),
];

type Wrong = (String, String);

impl<'a> Token<'a> {
    fn read(inner: &'a str) -> Option<Self> {
        let (name, pattern) = match inner.split_once(':') {
            Some((name, pattern)) => (name, Some(pattern)),
            None => (inner, None),
        };
        let (name, means) = TOKENS.iter().find(|(known, _)| words::same(known, name))?;
        Some(Self {
            name,
            means: *means,
            pattern,
        })
    }

    fn write(
        self,
        at: Timestamp,
        variable: &mut dyn FnMut(&str) -> Option<String>,
        parts: &mut Parts,
    ) -> Result<(), Wrong> {
        match (self.means, self.pattern) {
            (Means::Revision, pattern) => self.revision(pattern, parts)?,
            (Means::Date(usual), pattern) => parts.text(&self.date(at, pattern.unwrap_or(usual))?),
            (_, Some(_)) => {
                let hint = format!("write `$({})`", self.name);
                return Err((format!("`{}` has no format", self.name), hint));
            }
            (Means::Id, None) => parts.0.push(NumberPart::Id),
            (Means::DayOfYear, None) => parts.text(&at.day_of_year().to_string()),
            (Means::Variable(name), None) => match variable(name) {
                Some(value) => parts.text(&value),
                None => parts.text(&format!("$({})", self.name)),
            },
        }
        Ok(())
    }

    /// `r` for each digit at least, with text around it.
    fn revision(self, pattern: Option<&str>, parts: &mut Parts) -> Result<(), Wrong> {
        let pattern = pattern.unwrap_or_default();
        let begin = pattern.find('r');
        let digits = begin.map_or(0, |begin| {
            pattern[begin..].chars().take_while(|c| *c == 'r').count()
        });
        let rest = begin.and_then(|begin| pattern.get(begin + digits..));
        let (Some(begin), Some(rest), 1..=DIGITS) = (begin, rest, digits) else {
            let message = format!(
                "`$(Rev{})` does not say where the revision goes",
                shown(self.pattern)
            );
            let hint = "write `$(Rev:r)`, or `$(Rev:rr)` for at least two digits".to_owned();
            return Err((message, hint));
        };
        parts.text(&pattern[..begin]);
        parts.0.push(NumberPart::Revision(digits));
        parts.text(rest);
        Ok(())
    }

    fn date(self, at: Timestamp, pattern: &str) -> Result<String, Wrong> {
        let alone = pattern.len() == 1;
        let whole = if alone {
            at.format(&format!("%{pattern}"))
        } else {
            at.format(pattern)
        };
        whole.map_err(|wrong| {
            let message = format!("`$({}{})`: {wrong}", self.name, shown(self.pattern));
            (message, "write for example `$(Date:yyyyMMdd)`".to_owned())
        })
    }
}

fn shown(pattern: Option<&str>) -> String {
    pattern.map_or_else(String::new, |pattern| format!(":{}", quotable(pattern)))
}

#[cfg(test)]
mod tests;
