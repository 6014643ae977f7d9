//! The variables of a job: what the server sets, and what the plan sets. The same list is there when a run starts, where
//! some of it is not known yet, and when a job is handed out. It must not know how an expression is evaluated.

use crate::lease::JobVariable;
use coffer_model::{OrganizationId, PipelineId, ProjectId};
use coffer_pipeline::{Job, Plan, Stage, VariableValue};
use coffer_store::JobRow;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// What the server's variables are made of.
#[derive(Clone, Copy)]
pub(crate) struct Predefined<'a> {
    pub(crate) organization: OrganizationId,
    /// Id and name.
    pub(crate) project: (ProjectId, &'a str),
    /// Id, name and revision.
    pub(crate) pipeline: (PipelineId, &'a str, i64),
    /// Sign-in name and display name.
    pub(crate) requested_by: (&'a str, &'a str),
    /// Where the run comes from is known.
    pub(crate) trusted: bool,
    /// What is known once a job is handed out.
    pub(crate) late: Option<Late<'a>>,
}

/// What nobody knows before there is a run.
#[derive(Clone, Copy)]
pub(crate) struct Late<'a> {
    row: &'a JobRow,
    collection_url: &'a str,
}

impl<'a> Late<'a> {
    pub(crate) fn of(row: &'a JobRow, collection_url: &'a str) -> Self {
        Self {
            row,
            collection_url,
        }
    }
}

impl Predefined<'_> {
    /// Those of a run. One that is not known yet stands for itself, `$(name)`: the agent replaces it where a value holds it.
    pub(crate) fn of_run(&self) -> Vec<(String, String)> {
        let restricted = if self.trusted { "False" } else { "True" };
        let late = |name: &str, value: fn(&Late<'_>) -> String| {
            let value = self.late.as_ref().map(value);
            value.unwrap_or_else(|| format!("$({name})"))
        };
        let url = |late: &Late<'_>| late.collection_url.to_owned();
        let run = |late: &Late<'_>| late.row.run.to_string();
        let list: [(&str, String); 37] = [
            (
                "System.TeamFoundationCollectionUri",
                late("System.TeamFoundationCollectionUri", url),
            ),
            ("System.CollectionUri", late("System.CollectionUri", url)),
            (
                "System.TaskDefinitionsUri",
                late("System.TaskDefinitionsUri", url),
            ),
            (
                "System.TeamFoundationServerUri",
                late("System.TeamFoundationServerUri", url),
            ),
            ("System.TeamProject", self.project.1.to_owned()),
            ("System.TeamProjectId", self.project.0.to_string()),
            ("System.CollectionId", self.organization.to_string()),
            ("System.HostType", "build".into()),
            ("System.ServerType", "OnPremises".into()),
            ("System.DefinitionId", self.pipeline.0.to_string()),
            ("System.DefinitionName", self.pipeline.1.to_owned()),
            (
                "System.PlanId",
                late("System.PlanId", |late| late.row.plan_id.to_string()),
            ),
            (
                "System.TimelineId",
                late("System.TimelineId", |late| late.row.timeline.to_string()),
            ),
            ("System.JobAttempt", "1".into()),
            ("System.PhaseAttempt", "1".into()),
            ("System.JobPositionInPhase", "1".into()),
            ("System.TotalJobsInPhase", "1".into()),
            ("System.JobParallelismTag", "Private".into()),
            ("System.IsScheduled", "False".into()),
            ("System.EnableAccessToken", "SecretVariable".into()),
            ("Build.BuildId", late("Build.BuildId", run)),
            (
                "Build.BuildNumber",
                late("Build.BuildNumber", |late| late.row.run_name.clone()),
            ),
            (
                "Build.BuildUri",
                late("Build.BuildUri", |late| {
                    format!("vstfs:///Build/Build/{}", late.row.run)
                }),
            ),
            ("Build.DefinitionName", self.pipeline.1.to_owned()),
            ("Build.DefinitionVersion", self.pipeline.2.to_string()),
            ("Build.QueuedBy", self.requested_by.1.to_owned()),
            ("Build.RequestedFor", self.requested_by.1.to_owned()),
            ("Build.RequestedForEmail", self.requested_by.0.to_owned()),
            ("Build.Reason", "Manual".into()),
            ("Build.ContainerId", late("Build.ContainerId", run)),
            ("Agent.IsSelfHosted", "1".into()),
            ("Agent.CloudId", String::new()),
            ("agent.readOnlyVariables", "true".into()),
            ("agent.taskRestrictionsEnforcementMode", "Enabled".into()),
            ("Build.Repository.Provider", "None".into()),
            // What agents go by: a step that names a secure file is skipped. Nothing would be given to it anyway.
            ("System.RestrictSecrets", restricted.into()),
            ("System.PullRequest.IsFork", restricted.into()),
        ];
        list.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// Those of a stage.
    pub(crate) fn of_stage(&self, stage: &Stage) -> Vec<(String, String)> {
        let mut list = self.of_run();
        let own: [(&str, String); 3] = [
            ("System.StageName", stage.name.clone()),
            ("System.StageDisplayName", stage.display_name.clone()),
            ("System.StageAttempt", "1".into()),
        ];
        list.extend(own.map(|(name, value)| (name.to_owned(), value)));
        list
    }

    /// Those of a job.
    pub(crate) fn of_job(&self, stage: &Stage, job: &Job) -> Vec<(String, String)> {
        let id = self.late.map_or_else(
            || "$(System.JobId)".to_owned(),
            |late| late.row.id.to_string(),
        );
        let mut list = self.of_stage(stage);
        let own: [(&str, String); 7] = [
            ("System.JobId", id),
            ("System.JobName", job.name.clone()),
            ("System.JobDisplayName", job.display_name.clone()),
            ("System.JobIdentifier", job.identifier.clone()),
            ("System.PhaseName", job.name.clone()),
            ("System.PhaseDisplayName", job.display_name.clone()),
            ("Agent.JobName", job.display_name.clone()),
        ];
        list.extend(own.map(|(name, value)| (name.to_owned(), value)));
        list
    }
}

