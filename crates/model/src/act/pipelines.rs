//! Acts on pipelines, their runs, and the agents that run them. It must not know how facts are loaded.

use super::{Requirement, Subject, about, acts, right};
use crate::access::{Scope, build};
use crate::scope::TokenScopes;
use crate::{AgentId, PipelineId, ProjectId, RunId};

acts! {
    PIPELINES_ACTS;

    /// See the pipelines of a project.
    ViewPipelines { /// Project.
        project: ProjectId } "Pipelines.PipelinesViewed" scope BUILD
        needs |a| right(Scope::Pipelines(a.project), build::VIEW_DEFINITION, build::VIEW_DEFINITION),
        about |a| about(Some(a.project), "project", a.project);

    /// Create a pipeline.
    CreatePipeline { /// Project.
        project: ProjectId } "Pipelines.PipelineCreated" scope BUILD_EXECUTE
        needs |a| right(Scope::Pipelines(a.project), build::CREATE_DEFINITION, build::VIEW_DEFINITION),
        about |a| about(Some(a.project), "project", a.project);

    /// Store a new revision of a pipeline's YAML.
    EditPipeline { /// Project.
        project: ProjectId, /// Pipeline.
        pipeline: PipelineId } "Pipelines.PipelineModified" scope BUILD_EXECUTE
        needs |a| right(Scope::Pipeline(a.project, a.pipeline), build::EDIT_DEFINITION, build::VIEW_DEFINITION),
        about |a| about(Some(a.project), "pipeline", a.pipeline);

    /// Queue a run.
    QueueRun { /// Project.
        project: ProjectId, /// Pipeline.
        pipeline: PipelineId } "Pipelines.RunQueued" scope BUILD_EXECUTE
        needs |a| right(Scope::Pipeline(a.project, a.pipeline), build::QUEUE_BUILDS, build::VIEW_DEFINITION),
        about |a| about(Some(a.project), "pipeline", a.pipeline);

    /// See runs, their timelines and logs.
    ViewRuns { /// Project.
        project: ProjectId } "Pipelines.RunsViewed" scope BUILD
        needs |a| right(Scope::Pipelines(a.project), build::VIEW_BUILDS, build::VIEW_BUILDS),
        about |a| about(Some(a.project), "project", a.project);

    /// Cancel a run.
    CancelRun { /// Project.
        project: ProjectId, /// Pipeline.
        pipeline: PipelineId, /// Run.
        run: RunId } "Pipelines.RunCanceled" scope BUILD_EXECUTE
        needs |a| right(Scope::Pipeline(a.project, a.pipeline), build::STOP_BUILDS, build::VIEW_BUILDS),
        about |a| Subject { run: Some(a.run), ..about(Some(a.project), "run", a.run) };

    /// Register an agent, or give a known one a new key.
    RegisterAgent { /// The agent.
        agent: AgentId } "Library.AgentAdded" scope NONE
        needs |_a| Requirement::AgentRegistration,
        about |a| about(None, "agent", a.agent);
}
