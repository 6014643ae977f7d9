//! The expression language of pipelines: text to a spanned tree, and trees that are evaluated. The parser reads the whole
//! language (literals, names, indexers, calls). What may stand in a tree is decided by who asks: [`crate::condition`] for
//! stages, jobs and steps, [`crate::query`] for secure files.

mod lexer;
mod parser;
mod program;
mod value;

pub use parser::parse;
pub(crate) use program::{Callable, Language, Misuse, Operation, Program};

/// Longest expression that is read, in bytes.
pub const MAX_LENGTH: usize = 21_000;
/// Deepest nesting of calls and indexers.
pub const MAX_DEPTH: usize = 50;

/// Byte offsets into the text of the expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    Text(String),
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

/// Functions of the language with their least and most arguments (none = no limit).
pub const FUNCTIONS: &[(&str, usize, Option<usize>)] = &[
    ("always", 0, Some(0)),
    ("and", 2, None),
    ("canceled", 0, Some(0)),
    ("coalesce", 2, None),
    ("contains", 2, Some(2)),
    ("containsValue", 2, Some(2)),
    ("convertToJson", 1, Some(1)),
    ("counter", 0, Some(2)),
    ("endsWith", 2, Some(2)),
    ("eq", 2, Some(2)),
    ("failed", 0, None),
    ("format", 1, None),
    ("ge", 2, Some(2)),
    ("gt", 2, Some(2)),
    ("iif", 3, Some(3)),
    ("in", 2, None),
    ("join", 2, Some(2)),
    ("le", 2, Some(2)),
    ("length", 1, Some(1)),
    ("lower", 1, Some(1)),
    ("lt", 2, Some(2)),
    ("ne", 2, Some(2)),
    ("not", 1, Some(1)),
    ("notIn", 2, None),
    ("or", 2, None),
    ("replace", 3, Some(3)),
    ("split", 2, Some(2)),
    ("startsWith", 2, Some(2)),
    ("succeeded", 0, None),
    ("succeededOrFailed", 0, None),
    ("trim", 1, Some(1)),
    ("upper", 1, Some(1)),
    ("xor", 2, Some(2)),
];

/// The function of a name, ignoring case.
pub(crate) fn function(name: &str) -> Option<&'static (&'static str, usize, Option<usize>)> {
    FUNCTIONS
        .iter()
        .find(|(known, ..)| known.eq_ignore_ascii_case(name))
}

/// What is wrong with the number of a function's arguments; none when nothing is.
pub(crate) fn wrong_count(
    name: &str,
    least: usize,
    most: Option<usize>,
    count: usize,
) -> Option<String> {
    if count >= least && most.is_none_or(|most| count <= most) {
        return None;
    }
    let wanted = match most {
        Some(most) if most == least => least.to_string(),
        Some(most) => format!("{least} to {most}"),
        None => format!("at least {least}"),
    };
    Some(format!(
        "`{name}` takes {wanted} argument(s) and has {count}"
    ))
}
