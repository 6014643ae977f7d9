//! Making a plan: asks the pure planner, loads the facts it needs, asks again.

use crate::Service;
use crate::error::{Error, Kind, Problem, Result};
use coffer_model::{FileId, PipelineId, ProjectId};
use coffer_pipeline::tasks::TaskDefinition;
use coffer_pipeline::{
    Code, Diagnostic, Lookup, Need, Plan, PlanInputs, Planned, Refusal, ResolvedFile, Resolver,
    SecureFileReference, Source, planned,
};
use std::collections::HashMap;
use std::sync::Arc;

/// Rounds of questions before we call it a mistake of ours: one for each level of templates, one for tasks, one for files.
const ROUNDS: usize = 24;

/// Why no template file is found.
const ALONE: &str = "the text of this pipeline is stored without other files: store what `coffer pipeline validate --final-yaml` writes, \
                     or put the template's content in its place";

/// The facts loaded so far.
#[derive(Default)]
struct Facts {
    files: HashMap<SecureFileReference, Lookup<ResolvedFile>>,
    by_variable: Vec<ResolvedFile>,
}

impl Resolver for Facts {
    fn secure_file(&self, reference: &SecureFileReference) -> Lookup<ResolvedFile> {
        self.files
            .get(reference)
            .cloned()
            .unwrap_or(Lookup::Unknown)
    }

    fn files_by_variable(&self) -> &[ResolvedFile] {
        &self.by_variable
    }

    fn task(&self, _name: &str, _version: &str) -> Lookup<Arc<TaskDefinition>> {
        // Built-in tasks are known to the planner. Uploaded packages come with the agent issue.
        Lookup::Missing
    }
}

/// The plan of a pipeline, as it would run now.
pub(crate) async fn make(
    service: &Service,
    project: ProjectId,
    pipeline: PipelineId,
    source: Source,
    inputs: PlanInputs,
) -> Result<Planned> {
    let mut read = service.store().read().await?;
    let listed = read.files_by_variable(project, pipeline).await?;
    drop(read);
    let mut facts = Facts {
        by_variable: listed
            .into_iter()
            .map(|(id, name)| ResolvedFile { id: id.0, name })
            .collect(),
        ..Facts::default()
    };
    for _ in 0..ROUNDS {
        match planned(&source, &inputs, &facts) {
            Ok(planned) => return Ok(planned),
            Err(Refusal::Invalid(problems)) => return Err(invalid(&problems)),
            Err(Refusal::Needs(needs)) => load(service, project, needs, &mut facts).await?,
        }
    }
    Err(Error::new(
        Kind::Internal,
        "internal",
        "The plan could not be made: its facts keep changing.",
    ))
}

async fn load(
    service: &Service,
    project: ProjectId,
    needs: Vec<Need>,
    facts: &mut Facts,
) -> Result<()> {
    let mut read = service.store().read().await?;
    for need in needs {
        let Need::SecureFile(reference) = need else {
            continue;
        };
        let found = match &reference {
            SecureFileReference::Id(id) => read.file_reference_by_id(project, FileId(*id)).await?,
            SecureFileReference::Name(name) => read.file_reference_by_name(project, name).await?,
        };
        let answer = found.map_or(Lookup::Missing, |(id, name)| {
            Lookup::Found(ResolvedFile { id: id.0, name })
        });
        facts.files.insert(reference, answer);
    }
    Ok(())
}

/// Problems told in the message itself: some clients show nothing else.
const TOLD: usize = 3;

fn invalid(problems: &[Diagnostic]) -> Error {
    let error = Error::new(
        Kind::Invalid,
        "pipeline.invalid",
        "The pipeline is not valid.",
    );
    told(error, problems)
}

/// A plan that holds what this server cannot run yet starts nothing.
pub(crate) fn check_runnable(plan: &Plan) -> Result<()> {
    if plan.refusals.is_empty() {
        return Ok(());
    }
    let error = Error::new(
        Kind::Invalid,
        "pipeline.cannot_run",
        "The pipeline is valid, and this server cannot run all of it yet. Nothing was started.",
    );
    Err(told(error, &plan.refusals))
}

/// A problem that keeps nobody from looking at the plan.
pub(crate) fn note(diagnostic: &Diagnostic) -> Problem {
    Problem {
        warning: true,
        ..problem(diagnostic)
    }
}

fn problem(diagnostic: &Diagnostic) -> Problem {
    let hint = match diagnostic.code {
        // Other files come with repositories.
        Code::FileNotFound => Some(ALONE.to_owned()),
        _ => diagnostic.hint.clone(),
    };
    Problem {
        text: format!("{}: {}", place(diagnostic), diagnostic.message),
        hint,
        warning: false,
    }
}

fn place(diagnostic: &Diagnostic) -> String {
    format!(
        "{}:{}:{}",
        diagnostic.file, diagnostic.line, diagnostic.column
    )
}

fn told(mut error: Error, problems: &[Diagnostic]) -> Error {
    error.problems.extend(problems.iter().map(problem));
    for problem in error.problems.iter().take(TOLD) {
        error.message.push_str(&format!(" {}", problem.text));
        if let Some(hint) = &problem.hint {
            error.message.push_str(&format!(" ({hint})"));
        }
    }
    if problems.len() > TOLD {
        let more = format!(" There are {} more problems.", problems.len() - TOLD);
        error.message.push_str(&more);
    }
    error
}
