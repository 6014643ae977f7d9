//! What every provider takes and refuses alike. Must not know any of them.

use coffer_seal::KeyError;
use coffer_seal::NOTE_MAX;

/// The longest name of a scale unit, in bytes.
pub(crate) const MAX_SCALE_UNIT: usize = 128;

/// Names of scale units stand in files, tags and messages.
pub(crate) fn check_scale_unit(name: &str) -> Result<(), KeyError> {
    let fits = !name.is_empty()
        && name.len() <= MAX_SCALE_UNIT
        && !name
            .chars()
            .any(|character| character.is_whitespace() || character.is_control());
    if fits {
        Ok(())
    } else {
        Err(KeyError::refused(
            "a scale unit's name is 1 to 128 bytes without spaces or control characters; correct the configuration",
        ))
    }
}

/// A note is short, and printable ASCII.
pub(crate) fn check_note(text: &str) -> Result<(), KeyError> {
    let printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if text.len() <= NOTE_MAX && text.bytes().all(printable) {
        return Ok(());
    }
    Err(KeyError::refused(format!(
        "a note beside the keys is printable ASCII of at most {NOTE_MAX} bytes"
    )))
}

/// Why a generation is not destroyed that was not disabled before.
pub(crate) fn still_active() -> KeyError {
    KeyError::refused("an active root generation is not destroyed; disable it first")
}

/// Whether a part of an id is letters, digits and `-`, so many at most: ids come from the database, and go into addresses.
#[cfg(any(feature = "aws", feature = "azure"))]
pub(crate) fn is_plain(part: &str, most: usize) -> bool {
    (1..=most).contains(&part.len())
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A scale unit in the name of a key, for people: a tag says it exactly.
#[cfg(any(feature = "aws", feature = "azure"))]
pub(crate) fn slug(scale_unit: &str) -> String {
    let kept = scale_unit.chars().take(40).map(|sign| match sign {
        sign if sign.is_ascii_alphanumeric() => sign.to_ascii_lowercase(),
        _ => '-',
    });
    kept.collect()
}
