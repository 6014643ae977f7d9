//! What a run begins with: whether its stages and jobs run, and what their variables are. The rules are the planner's; the
//! numbers of counters come from the unit of work that queues the run. It must not know who asks.

use crate::error::{Error, Kind, Problem, Result};
use crate::job_variables::Predefined;
use coffer_model::{OrganizationId, PipelineId, ProjectId, Timestamp};
use coffer_pipeline::start::{Answer, CounterNeed, Counters, Facts, Outcomes, StartError};
use coffer_pipeline::{Job, Plan, Stage, expression, run_number};
use coffer_store::NumberPart;
use expression::Budget;

/// A run that starts.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// When that is.
    pub(crate) at: Timestamp,
    pub(crate) organization: OrganizationId,
    /// Id and name.
    pub(crate) project: (ProjectId, String),
    /// Id, name and revision.
    pub(crate) pipeline: (PipelineId, String, i64),
    /// Sign-in name and display name of who starts it.
    pub(crate) requested_by: (String, String),
    /// For all that is evaluated.
    pub(crate) budget: Budget,
    pub(crate) counters: Counters,
}

/// How a run begins.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    /// Its number; none is that of its id.
    pub(crate) number: Vec<NumberPart>,
    /// The jobs of each stage.
    pub(crate) stages: Vec<Vec<JobBegun>>,
}

/// How a job begins.
#[derive(Clone, Debug)]
pub(crate) struct JobBegun {
    /// It does not run.
    pub(crate) skipped: bool,
    /// The values of its expressions, by the names of variables.
    pub(crate) values: Vec<(String, String)>,
}

/// An answer, or the error of what needs something first.
type Asked<T> = Result<std::result::Result<T, Vec<CounterNeed>>>;

impl Start {
    /// How a run begins whose stages and jobs wait for nothing.
    pub(crate) fn begin(&mut self, plan: &Plan) -> Result<Answer<Begun>> {
        let number = match self.number(plan)? {
            Ok(number) => number,
            Err(needs) => return Ok(Answer::Needs(needs)),
        };
        let mut stages = Vec::with_capacity(plan.stages.len());
        for stage in &plan.stages {
            match self.stage(plan, stage)? {
                Ok(jobs) => stages.push(jobs),
                Err(needs) => return Ok(Answer::Needs(needs)),
            }
        }
        Ok(Answer::Ready(Begun { number, stages }))
    }

    /// The number of the run, by the format of its plan.
    fn number(&mut self, plan: &Plan) -> Asked<Vec<NumberPart>> {
        let Some(format) = &plan.name else {
            return Ok(Ok(Vec::new()));
        };
        let system = self.predefined().of_run();
        let variables = match self.ask(plan, &system, |facts, budget| facts.run(budget))? {
            Ok(variables) => variables,
            Err(needs) => return Ok(Err(needs)),
        };
        let parts = run_number::number(format, self.moment(), |name| {
            variables.get(name)?.to_text().map(Into::into)
        })
        .map_err(|wrong| {
            let text = format!("The number of the run could not be made: {wrong}.");
            Error::new(Kind::Invalid, "pipeline.invalid", text).hint(wrong.hint)
        })?;
        let part = |part| match part {
            run_number::NumberPart::Text(text) => NumberPart::Text(text),
            run_number::NumberPart::Id => NumberPart::Id,
            run_number::NumberPart::Revision(digits) => NumberPart::Revision(digits),
        };
        Ok(Ok(parts.into_iter().map(part).collect()))
    }

    fn moment(&self) -> expression::Timestamp {
        let micros = u32::try_from(self.at.0.rem_euclid(1_000_000)).unwrap_or(0);
        expression::Timestamp::new(self.at.0.div_euclid(1_000_000), micros * 1_000)
    }

    fn stage(&mut self, plan: &Plan, stage: &Stage) -> Asked<Vec<JobBegun>> {
        let system = self.predefined().of_stage(stage);
        let runs = self.ask(plan, &system, |facts, budget| facts.stage(stage, budget))?;
        let runs = match runs {
            Ok(choice) => choice.runs,
            Err(needs) => return Ok(Err(needs)),
        };
        let mut jobs = Vec::with_capacity(stage.jobs.len());
        for job in &stage.jobs {
            let begun = if runs {
                self.job(plan, stage, job)?
            } else {
                Ok(JobBegun::skipped())
            };
            match begun {
                Ok(begun) => jobs.push(begun),
                Err(needs) => return Ok(Err(needs)),
            }
        }
        Ok(Ok(jobs))
    }

    fn job(&mut self, plan: &Plan, stage: &Stage, job: &Job) -> Asked<JobBegun> {
        let system = self.predefined().of_job(stage, job);
        let start = match self.ask(plan, &system, |facts, budget| facts.job(stage, job, budget))? {
            Ok(start) => start,
            Err(needs) => return Ok(Err(needs)),
        };
        if !start.choice.runs {
            return Ok(Ok(JobBegun::skipped()));
        }
        let copy = match self.ask(plan, &system, |facts, budget| {
            facts.copy(stage, job, None, budget)
        })? {
            Ok(copy) => copy,
            Err(needs) => return Ok(Err(needs)),
        };
        let evaluated = copy.variables.into_iter().filter(|known| known.evaluated);
        let values = evaluated.map(|known| {
            if known.secret {
                // Nothing that a run begins with is one. What is kept of a job is not sealed.
                return Err(Error::new(
                    Kind::Internal,
                    "internal",
                    "A variable of the job would be a secret, and is not kept.",
                ));
            }
            Ok((known.name, known.value))
        });
        Ok(Ok(JobBegun {
            skipped: false,
            values: values.collect::<Result<_>>()?,
        }))
    }

