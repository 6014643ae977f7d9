//! The one table of routes: builds the router, answers `OPTIONS`, and can be listed.

use crate::App;
use crate::ado::location::Location;
use crate::ado::{builds, location, permissions, pipelines, secure_files};
use crate::answer::{Template, finish};
use crate::auth::{Auth, Guard, guard};
use crate::body::{FEED_LIMIT, JSON_LIMIT};
use crate::coffer::{agents, audit, projects, sign_in, tokens, users};
use crate::error::ApiError;
use crate::linger::linger;
use crate::normalize::Normalizer;
use crate::{RouteInfo, pages};
use axum::Router;
use axum::extract::{OriginalUri, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, get, on};
use coffer_wire::paths;
use http::Uri;
use http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;
use std::any::Any;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// A row of the table.
pub(crate) struct Route {
    method: &'static str,
    template: &'static str,
    auth: Auth,
    /// Largest body, bytes. Uploads have a limit of their own, in the service.
    limit: usize,
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

    fn signed(mut self) -> Self {
        self.auth = Auth::Agent;
        self
    }

    fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }
}

macro_rules! route {
    ($method:ident $template:expr, $handler:expr) => {
        Route {
            method: stringify!($method),
            template: $template,
            auth: Auth::Token,
            limit: JSON_LIMIT,
            location: None,
            handler: || on(MethodFilter::$method, $handler),
        }
    };
}

/// Every route below the organization's URL. Without a word, a route wants a token.
pub(crate) fn table() -> Vec<Route> {
    let mut table = compatible();
    table.extend(ours());
    table
}

fn compatible() -> Vec<Route> {
    use location::{
        BUILDS, CONNECTION_DATA, LOGS, PERMISSIONS, PIPELINES, PREVIEW, RESOURCE_AREAS, RUNS,
        SECURE_FILES, TIMELINE,
    };
    vec![
        route!(OPTIONS paths::location::ROOT, location::all),
        route!(OPTIONS paths::location::AREA, location::area),
        route!(GET paths::location::RESOURCE_AREAS, location::resource_areas).at(&RESOURCE_AREAS),
        route!(GET paths::location::RESOURCE_AREA, location::resource_area).at(&RESOURCE_AREAS),
        route!(GET paths::location::CONNECTION_DATA, location::connection_data)
            .at(&CONNECTION_DATA),
        route!(GET paths::secure_files::COLLECTION, secure_files::list).at(&SECURE_FILES),
        route!(POST paths::secure_files::COLLECTION, secure_files::post).at(&SECURE_FILES),
        route!(PATCH paths::secure_files::COLLECTION, secure_files::update_many).at(&SECURE_FILES),
        route!(GET paths::secure_files::ITEM, secure_files::get).at(&SECURE_FILES),
        route!(PATCH paths::secure_files::ITEM, secure_files::update).at(&SECURE_FILES),
        route!(DELETE paths::secure_files::ITEM, secure_files::delete).at(&SECURE_FILES),
        route!(PATCH paths::permissions::COLLECTION, permissions::change_many).at(&PERMISSIONS),
        route!(GET paths::permissions::ITEM, permissions::get).at(&PERMISSIONS),
        route!(PATCH paths::permissions::ITEM, permissions::change).at(&PERMISSIONS),
        route!(GET paths::pipelines::COLLECTION, pipelines::list).at(&PIPELINES),
        route!(POST paths::pipelines::COLLECTION, pipelines::create).at(&PIPELINES),
        route!(GET paths::pipelines::ITEM, pipelines::get).at(&PIPELINES),
        route!(PUT paths::pipelines::ITEM, pipelines::update).at(&PIPELINES),
        route!(GET paths::pipelines::RUNS, pipelines::runs).at(&RUNS),
        route!(POST paths::pipelines::RUNS, pipelines::start).at(&RUNS),
        route!(GET paths::pipelines::RUN, pipelines::run).at(&RUNS),
        route!(POST paths::pipelines::PREVIEW, pipelines::preview).at(&PREVIEW),
        route!(GET paths::builds::COLLECTION, builds::list).at(&BUILDS),
        route!(GET paths::builds::ITEM, builds::get).at(&BUILDS),
        route!(PATCH paths::builds::ITEM, builds::update).at(&BUILDS),
        route!(GET paths::builds::TIMELINE, builds::timeline).at(&TIMELINE),
        route!(GET paths::builds::TIMELINE_ITEM, builds::timeline_by_id).at(&TIMELINE),
        route!(GET paths::builds::LOGS, builds::logs).at(&LOGS),
        route!(GET paths::builds::LOG, builds::log).at(&LOGS),
    ]
}

fn ours() -> Vec<Route> {
    vec![
        route!(POST paths::coffer::SIGN_IN, sign_in::first).anonymous(),
        route!(GET paths::coffer::USERS, users::list),
        route!(POST paths::coffer::USERS, users::add),
        route!(GET paths::coffer::TOKENS, tokens::list),
        route!(POST paths::coffer::TOKENS, tokens::create),
        route!(DELETE paths::coffer::TOKEN, tokens::revoke),
        route!(GET paths::coffer::PROJECTS, projects::list),
        route!(POST paths::coffer::PROJECTS, projects::create),
        route!(GET paths::coffer::AUDIT, audit::page),
        route!(GET paths::coffer::AUDIT_VERIFY, audit::verify),
        route!(POST paths::agent::REGISTER, agents::register),
        route!(POST paths::agent::LEASE, agents::lease).signed(),
        route!(POST paths::agent::RENEW, agents::renew).signed(),
        route!(POST paths::agent::FEED, agents::feed)
            .signed()
            .limit(FEED_LIMIT),
        route!(POST paths::agent::FINISH, agents::finish).signed(),
    ]
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
        .route("/", get(pages::about))
        .route("/healthz", get(pages::health));
    for route in table {
        let guarded = Guard {
            app: app.clone(),
            auth: route.auth,
            limit: route.limit,
            template: route.template,
        };
        let handler = (route.handler)().route_layer(from_fn_with_state(guarded, guard));
        inner = inner.route(&format!("/{}", route.template), handler);
    }
    Router::new()
        .fallback_service(inner.with_state(app.clone()))
        .layer(from_fn_with_state(normalizer, canonical_path))
        .layer(from_fn_with_state(app, linger))
        .layer(CatchPanicLayer::custom(panicked))
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
    if percent_decode_str(query).decode_utf8().is_err() {
        return ApiError::argument("The query is not valid UTF-8.").into_response();
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
    use std::collections::BTreeSet;

    #[test]
    fn no_route_is_there_twice_and_every_template_builds() {
        let table = table();
        let all: BTreeSet<_> = table.iter().map(|r| (r.method, r.template)).collect();
        assert_eq!(all.len(), table.len());
        let mut router = Router::<App>::new();
        for route in table {
            router = router.route(&format!("/{}", route.template), (route.handler)());
        }
    }

    #[test]
    fn only_the_first_sign_in_is_anonymous_and_only_jobs_need_signatures() {
        let of = |auth: Auth| -> Vec<_> {
            let table = table();
            table
                .iter()
                .filter(|route| route.auth == auth)
                .map(|route| route.template)
                .collect()
        };
        assert_eq!(of(Auth::Anonymous), [paths::coffer::SIGN_IN]);
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
