//! What an authenticator app shows: RFC 6238, written here a second time.

use crate::TestServer;
use aws_lc_rs::hmac;

const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// How long a code is shown, seconds.
const STEP: i64 = 30;

/// An app that was told a secret.
pub struct Authenticator {
    secret: Vec<u8>,
    /// Seconds that the server's clock was moved by.
    ahead: i64,
}

impl Authenticator {
    /// With the secret as a person types it.
    pub fn typed(base32: &str) -> Self {
        let (mut secret, mut bits, mut held) = (Vec::new(), 0, 0_u64);
        for letter in base32.chars() {
            held = held << 5 | LETTERS.find(letter).unwrap() as u64;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                secret.push((held >> bits & 0xff) as u8);
            }
        }
        Self { secret, ahead: 0 }
    }

    /// The secret itself.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    #[expect(clippy::disallowed_methods, reason = "an app has a clock of its own")]
    fn now(&self) -> i64 {
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        i64::try_from(now.as_secs()).unwrap() + self.ahead
    }

    /// The code of now.
    pub fn code(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.secret);
        let tag = hmac::sign(&key, &(self.now() / STEP).to_be_bytes());
        let tag = tag.as_ref();
        let at = usize::from(tag[19] & 0xf);
        let number = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// The next code, on the server's clock and the app's.
    pub fn wait(&mut self, server: &mut TestServer) {
        self.wait_for(server, STEP);
    }

    /// Time passes, on the server's clock and the app's.
    pub fn wait_for(&mut self, server: &mut TestServer, seconds: i64) {
        server.advance_clock(seconds);
        self.ahead += seconds;
    }
}
