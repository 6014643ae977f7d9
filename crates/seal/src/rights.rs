//! What the credentials of a key provider may do, as far as its service tells without anything being changed, and what
//! became of a root generation that was destroyed.
//!
//! Words only: who asks which service how is in `coffer-keys`. Must not know any of them.

/// Something that a credential may do with root generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyRight {
    /// Find the newest.
    Find,
    /// Wrap.
    Wrap,
    /// Unwrap.
    Unwrap,
    /// Keep the note beside the keys.
    Note,
    /// Make a new one.
    Make,
    /// Disable one, and enable it again; and whatever else is changed of a key.
    Disable,
    /// Destroy one.
    Destroy,
    /// Take one out of the service, as it is or as a backup.
    Export,
    /// Bring a destroyed one back.
    Recover,
    /// Hand rights on a key to others.
    Grant,
    /// Use the keys of another scale unit.
    Others,
}

impl KeyRight {
    /// What daily work needs.
    pub const DAILY: [Self; 4] = [Self::Find, Self::Wrap, Self::Unwrap, Self::Note];
    /// What rotation of root generations needs besides. Too wide for a daily credential.
    pub const LIFECYCLE: [Self; 3] = [Self::Make, Self::Disable, Self::Destroy];
    /// What Coffer has no use for. Too wide for every credential.
    pub const NOBODY: [Self; 4] = [Self::Export, Self::Recover, Self::Grant, Self::Others];

    /// As messages call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Find => "find",
            Self::Wrap => "wrap",
            Self::Unwrap => "unwrap",
            Self::Note => "note",
            Self::Make => "make",
            Self::Disable => "disable",
            Self::Destroy => "destroy",
            Self::Export => "export",
            Self::Recover => "recover",
            Self::Grant => "grant",
            Self::Others => "other units",
        }
    }
}

/// Whether a credential has a right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum May {
    /// It has.
    Yes,
    /// It has not.
    No,
    /// The service does not tell without something being changed, and why.
    Unknown(&'static str),
}

impl From<bool> for May {
    fn from(may: bool) -> Self {
        if may { Self::Yes } else { Self::No }
    }
}

/// What a credential may do: each right that matters for it, once.
pub type CredentialRights = Vec<(KeyRight, May)>;

/// What was seen of the newest root key, or of what holds it, that is no right of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTrait {
    /// What was looked at, in a word or two.
    pub what: &'static str,
    /// Whether it is as it should be.
    pub good: bool,
    /// What was found.
    pub said: String,
}

/// What the credentials of a provider may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRights {
    /// The daily credential.
    pub daily: CredentialRights,
    /// The lifecycle credential; `None` when none is configured, or it is the same.
    pub lifecycle: Option<CredentialRights>,
    /// Why the two cannot be told apart here, where they cannot.
    pub one_credential: Option<&'static str>,
    /// What was seen besides.
    pub traits: Vec<KeyTrait>,
}

/// What became of a root generation that was destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The service has nothing of it any more that its operators could bring back.
    ForGood,
    /// The service's operators can bring it back until then, seconds since 1970.
    Until(i64),
    /// The service has it, as if it had never been destroyed.
    There,
}
