//! The values that expressions work with: how they turn into one another, and how they compare. The rules are those that
//! Azure Pipelines documents for its expressions. It must not know where values come from, nor what is done with them.

use std::borrow::Cow;
use std::cmp::Ordering;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Boolean(bool),
    Number(f64),
    Version(Parts),
    Text(Cow<'a, str>),
}

/// The two to four numbers of a version; one that is not there is less than any that is.
pub(super) type Parts = [Option<u32>; 4];

impl<'a> Value<'a> {
    /// What is known, or null.
    pub(super) fn known(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(Cow::Borrowed(text)))
    }

    /// Null, false, 0 and the empty text are false.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Boolean(value) => *value,
            Self::Number(value) => *value != 0.0,
            Self::Version(_) => true,
            Self::Text(text) => !text.is_empty(),
        }
    }

    /// As text; null is empty.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Null => Cow::Borrowed(""),
            Self::Boolean(true) => Cow::Borrowed("True"),
            Self::Boolean(false) => Cow::Borrowed("False"),
            Self::Number(value) => Cow::Owned(value.to_string()),
            Self::Version(parts) => {
                let parts: Vec<String> = parts.iter().flatten().map(u32::to_string).collect();
                Cow::Owned(parts.join("."))
            }
            Self::Text(text) => Cow::Borrowed(text),
        }
    }

    /// As a number; none when it is no number.
    fn number(&self) -> Option<f64> {
        match self {
            Self::Null => Some(0.0),
            Self::Boolean(value) => Some(f64::from(u8::from(*value))),
            Self::Number(value) => Some(*value),
            Self::Version(_) => None,
            Self::Text(text) => number(text),
        }
    }

    /// As a version; none when it is none.
    fn version(&self) -> Option<Parts> {
        match self {
            Self::Version(parts) => Some(*parts),
            Self::Number(_) | Self::Text(_) => version(&self.text()),
            Self::Null | Self::Boolean(_) => None,
        }
    }

    /// Whether it is null, or the empty text, which counts as null.
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    /// Whether `right`, turned into this kind of value, is the same; what cannot be turned is not. Text ignores case.
    pub(super) fn equals(&self, right: &Value<'_>) -> bool {
        match self {
            Self::Null => right.is_nothing(),
            _ => self.compare(right) == Some(Ordering::Equal),
        }
    }

    /// How it compares with `right`, turned into this kind of value; none when that cannot be, or this is null.
    pub(super) fn compare(&self, right: &Value<'_>) -> Option<Ordering> {
        match self {
            Self::Null => None,
            Self::Boolean(value) => Some(value.cmp(&right.is_true())),
            Self::Number(value) => value.partial_cmp(&right.number()?),
            Self::Version(parts) => Some(parts.cmp(&right.version()?)),
            Self::Text(text) => Some(upper(text).cmp(upper(&right.text()))),
        }
    }

    /// How many bytes a look at it takes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            _ => 1,
        }
    }
}

/// The letters in which text is compared: upper case where that is one letter, as ordinal comparison that ignores case
/// has it.
pub(super) fn upper(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().map(|c| single(c, c.to_uppercase()))
}

/// Lower case, letter by letter.
pub(super) fn lower(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().map(|c| single(c, c.to_lowercase()))
}

fn single(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// A decimal number: white space around it, a sign before it, commas in it, one point. The empty text is 0.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_empty() {
        return Some(0.0);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let whole_digits = whole.replace(',', "");
    if whole.starts_with(',')
        || !are_digits(&whole_digits)
        || !are_digits(fraction)
        || (whole_digits.is_empty() && fraction.is_empty())
    {
        return None;
    }
    let value: f64 = text.replace(',', "").parse().ok()?;
    value.is_finite().then_some(value)
}

/// Two to four whole numbers with points between.
pub(super) fn version(text: &str) -> Option<Parts> {
    let mut parts = Parts::default();
    let mut count = 0;
    for part in text.trim().split('.') {
        let slot = parts.get_mut(count)?;
        if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let number: i32 = part.parse().ok()?;
        *slot = Some(number.unsigned_abs());
        count += 1;
    }
    (count >= 2).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value<'_> {
        Value::known(Some(text))
    }

    #[test]
    fn the_right_side_becomes_what_the_left_side_is() {
        let five = Value::Number(5.0);
        for (left, right, same) in [
            (text("Mobile"), text("mOBILE"), true),
            (text("STRASSE"), text("straße"), false),
            (text("É"), text("é"), true),
            (five.clone(), text(" 5.0 "), true),
            (five.clone(), text("+5"), true),
            (five.clone(), text("five"), false),
            (text("5"), five.clone(), true),
            (text("5.0"), five.clone(), false),
            (Value::Number(1234.5), text("1,234.5"), true),
            (Value::Number(0.0), text(""), true),
            (Value::Number(0.0), Value::Null, true),
            (Value::Number(1.0), Value::Boolean(true), true),
            (Value::Boolean(true), text("false"), true),
            (Value::Boolean(false), text(""), true),
            (Value::Boolean(false), Value::Null, true),
            (text("true"), Value::Boolean(true), true),
            (Value::Null, text(""), true),
            (Value::Null, text(" "), false),
            (Value::Null, Value::Boolean(false), false),
            (text(""), Value::Null, true),
            (Value::Version(version("1.2").unwrap()), text("1.2"), true),
            (
                Value::Version(version("1.2").unwrap()),
                text("1.2.0"),
                false,
            ),
            (
                Value::Version(version("1.2").unwrap()),
                Value::Number(1.2),
                true,
            ),
            (Value::Version(version("1.2").unwrap()), Value::Null, false),
        ] {
            assert_eq!(left.equals(&right), same, "{left:?} {right:?}");
        }
    }

    #[test]
    fn what_cannot_be_turned_compares_with_nothing() {
        let compare = |left: &Value<'_>, right: &Value<'_>| left.compare(right);
        assert_eq!(
            compare(&text("10"), &Value::Number(9.0)),
            Some(Ordering::Less),
            "as text"
        );
        assert_eq!(
            compare(&Value::Number(9.0), &text("10")),
            Some(Ordering::Less),
            "as numbers"
        );
        assert_eq!(compare(&Value::Number(9.0), &text("ten")), None);
        assert_eq!(compare(&Value::Null, &Value::Null), None);
        let old = Value::Version(version("1.9").unwrap());
        assert_eq!(compare(&old, &text("1.10.0")), Some(Ordering::Less));
        assert_eq!(compare(&old, &text("x")), None);
        assert_eq!(compare(&text("a_"), &text("ab")), Some(Ordering::Greater));
    }

    #[test]
    fn numbers_and_versions_are_read_as_people_write_them() {
        for (text, wanted) in [
            ("1,000", Some(1000.0)),
            ("-.5", Some(-0.5)),
            ("5.", Some(5.0)),
            ("", Some(0.0)),
            (",5", None),
            ("1e3", None),
            (".", None),
            ("-", None),
            ("1.2.3", None),
            ("0x10", None),
            ("NaN", None),
            ("inf", None),
        ] {
            assert_eq!(number(text), wanted, "{text}");
        }
        assert_eq!(number(&"9".repeat(400)), None);
        for bad in ["1", "1.", ".1", "1.2.3.4.5", "1.-2", "1.4294967295", ""] {
            assert_eq!(version(bad), None, "{bad}");
        }
    }
}
