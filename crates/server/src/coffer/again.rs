//! A sign-in in the call itself, as bodies hold it.

use coffer_service::Again;
use zeroize::Zeroizing;

/// What the caller shows.
pub(crate) fn again(password: String, code: Option<String>) -> Again {
    Again {
        password: Zeroizing::new(password),
        code: Zeroizing::new(code.unwrap_or_default()),
    }
}
