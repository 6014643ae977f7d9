//! What is known of a task: its inputs, outputs, restrictions and phases. The built-in ones stand here; others are read
//! from their `task.json`. Knows nothing of how a task is run.

mod builtin;
mod json;
mod known;

use uuid::Uuid;

pub use builtin::{BASH, CHECKOUT, CMD_LINE, DOWNLOAD_SECURE_FILE, all as builtins, builtin};
pub use json::InvalidTaskDefinition;
pub(crate) use known::stand_in;

use crate::{demands::Demand, version::Version, words};

/// The metadata of one version of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskDefinition {
    /// The task's identity.
    pub id: Uuid,
    /// Name used in YAML; ignores case there.
    pub name: String,
    /// What people see.
    pub friendly_name: String,
    /// One sentence for the head of the log.
    pub description: String,
    /// Its version.
    pub version: Version,
    /// Where it may be used, such as `Build`; empty for what nobody writes as a task.
    pub visibility: Vec<String>,
    /// Least `Agent.Version`.
    pub minimum_agent_version: Option<Version>,
    /// Further demands on the agent.
    pub demands: Vec<Demand>,
    /// Default display name of a step; `$(input)` stands for an input's value.
    pub instance_name_format: String,
    /// Declared inputs.
    pub inputs: Vec<Input>,
    /// Names that become outputs of the step by themselves.
    pub output_variables: Vec<String>,
    /// What its output may do to the job.
    pub restrictions: Restrictions,
    /// What runs when.
    pub stages: Stages,
    /// It runs on an agent (and not on the server or at a gate).
    pub runs_on_agent: bool,
    /// SHA-256 of the package it came in, hex, as whoever keeps packages says; none for a task that is built in.
    pub package: Option<String>,
}

impl TaskDefinition {
    /// Reads a `task.json`, leniently where published tasks are inexact: booleans and versions may be texts, defaults may be
    /// booleans or numbers.
    ///
    /// # Errors
    ///
    /// [`InvalidTaskDefinition`] when it is no JSON object, or has no usable id, name or version.
    pub fn from_json(text: &str) -> Result<Self, InvalidTaskDefinition> {
        json::read(text)
    }

    /// A task of which nothing is known but what the YAML says.
    pub(crate) fn unchecked(name: &str, version: &str) -> Self {
        Self {
            id: Uuid::nil(),
            name: name.to_owned(),
            friendly_name: name.to_owned(),
            description: String::new(),
            version: version.parse().unwrap_or_default(),
            visibility: Vec::new(),
            minimum_agent_version: None,
            demands: Vec::new(),
            instance_name_format: String::new(),
            inputs: Vec::new(),
            output_variables: Vec::new(),
            restrictions: Restrictions::default(),
            stages: Stages::default(),
            runs_on_agent: true,
            package: None,
        }
    }

    /// Whether anything is known of it.
    pub(crate) fn is_checked(&self) -> bool {
        !self.id.is_nil()
    }

    /// The declared input of that name or alias, ignoring case.
    #[must_use]
    pub fn input(&self, name: &str) -> Option<&Input> {
        self.inputs
            .iter()
            .find(|input| words::same(&input.name, name))
            .or_else(|| {
                self.inputs
                    .iter()
                    .find(|input| input.aliases.iter().any(|alias| words::same(alias, name)))
            })
    }

    /// Whether a variable that the task sets is an output of the step by declaration.
    #[must_use]
    pub fn declares_output(&self, variable: &str) -> bool {
        self.output_variables
            .iter()
            .any(|name| words::same(name, variable))
    }
}

/// A declared input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Canonical name.
    pub name: String,
    /// Other names YAML may use.
    pub aliases: Vec<String>,
    /// What people see.
    pub label: String,
    /// What its value means.
    pub kind: InputKind,
    /// The type that this was read from: a form has more of them than a runner.
    pub declared: String,
    /// The task cannot run without it. Said by the task; not binding when the input is shown only in some cases.
    pub required: bool,
    /// When a form shows it; then [`Input::required`] holds in some cases only. Empty for always.
    pub visible_rule: String,
    /// Value when the step gives none; empty for none.
    pub default: String,
}

/// What matters of an input's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// Any text: `string`, `multiLine`, `pickList`, `int` …
    Text,
    /// `true` in any case is true, all else false.
    Boolean,
    /// Relative values are made absolute by the agent.
    FilePath,
    /// Names secure files, several with commas.
    SecureFile,
    /// `connectedService:<types>`.
    ConnectedService(String),
}

impl InputKind {
    /// Reads a `type`, ignoring case.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let (head, tail) = text.split_once(':').unwrap_or((text, ""));
        match head.to_ascii_lowercase().as_str() {
            "securefile" => Self::SecureFile,
            "filepath" => Self::FilePath,
            "boolean" => Self::Boolean,
            "connectedservice" => Self::ConnectedService(tail.to_owned()),
            _ => Self::Text,
        }
    }
}

/// What the output of a task may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restrictions {
    /// Which logging commands are heard.
    pub command_mode: CommandMode,
    /// Patterns of variables it may set; `None` = any.
    pub settable_variables: Option<Vec<String>>,
}

/// Which logging commands are heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommandMode {
    /// All.
    #[default]
    Any,
    /// Only those that cannot reach beyond the step.
    Restricted,
}

/// The phases in which a task runs, each with its handlers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// `prejobexecution`: before the first step of the job.
    pub pre: Vec<Handler>,
    /// `execution`: at its place.
    pub main: Vec<Handler>,
    /// `postjobexecution`: after the last step, in reverse order.
    pub post: Vec<Handler>,
}

impl Stages {
    /// Whether the task does anything in this phase.
    #[must_use]
    pub fn has(&self, phase: Phase) -> bool {
        !self.handlers(phase).is_empty()
    }

    /// The handlers of a phase.
    #[must_use]
    pub fn handlers(&self, phase: Phase) -> &[Handler] {
        match phase {
            Phase::Pre => &self.pre,
            Phase::Main => &self.main,
            Phase::Post => &self.post,
        }
    }
}

/// When in a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Before the first step.
    Pre,
    /// At the step's place.
    Main,
    /// After the last step.
    Post,
}

/// One way to run a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// Key in `task.json` (`Node20_1` …), or `Native` for a built-in task.
    pub runtime: String,
    /// Script relative to the task's folder; empty for a built-in task.
    pub target: String,
}
