//! The tree to a draft: keys, types, words and names, checked one by one, several errors at once. It must not know which
//! tasks or secure files exist; that is settled by `resolve`.

mod job;
mod root;
mod step;
mod values;
mod variables;

use crate::{
    PlanInputs, Variable,
    condition::Condition,
    demands::Demand,
    diagnostic::{Place, Report},
    plan::Entries,
    yaml::Node,
};

/// A pipeline as written, tasks and files not looked up yet.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) name: Option<String>,
    pub(crate) variables: Vec<Variable>,
    /// Those of `variables` that the YAML root sets: the only ones that name secure files.
    pub(crate) root_variables: Vec<Variable>,
    pub(crate) stages: Vec<DraftStage>,
}

#[derive(Debug)]
pub(crate) struct DraftStage {
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) condition: Condition,
    pub(crate) jobs: Vec<DraftJob>,
}

#[derive(Debug)]
pub(crate) struct DraftJob {
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) condition: Condition,
    pub(crate) continue_on_error: bool,
    pub(crate) timeout_in_minutes: Option<u32>,
    pub(crate) cancel_timeout_in_minutes: Option<u32>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) demands: Vec<Demand>,
    pub(crate) steps: Vec<DraftStep>,
}

/// An enabled step.
#[derive(Debug)]
pub(crate) struct DraftStep {
    pub(crate) place: Place,
    pub(crate) name: Option<(String, Place)>,
    pub(crate) display_name: Option<String>,
    pub(crate) task: TaskUse,
    pub(crate) inputs: Vec<DraftInput>,
    pub(crate) env: Entries,
    pub(crate) condition: Condition,
    pub(crate) continue_on_error: bool,
    pub(crate) timeout_in_minutes: Option<u32>,
    pub(crate) retry_count: u32,
}

/// `Name@1` and where it stands.
#[derive(Debug)]
pub(crate) struct TaskUse {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) place: Place,
}

/// An input as written.
#[derive(Debug)]
pub(crate) struct DraftInput {
    pub(crate) name: String,
    pub(crate) place: Place,
    /// Absent: the value was refused already.
    pub(crate) value: Option<String>,
    pub(crate) value_place: Place,
}

/// Reads a pipeline. What could not be read is in the report and missing in the draft.
pub(crate) fn pipeline(tree: &Node, inputs: &PlanInputs, report: &mut Report) -> Draft {
    root::pipeline(tree, inputs, report)
}
