//! Who is calling: the guard before every handler. Its class of authentication comes from the route table, so that no
//! handler can forget it; handlers get the result through [`Who`].
//!
//! Tokens come as the password of Basic or as Bearer, agents sign their messages. Cookies are looked at for pages only
//! ([`crate::pages::guard`]), never for the API, and what a browser sends on behalf of another site changes nothing. Knows
//! headers, not tokens: the service says whose they are.

use crate::ado::location::Location;
use crate::answer::{Activity, Template};
use crate::body::{BodyLimit, read_all};
use crate::error::{ApiError, Result};
use crate::forwarded::Arrival;
use crate::normalize::Canonical;
use crate::pages::guard::Door;
use crate::params::Params;
use crate::version::Asked;
use crate::{App, mistakes, pages};
use aws_lc_rs::digest;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use coffer_model::{AgentId, Authentication, Caller};
use coffer_wire::signature::{Parameters, content_digest, parse_signature};
use http::header::{AUTHORIZATION, HOST, ORIGIN, USER_AGENT};
use http::{HeaderMap, Method};
use std::net::IpAddr;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Characters of a client's name that an audit event keeps.
const MAX_AGENT: usize = 200;

/// How a route wants its callers to show who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auth {
    /// Not at all.
    Anonymous,
    /// By any kind of token.
    Token,
    /// By an agent's signature over the message.
    Agent,
    /// By a browser session, and for writes by everything that only our own pages send.
    Page,
    /// Not at all yet: a form for signing in. Writes come from our own pages only.
    Entry,
    /// Not at all, and no cookie is looked at: pages about the product, which change nothing.
    Open,
}

impl Auth {
    /// The word in lists of routes.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Token => "token",
            Self::Agent => "agent signature",
            Self::Page => "session",
            Self::Entry => "sign-in form",
            Self::Open => "open page",
        }
    }
}

/// What the guard of one route needs.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) app: App,
    pub(crate) auth: Auth,
    pub(crate) limit: usize,
    /// Whether the handler takes the body piece by piece.
    pub(crate) streams: bool,
    pub(crate) template: &'static str,
    /// The original's resource location, if the route has one.
    pub(crate) location: Option<&'static Location>,
}

/// The network address of the connection. Put there by the accept loop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The authenticated caller. An extractor; it works on routes that are not anonymous.
pub(crate) struct Who(pub(crate) Caller);

impl<S: Sync> FromRequestParts<S> for Who {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self> {
        parts
            .extensions
            .get::<Caller>()
            .cloned()
            .map(Self)
            .ok_or_else(|| ApiError::internal("a handler of an anonymous route wants a caller"))
    }
}

impl Who {
    /// The agent that calls, which must be the one that the path names.
    pub(crate) fn agent(&self, path: &str) -> Result<AgentId> {
        match self.0.authentication {
            Authentication::Agent { agent } if Uuid::parse_str(path) == Ok(agent.0) => Ok(agent),
            _ => Err(ApiError::forbidden(
                "agent.unknown",
                "The path names another agent than the one that signed. An agent calls its own routes only.",
            )),
        }
    }
}

/// Where the caller sits, as far as it is known. An extractor.
pub(crate) struct Address(pub(crate) Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        _: &S,
    ) -> std::result::Result<Self, Self::Rejection> {
        Ok(Self(address(parts)))
    }
}

/// Where the caller sits, as far as it is known.
pub(crate) fn address(parts: &http::request::Parts) -> Option<IpAddr> {
    parts.extensions.get::<Arrival>()?.address
}

/// The guard: refuses cross-site writes, authenticates, and notes the route for the access log.
pub(crate) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = match guard.auth {
        Auth::Page => pages::guard::admit(&guard, Door::Session, request, next).await,
        Auth::Entry => pages::guard::admit(&guard, Door::Entry, request, next).await,
        Auth::Open => next.run(request).await,
        _ => match admit(&guard, request).await {
            Ok(request) => {
                let caller = request.extensions().get::<Caller>().cloned();
                let response = next.run(request).await;
                guided(&guard.app, caller, response).await
            }
            Err(error) => error.into_response(),
        },
    };
    response.extensions_mut().insert(Template(guard.template));
    response
}

/// A refusal for want of a right says which, and who can give it. Where that cannot be found out, the plain words stand.
pub(crate) async fn guided(app: &App, caller: Option<Caller>, mut response: Response) -> Response {
    let denied = response.extensions().get::<ApiError>();
    if let Some(denied) = denied.and_then(|error| error.denied.as_deref().copied())
        && let Some(caller) = caller
        && let Ok(Some(words)) = app.service.guide(&caller, denied).await
        && let Some(error) = response.extensions_mut().get_mut::<ApiError>()
    {
        error.guided(words);
    }
    response
}

