//! The values that expressions work with, and how they turn into one another. The rules are those that Azure Pipelines
//! documents for its expressions. It must not know where values come from, nor what is done with them.

use super::{Object, Timestamp};
use std::borrow::Cow;
use std::sync::Arc;

/// A value. A copy is cheap: what may be large is shared.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// What is not there.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// A finite number.
    Number(f64),
    /// A version of two to four numbers.
    Version(Parts),
    /// A text.
    Text(Arc<str>),
    /// A moment, of which there are only those that a context hands in.
    Time(Timestamp),
    /// A list.
    Array(Arc<Vec<Value>>),
    /// A mapping.
    Object(Arc<Object>),
}

/// The two to four numbers of a version; one that is not there is less than any that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parts([Option<u32>; 4]);

impl Value {
    /// What it is, as Azure Pipelines calls it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "Null",
            Self::Boolean(_) => "Boolean",
            Self::Number(_) => "Number",
            Self::Version(_) => "Version",
            Self::Text(_) => "String",
            Self::Time(_) => "DateTime",
            Self::Array(_) => "Array",
            Self::Object(_) => "Object",
        }
    }

    /// As a condition: null, false, 0 and the empty text are false, and all else is true, the text `false` too.
    #[must_use]
    pub fn truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Boolean(value) => *value,
            Self::Number(value) => *value != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Version(_) | Self::Time(_) | Self::Array(_) | Self::Object(_) => true,
        }
    }

    /// As text, null being empty; none for arrays and objects, which are no text.
    #[must_use]
    pub fn to_text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Null => Cow::Borrowed(""),
            Self::Boolean(true) => Cow::Borrowed("True"),
            Self::Boolean(false) => Cow::Borrowed("False"),
            Self::Number(value) => Cow::Owned(number_text(*value)),
            Self::Version(parts) => Cow::Owned(parts.to_string()),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Time(time) => Cow::Owned(time.to_string()),
            Self::Array(_) | Self::Object(_) => return None,
        })
    }

    /// As a number; none when it is no number.
    #[must_use]
    pub fn to_number(&self) -> Option<f64> {
        match self {
            Self::Null => Some(0.0),
            Self::Boolean(value) => Some(f64::from(u8::from(*value))),
            Self::Number(value) => Some(*value),
            Self::Text(text) => number(text),
            Self::Version(_) | Self::Time(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// As a version; none when it is none. A number is one when it has a fraction: 1.2.
    #[must_use]
    pub fn to_version(&self) -> Option<Parts> {
        match self {
            Self::Version(parts) => Some(*parts),
            Self::Number(value) if *value > 0.0 => Parts::parse(&number_text(*value)),
            Self::Text(text) => Parts::parse(text),
            _ => None,
        }
    }

    /// Whether it is null, or the empty text, which counts as null.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    /// What stands under a key: a name of an object, a place in an array, from 0. Null when there is nothing.
    #[must_use]
    pub fn member(&self, key: &Value) -> Value {
        let found = match self {
            Self::Object(object) => key.to_text().and_then(|key| object.get(&key)),
            Self::Array(items) => key
                .to_number()
                .filter(|number| *number >= 0.0 && !key.is_nothing())
                // Larger than any array is none, and a fraction is cut off.
                .and_then(|number| items.get(number as usize)),
            _ => None,
        };
        found.cloned().unwrap_or_default()
    }

    /// How many bytes a look at it takes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            _ => 1,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<f64> for Value {
    /// What is no finite number is null: no expression makes one.
    fn from(value: f64) -> Self {
        if value.is_finite() {
            Self::Number(value)
        } else {
            Self::Null
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::Array(Arc::new(items))
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(Arc::new(object))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<V: Into<Value>> FromIterator<V> for Value {
    fn from_iter<I: IntoIterator<Item = V>>(items: I) -> Self {
        Self::Array(Arc::new(items.into_iter().map(Into::into).collect()))
    }
}

impl std::fmt::Display for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, part) in self.0.iter().flatten().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            write!(f, "{dot}{part}")?;
        }
        Ok(())
    }
}

impl Parts {
    /// Two to four whole numbers with points between.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = [None; 4];
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
        (count >= 2).then_some(Self(parts))
    }
}

/// Without separators of thousands, and with a point only where there is a fraction.
pub(super) fn number_text(value: f64) -> String {
    if value == 0.0 {
        // There is a zero with a sign, which nobody means.
        "0".to_owned()
    } else {
        value.to_string()
    }
}

