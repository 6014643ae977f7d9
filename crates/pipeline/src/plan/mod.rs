//! The plan: what a run will do, as data. It must not know where it came from beyond the names it keeps, and holds no
//! secret.

mod entries;
mod resources;
mod runtime;
mod step;
mod strategy;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use entries::Entries;
pub use resources::{Clean, Container, Pool, RepositoryUse, Resource, Service, Uses};
pub use runtime::{Count, Runtime};
pub use step::{SecureFileInput, Step, Target, TaskReference};
pub use strategy::{Deployment, Environment, Hook, HookName, Leg, Legs, Rollout, Strategy};

use crate::{condition::Condition, demands::Demand, diagnostic::Diagnostic, template::Expansion};

/// The format of [`Plan`]; it grows with every change of the fields. Plans of format 1 can still be read.
pub const SCHEMA: u32 = 2;

/// What a run will do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// [`SCHEMA`] of the code that made it.
    pub schema: u32,
    /// `name:` of the pipeline: the format of the run number, unexpanded.
    pub name: Option<String>,
    /// `appendCommitMessageToRunName`; absent = the server's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub append_commit_message_to_run_name: Option<bool>,
    /// [`crate::Source::path`].
    pub source: String,
    /// The commit that templates of the pipeline's own repository were read at; absent when none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// What an exclusive lock does with runs that wait, for stages that say nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_behavior: Option<LockBehavior>,
    /// Parameters and their values, in the order of their declaration.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// Variables of the whole run: those given at start, then those of the YAML root. Names are unique ignoring case.
    pub variables: Vec<Variable>,
    /// Variable groups of the YAML root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<VariableGroup>,
    /// Repositories that the YAML declares.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<RepositoryUse>,
    /// Other resources that the YAML declares.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    /// As written. Each names the stages it waits for.
    pub stages: Vec<Stage>,
    /// Things worth knowing; not part of [`Plan::canonical_json`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Diagnostic>,
    /// What this server cannot run yet: with an entry here, no run may be started. Not part of [`Plan::canonical_json`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<Diagnostic>,
}

impl Plan {
    /// The bytes a digest of the plan is made of: the same plan always gives the same text, whatever was warned about.
    #[must_use]
    pub fn canonical_json(&self) -> String {
        let bare = Self {
            warnings: Vec::new(),
            refusals: Vec::new(),
            ..self.clone()
        };
        serde_json::to_string(&bare).expect("a plan holds only texts, numbers and lists")
    }

    /// What the expansion of templates decided: parameters, and the commits that templates were read at.
    pub(crate) fn take(&mut self, expansion: &Expansion) {
        self.parameters = expansion.parameters.iter().cloned().collect();
        self.commit = expansion.commits.get("self").cloned();
        for repository in &mut self.repositories {
            let alias = crate::words::fold(&repository.alias);
            repository.commit = expansion.commits.get(&alias).cloned();
        }
    }

    /// Every secure file the run names, each once, in order of first use.
    #[must_use]
    pub fn secure_files(&self) -> Vec<Uuid> {
        let jobs = self.stages.iter().flat_map(|stage| &stage.jobs);
        unique(jobs.flat_map(|job| &job.secure_files))
    }
}

/// A variable of a run, a stage, a job or a leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    /// As written; compared ignoring case.
    pub name: String,
    /// What it is set to.
    #[serde(flatten)]
    pub value: VariableValue,
    /// A job may not set it anew.
    pub read_only: bool,
}

/// What a variable is set to: a member `value` or a member `expression`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VariableValue {
    /// Unexpanded: may hold `$(other)`.
    #[serde(rename = "value")]
    Text(String),
    /// Evaluated when its stage or job starts.
    #[serde(rename = "expression")]
    Expression(Runtime),
}

impl Variable {
    /// The text, when it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            VariableValue::Text(text) => Some(text),
            VariableValue::Expression(_) => None,
        }
    }
}

