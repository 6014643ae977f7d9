//! What multiplies a job: legs of a matrix, slices, and the hooks of a deployment. It must not know in which order they
//! are run.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Count, Pool, Runtime, Step, Variable};
use crate::demands::Demand;

/// The legs of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Strategy {
    /// Which they are.
    pub legs: Legs,
    /// How many run at once; absent or 0 = all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<Count>,
}

/// Which legs a job has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Legs {
    /// Known now: those of a matrix, or slices named `job1`, `job2` …
    Named(Vec<Leg>),
    /// A matrix that is evaluated when the job starts.
    Matrix(Runtime),
    /// A number of slices that is evaluated when the job starts.
    Slices(Runtime),
}

/// One copy of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leg {
    /// Unique in the job, ignoring case.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// `stage.job.leg`, unique in the run.
    pub identifier: String,
    /// They join those of the job, and win.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<Variable>,
}

/// What makes a job a deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Where it deploys to.
    pub environment: Environment,
    /// How it is rolled out.
    pub rollout: Rollout,
    /// Hooks other than `deploy`, in the order of the life cycle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<Hook>,
}

/// Where a deployment goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// One resource in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    /// The same, by number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// Resources of this kind only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// Resources with all of these tags only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl Environment {
    /// Whether it speaks of resources in the environment, and not of the environment as a whole.
    #[must_use]
    pub fn names_resources(&self) -> bool {
        self.resource_name.is_some()
            || self.resource_id.is_some()
            || self.resource_type.is_some()
            || !self.tags.is_empty()
    }
}

/// How a deployment is rolled out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Rollout {
    /// Each hook once.
    RunOnce,
    /// Some resources after the other.
    Rolling {
        /// A number, or a share with `%`; absent = the default.
        max_parallel: Option<String>,
    },
    /// In growing shares.
    Canary {
        /// Percent, in order.
        increments: Vec<u32>,
    },
}

/// Steps of one moment of a deployment. Each hook is a job of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hook {
    /// Which moment.
    pub name: HookName,
    /// Where it runs: its own pool, or that of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
    /// What an agent must offer.
    pub demands: Vec<Demand>,
    /// Secure files of its steps, each once.
    pub secure_files: Vec<Uuid>,
    /// Enabled steps, in order.
    pub steps: Vec<Step>,
}

/// A moment of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HookName {
    /// Before.
    PreDeploy,
    /// The deployment itself.
    Deploy,
    /// Sending traffic to what is new.
    RouteTraffic,
    /// Watching it.
    PostRouteTraffic,
    /// After a failure.
    OnFailure,
    /// After success.
    OnSuccess,
}
