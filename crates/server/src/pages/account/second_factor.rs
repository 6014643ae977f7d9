//! `/account/second-factor`: setting it up, in three steps, and removing it. It must not know how codes are made.

use super::overview_with;
use crate::error::{ApiError, Result};
use crate::pages::frame::{Frame, PageKind, Section, Visit};
use crate::pages::guard::Form;
use crate::pages::html::show;
use askama::Template;
use axum::response::Response;
use http::StatusCode;
use zeroize::Zeroizing;

/// Where its owner is.
pub(crate) enum Step {
    /// There is none.
    Off,
    /// There is a secret, which is shown this once.
    Begun {
        /// To type.
        secret: Zeroizing<String>,
        /// To open.
        link: Zeroizing<String>,
    },
    /// It is on from now on, and these are the recovery codes.
    Confirmed {
        /// Shown this once.
        codes: Vec<Zeroizing<String>>,
    },
    /// It is on.
    On,
}

/// The page for each step.
#[derive(Template)]
#[template(path = "account/second_factor.html")]
pub(crate) struct Page {
    pub(crate) frame: Frame,
    pub(crate) step: Step,
    /// Where to sign in again first, if that is needed.
    pub(crate) again: Option<String>,
}

fn page(visit: &Visit, step: Step) -> Response {
    let title = match step {
        Step::Off | Step::Begun { .. } => "Set up a second factor",
        Step::Confirmed { .. } => "Second factor on",
        Step::On => "Remove the second factor",
    };
    let page = Page {
        frame: visit.frame(Section::Account, title).dialog(),
        step,
        again: visit.again(&visit.place.account_second_factor()),
    };
    show(StatusCode::OK, &page.frame, &page)
}

/// `GET /account/second-factor`.
pub(crate) async fn form(visit: Visit) -> Result<Response> {
    let second = visit.app.service.second_factor();
    let state = second.state(&visit.caller).await?;
    let step = if state.on { Step::On } else { Step::Off };
    Ok(page(&visit, step))
}

/// `POST /account/second-factor`: begins, confirms or removes it.
pub(crate) async fn step(visit: Visit, form: Form) -> Result<Response> {
    let second = visit.app.service.second_factor();
    Ok(match form.field("step") {
        "begin" => {
            let new = second.begin(&visit.caller).await?;
            let (secret, link) = (new.secret, new.link);
            page(&visit, Step::Begun { secret, link })
        }
        "confirm" => {
            let code = form.secret("code");
            let codes = second.confirm(&visit.caller, &code).await?;
            page(&visit, Step::Confirmed { codes })
        }
        "remove" => {
            second.remove(&visit.caller).await?;
            overview_with(&visit, "second-factor")
        }
        _ => return Err(ApiError::argument("The form that was sent cannot be read.")),
    })
}