    fn ask<T>(
        &mut self,
        plan: &Plan,
        system: &[(String, String)],
        ask: impl FnOnce(&Facts<'_>, &mut Budget) -> std::result::Result<Answer<T>, StartError>,
    ) -> Asked<T> {
        let facts = Facts {
            plan,
            outcomes: &Outcomes::default(),
            system,
            started: self.moment(),
            canceled: false,
            counters: &self.counters,
        };
        match ask(&facts, &mut self.budget).map_err(cannot_start)? {
            Answer::Ready(answer) => Ok(Ok(answer)),
            Answer::Needs(needs) => Ok(Err(needs)),
        }
    }

    fn predefined(&self) -> Predefined<'_> {
        Predefined {
            organization: self.organization,
            project: (self.project.0, &self.project.1),
            pipeline: (self.pipeline.0, &self.pipeline.1, self.pipeline.2),
            requested_by: (&self.requested_by.0, &self.requested_by.1),
            // The only kind of pipeline there is comes from the server itself.
            trusted: true,
            late: None,
        }
    }
}

impl JobBegun {
    fn skipped() -> Self {
        Self {
            skipped: true,
            values: Vec::new(),
        }
    }
}

/// Nothing was started: what is wrong, where, and what to do.
fn cannot_start(wrong: StartError) -> Error {
    let mut letters = wrong.message.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    let told: String = first.into_iter().chain(letters).collect();
    let mut error = Error::new(Kind::Invalid, "pipeline.invalid", format!("{told}."));
    if let Some(place) = &wrong.place {
        error.message = format!("{place}: {told}.");
        error.problems.push(Problem {
            text: format!("{place}: {}", wrong.message),
            hint: Some(wrong.hint.clone()),
            warning: false,
            code: coffer_pipeline::Code::Expression.to_string(),
            subject: None,
        });
    }
    error.hint(wrong.hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_pipeline::condition::Condition;
    use coffer_pipeline::expression::Time;
    use coffer_pipeline::{
        Lookup, PlanInputs, ResolvedFile, Resolver, SecureFileReference, Source,
    };

    struct Nothing;

    impl Resolver for Nothing {
        fn secure_file(&self, _: &SecureFileReference) -> Lookup<ResolvedFile> {
            Lookup::Missing
        }

        fn task(
            &self,
            _: &str,
            _: &str,
        ) -> Lookup<std::sync::Arc<coffer_pipeline::tasks::TaskDefinition>> {
            Lookup::Missing
        }
    }

    fn start() -> Start {
        Start {
            at: Timestamp(1_709_221_507_000_000),
            organization: OrganizationId(uuid::Uuid::nil()),
            project: (ProjectId(uuid::Uuid::nil()), "Web".to_owned()),
            pipeline: (PipelineId(7), "build".to_owned(), 3),
            requested_by: ("ada".to_owned(), "Ada".to_owned()),
            budget: Budget::default(),
            counters: Counters::default(),
        }
    }

    fn plan(text: &str) -> Plan {
        let source = Source {
            path: "a.yml".to_owned(),
            text: text.to_owned(),
        };
        coffer_pipeline::plan(&source, &PlanInputs::default(), &Nothing).unwrap()
    }

    #[test]
    fn variables_of_the_run_and_the_moment_decide() {
        let mut plan = plan(
            "variables: {a: <$(Build.Reason)>, b: x}\njobs:\n- job: J\n  variables: {A: $(b)!}\n  steps: [script: x]\n",
        );
        let mut runs = |text: &str| -> Result<bool> {
            plan.stages[0].jobs[0].condition = Condition::parse(text, Time::Job).unwrap();
            match start().begin(&plan)? {
                Answer::Ready(begun) => Ok(!begun.stages[0][0].skipped),
                Answer::Needs(needs) => panic!("{needs:?}"),
            }
        };
        for (text, wanted) in [
            ("succeeded()", true),
            ("failed()", false),
            ("eq(variables['build.reason'], 'Manual')", true),
            ("eq(variables['System.JobName'], 'J')", true),
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

    #[test]
    fn a_job_that_runs_has_values_and_one_that_is_skipped_has_none() {
        let text = "variables:\n  n: $[ counter('x', 5) ]\n  who: $[ variables['Build.RequestedFor'] ]\n  id: $[ format('v{0}', variables['Build.BuildId']) ]\n  hidden: $[ 'outer' ]\njobs:\n- job: J\n  variables: {hidden: text}\n  steps: [script: x]\n";
        let mut plan = plan(text);
        let mut start = start();
        let Answer::Needs(needs) = start.begin(&plan).unwrap() else {
            panic!("a counter has no number yet");
        };
        assert_eq!(needs.len(), 1);
        start.counters.insert("x".to_owned(), 5);
        let Answer::Ready(begun) = start.begin(&plan).unwrap() else {
            panic!("it has a number");
        };
        let values: Vec<String> = begun.stages[0][0]
            .values
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            values,
            ["id=v$(Build.BuildId)", "n=5", "who=Ada"],
            "what nobody knows yet stands for itself"
        );
        plan.stages[0].jobs[0].condition = Condition::parse("false", Time::Job).unwrap();
        let Answer::Ready(begun) = start.begin(&plan).unwrap() else {
            panic!("it has a number");
        };
        assert!(begun.stages[0][0].skipped && begun.stages[0][0].values.is_empty());
    }
}
