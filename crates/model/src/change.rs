//! What an act changes of who may do what, as one line of text in its audit event. Pure.
//!
//! The store writes a line wherever it writes a row that gives somebody a right, a name or a way in. So a replay of the
//! events knows what must be there ([`crate::replay`]). It must not know which act made the change.

use std::fmt::Write as _;

/// The detail of an event that holds its changes.
pub const DETAIL: &str = "changes";

/// What kind of thing a change is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Organization: id = name.
    Organization,
    /// Project: id = name.
    Project,
    /// Person, group or service: id = kind, name, `active` or `disabled`.
    Identity,
    /// Membership: group, member.
    Member,
    /// Access-control entry: namespace, token, identity = allow, deny.
    Entry,
    /// Inheritance: namespace, token = 0 or 1.
    Inherits,
    /// Secure file: id = project, name.
    File,
    /// Pipeline: id = project, revision, digest of its text, and one over it and the files beside it if there are any.
    Pipeline,
    /// Permission of a pipeline, 0 for open access: resource kind, resource, pipeline = project, refs.
    Permit,
    /// Token of any kind: id = kind, identity, digest of the stored hash.
    Token,
    /// Browser session: id = identity, digest of the stored hash.
    Session,
    /// A way to sign in other than a token, such as a password: kind, identity = digest of what is stored.
    SignIn,
    /// Agent: id = digest of its public key.
    Agent,
    /// A freeze: scope, id.
    Freeze,
    /// A switch of the organization: name = value.
    Switch,
    /// Break-glass request: id = project, file, digest of all that it says, state, who agreed.
    BreakGlass,
    /// Rotation of keys: number = cause, provider, `running` or the number of its signed report.
    Rotation,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::Organization,
        Self::Project,
        Self::Identity,
        Self::Member,
        Self::Entry,
        Self::Inherits,
        Self::File,
        Self::Pipeline,
        Self::Permit,
        Self::Token,
        Self::Session,
        Self::SignIn,
        Self::Agent,
        Self::Freeze,
        Self::Switch,
        Self::BreakGlass,
        Self::Rotation,
    ];

    /// The word in the text.
    pub fn word(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Project => "project",
            Self::Identity => "identity",
            Self::Member => "member",
            Self::Entry => "entry",
            Self::Inherits => "inherits",
            Self::File => "file",
            Self::Pipeline => "pipeline",
            Self::Permit => "permit",
            Self::Token => "token",
            Self::Session => "session",
            Self::SignIn => "signin",
            Self::Agent => "agent",
            Self::Freeze => "freeze",
            Self::Switch => "switch",
            Self::BreakGlass => "breakglass",
            Self::Rotation => "rotation",
        }
    }

    /// The kinds that events tell of since a version of what they tell; all when there was none before.
    pub fn since(told: Option<&str>) -> &'static [Self] {
        const ALL: [Kind; 17] = Kind::ALL;
        match told {
            Some("1") => &[Self::BreakGlass, Self::Rotation],
            _ => &ALL,
        }
    }

    /// The kind of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// The thing is there, with this value.
    Set(Kind, String, String),
    /// The thing is gone.
    Remove(Kind, String),
    /// Everything whose key begins with these parts is gone.
    RemoveAll(Kind, String),
}

impl Change {
    /// The thing that these parts name is there, with a value of these parts.
    pub fn set(kind: Kind, key: &[&str], value: &[&str]) -> Self {
        Self::Set(kind, join(key), join(value))
    }

    /// The thing that these parts name is gone.
    pub fn remove(kind: Kind, key: &[&str]) -> Self {
        Self::Remove(kind, join(key))
    }

    /// Everything whose key begins with these parts is gone.
    pub fn remove_all(kind: Kind, key: &[&str]) -> Self {
        Self::RemoveAll(kind, join(key))
    }

    /// One line of text.
    pub fn line(&self) -> String {
        match self {
            Self::Set(kind, key, value) => format!("+ {} {key} = {value}", kind.word()),
            Self::Remove(kind, key) => format!("- {} {key}", kind.word()),
            Self::RemoveAll(kind, key) => format!("- {} {key} *", kind.word()),
        }
    }

    /// The change that a line tells.
    pub fn read(line: &str) -> Option<Self> {
        let (sign, rest) = line.split_once(' ')?;
        let (kind, rest) = rest.split_once(' ')?;
        let kind = Kind::from_word(kind)?;
        match sign {
            "+" => {
                let (key, value) = rest.split_once(" = ")?;
                Some(Self::Set(kind, key.into(), value.into()))
            }
            "-" => Some(match rest.strip_suffix(" *") {
                Some(key) => Self::RemoveAll(kind, key.into()),
                None => Self::Remove(kind, rest.into()),
            }),
            _ => None,
        }
    }
}

/// Parts in one text, so that none runs into the next or looks like a sign of the line.
pub fn join(parts: &[&str]) -> String {
    let mut text = String::new();
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            text.push(' ');
        }
        if part.is_empty() {
            text.push('%');
        }
        for c in part.chars() {
            if c.is_control() || matches!(c, ' ' | '%' | '*' | '=') {
                for byte in c.to_string().bytes() {
                    // Writing to a string does not fail.
                    let _written = write!(text, "%{byte:02X}");
                }
            } else {
                text.push(c);
            }
        }
    }
    text
}

/// The parts of such a text, for people.
pub fn split(text: &str) -> Vec<String> {
    text.split(' ').map(plain).collect()
}

fn plain(part: &str) -> String {
    if part == "%" {
        return String::new();
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|two| str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_whatever_it_holds() {
        let odd = ["a b", "50%", "*", "=", " = ", "", "line\nbreak", "ü%20"];
        for part in odd {
            for change in [
                Change::set(Kind::File, &[part, "k"], &["v", part]),
                Change::remove(Kind::Entry, &["x", part]),
                Change::remove_all(Kind::Entry, &["x", part]),
            ] {
                let line = change.line();
                assert!(!line.contains('\n'));
                assert_eq!(Change::read(&line), Some(change), "{line}");
            }
            assert_eq!(split(&join(&[part, "k"])), [part, "k"]);
        }
    }

    #[test]
    fn what_is_no_change_is_not_taken_for_one() {
        for line in [
            "",
            "+",
            "+ entry",
            "+ entry a",
            "? file a = b",
            "+ nothing a = b",
        ] {
            assert_eq!(Change::read(line), None, "{line}");
        }
        assert!(
            Kind::ALL
                .into_iter()
                .all(|kind| Kind::from_word(kind.word()) == Some(kind))
        );
    }
}
