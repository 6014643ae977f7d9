//! Azure Pipelines YAML to a plan: pure, with the place of every error.
//!
//! [`plan`] reads the text of a pipeline and answers with data: its stages, their jobs and legs, and the steps of each, with
//! its task, its inputs and the secure files it names. A plan may hold what no server of ours runs yet; [`Plan::refusals`]
//! says so. Everything that depends on the server (which secure files exist, which tasks
//! are installed) comes in through a [`Resolver`]; what the resolver has not loaded yet is asked for with
//! [`Refusal::Needs`], so this crate needs neither a database nor a clock, and the same arguments always give the
//! same plan.
//!
//! This crate must not know: people, permissions, checks, HTTP, storage, time, or any other crate of ours. It decides
//! *which* files a pipeline names. Whether it may use them is decided elsewhere, and nothing in YAML grants anything.
//!
//! The way of a text:
//!
//! 1. `yaml`: text to a tree of spanned nodes, within limits of bytes, depth and count;
//! 2. `template`: that tree and those of the templates it uses to one tree without `${{ }}`;
//! 3. `read`: the tree to a draft of the pipeline, with names, types and words checked;
//! 4. `resolve`: the draft to a [`Plan`], with tasks, reference names and secure files settled.
//!
//! `emit` writes the tree after step 2 as YAML again, for people to read.
//!
//! When a run has its plan, [`start`] decides what becomes of a stage or job that starts.
//!
//! Beside plans, [`query`] evaluates conditions on the properties of secure files, in the same expression language.
//!
//! The agent uses [`condition`], [`macros`], [`tasks`], [`demands`] and [`version`] at run time.

pub mod condition;
pub mod demands;
mod diagnostic;
mod emit;
pub mod expression;
mod lines;
pub mod macros;
mod mistakes;
mod plan;
pub mod query;
mod read;
mod resolve;
mod resolver;
pub mod run_number;
pub mod start;
pub mod tasks;
mod template;
pub mod version;
mod words;
mod yaml;

#[cfg(test)]
mod tests;

pub use diagnostic::{Code, Diagnostic, Excerpt, Location};
pub use plan::{
    Clean, Container, Count, Deployment, Entries, Environment, Hook, HookName, Job, Leg, Legs,
    LockBehavior, Plan, Pool, RepositoryUse, Resource, Rollout, Runtime, SCHEMA, SecureFileInput,
    Service, Stage, StageTrigger, Step, Strategy, Target, TaskReference, Uses, Variable,
    VariableGroup, VariableValue,
};
pub use resolver::{
    FileReference, Lookup, Need, Repository, ResolvedFile, Resolver, SecureFileReference,
    SourceText,
};
pub use template::{
    MAX_FILES as MAX_TEMPLATE_FILES, NamedTemplate, TemplateFile, from_root, templates_named,
};
pub use yaml::MAX_BYTES as MAX_FILE_BYTES;

use std::collections::BTreeSet;

use uuid::Uuid;

use diagnostic::{Frame, Report};

/// The text of a pipeline and the name under which errors speak of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Shown in front of every error, for example `azure-pipelines.yml`. It is never opened.
    pub path: String,
    /// The YAML text.
    pub text: String,
}

/// What is given when a run starts, apart from the YAML.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanInputs {
    /// Values of the pipeline's parameters. A list or mapping may also come as text, which is read as YAML.
    pub parameters: Vec<(String, serde_json::Value)>,
    /// Variables set by whoever starts the run. They cannot replace a variable that the YAML sets, nor one in `system`.
    pub variables: Vec<(String, String)>,
    /// Predefined variables known when the plan is made (`Build.SourceBranchName` …). Used to expand `$(x)` in secure
    /// file inputs; they are not copied into the plan.
    pub system: Vec<(String, String)>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The pipeline is not valid. At least one entry, ordered by place.
    #[error("the pipeline is not valid: {} error(s); correct them and start the run again", .0.len())]
    Invalid(Vec<Diagnostic>),
    /// Facts the resolver has not loaded. Load them all and call [`plan`] again. Each round asks for something new:
    /// templates level by level, then tasks, then the secure files that their inputs name.
    #[error("{} fact(s) must be loaded before the plan can be made", .0.len())]
    Needs(Vec<Need>),
}

/// Makes the plan of a pipeline.
///
/// # Errors
///
/// [`Refusal::Needs`] while the resolver answers [`Lookup::Unknown`] to something; errors in the text wait until all
/// facts are there, so that a person sees all of them at once. [`Refusal::Invalid`] otherwise.
pub fn plan(
    source: &Source,
    inputs: &PlanInputs,
    resolver: &dyn Resolver,
) -> Result<Plan, Refusal> {
    planned(source, inputs, resolver).map(|planned| planned.plan)
}

/// A plan, and the text it was made of once templates were put in.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    tree: yaml::Node,
}

impl Planned {
    /// The pipeline as YAML without templates and parameters.
    #[must_use]
    pub fn final_yaml(&self) -> String {
        emit::yaml(&self.tree)
    }
}

/// Makes the plan of a pipeline, and keeps its final text beside it.
///
/// # Errors
///
/// As [`plan`].
pub fn planned(
    source: &Source,
    inputs: &PlanInputs,
    resolver: &dyn Resolver,
) -> Result<Planned, Refusal> {
    let (mut plan, expansion, report) = drafted(source, inputs, resolver)?;
    if report.has_errors() {
        return Err(Refusal::Invalid(report.into_errors()));
    }
    plan.take(&expansion);
    (plan.warnings, plan.refusals) = report.into_notes();
    Ok(Planned {
        plan,
        tree: expansion.tree,
    })
}

/// What is known of a pipeline before a run of it is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The secure files it names. What depends on one of `parameters` names nothing.
    pub secure_files: Vec<Uuid>,
    /// Parameters without default that were not given: whoever starts a run has to.
    pub parameters: Vec<String>,
}

/// What a pipeline names before a run is started: parameters that must be given then may be absent.
///
/// # Errors
///
/// As [`plan`], but for such parameters.
pub fn known(
    source: &Source,
    inputs: &PlanInputs,
    resolver: &dyn Resolver,
) -> Result<Known, Refusal> {
    let (plan, _, report) = drafted(source, inputs, resolver)?;
    match report.parameters_required() {
        Some(parameters) => Ok(Known {
            secure_files: plan.secure_files(),
            parameters,
        }),
        None => Err(Refusal::Invalid(report.into_errors())),
    }
}

/// The plan as far as it can be made; what is wrong with it is in the report.
fn drafted(
    source: &Source,
    inputs: &PlanInputs,
    resolver: &dyn Resolver,
) -> Result<(Plan, template::Expansion, Report), Refusal> {
    let mut report = Report::new(&source.path, &source.text);
    let Some(tree) = yaml::parse(&source.text, Frame::ROOT, &mut report) else {
        return Err(Refusal::Invalid(report.into_errors()));
    };
    let mut files = BTreeSet::new();
    let expansion = template::expand(&tree, source, inputs, resolver, &mut files, &mut report);
    if !files.is_empty() {
        return Err(Refusal::Needs(files.into_iter().collect()));
    }
    let draft = read::pipeline(&expansion.tree, inputs, &mut report);
    let (plan, needs) = resolve::plan(draft, source, resolver, &mut report);
    if !needs.is_empty() {
        return Err(Refusal::Needs(needs));
    }
    Ok((plan, expansion, report))
}
