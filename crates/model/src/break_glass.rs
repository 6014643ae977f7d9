//! Breaking glass: what a request says, the digest by which two officers know that they mean the same, and its states.
//!
//! Pure. It must not know how content is opened, or for whom it is encrypted.

use crate::audit::Fields;
use crate::{FileId, IdentityId, ProjectId, Timestamp};
use uuid::Uuid;

/// The second officer has so long to agree, seconds.
pub const APPROVE_SECONDS: i64 = 3600;

/// After that the content can be had for so long, seconds.
pub const EXPORT_SECONDS: i64 = 3600;

const LABEL: &[u8] = b"coffer break-glass request v1";

/// What an officer asks for. It never changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wish {
    /// Its id.
    pub request: Uuid,
    /// The file's project.
    pub project: ProjectId,
    /// The file.
    pub file: FileId,
    /// Why.
    pub reason: String,
    /// Whom the content is encrypted to: an age public key.
    pub recipient: String,
    /// Who asks.
    pub by: IdentityId,
    /// When.
    pub at: Timestamp,
}

impl Wish {
    /// What both officers name: whoever changes anything of it asks for something else.
    pub fn digest(&self) -> [u8; 32] {
        let mut fields = Fields::new(LABEL);
        for id in [self.request, self.project.0, self.file.0, self.by.0] {
            fields.field(id.as_bytes());
        }
        fields.field(self.reason.as_bytes());
        fields.field(self.recipient.as_bytes());
        fields.field(&self.at.0.to_be_bytes());
        fields.finish()
    }
}

/// How far a request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It waits for a second officer.
    Requested,
    /// Both agree; the content can be had once.
    Approved,
    /// The content was had.
    Exported,
    /// An officer took it back.
    Withdrawn,
    /// Its time ran out.
    Expired,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Requested,
        Self::Approved,
        Self::Exported,
        Self::Withdrawn,
        Self::Expired,
    ];

    /// The word in the store and on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Exported => "exported",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }

    /// The state of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// What it is at a time, when it may wait until another.
    pub fn at(self, now: Timestamp, until: Timestamp) -> Self {
        match self {
            Self::Requested | Self::Approved if now >= until => Self::Expired,
            state => state,
        }
    }
}

/// A step of breaking glass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// To ask.
    Request,
    /// To agree with what somebody else asked.
    Approve {
        /// The request.
        request: Uuid,
        /// [`Wish::digest`] of what the officer saw.
        digest: [u8; 32],
    },
    /// To have the content.
    Export {
        /// The request.
        request: Uuid,
        /// [`Wish::digest`] of what the officer saw.
        digest: [u8; 32],
    },
    /// To take it back.
    Withdraw {
        /// The request.
        request: Uuid,
    },
}

impl Step {
    /// The request, once there is one.
    pub fn request(&self) -> Option<Uuid> {
        match self {
            Self::Request => None,
            Self::Approve { request, .. }
            | Self::Export { request, .. }
            | Self::Withdraw { request } => Some(*request),
        }
    }
}

/// What was loaded about a file and a request for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GlassFacts {
    /// The caller administers the file or its project.
    pub administers: bool,
    /// The file, its project or everything is frozen.
    pub frozen: bool,
    /// How far the request is now.
    pub state: State,
    /// Who asked.
    pub by: IdentityId,
    /// Who agreed.
    pub approved_by: Option<IdentityId>,
    /// [`Wish::digest`] of what is stored now.
    pub digest: [u8; 32],
    /// The digest that was agreed to.
    pub approved: Option<[u8; 32]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish() -> Wish {
        Wish {
            request: Uuid::from_u128(1),
            project: ProjectId(Uuid::from_u128(2)),
            file: FileId(Uuid::from_u128(3)),
            reason: "why".into(),
            recipient: "age1x".into(),
            by: IdentityId(Uuid::from_u128(4)),
            at: Timestamp(5),
        }
    }

    #[test]
    fn every_part_of_a_wish_is_in_its_digest() {
        let whole = wish().digest();
        let changes: [fn(&mut Wish); 7] = [
            |wish| wish.request = Uuid::nil(),
            |wish| wish.project = ProjectId(Uuid::nil()),
            |wish| wish.file = FileId(Uuid::nil()),
            |wish| wish.reason.push('.'),
            |wish| wish.recipient.push('y'),
            |wish| wish.by = IdentityId(Uuid::nil()),
            |wish| wish.at = Timestamp(6),
        ];
        for change in changes {
            let mut other = wish();
            change(&mut other);
            assert_ne!(other.digest(), whole, "{other:?}");
        }
        assert_eq!(wish().digest(), whole);
    }

    #[test]
    fn what_waits_runs_out_and_what_is_over_stays_as_it_ended() {
        let (before, until) = (Timestamp(9), Timestamp(10));
        for state in State::ALL {
            assert_eq!(state.at(before, until), state);
            assert_eq!(State::from_word(state.word()), Some(state));
        }
        assert_eq!(State::Requested.at(until, until), State::Expired);
        assert_eq!(State::Approved.at(until, until), State::Expired);
        assert_eq!(State::Exported.at(until, until), State::Exported);
        assert_eq!(State::Withdrawn.at(until, until), State::Withdrawn);
    }
}
