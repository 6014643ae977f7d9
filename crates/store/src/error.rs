//! How a unit of work ends when it does not succeed.

use coffer_model::audit::Event;
use coffer_model::policy::Denied;

/// Why a unit of work stopped. Everything it changed is undone.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The gate said no. Committed as an audit row of its own, then answered.
    #[error("{reason}")]
    Denied {
        /// Why.
        reason: Denied,
        /// The row that records it. None for a look, which writes nothing.
        event: Option<Box<Event>>,
    },
    /// The act is allowed, but does not fit what is stored.
    #[error("{0}")]
    Refused(Refusal),
    /// The database failed, or holds something that cannot be.
    #[error("the unit of work failed")]
    Failed(#[source] StoreError),
}

/// Why an allowed act does not fit what is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The name is taken, ignoring case.
    #[error("the name is taken")]
    NameTaken,
    /// What the act is about is not there.
    #[error("it is not there")]
    NotFound,
    /// The lease is another agent's by now, or over.
    #[error("the lease is lost")]
    LeaseLost,
    /// The project key that wrapped the key is not active any more: wrap again under the one that is.
    #[error("the project key is not active any more")]
    KeyNotActive,
    /// The upload took so long that its place was given up.
    #[error("the upload expired")]
    UploadExpired,
    /// The one-time code is wrong or was used.
    #[error("the one-time code is not valid")]
    CodeSpent,
    /// The role of a file's creator is fixed.
    #[error("the creator's role is fixed")]
    CreatorFixed,
    /// The creator's mark is not for anybody to hand out.
    #[error("the creator's mark cannot be given")]
    OwnerMark,
    /// A role is inherited, and inheritance is on.
    #[error("the role is inherited")]
    Inherited,
    /// There is nothing that the place could inherit from.
    #[error("there is nothing to inherit from")]
    NothingInherited,
    /// Nobody would be left who can administer.
    #[error("nobody would be left who can administer")]
    LastAdministrator,
    /// An identity that is not here.
    #[error("there is no such identity")]
    NoSuchIdentity,
    /// There are as many as there may be.
    #[error("there are as many as there may be")]
    TooMany,
    /// The group would be a member of itself, through others.
    #[error("the group would be in itself")]
    Circle,
    /// A group that came with its project or the organization keeps its name and stays.
    #[error("the group is a default group")]
    DefaultGroup,
    /// Who is in the group follows from other things, and is not changed by hand.
    #[error("the membership follows from others")]
    MembershipFollows,
    /// A group or service of a project is for groups of that project only.
    #[error("it belongs to another project, or to none")]
    OtherProject,
    /// Nobody would be left who administers the organization.
    #[error("it would take the last administrator away")]
    LastOrganizationAdministrator,
    /// It is not any more what the change was made from.
    #[error("it was changed meanwhile")]
    ChangedMeanwhile,
    /// The state of the run or job does not allow it.
    #[error("the state does not allow it")]
    State,
    /// An expression of a run that starts cannot be evaluated.
    #[error("an expression cannot be evaluated")]
    Unevaluated,
    /// The organization does not allow open access.
    #[error("open access is switched off")]
    OpenAccessOff,
    /// It is frozen already.
    #[error("it is frozen already")]
    Frozen,
    /// It is not frozen.
    #[error("it is not frozen")]
    NotFrozen,
}

/// The database failed, or holds something that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A statement failed.
    #[error("the statement {statement} failed")]
    Statement {
        /// Its name.
        statement: &'static str,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// A row that must be there is not, or an update changed the wrong number of rows.
    #[error("the statement {statement} did not find its row")]
    Missing {
        /// Its name.
        statement: &'static str,
    },
    /// A unit of work changed a right, a name or a way in without an act that was allowed.
    #[error("a change without an act")]
    Unrecorded,
    /// A stored value cannot be read.
    #[error("the column {column} of {table} holds a value that cannot be")]
    Corrupt {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
    },
    /// The database cannot be opened.
    #[error("the database cannot be opened: {what}")]
    Open {
        /// What to do about it.
        what: String,
        /// What the driver said.
        #[source]
        source: Option<sqlx::Error>,
    },
    /// Sealed bytes outside the database cannot be written or read.
    #[error("the blob store failed at: {what}")]
    Blob {
        /// Which step.
        what: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A grant was used outside the unit of work that it was given in.
    #[error("a grant was used outside its unit of work")]
    ForeignGrant,
    /// The unit of work ended by a panic.
    #[error("the unit of work {0} panicked")]
    Panicked(&'static str),
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn statement(statement: &'static str, source: sqlx::Error) -> Self {
        Self::Statement { statement, source }
    }

    pub(crate) fn corrupt(table: &'static str, column: &'static str) -> Self {
        Self::Corrupt { table, column }
    }

    pub(crate) fn blob(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Blob { what, source }
    }

    /// Whether PostgreSQL asks to run the unit again.
    pub(crate) fn is_serialization_failure(&self) -> bool {
        match self {
            Self::Statement {
                source: sqlx::Error::Database(error),
                ..
            } => {
                matches!(error.code().as_deref(), Some("40001" | "40P01"))
            }
            _ => false,
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
