//! What no JSON may be, whatever shape is read from it: deeper than 127 levels, with a member twice in one object, with a
//! number that is none, with half a character, or with a NUL.
//!
//! Readers of shapes skip what they do not know, and then see nothing of that; two readers of one text may even disagree
//! about a member that is there twice. So the whole text is looked at once before. It must not know any shape.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// How the complaint about a member that is there twice begins.
pub(crate) const TWICE: &str = "the same member twice";
/// How the complaint about a NUL begins.
pub(crate) const NUL: &str = "a NUL character";

/// Looks at a whole text, and says what is wrong with it. What a program printed may hold a NUL: agents send that.
pub(crate) fn check(bytes: &[u8], nul: bool) -> serde_json::Result<()> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Look { nul }.deserialize(&mut reader)?;
    reader.end()
}

/// Looks at any JSON at all.
#[derive(Clone, Copy)]
struct Look {
    /// Whether a NUL is fine.
    nul: bool,
}

impl Look {
    fn text<E: Error>(self, text: &str) -> Result<(), E> {
        if !self.nul && text.contains('\0') {
            return Err(E::custom(NUL));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Look {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.text(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            self.text(&name)?;
            if !names.insert(name) {
                return Err(A::Error::custom(TWICE));
            }
            members.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sound_is_sound() {
        for good in [
            "null",
            "0",
            "-0",
            "1.5e300",
            "18446744073709551616",
            r#""\ud83d\ude00""#,
            r#"{"a":{"a":[{"a":1},{"a":2}]},"A":3,"":4}"#,
            "[[],{},true]",
        ] {
            assert!(check(good.as_bytes(), false).is_ok(), "{good}");
        }
        let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
        assert!(check(deep.as_bytes(), false).is_ok());
    }

    #[test]
    fn what_is_not_is_refused_wherever_it_stands() {
        for bad in [
            "",
            "{",
            "1e999",
            "-",
            "NaN",
            r#"{"a":1,"a":1}"#,
            r#"[{"b":{"a":1,"c":2,"\u0061":null}}]"#,
            r#""\ud800""#,
            r#"{"\udc00":1}"#,
            r#"["x\u0000y"]"#,
            r#"{"\u0000":1}"#,
            "\u{feff}{}",
            "{} {}",
            "[1,]",
        ] {
            assert!(check(bad.as_bytes(), false).is_err(), "{bad}");
        }
        assert!(check(b"\"\xff\"", false).is_err());
        assert!(check(br#"["x\u0000y"]"#, true).is_ok());
        let deep = "[".repeat(1_000_000);
        assert!(check(deep.as_bytes(), false).is_err());
    }
}
