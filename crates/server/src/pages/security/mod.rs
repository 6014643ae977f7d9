//! The Security dialogs, of the whole Library and of one file: who has which role. Changes are collected in the form and saved
//! together. It must not know what a role allows: the service says who may, and what must stay.

mod draft;
#[cfg(test)]
mod draft_tests;
#[cfg(test)]
mod samples;

use super::file::Subject;
use super::filters;
use super::frame::{Frame, PageKind, Section, Visit};
use super::guard::Form;
use super::html::{see_other, show};
use crate::error::{ApiError, Result};
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use coffer_model::IdentityId;
use coffer_model::access::{Role, Scope};
use coffer_model::library::Identity;
use coffer_service::RoleSheet;
use draft::{Draft, Sheet, What};
use http::StatusCode;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Most identities that a search shows.
const FOUND: u32 = 20;

/// The roles at a place.
#[derive(Template)]
#[template(path = "security/roles.html")]
pub(crate) struct Roles {
    pub(crate) frame: Frame,
    pub(crate) subject: Subject,
    pub(crate) sheet: Sheet,
    pub(crate) roles: Vec<Role>,
    /// Whether the visitor may change them.
    pub(crate) may: bool,
}

/// Looking for somebody to add.
#[derive(Template)]
#[template(path = "security/add.html")]
pub(crate) struct Add {
    pub(crate) frame: Frame,
    pub(crate) subject: Subject,
    pub(crate) sheet: Sheet,
    pub(crate) roles: Vec<Role>,
    /// What was searched for.
    pub(crate) search: String,
    pub(crate) found: Vec<Found>,
    /// Whether more than are shown may fit.
    pub(crate) is_part: bool,
    /// The role that was chosen.
    pub(crate) role: String,
    /// What is missing, if the form was sent too early.
    pub(crate) problem: Option<&'static str>,
}

/// Somebody who was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: IdentityId,
    pub(crate) name: String,
    pub(crate) unique_name: String,
    pub(crate) kind: &'static str,
    /// The role that it has here or inherits, in words.
    pub(crate) has: Option<String>,
    pub(crate) picked: bool,
}

/// What the address or the form asks for.
struct Asked {
    subject: Subject,
    scope: Scope,
    may: bool,
    now: RoleSheet,
}

/// `GET {project}/_library/security`.
pub(crate) async fn of_library(visit: Visit, Path(project): Path<String>) -> Result<Response> {
    let asked = library(&visit, &project).await?;
    look(&visit, asked)
}

/// `POST {project}/_library/security`.
pub(crate) async fn change_library(
    visit: Visit,
    Path(project): Path<String>,
    form: Form,
) -> Result<Response> {
    let asked = library(&visit, &project).await?;
    change(&visit, asked, &form).await
}

/// `GET {project}/_library/files/{secureFileId}/security`.
pub(crate) async fn of_file(
    visit: Visit,
    Path((project, file)): Path<(String, String)>,
) -> Result<Response> {
    let asked = of_one(&visit, &project, &file).await?;
    look(&visit, asked)
}

/// `POST {project}/_library/files/{secureFileId}/security`.
pub(crate) async fn change_file(
    visit: Visit,
    Path((project, file)): Path<(String, String)>,
    form: Form,
) -> Result<Response> {
    let asked = of_one(&visit, &project, &file).await?;
    change(&visit, asked, &form).await
}

async fn library(visit: &Visit, project: &str) -> Result<Asked> {
    let project = visit.project(project).await?;
    let scope = Scope::Library(project.id);
    let service = &visit.app.service;
    let may = service.may_library(&visit.caller, project.id).await?;
    Ok(Asked {
        now: service.roles().sheet(&visit.caller, scope).await?,
        may: may.administer,
        subject: Subject::library(project),
        scope,
    })
}

async fn of_one(visit: &Visit, project: &str, file: &str) -> Result<Asked> {
    let (subject, file) = Subject::file(visit, project, file).await?;
    let scope = Scope::File(subject.project.id, file);
    let service = &visit.app.service;
    let may = service.may_file(&visit.caller, subject.project.id, file);
    Ok(Asked {
        may: may.await?.administer,
        now: service.roles().sheet(&visit.caller, scope).await?,
        subject,
        scope,
    })
}

fn frame(visit: &Visit, subject: &Subject) -> Frame {
    let title = match &subject.name {
        Some(name) => format!("Security of {name}"),
        None => "Security of the Library".to_owned(),
    };
    visit
        .frame_of(&subject.project, Section::Library, title)
        .dialog()
}

fn look(visit: &Visit, asked: Asked) -> Result<Response> {
    let done = match visit.params.text("done") {
        Some("saved") => Some("The roles are saved."),
        Some("same") => Some("There was nothing to save."),
        _ => None,
    };
    let sheet = Draft::default().over(&asked.now, &[]);
    Ok(roles(visit, asked, sheet, StatusCode::OK, done))
}

