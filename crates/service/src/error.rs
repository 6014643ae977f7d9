//! What a use case says when it does not succeed: a closed set of kinds, a stable code, a text that is safe to show.

use coffer_model::FileId;
use coffer_model::policy::Denied;
use coffer_seal::KeyError;
use coffer_store::{Refusal, Stop, StoreError};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The result of a use case.
pub type Result<T> = std::result::Result<T, Error>;

/// What kind of no it is. The HTTP status follows from it, in one place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It does not exist, or the caller may not know that it does.
    NotFound,
    /// The caller may see it, but not do this.
    Forbidden,
    /// Nobody is signed in, or the token is not valid.
    Unauthenticated,
    /// It does not fit what is there.
    Conflict,
    /// The request makes no sense as it is.
    Invalid,
    /// More bytes than a secure file may have.
    TooLarge,
    /// Too many attempts: try again later, and not before.
    TooMany,
    /// Try again later.
    Unavailable,
    /// A mistake of ours, or of the machine.
    Internal,
}

/// One problem of a pipeline's YAML.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// `file:line:column: text`.
    pub text: String,
    /// What to do.
    pub hint: Option<String>,
    /// Whether it is a warning only.
    pub warning: bool,
    /// What kind of problem it is, for programs.
    pub code: String,
    /// The name of what it is about, where the code says what that is.
    pub subject: Option<String>,
}

/// Why a use case did not succeed. `message` and `hints` are for the caller; the cause is for the log.
#[derive(Debug)]
pub struct Error {
    /// What kind of no.
    pub kind: Kind,
    /// A stable code.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// What to do next.
    pub hints: Vec<String>,
    /// Problems of a refused pipeline.
    pub problems: Vec<Problem>,
    /// Why the gate said no, when it did: what [`crate::Service::guide`] makes words of.
    pub denied: Option<Box<Denied>>,
    /// After how many seconds it may be tried again, when that is known.
    pub retry_after: Option<NonZeroU32>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause
            .as_ref()
            .map(|cause| &**cause as &(dyn std::error::Error + 'static))
    }
}

impl Error {
    pub(crate) fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            message: message.into(),
            hints: Vec::new(),
            problems: Vec::new(),
            denied: None,
            retry_after: None,
            cause: None,
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, "argument.invalid", message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// A wrong one-time code, in the words that fit it.
    pub(crate) fn into_code(self) -> Self {
        if self.kind == Kind::Unauthenticated {
            return Self::new(
                Kind::Unauthenticated,
                "sign_in.refused",
                "The one-time code is not valid: it was used, it is out of time, or a newer one took its place.",
            )
            .hint("Ask an administrator for a new one: `coffer user invite NAME`.");
        }
        self
    }

    pub(crate) fn caused_by(
        mut self,
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    pub(crate) fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::new(
            Kind::Internal,
            "internal",
            "Something went wrong inside Coffer. The server's log says more.",
        )
        .caused_by(cause)
    }

    /// The same refusal, of one of several that were sent together.
    pub(crate) fn of_several(mut self, id: &str) -> Self {
        self.message = format!("{} It is about {id}. Nothing was changed.", self.message);
        self
    }

