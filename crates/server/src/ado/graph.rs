//! The graph: users, groups, memberships, descriptors. Ids in paths are subject descriptors.

use crate::App;
use crate::ado::directory::{identity_id, page, project_of_scope, subject, subjects};
use crate::auth::Who;
use crate::body::JsonBody;
use crate::error::{ApiError, Result};
use crate::params::Params;
use crate::urls::Links;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use coffer_model::descriptor::{self, Subject};
use coffer_model::library::{Identity, IdentityKind};
use coffer_model::{Caller, IdentityId};
use coffer_service::Home;
use coffer_wire::enums::GraphTraversalDirection;
use coffer_wire::graph::{
    GraphMembership, GraphMembershipState, GraphValue, NewGraphGroup, NewGraphUser, PatchStep,
    SubjectLookup, SubjectQuery,
};
use coffer_wire::paths::graph as paths;
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// At most this many keys in one look-up.
const MOST_KEYS: usize = 500;

fn no_such() -> ApiError {
    ApiError::no_such(
        "identity.not_found",
        "There is no such person, group or service, or you may not see it.",
    )
}

/// An identity of one kind by the descriptor in a path.
async fn of_kind(
    app: &App,
    caller: &Caller,
    text: &str,
    kinds: &[IdentityKind],
) -> Result<Identity> {
    let found = app
        .service
        .directory()
        .find(caller, &identity_id(text).to_string())
        .await?;
    if kinds.contains(&found.kind) {
        Ok(found)
    } else {
        Err(no_such())
    }
}

const PEOPLE: &[IdentityKind] = &[IdentityKind::User, IdentityKind::Service];
const GROUPS: &[IdentityKind] = &[IdentityKind::Group];

/// `GET graph/descriptors/{storageKey}`: of an identity or a project.
pub(crate) async fn descriptor_of(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    Path(key): Path<String>,
) -> Result<Response> {
    let project = match Uuid::parse_str(&key) {
        Ok(_) => app.service.projects().list(&caller).await?,
        Err(_) => return Err(no_such()),
    };
    let key = key.to_lowercase();
    let value = match project.iter().find(|project| project.id.to_string() == key) {
        Some(project) => descriptor::project_scope(project.id),
        None => {
            let found = app.service.directory().find(&caller, &key).await?;
            descriptor::subject(found.kind, found.id)
        }
    };
    Ok(asked.json(&GraphValue {
        links: json!({
            "self": { "href": links.to(paths::DESCRIPTOR, &[&key]) },
            "storageKey": { "href": links.to(paths::STORAGE_KEY, &[&value]) },
        }),
        value,
    }))
}

/// `GET graph/storagekeys/{subjectDescriptor}`.
pub(crate) async fn storage_key(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    Path(text): Path<String>,
) -> Result<Response> {
    let value = match descriptor::parse_subject(&text) {
        Some(Subject::Project(project)) => {
            let projects = app.service.projects();
            projects
                .find(&caller, &project.to_string())
                .await?
                .id
                .to_string()
        }
        _ => {
            let id = identity_id(&text).to_string();
            let found = app.service.directory().find(&caller, &id).await?;
            found.id.to_string()
        }
    };
    Ok(asked.json(&GraphValue {
        links: json!({
            "self": { "href": links.to(paths::STORAGE_KEY, &[&text]) },
            "descriptor": { "href": links.to(paths::DESCRIPTOR, &[&value]) },
        }),
        value,
    }))
}

/// Where a list looks: everywhere, or in the project that a scope names.
async fn home(app: &App, caller: &Caller, scope: Option<&str>) -> Result<Home> {
    let Some(scope) = scope else {
        return Ok(Home::Any);
    };
    let project = project_of_scope(scope);
    let found = app
        .service
        .projects()
        .find(caller, &project.to_string())
        .await?;
    Ok(Home::Project(found.id))
}

/// `GET graph/groups?scopeDescriptor=&continuationToken=`.
pub(crate) async fn groups(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    params: Params,
) -> Result<Response> {
    let home = home(&app, &caller, params.filled("scopeDescriptor")).await?;
    page(
        &app,
        &caller,
        &asked,
        &links,
        &params,
        IdentityKind::Group,
        home,
    )
    .await
}

/// `GET graph/users?subjectTypes=&continuationToken=`: people, or with `svc` services.
pub(crate) async fn users(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    params: Params,
) -> Result<Response> {
    let kinds = params.parts("subjectTypes").unwrap_or_default();
    let services = kinds.iter().any(|kind| kind.eq_ignore_ascii_case("svc"));
    let people = kinds.is_empty() || kinds.iter().any(|kind| !kind.eq_ignore_ascii_case("svc"));
    let kind = if services && !people {
        IdentityKind::Service
    } else {
        IdentityKind::User
    };
    page(&app, &caller, &asked, &links, &params, kind, Home::Any).await
}

