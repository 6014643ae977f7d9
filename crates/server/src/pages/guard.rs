//! The guard of pages: who reads needs a session; who writes needs everything that only our own pages send along.
//! It must not know what a page is about.
//!
//! The session's cookie is `Lax`, because a person who comes back from a sign-in elsewhere must be known at once. So it
//! proves nothing about who made the browser write, and a write needs besides, all of them: an `Origin` or
//! `Sec-Fetch-Site` of our own, the `Strict` cookie, and the form's token.

use super::frame::{Frame, PageKind, Place, Visitor};
use super::html::{self, Problem};
use crate::App;
use crate::auth::{Guard, address, guided, request_of};
use crate::body::read_all;
use crate::cookies::{self, SameSite, cookie};
use crate::error::{ApiError, Result};
use crate::normalize::Canonical;
use axum::extract::{FromRequestParts, OptionalFromRequestParts, Request};
use axum::middleware::Next;
use axum::response::Response;
use coffer_model::Caller;
use coffer_service::{FoundSession, form_token, is_form_token};
use http::header::{CONTENT_TYPE, HOST, ORIGIN, REFERER, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::convert::Infallible;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The header that carries a form's token when a script sends it.
const TOKEN_HEADER: &str = "x-coffer-form-token";
/// The field that carries it in a form.
const TOKEN_FIELD: &str = "form_token";

/// Whether a page needs somebody signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// A session.
    Session,
    /// Nobody yet: this is where one signs in.
    Entry,
}

