//! What a run uses beside tasks and secure files: pools, containers, repositories, other pipelines. It must not know
//! whether they exist.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Runtime;

/// Where a job runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Pool {
    /// On the server, without an agent.
    Server,
    /// On an agent.
    Agents {
        /// Of this pool.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// With this image.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vm_image: Option<String>,
    },
}

/// A container that steps run in, or that runs beside them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Container {
    /// An image, and how it is run.
    Image {
        /// Its name and tag.
        image: String,
        /// The other keys of its definition, as written.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        options: Map<String, Value>,
    },
    /// Named when the job starts.
    Expression(Runtime),
}

/// A container that runs beside a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// The name that steps reach it under.
    pub name: String,
    /// What runs.
    pub container: Container,
}

/// What is removed before a job starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Clean {
    /// What was built.
    Outputs,
    /// What was checked out.
    Resources,
    /// The whole folder.
    All,
}

/// What a job uses without a step that says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Uses {
    /// By alias.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
    /// By name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<String>,
}

impl Uses {
    pub(crate) fn is_empty(&self) -> bool {
        self.repositories.is_empty() && self.pools.is_empty()
    }
}

/// A repository that the YAML declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryUse {
    /// The name it has in this pipeline.
    pub alias: String,
    /// `git`, `github` …, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its name at its host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The ref asked for; absent = the default branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The service connection that leads to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The commit that templates were read at; absent when none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// A pipeline, package, build, container or webhook that the YAML declares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// The key that declares it: `pipeline`, `package`, `build`, `container`, `webhook`.
    pub kind: String,
    /// The name it has in this pipeline.
    pub alias: String,
    /// The other keys of its definition but `trigger`, as written.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub definition: Map<String, Value>,
}
