//! Builds the router from the one table of routes, with all its layers. It must not know what a handler does.

mod table;

pub(crate) use table::table;

use crate::App;
use crate::ado::location::Location;
use crate::answer::{Template, finish};
use crate::auth::{Auth, Guard, guard};
use crate::error::ApiError;
use crate::forwarded::arrive;
use crate::linger::linger;
use crate::normalize::Normalizer;
use crate::{RouteInfo, mistakes, pages};
use axum::Router;
use axum::extract::{OriginalUri, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use http::Uri;
use http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;
use std::any::Any;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// Largest form of a page, bytes.
const FORM_LIMIT: usize = 64 * 1024;

/// A row of the table.
pub(crate) struct Route {
    method: &'static str,
    template: &'static str,
    auth: Auth,
    /// Largest body, bytes. Uploads have a limit of their own, in the service.
    limit: usize,
    /// Whether a page's route takes a body that is not a form, piece by piece.
    streams: bool,
    /// The original's resource location, if it has one.
    location: Option<&'static Location>,
    handler: fn() -> MethodRouter<App>,
}

impl Route {
    pub(crate) fn info(&self) -> RouteInfo {
        RouteInfo {
            method: self.method,
            template: self.template,
            authentication: self.auth.word(),
            location: self.location.map(|location| location.id),
        }
    }

    /// How callers show who they are.
    pub(crate) fn auth(&self) -> Auth {
        self.auth
    }

    /// Which resource location the route belongs to.
    pub(crate) fn location(&self) -> Option<&'static Location> {
        self.location
    }

    fn at(mut self, location: &'static Location) -> Self {
        self.location = Some(location);
        self
    }

    fn anonymous(mut self) -> Self {
        self.auth = Auth::Anonymous;
        self
    }

    fn page(mut self) -> Self {
        self.auth = Auth::Page;
        self.limit = FORM_LIMIT;
        self
    }

    /// A page's route that a script sends content to, with the form's token in a header.
    fn content(mut self) -> Self {
        self.streams = true;
        self.page()
    }

    fn entry(mut self) -> Self {
        self.auth = Auth::Entry;
        self.limit = FORM_LIMIT;
        self
    }

    fn open(mut self) -> Self {
        self.auth = Auth::Open;
        self
    }

    fn signed(mut self) -> Self {
        self.auth = Auth::Agent;
        self
    }

    fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }
}

/// The router with all its layers. The normalizer runs before routing, which is why there are two routers.
pub(crate) fn router(app: App) -> Router {
    let table = table();
    let normalizer = Arc::new(Normalizer::new(
        &app.service.organization().name,
        app.urls.prefix(),
        table.iter().map(|route| route.template),
    ));
    let mut inner = Router::new()
        .route("/healthz", get(pages::health))
        .route("/readyz", get(pages::ready));
    for route in table {
        let guarded = Guard {
            app: app.clone(),
            auth: route.auth,
            limit: route.limit,
            streams: route.streams,
            template: route.template,
            location: route.location,
        };
        let handler = (route.handler)().route_layer(from_fn_with_state(guarded, guard));
        let path = route.template.trim_start_matches('/');
        inner = inner.route(&format!("/{path}"), handler);
    }
    let outer = Router::new()
        .fallback_service(inner.with_state(app.clone()))
        .layer(from_fn_with_state(app.clone(), arrive))
        .layer(from_fn_with_state(normalizer, canonical_path))
        .layer(from_fn_with_state(app, linger));
    caught(outer)
}

/// Whatever happens below, the answer is a whole one.
fn caught(router: Router) -> Router {
    router
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(finish))
}

/// What answers plain HTTP on a port for TLS: the same refusal to everything.
pub(crate) fn misdirected(app: App) -> Router {
    Router::new()
        .fallback(mistakes::plain_http)
        .layer(from_fn_with_state(app, linger))
        .layer(from_fn(finish))
}

