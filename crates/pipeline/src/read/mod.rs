//! The tree to a draft: keys, types, words and names, checked one by one, several errors at once. It must not know which
//! tasks or secure files exist; that is settled by `resolve`.

mod container;
mod deployment;
mod fields;
mod graph;
mod job;
mod known;
mod mentions;
mod phase;
mod pool;
mod resources;
mod root;
mod stage;
mod step;
mod strategy;
mod triggers;
mod values;
mod variables;

use crate::{
    Hook, Job, Plan, PlanInputs, Stage, Target,
    condition::Condition,
    diagnostic::{Place, Report},
    plan::Entries,
    yaml::Node,
};
pub(crate) use known::Known;
pub(crate) use resources::repositories;
pub(crate) use root::WITH_STEPS;
pub(crate) use step::as_task;
pub(crate) use strategy::{LEG_HINT, MAX_LEGS, Of, is_leg, legs, slices};
pub(crate) use variables::{MAX_VARIABLES, fault_of_name, plain};

/// A pipeline as written, tasks and files not looked up yet.
#[derive(Debug)]
pub(crate) struct Draft {
    /// All but its stages.
    pub(crate) plan: Plan,
    /// What names of secure files may be made of.
    pub(crate) known: Known,
    pub(crate) stages: Vec<DraftStage>,
}

#[derive(Debug)]
pub(crate) struct DraftStage {
    /// All but its jobs.
    pub(crate) stage: Stage,
    pub(crate) jobs: Vec<DraftJob>,
}

#[derive(Debug)]
pub(crate) struct DraftJob {
    /// All but its steps, with the demands of its pool.
    pub(crate) job: Job,
    pub(crate) steps: Vec<DraftStep>,
    /// The hooks of a deployment but `deploy`.
    pub(crate) hooks: Vec<DraftHook>,
}

#[derive(Debug)]
pub(crate) struct DraftHook {
    /// All but its steps, with the demands of its pool.
    pub(crate) hook: Hook,
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
    pub(crate) target: Option<Target>,
}

/// `Name@1` and where it stands.
#[derive(Debug)]
pub(crate) struct TaskUse {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) place: Place,
    /// What it is given could not be read, and that was told.
    pub(crate) told: bool,
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

/// What the readers share.
struct Reader<'a> {
    inputs: &'a PlanInputs,
    known: Known,
    aliases: resources::Aliases,
    /// Jobs and legs read so far.
    nodes: usize,
    /// Other stages that the stage being read looks at.
    stages: Vec<mentions::Mention>,
    /// That names of pools have no effect was said.
    pools_told: bool,
    report: &'a mut Report,
}

/// What an inner object has from the outer ones.
#[derive(Clone, Copy)]
struct Outer<'a> {
    pool: Option<&'a pool::PoolUse>,
    variables: &'a variables::Scope<'a>,
}

/// Reads a pipeline. What could not be read is in the report and missing in the draft.
pub(crate) fn pipeline(tree: &Node, inputs: &PlanInputs, report: &mut Report) -> Draft {
    root::pipeline(tree, inputs, report)
}
