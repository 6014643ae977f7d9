//! Roles of the Library: `_apis/securityroles/scopes/{scope}/…`, at the organization's level.

use crate::App;
use crate::ado::convert;
use crate::auth::Who;
use crate::body::JsonBody;
use crate::error::{ApiError, Result};
use crate::params::Params;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use coffer_model::access::{Role, Scope};
use coffer_model::{FileId, IdentityId, ProjectId};
use coffer_service::Whose;
use coffer_wire::security::{RoleRequest, SecurityRole};
use http::StatusCode;
use serde_json::Value;
use uuid::Uuid;

/// The scope of roles at the library of a project.
pub(crate) const LIBRARY: &str = "distributedtask.library";
/// The scope of roles at a secure file.
pub(crate) const SECURE_FILE: &str = "distributedtask.securefile";

/// `GET …/roledefinitions`: the roles that can be chosen.
pub(crate) async fn definitions(
    State(app): State<App>,
    Who(caller): Who,
    Path(scope): Path<String>,
    asked: Asked,
) -> Result<Response> {
    app.service.access().describe(&caller).await?;
    let library = is_library(&scope)?;
    let roles: Vec<SecurityRole> = Role::ALL
        .into_iter()
        .filter(|role| library || *role != Role::Creator)
        .map(|role| convert::role(role, library))
        .collect();
    Ok(asked.list(roles))
}