    /// The same refusal, in the words of what it is about.
    pub(crate) fn about(mut self, noun: &Noun) -> Self {
        match (self.kind, self.code) {
            (Kind::NotFound, "not_found") => {
                self.code = noun.not_found;
                self.message = format!("{} was not found, or you may not see it.", noun.name);
            }
            (Kind::Conflict, "name_taken") => {
                self.code = noun.name_taken;
                self.message = format!(
                    "{} of this name exists already. Names ignore case.",
                    noun.name
                );
            }
            _ => {}
        }
        self
    }
}

/// A denial as an absence: what the caller may not have is left out of the answer.
pub(crate) fn unless_denied<T>(asked: std::result::Result<T, Stop>) -> Result<Option<T>> {
    match asked {
        Ok(value) => Ok(Some(value)),
        Err(Stop::Denied { .. }) => Ok(None),
        Err(stop) => Err(stop.into()),
    }
}

/// How to speak of a thing.
pub(crate) struct Noun {
    pub(crate) name: &'static str,
    pub(crate) not_found: &'static str,
    pub(crate) name_taken: &'static str,
}

pub(crate) const FILE: Noun = Noun {
    name: "A secure file",
    not_found: "secure_file.not_found",
    name_taken: "secure_file.name_taken",
};
pub(crate) const PIPELINE: Noun = Noun {
    name: "A pipeline",
    not_found: "pipeline.not_found",
    name_taken: "pipeline.name_taken",
};
pub(crate) const RUN: Noun = Noun {
    name: "A run",
    not_found: "run.not_found",
    name_taken: "name_taken",
};
pub(crate) const AGENT: Noun = Noun {
    name: "An agent",
    not_found: "agent.not_found",
    name_taken: "name_taken",
};
pub(crate) const PERSON: Noun = Noun {
    name: "A person",
    not_found: "identity.not_found",
    name_taken: "identity.name_taken",
};
pub(crate) const GROUP: Noun = Noun {
    name: "A group",
    not_found: "identity.not_found",
    name_taken: "identity.name_taken",
};
pub(crate) const BREAK_GLASS: Noun = Noun {
    name: "A break-glass request",
    not_found: "break_glass.not_found",
    name_taken: "break_glass.over",
};
pub(crate) const KEYS: Noun = Noun {
    name: "What is asked for about keys",
    not_found: "keys.not_found",
    name_taken: "name_taken",
};
pub(crate) const ROTATION: Noun = Noun {
    name: "A rotation",
    not_found: "keys.not_found",
    name_taken: "name_taken",
};
pub(crate) const PROJECT: Noun = Noun {
    name: "A project",
    not_found: "project.not_found",
    name_taken: "project.name_taken",
};

/// Which of several files sent together is being looked at, so that a refusal can name it. Clones share the place.
#[derive(Clone, Default)]
pub(crate) struct Which(Arc<AtomicUsize>);

impl Which {
    /// Now it is the one of this number.
    pub(crate) fn is(&self, number: usize) {
        self.0.store(number, Ordering::Relaxed);
    }