/// Variables kept outside of the YAML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VariableGroup {
    /// Its name.
    pub name: String,
    /// How many variables of the same list stand before it: they lose against the group, those behind it win.
    pub after: usize,
}

/// A part of a run that starts when all checks of the protected resources in it have passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// `__default` when the YAML has no stages.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// Names of the stages it waits for, as those are written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// When it runs.
    pub condition: Condition,
    /// Variables of the stage; each beats one of the run with the same name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<Variable>,
    /// Variable groups of the stage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<VariableGroup>,
    /// What an exclusive lock does with runs that wait; absent = as the plan says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_behavior: Option<LockBehavior>,
    /// Whether it waits for a person to start it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trigger: StageTrigger,
    /// Whether a person may skip it.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub is_skippable: bool,
    /// Secure files of all its jobs, whatever their conditions, each once.
    #[serde(default)]
    pub secure_files: Vec<Uuid>,
    /// As written. Each names the jobs it waits for.
    pub jobs: Vec<Job>,
}

/// What an exclusive lock does with runs that wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LockBehavior {
    /// One after the other.
    Sequential,
    /// The newest only.
    RunLatest,
}

/// What starts a stage that waits for no other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StageTrigger {
    /// The run.
    #[default]
    Automatic,
    /// A person.
    Manual,
}

/// Steps that run on one agent, once for each leg.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// `__default` when the YAML has no jobs.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// `stage.job`, unique in the run. That of a leg has the leg's name behind it.
    pub identifier: String,
    /// Names of the jobs of this stage it waits for, as those are written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// When it runs.
    pub condition: Condition,
    /// A failure becomes "succeeded with issues".
    pub continue_on_error: bool,
    /// Absent = the server's default, 0 = no limit.
    pub timeout_in_minutes: Option<u32>,
    /// How long clean-up may take after a cancel; absent = the server's default.
    pub cancel_timeout_in_minutes: Option<u32>,
    /// Variables of the job; each beats one of the stage or the run with the same name.
    pub variables: Vec<Variable>,
    /// Variable groups of the job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<VariableGroup>,
    /// The legs it is multiplied into; absent = one, without a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// What makes it a deployment. [`Job::steps`] are then those of its `deploy` hook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
    /// Where it runs: its own pool, or the stage's, or the root's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
    /// What an agent must offer: those of the pool and of the tasks.
    pub demands: Vec<Demand>,
    /// The container its steps run in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// Containers that run beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
    /// What is removed before it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Clean>,
    /// What it uses without saying so in a step.
    #[serde(default, skip_serializing_if = "Uses::is_empty")]
    pub uses: Uses,
    /// Secure files of all steps of all hooks, whatever their conditions, each once.
    pub secure_files: Vec<Uuid>,
    /// Enabled steps, in order.
    pub steps: Vec<Step>,
}

impl Job {
    /// Those of its secure files that only a variable may name: it has none of them before the variable does.
    #[must_use]
    pub fn files_by_variable(&self) -> Vec<Uuid> {
        let inputs = || {
            let steps = self.steps.iter();
            steps.flat_map(|step| &step.secure_file_inputs)
        };
        let known: BTreeSet<&Uuid> = inputs().flat_map(|input| &input.files).collect();
        let later = inputs().flat_map(|input| &input.by_variable);
        unique(later.filter(|file| !known.contains(file)))
    }

    pub(crate) fn collect_secure_files(&mut self) {
        let hooks = self.deployment.iter().flat_map(|own| &own.hooks);
        let steps = self.steps.iter().chain(hooks.flat_map(|hook| &hook.steps));
        self.secure_files = unique(steps.flat_map(|step| &step.secure_files));
    }
}

pub(crate) fn unique<'a>(ids: impl Iterator<Item = &'a Uuid>) -> Vec<Uuid> {
    let mut seen = BTreeSet::new();
    ids.copied().filter(|id| seen.insert(*id)).collect()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn is_true(value: &bool) -> bool {
    *value
}
