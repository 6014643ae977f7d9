//! The expression language of pipelines: text to a spanned tree, and trees to values. There is one parser and one
//! evaluator; what exists where is said by a [`Time`], and what names stand for by a [`Scope`]. Pure: it knows no clock, no
//! files and no secrets.
//!
//! Who uses it: [`crate::condition`] for stages, jobs and steps, [`crate::query`] for secure files, [`Template`] for `${{ }}`,
//! and [`runtime`] for `$[ ]`.

mod budget;
mod calls;
mod check;
mod compare;
mod evaluate;
mod functions;
mod json;
mod lexer;
mod object;
mod parser;
mod print;
mod scope;
mod template;
mod text;
mod timestamp;
mod trace;
mod value;

#[cfg(test)]
mod tests;

pub use budget::{Budget, MAX_BYTES, MAX_WORK};
pub use check::check;
pub use evaluate::evaluate;
pub use functions::Function;
pub use object::Object;
pub use parser::{parse, parse_at};
pub use scope::{Contexts, Scope, Time};
pub use template::{Segment, has_expression, runtime, segments};
pub use timestamp::Timestamp;
pub use value::{Parts, Value};

pub(crate) use evaluate::evaluate_checked;
pub(crate) use functions::{FUNCTIONS, Home};
pub(crate) use template::in_brackets;
pub(crate) use trace::{Seen, lines};

use budget::Fault;
use std::sync::Arc;

/// Longest expression that is read, in bytes.
pub const MAX_LENGTH: usize = 21_000;
/// Deepest nesting of calls and indexers.
pub const MAX_DEPTH: usize = 50;

/// Byte offsets into the text of the expression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One after the last byte.
    pub end: usize,
}

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub span: Span,
}

impl Expression {
    /// It and all that is in it, from left to right, each before its own parts.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Self> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            let part = open.pop()?;
            match &part.kind {
                Kind::Index { of, key } => open.extend([&**key, &**of]),
                Kind::All { of } => open.push(of),
                Kind::Call { arguments, .. } => open.extend(arguments.iter().rev()),
                _ => {}
            }
            Some(part)
        })
    }
}

/// What an [`Expression`] is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`, any case.
    Boolean(bool),
    /// A decimal number.
    Number(f64),
    /// Three or four numbers with dots: text as written.
    Version(String),
    /// A string, quotes and escapes removed.
    Text(Arc<str>),
    /// A named context: `variables`, `dependencies` …
    Name(String),
    /// `name(arguments)`.
    Call {
        /// As written; names ignore case.
        name: String,
        /// In order.
        arguments: Vec<Expression>,
    },
    /// `of.key`, `of['key']` or `of[0]`.
    Index {
        /// What is looked into.
        of: Box<Expression>,
        /// The key.
        key: Box<Expression>,
    },
    /// `of.*` or `of[*]`: all members.
    All {
        /// What is looked into.
        of: Box<Expression>,
    },
}

/// The text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What is wrong, in words.
    pub message: String,
    /// Byte offset of the place.
    pub offset: usize,
}

/// The expression does not exist where it is evaluated, or has no value there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvaluationError {
    /// What is wrong, in words.
    pub message: String,
    /// What to do next, or what was perhaps meant.
    pub hint: Option<String>,
    /// The part of the expression.
    pub span: Span,
    /// The budget is used up: evaluating something else with it is in vain.
    pub exhausted: bool,
}

impl EvaluationError {
    fn at(fault: Fault, span: Span) -> Self {
        Self {
            message: fault.message,
            hint: fault.hint,
            span,
            exhausted: fault.exhausted,
        }
    }
}