    /// The refusal, naming the file it is about where there was more than one.
    pub(crate) fn name(&self, error: Error, files: &[FileId]) -> Error {
        match files.get(self.0.load(Ordering::Relaxed)) {
            Some(file) if files.len() > 1 => error.of_several(&file.to_string()),
            _ => error,
        }
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        let (kind, code) = match denied {
            Denied::TokenInvalid => (Kind::Unauthenticated, "token.invalid"),
            Denied::SignInRefused => (Kind::Unauthenticated, "sign_in.refused"),
            Denied::NotFound => (Kind::NotFound, "not_found"),
            Denied::NotForPeople => (Kind::Forbidden, "content.for_jobs"),
            Denied::Ticket | Denied::JobNotLive => (Kind::Invalid, "ticket.invalid"),
            Denied::NotInPlan | Denied::PipelineNotPermitted | Denied::RefNotAllowed => {
                (Kind::Forbidden, "access.denied")
            }
            Denied::SourceNotTrusted => (Kind::Forbidden, "source.not_trusted"),
            Denied::Frozen => (Kind::Forbidden, "secure_file.frozen"),
            Denied::ScopeMissing { .. } => (Kind::Forbidden, "token.scope"),
            Denied::NotFresh => (Kind::Forbidden, "sign_in.not_fresh"),
            Denied::OfficerNotNamed
            | Denied::OfficerAdministers
            | Denied::SameOfficer
            | Denied::NotOfThisRequest => (Kind::Forbidden, "break_glass.officer"),
            Denied::RequestChanged => (Kind::Conflict, "break_glass.changed"),
            Denied::RequestOver => (Kind::Conflict, "break_glass.over"),
            Denied::Disabled | Denied::WrongAuthentication | Denied::Lacks { .. } => {
                (Kind::Forbidden, "access.denied")
            }
        };
        Self {
            denied: Some(Box::new(denied)),
            ..Self::new(kind, code, denied.to_string())
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NameTaken => Self::new(Kind::Conflict, "name_taken", "The name is taken."),
            Refusal::NotFound => Self::new(Kind::NotFound, "not_found", "It was not found."),
            Refusal::LeaseLost => Self::new(
                Kind::Conflict,
                "lease.lost",
                "This agent does not hold the job any more. Stop it and wipe what it left.",
            ),
            Refusal::KeyNotActive => Self::new(
                Kind::Unavailable,
                "keys.unavailable",
                "The project's key is being rotated. Try again in a moment.",
            ),
            Refusal::UploadExpired => Self::new(
                Kind::Conflict,
                "secure_file.upload_broken",
                "The upload took too long and was given up. Nothing was stored. Upload the file again.",
            ),
            Refusal::CodeSpent => Self::new(
                Kind::Unauthenticated,
                "token.invalid",
                "The one-time code is not valid, or was used already.",
            )
            .hint("Restart the server while nobody has signed in yet: it makes a new code."),
            Refusal::OpenAccessOff => Self::new(
                Kind::Conflict,
                "organization.open_access_off",
                "The organization does not allow files to be open to all pipelines. Nothing was changed.",
            )
            .hint("Permit the pipelines that need the file one by one, or ask an administrator of the organization."),
            Refusal::Frozen => Self::new(
                Kind::Conflict,
                "freeze.exists",
                "It is frozen already. To give another reason, lift the freeze first.",
            ),
            Refusal::NotFrozen => Self::new(
                Kind::NotFound,
                "freeze.not_found",
                "It is not frozen. A freeze of its project, or of everything, is lifted there.",
            ),
            Refusal::CreatorFixed => Self::new(
                Kind::Conflict,
                "role.creator_fixed",
                "The creator of a secure file is its Administrator. This cannot be changed or taken away.",
            )
            .hint("Disable the person if nobody is to act as the creator any more."),
            Refusal::OwnerMark => Self::new(
                Kind::Conflict,
                "role.owner_mark",
                "The right Owner marks who created a secure file. It cannot be given, taken or denied.",
            )
            .hint("Give the role Administrator instead: it can do the same."),
            Refusal::Inherited => Self::new(
                Kind::Conflict,
                "role.inherited",
                "This role is inherited. While inheritance is on it can be raised here, but neither lowered nor removed.",
            )
            .hint("Switch inheritance off first: coffer role inherit off --file NAME. Or change the role at the library."),
            Refusal::NothingInherited => Self::new(
                Kind::Conflict,
                "role.nothing_inherited",
                "There is nothing above this that it could inherit from, so inheritance cannot be switched.",
            ),
            Refusal::LastAdministrator => Self::new(
                Kind::Conflict,
                "role.last_administrator",
                "Nobody would be left who can see and administer this. Disabled people, empty groups and whoever is denied it \
                 do not count.",
            )
            .hint("Make somebody else Administrator first."),
            Refusal::NoSuchIdentity => Self::new(
                Kind::NotFound,
                "identity.not_found",
                "There is no such person or group, or it belongs to another project.",
            )
            .hint("coffer user list and coffer group list show who there is."),
            Refusal::TooMany => Self::new(
                Kind::Conflict,
                "too_many",
                "There are as many of these as there may be. Delete one first.",
            ),
            Refusal::Circle => Self::new(
                Kind::Conflict,
                "group.circle",
                "The group would be in itself, directly or through other groups. Nothing was changed.",
            )
            .hint("`coffer group show` lists who is in a group, and which groups it is in."),
            Refusal::DefaultGroup => Self::new(
                Kind::Conflict,
                "group.default",
                "The group came with its project or the organization. It keeps its name and cannot be deleted.",
            ),
            Refusal::MembershipFollows => Self::new(
                Kind::Conflict,
                "group.fixed",
                "Who is in this group follows by itself: valid users are everybody in any group, and the organization's \
                 administrators administer every project. Nothing was changed.",
            ),
            Refusal::OtherProject => Self::new(
                Kind::Conflict,
                "group.other_project",
                "A group or service of a project can be in groups of that project only. Nothing was changed.",
            ),
            Refusal::LastOrganizationAdministrator => Self::new(
                Kind::Conflict,
                "organization.last_administrator",
                "Nobody who can sign in would administer the organization. Nothing was changed.",
            )
            .hint("Make somebody else an administrator first: `coffer group add 'Project Collection Administrators' NAME`."),
            Refusal::ChangedMeanwhile => Self::new(
                Kind::Conflict,
                "changed_meanwhile",
                "Somebody else changed this meanwhile. Nothing of yours was changed.",
            )
            .hint("Look at what it is now, and change it again."),
            Refusal::Unevaluated => Self::new(
                Kind::Invalid,
                "pipeline.invalid",
                "An expression of the pipeline could not be evaluated.",
            ),
            Refusal::State => Self::new(
                Kind::Conflict,
                "run.state",
                "Its state does not allow this any more.",
            ),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let closed = matches!(error, StoreError::Closed);
        let out = if closed {
            Self::new(
                Kind::Unavailable,
                "store.unavailable",
                "The database is not available. Try again in a moment.",
            )
        } else {
            Self::new(
                Kind::Internal,
                "internal",
                "Something went wrong inside Coffer. The server's log says more.",
            )
        };
        out.caused_by(error)
    }
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Denied { reason, .. } => reason.into(),
            Stop::Refused(refusal) => refusal.into(),
            Stop::Failed(error) => error.into(),
        }
    }
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        Self::from(Arc::new(error))
    }
}

