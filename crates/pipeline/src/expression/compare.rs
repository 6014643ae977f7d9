//! How values compare: the right side becomes what the left side is. Text ignores case, letter by letter.

use super::Value;
use std::cmp::Ordering;
use std::sync::Arc;

impl Value {
    /// Whether `right`, turned into this kind of value, is the same; what cannot be turned is not. An array or object is the
    /// same as itself only.
    #[must_use]
    pub fn equals(&self, right: &Value) -> bool {
        match (self, right) {
            (Self::Null, _) => right.is_nothing(),
            (Self::Array(left), Self::Array(right)) => Arc::ptr_eq(left, right),
            (Self::Object(left), Self::Object(right)) => Arc::ptr_eq(left, right),
            _ => self.order(right) == Some(Ordering::Equal),
        }
    }

    /// How it compares with `right`, turned into this kind of value; none when that cannot be, or when this has no order.
    #[must_use]
    pub fn order(&self, right: &Value) -> Option<Ordering> {
        match self {
            Self::Null | Self::Array(_) | Self::Object(_) => None,
            Self::Boolean(value) => Some(value.cmp(&right.truthy())),
            Self::Number(value) => value.partial_cmp(&right.to_number()?),
            Self::Version(parts) => Some(parts.cmp(&right.to_version()?)),
            Self::Text(text) => Some(upper(text).cmp(upper(&right.to_text()?))),
            Self::Time(time) => match right {
                Self::Time(right) => Some(time.cmp(right)),
                _ => None,
            },
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

#[cfg(test)]
mod tests {
    use super::super::{Object, Parts, Timestamp};
    use super::*;

    fn version(text: &str) -> Value {
        Value::Version(Parts::parse(text).unwrap())
    }

    #[test]
    fn the_right_side_becomes_what_the_left_side_is() {
        let array: Value = [1.0].into_iter().collect();
        let same: Value = [1.0].into_iter().collect();
        let object = Value::from(Object::from_iter([("a", 1.0)]));
        let five = Value::from(5.0);
        let rows: Vec<(Value, Value, bool)> = vec![
            ("Mobile".into(), "mOBILE".into(), true),
            ("STRASSE".into(), "straße".into(), false),
            ("É".into(), "é".into(), true),
            (five.clone(), " 5.0 ".into(), true),
            (five.clone(), "+5".into(), true),
            (five.clone(), "five".into(), false),
            ("5".into(), five.clone(), true),
            ("5.0".into(), five, false),
            (1234.5.into(), "1,234.5".into(), true),
            (0.0.into(), "".into(), true),
            (0.0.into(), Value::Null, true),
            (1.0.into(), true.into(), true),
            (1.0.into(), array.clone(), false),
            (true.into(), "false".into(), true),
            (true.into(), array.clone(), true),
            (false.into(), "".into(), true),
            (false.into(), Value::Null, true),
            ("true".into(), true.into(), true),
            ("Array".into(), array.clone(), false),
            (Value::Null, "".into(), true),
            (Value::Null, " ".into(), false),
            (Value::Null, false.into(), false),
            (Value::Null, Value::Null, true),
            ("".into(), Value::Null, true),
            (version("1.2"), "1.2".into(), true),
            (version("1.2"), "1.2.0".into(), false),
            (version("1.2"), 1.2.into(), true),
            (version("1.2"), Value::Null, false),
            ("1.2".into(), version("1.2"), true),
            (array.clone(), array.clone(), true),
            (array.clone(), same, false),
            (array, true.into(), false),
            (object.clone(), object, true),
        ];
        for (left, right, same) in rows {
            assert_eq!(left.equals(&right), same, "{left:?} {right:?}");
        }
    }

    #[test]
    fn what_cannot_be_turned_has_no_order() {
        let rows: Vec<(Value, Value, Option<Ordering>)> = vec![
            ("10".into(), 9.0.into(), Some(Ordering::Less)),
            (9.0.into(), "10".into(), Some(Ordering::Less)),
            (9.0.into(), "ten".into(), None),
            (Value::Null, Value::Null, None),
            (false.into(), "x".into(), Some(Ordering::Less)),
            (version("1.9"), "1.10.0".into(), Some(Ordering::Less)),
            (version("1.9"), "x".into(), None),
            ("a_".into(), "ab".into(), Some(Ordering::Greater)),
            (
                Value::Time(Timestamp::new(1, 0)),
                Value::Time(Timestamp::new(0, 5)),
                Some(Ordering::Greater),
            ),
            (Value::Time(Timestamp::new(1, 0)), "1970".into(), None),
        ];
        for (left, right, order) in rows {
            assert_eq!(left.order(&right), order, "{left:?} {right:?}");
        }
    }
}
