//! Whether what a plan begins with runs: conditions of stages and jobs that wait for nothing. It must not know who asks.

use crate::error::{Error, Kind, Result};
use coffer_model::Timestamp;
use coffer_pipeline::condition::{Condition, NodeScope};
use coffer_pipeline::expression::{self, Contexts, Object, Time, Value};
use coffer_pipeline::{Job, Plan, Stage, Variable, macros, run_number};
use coffer_store::NumberPart;

/// What conditions see when a run starts. Variables are names and values, weakest first.
pub(crate) struct Start {
    /// When that is.
    pub(crate) at: Timestamp,
    /// The predefined ones.
    pub(crate) system: Vec<(String, String)>,
}

impl Start {
    /// Whether a stage runs that waits for nothing.
    pub(crate) fn runs_stage(&self, plan: &Plan, stage: &Stage) -> Result<bool> {
        let what = format!("the stage {}", stage.name);
        let variables = plan.variables.iter().chain(&stage.variables);
        self.runs(&stage.condition, Time::Stage, variables, &what)
    }

    /// Whether a job runs that waits for nothing, if its stage does.
    pub(crate) fn runs_job(&self, plan: &Plan, stage: &Stage, job: &Job) -> Result<bool> {
        let what = format!("the job {}", job.name);
        let variables = plan.variables.iter().chain(&stage.variables);
        let variables = variables.chain(&job.variables);
        self.runs(&job.condition, Time::Job, variables, &what)
    }

    /// The number of the run, by the format of its plan.
    pub(crate) fn run_number(&self, plan: &Plan) -> Result<Vec<NumberPart>> {
        let Some(format) = &plan.name else {
            return Ok(Vec::new());
        };
        let variables = self.variables(plan.variables.iter());
        let known = |name: &str| variables.get(name)?.to_text().map(Into::into);
        let parts = run_number::number(format, self.moment(), known).map_err(|wrong| {
            let text = format!("The number of the run could not be made: {wrong}.");
            Error::new(Kind::Invalid, "pipeline.invalid", text).hint(wrong.hint)
        })?;
        let part = |part| match part {
            run_number::NumberPart::Text(text) => NumberPart::Text(text),
            run_number::NumberPart::Id => NumberPart::Id,
            run_number::NumberPart::Revision(digits) => NumberPart::Revision(digits),
        };
        Ok(parts.into_iter().map(part).collect())
    }

    fn moment(&self) -> expression::Timestamp {
        let micros = u32::try_from(self.at.0.rem_euclid(1_000_000)).unwrap_or(0);
        expression::Timestamp::new(self.at.0.div_euclid(1_000_000), micros * 1_000)
    }

    /// `what` names whose condition it is, for a person.
    fn runs<'a>(
        &self,
        condition: &Condition,
        time: Time,
        variables: impl Iterator<Item = &'a Variable>,
        what: &str,
    ) -> Result<bool> {
        let pipeline: Object = [("startTime", Value::Time(self.moment()))]
            .into_iter()
            .collect();
        let scope = NodeScope {
            time,
            canceled: false,
            dependencies: &[],
            contexts: Contexts::new(time)
                .with("variables", self.variables(variables))
                .with("pipeline", pipeline),
        };
        condition.evaluate(&scope).map_err(|wrong| {
            let error = Error::new(
                Kind::Invalid,
                "pipeline.invalid",
                format!("The condition of {what} could not be evaluated: {wrong}."),
            );
            match wrong.hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
        })
    }

    /// All variables, with those in their values replaced.
    fn variables<'a>(&self, variables: impl Iterator<Item = &'a Variable>) -> Object {
        let system = self.system.iter().map(|(name, value)| (&**name, &**value));
        // An expression has no value yet: as what is not there.
        let given = variables.map(|known| (&*known.name, known.text().unwrap_or_default()));
        let raw: Object = system.chain(given).collect();
        let expand = |value: &Value| {
            let text = value.to_text().unwrap_or_default();
            macros::expand_nested(&text, |name| {
                let value = raw.get(name)?;
                value.to_text().map(Into::into)
            })
            .text
        };
        raw.iter()
            .map(|(name, value)| (name, expand(value)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_pipeline::VariableValue;

    #[test]
    fn variables_of_the_run_and_the_moment_decide() {
        let start = Start {
            at: Timestamp(1_709_221_507_000_000),
            system: vec![("Build.Reason".to_owned(), "Manual".to_owned())],
        };
        let variables =
            [("a", "<$(Build.Reason)>"), ("A", "$(b)!"), ("b", "x")].map(|(name, value)| {
                Variable {
                    name: name.to_owned(),
                    value: VariableValue::Text(value.to_owned()),
                    read_only: false,
                }
            });
        let runs = |text: &str| {
            let condition = Condition::parse(text, Time::Job).unwrap();
            start.runs(&condition, Time::Job, variables.iter(), "the job J")
        };
        for (text, wanted) in [
            ("succeeded()", true),
            ("failed()", false),
            ("eq(variables['build.reason'], 'Manual')", true),
            ("eq(variables.a, 'x!')", true),
            ("eq(format('{0:yyyy}', pipeline.startTime), '2024')", true),
            ("eq(dependencies.A.result, 'Succeeded')", false),
        ] {
            assert_eq!(runs(text).unwrap(), wanted, "{text}");
        }
        let wrong = runs("gt(1, variables.b)").unwrap_err();
        assert_eq!(
            wrong.message,
            "The condition of the job J could not be evaluated: `gt` is unable to convert its right side from String to \
             Number, which its left side is."
        );
    }
}
