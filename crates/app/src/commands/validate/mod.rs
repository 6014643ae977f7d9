//! `coffer pipeline validate`: reads a pipeline and its templates from a folder, without a server, and says everything that is
//! wrong with them. It must not ask a server: what only that knows (secure files, installed tasks) is taken on trust.

mod folder;
mod report;

use super::start_values::{StartValues, assigned};
use crate::context::Context;
use crate::error::{CommandError, Exit, Result};
use crate::output::Table;
use clap::Args;
use coffer_pipeline::{Diagnostic, PlanInputs, Planned, Refusal, Source, planned};
use folder::root_of;
pub(crate) use folder::{Folder, Unread};
use report::Level;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Arguments of `pipeline validate`.
#[derive(Args)]
pub(crate) struct ValidateArgs {
    /// The YAML file; `-` is standard input
    file: PathBuf,
    /// Folder that `/path` of templates begins at [default: the nearest folder with `.git`, else that of the file]
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,
    /// Where another repository is checked out; may be repeated
    #[arg(long = "repository", value_name = "ALIAS=FOLDER")]
    repositories: Vec<String>,
    #[command(flatten)]
    values: StartValues,
    /// Write the pipeline as it reads once templates are put in
    #[arg(long, conflicts_with = "sarif")]
    final_yaml: bool,
    /// Write the findings as SARIF 2.1.0, for code scanning
    #[arg(long)]
    sarif: bool,
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  coffer pipeline validate azure-pipelines.yml
  coffer pipeline validate ci/release.yml --parameter environment=production --final-yaml
  coffer pipeline validate azure-pipelines.yml --repository shared=../pipeline-templates
  coffer pipeline validate azure-pipelines.yml --sarif > findings.sarif

Needs no server. Secure files and tasks that are not built in are taken on trust; `coffer pipeline preview` asks the
server about them.";

/// Runs it.
pub(crate) fn run(context: &Context, args: &ValidateArgs) -> Result {
    let here = std::env::current_dir().unwrap_or_default();
    let (source, root) = located(&args.file, args.root.as_deref())?;
    let folder = Folder::new(root, repositories(&args.repositories)?);
    let inputs = PlanInputs {
        parameters: args
            .values
            .parameters()?
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect(),
        variables: args.values.variables()?,
        system: Vec::new(),
    };
    let outcome = planned(&source, &inputs, &folder);
    let (errors, warnings): (&[Diagnostic], Vec<Diagnostic>) = match &outcome {
        Ok(Planned { plan, .. }) => (&[], [&*plan.warnings, &*plan.refusals].concat()),
        Err(Refusal::Invalid(errors)) => (errors, Vec::new()),
        Err(Refusal::Needs(_)) => {
            return Err(CommandError::new(
                Exit::Internal,
                "the planner asks for what a folder does not have",
            ));
        }
    };
    let found: Vec<(Level, &Diagnostic)> = errors
        .iter()
        .map(|found| (Level::Error, found))
        .chain(warnings.iter().map(|found| (Level::Warning, found)))
        .collect();
    let out = &context.out;
    if args.sarif {
        out.json(&report::sarif(
            &found,
            &folder,
            &here,
            env!("CARGO_PKG_VERSION"),
        ))?;
    } else if out.is_json() {
        let list = |found: &[Diagnostic]| -> Vec<_> {
            found
                .iter()
                .map(|found| report::value(found, &folder, &here))
                .collect()
        };
        let seen = folder.seen.borrow();
        out.json(&json!({
            "valid": errors.is_empty(),
            "errors": list(errors),
            "warnings": list(&warnings),
            "runnable": outcome.as_ref().is_ok_and(|planned| planned.plan.refusals.is_empty()),
            "secureFiles": seen.secure_files,
            "templates": seen.templates,
            "finalYaml": outcome.as_ref().ok().filter(|_| args.final_yaml).map(Planned::final_yaml),
        }))?;
    } else {
        // The findings are the result, unless the text is asked for.
        let aside = args.final_yaml && errors.is_empty();
        for (level, found) in &found {
            for line in report::text(*level, found, &folder, &here) {
                if aside {
                    out.note(&line);
                } else {
                    out.line(&crate::output::escaped(&line))?;
                }
            }
        }
        match &outcome {
            Ok(planned) if args.final_yaml => out.text(&planned.final_yaml())?,
            Ok(planned) => summary(context, planned, &folder, &source)?,
            Err(_) => {}
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    let count = errors.len();
    let plural = if count == 1 { "" } else { "s" };
    let mut error = CommandError::new(
        Exit::Invalid,
        format!("The pipeline is not valid: {count} error{plural}."),
    );
    for alias in &folder.seen.borrow().unread {
        error = error.hint(format!(
            "say where the repository `{alias}` is checked out: --repository {alias}=FOLDER"
        ));
    }
    Err(error)
}

fn summary(context: &Context, planned: &Planned, folder: &Folder, source: &Source) -> Result {
    let stages = &planned.plan.stages;
    let jobs = || stages.iter().flat_map(|stage| &stage.jobs);
    let seen = folder.seen.borrow();
    let listed = |names: &std::collections::BTreeSet<String>| match names.len() {
        0 => "none".to_owned(),
        _ => names.iter().cloned().collect::<Vec<_>>().join(", "),
    };
    let facts = json!({});
    context.out.show(&facts, |_| {
        let mut facts = Table::facts();
        facts.fact("Valid", source.path.as_str());
        facts.fact("Stages", stages.len().to_string());
        facts.fact("Jobs", jobs().count().to_string());
        facts.fact(
            "Steps",
            jobs().map(|job| job.steps.len()).sum::<usize>().to_string(),
        );
        facts.fact("Templates", listed(&seen.templates));
        facts.fact("Secure files", listed(&seen.secure_files));
        facts
    })
}

/// A pipeline's text with its path from the root of its repository, and that root.
pub(crate) fn located(file: &Path, root: Option<&Path>) -> Result<(Source, PathBuf)> {
    let text = super::pipeline::read(file)?;
    if file == Path::new("-") {
        let root = existing(root.unwrap_or(Path::new(".")))?;
        let source = Source {
            path: "standard input".to_owned(),
            text,
        };
        return Ok((source, root));
    }
    let whole = existing(file)?;
    let root = match root {
        Some(root) => existing(root)?,
        None => root_of(&whole),
    };
    let Ok(path) = whole.strip_prefix(&root) else {
        return Err(CommandError::usage(format!(
            "{} is not below {}",
            file.display(),
            root.display()
        ))
        .hint("give the folder of the repository with --root"));
    };
    let source = Source {
        path: path.to_string_lossy().replace('\\', "/"),
        text,
    };
    Ok((source, root))
}

fn existing(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|cause| {
        CommandError::new(Exit::NotFound, format!("{} cannot be read", path.display()))
            .because(&cause)
    })
}

fn repositories(given: &[String]) -> Result<BTreeMap<String, PathBuf>> {
    assigned(given, "repository", "--repository")?
        .into_iter()
        .map(|(alias, folder)| Ok((alias, existing(Path::new(&folder))?)))
        .collect()
}
