//! Runs, stages and jobs: their states and results, and how they combine.

/// Where a run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunState {
    /// Queued, waiting or running.
    InProgress,
    /// Asked to stop.
    Canceling,
    /// Over.
    Completed,
}

/// Where a job is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobState {
    /// Its stage waits for a checkpoint.
    Waiting,
    /// An agent may take it.
    Ready,
    /// An agent has it.
    Leased,
    /// Over.
    Completed,
}

/// How a run, stage, job or step ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Outcome {
    /// Not run because its condition was false.
    Skipped,
    /// Well.
    Succeeded,
    /// Well, but something was wrong.
    SucceededWithIssues,
    /// Stopped by somebody.
    Canceled,
    /// Badly.
    Failed,
    /// The agent was lost.
    Abandoned,
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $type {
            /// The word in the store and on the wire.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// From the word, ignoring case.
            pub fn from_word(word: &str) -> Option<Self> {
                [$(Self::$variant),*].into_iter().find(|value| value.word().eq_ignore_ascii_case(word))
            }
        }
    };
}

words!(RunState { InProgress = "inProgress", Canceling = "canceling", Completed = "completed" });
words!(JobState { Waiting = "waiting", Ready = "ready", Leased = "leased", Completed = "completed" });
words!(Outcome {
    Skipped = "skipped",
    Succeeded = "succeeded",
    SucceededWithIssues = "succeededWithIssues",
    Canceled = "canceled",
    Failed = "failed",
    Abandoned = "abandoned",
});

impl Outcome {
    /// Worst wins.
    pub fn worst(self, other: Self) -> Self {
        self.max(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_outcome_wins() {
        assert_eq!(
            Outcome::Succeeded.worst(Outcome::SucceededWithIssues),
            Outcome::SucceededWithIssues
        );
        assert_eq!(Outcome::Failed.worst(Outcome::Canceled), Outcome::Failed);
        assert_eq!(
            Outcome::Skipped.worst(Outcome::Succeeded),
            Outcome::Succeeded
        );
    }

    #[test]
    fn words_are_read_in_any_case() {
        assert_eq!(
            Outcome::from_word("SUCCEEDEDWITHISSUES"),
            Some(Outcome::SucceededWithIssues)
        );
        assert_eq!(JobState::from_word("gone"), None);
    }
}
