//! One-time codes by time, RFC 6238: SHA-1, 30 seconds, six digits, which is what every authenticator app understands.
//! Pure: the time is an argument. It must not know whose a secret is, nor which codes were used.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use coffer_model::Timestamp;
use zeroize::Zeroizing;

/// How long a code is shown, seconds.
const STEP: i64 = 30;
/// Digits of a code.
const DIGITS: usize = 6;
/// Clocks may differ by this many steps, either way.
const DRIFT: i64 = 1;
/// Bytes of a secret: what RFC 4226 recommends for SHA-1.
pub(crate) const SECRET: usize = 20;

fn code(secret: &[u8], step: i64) -> Zeroizing<String> {
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[tag.len() - 1] & 0xf);
    let number = tag[offset..offset + 4]
        .iter()
        .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    Zeroizing::new(format!("{:06}", (number & 0x7fff_ffff) % 1_000_000))
}

/// The step that a code is of, if it is good now and later than `after`.
///
/// Every step that may count is compared, so that the time tells nothing.
pub(crate) fn step_of(secret: &[u8], typed: &str, now: Timestamp, after: i64) -> Option<i64> {
    let typed: Zeroizing<String> = Zeroizing::new(typed.split_whitespace().collect());
    let current = now.0.div_euclid(1_000_000 * STEP);
    let mut found = None;
    for step in current - DRIFT..=current + DRIFT {
        let same = verify_slices_are_equal(code(secret, step).as_bytes(), typed.as_bytes());
        if same.is_ok() && typed.len() == DIGITS && step > after {
            found = Some(step);
        }
    }
    found
}

/// A secret as people type it into an app: base 32, in groups of four.
pub(crate) fn base32(secret: &[u8]) -> Zeroizing<String> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = Zeroizing::new(String::with_capacity(secret.len() * 8 / 5 + 1));
    let (mut held, mut bits) = (0_u32, 0);
    for byte in secret {
        held = (held << 8 | u32::from(*byte)) & 0xffff;
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(LETTERS[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        out.push(char::from(LETTERS[(held << (5 - bits) & 31) as usize]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        // The RFC's codes have eight digits; ours are their last six.
        for (seconds, eight) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(code(RFC, seconds / STEP).as_str(), &eight[2..]);
            assert_eq!(
                step_of(RFC, &eight[2..], at(seconds), 0),
                Some(seconds / STEP)
            );
        }
    }

    #[test]
    fn a_code_is_good_within_its_drift_and_once() {
        let now = 1_111_111_111;
        let step = now / STEP;
        let typed = code(RFC, step);
        for (seconds, good) in [
            (-60, false),
            (-30, true),
            (0, true),
            (30, true),
            (60, false),
        ] {
            assert_eq!(
                step_of(RFC, &typed, at(now + seconds), 0).is_some(),
                good,
                "{seconds}"
            );
        }
        assert_eq!(step_of(RFC, &typed, at(now), step), None);
        assert_eq!(step_of(RFC, &typed, at(now), step - 1), Some(step));
        let spaced = format!(" {} {} ", &typed[..3], &typed[3..]);
        assert_eq!(step_of(RFC, &spaced, at(now), 0), Some(step));
        for wrong in ["", "0", "1405047", "abcdef", "-50471", "00000000000000"] {
            assert_eq!(step_of(RFC, wrong, at(now), 0), None, "{wrong}");
        }
    }

    #[test]
    fn base_32_is_that_of_rfc_4648() {
        for (plain, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(plain.as_bytes()).as_str(), text);
        }
    }
}
