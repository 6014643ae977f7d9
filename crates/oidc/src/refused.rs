//! Why a sign-in is refused: a word for the audit log, and a detail that names no secret. It must not know texts for
//! browsers: these get one for all.

use std::fmt;

/// Why not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The answer is to another attempt, or to none.
    State,
    /// The provider sent the person back with an error.
    ProviderSaidNo,
    /// The answer has no code.
    NoCode,
    /// The provider does not trade the code: used, expired, or not ours.
    CodeRefused,
    /// The provider cannot be reached, is slow, answers too much, or sends elsewhere.
    Unreachable,
    /// What the provider says of itself does not fit.
    Unfit,
    /// An answer is not what the protocol says.
    Malformed,
    /// There is no ID token.
    NoIdToken,
    /// Another issuer, or none where one was announced.
    Issuer,
    /// The token is not for us, or for others as well.
    Audience,
    /// The token was issued to another party.
    AuthorizedParty,
    /// The token is not signed, or with an algorithm that is not allowed.
    Algorithm,
    /// None of the provider's keys is the token's.
    KeyUnknown,
    /// The signature does not hold.
    Signature,
    /// The token is expired.
    Expired,
    /// The token is not valid yet.
    NotYetValid,
    /// The token was issued in the future, or long ago.
    IssuedAt,
    /// The token answers another request, or none.
    Nonce,
    /// The token does not belong to the access token it came with.
    AccessTokenHash,
    /// The person did not show anew who they are.
    NotAnew,
    /// The UserInfo endpoint speaks of somebody else.
    OtherSubject,
}

impl Reason {
    /// A stable word for the audit log.
    pub fn code(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::ProviderSaidNo => "provider_error",
            Self::NoCode => "code_missing",
            Self::CodeRefused => "code_refused",
            Self::Unreachable => "provider_unreachable",
            Self::Unfit => "provider_unfit",
            Self::Malformed => "malformed",
            Self::NoIdToken => "id_token_missing",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::AuthorizedParty => "authorized_party",
            Self::Algorithm => "algorithm",
            Self::KeyUnknown => "key_unknown",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedAt => "issued_at",
            Self::Nonce => "nonce",
            Self::AccessTokenHash => "access_token_hash",
            Self::NotAnew => "not_signed_in_anew",
            Self::OtherSubject => "other_subject",
        }
    }
}

/// A refusal, for the audit log and the server's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// More, if there is more. No token, code or secret.
    pub detail: String,
}

impl Refused {
    pub(crate) fn with(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self::with(reason, "")
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.code())?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

/// An error code as the protocols write them; of anything else, nothing.
pub(crate) fn word(text: &str) -> &str {
    let plain = text.len() <= 64
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if plain { text } else { "not a word" }
}