/// Rewrites the path to the table's spelling.
async fn canonical_path(
    State(normalizer): State<Arc<Normalizer>>,
    mut request: Request,
    next: Next,
) -> Response {
    let canonical = match normalizer.canonical(request.uri().path()) {
        Ok(canonical) => canonical,
        Err(error) => return error.into_response(),
    };
    // Decoded leniently, two different queries could mean one name.
    let query = request.uri().query().unwrap_or_default();
    match percent_decode_str(query).decode_utf8() {
        Err(_) => return ApiError::argument("The query is not valid UTF-8.").into_response(),
        Ok(text) if text.contains('\0') => {
            return ApiError::argument("The query holds a NUL character.").into_response();
        }
        Ok(_) => {}
    }
    let text = match request.uri().query() {
        Some(query) => format!("{}?{query}", canonical.path),
        None => canonical.path.clone(),
    };
    let Ok(path) = PathAndQuery::try_from(text) else {
        return ApiError::argument("The path cannot be read.").into_response();
    };
    request.extensions_mut().remove::<OriginalUri>();
    *request.uri_mut() = Uri::from(path);
    request.extensions_mut().insert(canonical);
    next.run(request).await
}

/// A panic is a mistake of ours. What it says may quote data, so it stays with the process's own panic output.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    let mut response = ApiError::internal("a handler panicked").into_response();
    response.extensions_mut().insert(Template("panic"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use coffer_wire::{ErrorEnvelope, paths};
    use http_body_util::BodyExt as _;
    use std::collections::BTreeSet;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn a_panic_is_answered_in_the_envelope_and_tells_nothing() {
        async fn fall() -> Response {
            panic!("hunter2")
        }
        let router = caught(Router::new().route("/", get(fall)));
        let request = Request::new(Body::empty());
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let envelope: ErrorEnvelope = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (parts.status.as_u16(), envelope.type_key.as_str()),
            (500, "VssServiceException")
        );
        let activity = parts.headers["activityid"].to_str().unwrap();
        assert!(envelope.message.contains(activity), "{}", envelope.message);
        assert!(!String::from_utf8_lossy(&body).contains("hunter2"));
    }

    #[test]
    fn no_route_is_there_twice_and_every_template_builds() {
        let table = table();
        let all: BTreeSet<_> = table.iter().map(|r| (r.method, r.template)).collect();
        assert_eq!(all.len(), table.len());
        let mut router = Router::<App>::new();
        for route in table {
            let path = route.template.trim_start_matches('/');
            router = router.route(&format!("/{path}"), (route.handler)());
        }
    }

    #[test]
    fn only_signing_in_is_anonymous_and_only_jobs_need_signatures() {
        let of = |auth: Auth| -> Vec<_> {
            let table = table();
            table
                .iter()
                .filter(|route| route.auth == auth)
                .map(|route| route.template)
                .collect()
        };
        assert_eq!(
            of(Auth::Anonymous),
            [
                paths::coffer::SIGN_IN,
                paths::coffer::SIGN_IN_PASSWORD,
                paths::coffer::NEW_PASSWORD
            ]
        );
        // Pages, and nothing else, go by cookies: what is not the API. Only those for signing in are open to nobody, and
        // what says nothing of what is here: the reference of the API, and what pages look like.
        assert!(table().iter().all(|route| {
            !route.template.contains("_apis")
                == matches!(route.auth, Auth::Page | Auth::Entry | Auth::Open)
        }));
        assert!(table().iter().all(|route| {
            let open = ["/docs/", "/assets/"];
            (route.auth == Auth::Open) == open.iter().any(|it| route.template.starts_with(it))
                && (route.auth != Auth::Open || route.method == "GET")
        }));
        assert!(
            table()
                .iter()
                .all(|route| !route.streams || route.auth == Auth::Page)
        );
        assert!(
            of(Auth::Entry)
                .iter()
                .all(|template| template.starts_with("/signin"))
        );
        assert!(
            of(Auth::Agent)
                .iter()
                .all(|template| template.contains("{agentId}"))
        );
        assert!(
            !of(Auth::Token)
                .iter()
                .any(|template| template.contains("{agentId}"))
        );
    }

    #[test]
    fn routes_of_the_original_expand_from_their_location() {
        for route in table() {
            let Some(location) = route.location else {
                continue;
            };
            let expanded = location
                .template
                .replace("{*", "{")
                .replace("{area}", location.area)
                .replace("{resource}", location.resource)
                .to_lowercase();
            // A client drops the last placeholder when it has no value for it.
            let parent = expanded.rsplit_once('/').map_or("", |(parent, _)| parent);
            let parents = [
                expanded.as_str(),
                parent,
                parent.rsplit_once('/').map_or("", |p| p.0),
            ];
            let served = route.template.to_lowercase();
            assert!(
                parents.contains(&served.as_str()),
                "{served} is not {expanded}"
            );
        }
    }
}
