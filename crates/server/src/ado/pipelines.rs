//! Pipelines and runs: `{project}/_apis/pipelines`.

use crate::App;
use crate::ado::{convert, project};
use crate::auth::Who;
use crate::body::JsonBody;
use crate::error::{ApiError, Result, validation_result};
use crate::params::{Params, pipeline_id, run_id};
use crate::urls::Links;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use coffer_service::{PipelineText, PreviewView, RunInput};
use coffer_wire::enums::ConfigurationType;
use coffer_wire::pipelines::{PipelineRequest, Preview, RunRequest};
use serde::Deserialize;

/// Runs that one answer holds, unless `$top` says fewer.
const MOST_RUNS: usize = 1000;

/// `GET`: the pipelines of a project.
pub(crate) async fn list(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    params: Params,
    asked: Asked,
    links: Links,
) -> Result<Response> {
    let top = params.number("$top")?.unwrap_or(usize::MAX);
    let project = project(&app, &caller, &name).await?.id;
    let found = app.service.pipelines().list(&caller, project).await?;
    let pipelines = found.into_iter().take(top).map(|mut view| {
        view.yaml = None;
        convert::pipeline(&links, project, view)
    });
    Ok(asked.list(pipelines.collect()))
}

/// `GET /{id}`, with its configuration.
pub(crate) async fn get(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, id)): Path<(String, String)>,
    asked: Asked,
    links: Links,
) -> Result<Response> {
    let id = pipeline_id(&id)?;
    let project = project(&app, &caller, &name).await?.id;
    let view = app.service.pipelines().get(&caller, project, id).await?;
    Ok(asked.json(&convert::pipeline(&links, project, view)))
}

/// `POST`: a new pipeline; its YAML comes with it.
pub(crate) async fn create(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    asked: Asked,
    links: Links,
    JsonBody(body): JsonBody<PipelineRequest>,
) -> Result<Response> {
    let text = text(body)?;
    let project = project(&app, &caller, &name).await?.id;
    let pipelines = app.service.pipelines();
    let view = pipelines.create(&caller, project, text).await?;
    Ok(asked.json(&convert::pipeline(&links, project, view)))
}

/// `PUT /{id}`, ours: a new revision.
pub(crate) async fn update(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, id)): Path<(String, String)>,
    asked: Asked,
    links: Links,
    JsonBody(body): JsonBody<PipelineRequest>,
) -> Result<Response> {
    let (id, text) = (pipeline_id(&id)?, text(body)?);
    let project = project(&app, &caller, &name).await?.id;
    let pipelines = app.service.pipelines();
    let view = pipelines.update(&caller, project, id, text).await?;
    Ok(asked.json(&convert::pipeline(&links, project, view)))
}

/// `GET /{id}/runs`, newest first.
pub(crate) async fn runs(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, id)): Path<(String, String)>,
    params: Params,
    asked: Asked,
    links: Links,
) -> Result<Response> {
    let id = pipeline_id(&id)?;
    let top = params.number("$top")?.unwrap_or(MOST_RUNS).min(MOST_RUNS);
    let project = project(&app, &caller, &name).await?.id;
    let runs = app.service.runs();
    let found = runs.of_pipeline(&caller, project, id, top).await?;
    let found = found.into_iter();
    Ok(asked.list(
        found
            .map(|view| convert::run(&links, project, view))
            .collect(),
    ))
}

/// `GET /{id}/runs/{runId}`.
pub(crate) async fn run(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, pipeline, run)): Path<(String, String, String)>,
    asked: Asked,
    links: Links,
) -> Result<Response> {
    let (pipeline, run) = (pipeline_id(&pipeline)?, run_id(&run)?);
    let project = project(&app, &caller, &name).await?.id;
    let view = app.service.runs().get(&caller, project, run).await?;
    if view.pipeline.id != pipeline {
        return Err(ApiError::no_such(
            "run.not_found",
            "That pipeline has no such run.",
        ));
    }
    Ok(asked.json(&convert::run(&links, project, view)))
}

/// `POST /{id}/runs`: queues a run, or with `previewRun` plans it only.
pub(crate) async fn start(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, id)): Path<(String, String)>,
    asked: Asked,
    links: Links,
    JsonBody(body): JsonBody<RunBody>,
) -> Result<Response> {
    let id = pipeline_id(&id)?;
    let input = body.input()?;
    let project = project(&app, &caller, &name).await?.id;
    let runs = app.service.runs();
    if input.preview {
        let view = runs.preview(&caller, project, id, input).await?;
        return Ok(asked.json(&previewed(view)));
    }
    let view = runs.start(&caller, project, id, input).await?;
    Ok(asked.json(&convert::run(&links, project, view)))
}

