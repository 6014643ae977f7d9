//! The HTTP server: routes, extractors, and the one mapping from errors to the envelope.
//!
//! A request passes, in this order: [`answer`] (ids, headers, errors, access log), the catcher of panics, [`linger`]
//! (refused bodies are read to their end), [`normalize`] (one spelling per path), the table of [`routes`] and the guard
//! of [`auth`]. Then a handler parses, calls one use case of the service and converts what comes back.
//!
//! This crate knows neither database nor keys: it cannot skip a use case.

mod ado;
mod answer;
mod auth;
mod bare;
mod body;
mod coffer;
mod connection;
mod cookies;
mod disposition;
mod error;
mod form;
mod forwarded;
mod linger;
mod mistakes;
mod normalize;
mod openapi;
mod options;
mod pages;
mod params;
mod routes;
mod serve;
mod sound;
mod strict;
mod tls;
mod urls;
mod version;

pub use forwarded::{Proxies, ProxiesError};
pub use options::{Limits, Options};
pub use serve::{ServeError, serve};
pub use tls::{Pair, PairError, Tls};

use axum::Router;
use coffer_service::Service;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A route, as lists of them show it: for tests and documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    /// The method.
    pub method: &'static str,
    /// Template from [`coffer_wire::paths`], relative to the organization's URL; one that begins with a slash (a page that
    /// belongs to no project) is relative to the server's.
    pub template: &'static str,
    /// `anonymous`, `token`, `agent signature`, `session`, `sign-in form` or `open page`.
    pub authentication: &'static str,
    /// Id of its resource location, where the original has one.
    pub location: Option<&'static str>,
}

impl RouteInfo {
    /// Whether it is a page for browsers, and no part of the API.
    pub fn is_page(&self) -> bool {
        !matches!(
            self.authentication,
            "anonymous" | "token" | "agent signature"
        )
    }
}

/// Every route.
pub fn route_list() -> Vec<RouteInfo> {
    routes::table().iter().map(routes::Route::info).collect()
}

/// The OpenAPI document of everything below the organization's URL, its address not filled in.
pub fn openapi() -> serde_json::Value {
    openapi::document().clone()
}

/// The whole server as a tower service, without connections: for tests.
///
/// # Errors
/// When the options contradict themselves.
pub fn router(service: Service, options: &Options) -> Result<Router, ServeError> {
    Ok(routes::router(app(
        service,
        options,
        CancellationToken::new(),
    )?))
}

fn app(service: Service, options: &Options, stop: CancellationToken) -> Result<App, ServeError> {
    let urls = urls::Urls::new(options, &service.organization().name)?;
    Ok(App(Arc::new(State {
        service,
        limits: options.limits,
        proxies: options.proxies.clone(),
        tls: options.tls.is_some(),
        strict_version: options.strict_api_version,
        urls,
        stop,
    })))
}

/// What every handler can reach.
#[derive(Clone)]
struct App(Arc<State>);

struct State {
    service: Service,
    limits: Limits,
    proxies: Proxies,
    /// Whether the server itself speaks TLS.
    tls: bool,
    strict_version: bool,
    urls: urls::Urls,
    stop: CancellationToken,
}

impl std::ops::Deref for App {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}
