//! `Content-Disposition: attachment` with a file name, encoded so that no name can break out of it (RFC 6266, RFC 8187).

use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// RFC 8187 `attr-char`.
const ATTR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The header for a download that a browser saves under `name`.
///
/// Old readers take `filename`, where anything doubtful is an underscore; the others take `filename*`, which is exact.
pub(crate) fn attachment(name: &str) -> HeaderValue {
    let plain: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '%' | '/' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect();
    let exact = utf8_percent_encode(name, ATTR);
    let text = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    #[test]
    fn names_are_readable_for_old_and_new_readers() {
        assert_eq!(
            attachment("Größe 100%.p12"),
            "attachment; filename=\"Gr__e 100_.p12\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20100%25.p12"
        );
    }

    #[test]
    fn a_name_that_looks_like_headers_stays_a_name() {
        let value = attachment("a\"; filename=evil.exe\r\nSet-Cookie: x=1");
        let text = value.to_str().unwrap();
        assert!(!text.contains('\r') && !text.contains('\n'));
        assert_eq!(text.matches('"').count(), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_name_survives_and_none_breaks_out(name in any::<String>()) {
            let value = attachment(&name);
            let text = value.to_str().unwrap();
            prop_assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)));
            let rest = text.strip_prefix("attachment; filename=\"").unwrap();
            let (plain, rest) = rest.split_once('"').unwrap();
            prop_assert!(!plain.contains('\\'));
            let exact = rest.strip_prefix("; filename*=UTF-8''").unwrap();
            prop_assert!(exact.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~%".contains(&b)));
            prop_assert_eq!(percent_decode_str(exact).decode_utf8().unwrap(), name);
        }
    }
}
