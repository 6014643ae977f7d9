//! Errors and warnings with their place. Knows nothing of pipelines.

use std::fmt;

use serde::{Deserialize, Serialize};

/// At most this many errors are kept; a person corrects the first ones anyway.
const MAX_KEPT: usize = 100;
/// Values quoted in messages are cut at this many characters.
const MAX_QUOTED: usize = 120;

/// One thing that is wrong (or, in a plan, worth knowing), and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// The path given in [`crate::Source`].
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
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {}",
            self.file, self.line, self.column, self.message
        )?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
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
    /// Warning: understood, and without effect here.
    Ignored,
    /// Warning: probably not what was meant.
    Suspicious,
}

/// A point in the text: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// Collects what is found while a text is read, so that several errors come at once.
#[derive(Debug)]
pub(crate) struct Report {
    file: String,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    refusals: Vec<Diagnostic>,
    dropped: bool,
}

impl Report {
    pub(crate) fn new(file: &str) -> Self {
        Self {
            file: quotable(file),
            errors: Vec::new(),
            warnings: Vec::new(),
            refusals: Vec::new(),
            dropped: false,
        }
    }

    pub(crate) fn error(
        &mut self,
        code: Code,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let diagnostic = self.diagnostic(code, place, message.into(), hint.into());
        self.keep_error(diagnostic);
    }

    pub(crate) fn warn(
        &mut self,
        code: Code,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let diagnostic = self.diagnostic(code, place, message.into(), hint.into());
        if !self.is_full_of_warnings() && !self.warnings.contains(&diagnostic) {
            self.warnings.push(diagnostic);
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
        let diagnostic = self.diagnostic(Code::CannotRun, place, message.into(), hint.into());
        if self.refusals.len() < MAX_KEPT && !self.refusals.contains(&diagnostic) {
            self.refusals.push(diagnostic);
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.errors.len() >= MAX_KEPT
    }

    pub(crate) fn is_full_of_warnings(&self) -> bool {
        self.warnings.len() >= MAX_KEPT
    }

    pub(crate) fn into_errors(mut self) -> Vec<Diagnostic> {
        self.errors.sort_by_key(|d| (d.line, d.column));
        if let (Some(last), true) = (self.errors.last(), self.dropped) {
            let place = Place {
                line: last.line,
                column: last.column,
            };
            let more = self.diagnostic(
                Code::Limit,
                place,
                "there are more errors than are shown".to_owned(),
                "correct the ones above and try again".to_owned(),
            );
            self.errors.push(more);
        }
        self.errors
    }

    /// Warnings, and what cannot be run.
    pub(crate) fn into_notes(mut self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        self.warnings.sort_by_key(|d| (d.line, d.column));
        self.refusals.sort_by_key(|d| (d.line, d.column));
        (self.warnings, self.refusals)
    }

    fn keep_error(&mut self, diagnostic: Diagnostic) {
        if self.errors.contains(&diagnostic) {
            return;
        }
        if self.is_full() {
            self.dropped = true;
        } else {
            self.errors.push(diagnostic);
        }
    }

    fn diagnostic(&self, code: Code, place: Place, message: String, hint: String) -> Diagnostic {
        Diagnostic {
            file: self.file.clone(),
            line: place.line,
            column: place.column,
            message,
            hint: (!hint.is_empty()).then_some(hint),
            code,
        }
    }
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