/// `GET graph/groups/{groupDescriptor}`.
pub(crate) async fn group(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    Path(text): Path<String>,
) -> Result<Response> {
    let found = of_kind(&app, &caller, &text, GROUPS).await?;
    Ok(asked.json(&subject(&app, &links, &found)))
}

/// `GET graph/users/{userDescriptor}`.
pub(crate) async fn user(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    Path(text): Path<String>,
) -> Result<Response> {
    let found = of_kind(&app, &caller, &text, PEOPLE).await?;
    Ok(asked.json(&subject(&app, &links, &found)))
}

fn created(response: Response) -> Response {
    (StatusCode::CREATED, response).into_response()
}

/// `POST graph/groups?scopeDescriptor=`.
pub(crate) async fn create_group(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    params: Params,
    JsonBody(body): JsonBody<NewGraphGroup>,
) -> Result<Response> {
    let Some(name) = body.display_name else {
        return Err(ApiError::not_supported(
            "Groups are kept here: give 'displayName'. Groups of another directory cannot be added.",
        ));
    };
    let project = match home(&app, &caller, params.filled("scopeDescriptor")).await? {
        Home::Project(project) | Home::For(project) => Some(project),
        Home::Any | Home::Organization => None,
    };
    let description = body.description.unwrap_or_default();
    let groups = app.service.groups();
    let made = groups.create(&caller, project, &name, &description).await?;
    Ok(created(asked.json(&subject(&app, &links, &made))))
}

/// `POST graph/users`.
pub(crate) async fn create_user(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    JsonBody(body): JsonBody<NewGraphUser>,
) -> Result<Response> {
    let Some(name) = body.principal_name.or(body.mail_address) else {
        return Err(ApiError::argument(
            "Give the sign-in name of the new person as 'principalName'.",
        ));
    };
    let people = app.service.people();
    let made = people
        .add(&caller, &name, body.display_name, Vec::new())
        .await?;
    let id = made.person.id.to_string();
    let found = app.service.directory().find(&caller, &id).await?;
    Ok(created(asked.json(&subject(&app, &links, &found))))
}

/// The text that a patch gives a member.
fn text_of(step: &PatchStep) -> Result<String> {
    match (&step.value, step.op.to_ascii_lowercase().as_str()) {
        (Value::String(text), "replace" | "add") => Ok(text.clone()),
        (_, "remove") if step.path.eq_ignore_ascii_case("/description") => Ok(String::new()),
        _ => Err(ApiError::argument(
            "A step of the patch must replace '/displayName' or '/description' by a text.",
        )),
    }
}

/// `PATCH graph/groups/{groupDescriptor}`, a JSON Patch.
pub(crate) async fn change_group(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    Path(text): Path<String>,
    JsonBody(steps): JsonBody<Vec<PatchStep>>,
) -> Result<Response> {
    let (mut name, mut description) = (None, None);
    for step in &steps {
        match step.path.to_ascii_lowercase().as_str() {
            "/displayname" => name = Some(text_of(step)?),
            "/description" => description = Some(text_of(step)?),
            _ => {
                return Err(ApiError::argument(
                    "Only '/displayName' and '/description' of a group can be changed.",
                ));
            }
        }
    }
    let groups = app.service.groups();
    let found = groups
        .change(&caller, identity_id(&text), name, description)
        .await?;
    Ok(asked.json(&subject(&app, &links, &found)))
}

