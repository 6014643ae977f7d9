//! How a condition came to its result, for people who wonder: `Expanded: and(True, eq('a', 'b'))`. It must not know what is
//! secret: it is told what to write instead of a text.

use super::print::{print, quoted};
use super::{Expression, Kind, Span, Value};
use std::collections::HashMap;
use std::fmt::{self, Write};

/// Texts longer than this are not shown, but for their length.
const MAX_SHOWN: usize = 1000;

/// What names and functions of the context stood for while an expression was evaluated, by their place.
#[derive(Debug, Default)]
pub(crate) struct Seen(HashMap<(usize, usize), Value>);

impl Seen {
    /// What names stood for, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.values()
    }

    pub(super) fn keep(&mut self, span: Span, value: &Value) {
        self.0.insert((span.start, span.end), value.clone());
    }
}

/// The expression as it is written, and as it is with values for names. `mask` gets each text by itself, before it is put
/// in quotes.
pub(crate) fn lines(
    tree: &Expression,
    seen: &Seen,
    mask: &dyn Fn(&str) -> String,
) -> (String, String) {
    let written = |expanded: bool| {
        let mut out = String::new();
        let instead = |part: &Expression, out: &mut String| -> Result<bool, fmt::Error> {
            if let Kind::Text(text) = &part.kind {
                quoted(&mask(text), out)?;
                return Ok(true);
            }
            match seen.0.get(&(part.span.start, part.span.end)) {
                Some(value) if expanded => shown(value, mask, out).map(|()| true),
                _ => Ok(false),
            }
        };
        // Writing to a text does not fail.
        let _ = print(tree, &mut out, &instead);
        out
    };
    (written(false), written(true))
}

fn shown(value: &Value, mask: &dyn Fn(&str) -> String, out: &mut String) -> fmt::Result {
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => out.write_str(value.kind()),
        // A cut secret is one that no mask knows.
        Value::Text(text) if text.len() > MAX_SHOWN => {
            write!(out, "'… {} characters …'", text.chars().count())
        }
        Value::Text(text) => quoted(&mask(text), out),
        _ => out.write_str(&mask(&value.to_text().unwrap_or_default())),
    }
}
