//! The error envelope. Every error answer of the API carries one, never an empty body.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The body of every error, in the shape that .NET, Node, Python and Go clients read.
///
/// `type_name` is `Namespace.Type, Assembly`: .NET splits it at the comma. No stack trace is ever sent.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorEnvelope {
    /// Always `"1"`.
    #[serde(rename = "$id")]
    pub id: String,
    /// Always null, and always present.
    pub inner_exception: Option<String>,
    /// What happened and what to do next. Safe to print in a customer's log.
    pub message: String,
    /// Full type name with assembly.
    pub type_name: String,
    /// Short type name: what clients switch on.
    pub type_key: String,
    /// Always 0.
    pub error_code: i32,
    /// 3000, as the hosted service answers.
    pub event_id: i32,
    /// Our own: stable code, hints and, for a refused pipeline, one entry per problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_properties: Option<CustomProperties>,
}

/// What Coffer adds to an error for its own clients.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomProperties {
    /// A stable code, such as `secure_file.name_taken`.
    #[serde(default)]
    pub code: String,
    /// What to do next, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// Problems of a pipeline's YAML, each with its place in the text.
    #[serde(
        default,
        rename = "ValidationResults",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub validation_results: Vec<ValidationResult>,
}

/// One problem of a refused pipeline.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValidationResult {
    /// `error` or `warning`.
    pub result: String,
    /// `file:line:column: text`.
    pub message: String,
    /// Ours: what kind of problem it is, a word that stays, such as `parameter-required`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Ours: the name of what it is about, where the code says what that is: of `parameter-required` the parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

impl ValidationResult {
    /// The code of a parameter that has no default: whoever starts a run must give it.
    pub const PARAMETER_REQUIRED: &'static str = "parameter-required";

    /// The parameter that must be given, if that is the problem.
    pub fn required_parameter(&self) -> Option<&str> {
        let required = self.code.as_deref() == Some(Self::PARAMETER_REQUIRED);
        self.subject.as_deref().filter(|_| required)
    }
}

impl ErrorEnvelope {
    /// An envelope for a type of a namespace whose assembly has the namespace's name.
    pub fn new(namespace: &str, type_key: &str, message: impl Into<String>) -> Self {
        Self {
            id: "1".into(),
            inner_exception: None,
            message: message.into(),
            type_name: format!("{namespace}.{type_key}, {namespace}"),
            type_key: type_key.into(),
            error_code: 0,
            event_id: 3000,
            custom_properties: None,
        }
    }
}