/// `DELETE graph/groups/{groupDescriptor}`.
pub(crate) async fn delete_group(
    State(app): State<App>,
    Who(caller): Who,
    Path(text): Path<String>,
) -> Result<StatusCode> {
    let groups = app.service.groups();
    groups.delete(&caller, identity_id(&text)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE graph/users/{userDescriptor}`: shuts the person out. History names people, so that none is forgotten.
pub(crate) async fn delete_user(
    State(app): State<App>,
    Who(caller): Who,
    Path(text): Path<String>,
) -> Result<StatusCode> {
    let directory = app.service.directory();
    directory
        .set_disabled(&caller, identity_id(&text), true)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn membership(member: &Identity, container: &Identity) -> GraphMembership {
    GraphMembership {
        container_descriptor: descriptor::subject(container.kind, container.id),
        member_descriptor: descriptor::subject(member.kind, member.id),
    }
}

/// `GET graph/memberships/{subjectDescriptor}?direction=up|down`.
pub(crate) async fn memberships(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    params: Params,
    Path(text): Path<String>,
) -> Result<Response> {
    let way = params.one_of("direction")?.unwrap_or_default();
    let directory = app.service.directory();
    let id = identity_id(&text);
    let one = directory.find(&caller, &id.to_string()).await?;
    let list = match way {
        GraphTraversalDirection::Up => directory
            .groups_of(&caller, id)
            .await?
            .iter()
            .map(|group| membership(&one, group))
            .collect::<Vec<_>>(),
        GraphTraversalDirection::Down => directory
            .members_of(&caller, id)
            .await?
            .iter()
            .map(|member| membership(member, &one))
            .collect(),
        GraphTraversalDirection::Unknown => {
            return Err(ApiError::argument(
                "The query parameter 'direction' is up or down.",
            ));
        }
    };
    Ok(asked.list(list))
}

fn pair(member: &str, container: &str) -> (IdentityId, IdentityId) {
    (identity_id(member), identity_id(container))
}

/// `GET` and `HEAD graph/memberships/{subjectDescriptor}/{containerDescriptor}`: 404 for who is not in.
pub(crate) async fn membership_of(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    Path((member, container)): Path<(String, String)>,
) -> Result<Response> {
    let (who, group) = pair(&member, &container);
    if !app.service.groups().is_member(&caller, group, who).await? {
        return Err(no_such());
    }
    Ok(asked.json(&GraphMembership {
        container_descriptor: container,
        member_descriptor: member,
    }))
}

/// `PUT graph/memberships/{subjectDescriptor}/{containerDescriptor}`.
pub(crate) async fn join(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    Path((member, container)): Path<(String, String)>,
) -> Result<Response> {
    let (who, group) = pair(&member, &container);
    let groups = app.service.groups();
    groups.set_member(&caller, group, who, true).await?;
    Ok(created(asked.json(&GraphMembership {
        container_descriptor: container,
        member_descriptor: member,
    })))
}

/// `DELETE graph/memberships/{subjectDescriptor}/{containerDescriptor}`.
pub(crate) async fn leave(
    State(app): State<App>,
    Who(caller): Who,
    Path((member, container)): Path<(String, String)>,
) -> Result<StatusCode> {
    let (who, group) = pair(&member, &container);
    let groups = app.service.groups();
    groups.set_member(&caller, group, who, false).await?;
    Ok(StatusCode::OK)
}

/// `GET graph/membershipstates/{subjectDescriptor}`.
pub(crate) async fn state(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    Path(text): Path<String>,
) -> Result<Response> {
    let id = identity_id(&text).to_string();
    let found = app.service.directory().find(&caller, &id).await?;
    Ok(asked.json(&GraphMembershipState {
        active: !found.disabled,
    }))
}

/// `POST graph/subjectlookup`: a dictionary; what is not there is left out.
pub(crate) async fn lookup(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    JsonBody(body): JsonBody<SubjectLookup>,
) -> Result<Response> {
    if body.lookup_keys.len() > MOST_KEYS {
        return Err(ApiError::argument(
            "At most 500 descriptors can be looked up at once.",
        ));
    }
    let ids: Vec<_> = body
        .lookup_keys
        .iter()
        .map(|key| Some(identity_id(&key.descriptor)))
        .collect();
    let found = app.service.directory().by_ids(&caller, &ids).await?;
    let value: BTreeMap<_, _> = body
        .lookup_keys
        .into_iter()
        .zip(found)
        .filter_map(|(key, found)| Some((key.descriptor, subject(&app, &links, &found?))))
        .collect();
    Ok(asked.dictionary(value))
}

/// `POST graph/subjectquery`.
pub(crate) async fn query(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    links: Links,
    JsonBody(body): JsonBody<SubjectQuery>,
) -> Result<Response> {
    let has = |word: &str| {
        body.subject_kind.is_empty()
            || body
                .subject_kind
                .iter()
                .any(|kind| kind.eq_ignore_ascii_case(word))
    };
    let mut kinds = Vec::new();
    if has("User") {
        kinds.push(IdentityKind::User);
    }
    if has("Group") {
        kinds.push(IdentityKind::Group);
    }
    let home = home(&app, &caller, body.scope_descriptor.as_deref()).await?;
    let directory = app.service.directory();
    let found = directory.search(&caller, &body.query, &kinds, home).await?;
    Ok(asked.list(subjects(&app, &links, &found)))
}
