//! Texts with `${{ }}` in them, and values that are `$[ ]`: where expressions stand. What becomes of them is for whoever
//! evaluates. It must not know YAML: a text is one scalar of it, and places are counted from its beginning.

use super::{Expression, Span, SyntaxError, parser::parse_at};

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Text that stays.
    Literal(&'a str),
    /// What stands between `${{` and `}}`.
    Expression {
        /// The text between, with its white space.
        text: &'a str,
        /// Where that text is.
        inner: Span,
        /// Where it is with its brackets.
        outer: Span,
    },
}

/// Whether there is a `${{` in a text, and so something for [`segments`].
#[must_use]
pub fn has_expression(text: &str) -> bool {
    text.contains("${{")
}

/// Divides a text. A `}}` within single quotes closes nothing; a `${{` that should stay is written `${{ '${{' }}`.
///
/// # Errors
///
/// A `${{` that is never closed.
pub fn segments(text: &str) -> Result<Vec<Segment<'_>>, SyntaxError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find("${{").map(|open| at + open) {
        if open > at {
            found.push(Segment::Literal(&text[at..open]));
        }
        let start = open + 3;
        let Some(end) = closing(&text[start..]).map(|end| start + end) else {
            return Err(SyntaxError {
                message: "this `${{` is never closed".to_owned(),
                offset: open,
            });
        };
        at = end + 2;
        found.push(Segment::Expression {
            text: &text[start..end],
            inner: Span { start, end },
            outer: Span {
                start: open,
                end: at,
            },
        });
    }
    if at < text.len() {
        found.push(Segment::Literal(&text[at..]));
    }
    Ok(found)
}

/// Where `}}` is, outside of quotes. An escaped quote is two, and so changes nothing.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut quoted = false;
    (0..bytes.len()).find(|at| {
        if bytes[*at] == b'\'' {
            quoted = !quoted;
        }
        !quoted && bytes[*at..].starts_with(b"}}")
    })
}

/// The expression of a value that is `$[ … ]` as a whole; none when it is not. Places are counted from the beginning of the
/// whole text.
#[must_use]
pub fn runtime(text: &str) -> Option<Result<Expression, SyntaxError>> {
    in_brackets(text).map(|(inner, begin)| parse_at(inner, begin))
}

/// What stands between `$[` and `]`, trimmed, and where it begins, when that is all of a value.
pub(crate) fn in_brackets(value: &str) -> Option<(&str, usize)> {
    let rest = value.trim_start();
    let inner = rest.strip_prefix("$[")?.trim_end().strip_suffix(']')?;
    let begin = value.len() - rest.len() + 2 + (inner.len() - inner.trim_start().len());
    Some((inner.trim(), begin))
}
