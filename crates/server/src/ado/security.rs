//! Security namespaces, access control lists and entries, and questions about one's own rights: `_apis/security…`,
//! `_apis/accesscontrol…`, `_apis/permissions`, at the organization's level.

use crate::App;
use crate::ado::convert;
use crate::auth::Who;
use crate::body::JsonBody;
use crate::error::{ApiError, Result};
use crate::params::Params;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use coffer_model::access::{Bits, NAMESPACES, Namespace, Scope};
use coffer_model::{IdentityId, descriptor};
use coffer_service::{AccessChange, AccessList};
use coffer_wire::security::{
    AccessControlEntry, EntriesRequest, EvaluationBatch, ListsRequest, SecurityNamespace,
};
use http::StatusCode;
use uuid::Uuid;

/// `GET _apis/securitynamespaces`.
pub(crate) async fn namespaces(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
) -> Result<Response> {
    app.service.access().describe(&caller).await?;
    Ok(asked.list(NAMESPACES.iter().map(convert::namespace).collect()))
}

/// `GET _apis/securitynamespaces/{id}`: a list of one.
pub(crate) async fn namespace(
    State(app): State<App>,
    Who(caller): Who,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Response> {
    app.service.access().describe(&caller).await?;
    let namespace = find(&app, &id)?;
    let found: Vec<SecurityNamespace> = namespace
        .description()
        .map(convert::namespace)
        .into_iter()
        .collect();
    Ok(asked.list(found))
}

/// `GET _apis/accesscontrollists/{ns}`: the list of a token, of everything below it too with `recurse`, or all.
pub(crate) async fn lists(
    State(app): State<App>,
    Who(caller): Who,
    Path(id): Path<String>,
    params: Params,
    asked: Asked,
) -> Result<Response> {
    let namespace = find(&app, &id)?;
    let access = app.service.access();
    let lists = match params.filled("token") {
        Some(token) => {
            let scope = access.scope(namespace, token)?;
            access.list(&caller, scope, params.flag("recurse")?).await?
        }
        None => access.all(&caller, namespace).await?,
    };
    let only = match params.parts("descriptors") {
        Some(parts) => Some(
            parts
                .into_iter()
                .map(identity)
                .collect::<Result<Vec<_>>>()?,
        ),
        None => None,
    };
    let extended = params.flag("includeExtendedInfo")?;
    Ok(asked.list(
        lists
            .iter()
            .map(|list| convert::access_list(list, only.as_deref(), extended))
            .collect(),
    ))
}

/// `POST _apis/accesscontrollists/{ns}`: each list becomes what the body says, all or nothing.
pub(crate) async fn set_lists(
    State(app): State<App>,
    Who(caller): Who,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<ListsRequest>,
) -> Result<Response> {
    let namespace = find(&app, &id)?;
    let access = app.service.access();
    let mut changes = Vec::with_capacity(body.value.len());
    for list in body.value {
        let entries = list
            .aces_dictionary
            .iter()
            .map(|(key, entry)| {
                let named = if entry.descriptor.is_empty() {
                    key
                } else {
                    &entry.descriptor
                };
                Ok((identity(named)?, bits(entry)))
            })
            .collect::<Result<Vec<_>>>()?;
        let change = AccessChange::Replace {
            inherits: list.inherit_permissions.unwrap_or(true),
            entries,
        };
        changes.push((access.scope(namespace, &list.token)?, vec![change]));
    }
    if changes.is_empty() {
        return Err(ApiError::argument(
            "The body needs a 'value' with at least one list.",
        ));
    }
    access.apply_all(&caller, changes).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE _apis/accesscontrollists/{ns}?tokens=`: no entries of their own any more, but the creator's.
pub(crate) async fn reset_lists(
    State(app): State<App>,
    Who(caller): Who,
    Path(id): Path<String>,
    params: Params,
    asked: Asked,
) -> Result<Response> {
    let namespace = find(&app, &id)?;
    if params.flag("recurse")? {
        return Err(ApiError::not_supported(
            "Deleting lists recursively is not supported: name each token.",
        ));
    }
    let access = app.service.access();
    let changes = params
        .parts("tokens")
        .ok_or_else(|| ApiError::argument("Say which lists with the query parameter 'tokens'."))?
        .into_iter()
        .map(|token| Ok((access.scope(namespace, token)?, vec![AccessChange::Reset])))
        .collect::<Result<Vec<_>>>()?;
    access.apply_all(&caller, changes).await?;
    Ok(asked.json(&true))
}

/// `POST _apis/accesscontrolentries/{ns}`: entries at one token, added with `merge`, else instead of what was there.
pub(crate) async fn set_entries(
    State(app): State<App>,
    Who(caller): Who,
    Path(id): Path<String>,
    asked: Asked,
    JsonBody(body): JsonBody<EntriesRequest>,
) -> Result<Response> {
    let namespace = find(&app, &id)?;
    let access = app.service.access();
    let scope = access.scope(namespace, &body.token)?;
    if body.access_control_entries.is_empty() {
        return Err(ApiError::argument(
            "The body needs at least one element in 'accessControlEntries'.",
        ));
    }
    let mut named = Vec::with_capacity(body.access_control_entries.len());
    let mut changes = Vec::with_capacity(named.capacity());
    for entry in &body.access_control_entries {
        let (identity, bits) = (identity(&entry.descriptor)?, bits(entry));
        named.push(identity);
        changes.push(if body.merge {
            AccessChange::Merge { identity, bits }
        } else {
            AccessChange::Put {
                identity,
                bits,
                role: None,
            }
        });
    }
    access.apply(&caller, scope, changes).await?;
    let lists = access.list(&caller, scope, false).await?;
    Ok(asked.list(entries(&lists, &named, &body.access_control_entries)))
}

/// `DELETE _apis/accesscontrolentries/{ns}?token=&descriptors=`.
pub(crate) async fn remove_entries(
    State(app): State<App>,
    Who(caller): Who,
    Path(id): Path<String>,
    params: Params,
    asked: Asked,
) -> Result<Response> {
    let namespace = find(&app, &id)?;
    let access = app.service.access();
    let scope = access.scope(namespace, params.filled("token").unwrap_or_default())?;
    let changes = params
        .parts("descriptors")
        .ok_or_else(|| ApiError::argument("Say whose with the query parameter 'descriptors'."))?
        .into_iter()
        .map(|text| {
            let identity = identity(text)?;
            Ok(AccessChange::Remove { identity })
        })
        .collect::<Result<Vec<_>>>()?;
    access.apply(&caller, scope, changes).await?;
    Ok(asked.json(&true))
}

/// `GET _apis/permissions/{ns}/{bits}?tokens=`: whether the caller has all these rights, for each token.
pub(crate) async fn check(
    State(app): State<App>,
    Who(caller): Who,
    Path((id, rights)): Path<(String, String)>,
    params: Params,
    asked: Asked,
) -> Result<Response> {
    let namespace = find(&app, &id)?;
    let rights = rights_of(&rights)?;
    let delimiter = params.filled("delimiter").unwrap_or(",");
    let access = app.service.access();
    let questions: Vec<(Option<Scope>, i64)> = params
        .filled("tokens")
        .or_else(|| params.filled("token"))
        .ok_or_else(|| ApiError::argument("Say where with the query parameter 'tokens'."))?
        .split(delimiter)
        .map(|token| (access.scope(namespace, token.trim()).ok(), rights))
        .collect();
    Ok(asked.list(access.check(&caller, &questions).await?))
}

/// `DELETE _apis/permissions/{ns}/{bits}?descriptor=&token=`: neither allowed nor denied any more; answers the entry.
pub(crate) async fn clear(
    State(app): State<App>,
    Who(caller): Who,
    Path((id, rights)): Path<(String, String)>,
    params: Params,
    asked: Asked,
) -> Result<Response> {
    let namespace = find(&app, &id)?;
    let bits = rights_of(&rights)?;
    let access = app.service.access();
    let scope = access.scope(namespace, params.filled("token").unwrap_or_default())?;
    let descriptor = params.filled("descriptor").unwrap_or_default();
    let identity = identity(descriptor)?;
    let changes = vec![AccessChange::Clear { identity, bits }];
    access.apply(&caller, scope, changes).await?;
    let lists = access.list(&caller, scope, false).await?;
    let named = AccessControlEntry {
        descriptor: descriptor.to_owned(),
        ..AccessControlEntry::default()
    };
    let entry = entries(&lists, &[identity], &[named]).pop();
    Ok(asked.json(&entry.unwrap_or_default()))
}

/// `POST _apis/security/permissionevaluationbatch`.
pub(crate) async fn evaluate(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    JsonBody(mut body): JsonBody<EvaluationBatch>,
) -> Result<Response> {
    let access = app.service.access();
    let mut questions = Vec::with_capacity(body.evaluations.len());
    for evaluation in &body.evaluations {
        let namespace = find(&app, &evaluation.security_namespace_id)?;
        let scope = access.scope(namespace, &evaluation.token).ok();
        questions.push((scope, evaluation.permissions));
    }
    let answers = access.check(&caller, &questions).await?;
    for (evaluation, answer) in body.evaluations.iter_mut().zip(answers) {
        evaluation.value = Some(answer);
    }
    Ok(asked.json(&body))
}

/// The entries of these identities at the token itself, in the order asked for. One that is gone says nothing.
fn entries(
    lists: &[AccessList],
    named: &[IdentityId],
    asked: &[AccessControlEntry],
) -> Vec<AccessControlEntry> {
    let rows = |id: &IdentityId| {
        lists
            .first()
            .and_then(|list| list.rows.iter().find(|row| row.identity.id == *id))
    };
    named
        .iter()
        .zip(asked)
        .map(|(id, asked)| match rows(id) {
            Some(row) => convert::access_entry(row),
            None => AccessControlEntry {
                descriptor: asked.descriptor.clone(),
                ..AccessControlEntry::default()
            },
        })
        .collect()
}

fn find(app: &App, id: &str) -> Result<Namespace> {
    // What is no GUID is the id of nothing.
    let id = Uuid::parse_str(id).unwrap_or_default();
    Ok(app.service.access().namespace(id)?)
}

fn identity(text: &str) -> Result<IdentityId> {
    descriptor::parse_identity(text)
        .map(|(_, id)| id)
        .ok_or_else(|| {
            ApiError::argument(
                "An entry names its identity by an identity descriptor, such as Microsoft.TeamFoundation.Identity;S-1-9-… \
                 GET _apis/identities shows it.",
            )
        })
}

fn bits(entry: &AccessControlEntry) -> Bits {
    Bits {
        allow: entry.allow,
        deny: entry.deny,
    }
}

fn rights_of(text: &str) -> Result<i64> {
    match text.parse() {
        Ok(bits) if bits > 0 => Ok(bits),
        _ => Err(ApiError::argument(
            "The permissions in the path are the sum of the rights' bits, a whole number above 0.",
        )),
    }
}
