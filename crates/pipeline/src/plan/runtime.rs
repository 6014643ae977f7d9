//! `$[ ]`: expressions that are evaluated when a stage or job starts, kept as text in this one place. It must not know
//! what they may name; who evaluates them does.

use serde::{Deserialize, Serialize};

/// The text between `$[` and `]`, trimmed and well-formed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Runtime(String);

impl Runtime {
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
