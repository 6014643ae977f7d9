//! Trees to text that reads as the same tree.

use super::value::number_text;
use super::{Expression, Kind};
use std::fmt::{self, Write};

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self, f, &|_, _| Ok(false))
    }
}

/// Prints a tree. `instead` may print something in the place of a part, and then answers true.
pub(super) fn print<W: Write>(
    tree: &Expression,
    out: &mut W,
    instead: &dyn Fn(&Expression, &mut W) -> Result<bool, fmt::Error>,
) -> fmt::Result {
    if instead(tree, out)? {
        return Ok(());
    }
    match &tree.kind {
        Kind::Null => out.write_str("null"),
        Kind::Boolean(value) => write!(out, "{value}"),
        Kind::Number(value) => out.write_str(&number_text(*value)),
        Kind::Version(text) | Kind::Name(text) => out.write_str(text),
        Kind::Text(text) => quoted(text, out),
        Kind::Call { name, arguments } => {
            write!(out, "{name}(")?;
            for (at, argument) in arguments.iter().enumerate() {
                out.write_str(if at == 0 { "" } else { ", " })?;
                print(argument, out, instead)?;
            }
            out.write_char(')')
        }
        Kind::Index { of, key } => {
            print(of, out, instead)?;
            match &key.kind {
                Kind::Text(name) if is_plain(name) && !takes_dots(of) => write!(out, ".{name}"),
                _ => {
                    out.write_char('[')?;
                    print(key, out, instead)?;
                    out.write_char(']')
                }
            }
        }
        Kind::All { of } => {
            print(of, out, instead)?;
            out.write_str(if takes_dots(of) { "[*]" } else { ".*" })
        }
    }
}

/// Whether a dot after it would be read as a part of it.
fn takes_dots(tree: &Expression) -> bool {
    matches!(tree.kind, Kind::Number(_) | Kind::Version(_))
}

/// A text in single quotes.
pub(super) fn quoted<W: Write>(text: &str, out: &mut W) -> fmt::Result {
    out.write_char('\'')?;
    for (at, part) in text.split('\'').enumerate() {
        out.write_str(if at == 0 { "" } else { "''" })?;
        out.write_str(part)?;
    }
    out.write_char('\'')
}

/// Whether it can stand after a dot.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
