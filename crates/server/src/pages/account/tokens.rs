//! `/account/tokens`: one's own tokens. A new one is shown once. It must not know how tokens are made.

use super::scopes::{self, FULL, GROUPS, Group};
use super::{credential, overview_with};
use crate::error::{ApiError, Result};
use crate::pages::filters;
use crate::pages::frame::{Frame, PageKind, Section, Visit};
use crate::pages::guard::Form;
use crate::pages::html::show;
use askama::Template;
use axum::response::Response;
use coffer_model::{CredentialId, Timestamp};
use coffer_service::{TokenKind, TokenView, TokenWish};
use http::StatusCode;
use zeroize::Zeroizing;

/// Days that a token lives unless another number is typed.
const USUAL_DAYS: u32 = 30;

/// A token in the list.
pub(crate) struct Row {
    pub(crate) id: CredentialId,
    pub(crate) label: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) made: Timestamp,
    pub(crate) ends: Timestamp,
    pub(crate) used: Option<Timestamp>,
    pub(crate) used_from: Option<String>,
    /// Why it works no more.
    pub(crate) over: Option<&'static str>,
}

/// The form for a new one.
#[derive(Template)]
#[template(path = "account/token.html")]
pub(crate) struct NewToken {
    pub(crate) frame: Frame,
    pub(crate) groups: &'static [Group],
    pub(crate) days: u32,
    pub(crate) most_days: u32,
    /// Where to sign in again first, if that is needed.
    pub(crate) again: Option<String>,
}

/// A new one, this once.
#[derive(Template)]
#[template(path = "account/token_made.html")]
pub(crate) struct TokenMade {
    pub(crate) frame: Frame,
    pub(crate) token: Zeroizing<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) ends: Timestamp,
}

/// The question before one is revoked.
#[derive(Template)]
#[template(path = "account/revoke.html")]
pub(crate) struct Revoke {
    pub(crate) frame: Frame,
    pub(crate) id: CredentialId,
    pub(crate) label: String,
}

fn row(view: TokenView, now: Timestamp) -> Row {
    Row {
        over: match view.revoked_at {
            Some(_) => Some("revoked"),
            None if view.expires_at <= now => Some("ended"),
            None => None,
        },
        scopes: match view.kind.as_str() {
            "agent" => vec!["registering agents".to_owned()],
            _ => scopes::told(&view.scopes),
        },
        id: view.id,
        label: view.label,
        made: view.created_at,
        ends: view.expires_at,
        used: view.last_used_at,
        used_from: view.last_used_address,
    }
}

/// The visitor's tokens, those that work first.
pub(crate) async fn rows(visit: &Visit) -> Result<Vec<Row>> {
    let tokens = visit.app.service.people().tokens(&visit.caller).await?;
    let mut rows: Vec<Row> = tokens
        .into_iter()
        .map(|view| row(view, visit.now))
        .collect();
    rows.sort_by_key(|row| (row.over.is_some(), std::cmp::Reverse(row.made)));
    Ok(rows)
}

/// `GET /account/tokens`.
pub(crate) async fn form(visit: Visit) -> Result<Response> {
    let most_days = visit.app.service.people().most_days().await?;
    let page = NewToken {
        frame: visit.frame(Section::Account, "New token").dialog(),
        groups: GROUPS,
        days: USUAL_DAYS.min(most_days),
        most_days,
        again: visit.again(&visit.place.account_tokens()),
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}

/// `POST /account/tokens`: the answer is the only place where the token is seen.
pub(crate) async fn create(visit: Visit, form: Form) -> Result<Response> {
    let days = form
        .field("days")
        .parse()
        .map_err(|_| ApiError::argument("The days until the token ends are a whole number."))?;
    let chosen: Vec<&str> = form.every("scope").collect();
    if chosen.is_empty() {
        return Err(ApiError::argument(
            "Choose what the token is good for. Nothing was made.",
        ));
    }
    let everything = chosen.contains(&FULL);
    let wish = TokenWish {
        label: form.field("label").to_owned(),
        days,
        user: None,
        kind: TokenKind::Pat,
        scopes: (!everything).then(|| chosen.join(" ")),
    };
    let people = visit.app.service.people();
    let new = people.create_token(&visit.caller, wish).await?;
    let page = TokenMade {
        frame: visit.frame(Section::Account, "Token made").dialog(),
        token: new.token,
        scopes: scopes::told(&new.scopes),
        ends: new.expires_at,
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}

/// `GET /account/tokens/revoke?id=`.
pub(crate) async fn revoke_form(visit: Visit) -> Result<Response> {
    let id = credential(visit.params.text("id").unwrap_or_default(), "token")?;
    let tokens = visit.app.service.people().tokens(&visit.caller).await?;
    let own = tokens.into_iter().find(|token| token.id == id);
    let own = own.ok_or_else(|| ApiError::no_such("token.not_found", "You have no such token."))?;
    let page = Revoke {
        frame: visit.frame(Section::Account, "Revoke a token").dialog(),
        id,
        label: own.label,
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}

/// `POST /account/tokens/revoke`.
pub(crate) async fn revoke(visit: Visit, form: Form) -> Result<Response> {
    let id = credential(form.field("id"), "token")?;
    let people = visit.app.service.people();
    people.revoke_token(&visit.caller, id).await?;
    Ok(overview_with(&visit, "revoked"))
}
