//! What a command ends with when it fails: an exit code, a message, and what to do next.

use coffer_client::{ClientError, ErrorKind};
use std::error::Error as _;
use std::fmt;
use std::io;

/// The exit codes. Documented in `docs/cli.md`; a number never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Success = 0,
    /// A defect, here or on the server.
    Internal = 1,
    /// The command line is wrong.
    Usage = 2,
    /// It does not exist, or you may not know that it does.
    NotFound = 3,
    /// Not signed in, or not allowed.
    Denied = 4,
    /// Something else is in the way, such as a name that is taken.
    Conflict = 5,
    /// What was given is not valid: a pipeline, a name, a configuration.
    Invalid = 6,
    /// Still waiting: for a permission, or longer than you allowed.
    Waiting = 7,
    /// The run ended, and did not succeed.
    RunFailed = 8,
    /// The server cannot be reached, or is overloaded.
    Unreachable = 9,
    /// What was checked is not as it should be: an audit log that does not verify.
    NotIntact = 10,
}

impl Exit {
    /// Every code with its meaning, for the documentation.
    pub(crate) const ALL: [(Self, &'static str); 11] = [
        (Self::Success, "Done."),
        (
            Self::Internal,
            "A defect, in this program or on the server.",
        ),
        (Self::Usage, "The command line is wrong."),
        (
            Self::NotFound,
            "It does not exist, or you may not know that it does.",
        ),
        (Self::Denied, "Not signed in, or not allowed."),
        (
            Self::Conflict,
            "Something else is in the way, such as a name that is taken.",
        ),
        (
            Self::Invalid,
            "What was given is not valid: a pipeline, a name, a file, a configuration.",
        ),
        (
            Self::Waiting,
            "Still waiting: for a permission, or longer than `--timeout` allows.",
        ),
        (Self::RunFailed, "The run ended and did not succeed."),
        (
            Self::Unreachable,
            "The server cannot be reached, or is too busy.",
        ),
        (
            Self::NotIntact,
            "The audit log does not verify, or does not explain what is there.",
        ),
    ];
}

/// Why a command failed. Texts may hold what others wrote; whoever prints them escapes them.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) exit: Exit,
    /// One line.
    pub(crate) message: String,
    /// More, a line each: the problems of a pipeline or of a configuration.
    pub(crate) details: Vec<String>,
    /// What to do next.
    pub(crate) hints: Vec<String>,
    /// The causes, outermost first.
    pub(crate) causes: Vec<String>,
    /// Nobody reads standard output any more: end quietly.
    pub(crate) broken_pipe: bool,
}

/// What commands answer.
pub(crate) type Result<T = ()> = std::result::Result<T, CommandError>;

impl CommandError {
    /// An error of a kind.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            details: Vec::new(),
            hints: Vec::new(),
            causes: Vec::new(),
            broken_pipe: false,
        }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The same error with one more hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same error with the chain of its causes.
    pub(crate) fn because(mut self, cause: &dyn std::error::Error) -> Self {
        let mut next = Some(cause);
        while let Some(cause) = next {
            let text = cause.to_string();
            // Some libraries repeat the source in their own text.
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// A file or folder that could not be used.
    pub(crate) fn file(what: &str, path: &std::path::Path, error: &io::Error) -> Self {
        let exit = match error.kind() {
            io::ErrorKind::NotFound => Exit::NotFound,
            io::ErrorKind::PermissionDenied => Exit::Denied,
            io::ErrorKind::AlreadyExists => Exit::Conflict,
            _ => Exit::Internal,
        };
        Self::new(exit, format!("{what} {}", path.display())).because(error)
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> Self {
        let (exit, hint) = match error.kind() {
            ErrorKind::NotSignedIn => (
                Exit::Denied,
                Some("sign in with `coffer login URL`, or set COFFER_TOKEN"),
            ),
            ErrorKind::Denied => (Exit::Denied, None),
            ErrorKind::NotFound => (Exit::NotFound, None),
            ErrorKind::Conflict => (Exit::Conflict, None),
            ErrorKind::Invalid => (Exit::Invalid, None),
            ErrorKind::Unavailable => (Exit::Unreachable, Some("try again in a moment")),
            ErrorKind::Unreachable => (
                Exit::Unreachable,
                Some("is it running, and is the URL right? `coffer whoami` shows the URL in use"),
            ),
            ErrorKind::Internal => (Exit::Internal, None),
        };
        let mut command = Self::new(exit, error.to_string());
        command.details = error
            .validation_results()
            .iter()
            .map(|result| format!("{}: {}", result.result, result.message))
            .collect();
        if error.code() == Some("pipeline.invalid") && !command.details.is_empty() {
            // The message has the first problems in it, for clients that show nothing else.
            command.message = "the pipeline is not valid".to_owned();
        }
        command.hints = error.hints().to_vec();
        // The server's own hints know more.
        if command.hints.is_empty() {
            command.hints.extend(hint.map(str::to_owned));
        }
        if let Some(source) = error.source() {
            command = command.because(source);
        }
        let distrusts = |cause: &String| cause.contains("invalid peer certificate");
        if exit == Exit::Unreachable && command.causes.iter().any(distrusts) {
            command.hints = vec![
                "the server's certificate is not trusted here: name a private authority with --ca-file or COFFER_CA_FILE (docs/on-premises.md)".into(),
            ];
        }
        command
    }
}

impl From<io::Error> for CommandError {
    /// For output: input goes through [`CommandError::file`].
    fn from(error: io::Error) -> Self {
        let broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Self {
            broken_pipe,
            ..Self::new(Exit::Internal, "the output cannot be written").because(&error)
        }
    }
}

impl From<crate::config::Broken> for CommandError {
    fn from(broken: crate::config::Broken) -> Self {
        let count = broken.problems.len();
        let mut error = Self::new(
            Exit::Invalid,
            match count {
                1 => "the configuration has a problem".to_owned(),
                _ => format!("the configuration has {count} problems"),
            },
        );
        error.details = broken.problems.iter().map(ToString::to_string).collect();
        error.hint("docs/configuration.md lists every key; `coffer config check` shows all values")
    }
}

impl From<crate::config::Problem> for CommandError {
    fn from(problem: crate::config::Problem) -> Self {
        crate::config::Broken {
            problems: vec![problem],
            entries: Vec::new(),
        }
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_scripts_rely_on() {
        let numbers: Vec<i32> = Exit::ALL.iter().map(|(exit, _)| *exit as i32).collect();
        assert_eq!(numbers, (0..=10).collect::<Vec<_>>());
    }

    #[test]
    fn a_refused_pipeline_keeps_every_problem_and_the_servers_hints() {
        let mut envelope = coffer_wire::ErrorEnvelope::new("A", "B", "The pipeline is not valid.");
        envelope.custom_properties = Some(coffer_wire::envelope::CustomProperties {
            code: "x".into(),
            hints: vec!["Upload the file first.".into()],
            validation_results: vec![coffer_wire::envelope::ValidationResult {
                result: "error".into(),
                message: "a.yml:3:5: unknown secure file".into(),
                code: None,
                subject: None,
            }],
        });
        let error = CommandError::from(ClientError::Refused {
            status: 400,
            envelope: Box::new(envelope),
        });
        assert_eq!(error.exit, Exit::Invalid);
        assert_eq!(error.details, ["error: a.yml:3:5: unknown secure file"]);
        assert_eq!(error.hints, ["Upload the file first."]);
    }
}
