//! Errors and warnings with their place: the file, the line, the column, the text of that line, and, inside a template, the
//! way there. Knows nothing of pipelines.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::lines::{Lines, number};

/// At most this many errors are kept; a person corrects the first ones anyway.
const MAX_KEPT: usize = 100;
/// Values quoted in messages are cut at this many characters.
const MAX_QUOTED: usize = 120;
/// Characters of a line that an excerpt shows before its place; as many again may follow.
const EXCERPT_BEFORE: u32 = 60;

/// One thing that is wrong (or, in a plan, worth knowing), and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// The path given in [`crate::Source`], or that of a template (`path@alias` for one of another repository).
    pub file: String,
    /// First line is 1.
    pub line: u32,
    /// First column is 1, counted in characters.
    pub column: u32,
    /// What is wrong; readable alone.
    pub message: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// For programs.
    pub code: Code,
    /// For programs: the name of what it is about, where the code says what that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The line that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Excerpt>,
    /// Inside a template: where it was used, the nearest use first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_at: Vec<Location>,
}

/// A line, or the part of a long one around a place, fit for a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Excerpt {
    /// The text, without the line end.
    pub text: String,
    /// The character of `text` that the place is at, from 0.
    pub caret: u32,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// As in [`Diagnostic::file`].
    pub file: String,
    /// First line is 1.
    pub line: u32,
    /// First column is 1.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {}",
            self.file, self.line, self.column, self.message
        )?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        for place in &self.used_at {
            write!(f, "\n  used at {place}")?;
        }
        Ok(())
    }
}

/// The kind of a [`Diagnostic`]. The texts may change, these do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Code {
    /// Not YAML, or not an expression.
    Syntax,
    /// Larger, deeper or more than is read.
    Limit,
    /// Valid for Azure Pipelines, not understood here yet.
    NotSupported,
    /// A key that no object of this kind has.
    UnknownKey,
    /// The same key twice in one mapping.
    DuplicateKey,
    /// A mapping where a text is expected, and the like.
    WrongType,
    /// A value outside what is allowed.
    InvalidValue,
    /// Something that must be there is not.
    Missing,
    /// A name that may not be used.
    InvalidName,
    /// The same name twice.
    DuplicateName,
    /// No such task, or not in this version.
    UnknownTask,
    /// No such secure file.
    SecureFileNotFound,
    /// Several secure files fit the name.
    SecureFileAmbiguous,
    /// Understood and planned, and this server cannot run it yet.
    CannotRun,
    /// No such template file, or no such repository.
    FileNotFound,
    /// A parameter that a template does not declare, or a value that one does not take.
    Parameter,
    /// A parameter of the pipeline itself that has no default, and was not given. The subject is its name.
    ParameterRequired,
    /// An expression that cannot be evaluated.
    Expression,
    /// Warning: understood, and without effect here.
    Ignored,
    /// Warning: probably not what was meant.
    Suspicious,
}

impl fmt::Display for Code {
    /// As it is serialised.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A point in a text: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Which text, and by which way it was reached.
    pub(crate) frame: Frame,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    /// The beginning of the pipeline's own file.
    pub(crate) const START: Self = Self {
        frame: Frame::ROOT,
        line: 1,
        column: 1,
    };
}

/// One use of one file. A template that is used twice has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Frame(u32);

impl Frame {
    /// The pipeline's own file.
    pub(crate) const ROOT: Self = Self(0);

    /// The first place of the file.
    pub(crate) fn start(self) -> Place {
        Place {
            frame: self,
            ..Place::START
        }
    }
}

/// What stands behind a [`Frame`].
#[derive(Debug)]
struct Used {
    file: Arc<str>,
    text: Arc<str>,
    at: Option<Place>,
}

/// Collects what is found while texts are read, so that several errors come at once.
#[derive(Debug)]
pub(crate) struct Report {
    frames: Vec<Used>,
    errors: Vec<Found>,
    warnings: Vec<Found>,
    refusals: Vec<Found>,
    dropped: bool,
}

/// A diagnostic that does not know its file yet.
#[derive(Debug, PartialEq)]
struct Found {
    code: Code,
    place: Place,
    message: String,
    hint: String,
    subject: Option<String>,
}

impl Report {
    /// For a pipeline with that name and text.
    pub(crate) fn new(file: &str, text: &str) -> Self {
        let root = Used {
            file: quotable(file).into(),
            text: text.into(),
            at: None,
        };
        Self {
            frames: vec![root],
            errors: Vec::new(),
            warnings: Vec::new(),
            refusals: Vec::new(),
            dropped: false,
        }
    }

    /// Another file comes in, used at a place.
    pub(crate) fn enter(&mut self, file: &str, text: Arc<str>, at: Place) -> Frame {
        let frame = Frame(u32::try_from(self.frames.len()).unwrap_or(u32::MAX));
        self.frames.push(Used {
            file: quotable(file).into(),
            text,
            at: Some(at),
        });
        frame
    }

    pub(crate) fn error(
        &mut self,
        code: Code,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.keep(Found {
            code,
            place,
            message: message.into(),
            hint: hint.into(),
            subject: None,
        });
    }

    /// A parameter of the pipeline itself must be given.
    pub(crate) fn parameter_required(&mut self, name: &str, place: Place, hint: String) {
        self.keep(Found {
            code: Code::ParameterRequired,
            place,
            message: format!(
                "A value for the '{}' parameter must be provided.",
                quotable(name)
            ),
            hint,
            subject: Some(name.to_owned()),
        });
    }

