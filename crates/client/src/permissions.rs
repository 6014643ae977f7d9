//! Pipeline permissions of protected resources.

use crate::ClientError;
use crate::transport::Transport;
use coffer_wire::List;
use coffer_wire::paths::{authorized_resources as older, fill, permissions as paths};
use coffer_wire::permissions::{
    DefinitionResource, Permission, PipelinePermission, ResourcePipelinePermissions,
};
use http::Method;

/// The pipeline permissions in one project. Resource types are `securefile`, later also others.
pub struct Permissions<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) project: &'a str,
}

impl Permissions<'_> {
    /// Which pipelines may use a resource.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn get(
        &self,
        kind: &str,
        id: &str,
    ) -> Result<ResourcePipelinePermissions, ClientError> {
        self.transport
            .get(&fill(paths::ITEM, &[self.project, kind, id]), &[])
            .await
    }

    /// Changes what `change` names and nothing else; answers the new state.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn patch(
        &self,
        kind: &str,
        id: &str,
        change: &ResourcePipelinePermissions,
    ) -> Result<ResourcePipelinePermissions, ClientError> {
        let path = fill(paths::ITEM, &[self.project, kind, id]);
        self.transport.call(Method::PATCH, &path, &[], change).await
    }

    /// Grants or takes back the permission of one pipeline.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn set_pipeline(
        &self,
        kind: &str,
        id: &str,
        pipeline: i64,
        authorized: bool,
    ) -> Result<ResourcePipelinePermissions, ClientError> {
        self.change_pipeline(kind, id, pipeline, authorized, None, false)
            .await
    }

    /// Grants the permission of one pipeline, for these refs or for all.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn permit(
        &self,
        kind: &str,
        id: &str,
        pipeline: i64,
        refs: Option<Vec<String>>,
    ) -> Result<ResourcePipelinePermissions, ClientError> {
        self.change_pipeline(kind, id, pipeline, true, refs, false)
            .await
    }

    /// The same, and the pipeline may also name the resource by a variable that is known only when a job is handed out.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn permit_by_variable(
        &self,
        kind: &str,
        id: &str,
        pipeline: i64,
        refs: Option<Vec<String>>,
    ) -> Result<ResourcePipelinePermissions, ClientError> {
        self.change_pipeline(kind, id, pipeline, true, refs, true)
            .await
    }

    /// The resources that a pipeline is permitted to use, of those the caller may see; without one, those that are open to
    /// every pipeline of the project.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn permitted(
        &self,
        pipeline: Option<i64>,
    ) -> Result<Vec<DefinitionResource>, ClientError> {
        let path = match pipeline {
            Some(id) => fill(older::OF_DEFINITION, &[self.project, &id.to_string()]),
            None => fill(older::OPEN, &[self.project]),
        };
        let list: List<DefinitionResource> = self.transport.get(&path, &[]).await?;
        Ok(list.value)
    }

    async fn change_pipeline(
        &self,
        kind: &str,
        id: &str,
        pipeline: i64,
        authorized: bool,
        refs: Option<Vec<String>>,
        by_variable: bool,
    ) -> Result<ResourcePipelinePermissions, ClientError> {
        let change = ResourcePipelinePermissions {
            pipelines: vec![PipelinePermission {
                id: pipeline,
                refs,
                by_variable,
                permission: Permission {
                    authorized,
                    ..Permission::default()
                },
            }],
            ..ResourcePipelinePermissions::default()
        };
        self.patch(kind, id, &change).await
    }

    /// Opens a resource to every pipeline of the project, or closes it again.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn set_all_pipelines(
        &self,
        kind: &str,
        id: &str,
        authorized: bool,
    ) -> Result<ResourcePipelinePermissions, ClientError> {
        let change = ResourcePipelinePermissions {
            all_pipelines: Some(Permission {
                authorized,
                ..Permission::default()
            }),
            ..ResourcePipelinePermissions::default()
        };
        self.patch(kind, id, &change).await
    }
}
