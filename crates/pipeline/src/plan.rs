//! The plan: what a run will do, as data. It must not know where it came from beyond the names it keeps, and holds no
//! secret.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::{condition::Condition, demands::Demand, diagnostic::Diagnostic, version::Version};

/// The format of [`Plan`]; it grows with every change of the fields.
pub const SCHEMA: u32 = 1;

/// What a run will do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// [`SCHEMA`] of the code that made it.
    pub schema: u32,
    /// `name:` of the pipeline: the format of the run number, unexpanded.
    pub name: Option<String>,
    /// [`crate::Source::path`].
    pub source: String,
    /// Variables of the whole run: those given at start, then those of the YAML root. Names are unique ignoring case.
    pub variables: Vec<Variable>,
    /// In the order they run. Exactly one today.
    pub stages: Vec<Stage>,
    /// Things worth knowing; not part of [`Plan::canonical_json`].
    #[serde(default)]
    pub warnings: Vec<Diagnostic>,
}

impl Plan {
    /// The bytes a digest of the plan is made of: the same plan always gives the same text, whatever was warned about.
    #[must_use]
    pub fn canonical_json(&self) -> String {
        let bare = Self {
            warnings: Vec::new(),
            ..self.clone()
        };
        serde_json::to_string(&bare).expect("a plan holds only texts, numbers and lists")
    }

    /// Every secure file the run names, each once, in order of first use.
    #[must_use]
    pub fn secure_files(&self) -> Vec<Uuid> {
        unique(
            self.stages
                .iter()
                .flat_map(|stage| &stage.jobs)
                .flat_map(|job| &job.secure_files),
        )
    }
}

/// A variable of a run or a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    /// As written; compared ignoring case.
    pub name: String,
    /// Unexpanded: may hold `$(other)`.
    pub value: String,
    /// A job may not set it anew.
    pub read_only: bool,
}

/// A part of a run that starts when all checks of the protected resources in it have passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// `__default` when the YAML has no stages.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// When it runs.
    pub condition: Condition,
    /// Exactly one today.
    pub jobs: Vec<Job>,
}

/// Steps that run on one agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// `__default` when the YAML has no jobs.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// `stage.job`, unique in the run.
    pub identifier: String,
    /// When it runs.
    pub condition: Condition,
    /// A failure becomes "succeeded with issues".
    pub continue_on_error: bool,
    /// Absent = the server's default, 0 = no limit.
    pub timeout_in_minutes: Option<u32>,
    /// How long clean-up may take after a cancel; absent = the server's default.
    pub cancel_timeout_in_minutes: Option<u32>,
    /// Variables of the stage and the job; each beats one of the run with the same name.
    pub variables: Vec<Variable>,
    /// What an agent must offer: those of the pool and of the tasks.
    pub demands: Vec<Demand>,
    /// Secure files of all steps, each once.
    pub secure_files: Vec<Uuid>,
    /// Enabled steps, in order.
    pub steps: Vec<Step>,
}

impl Job {
    pub(crate) fn collect_secure_files(&mut self) {
        self.secure_files = unique(self.steps.iter().flat_map(|step| &step.secure_files));
    }
}

/// One task and what it is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The name under which other steps see its outputs: `$(name.output)`. Unique in the job, ignoring case.
    pub reference_name: String,
    /// What people see; may hold `$(x)`, expanded by the agent.
    pub display_name: String,
    /// Pinned for the run.
    pub task: TaskReference,
    /// By canonical names (aliases are translated), values unexpanded, secure files as lower-case GUIDs. Defaults of the task are
    /// not in it.
    pub inputs: Entries,
    /// `env:`, values unexpanded.
    pub env: Entries,
    /// When it runs.
    pub condition: Condition,
    /// A failure becomes "succeeded with issues".
    pub continue_on_error: bool,
    /// Absent or 0 = no limit but the job's.
    pub timeout_in_minutes: Option<u32>,
    /// 0 to 10 further tries.
    pub retry_count: u32,
    /// Every secure file this step may use, each once.
    pub secure_files: Vec<Uuid>,
    /// Which input names which of them.
    pub secure_file_inputs: Vec<SecureFileInput>,
    /// Where the step begins in [`Plan::source`].
    pub line: u32,
}

/// A task in an exact version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskReference {
    /// The task's GUID.
    pub id: Uuid,
    /// The task's own name, whatever spelling the YAML has.
    pub name: String,
    /// Pinned version.
    pub version: Version,
}

/// An input of type `secureFile` and what it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecureFileInput {
    /// Canonical name of the input.
    pub input: String,
    /// In the order of the value.
    pub files: Vec<Uuid>,
}

/// Named texts in their order; a JSON object on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries(Vec<(String, String)>);

impl Entries {
    /// The value of a name, ignoring case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| crate::words::same(known, name))
            .map(|(_, value)| value)
    }

    /// All pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, String)> for Entries {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> de::Visitor<'de> for Pairs {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of texts")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Entries(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

pub(crate) fn unique<'a>(ids: impl Iterator<Item = &'a Uuid>) -> Vec<Uuid> {
    let mut seen = std::collections::BTreeSet::new();
    ids.copied().filter(|id| seen.insert(*id)).collect()
}