async fn admit(guard: &Guard, request: Request) -> Result<Request> {
    let (mut parts, mut body) = request.into_parts();
    refuse_cross_site(&parts.method, &parts.headers, guard.app.urls.origin())?;
    let address = address(&parts);
    let sign_in = guard.app.service.sign_in();
    match guard.auth {
        Auth::Anonymous => {}
        // Pages have a guard of their own; none of their requests gets here.
        Auth::Page | Auth::Entry | Auth::Open => {
            return Err(ApiError::internal("a page without its guard"));
        }
        Auth::Token => {
            let token = token(&parts.headers)?.ok_or_else(|| mistakes::no_token(&parts.headers))?;
            if let Some(error) = mistakes::foreign(&parts.headers, &token) {
                return Err(error);
            }
            let mut caller = sign_in.token(token, address).await?;
            caller.request = request_of(&parts);
            parts.extensions.insert(caller);
        }
        Auth::Agent => {
            let limits = &guard.app.limits;
            let message = Message::read(&parts.headers)?;
            let bytes = read_all(body, guard.limit, limits.body_idle, limits.body_total).await?;
            let path = parts
                .extensions
                .get::<Canonical>()
                .map(|canonical| canonical.signed.clone())
                .ok_or_else(|| ApiError::internal("a request without its path"))?;
            let base = message.base(parts.method.as_str(), &path, &bytes)?;
            let mut caller = sign_in
                .agent_signature(
                    message.agent,
                    base.as_bytes(),
                    &message.signature,
                    message.parameters.created,
                    &message.parameters.nonce,
                    address,
                )
                .await?;
            caller.request = request_of(&parts);
            parts.extensions.insert(caller);
            body = Body::from(bytes::Bytes::from_owner(bytes));
        }
    }
    let row = guard.location.filter(|_| guard.app.strict_version);
    let params = Params::read(&parts.uri);
    let asked = Asked::read(&params, &parts.headers, &parts.method, row)?;
    parts.extensions.insert(asked);
    parts.extensions.insert(BodyLimit(guard.limit));
    Ok(Request::from_parts(parts, body))
}

/// What an audit event says of the request. A client's own name is cut and stripped of what is no plain text.
pub(crate) fn request_of(parts: &http::request::Parts) -> coffer_model::Request {
    let agent = parts.headers.get(USER_AGENT).map(|value| {
        let plain = value.as_bytes().iter().filter(|b| matches!(b, 32..=126));
        plain.take(MAX_AGENT).map(|b| char::from(*b)).collect()
    });
    coffer_model::Request {
        activity: parts
            .extensions
            .get::<Activity>()
            .map(|activity| activity.0),
        agent,
    }
}

/// The signature headers of an agent's message.
struct Message {
    agent: AgentId,
    parameters: Parameters,
    signature: Vec<u8>,
    digest: String,
}

impl Message {
    fn read(headers: &HeaderMap) -> Result<Self> {
        let bad = || {
            ApiError::unauthenticated(
                "signature.invalid",
                "This route takes calls of registered agents, signed as Coffer's profile of RFC 9421 says. Register the agent again if its key is lost.",
            )
        };
        let one = |name: &str| {
            let mut values = headers.get_all(name).iter();
            match (values.next(), values.next()) {
                (Some(value), None) => value.to_str().map_err(|_| bad()),
                _ => Err(bad()),
            }
        };
        let parameters = Parameters::parse(one("signature-input")?).map_err(|_| bad())?;
        let agent = Uuid::parse_str(&parameters.key_id).map_err(|_| bad())?;
        let signature = parse_signature(one("signature")?).map_err(|_| bad())?;
        Ok(Self {
            agent: AgentId(agent),
            signature: STANDARD.decode(signature).map_err(|_| bad())?,
            digest: one("content-digest")?.to_owned(),
            parameters,
        })
    }

    /// The signed text, once the body is the one that the digest is of.
    fn base(&self, method: &str, path: &str, body: &[u8]) -> Result<String> {
        let found = content_digest(&STANDARD.encode(digest::digest(&digest::SHA256, body)));
        if found != self.digest {
            return Err(ApiError::unauthenticated(
                "signature.invalid",
                "The message's body is not the one that its Content-Digest was made of.",
            ));
        }
        Ok(self.parameters.base(method, path, &self.digest))
    }
}

/// The token of a request, of whichever kind: the password of Basic (the user name does not count), or Bearer.
fn token(headers: &HeaderMap) -> Result<Option<Zeroizing<String>>> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let unreadable = || mistakes::unreadable("");
    if values.next().is_some() {
        return Err(mistakes::twice());
    }
    let value = value.to_str().map_err(|_| unreadable())?.trim();
    let (scheme, rest) = value
        .split_once(' ')
        .ok_or_else(|| mistakes::unreadable(value))?;
    let rest = rest.trim();
    let known = ["Basic", "Bearer"]
        .iter()
        .any(|word| scheme.eq_ignore_ascii_case(word));
    if known && rest.contains(',') {
        return Err(mistakes::twice());
    }
    let token = if scheme.eq_ignore_ascii_case("Basic") {
        let engine = GeneralPurpose::new(
            &alphabet::STANDARD,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let bytes = Zeroizing::new(engine.decode(rest).map_err(|_| unreadable())?);
        let text = std::str::from_utf8(&bytes).map_err(|_| unreadable())?;
        let (_, password) = text.split_once(':').ok_or_else(unreadable)?;
        Zeroizing::new(password.to_owned())
    } else if scheme.eq_ignore_ascii_case("Bearer") {
        Zeroizing::new(rest.to_owned())
    } else {
        return Err(mistakes::unreadable(scheme));
    };
    if token.is_empty() {
        return Err(unreadable());
    }
    Ok(Some(token))
}

/// A browser says where a request comes from. Only this server's own pages may make it write.
fn refuse_cross_site(method: &Method, headers: &HeaderMap, own: Option<&str>) -> Result<()> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let refused = || {
        Err(ApiError::forbidden(
            "cross_site",
            "A browser sent this request for another site, and such requests may change nothing here.",
        ))
    };
    let site = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return refused();
    }
    for origin in headers.get_all(ORIGIN) {
        let origin = origin.to_str().unwrap_or("null");
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        let ours = own.is_some_and(|own| own.eq_ignore_ascii_case(origin))
            || matches!((authority, host), (Some(a), Some(b)) if a.eq_ignore_ascii_case(b));
        if !ours {
            return refused();
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
