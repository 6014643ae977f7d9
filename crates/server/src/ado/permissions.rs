//! Pipeline permissions: `{project}/_apis/pipelines/pipelinepermissions`.

use crate::App;
use crate::ado::{convert, project};
use crate::auth::Who;
use crate::body::JsonBody;
use crate::error::{ApiError, Result};
use crate::params::file_id;
use crate::urls::Links;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use coffer_model::PipelineId;
use coffer_model::library::{PermitTerms, Resource};
use coffer_model::refs::AllowedRefs;
use coffer_service::{PermissionChange, PermitChange};
use coffer_wire::permissions::{PipelinePermission, ResourcePipelinePermissions};

/// `GET /{resourceType}/{resourceId}`.
pub(crate) async fn get(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, kind, id)): Path<(String, String, String)>,
    asked: Asked,
    links: Links,
) -> Result<Response> {
    let resource = resource(&kind, &id)?;
    let project = project(&app, &caller, &name).await?.id;
    let permissions = app.service.permissions();
    let view = permissions.get(&caller, project, resource).await?;
    Ok(asked.json(&convert::permissions(&links, view)))
}

/// `PATCH /{resourceType}/{resourceId}`: only what is named changes; answers the new state.
pub(crate) async fn change(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, kind, id)): Path<(String, String, String)>,
    asked: Asked,
    links: Links,
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
    let wanted = wanted(&body)?;
    let project = project(&app, &caller, &name).await?.id;
    let permissions = app.service.permissions();
    let view = permissions
        .change(&caller, project, resource, wanted)
        .await?;
    Ok(asked.json(&convert::permissions(&links, view)))
}

/// `PATCH` on the collection: several changes, each with its resource, all or none.
pub(crate) async fn change_many(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    asked: Asked,
    links: Links,
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
            Ok((resource(&named.kind, &named.id)?, wanted(change)?))
        })
        .collect::<Result<Vec<_>>>()?;
    let project = project(&app, &caller, &name).await?.id;
    let resources: Vec<Resource> = changes.iter().map(|(one, _)| one.clone()).collect();
    let permissions = app.service.permissions();
    permissions.change_many(&caller, project, changes).await?;
    let mut views = Vec::with_capacity(resources.len());
    for resource in resources {
        let view = permissions.get(&caller, project, resource).await?;
        views.push(convert::permissions(&links, view));
    }
    Ok(asked.list(views))
}

fn wanted(body: &ResourcePipelinePermissions) -> Result<PermissionChange> {
    Ok(PermissionChange {
        all: body.all_pipelines.as_ref().map(|all| all.authorized),
        pipelines: body
            .pipelines
            .iter()
            .map(|pipeline| Ok((PipelineId(pipeline.id), permit(pipeline)?)))
            .collect::<Result<_>>()?,
    })
}

/// Without `refs`, as the original has it, a permit is for all refs.
fn permit(wanted: &PipelinePermission) -> Result<PermitChange> {
    let refs = wanted.refs.as_ref().map(AllowedRefs::parse).transpose();
    let refs = refs.map_err(|error| ApiError::argument(format!("'refs': {error}.")))?;
    Ok(if wanted.permission.authorized {
        PermitChange::Permit(PermitTerms {
            refs,
            by_variable: wanted.by_variable,
        })
    } else {
        PermitChange::Revoke
    })
}

pub(crate) fn resource(kind: &str, id: &str) -> Result<Resource> {
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
        let read = |text: &str| wanted(&serde_json::from_str(text).unwrap()).unwrap();
        let change = read(r#"{"pipelines":[{"id":12,"authorized":true},{"id":13}]}"#);
        assert_eq!(change.all, None);
        assert_eq!(
            change.pipelines,
            [
                (PipelineId(12), PermitChange::Permit(PermitTerms::default())),
                (PipelineId(13), PermitChange::Revoke)
            ]
        );
        let change = read(r#"{"allPipelines":{"authorized":false}}"#);
        assert_eq!((change.all, change.pipelines.len()), (Some(false), 0));
        let change =
            read(r#"{"pipelines":[{"id":12,"authorized":true,"refs":["refs/heads/main"]}]}"#);
        let refs = AllowedRefs::parse(["refs/heads/main"]).ok();
        assert_eq!(
            change.pipelines,
            [(
                PipelineId(12),
                PermitChange::Permit(PermitTerms {
                    refs,
                    by_variable: false,
                })
            )]
        );
        for bad in [r#"[]"#, r#"["main"]"#] {
            let text = format!(r#"{{"pipelines":[{{"id":12,"authorized":true,"refs":{bad}}}]}}"#);
            assert!(
                wanted(&serde_json::from_str(&text).unwrap()).is_err(),
                "{bad}"
            );
        }
    }
}
