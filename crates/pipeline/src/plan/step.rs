//! One step of a job. It must not know how a task does its work.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Entries;
use crate::{condition::Condition, version::Version};

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
    /// By canonical names (aliases are translated), values unexpanded, secure files as lower-case GUIDs where they are
    /// known. Defaults of the task are not in it.
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
    /// Where in the job it runs, and what its output may do there; absent = as the job does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Every secure file this step may use, each once.
    pub secure_files: Vec<Uuid>,
    /// Which input names which of them.
    pub secure_file_inputs: Vec<SecureFileInput>,
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
    /// SHA-256 of its package, hex: another package of the same version is another plan. Absent for a task that is built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
}

/// An input of type `secureFile` and what it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecureFileInput {
    /// Canonical name of the input.
    pub input: String,
    /// Known now, in the order of the value.
    pub files: Vec<Uuid>,
    /// The value holds a variable that is known only when the job is handed out. It may name any of these, and no other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_variable: Vec<Uuid>,
}

impl SecureFileInput {
    /// All that it may name.
    pub fn all(&self) -> impl Iterator<Item = &Uuid> {
        self.files.iter().chain(&self.by_variable)
    }
}

/// Where a step runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// `host`, or the name of a container; absent = as the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Logging commands that reach beyond the step are not heard.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restricted: bool,
    /// The variables it may set; absent = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settable_variables: Option<Vec<String>>,
}
