//! What is given when a run starts, as arguments: variables and parameters. It must not know what a pipeline makes of them.

use crate::error::{CommandError, Result};
use clap::Args;
use coffer_wire::pipelines::{QueueVariable, RunRequest};

/// `--var` and `--parameter`.
#[derive(Args, Default)]
pub(crate) struct StartValues {
    /// Variable for this run; may be repeated. Not for secrets: others can see it
    #[arg(long = "var", value_name = "NAME=VALUE")]
    variables: Vec<String>,
    /// Parameter of the pipeline, lists and mappings as YAML; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
}

impl StartValues {
    /// Variables, in order.
    pub(crate) fn variables(&self) -> Result<Vec<(String, String)>> {
        assigned(&self.variables, "variable", "--var")
    }

    /// Parameters, in order; each value as written.
    pub(crate) fn parameters(&self) -> Result<Vec<(String, String)>> {
        assigned(&self.parameters, "parameter", "--parameter")
    }

    /// A request for a run with them.
    pub(crate) fn request(&self) -> Result<RunRequest> {
        let variables = self.variables()?.into_iter().map(|(name, value)| {
            let variable = QueueVariable {
                value,
                is_secret: false,
            };
            (name, variable)
        });
        let parameters = self.parameters()?;
        Ok(RunRequest {
            variables: variables.collect(),
            template_parameters: parameters
                .into_iter()
                .map(|(name, value)| (name, value.into()))
                .collect(),
            ..RunRequest::default()
        })
    }
}

/// `NAME=VALUE`, each.
pub(crate) fn assigned(
    texts: &[String],
    what: &str,
    option: &str,
) -> Result<Vec<(String, String)>> {
    texts
        .iter()
        .map(|text| match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok((name.trim().to_owned(), value.to_owned()))
            }
            _ => Err(CommandError::usage(format!("'{text}' is no {what}"))
                .hint(format!("write it as {option} NAME=VALUE"))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Exit;

    #[test]
    fn values_may_hold_equal_signs_and_need_a_name() {
        let given = |texts: &[&str]| StartValues {
            variables: texts.iter().map(|text| (*text).to_owned()).collect(),
            parameters: texts.iter().map(|text| (*text).to_owned()).collect(),
        };
        let request = given(&["a=b=c", " d ="]).request().unwrap();
        assert_eq!(request.variables["a"].value, "b=c");
        assert_eq!(request.variables["d"].value, "");
        assert_eq!(request.template_parameters["a"], "b=c");
        for bad in ["a", "=b", " =b"] {
            assert_eq!(given(&[bad]).request().unwrap_err().exit, Exit::Usage);
        }
    }
}
