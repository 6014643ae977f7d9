//! Acts on pipelines, their runs, and the agents that run them. It must not know how facts are loaded.

use super::{Requirement, Subject, about, acts, right};
use crate::access::{Scope, agent_pools, build};
use crate::scope::TokenScopes;
use crate::{AgentId, OrganizationId, PipelineId, ProjectId, RunId};

acts! {
    PIPELINES_ACTS;

    /// See the pipelines of a project, as far as none says otherwise itself.
    ViewPipelines { /// Project.
        project: ProjectId } "Pipelines.PipelinesViewed" scope BUILD
        needs |a| right(Scope::Pipelines(a.project), build::VIEW_DEFINITION, build::VIEW_DEFINITION),
        about |a| about(Some(a.project), "project", a.project);

    /// See one pipeline and its YAML.
    ViewPipeline { /// Project.
        project: ProjectId, /// Pipeline.
        pipeline: PipelineId } "Pipelines.PipelineViewed" scope BUILD
        needs |a| right(Scope::Pipeline(a.project, a.pipeline), build::VIEW_DEFINITION, build::VIEW_DEFINITION),
        about |a| about(Some(a.project), "pipeline", a.pipeline);

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

    /// See the runs of a project, as far as no pipeline says otherwise itself.
    ViewRuns { /// Project.
        project: ProjectId } "Pipelines.RunsViewed" scope BUILD
        needs |a| right(Scope::Pipelines(a.project), build::VIEW_BUILDS, build::VIEW_BUILDS),
        about |a| about(Some(a.project), "project", a.project);

    /// See the runs of one pipeline, their timelines and logs.
    ViewRun { /// Project.
        project: ProjectId, /// Pipeline.
        pipeline: PipelineId } "Pipelines.RunViewed" scope BUILD
        needs |a| right(Scope::Pipeline(a.project, a.pipeline), build::VIEW_BUILDS, build::VIEW_BUILDS),
        about |a| about(Some(a.project), "pipeline", a.pipeline);

    /// Cancel a run.
    CancelRun { /// Project.
        project: ProjectId, /// Pipeline.
        pipeline: PipelineId, /// Run.
        run: RunId } "Pipelines.RunCanceled" scope BUILD_EXECUTE
        needs |a| right(Scope::Pipeline(a.project, a.pipeline), build::STOP_BUILDS, build::VIEW_BUILDS),
        about |a| Subject { run: Some(a.run), ..about(Some(a.project), "run", a.run) };

    /// See the agents of the organization.
    ViewAgents { /// Organization.
        organization: OrganizationId } "Library.AgentsViewed" scope AGENT_POOLS
        needs |a| right(Scope::AgentPools(a.organization), agent_pools::VIEW, agent_pools::VIEW),
        about |a| about(None, "organization", a.organization);

    /// Remove an agent: its key is worth nothing from then on, and its job is lost.
    RemoveAgent { /// Organization.
        organization: OrganizationId, /// The agent.
        agent: AgentId } "Library.AgentDeleted" scope AGENT_POOLS_MANAGE + fresh
        needs |a| right(Scope::AgentPools(a.organization), agent_pools::MANAGE, agent_pools::VIEW),
        about |a| about(None, "agent", a.agent);

    /// Register an agent, or give a known one a new key.
    RegisterAgent { /// The agent.
        agent: AgentId } "Library.AgentAdded" scope NONE
        needs |_a| Requirement::AgentRegistration,
        about |a| about(None, "agent", a.agent);
}
