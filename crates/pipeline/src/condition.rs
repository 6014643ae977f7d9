//! When a stage, job or step runs. Today exactly the five status functions; the text is parsed as a full expression, so
//! that what is well-formed is told apart from what is wrong. Knows nothing of how a status came about.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::expression::{self, Expression, Kind};
use crate::words;

/// A parsed condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Condition {
    /// `succeeded()`: nothing failed before, and no cancel. The default.
    #[default]
    Succeeded,
    /// `failed()`: something failed before, and no cancel.
    Failed,
    /// `succeededOrFailed()`: no cancel.
    SucceededOrFailed,
    /// `always()`, also written `true`: whatever happened.
    Always,
    /// `canceled()`: only after a cancel.
    Canceled,
    /// `false`: never.
    Never,
}

/// How a job stands so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JobStatus {
    /// All well.
    Succeeded,
    /// Something failed that was allowed to.
    SucceededWithIssues,
    /// Something failed.
    Failed,
    /// It was cancelled.
    Canceled,
}

/// The text is no condition we can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    /// What is wrong, in words.
    pub message: String,
    /// Byte offset into the text.
    pub offset: usize,
    /// Well-formed for Azure Pipelines, only not understood yet.
    pub unsupported: bool,
    /// What to do next.
    pub hint: String,
}

const ALL: [Condition; 6] = [
    Condition::Succeeded,
    Condition::Failed,
    Condition::SucceededOrFailed,
    Condition::Always,
    Condition::Canceled,
    Condition::Never,
];

impl Condition {
    /// Whether to run, given how the job stands and whether a cancel was asked for.
    #[must_use]
    pub fn evaluate(self, status: JobStatus, canceled: bool) -> bool {
        let canceled = canceled || status == JobStatus::Canceled;
        match self {
            Self::Succeeded => !canceled && status != JobStatus::Failed,
            Self::Failed => !canceled && status == JobStatus::Failed,
            Self::SucceededOrFailed => !canceled,
            Self::Always => true,
            Self::Canceled => canceled,
            Self::Never => false,
        }
    }

    /// The text that parses to this condition.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded()",
            Self::Failed => "failed()",
            Self::SucceededOrFailed => "succeededOrFailed()",
            Self::Always => "always()",
            Self::Canceled => "canceled()",
            Self::Never => "false",
        }
    }
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let tree = expression::parse(text).map_err(|wrong| ConditionError {
            message: wrong.message,
            offset: wrong.offset,
            unsupported: false,
            hint: "a condition is an expression, for example `succeededOrFailed()`".to_owned(),
        })?;
        check_calls(&tree)?;
        match &tree.kind {
            Kind::Boolean(true) => return Ok(Self::Always),
            Kind::Boolean(false) => return Ok(Self::Never),
            Kind::Call { name, arguments } if arguments.is_empty() => {
                let known = ALL.into_iter().find(|known| {
                    known
                        .as_str()
                        .trim_end_matches("()")
                        .eq_ignore_ascii_case(name)
                });
                if let Some(condition) = known {
                    return Ok(condition);
                }
            }
            _ => {}
        }
        Err(ConditionError {
            message: "this condition is not supported yet".to_owned(),
            offset: tree.span.start,
            unsupported: true,
            hint: "use one of succeeded(), failed(), succeededOrFailed(), always(), canceled()"
                .to_owned(),
        })
    }
}

/// Unknown functions and wrong argument counts, which are errors whatever is supported.
fn check_calls(tree: &Expression) -> Result<(), ConditionError> {
    match &tree.kind {
        Kind::Call { name, arguments } => {
            let wrong = |message: String, hint: String| {
                Err(ConditionError {
                    message,
                    offset: tree.span.start,
                    unsupported: false,
                    hint,
                })
            };
            let Some((known, least, most)) = expression::function(name) else {
                let names: Vec<&str> = expression::FUNCTIONS
                    .iter()
                    .map(|(name, ..)| *name)
                    .collect();
                let shown = crate::diagnostic::quotable(name);
                return wrong(
                    format!("there is no function `{shown}`"),
                    words::suggestion(name, &names),
                );
            };
            if let Some(message) = expression::wrong_count(known, *least, *most, arguments.len()) {
                return wrong(message, "look at the commas and brackets".to_owned());
            }
            arguments.iter().try_for_each(check_calls)
        }
        Kind::Index { of, key } => {
            check_calls(of)?;
            check_calls(key)
        }
        Kind::All { of } => check_calls(of),
        Kind::Null
        | Kind::Boolean(_)
        | Kind::Number(_)
        | Kind::Version(_)
        | Kind::Text(_)
        | Kind::Name(_) => Ok(()),
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
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
mod tests {
    use super::*;

    #[test]
    fn truth_table() {
        use JobStatus::{Canceled, Failed, Succeeded, SucceededWithIssues};
        // Columns: the five functions and `false`, in the order of ALL.
        let rows: [(JobStatus, bool, &str); 8] = [
            (Succeeded, false, "1.11.."),
            (SucceededWithIssues, false, "1.11.."),
            (Failed, false, ".111.."),
            (Canceled, false, "...11."),
            (Succeeded, true, "...11."),
            (SucceededWithIssues, true, "...11."),
            (Failed, true, "...11."),
            (Canceled, true, "...11."),
        ];
        for (status, canceled, expected) in rows {
            let row: String = ALL
                .iter()
                .map(|c| {
                    if c.evaluate(status, canceled) {
                        '1'
                    } else {
                        '.'
                    }
                })
                .collect();
            assert_eq!(row, expected, "{status:?} canceled={canceled}");
        }
    }

    #[test]
    fn any_case_and_spaces() {
        for (text, expected) in [
            ("succeeded()", Condition::Succeeded),
            (" SUCCEEDEDORFAILED ( ) ", Condition::SucceededOrFailed),
            ("Always()", Condition::Always),
            ("failed()", Condition::Failed),
            ("canceled()", Condition::Canceled),
            ("true", Condition::Always),
            ("False", Condition::Never),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for condition in ALL {
            assert_eq!(condition.to_string().parse(), Ok(condition));
        }
    }

    #[test]
    fn the_rest_is_refused_with_its_reason() {
        for (text, offset, unsupported, message) in [
            (
                "eq(variables['a'], 'b')",
                0,
                true,
                "this condition is not supported yet",
            ),
            (
                "  and(succeeded(), true)",
                2,
                true,
                "this condition is not supported yet",
            ),
            (
                "succeeded('A')",
                0,
                true,
                "this condition is not supported yet",
            ),
            (
                "variables.go",
                0,
                true,
                "this condition is not supported yet",
            ),
            ("succeded()", 0, false, "there is no function `succeded`"),
            (
                "and(nope(), always())",
                4,
                false,
                "there is no function `nope`",
            ),
            (
                "always(1)",
                0,
                false,
                "`always` takes 0 argument(s) and has 1",
            ),
            ("eq(1)", 0, false, "`eq` takes 2 argument(s) and has 1"),
            ("succeeded(", 10, false, "the expression ends too early"),
            ("succeeded", 0, true, "this condition is not supported yet"),
        ] {
            let wrong = text.parse::<Condition>().expect_err(text);
            assert_eq!(
                (wrong.offset, wrong.unsupported, wrong.message.as_str()),
                (offset, unsupported, message),
                "{text}"
            );
        }
        let wrong = "succeded()".parse::<Condition>().expect_err("misspelt");
        assert_eq!(wrong.hint, "did you mean `succeeded`?");
    }
}
