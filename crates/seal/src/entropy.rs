//! Randomness as an argument: what a source of random bytes looks like, and the one that products use.
//!
//! Must not know what the bytes are for.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// A source of random bytes: fills the whole buffer, every time.
///
/// Outside tests and vectors pass [`os_entropy`]. Keys, salts and nonces all come from here, so a source
/// that repeats itself breaks every promise of this crate.
pub type Entropy = dyn Fn(&mut [u8]) + Send + Sync;

/// Fills `buffer` from the operating system's generator.
///
/// # Panics
///
/// When the operating system has no randomness to give: going on with predictable keys would be worse.
pub fn os_entropy(buffer: &mut [u8]) {
    SystemRandom::new()
        .fill(buffer)
        .expect("the operating system gives no random bytes; no key may be made without them");
}
