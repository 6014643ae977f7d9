//! How people, groups and services look on the wire, and the older identities service.

use crate::App;
use crate::auth::Who;
use crate::error::{ApiError, Result};
use crate::params::Params;
use crate::urls::Links;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coffer_model::descriptor::{self, Subject};
use coffer_model::library::{Identity, IdentityKind};
use coffer_model::{Caller, IdentityId, ProjectId};
use coffer_service::Home;
use coffer_wire::enums::{IdentitySearchFilter, QueryMembership};
use coffer_wire::graph::{GraphSubject, Identity as WireIdentity};
use coffer_wire::paths::graph as paths;
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The header that says where the next page begins.
pub(crate) const CONTINUATION: HeaderName = HeaderName::from_static("x-ms-continuationtoken");
/// At most this many identities are asked for at once.
const MOST_ASKED: usize = 500;

/// The identity that a subject descriptor names. What is none names the identity that nobody is.
pub(crate) fn identity_id(text: &str) -> IdentityId {
    match descriptor::parse_subject(text) {
        Some(Subject::Identity(_, id)) => id,
        _ => IdentityId(Uuid::nil()),
    }
}

/// The project that a scope names. What is none names the project that there is not.
pub(crate) fn project_of_scope(text: &str) -> ProjectId {
    match descriptor::parse_subject(text) {
        Some(Subject::Project(project)) => project,
        _ => ProjectId(Uuid::nil()),
    }
}

fn domain(app: &App, identity: &Identity) -> String {
    match (identity.kind, &identity.project) {
        (IdentityKind::Group, Some(project)) => {
            format!("vstfs:///Classification/TeamProject/{}", project.id)
        }
        (IdentityKind::Group, None) => {
            let organization = app.service.organization().id;
            format!("vstfs:///Framework/IdentityDomain/{organization}")
        }
        (IdentityKind::User, _) => app.service.organization().id.to_string(),
        (IdentityKind::Service, Some(_)) => "Build".into(),
        (IdentityKind::Service, None) => "Agent".into(),
    }
}

fn mail(identity: &Identity) -> Option<String> {
    let is_mail = identity.kind == IdentityKind::User && identity.unique_name.contains('@');
    is_mail.then(|| identity.unique_name.clone())
}

/// A subject of the graph.
pub(crate) fn subject(app: &App, links: &Links, identity: &Identity) -> GraphSubject {
    let own = descriptor::subject(identity.kind, identity.id);
    let group = identity.kind == IdentityKind::Group;
    let url = links.to(if group { paths::GROUP } else { paths::USER }, &[&own]);
    GraphSubject {
        subject_kind: if group { "group" } else { "user" }.into(),
        description: group.then(|| identity.description.clone()),
        domain: domain(app, identity),
        principal_name: identity.unique_name.clone(),
        mail_address: mail(identity),
        origin: "vsts".into(),
        origin_id: identity.id.to_string(),
        display_name: identity.display_name.clone(),
        links: json!({
            "self": { "href": url },
            "memberships": { "href": links.to(paths::MEMBERSHIPS, &[&own]) },
            "membershipState": { "href": links.to(paths::MEMBERSHIP_STATE, &[&own]) },
            "storageKey": { "href": links.to(paths::STORAGE_KEY, &[&own]) },
        }),
        descriptor: own,
        url,
    }
}

/// Subjects of the graph.
pub(crate) fn subjects(app: &App, links: &Links, found: &[Identity]) -> Vec<GraphSubject> {
    found
        .iter()
        .map(|identity| subject(app, links, identity))
        .collect()
}

/// A page of a list of subjects. The token for the next page is opaque to clients, and holds nothing but a place.
pub(crate) async fn page(
    app: &App,
    caller: &Caller,
    asked: &Asked,
    links: &Links,
    params: &Params,
    kind: IdentityKind,
    home: Home,
) -> Result<Response> {
    let unreadable = || ApiError::argument("The continuation token is not one of this list.");
    let after = match params.filled("continuationToken") {
        Some(token) => {
            let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| unreadable())?;
            Some(String::from_utf8(bytes).map_err(|_| unreadable())?)
        }
        None => None,
    };
    let top = params.number::<u32>("$top")?;
    let directory = app.service.directory();
    let page = directory.page(caller, Some(kind), home, after, top).await?;
    let mut response = asked.list(subjects(app, links, &page.identities));
    if let Some(next) = page.next
        && let Ok(value) = HeaderValue::from_str(&URL_SAFE_NO_PAD.encode(next))
    {
        response.headers_mut().insert(CONTINUATION, value);
    }
    Ok(response)
}

fn property(text: &str) -> Value {
    json!({"$type": "System.String", "$value": text})
}

