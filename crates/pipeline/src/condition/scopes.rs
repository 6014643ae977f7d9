//! What conditions see: variables, and how what came before went. It must not know who keeps them.

use serde::{Deserialize, Serialize};

use crate::expression::{Contexts, Function, Object, Scope, Time, Value};
use crate::words;

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

/// How a stage or job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NodeResult {
    /// All well.
    Succeeded,
    /// Something failed that was allowed to.
    SucceededWithIssues,
    /// It did not run.
    Skipped,
    /// Something failed.
    Failed,
    /// It was cancelled.
    Canceled,
}

impl NodeResult {
    /// As `dependencies.A.result` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::SucceededWithIssues => "SucceededWithIssues",
            Self::Skipped => "Skipped",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
        }
    }

    /// The result of a whole from those of its parts: a failure before a cancel, a cancel before issues; what was skipped
    /// counts only when all was.
    #[must_use]
    pub fn worst(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let order = [
            Self::Failed,
            Self::Canceled,
            Self::SucceededWithIssues,
            Self::Succeeded,
            Self::Skipped,
        ];
        let place = |result: &Self| order.iter().position(|known| known == result);
        parts.into_iter().min_by_key(place)
    }

    fn is_good(self) -> bool {
        matches!(self, Self::Succeeded | Self::SucceededWithIssues)
    }
}

/// Variables by name, ignoring case.
pub trait Variables {
    /// The value, with the variables in it replaced.
    fn get(&self, name: &str) -> Option<String>;

    /// All of them.
    fn all(&self) -> Vec<(String, String)>;
}

/// What the condition of a step sees, on the agent.
pub struct StepScope<'a> {
    /// How the job stands.
    pub status: JobStatus,
    /// A cancel was asked for.
    pub canceled: bool,
    /// The job's variables.
    pub variables: &'a dyn Variables,
}

impl Scope for StepScope<'_> {
    fn time(&self) -> Time {
        Time::Step
    }

    fn value(&self, name: &str) -> Option<Value> {
        is_variables(name).then(|| self.variables.all().into_iter().collect::<Object>().into())
    }

    fn member(&self, name: &str, key: &str) -> Option<Value> {
        is_variables(name).then(|| self.variables.get(key).into())
    }

    fn call(&self, function: Function, _: &[Value]) -> Result<Value, String> {
        let canceled = self.canceled || self.status == JobStatus::Canceled;
        let good = matches!(
            self.status,
            JobStatus::Succeeded | JobStatus::SucceededWithIssues
        );
        status(
            function,
            canceled,
            || good,
            || self.status == JobStatus::Failed,
            || true,
        )
    }
}

fn is_variables(name: &str) -> bool {
    name.eq_ignore_ascii_case("variables")
}

/// The five functions, from what the place knows. Only `canceled` and `always` hold after a cancel.
fn status(
    function: Function,
    canceled: bool,
    succeeded: impl FnOnce() -> bool,
    failed: impl FnOnce() -> bool,
    ended: impl FnOnce() -> bool,
) -> Result<Value, String> {
    Ok(match function {
        Function::Always => true,
        Function::Canceled => canceled,
        Function::Succeeded => succeeded() && !canceled,
        Function::Failed => failed() && !canceled,
        Function::SucceededOrFailed => ended() && !canceled,
        _ => return Err(format!("`{}` says nothing of a status", function.name())),
    }
    .into())
}

/// A stage or job that another one waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Its name; ignores case.
    pub name: String,
    /// How it ended.
    pub result: NodeResult,
}

/// What the condition of a stage or job sees, on the server.
pub struct NodeScope<'a> {
    /// [`Time::Stage`] or [`Time::Job`].
    pub time: Time,
    /// The run was cancelled.
    pub canceled: bool,
    /// All that it waits for, also by way of others.
    pub dependencies: &'a [Dependency],
    /// `variables`, `dependencies` and the like.
    pub contexts: Contexts,
}

impl NodeScope<'_> {
    /// The results that a status function looks at: of those named, or of all. A name that nothing waits for is no
    /// mistake in the original: it neither succeeded nor failed.
    fn results(&self, names: &[Value]) -> Vec<NodeResult> {
        if names.is_empty() {
            return self.dependencies.iter().map(|known| known.result).collect();
        }
        let result = |name: &Value| {
            let name = name.to_text().unwrap_or_default();
            let mut known = self.dependencies.iter();
            let found = known.find(|known| words::same(&known.name, &name));
            found.map_or(NodeResult::Skipped, |known| known.result)
        };
        names.iter().map(result).collect()
    }
}

impl Scope for NodeScope<'_> {
    fn time(&self) -> Time {
        self.time
    }

    fn value(&self, name: &str) -> Option<Value> {
        self.contexts.value(name)
    }

    fn call(&self, function: Function, arguments: &[Value]) -> Result<Value, String> {
        let results = || self.results(arguments);
        status(
            function,
            self.canceled,
            || results().into_iter().all(NodeResult::is_good),
            || results().contains(&NodeResult::Failed),
            // One that did either is enough. What was skipped did neither, as the public documentation warns.
            || {
                let results = results();
                let ended = |result: &NodeResult| result.is_good() || *result == NodeResult::Failed;
                results.is_empty() || results.iter().any(ended)
            },
        )
    }
}
