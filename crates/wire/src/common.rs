//! Shapes that many resources share: wrapped lists, dates, identity references.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A date as the wire has it: UTC, ISO 8601, at most seven fraction digits, `Z`.
pub type Date = String;

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

/// The slim form of a reference to a person, group or service, as the distributed-task resources carry it.
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
}
