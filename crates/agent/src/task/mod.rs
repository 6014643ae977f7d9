//! What the agent can run, and the contract between a step's run and the executor.

pub(crate) mod builtin;

use crate::commands::{Scope, TaskVariables};
use crate::environment::{Base, Environment, Sources};
use crate::job_variables::JobVariables;
use crate::log::StepLog;
use crate::masker::Masker;
use crate::outcome::Outcome;
use crate::process::Grace;
use crate::workspace::JobFolders;
use coffer_client::agent::AgentClient;
use coffer_pipeline::demands::{Capabilities, Demand};
use coffer_pipeline::tasks::{self, InputKind, Phase, TaskDefinition};
use coffer_wire::agent::{Endpoint, JobSecureFile, Step, TaskReference};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What one phase of one step works with. No `Debug`: it holds secrets.
pub(crate) struct Running<'a> {
    pub(crate) step: &'a Step,
    pub(crate) task: &'a TaskDefinition,
    /// Defaults, then the step's values, macros expanded, paths rooted.
    pub(crate) inputs: BTreeMap<String, Zeroizing<String>>,
    pub(crate) variables: &'a mut JobVariables,
    pub(crate) task_variables: &'a mut TaskVariables,
    pub(crate) log: &'a mut StepLog,
    pub(crate) masker: &'a Masker,
    pub(crate) folders: &'a JobFolders,
    pub(crate) endpoints: &'a [Endpoint],
    pub(crate) secure_files: &'a [JobSecureFile],
    pub(crate) base: &'a Base,
    pub(crate) client: &'a AgentClient,
    pub(crate) grace: Grace,
    pub(crate) cancel: &'a CancellationToken,
}

impl Running<'_> {
    /// An input's value, ignoring case; empty when absent.
    pub(crate) fn input(&self, name: &str) -> &str {
        self.inputs
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value.as_str())
    }

    /// Whether a boolean input is true.
    pub(crate) fn input_is_true(&self, name: &str) -> bool {
        self.input(name).eq_ignore_ascii_case("true")
    }

    /// The environment of a user's own process.
    pub(crate) fn script_environment(&self) -> Environment {
        let named = named_files(self.task, &self.inputs);
        let files: Vec<&JobSecureFile> = self
            .secure_files
            .iter()
            .filter(|file| named.contains(&file.id))
            .collect();
        Environment::of_script(&Sources {
            variables: self.variables,
            step: &self.step.environment,
            inputs: &self.inputs,
            endpoints: self.endpoints,
            secure_files: &files,
            task_variables: self.task_variables,
            base: self.base,
        })
    }

    /// What the step's output may touch.
    pub(crate) fn scope(&mut self) -> Scope<'_> {
        Scope {
            task: self.task,
            step_name: &self.step.name,
            variables: self.variables,
            task_variables: self.task_variables,
            masker: self.masker,
            log: self.log,
            result: None,
            done: false,
        }
    }
}

/// The definition of a step's task, if the agent runs it natively: the exact version, or the one it has of that major.
pub(crate) fn native(reference: &TaskReference) -> Option<Arc<TaskDefinition>> {
    let id = reference.id.to_string();
    tasks::builtin(&id, &reference.version)
        .or_else(|| tasks::builtin(&id, reference.version.split('.').next().unwrap_or_default()))
}

/// Why a step's task cannot be run here.
pub(crate) fn unknown(reference: &TaskReference) -> String {
    let known: Vec<String> = tasks::builtins()
        .iter()
        .map(|task| format!("{}@{}", task.name, task.version.major))
        .collect();
    format!(
        "This agent cannot run the task {}@{}. Built in are {}. Tasks that come as Node packages follow in a later version of Coffer; until then, use a script step.",
        reference.name,
        reference.version,
        known.join(", ")
    )
}

/// What the task demands and the agent lacks, in words.
pub(crate) fn unmet(task: &TaskDefinition, capabilities: &Capabilities) -> Option<String> {
    let version = task.minimum_agent_version.map(Demand::agent_version);
    let demands: Vec<Demand> = version
        .into_iter()
        .chain(task.demands.iter().cloned())
        .collect();
    capabilities
        .unmet(&demands)
        .first()
        .map(|unmet| format!("The task {}@{}: {unmet}.", task.name, task.version))
}