/// An identity of the older service, without its memberships.
fn identity(app: &App, found: &Identity) -> WireIdentity {
    let group = found.kind == IdentityKind::Group;
    let mut properties = BTreeMap::from([
        (
            "SchemaClassName".to_owned(),
            property(if group { "Group" } else { "User" }),
        ),
        ("Description".to_owned(), property(&found.description)),
        ("Domain".to_owned(), property(&domain(app, found))),
        (
            "Account".to_owned(),
            property(if group {
                &found.display_name
            } else {
                &found.unique_name
            }),
        ),
        ("DN".to_owned(), property("")),
        (
            "Mail".to_owned(),
            property(&mail(found).unwrap_or_default()),
        ),
    ]);
    let special = match found.kind {
        IdentityKind::User => None,
        IdentityKind::Group => Some("Generic"),
        IdentityKind::Service => Some("ServiceIdentity"),
    };
    if let Some(special) = special {
        properties.insert("SpecialType".to_owned(), property(special));
    }
    WireIdentity {
        id: found.id.to_string(),
        descriptor: descriptor::identity(found.kind, found.id, &found.unique_name),
        subject_descriptor: descriptor::subject(found.kind, found.id),
        // The older service shows groups by their full names.
        provider_display_name: if group {
            found.unique_name.clone()
        } else {
            found.display_name.clone()
        },
        is_active: !found.disabled,
        is_container: group,
        members: Vec::new(),
        member_of: Vec::new(),
        member_ids: Vec::new(),
        master_id: Uuid::nil().to_string(),
        properties,
        resource_version: 2,
        meta_type_id: match found.kind {
            IdentityKind::User => 0,
            IdentityKind::Group => 1,
            IdentityKind::Service => 255,
        },
    }
}

fn descriptors(found: &[Identity]) -> Vec<String> {
    found
        .iter()
        .map(|one| descriptor::identity(one.kind, one.id, &one.unique_name))
        .collect()
}

/// With its direct memberships, where these were asked for.
async fn with_memberships(
    app: &App,
    caller: &Caller,
    params: &Params,
    found: &Identity,
) -> Result<WireIdentity> {
    let mut shown = identity(app, found);
    let wanted = params
        .one_of::<QueryMembership>("queryMembership")?
        .unwrap_or_default();
    if wanted != QueryMembership::None {
        let directory = app.service.directory();
        shown.member_of = descriptors(&directory.groups_of(caller, found.id).await?);
        let members = directory.members_of(caller, found.id).await?;
        shown.members = descriptors(&members);
        shown.member_ids = members.iter().map(|one| one.id.to_string()).collect();
    }
    Ok(shown)
}

/// `GET identities?identityIds=|descriptors=|subjectDescriptors=|searchFilter=&filterValue=`.
///
/// By ids and descriptors, the answer has the order that was asked, with null for what is not there.
pub(crate) async fn identities(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    params: Params,
) -> Result<Response> {
    let directory = app.service.directory();
    let ids: Option<Vec<Option<IdentityId>>> = if let Some(parts) = params.parts("identityIds") {
        let id = |part: &&str| Uuid::parse_str(part).ok().map(IdentityId);
        Some(parts.iter().map(id).collect())
    } else if let Some(parts) = params.parts("subjectDescriptors") {
        Some(parts.iter().map(|part| Some(identity_id(part))).collect())
    } else {
        params.parts("descriptors").map(|parts| {
            let id = |part: &&str| descriptor::parse_identity(part).map(|(_, id)| id);
            parts.iter().map(id).collect()
        })
    };
    if let Some(ids) = ids {
        if ids.len() > MOST_ASKED {
            return Err(ApiError::argument(
                "At most 500 identities can be asked for at once.",
            ));
        }
        let mut shown = Vec::with_capacity(ids.len());
        for found in directory.by_ids(&caller, &ids).await? {
            shown.push(match found {
                Some(found) => Some(with_memberships(&app, &caller, &params, &found).await?),
                None => None,
            });
        }
        return Ok(asked.list(shown));
    }
    let (Some(filter), Some(value)) =
        (params.one_of("searchFilter")?, params.filled("filterValue"))
    else {
        return Err(ApiError::argument(
            "Say whom to look for: 'identityIds', 'descriptors', 'subjectDescriptors', or 'searchFilter' with 'filterValue'.",
        ));
    };
    use IdentitySearchFilter as By;
    let found = match filter {
        By::General
        | By::DisplayName
        | By::AccountName
        | By::MailAddress
        | By::Alias
        | By::DirectoryAlias
        | By::TeamGroupName
        | By::LocalGroupName => directory.named(&caller, value).await?,
        By::Identifier => {
            let id = descriptor::parse_identity(value).map(|(_, id)| id);
            let found = directory.by_ids(&caller, &[id]).await?;
            found.into_iter().flatten().collect()
        }
        By::AdministratorsGroup | By::Domain => {
            return Err(ApiError::not_supported(
                "Looking for identities by 'administratorsGroup' or 'domain' is not supported. Look by 'general'.",
            ));
        }
    };
    let mut shown = Vec::with_capacity(found.len());
    for found in &found {
        shown.push(with_memberships(&app, &caller, &params, found).await?);
    }
    Ok(asked.list(shown))
}

/// `GET identities/{identityId}`.
pub(crate) async fn one(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    params: Params,
    Path(id): Path<String>,
) -> Result<Response> {
    let id = Uuid::parse_str(&id).unwrap_or_else(|_| Uuid::nil());
    let directory = app.service.directory();
    let found = directory.find(&caller, &id.to_string()).await?;
    let shown = with_memberships(&app, &caller, &params, &found).await?;
    Ok(asked.json(&shown))
}