/// A decimal number: white space around it, a sign before it, commas in it, one point. The empty text is 0.
fn number(text: &str) -> Option<f64> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return text.is_empty().then_some(0.0);
    }
    let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
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
    let value: f64 = trimmed.replace(',', "").parse().ok()?;
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Value {
        Value::Version(Parts::parse(text).unwrap())
    }

    #[test]
    fn conversions_are_those_of_the_documented_table() {
        let array: Value = [1.0].into_iter().collect();
        let object = Value::from(Object::from_iter([("a", 1.0)]));
        let time = Value::Time(Timestamp::new(0, 0));
        // Value, as boolean, as text, as number, as version, counts as nothing.
        type Row = (
            Value,
            bool,
            Option<&'static str>,
            Option<f64>,
            Option<&'static str>,
            bool,
        );
        let rows: Vec<Row> = vec![
            (Value::Null, false, Some(""), Some(0.0), None, true),
            (true.into(), true, Some("True"), Some(1.0), None, false),
            (false.into(), false, Some("False"), Some(0.0), None, false),
            (0.0.into(), false, Some("0"), Some(0.0), None, false),
            ((-0.0).into(), false, Some("0"), Some(0.0), None, false),
            (1.5.into(), true, Some("1.5"), Some(1.5), Some("1.5"), false),
            ((-1.5).into(), true, Some("-1.5"), Some(-1.5), None, false),
            (
                1234567.0.into(),
                true,
                Some("1234567"),
                Some(1234567.0),
                None,
                false,
            ),
            ("".into(), false, Some(""), Some(0.0), None, true),
            (" ".into(), true, Some(" "), None, None, false),
            ("false".into(), true, Some("false"), None, None, false),
            (
                " 1,234.5 ".into(),
                true,
                Some(" 1,234.5 "),
                Some(1234.5),
                None,
                false,
            ),
            (
                "1.2.3".into(),
                true,
                Some("1.2.3"),
                None,
                Some("1.2.3"),
                false,
            ),
            (
                version("1.2.3.4"),
                true,
                Some("1.2.3.4"),
                None,
                Some("1.2.3.4"),
                false,
            ),
            (
                time,
                true,
                Some("1970-01-01 00:00:00+00:00"),
                None,
                None,
                false,
            ),
            (array, true, None, None, None, false),
            (object, true, None, None, None, false),
        ];
        for (value, truth, text, number, version, nothing) in rows {
            assert_eq!(value.truthy(), truth, "{value:?}");
            assert_eq!(value.to_text().as_deref(), text, "{value:?}");
            assert_eq!(value.to_number(), number, "{value:?}");
            let found = value.to_version().map(|parts| parts.to_string());
            assert_eq!(found.as_deref(), version, "{value:?}");
            assert_eq!(value.is_nothing(), nothing, "{value:?}");
        }
        assert_eq!(Value::from(f64::NAN), Value::Null);
    }

    #[test]
    fn numbers_and_versions_are_read_as_people_write_them() {
        for (text, wanted) in [
            ("1,000", Some(1000.0)),
            ("-.5", Some(-0.5)),
            ("5.", Some(5.0)),
            ("", Some(0.0)),
            (" ", None),
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
            assert_eq!(Parts::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn members_are_found_by_name_and_by_place() {
        let array: Value = ["a", "b"].into_iter().collect();
        let object = Value::from(Object::from_iter([("A b", "x"), ("1", "y")]));
        for (of, key, wanted) in [
            (&array, Value::from(0.0), Value::from("a")),
            (&array, 1.9.into(), "b".into()),
            (&array, "1".into(), "b".into()),
            (&array, 2.0.into(), Value::Null),
            (&array, (-1.0).into(), Value::Null),
            (&array, 1e300.into(), Value::Null),
            (&array, "x".into(), Value::Null),
            (&array, Value::Null, Value::Null),
            (&object, "a B".into(), "x".into()),
            (&object, 1.0.into(), "y".into()),
            (&object, "none".into(), Value::Null),
            (&object, array.clone(), Value::Null),
            (&Value::Null, "a".into(), Value::Null),
            (&"text".into(), 0.0.into(), Value::Null),
        ] {
            assert_eq!(of.member(&key), wanted, "{of:?} {key:?}");
        }
    }
}
