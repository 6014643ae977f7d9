//! The form of JSON answers: enums as words or as numbers, dates as ISO 8601 or as `"\/Date(…)\/"`.
//!
//! Browser extensions ask for the second forms in `Accept`. Shapes know nothing of it: their enums and dates are of types
//! that say so to a serializer ([`coffer_wire::enums::NUMBERED`], [`coffer_wire::common::DATE`]), and this one looks.

use coffer_wire::common::DATE;
use coffer_wire::enums::NUMBERED;
use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::ser::Formatter;
use std::io;

/// What a client asked for, each independent of the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// `enumsAsNumbers`.
    pub(crate) numbers: bool,
    /// `msDateFormat`.
    pub(crate) milliseconds: bool,
}

/// JSON in that form.
pub(crate) fn to_vec<T: Serialize + ?Sized>(value: &T, form: Form) -> serde_json::Result<Vec<u8>> {
    if form == Form::default() {
        return serde_json::to_vec(value);
    }
    let mut bytes = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, Verbatim);
    value.serialize(Formed(&mut writer, form))?;
    Ok(bytes)
}

/// Writes bytes as they are: the only way to have an escaped slash, which clients look for. No shape has bytes.
struct Verbatim;

impl Formatter for Verbatim {
    fn write_byte_array<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        value: &[u8],
    ) -> io::Result<()> {
        writer.write_all(value)
    }
}

/// A date as the first JSON of .NET wrote it; nothing when it is no date.
fn milliseconds(text: &str) -> Option<Vec<u8>> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(format!("\"\\/Date({})\\/\"", time.as_millisecond()).into_bytes())
}

/// A serializer, or a value on its way to one, in a form.
struct Formed<S>(S, Form);

impl<T: Serialize + ?Sized> Serialize for Formed<&T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Formed(serializer, self.1))
    }
}

macro_rules! plain {
    ($($method:ident($($name:ident: $type:ty),*);)*) => {$(
        fn $method(self, $($name: $type),*) -> Result<S::Ok, S::Error> {
            self.0.$method($($name),*)
        }
    )*};
}

macro_rules! compound {
    ($($method:ident($($name:ident: $type:ty),*) $kind:ident;)*) => {$(
        fn $method(self, $($name: $type),*) -> Result<Self::$kind, S::Error> {
            Ok(Formed(self.0.$method($($name),*)?, self.1))
        }
    )*};
}

impl<S: Serializer> Serializer for Formed<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Formed<S::SerializeSeq>;
    type SerializeTuple = Formed<S::SerializeTuple>;
    type SerializeTupleStruct = Formed<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Formed<S::SerializeTupleVariant>;
    type SerializeMap = Formed<S::SerializeMap>;
    type SerializeStruct = Formed<S::SerializeStruct>;
    type SerializeStructVariant = Formed<S::SerializeStructVariant>;

    plain! {
        serialize_bool(value: bool);
        serialize_i8(value: i8);
        serialize_i16(value: i16);
        serialize_i32(value: i32);
        serialize_i64(value: i64);
        serialize_i128(value: i128);
        serialize_u8(value: u8);
        serialize_u16(value: u16);
        serialize_u32(value: u32);
        serialize_u64(value: u64);
        serialize_u128(value: u128);
        serialize_f32(value: f32);
        serialize_f64(value: f64);
        serialize_char(value: char);
        serialize_str(value: &str);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
    }

    compound! {
        serialize_seq(length: Option<usize>) SerializeSeq;
        serialize_tuple(length: usize) SerializeTuple;
        serialize_tuple_struct(name: &'static str, length: usize) SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, length: usize) SerializeTupleVariant;
        serialize_map(length: Option<usize>) SerializeMap;
        serialize_struct(name: &'static str, length: usize) SerializeStruct;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, length: usize) SerializeStructVariant;
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("a shape holds bytes, which JSON has not"))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&Formed(value, self.1))
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        if name == NUMBERED && self.1.numbers {
            return self.0.serialize_i32(index.cast_signed());
        }
        self.0.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        if name == DATE && self.1.milliseconds {
            let text = serde_json::to_value(value).unwrap_or_default();
            if let Some(bytes) = text.as_str().and_then(milliseconds) {
                return self.0.serialize_bytes(&bytes);
            }
        }
        self.0
            .serialize_newtype_struct(name, &Formed(value, self.1))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = Formed(value, self.1);
        self.0
            .serialize_newtype_variant(name, index, variant, &value)
    }
}

macro_rules! elements {
    ($($kind:ident $method:ident;)*) => {$(
        impl<S: $kind> $kind for Formed<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                self.0.$method(&Formed(value, self.1))
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        }
    )*};
}

elements! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! members {
    ($($kind:ident;)*) => {$(
        impl<S: $kind> $kind for Formed<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), S::Error> {
                self.0.serialize_field(key, &Formed(value, self.1))
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        }
    )*};
}

members! {
    SerializeStruct;
    SerializeStructVariant;
}

impl<S: SerializeMap> SerializeMap for Formed<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.0.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.0.serialize_value(&Formed(value, self.1))
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_wire::Date;
    use coffer_wire::enums::{ENUMS, Everything, RoleAccess};
    use coffer_wire::permissions::{Permission, PipelinePermission};
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    const NUMBERS: Form = Form {
        numbers: true,
        milliseconds: false,
    };
    const DATES: Form = Form {
        numbers: false,
        milliseconds: true,
    };

    fn text<T: Serialize>(value: &T, form: Form) -> String {
        String::from_utf8(to_vec(value, form).unwrap()).unwrap()
    }

    fn date() -> Date {
        Date::from("2025-01-10T12:24:24.107Z".to_owned())
    }

    #[test]
    fn every_enum_of_the_wire_is_a_number_where_it_has_one() {
        let bytes = to_vec(&Everything, NUMBERS).unwrap();
        let written: Value = serde_json::from_slice(&bytes).unwrap();
        for known in ENUMS {
            let words = known.words.iter();
            let wanted: Vec<Value> = words
                .map(|(word, number)| match known.source {
                    "" => json!(word),
                    _ => json!(number),
                })
                .collect();
            assert_eq!(written[known.name], json!(wanted), "{}", known.name);
        }
        assert_eq!(text(&Everything, DATES), text(&Everything, Form::default()));
    }

    #[test]
    fn a_date_has_escaped_slashes_and_a_text_has_not() {
        let both = (date(), "a/b");
        assert_eq!(text(&both, DATES), r#"["\/Date(1736511864107)\/","a/b"]"#);
        assert_eq!(
            text(&both, NUMBERS),
            r#"["2025-01-10T12:24:24.107Z","a/b"]"#
        );
        let before = Date::from("1969-12-31T23:59:59.999Z".to_owned());
        assert_eq!(text(&before, DATES), r#""\/Date(-1)\/""#);
        let none = Date::from("soon".to_owned());
        assert_eq!(text(&none, DATES), r#""soon""#);
    }

    #[test]
    fn dates_and_enums_are_found_however_deep() {
        let permission = PipelinePermission {
            permission: Permission {
                authorized_on: Some(date()),
                ..Permission::default()
            },
            ..PipelinePermission::default()
        };
        let shape = BTreeMap::from([("a", vec![Some((permission, RoleAccess::Inherited))])]);
        let form = Form {
            numbers: true,
            milliseconds: true,
        };
        assert_eq!(
            text(&shape, form),
            r#"{"a":[[{"id":0,"authorized":false,"authorizedOn":"\/Date(1736511864107)\/"},2]]}"#
        );
    }
}