impl From<Arc<KeyError>> for Error {
    fn from(error: Arc<KeyError>) -> Self {
        let out = match &*error {
            KeyError::Throttled { retry_after } => {
                let seconds = u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX);
                Self {
                    retry_after: Some(NonZeroU32::new(seconds).unwrap_or(NonZeroU32::MIN)),
                    ..Self::new(
                        Kind::Unavailable,
                        "keys.throttled",
                        "The key service takes no more calls for a while. Nothing was changed.",
                    )
                }
            }
            error if error.is_passing() => Self {
                retry_after: Some(NonZeroU32::MIN),
                ..Self::new(
                    Kind::Unavailable,
                    "keys.unavailable",
                    "The key service does not answer, and the key that this needs is not in memory. Nothing was changed.",
                )
            },
            _ => Self::new(
                Kind::Internal,
                "keys.refused",
                "A key that this needs cannot be used. Nothing was changed. An operator finds the reason in the server's log.",
            ),
        };
        out.caused_by(SharedKeyError(error))
    }
}

/// A key error that several wait for.
#[derive(Debug)]
struct SharedKeyError(Arc<KeyError>);

impl fmt::Display for SharedKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SharedKeyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl Error {
    /// What the key provider said, if it was the provider.
    pub(crate) fn of_keys(&self) -> Option<&KeyError> {
        let shared: &SharedKeyError = std::error::Error::source(self)?.downcast_ref()?;
        Some(&shared.0)
    }
}

/// An error with its causes, in one line, for the log and for officers. Errors of keys name no key.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

impl From<coffer_seal::OpenError> for Error {
    fn from(error: coffer_seal::OpenError) -> Self {
        Self::new(
            Kind::Internal,
            "internal",
            "The sealed bytes cannot be opened: they were changed, or belong to something else.",
        )
        .caused_by(error)
    }
}
