//! Pipelines and their runs.

use crate::ClientError;
use crate::transport::Transport;
use coffer_wire::List;
use coffer_wire::enums::ConfigurationType;
use coffer_wire::paths::{fill, pipelines as paths};
use coffer_wire::pipelines::{Configuration, Pipeline, PipelineRequest, Preview, Run, RunRequest};
use http::Method;

/// The pipelines of one project.
pub struct Pipelines<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) project: &'a str,
}

impl Pipelines<'_> {
    /// Stores a new pipeline.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn create(&self, request: &PipelineRequest) -> Result<Pipeline, ClientError> {
        let path = fill(paths::COLLECTION, &[self.project]);
        self.transport.call(Method::POST, &path, &[], request).await
    }

    /// Stores a new revision of a pipeline, whole: what is not in the request is not in the revision.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn replace(
        &self,
        id: i64,
        request: &PipelineRequest,
    ) -> Result<Pipeline, ClientError> {
        let path = fill(paths::ITEM, &[self.project, &id.to_string()]);
        self.transport.call(Method::PUT, &path, &[], request).await
    }

    /// Stores a new pipeline that is one text. `path` is what errors call it, such as `azure-pipelines.yml`.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub async fn add(&self, name: &str, path: &str, yaml: &str) -> Result<Pipeline, ClientError> {
        self.create(&request(name, path, yaml)).await
    }

    /// Stores a new revision that is one text.
    ///
    /// # Errors
    /// As [`Self::replace`].
    pub async fn update(
        &self,
        id: i64,
        name: &str,
        path: &str,
        yaml: &str,
    ) -> Result<Pipeline, ClientError> {
        self.replace(id, &request(name, path, yaml)).await
    }

    /// All pipelines the caller may see.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn list(&self) -> Result<Vec<Pipeline>, ClientError> {
        let list: List<Pipeline> = self
            .transport
            .get(&fill(paths::COLLECTION, &[self.project]), &[])
            .await?;
        Ok(list.value)
    }

    /// One pipeline with its configuration.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn get(&self, id: i64) -> Result<Pipeline, ClientError> {
        self.transport
            .get(&fill(paths::ITEM, &[self.project, &id.to_string()]), &[])
            .await
    }

    /// The pipeline of a name, ignoring case; `None` when there is none that the caller may see.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn find(&self, name: &str) -> Result<Option<Pipeline>, ClientError> {
        let wanted = name.to_lowercase();
        Ok(self
            .list()
            .await?
            .into_iter()
            .find(|pipeline| pipeline.name.to_lowercase() == wanted))
    }

    /// Queues a run.
    ///
    /// # Errors
    /// The validation results of a plan that cannot be made are in the error.
    pub async fn run(&self, id: i64, request: &RunRequest) -> Result<Run, ClientError> {
        self.transport
            .call(
                Method::POST,
                &fill(paths::RUNS, &[self.project, &id.to_string()]),
                &[],
                request,
            )
            .await
    }

    /// Makes the plan that a run would get now, and starts nothing.
    ///
    /// # Errors
    /// As [`Pipelines::run`].
    pub async fn preview(&self, id: i64, request: &RunRequest) -> Result<Preview, ClientError> {
        let path = fill(paths::PREVIEW, &[self.project, &id.to_string()]);
        self.transport.call(Method::POST, &path, &[], request).await
    }

    /// The runs of a pipeline, newest first.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn runs(&self, id: i64) -> Result<Vec<Run>, ClientError> {
        let list: List<Run> = self
            .transport
            .get(&fill(paths::RUNS, &[self.project, &id.to_string()]), &[])
            .await?;
        Ok(list.value)
    }

    /// One run.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn get_run(&self, id: i64, run: i64) -> Result<Run, ClientError> {
        self.transport
            .get(
                &fill(
                    paths::RUN,
                    &[self.project, &id.to_string(), &run.to_string()],
                ),
                &[],
            )
            .await
    }
}

fn request(name: &str, path: &str, yaml: &str) -> PipelineRequest {
    PipelineRequest {
        name: name.to_owned(),
        folder: None,
        configuration: Configuration {
            kind: ConfigurationType::Yaml,
            path: path.to_owned(),
            yaml: Some(yaml.to_owned()),
            files: Vec::new(),
            repository: None,
        },
    }
}
