//! How templates write what is not plain text. `{{ x }}` escapes; these are for the few places where that is not enough.

#![expect(
    unreachable_pub,
    reason = "what the attribute makes of a filter is public inside a module that is not"
)]

use super::html::escape;
use askama::filters::Safe;
use coffer_model::Timestamp;

/// For the value of a field: what a person sends back is what was there, and whatever is not plain to see is written as a
/// number.
#[askama::filter_fn]
pub(crate) fn typed(text: &str, _: &dyn askama::Values) -> askama::Result<Safe<String>> {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter if letter.is_ascii_graphic() || letter.is_alphanumeric() || letter == ' ' => {
                out.push(letter);
            }
            letter => out.push_str(&format!("&#{};", u32::from(letter))),
        }
    }
    Ok(Safe(out))
}

/// Text of several lines: as everywhere else, but the ends of lines and tabs stay what they are.
#[askama::filter_fn]
pub(crate) fn text(text: &str, _: &dyn askama::Values) -> askama::Result<Safe<String>> {
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let parts: Vec<String> = line.split('\t').map(escape).collect();
            parts.join("\t")
        })
        .collect();
    Ok(Safe(lines.join("\n")))
}

/// A moment. The script shows it by the reader's own clock.
#[askama::filter_fn]
pub(crate) fn when(at: &Timestamp, _: &dyn askama::Values) -> askama::Result<Safe<String>> {
    let exact = crate::ado::convert::date(*at);
    let plain = exact.get(..16).unwrap_or(&exact).replace('T', " ");
    Ok(Safe(format!(
        "<time datetime=\"{}\">{} UTC</time>",
        escape(&exact),
        escape(&plain)
    )))
}

/// A size in bytes, for people: `3.4 MB` of 1,048,576 bytes each, as the limit counts.
#[askama::filter_fn]
pub(crate) fn size(bytes: &u64, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(match *bytes {
        bytes @ 0..1024 => format!("{bytes} B"),
        bytes @ 1024..1_048_576 => format!("{} KB", tenths(bytes, 1024)),
        bytes => format!("{} MB", tenths(bytes, 1_048_576)),
    })
}

fn tenths(bytes: u64, unit: u64) -> f64 {
    let tenths = u32::try_from(bytes.saturating_mul(10) / unit).unwrap_or(u32::MAX);
    f64::from(tenths) / 10.0
}
