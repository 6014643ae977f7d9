//! `$[ ]`: expressions that are evaluated when a stage or job starts, kept as text in this one place. It must not know
//! what they may name; who evaluates them does.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::Location;

/// The text between `$[` and `]`, trimmed and well-formed. Two are the same when they are written the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Runtime {
    text: String,
    /// No part of what is stored: the same pipeline with another comment is the same plan.
    #[serde(skip)]
    place: Option<Location>,
}

impl Runtime {
    /// An expression that was parsed before, and where its value stands.
    pub(crate) fn parsed(text: &str, place: Location) -> Self {
        Self {
            text: text.to_owned(),
            place: Some(place),
        }
    }

    /// The expression, without its brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it stands, while the plan was not stored in between.
    #[must_use]
    pub fn place(&self) -> Option<&Location> {
        self.place.as_ref()
    }
}

impl PartialEq for Runtime {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Runtime {}

impl Hash for Runtime {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
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