    fn keep(&mut self, error: Found) {
        if self.told(&self.errors, &error) {
            return;
        }
        if self.is_full() {
            self.dropped = true;
        } else {
            self.errors.push(error);
        }
    }

    pub(crate) fn warn(
        &mut self,
        code: Code,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let found = Found {
            code,
            place,
            message: message.into(),
            hint: hint.into(),
            subject: None,
        };
        if !self.is_full_of_warnings() && !self.told(&self.warnings, &found) {
            self.warnings.push(found);
        }
    }

    /// The language has it, the plan holds it, and no run may be started with it. The first ones are kept, so that a
    /// plan with something that cannot be run always has one.
    pub(crate) fn refuse(
        &mut self,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let found = Found {
            code: Code::CannotRun,
            place,
            message: message.into(),
            hint: hint.into(),
            subject: None,
        };
        if self.refusals.len() < MAX_KEPT && !self.told(&self.refusals, &found) {
            self.refusals.push(found);
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// The parameters that the start of a run has to give, if nothing else is wrong.
    pub(crate) fn parameters_required(&self) -> Option<Vec<String>> {
        let given_later = |found: &Found| match found.code {
            Code::ParameterRequired => found.subject.clone(),
            _ => None,
        };
        let names: Option<Vec<String>> = self.errors.iter().map(given_later).collect();
        names.filter(|_| !self.dropped)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.errors.len() >= MAX_KEPT
    }

    pub(crate) fn is_full_of_warnings(&self) -> bool {
        self.warnings.len() >= MAX_KEPT
    }

    pub(crate) fn into_errors(mut self) -> Vec<Diagnostic> {
        let mut errors = std::mem::take(&mut self.errors);
        errors.sort_by_key(|found| found.place);
        if let (Some(last), true) = (errors.last(), self.dropped) {
            let place = last.place;
            errors.push(Found {
                code: Code::Limit,
                place,
                message: "there are more errors than are shown".to_owned(),
                hint: "correct the ones above and try again".to_owned(),
                subject: None,
            });
        }
        self.finish(errors)
    }

    /// Warnings, and what cannot be run.
    pub(crate) fn into_notes(mut self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        let mut warnings = std::mem::take(&mut self.warnings);
        let mut refusals = std::mem::take(&mut self.refusals);
        warnings.sort_by_key(|found| found.place);
        refusals.sort_by_key(|found| found.place);
        (self.finish(warnings), self.finish(refusals))
    }

    /// Whether the same was said of the same place of the same file: a template that is used ten times is wrong once.
    fn told(&self, said: &[Found], new: &Found) -> bool {
        said.iter().any(|old| {
            (old.place.line, old.place.column) == (new.place.line, new.place.column)
                && self.file(old.place) == self.file(new.place)
                && old.code == new.code
                && old.message == new.message
        })
    }

    fn used(&self, frame: Frame) -> Option<&Used> {
        self.frames.get(usize::try_from(frame.0).ok()?)
    }

    fn file(&self, place: Place) -> &str {
        self.used(place.frame).map_or("", |used| &used.file)
    }

    /// Where a place is, in words.
    pub(crate) fn location(&self, place: Place) -> Location {
        Location {
            file: self.file(place).to_owned(),
            line: place.line,
            column: place.column,
        }
    }

    fn finish(&self, found: Vec<Found>) -> Vec<Diagnostic> {
        let mut texts: BTreeMap<Frame, Lines<'_>> = BTreeMap::new();
        found
            .into_iter()
            .map(|found| {
                let place = found.place;
                let used = self.used(place.frame);
                let lines = texts.entry(place.frame).or_insert_with(|| {
                    let text = used.map_or("", |used| &used.text);
                    Lines::new(text.strip_prefix('\u{feff}').unwrap_or(text))
                });
                Diagnostic {
                    file: self.file(place).to_owned(),
                    line: place.line,
                    column: place.column,
                    message: found.message,
                    hint: (!found.hint.is_empty()).then_some(found.hint),
                    code: found.code,
                    subject: found.subject,
                    excerpt: excerpt(lines, place),
                    used_at: self.way(place.frame),
                }
            })
            .collect()
    }

    fn way(&self, frame: Frame) -> Vec<Location> {
        let mut way = Vec::new();
        let mut at = self.used(frame).and_then(|used| used.at);
        while let Some(place) = at {
            way.push(self.location(place));
            // A file can only be used by one that was there before it.
            at = self
                .used(place.frame)
                .filter(|_| place.frame < frame)
                .and_then(|used| used.at);
        }
        way
    }
}

fn excerpt(lines: &Lines<'_>, place: Place) -> Option<Excerpt> {
    let skipped = place.column.saturating_sub(1 + EXCERPT_BEFORE);
    let from = Place {
        column: skipped + 1,
        ..place
    };
    let line = lines.from(from).trim_end();
    let mut text = quotable(line);
    if text.is_empty() {
        return None;
    }
    let before = usize::try_from(place.column - 1 - skipped).unwrap_or(usize::MAX);
    let before: String = line.chars().take(before).collect();
    let mut caret = number(quotable(&before).chars().count());
    if skipped > 0 {
        text.insert(0, '…');
        caret += 1;
    }
    Some(Excerpt { text, caret })
}

/// A value made fit for one line of a terminal: cut, and without characters that move the cursor or reorder text.
pub(crate) fn quotable(text: &str) -> String {
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == MAX_QUOTED {
            shown.push('…');
            break;
        }
        if c.is_control() || is_bidirectional_control(c) || matches!(c, '\u{2028}' | '\u{2029}') {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Characters that change the order in which text is shown, so that a person reads something else than a machine.
pub(crate) fn is_bidirectional_control(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
