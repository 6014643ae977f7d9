//! Results of steps and jobs, ordered from best to worst.

use coffer_pipeline::condition::JobStatus;

/// How a step ended. A later variant is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Succeeded,
    SucceededWithIssues,
    Skipped,
    Canceled,
    Failed,
}

impl Outcome {
    /// As logging commands write it, ignoring case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [
            ("Succeeded", Self::Succeeded),
            ("SucceededWithIssues", Self::SucceededWithIssues),
            ("Skipped", Self::Skipped),
            ("Canceled", Self::Canceled),
            ("Cancelled", Self::Canceled),
            ("Failed", Self::Failed),
            ("Abandoned", Self::Failed),
        ]
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|(_, outcome)| outcome)
    }

    /// As records carry it.
    pub(crate) fn wire(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::SucceededWithIssues => "succeededWithIssues",
            Self::Skipped => "skipped",
            Self::Canceled => "canceled",
            Self::Failed => "failed",
        }
    }
}

/// The job's status after a step.
pub(crate) fn after(status: JobStatus, step: Outcome) -> JobStatus {
    match (status, step) {
        (JobStatus::Canceled, _) => JobStatus::Canceled,
        (JobStatus::Failed, _) | (_, Outcome::Failed) => JobStatus::Failed,
        (_, Outcome::Canceled) => JobStatus::Canceled,
        (JobStatus::SucceededWithIssues, _) | (_, Outcome::SucceededWithIssues) => {
            JobStatus::SucceededWithIssues
        }
        (JobStatus::Succeeded, Outcome::Succeeded | Outcome::Skipped) => JobStatus::Succeeded,
    }
}

/// `Agent.JobStatus`.
pub(crate) fn status_name(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Succeeded => "Succeeded",
        JobStatus::SucceededWithIssues => "SucceededWithIssues",
        JobStatus::Failed => "Failed",
        JobStatus::Canceled => "Canceled",
    }
}

/// The job's result as the wire carries it.
pub(crate) fn status_wire(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Succeeded => "succeeded",
        JobStatus::SucceededWithIssues => "succeededWithIssues",
        JobStatus::Failed => "failed",
        JobStatus::Canceled => "canceled",
    }
}