/// Runs one phase of a native task.
pub(crate) async fn run(running: &mut Running<'_>, phase: Phase) -> Outcome {
    match (running.task.id, phase) {
        (tasks::DOWNLOAD_SECURE_FILE, Phase::Pre) => {
            builtin::download_secure_file::run(running).await
        }
        (tasks::CMD_LINE, Phase::Main) => builtin::script::run(running).await,
        (tasks::BASH, Phase::Main) => builtin::bash::run(running).await,
        (tasks::CHECKOUT, Phase::Main) => builtin::checkout::run(running),
        _ => {
            let message = unknown(&running.step.reference);
            running.log.error(&message);
            Outcome::Failed
        }
    }
}

/// A step's inputs: defaults, then its own values, macros expanded, paths made absolute below `sources`.
pub(crate) fn inputs(
    task: &TaskDefinition,
    step: &Step,
    variables: &JobVariables,
    sources: &Path,
) -> BTreeMap<String, Zeroizing<String>> {
    let mut inputs: BTreeMap<String, Zeroizing<String>> = BTreeMap::new();
    let defaults = task
        .inputs
        .iter()
        .map(|input| (&input.name, input.default.as_str()));
    let given = step
        .inputs
        .iter()
        .map(|(name, value)| (name, value.as_str()));
    for (name, value) in defaults.chain(given) {
        let canonical = task.input(name).map_or(name.as_str(), |input| &input.name);
        let key = inputs
            .keys()
            .find(|known| known.eq_ignore_ascii_case(canonical))
            .cloned();
        inputs.insert(
            key.unwrap_or_else(|| canonical.to_owned()),
            variables.expand(value.trim()),
        );
    }
    for input in &task.inputs {
        if input.kind == InputKind::FilePath
            && let Some(value) = inputs.get_mut(&input.name)
        {
            let rooted = sources.join(value.as_str());
            // Joining an empty text would add a slash.
            let rooted = if value.is_empty() {
                sources.to_owned()
            } else {
                rooted
            };
            *value = Zeroizing::new(rooted.to_string_lossy().into_owned());
        }
    }
    inputs
}

/// The secure files that a step's inputs name. What is no id is no file: names were replaced when the plan was made.
pub(crate) fn named_files(
    task: &TaskDefinition,
    inputs: &BTreeMap<String, Zeroizing<String>>,
) -> Vec<Uuid> {
    task.inputs
        .iter()
        .filter(|input| input.kind == InputKind::SecureFile)
        .filter_map(|input| inputs.get(&input.name))
        .flat_map(|value| value.split(','))
        .filter_map(|part| Uuid::try_parse(part.trim()).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_pipeline::version::Version;

    fn reference(name: &str, id: Uuid, version: &str) -> TaskReference {
        TaskReference {
            id,
            name: name.into(),
            version: version.into(),
        }
    }

    #[test]
    fn a_task_is_found_by_its_id_and_major() {
        assert!(native(&reference("Bash", tasks::BASH, "3.1.0")).is_some());
        assert!(native(&reference("Bash", tasks::BASH, "4.0.0")).is_none());
        assert!(
            native(&reference("Bash", Uuid::nil(), "3.259.1")).is_none(),
            "a name alone proves nothing"
        );
    }

    #[test]
    fn an_unknown_task_is_answered_with_what_can_be_run() {
        let said = unknown(&reference("InstallSSHKey", Uuid::nil(), "0.274.0"));
        assert!(
            said.contains("InstallSSHKey@0.274.0") && said.contains("DownloadSecureFile@1"),
            "{said}"
        );
    }

    #[test]
    fn a_task_for_a_newer_agent_is_refused_with_both_numbers() {
        let mut task = TaskDefinition::clone(&tasks::builtin("Bash", "3").unwrap());
        let capabilities: Capabilities = [("Agent.Version", crate::COMPATIBILITY_VERSION)]
            .into_iter()
            .collect();
        task.minimum_agent_version = Some(Version::new(2, 182, 1));
        assert_eq!(unmet(&task, &capabilities), None);
        task.minimum_agent_version = Some(Version::new(99, 1, 0));
        let said = unmet(&task, &capabilities).unwrap();
        assert!(
            said.contains("99.1.0") && said.contains(crate::COMPATIBILITY_VERSION),
            "{said}"
        );
    }
}
