//! The forms in which one value may be printed. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// Shorter pieces are not registered by themselves: they would hide half of a log.
const PIECE: usize = 4;
/// Bytes that make one line of wrapped base64: 76 characters (coreutils), 64 (OpenSSL).
const WRAPPED: [usize; 2] = [57, 48];

type Form = Zeroizing<String>;

/// Every form of a value; may hold doubles.
pub(super) fn of(value: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    let trimmed = value.trim();
    let unquoted = unquoted(trimmed);
    for text in [value, trimmed, unquoted] {
        encoded(text, &mut forms);
    }
    // A secret of several lines is printed line by line.
    if value.contains(['\n', '\r']) {
        for line in value.split(['\n', '\r']).map(str::trim) {
            if line.chars().count() >= PIECE {
                encoded(line, &mut forms);
            }
        }
    }
    forms
}

fn encoded(text: &str, forms: &mut Vec<Form>) {
    if text.is_empty() {
        return;
    }
    let command = command_escaped(text);
    let json = json_escaped(text);
    let mut add = |form: String| forms.push(Zeroizing::new(form));
    add(text.to_owned());
    add(json.replace('/', "\\/"));
    add(json);
    add(uri_escaped(text, false, "%20"));
    add(uri_escaped(text, true, "%20"));
    add(uri_escaped(text, false, "+"));
    add(backslash_escaped(text));
    add(shell_quoted(text));
    add(text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;"));
    add(text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;"));
    add(text.replace('\r', "%0D").replace('\n', "%0A"));
    add(command.replace(']', "%5D").replace(';', "%3B"));
    add(STANDARD.encode(text));
    add(STANDARD.encode(&command));
    add(command);
    if text.len() >= PIECE {
        add(hex::encode(text));
        add(hex::encode_upper(text));
        for offset in 0..3 {
            aligned(text.as_bytes(), offset, &mut add);
        }
        for width in WRAPPED {
            for line in text.as_bytes().chunks(width) {
                if text.len() > width && line.len() >= PIECE {
                    add(STANDARD_NO_PAD.encode(line));
                }
            }
        }
    }
}

/// The characters that base64 makes of these bytes, and of nothing else, when `offset` other bytes stand before them.
fn aligned(bytes: &[u8], offset: usize, add: &mut impl FnMut(String)) {
    let mut padded = Zeroizing::new(vec![0; offset]);
    padded.extend_from_slice(bytes);
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    for text in [
        STANDARD_NO_PAD.encode(&*padded),
        URL_SAFE_NO_PAD.encode(&*padded),
    ] {
        let text = Zeroizing::new(text);
        add(text[first..last].to_owned());
    }
}

fn unquoted(text: &str) -> &str {
    for quote in ['"', '\''] {
        if text.len() > 2
            && let Some(inner) = text
                .strip_prefix(quote)
                .and_then(|rest| rest.strip_suffix(quote))
        {
            return inner;
        }
    }
    text
}

fn command_escaped(text: &str) -> String {
    text.replace('%', "%AZP25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn json_escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or_default()
        .to_owned()
}

fn uri_escaped(text: &str, lower: bool, space: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else if byte == b' ' {
            out.push_str(space);
        } else if lower {
            let _ = write!(out, "%{byte:02x}");
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// As shells print words that hold special characters.
fn backslash_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_ascii() && !c.is_ascii_alphanumeric() && !"-_./,:=@%+".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// As `set -x` prints a word with single quotes in it.
fn shell_quoted(text: &str) -> String {
    text.replace('\'', "'\\''")
}