/// `GET …/roleassignments/resources/{resourceId}`.
pub(crate) async fn list(
    State(app): State<App>,
    Who(caller): Who,
    Path((scope, resource)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response> {
    let scope = place(&scope, &resource)?;
    let found = app.service.roles().list(&caller, scope).await?;
    let rows = found.assignments.iter();
    Ok(asked.list(rows.map(convert::assignment).collect()))
}

/// `PUT …/resources/{resourceId}`: several at once, all or none; answers with those that were set.
pub(crate) async fn set_many(
    State(app): State<App>,
    Who(caller): Who,
    Path((scope, resource)): Path<(String, String)>,
    asked: Asked,
    JsonBody(body): JsonBody<Vec<RoleRequest>>,
) -> Result<Response> {
    let scope = place(&scope, &resource)?;
    let wanted = body
        .into_iter()
        .map(|request| {
            let whose = match (request.user_id, request.unique_name) {
                (Some(id), _) if !id.is_empty() => Whose::Id(identity(&id)?),
                (_, Some(name)) if !name.is_empty() => Whose::Name(name),
                _ => {
                    return Err(ApiError::argument(
                        "Each element of the body needs a 'userId' or a 'uniqueName'.",
                    ));
                }
            };
            Ok((whose, request.role_name))
        })
        .collect::<Result<Vec<_>>>()?;
    let set = app.service.roles().assign(&caller, scope, wanted).await?;
    Ok(asked.list(set.iter().map(convert::assignment).collect()))
}

/// `PUT …/resources/{resourceId}/{identityId}`.
pub(crate) async fn set_one(
    State(app): State<App>,
    Who(caller): Who,
    Path((scope, resource, id)): Path<(String, String, String)>,
    asked: Asked,
    JsonBody(body): JsonBody<RoleRequest>,
) -> Result<Response> {
    let scope = place(&scope, &resource)?;
    let id = identity(&id)?;
    if let Some(named) = body.user_id.filter(|named| !named.is_empty())
        && identity(&named)? != id
    {
        return Err(ApiError::argument(
            "The body's 'userId' is another one than the path names. Leave it out, or send the same.",
        ));
    }
    let wanted = vec![(Whose::Id(id), body.role_name)];
    let set = app.service.roles().assign(&caller, scope, wanted).await?;
    let row = set
        .first()
        .ok_or_else(|| ApiError::internal("a role was set and is not there"))?;
    Ok(asked.json(&convert::assignment(row)))
}

/// `PATCH …/resources/{resourceId}`: with `inheritPermissions`, the switch; else the body's identities lose their roles.
pub(crate) async fn patch(
    State(app): State<App>,
    Who(caller): Who,
    Path((scope, resource)): Path<(String, String)>,
    params: Params,
    JsonBody(body): JsonBody<Value>,
) -> Result<Response> {
    let scope = place(&scope, &resource)?;
    let roles = app.service.roles();
    if params.filled("inheritPermissions").is_some() {
        let inherits = params.flag("inheritPermissions")?;
        roles.inherit(&caller, scope, inherits).await?;
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let ids = body.as_array().ok_or_else(|| {
        ApiError::argument(
            "Send an array of identity ids to remove, or the query parameter 'inheritPermissions'.",
        )
    })?;
    let ids = ids
        .iter()
        .map(|id| identity(id.as_str().unwrap_or_default()))
        .collect::<Result<Vec<_>>>()?;
    roles.remove(&caller, scope, ids).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE …/resources/{resourceId}/{identityId}`.
pub(crate) async fn remove(
    State(app): State<App>,
    Who(caller): Who,
    Path((scope, resource, id)): Path<(String, String, String)>,
) -> Result<Response> {
    let scope = place(&scope, &resource)?;
    let roles = app.service.roles();
    roles.remove(&caller, scope, vec![identity(&id)?]).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn identity(text: &str) -> Result<IdentityId> {
    Uuid::parse_str(text)
        .map(IdentityId)
        .map_err(|_| ApiError::argument("An identity's id is a GUID."))
}

fn is_library(scope: &str) -> Result<bool> {
    if scope.eq_ignore_ascii_case(LIBRARY) {
        Ok(true)
    } else if scope.eq_ignore_ascii_case(SECURE_FILE) {
        Ok(false)
    } else {
        // The name is the request's own.
        let name: String = scope
            .chars()
            .filter(|c| !c.is_control())
            .take(100)
            .collect();
        Err(ApiError::no_such(
            "role.scope_unknown",
            format!(
                "The SecurityRoleScope {name} does not exist. There are {LIBRARY} and {SECURE_FILE}."
            ),
        ))
    }
}

/// `{projectId}$0` is the library, `{projectId}${secureFileId}` one file of it.
fn place(scope: &str, resource: &str) -> Result<Scope> {
    let library = is_library(scope)?;
    let wrong = || {
        ApiError::argument(format!(
            "The resource of {scope} has the form {{projectId}}${}.",
            if library { "0" } else { "{secureFileId}" }
        ))
    };
    let (project, item) = resource.split_once('$').ok_or_else(wrong)?;
    let project = ProjectId(Uuid::parse_str(project).map_err(|_| wrong())?);
    match (library, item) {
        (true, "0") => Ok(Scope::Library(project)),
        (false, id) => Ok(Scope::File(
            project,
            FileId(Uuid::parse_str(id).map_err(|_| wrong())?),
        )),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0d9f2f4e-6f3d-4a55-9a5d-2a53d0a6a1f1";

    #[test]
    fn resources_are_read_as_clients_write_them() {
        let id = Uuid::parse_str(ID).unwrap();
        assert_eq!(
            place("DistributedTask.Library", &format!("{ID}$0")).unwrap(),
            Scope::Library(ProjectId(id))
        );
        assert_eq!(
            place(SECURE_FILE, &format!("{ID}${}", ID.to_uppercase())).unwrap(),
            Scope::File(ProjectId(id), FileId(id))
        );
        for (scope, resource) in [
            (LIBRARY, ID.to_owned()),
            (LIBRARY, format!("{ID}$1")),
            (LIBRARY, format!("{ID}${ID}")),
            (SECURE_FILE, format!("{ID}$0")),
            (SECURE_FILE, format!("{ID}_{ID}")),
            (SECURE_FILE, format!("x${ID}")),
        ] {
            assert_eq!(
                place(scope, &resource).unwrap_err().status,
                400,
                "{resource}"
            );
        }
    }

    #[test]
    fn another_scope_does_not_exist() {
        let error = is_library("distributedtask.variablegroup").unwrap_err();
        assert_eq!(error.status, 404);
        let text = "SecurityRoleScope distributedtask.variablegroup does not exist";
        assert!(error.message.contains(text), "{}", error.message);
    }
}