/// `POST /{id}/preview`: plans, starts nothing.
pub(crate) async fn preview(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, id)): Path<(String, String)>,
    asked: Asked,
    JsonBody(mut body): JsonBody<RunBody>,
) -> Result<Response> {
    let id = pipeline_id(&id)?;
    body.request.preview_run = true;
    let input = body.input()?;
    let project = project(&app, &caller, &name).await?.id;
    let runs = app.service.runs();
    let view = runs.preview(&caller, project, id, input).await?;
    Ok(asked.json(&previewed(view)))
}

fn previewed(view: PreviewView) -> Preview {
    Preview {
        final_yaml: view.final_yaml,
        runnable: view.runnable,
        validation_results: view.notes.into_iter().map(validation_result).collect(),
    }
}

/// A request for a run, with the members that change its meaning and are not served yet.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunBody {
    #[serde(flatten)]
    request: RunRequest,
    #[serde(default)]
    stages_to_skip: Option<Vec<String>>,
    #[serde(default)]
    resources: serde_json::Value,
}

impl RunBody {
    /// Refuses what would be ignored and would make another run than was asked for.
    fn input(self) -> Result<RunInput> {
        if self.stages_to_skip.is_some_and(|stages| !stages.is_empty()) {
            return Err(ApiError::not_supported(
                "'stagesToSkip' is not supported yet. Nothing was started.",
            ));
        }
        let yaml_override = self.request.yaml_override.filter(|yaml| !yaml.is_empty());
        if yaml_override.is_some() && !self.request.preview_run {
            return Err(ApiError::argument(
                "'yamlOverride' is for previews alone: send 'previewRun': true with it. Nothing was started.",
            ));
        }
        Ok(RunInput {
            variables: self
                .request
                .variables
                .into_iter()
                .map(|(name, variable)| (name, variable.value, variable.is_secret))
                .collect(),
            parameters: self.request.template_parameters.into_iter().collect(),
            preview: self.request.preview_run,
            yaml_override,
            claimed_ref: self
                .resources
                .pointer("/repositories/self/refName")
                .and_then(serde_json::Value::as_str)
                .map(str::to_owned),
        })
    }
}

fn text(body: PipelineRequest) -> Result<PipelineText> {
    if body.configuration.kind != ConfigurationType::Yaml {
        return Err(ApiError::not_supported(
            "Pipelines are YAML only: send 'configuration' with the type 'yaml'.",
        ));
    }
    let yaml = body.configuration.yaml.ok_or_else(|| {
        ApiError::not_supported(
            "Pipelines from repositories are not supported yet: send the text as 'configuration.yaml'.",
        )
    })?;
    Ok(PipelineText {
        name: body.name,
        folder: body.folder.unwrap_or_else(|| "\\".into()),
        path: body.configuration.path,
        yaml,
        files: body
            .configuration
            .files
            .into_iter()
            .map(|file| (file.path, file.content))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: &str) -> Result<RunInput> {
        serde_json::from_str::<RunBody>(text).unwrap().input()
    }

    #[test]
    fn an_empty_request_is_a_run_with_defaults() {
        let input = input("{}").unwrap();
        assert!(input.variables.is_empty() && !input.preview);
    }

    #[test]
    fn what_is_not_served_is_refused_and_not_ignored() {
        for body in [
            r#"{"stagesToSkip":["deploy"]}"#,
            r#"{"yamlOverride":"steps: []"}"#,
        ] {
            assert!(input(body).is_err(), "{body}");
        }
        let harmless = r#"{"templateParameters":{},"stagesToSkip":[],"yamlOverride":"","resources":{"repositories":{}}}"#;
        assert!(input(harmless).is_ok());
    }

    #[test]
    fn a_named_ref_is_taken_down_as_a_claim() {
        let body = r#"{"resources":{"repositories":{"self":{"refName":"refs/heads/main"}}}}"#;
        let claim = input(body).unwrap().claimed_ref;
        assert_eq!(claim.as_deref(), Some("refs/heads/main"));
        assert_eq!(input(r#"{"resources":[1]}"#).unwrap().claimed_ref, None);
    }

    #[test]
    fn variables_keep_whether_they_are_secret() {
        let input = input(r#"{"variables":{"a":{"value":"1","isSecret":true},"b":{"value":"2"}},"previewRun":true}"#).unwrap();
        assert_eq!(
            input.variables,
            [
                ("a".to_owned(), "1".to_owned(), true),
                ("b".to_owned(), "2".to_owned(), false)
            ]
        );
        assert!(input.preview);
    }
}