/// The fields of a form that was sent. An extractor; empty when none was.
#[derive(Clone, Default)]
pub(crate) struct Form(Arc<Vec<(String, Zeroizing<String>)>>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`. Nothing where it is not text.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let decode = |text: &str| -> Option<Zeroizing<String>> {
            let spaced = Zeroizing::new(text.replace('+', " "));
            let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
            Some(Zeroizing::new(decoded.into_owned()))
        };
        let text = std::str::from_utf8(bytes).ok()?;
        let mut fields = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            fields.push((decode(key)?.to_string(), decode(value)?));
        }
        Some(Self(Arc::new(fields)))
    }

    /// The first field of that name; empty when there is none.
    pub(crate) fn field(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Every field of that name.
    pub(crate) fn every<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let found = self.0.iter().filter(move |(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Every field, in the order sent.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The same, kept apart so that it is wiped.
    pub(crate) fn secret(&self, name: &str) -> Zeroizing<String> {
        Zeroizing::new(self.field(name).to_owned())
    }
}

/// What pages put into their forms. An extractor.
#[derive(Clone)]
pub(crate) struct FormToken(pub(crate) String);

macro_rules! from_extensions {
    ($($type:ty),*) => {$(
        impl<S: Sync> FromRequestParts<S> for $type {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self> {
                parts.extensions.get::<Self>().cloned()
                    .ok_or_else(|| ApiError::internal("a handler wants what its guard does not give"))
            }
        }
    )*};
}

from_extensions!(Form, FormToken, Session);

/// The session behind a page. An extractor; optional where nobody needs to be signed in.
#[derive(Clone)]
pub(crate) struct Session(pub(crate) FoundSession);

impl<S: Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        _: &S,
    ) -> std::result::Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

/// The guard. Whatever is refused is a page.
pub(crate) async fn admit(guard: &Guard, door: Door, request: Request, next: Next) -> Response {
    let from = whence(&request, guard.app.urls.prefix());
    let fresh = Zeroizing::new(match door {
        Door::Entry => cookie(request.headers(), cookies::FORM)
            .filter(|secret| secret.len() == 43)
            .map_or_else(
                || guard.app.service.sign_in().form_secret().to_string(),
                |secret| secret.to_string(),
            ),
        Door::Session => String::new(),
    });
    let mut visitor = None;
    let mut response = match check(guard, door, &fresh, &from, request, &mut visitor).await {
        Ok(Admitted::Yes(request)) => {
            let caller = request.extensions().get::<Caller>().cloned();
            let response = next.run(*request).await;
            guided(&guard.app, caller, response).await
        }
        Ok(Admitted::SignInFirst(path)) => html::see_other(&path),
        Err(error) => axum::response::IntoResponse::into_response(error),
    };
    let error = response.extensions().get::<ApiError>().cloned();
    if let Some(error) = error {
        if guard.streams {
            // A script sent the content, and shows what comes back as text: the envelope of the API.
            return html::guarded(response);
        }
        response = refused(&guard.app, &error, visitor, &from);
    }
    if door == Door::Entry {
        cookies::set(
            response.headers_mut(),
            cookies::FORM,
            &fresh,
            SameSite::Strict,
        );
    }
    html::marked(response)
}

enum Admitted {
    Yes(Box<Request>),
    SignInFirst(String),
}

async fn check(
    guard: &Guard,
    door: Door,
    fresh: &str,
    from: &str,
    request: Request,
    visitor: &mut Option<Visitor>,
) -> Result<Admitted> {
    let (mut parts, mut body) = request.into_parts();
    let address = address(&parts);
    let mut session = match cookie(&parts.headers, cookies::SESSION) {
        Some(secret) => guard.app.service.sessions().find(&secret, address).await?,
        None => None,
    };
    if let Some(session) = &mut session {
        session.caller.request = request_of(&parts);
    }
    *visitor = session.as_ref().map(|session| Visitor {
        name: session.caller.name.clone(),
        token: session.form_token.clone(),
    });
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    let form = if reads {
        Form::default()
    } else if guard.streams {
        // Its body is content, and stays where it is until the handler takes it: the token comes as a header.
        own_page(&parts.headers, guard.app.urls.origin())?;
        Form::default()
    } else {
        own_page(&parts.headers, guard.app.urls.origin())?;
        let body = std::mem::take(&mut body);
        let limits = &guard.app.limits;
        let bytes = read_all(body, guard.limit, limits.body_idle, limits.body_total).await?;
        let is_form = parts
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
        is_form
            .then(|| Form::read(&bytes))
            .flatten()
            .ok_or_else(|| ApiError::argument("The form that was sent cannot be read."))?
    };
    let header = parts
        .headers
        .get(TOKEN_HEADER)
        .and_then(|v| v.to_str().ok());
    let token = header.unwrap_or_else(|| form.field(TOKEN_FIELD)).to_owned();
    match door {
        Door::Session => {
            let Some(session) = session else {
                return if reads {
                    let back = utf8_percent_encode(from, NON_ALPHANUMERIC);
                    let prefix = guard.app.urls.prefix();
                    Ok(Admitted::SignInFirst(format!(
                        "{prefix}/signin?return={back}"
                    )))
                } else {
                    Err(ApiError::forbidden(
                        "session.missing",
                        "Your session is over. Nothing was changed. Sign in, and do it again.",
                    ))
                };
            };
            if !reads {
                let write = cookie(&parts.headers, cookies::WRITE);
                let own = write.is_some_and(|secret| session.may_write(&secret, &token));
                own.then_some(()).ok_or_else(stale)?;
            }
            parts.extensions.insert(session.caller.clone());
            parts
                .extensions
                .insert(FormToken(session.form_token.clone()));
            parts.extensions.insert(Session(session));
        }
        Door::Entry => {
            if !reads {
                let sent = cookie(&parts.headers, cookies::FORM);
                let own = sent.is_some_and(|secret| is_form_token(&secret, &token));
                own.then_some(()).ok_or_else(stale)?;
            }
            parts.extensions.insert(FormToken(form_token(fresh)));
            if let Some(session) = session {
                parts.extensions.insert(Session(session));
            }
        }
    }
    parts.extensions.insert(form);
    Ok(Admitted::Yes(Box::new(Request::from_parts(parts, body))))
}

fn stale() -> ApiError {
    ApiError::forbidden(
        "form.stale",
        "This form is not one of your session's pages as they are now. Nothing was changed. Go back, load the page again, \
         and send it again.",
    )
}

/// A write must say that it comes from here: what says nothing about itself is refused as well.
fn own_page(headers: &HeaderMap, own: Option<&str>) -> Result<()> {
    let site = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    let mut origins = headers.get_all(ORIGIN).iter();
    let origin = match (origins.next(), origins.next()) {
        (one, None) => one.map(|origin| origin.to_str().unwrap_or("null")),
        _ => Some("null"),
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let ours = origin.map(|origin| match own {
        // Where the server knows its own address, nothing else is its own, whatever `Host` says.
        Some(own) => own.eq_ignore_ascii_case(origin),
        None => {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            matches!((authority, host), (Some(a), Some(b)) if a.eq_ignore_ascii_case(b))
        }
    });
    let good = match (site, ours) {
        (Some(site), Some(ours)) => site == b"same-origin" && ours,
        (Some(site), None) => site == b"same-origin",
        (None, Some(ours)) => ours,
        (None, None) => false,
    };
    good.then_some(()).ok_or_else(|| {
        ApiError::forbidden(
            "cross_site",
            "This request does not come from one of this server's own pages. Nothing was changed.",
        )
    })
}

/// The page that a person comes back to after signing in, below the prefix: the one that was asked for, or the one that
/// the form stands on.
fn whence(request: &Request, prefix: &str) -> String {
    let asked = if matches!(*request.method(), Method::GET | Method::HEAD) {
        let arrived = request.extensions().get::<Canonical>();
        arrived.map(|path| match request.uri().query() {
            Some(query) => format!("{}?{query}", path.signed),
            None => path.signed.clone(),
        })
    } else {
        let from = request.headers().get(REFERER);
        let from = from.and_then(|value| value.to_str().ok()?.parse::<Uri>().ok());
        from.and_then(|uri| {
            let path = uri.path_and_query()?.as_str();
            Some(path.strip_prefix(prefix)?.to_owned())
        })
    };
    let own = asked.filter(|path| html::local_path(path).is_some());
    own.unwrap_or_else(|| "/".to_owned())
}

/// An error as a page.
fn refused(app: &App, error: &ApiError, visitor: Option<Visitor>, from: &str) -> Response {
    let place = Place::new(app);
    let again = matches!(error.code(), "sign_in.not_fresh" | "session.missing");
    let title = match error.status {
        StatusCode::NOT_FOUND => "Not found",
        _ => "This did not work",
    };
    let page = Problem {
        frame: Frame {
            visitor,
            kind: PageKind::Problem,
            ..Frame::bare(app, title)
        },
        message: if error.status == StatusCode::INTERNAL_SERVER_ERROR {
            "Something went wrong inside the server. Its log says more. Try again in a moment."
                .to_owned()
        } else {
            error.message.clone()
        },
        hints: error.hints().to_vec(),
        sign_in: again.then(|| {
            let back = utf8_percent_encode(from, NON_ALPHANUMERIC);
            format!("{}?return={back}", place.sign_in())
        }),
    };
    let mut response = html::show(error.status, &page.frame, &page);
    if let Some(seconds) = error.retry_after {
        let seconds = HeaderValue::from(seconds);
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response.extensions_mut().insert(error.clone());
    response
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
