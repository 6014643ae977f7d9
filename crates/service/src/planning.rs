//! Making a plan: asks the pure planner, loads the facts it needs, asks again.

use crate::Service;
use crate::error::{Error, Kind, Problem, Result};
use coffer_model::{FileId, PipelineId, ProjectId};
use coffer_pipeline::tasks::TaskDefinition;
use coffer_pipeline::{
    Diagnostic, FileReference, Known, Lookup, Need, Plan, PlanInputs, Planned, Refusal,
    ResolvedFile, Resolver, SecureFileReference, Source, SourceText, from_root, planned,
};
use coffer_store::PipelineFile;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Rounds of questions before we call it a mistake of ours: one for tasks, one for secure files, and some more.
const ROUNDS: usize = 24;

/// What a plan is asked for.
pub(crate) struct Asked {
    pub(crate) project: ProjectId,
    pub(crate) pipeline: PipelineId,
    pub(crate) source: Source,
    pub(crate) inputs: PlanInputs,
    /// The files beside the text.
    pub(crate) files: Vec<PipelineFile>,
}

/// The facts loaded so far.
struct Facts {
    pipeline: PipelineId,
    secure_files: HashMap<SecureFileReference, Lookup<ResolvedFile>>,
    by_variable: Vec<ResolvedFile>,
    /// Texts by path, the pipeline's own among them.
    templates: BTreeMap<String, Arc<str>>,
}

impl Resolver for Facts {
    fn secure_file(&self, reference: &SecureFileReference) -> Lookup<ResolvedFile> {
        self.secure_files
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

    fn file(&self, file: &FileReference) -> Lookup<SourceText> {
        let own = file.repository.is_none();
        match self.templates.get(&file.path).filter(|_| own) {
            Some(text) => Lookup::Found(SourceText {
                text: Arc::clone(text),
                commit: None,
            }),
            None => Lookup::Missing,
        }
    }

    fn advice(&self, missing: &FileReference) -> Option<String> {
        let update = format!("`coffer pipeline update {} FILE`", self.pipeline);
        let wanted = missing.path.to_lowercase();
        let alike = self
            .templates
            .keys()
            .find(|path| path.to_lowercase() == wanted);
        Some(match (&missing.repository, alike) {
            (Some(_), _) => format!(
                "files of other repositories are not read yet: put this one beside the pipeline's own, name it without `@`, and store it with {update}"
            ),
            (None, Some(path)) => format!("`{path}` is stored with the pipeline: case counts"),
            (None, None) => format!(
                "it is not stored with the pipeline: {update} stores the templates that FILE names, from its folder"
            ),
        })
    }
}

/// The plan of a pipeline, as it would run now.
pub(crate) async fn make(service: &Service, asked: Asked) -> Result<Planned> {
    settled(service, asked, planned).await
}

/// What is known of a pipeline before a run is started with the values it takes.
pub(crate) async fn known(service: &Service, asked: Asked) -> Result<Known> {
    settled(service, asked, coffer_pipeline::known).await
}

/// Asks the planner until it has all facts.
async fn settled<T>(
    service: &Service,
    asked: Asked,
    ask: impl Fn(&Source, &PlanInputs, &dyn Resolver) -> std::result::Result<T, Refusal>,
) -> Result<T> {
    let Asked {
        project,
        pipeline,
        source,
        inputs,
        files,
    } = asked;
    let mut read = service.store().read().await?;
    let listed = read.files_by_variable(project, pipeline).await?;
    drop(read);
    let own = (from_root(&source.path), source.text.as_str().into());
    let mut facts = Facts {
        pipeline,
        secure_files: HashMap::new(),
        by_variable: listed
            .into_iter()
            .map(|(id, name)| ResolvedFile { id: id.0, name })
            .collect(),
        templates: files
            .into_iter()
            .map(|file| (file.path, file.content.into()))
            .chain([own])
            .collect(),
    };
    for _ in 0..ROUNDS {
        match ask(&source, &inputs, &facts) {
            Ok(answer) => return Ok(answer),
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
        facts.secure_files.insert(reference, answer);
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
    Problem {
        text: format!("{}: {}", place(diagnostic), diagnostic.message),
        hint: diagnostic.hint.clone(),
        warning: false,
        code: diagnostic.code.to_string(),
        subject: diagnostic.subject.clone(),
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
