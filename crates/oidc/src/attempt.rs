//! One attempt to sign in: a secret that the browser holds, and all that follows from it. It must not know how a
//! browser keeps it or how its end is stored.

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// 256 random bits. State, nonce and PKCE verifier are derived from them, so that nothing secret has to be stored:
/// who does not hold the browser's cookie can neither answer the state nor trade the code.
pub struct Attempt(Zeroizing<[u8; 32]>);

impl Attempt {
    /// A new one, filled by `entropy`.
    pub fn new(entropy: impl FnOnce(&mut [u8])) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        entropy(&mut *secret);
        Self(secret)
    }

    /// The one whose secret a cookie holds.
    pub fn from_cookie(value: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(value).ok()?);
        let mut secret = Zeroizing::new([0; 32]);
        if bytes.len() != secret.len() {
            return None;
        }
        secret.copy_from_slice(&bytes);
        Some(Self(secret))
    }

    /// The cookie's value.
    pub fn cookie(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(*self.0))
    }

    /// What the store knows it by.
    pub fn hash(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, &*self.0).as_ref());
        out
    }

    /// Whether an answer is to this attempt. Takes the same time for every wrong state of the right length.
    pub(crate) fn is_state(&self, state: &str) -> bool {
        constant_time::verify_slices_are_equal(self.state().as_bytes(), state.as_bytes()).is_ok()
    }

    pub(crate) fn state(&self) -> String {
        self.derive("state")
    }

    pub(crate) fn nonce(&self) -> String {
        self.derive("nonce")
    }

    pub(crate) fn verifier(&self) -> String {
        self.derive("code verifier")
    }

    fn derive(&self, what: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.0);
        let label = format!("coffer openid connect {what}");
        URL_SAFE_NO_PAD.encode(hmac::sign(&key, label.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::Attempt;

    #[test]
    fn a_cookie_brings_the_attempt_back_and_nothing_follows_from_what_others_see() {
        let attempt = Attempt::new(|bytes| bytes.fill(7));
        let back = Attempt::from_cookie(&attempt.cookie()).unwrap();
        assert!(back.is_state(&attempt.state()));
        assert_eq!(back.hash(), attempt.hash());
        let parts = [attempt.state(), attempt.nonce(), attempt.verifier()];
        assert!(parts[0] != parts[1] && parts[1] != parts[2] && parts[0] != parts[2]);
        // RFC 7636: 43 to 128 characters.
        assert!(parts[2].len() >= 43);
        let other = Attempt::new(|bytes| bytes.fill(8));
        assert!(!other.is_state(&attempt.state()));
        for bad in [
            "",
            "x",
            &attempt.cookie()[1..],
            &format!("{}A", *attempt.cookie()),
        ] {
            assert!(Attempt::from_cookie(bad).is_none(), "{bad}");
        }
        assert!(!attempt.is_state(""));
    }
}
