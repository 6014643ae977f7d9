//! `$[ ]`: expressions that are evaluated when a stage or job starts, kept as text in this one place. It must not know
//! what they may name; who evaluates them does.

use serde::{Deserialize, Serialize};

/// The text between `$[` and `]`, trimmed and well-formed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Runtime(String);

impl Runtime {
    /// The expression and where it begins, when a value is one: all of it, from `$[` to `]`.
    pub(crate) fn find(value: &str) -> Option<(&str, usize)> {
        let rest = value.trim_start();
        let inner = rest.strip_prefix("$[")?.trim_end().strip_suffix(']')?;
        let begin = value.len() - rest.len() + 2 + (inner.len() - inner.trim_start().len());
        Some((inner.trim(), begin))
    }

    /// An expression that was parsed before.
    pub(crate) fn parsed(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The expression, without its brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A number that may be known only when the job starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Count {
    /// Known.
    Fixed(u32),
    /// Evaluated when the job starts.
    Expression(Runtime),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_value_is_an_expression() {
        for (value, expected) in [
            ("$[variables.a]", Some(("variables.a", 2))),
            ("  $[ counter('x', 1) ]  ", Some(("counter('x', 1)", 5))),
            ("$[a['b']]", Some(("a['b']", 2))),
            ("$[]", Some(("", 2))),
            ("x $[a]", None),
            ("$[a] x", None),
            ("$[a", None),
            ("$(a)", None),
        ] {
            assert_eq!(Runtime::find(value), expected, "{value:?}");
        }
    }
}
