//! When a stage, job or step runs: a whole expression, read and checked when the plan is made, kept as its text, evaluated
//! when its time has come. It must not know how a status came about, nor what is secret.

mod scopes;

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use scopes::{Dependency, JobStatus, NodeResult, NodeScope, StepScope, Variables};

use crate::expression::{
    self, Budget, EvaluationError, Expression, Scope, Seen, SyntaxError, Time, evaluate_checked,
};

/// What stands where no condition does.
const DEFAULT: &str = "succeeded()";
/// What most conditions are made of.
const EXAMPLE: &str = "a condition is an expression, for example `succeededOrFailed()`";

/// A condition. Two are the same when they are written the same. Only the text is kept: a tree takes many times as much, and is
/// wanted once, when the condition is evaluated.
#[derive(Clone, Debug)]
pub struct Condition(Arc<str>);

/// The text is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    /// What is wrong, in words.
    pub message: String,
    /// Byte offset into the text.
    pub offset: usize,
    /// What to do next.
    pub hint: String,
}

/// What came of a condition, and how: for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it holds.
    pub holds: Result<bool, EvaluationError>,
    /// `Evaluating: …`, `Expanded: …`, `Result: …`, as Azure Pipelines logs them.
    pub lines: Vec<String>,
}

impl Condition {
    /// Reads a condition of a stage, job or step. Blank text is the default, `succeeded()`.
    ///
    /// # Errors
    ///
    /// [`ConditionError`] with the place: for malformed text, and for names and functions that do not exist at that time.
    pub fn parse(text: &str, time: Time) -> Result<Self, ConditionError> {
        let (condition, tree) = Self::read(text)?;
        expression::check(&tree, time, &[]).map_err(|wrong| ConditionError {
            message: wrong.message,
            offset: wrong.span.start + indent(text),
            hint: wrong.hint.unwrap_or_else(|| EXAMPLE.to_owned()),
        })?;
        Ok(condition)
    }

    fn read(text: &str) -> Result<(Self, Expression), ConditionError> {
        let trimmed = match text.trim() {
            "" => DEFAULT,
            trimmed => trimmed,
        };
        let tree = expression::parse(trimmed).map_err(|SyntaxError { message, offset }| {
            ConditionError {
                message,
                offset: offset + indent(text),
                hint: EXAMPLE.to_owned(),
            }
        })?;
        Ok((Self(trimmed.into()), tree))
    }

    /// `always()`.
    #[must_use]
    pub fn always() -> Self {
        Self::known("always()")
    }

    fn known(text: &str) -> Self {
        text.parse().expect("a text of ours is a condition")
    }

    /// The text, as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The expression.
    #[must_use]
    pub fn expression(&self) -> Expression {
        expression::parse(&self.0).expect("it was read before")
    }

    /// Whether it holds.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] when it means nothing in the scope, or cannot be evaluated.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<bool, EvaluationError> {
        expression::evaluate(&self.expression(), scope, &mut Budget::default())
            .map(|value| value.truthy())
    }

    /// Whether it holds, and how that came. `mask` takes secrets out of a text.
    pub fn decide(&self, scope: &dyn Scope, mask: &dyn Fn(&str) -> String) -> Decision {
        let tree = self.expression();
        let mut seen = Seen::default();
        let holds = expression::check(&tree, scope.time(), &scope.locals())
            .and_then(|()| evaluate_checked(&tree, scope, &mut Budget::default(), Some(&mut seen)))
            .map(|value| value.truthy());
        let (written, expanded) = expression::lines(&tree, &seen, mask);
        let result = match &holds {
            Ok(true) => "True",
            Ok(false) => "False",
            Err(_) => "",
        };
        let mut lines = vec![format!("Evaluating: {written}")];
        if expanded != written && expanded != result {
            lines.push(format!("Expanded: {expanded}"));
        }
        if !result.is_empty() {
            lines.push(format!("Result: {result}"));
        }
        Decision { holds, lines }
    }
}

impl Default for Condition {
    fn default() -> Self {
        Self::known(DEFAULT)
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Condition {}

impl Hash for Condition {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl FromStr for Condition {
    type Err = ConditionError;

    /// Reads one whose time is not known. What it names is checked when it is evaluated.
    fn from_str(text: &str) -> Result<Self, ConditionError> {
        Self::read(text).map(|(condition, _)| condition)
    }
}

/// How far in a text begins, after white space.
fn indent(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
