//! Shapes that many resources share: wrapped lists, dates, identity references.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

/// The name under which a date is serialized, for serializers that write dates another way.
pub const DATE: &str = "coffer_wire::date";

/// A date as the wire has it: UTC, ISO 8601, at most seven fraction digits, `Z`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct Date(String);

impl Date {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Date {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Deref for Date {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(DATE, &self.0)
    }
}

impl JsonSchema for Date {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

/// Every collection is wrapped: `{"count":N,"value":[…]}`, also in answers to PATCH, PUT and POST.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub struct List<T> {
    /// How many elements `value` holds.
    pub count: usize,
    /// The elements.
    pub value: Vec<T>,
}

impl<T> From<Vec<T>> for List<T> {
    fn from(value: Vec<T>) -> Self {
        Self {
            count: value.len(),
            value,
        }
    }
}

/// Dictionaries are wrapped as lists are: `{"count":N,"value":{key:…}}`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}Dictionary")]
pub struct Dictionary<T> {
    /// How many entries `value` holds.
    pub count: usize,
    /// The entries.
    pub value: BTreeMap<String, T>,
}

impl<T> From<BTreeMap<String, T>> for Dictionary<T> {
    fn from(value: BTreeMap<String, T>) -> Self {
        Self {
            count: value.len(),
            value,
        }
    }
}

/// A reference to a person, group or service. The distributed-task resources carry the slim form, without what may be
/// absent; builds and pipeline permissions the long one. Pictures are not served, and so there are no links to them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityRef {
    /// The name people see.
    #[serde(default)]
    pub display_name: String,
    /// The identity's GUID, lower case.
    pub id: String,
    /// The sign-in name.
    #[serde(default)]
    pub unique_name: String,
    /// Long form: where the identity is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Long form: the subject descriptor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptor: Option<String>,
}