fn roles(
    visit: &Visit,
    asked: Asked,
    sheet: Sheet,
    status: StatusCode,
    done: Option<&'static str>,
) -> Response {
    let page = Roles {
        frame: frame(visit, &asked.subject).done(done),
        roles: draft::roles(&asked.scope),
        subject: asked.subject,
        sheet,
        may: asked.may,
    };
    show(status, &page.frame, &page)
}

async fn change(visit: &Visit, asked: Asked, form: &Form) -> Result<Response> {
    let mut draft = Draft::read(form);
    match form.field("step").split_once('.') {
        Some(("remove", id)) => draft.remove(identity(id)?),
        Some(("keep", id)) => draft.keep(identity(id)?),
        _ => {}
    }
    match form.field("step") {
        "save" => return save(visit, asked, draft).await,
        "add" | "search" => return add(visit, asked, &draft, form, None).await,
        "added" => {
            let picked = picked(form);
            if picked.is_empty() {
                let problem = Some("Choose whom to give a role: search, and tick the names.");
                return add(visit, asked, &draft, form, problem).await;
            }
            for id in picked {
                draft.add(id, form.field("pick-role"));
            }
        }
        "inherit" => draft.switch(true),
        "stand-alone" => draft.switch(false),
        _ => {}
    }
    let sheet = over(visit, &asked.now, &draft).await?;
    Ok(roles(visit, asked, sheet, StatusCode::OK, None))
}

/// The sheet that a draft makes, with the names of those who were added.
async fn over(visit: &Visit, now: &RoleSheet, draft: &Draft) -> Result<Sheet> {
    let strangers: Vec<Option<IdentityId>> = draft.strangers(now).into_iter().map(Some).collect();
    let known = match strangers.is_empty() {
        true => Vec::new(),
        false => {
            let directory = visit.app.service.directory();
            directory.by_ids(&visit.caller, &strangers).await?
        }
    };
    let known: Vec<Identity> = known.into_iter().flatten().collect();
    Ok(draft.over(now, &known))
}

async fn save(visit: &Visit, mut asked: Asked, draft: Draft) -> Result<Response> {
    let place = asked.subject.security(&visit.place);
    let sheet = over(visit, &asked.now, &draft).await?;
    if sheet.is_stale {
        return Ok(roles(visit, asked, sheet, StatusCode::CONFLICT, None));
    }
    if sheet.waiting() == 0 {
        return Ok(see_other(&format!("{place}?done=same")));
    }
    let service = visit.app.service.roles();
    let changes = draft.changes(&sheet);
    match service.replace(&visit.caller, asked.scope, changes).await {
        Ok(()) => Ok(see_other(&format!("{place}?done=saved"))),
        // Somebody was faster, between the look and the save.
        Err(error) if error.code == "changed_meanwhile" => {
            asked.now = service.sheet(&visit.caller, asked.scope).await?;
            let sheet = over(visit, &asked.now, &draft).await?;
            Ok(roles(visit, asked, sheet, StatusCode::CONFLICT, None))
        }
        Err(error) => Err(error.into()),
    }
}

async fn add(
    visit: &Visit,
    asked: Asked,
    draft: &Draft,
    form: &Form,
    problem: Option<&'static str>,
) -> Result<Response> {
    let search = form.field("q").trim().to_owned();
    let directory = visit.app.service.directory();
    let project = Some(asked.subject.project.id);
    let found = directory.suggest(&visit.caller, project, &search, FOUND);
    let found = found.await?;
    let picked = picked(form);
    let sheet = over(visit, &asked.now, draft).await?;
    let has: BTreeMap<IdentityId, String> = sheet
        .rows
        .iter()
        .filter_map(|row| Some((row.id, row.role_now()?)))
        .collect();
    let page = Add {
        frame: frame(visit, &asked.subject),
        subject: asked.subject,
        roles: draft::roles(&asked.scope),
        is_part: u32::try_from(found.len()).unwrap_or(u32::MAX) >= FOUND,
        found: found
            .into_iter()
            .map(|identity| Found {
                has: has.get(&identity.id).cloned(),
                picked: picked.contains(&identity.id),
                kind: draft::kind_word(identity.kind),
                id: identity.id,
                name: identity.display_name,
                unique_name: identity.unique_name,
            })
            .collect(),
        sheet,
        search,
        role: form.field("pick-role").to_owned(),
        problem,
    };
    let status = match problem {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    Ok(show(status, &page.frame, &page))
}

/// The identities that were ticked.
fn picked(form: &Form) -> Vec<IdentityId> {
    form.fields()
        .filter(|(name, _)| *name == "pick")
        .filter_map(|(_, id)| Some(IdentityId(Uuid::parse_str(id).ok()?)))
        .collect()
}

fn identity(text: &str) -> Result<IdentityId> {
    Uuid::parse_str(text)
        .map(IdentityId)
        .map_err(|_| ApiError::argument("The form that was sent cannot be read."))
}
