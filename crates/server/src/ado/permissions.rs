//! Pipeline permissions: `{project}/_apis/pipelines/pipelinepermissions`.

use crate::App;
use crate::ado::{convert, project};
use crate::auth::Who;
use crate::body::JsonBody;
use crate::error::{ApiError, Result};
use crate::params::file_id;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use coffer_model::PipelineId;
use coffer_model::library::Resource;
use coffer_service::PermissionChange;
use coffer_wire::permissions::ResourcePipelinePermissions;

/// `GET /{resourceType}/{resourceId}`.
pub(crate) async fn get(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, kind, id)): Path<(String, String, String)>,
    asked: Asked,
) -> Result<Response> {
    let resource = resource(&kind, &id)?;
    let project = project(&app, &caller, &name).await?.id;
    let permissions = app.service.permissions();
    let view = permissions.get(&caller, project, resource).await?;
    Ok(asked.json(&convert::permissions(view)))
}

/// `PATCH /{resourceType}/{resourceId}`: only what is named changes; answers the new state.
pub(crate) async fn change(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, kind, id)): Path<(String, String, String)>,
    asked: Asked,
    JsonBody(body): JsonBody<ResourcePipelinePermissions>,
) -> Result<Response> {
    let resource = resource(&kind, &id)?;
    if let Some(named) = &body.resource {
        let given = |text: &str, wanted: &str| text.is_empty() || text.eq_ignore_ascii_case(wanted);
        if !given(&named.kind, resource.kind()) || !given(&named.id, &resource.id()) {
            return Err(ApiError::argument(
                "The body's 'resource' is another one than the path names. Leave it out, or send the same.",
            ));
        }
    }
    let project = project(&app, &caller, &name).await?.id;
    let permissions = app.service.permissions();
    let view = permissions
        .change(&caller, project, resource, wanted(&body))
        .await?;
    Ok(asked.json(&convert::permissions(view)))
}

/// `PATCH` on the collection: one change after the other, each with its resource.
pub(crate) async fn change_many(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    asked: Asked,
    JsonBody(body): JsonBody<Vec<ResourcePipelinePermissions>>,
) -> Result<Response> {
    let changes = body
        .iter()
        .map(|change| {
            let named = change.resource.as_ref().ok_or_else(|| {
                ApiError::argument(
                    "Each element of the body needs its 'resource' with type and id.",
                )
            })?;
            Ok((resource(&named.kind, &named.id)?, wanted(change)))
        })
        .collect::<Result<Vec<_>>>()?;
    let project = project(&app, &caller, &name).await?.id;
    let mut views = Vec::with_capacity(changes.len());
    for (resource, change) in changes {
        let permissions = app.service.permissions();
        let view = permissions
            .change(&caller, project, resource, change)
            .await?;
        views.push(convert::permissions(view));
    }
    Ok(asked.list(views))
}

fn wanted(body: &ResourcePipelinePermissions) -> PermissionChange {
    PermissionChange {
        all: body.all_pipelines.as_ref().map(|all| all.authorized),
        pipelines: body
            .pipelines
            .iter()
            .map(|pipeline| (PipelineId(pipeline.id), pipeline.permission.authorized))
            .collect(),
    }
}

fn resource(kind: &str, id: &str) -> Result<Resource> {
    if kind.eq_ignore_ascii_case("securefile") {
        return Ok(Resource::SecureFile(file_id(id)?));
    }
    Err(ApiError::not_supported(
        "This type of resource is not supported yet. Supported: securefile.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_types_are_read_in_any_case() {
        let id = "0d9f2f4e-6f3d-4a55-9a5d-2a53d0a6a1f1";
        assert_eq!(
            resource("SecureFile", &id.to_uppercase()).unwrap(),
            resource("securefile", id).unwrap()
        );
        assert!(resource("endpoint", id).is_err());
        assert!(resource("securefile", "x").is_err());
    }

    #[test]
    fn only_what_a_body_names_changes() {
        let read = |text: &str| wanted(&serde_json::from_str(text).unwrap());
        let change = read(r#"{"pipelines":[{"id":12,"authorized":true},{"id":13}]}"#);
        assert_eq!(change.all, None);
        assert_eq!(
            change.pipelines,
            [(PipelineId(12), true), (PipelineId(13), false)]
        );
        let change = read(r#"{"allPipelines":{"authorized":false}}"#);
        assert_eq!((change.all, change.pipelines.len()), (Some(false), 0));
    }
}
