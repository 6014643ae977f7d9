//! `/account`: what a signed-in person sees and changes of their own. It must not know how anything is stored.

pub(crate) mod scopes;
pub(crate) mod second_factor;
pub(crate) mod tokens;

#[cfg(test)]
pub(super) mod samples;

use super::filters;
use super::frame::{Frame, PageKind, Section, Visit};
use super::guard::{Form, Session};
use super::html::{see_other, show};
use crate::error::{ApiError, Result};
use askama::Template;
use axum::response::Response;
use coffer_model::{CredentialId, IdentityId, Timestamp};
use coffer_service::{Kind, MIN_PASSWORD, SecondFactorState};
use http::StatusCode;
use uuid::Uuid;

/// What is one's own.
#[derive(Template)]
#[template(path = "account/overview.html")]
pub(crate) struct Overview {
    pub(crate) frame: Frame,
    pub(crate) name: String,
    pub(crate) unique_name: String,
    pub(crate) groups: Vec<String>,
    pub(crate) tokens: Vec<tokens::Row>,
    pub(crate) second: SecondFactorState,
    pub(crate) sessions: Vec<SessionRow>,
}

/// A session in the list.
pub(crate) struct SessionRow {
    pub(crate) id: CredentialId,
    pub(crate) method: String,
    pub(crate) address: String,
    pub(crate) since: Timestamp,
    pub(crate) seen: Timestamp,
    /// Whether it is the one that looks.
    pub(crate) this: bool,
}

/// The form for a new password.
#[derive(Template)]
#[template(path = "account/password.html")]
pub(crate) struct NewPassword {
    pub(crate) frame: Frame,
    pub(crate) unique_name: String,
    pub(crate) shortest: usize,
}

/// What was just done, by its word in the address.
fn done(visit: &Visit) -> Option<&'static str> {
    Some(match visit.params.once("done")? {
        "password" => "The password is changed, and your other sessions are over.",
        "revoked" => "The token is revoked.",
        "session" => "The session is over.",
        "second-factor" => "The second factor is removed.",
        _ => return None,
    })
}

/// The overview, with the sentence for what was just done.
fn overview_with(visit: &Visit, done: &str) -> Response {
    see_other(&format!("{}?done={done}", visit.place.account()))
}

/// The names of somebody's groups, as far as they are to be seen.
async fn groups(visit: &Visit, me: IdentityId) -> Result<Vec<String>> {
    let directory = visit.app.service.directory();
    match directory.groups_of(&visit.caller, me).await {
        Ok(groups) => Ok(groups.into_iter().map(|group| group.unique_name).collect()),
        Err(error) if matches!(error.kind, Kind::Forbidden | Kind::NotFound) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// `GET /account`.
pub(crate) async fn overview(visit: Visit, Session(session): Session) -> Result<Response> {
    let service = &visit.app.service;
    let me = service.people().me(&visit.caller).await?;
    let sessions = service.sessions().list(&visit.caller).await?;
    let page = Overview {
        frame: visit
            .frame(Section::Account, "Your account")
            .done(done(&visit)),
        groups: groups(&visit, me.id).await?,
        tokens: tokens::rows(&visit).await?,
        second: service.second_factor().state(&visit.caller).await?,
        name: me.display_name,
        unique_name: me.unique_name,
        sessions: sessions
            .into_iter()
            .map(|other| SessionRow {
                this: other.id == session.id,
                id: other.id,
                method: other.method,
                address: other.address,
                since: other.signed_in,
                seen: other.seen,
            })
            .collect(),
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}

/// `GET /account/password`.
pub(crate) async fn password_form(visit: Visit) -> Result<Response> {
    let me = visit.app.service.people().me(&visit.caller).await?;
    let page = NewPassword {
        frame: visit
            .frame(Section::Account, "Change the password")
            .dialog(),
        unique_name: me.unique_name,
        shortest: MIN_PASSWORD,
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}

/// `POST /account/password`.
pub(crate) async fn password(visit: Visit, form: Form) -> Result<Response> {
    let new = form.secret("new");
    if *new != *form.secret("again") {
        return Err(ApiError::argument(
            "The two new passwords are not the same. Nothing was changed.",
        ));
    }
    let current = form.secret("current");
    let passwords = visit.app.service.passwords();
    passwords.change(&visit.caller, &current, &new).await?;
    Ok(overview_with(&visit, "password"))
}

/// An id in a form. What is no GUID is the id of nothing.
fn credential(text: &str, what: &str) -> Result<CredentialId> {
    Uuid::parse_str(text)
        .map(CredentialId)
        .map_err(|_| ApiError::argument(format!("There is no such {what}.")))
}

/// `POST /account/sessions`: ends one.
pub(crate) async fn end_session(visit: Visit, form: Form) -> Result<Response> {
    let session = credential(form.field("id"), "session")?;
    let sessions = visit.app.service.sessions();
    sessions.end(&visit.caller, session).await?;
    Ok(overview_with(&visit, "session"))
}