/// The variables a job starts with: the system's, which cannot be overwritten, then the plan's. `values` are those of
/// expressions, evaluated when it started.
pub(crate) fn of(
    plan: &Plan,
    stage: &Stage,
    job: &Job,
    values: &[(String, String)],
    system: Vec<(String, String)>,
    token: &str,
) -> BTreeMap<String, JobVariable> {
    let mut all = BTreeMap::new();
    let scopes = [&plan.variables, &stage.variables, &job.variables];
    for variable in scopes.into_iter().flatten() {
        let value = match &variable.value {
            VariableValue::Text(text) => text,
            VariableValue::Expression(_) => {
                let mut values = values.iter();
                let found = values.find(|(name, _)| name.eq_ignore_ascii_case(&variable.name));
                // None has a value that a text further inside replaces.
                let Some((_, value)) = found else { continue };
                value
            }
        };
        let value = JobVariable {
            value: Zeroizing::new(value.clone()),
            secret: false,
            read_only: variable.read_only,
        };
        put(&mut all, &variable.name, value);
    }
    for (name, value) in system {
        put(&mut all, &name, read_only(value, false));
    }
    let culture = "System.Culture";
    if !all.keys().any(|name| name.eq_ignore_ascii_case(culture)) {
        put(&mut all, culture, read_only("en-US".to_owned(), false));
    }
    put(
        &mut all,
        "System.AccessToken",
        read_only(token.to_owned(), true),
    );
    all
}

fn read_only(value: String, secret: bool) -> JobVariable {
    JobVariable {
        value: Zeroizing::new(value),
        secret,
        read_only: true,
    }
}

/// Names ignore case: the later one wins, whatever its spelling.
fn put(all: &mut BTreeMap<String, JobVariable>, name: &str, value: JobVariable) {
    all.retain(|known, _| !known.eq_ignore_ascii_case(name));
    all.insert(name.to_owned(), value);
}
